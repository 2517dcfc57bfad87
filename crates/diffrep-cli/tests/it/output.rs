//! Where results go.
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
