//! One file over HTTP: resumed where it broke off, kept only if its checksum is right.
use crate::data::DataError;
use md5::{Digest, Md5};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use ureq::{Agent, http::header};

/// Attempts in a row that bring no byte before giving up.
const IDLE_ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(30);
const BUFFER: usize = 1 << 16;
const PARTIAL_CONTENT: u16 = 206;
const RANGE_NOT_SATISFIABLE: u16 = 416;

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file.
    pub path: PathBuf,
    /// Bytes on disk.
    pub done: u64,
    /// Bytes in all, if the server says so.
    pub total: Option<u64>,
}

/// Brings `url` to `path`. What has arrived lies in `path`.partial until the file is whole.
pub(super) fn download(
    url: &str,
    path: &Path,
    md5: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), DataError> {
    if path.is_file() {
        // A file of this name with other content is not ours to replace.
        return verify(path, path, md5);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(TIMEOUT));
    let agent = config.timeout_per_read(Some(TIMEOUT)).build().new_agent();
    let mut idle = 0;
    loop {
        let before = size(&partial);
        match attempt(&agent, url, path, &partial, progress) {
            Ok(()) => break,
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Broken(reason)) => {
                idle = if size(&partial) > before { 0 } else { idle + 1 };
                if idle == IDLE_ATTEMPTS {
                    let reason = format!("{reason} ({} bytes are kept; run again to go on)", size(&partial));
                    return Err(DataError::Download { url: url.to_owned(), reason });
                }
                std::thread::sleep(PAUSE * idle);
            }
        }
    }
    if let Err(error) = verify(&partial, path, md5) {
        // Nothing to go on from: the next attempt starts afresh.
        std::fs::remove_file(&partial).map_err(DataError::io(&partial))?;
        return Err(error);
    }
    std::fs::rename(&partial, path).map_err(DataError::io(path))
}

enum Failure {
    /// Another attempt may help.
    Broken(String),
    Final(DataError),
}

/// One request for what is missing.
fn attempt(
    agent: &Agent,
    url: &str,
    path: &Path,
    partial: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    let on_disk = |error| Failure::Final(DataError::Io { path: partial.to_owned(), reason: error });
    let mut done = size(partial);
    let mut request = agent.get(url);
    if done > 0 {
        request = request.header(header::RANGE, format!("bytes={done}-"));
    }
    let response = request.call().map_err(|error| Failure::Broken(error.to_string()))?;
    let status = response.status();
    if status.as_u16() == RANGE_NOT_SATISFIABLE && done > 0 {
        // Nothing is missing, or what is there is too long: the checksum will tell.
        return Ok(());
    }
    if status.is_server_error() {
        return Err(Failure::Broken(format!("the server answers {status}")));
    }
    if !status.is_success() {
        let reason = format!("the server answers {status}");
        return Err(Failure::Final(DataError::Download { url: url.to_owned(), reason }));
    }
    // A server that knows no ranges sends everything again.
    let goes_on = status.as_u16() == PARTIAL_CONTENT;
    done = if goes_on { done } else { 0 };
    let total = response.body().content_length().map(|length| length + done);
    let mut options = OpenOptions::new();
    let options = if goes_on { options.append(true) } else { options.write(true).truncate(true) };
    let mut file = options.create(true).open(partial).map_err(on_disk)?;
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER];
    loop {
        progress(Progress { path: path.to_owned(), done, total });
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                file.write_all(&buffer[..count]).map_err(on_disk)?;
                done += count as u64;
            }
            Err(error) => return Err(Failure::Broken(format!("the connection broke: {error}"))),
        }
    }
    file.sync_all().map_err(on_disk)?;
    match total {
        Some(total) if done < total => {
            Err(Failure::Broken(format!("the connection broke at {done} of {total} bytes")))
        }
        _ => Ok(()),
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Checks the content of `file`, which `name` stands for in the message.
fn verify(file: &Path, name: &Path, expected: &str) -> Result<(), DataError> {
    let mut reader = File::open(file).map_err(DataError::io(file))?;
    let (mut hash, mut buffer) = (Md5::new(), vec![0; BUFFER]);
    loop {
        let count = reader.read(&mut buffer).map_err(DataError::io(file))?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected {
        return Ok(());
    }
    Err(DataError::Checksum { path: name.to_owned(), found, expected: expected.to_owned() })
}
