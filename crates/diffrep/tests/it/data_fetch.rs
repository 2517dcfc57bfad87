//! Downloads, against a local server that misbehaves.
use diffrep::data::{
    DataError,
    fetch::{Fetchable, PublishedFile, fetch, find},
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// `printf 0123456789abcdefghijklmnopqrstuvwxyz | md5sum`
const MD5: &str = "e9b1713db620f1e3a14b6812de523f4b";
const SET: Fetchable =
    Fetchable { name: "tiny", about: "", base: "", files: &[PublishedFile { name: "tiny.bin", md5: MD5 }] };

/// How the server answers a request that begins at this byte.
type Answer = fn(&mut TcpStream, Option<usize>);

/// Answers each request by the next of `answers`, the last again and again; tells the ranges asked for.
fn serve(answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<Option<usize>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let range = head.iter().find_map(|line| {
                line.to_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()
            });
            log.lock().unwrap().push(range);
            answers[number.min(answers.len() - 1)](&mut stream, range);
        }
    });
    (address, asked)
}

fn whole(stream: &mut TcpStream, from: Option<usize>) {
    let (status, from) = from.map_or(("200 OK", 0), |from| ("206 Partial Content", from));
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", CONTENT.len() - from);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&CONTENT[from..]).unwrap();
}

/// Promises everything that is missing and sends ten bytes.
fn broken(stream: &mut TcpStream, from: Option<usize>) {
    let (status, from) = from.map_or(("200 OK", 0), |from| ("206 Partial Content", from));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", CONTENT.len() - from);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&CONTENT[from..(from + 10).min(CONTENT.len())]).unwrap();
}

fn without_ranges(stream: &mut TcpStream, _: Option<usize>) {
    whole(stream, None);
}

fn not_found(stream: &mut TcpStream, _: Option<usize>) {
    stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
}

fn silent(_: &mut TcpStream, _: Option<usize>) {}

fn other_content(stream: &mut TcpStream, _: Option<usize>) {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwrong").unwrap();
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let (address, asked) = serve(vec![broken, broken, whole]);
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    let paths = fetch(&SET, folder.path(), Some(&address), &mut |progress| last = progress.done).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), CONTENT);
    assert_eq!(*asked.lock().unwrap(), [None, Some(10), Some(20)]);
    assert_eq!(last, CONTENT.len() as u64);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_later_call_goes_on_with_what_an_earlier_one_left() {
    let (address, asked) = serve(vec![whole]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiny.bin.partial"), &CONTENT[..15]).unwrap();
    let paths = fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), CONTENT);
    assert_eq!(*asked.lock().unwrap(), [Some(15)]);
}

#[test]
fn a_server_without_ranges_is_asked_for_everything() {
    let (address, _) = serve(vec![broken, without_ranges]);
    let folder = tempfile::tempdir().unwrap();
    let paths = fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), CONTENT);
}

#[test]
fn a_whole_file_is_not_fetched_again_and_a_foreign_one_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.bin");
    fs::write(&path, CONTENT).unwrap();
    let (address, asked) = serve(vec![whole]);
    fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap();
    assert!(asked.lock().unwrap().is_empty());
    fs::write(&path, "mine").unwrap();
    let error = fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap_err();
    assert!(matches!(&error, DataError::Checksum { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn wrong_content_is_refused_and_not_kept() {
    let (address, _) = serve(vec![other_content]);
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("tiny.bin: MD5 checksum") && error.contains(MD5), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_refusal_and_a_dead_server_are_one_line_with_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = serve(vec![not_found]);
    let error = fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap_err().to_string();
    assert_eq!(error, format!("{address}/tiny.bin: the server answers 404 Not Found"));
    let (address, asked) = serve(vec![silent]);
    fs::write(folder.path().join("tiny.bin.partial"), &CONTENT[..15]).unwrap();
    let error = fetch(&SET, folder.path(), Some(&address), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("15 bytes are kept"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

// DETAILS.md, "Checksums (MD5) of published files".
#[test]
fn the_published_checksums_are_those_of_the_design() {
    assert_eq!(find("cifar10").unwrap().files[0].md5, "c32a1d4ab5d03f1284b67883e8d87530");
    assert_eq!(find("cifar100").unwrap().files[0].md5, "03b5dce01913d631647c71ecec9e9cb8");
    assert_eq!(find("mnist").unwrap().files[2].md5, "9fb629c4189551a2d022fa330f9573f3");
    assert!(find("imagenet").is_none());
}
