//! Where results go, and what computes them.
use crate::command::{diffrep, fail};
use std::process::{Command, Stdio};

#[test]
fn a_reader_that_has_seen_enough_ends_the_command_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_diffrep"))
        .args(["data", "list", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As `| head -0` does: the pipe is closed before anything is read.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_device_that_is_not_in_the_build_is_refused_before_a_folder_is_made() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_diffrep"))
        .args(["train", "--data", "digits", "--device", "tpu", "--out"])
        .arg(&run)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("`tpu`") && message.contains("cpu"), "{message}");
    assert!(!run.exists());
}

#[test]
fn an_error_says_the_systems_reason_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_diffrep"))
        .args(["train", "--data", "digits", "--out", "/dev/null/run"])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(message.matches("os error").count(), 1, "{message}");
}

#[test]
fn help_and_the_page_of_train_name_every_preset() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/train.md");
    let page = std::fs::read_to_string(path).unwrap();
    let help = ["train", "bench"].map(|command| {
        let output = Command::new(env!("CARGO_BIN_EXE_diffrep")).args([command, "--help"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    for (name, _) in diffrep::train::PRESETS {
        for text in &help {
            let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
            assert!(words.any(|word| word == name), "{name} is missing from:\n{text}");
        }
        assert!(page.contains(&format!("`{name}`")), "{name} is missing from {path}");
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_json_could_not_hold_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = diffrep(&["data", "inspect", "--data"]);
    command.arg(std::ffi::OsStr::from_bytes(b"pictures-\xff"));
    assert!(fail(command).contains("is not UTF-8"));
}
