use diffrep_kernels::InstructionSet;
use std::process::Command;

/// All tests of this program again, once for each instruction set that the processor has.
#[test]
#[cfg_attr(miri, ignore = "starts processes")]
fn every_instruction_set_passes_the_same_tests() {
    if std::env::var("DIFFREP_SIMD").is_ok() {
        return;
    }
    let program = std::env::current_exe().expect("a test runs from a file");
    for set in InstructionSet::available() {
        let output =
            Command::new(&program).env("DIFFREP_SIMD", set.name()).output().expect("the test program starts");
        assert!(output.status.success(), "{}: {}", set.name(), String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_environment_forces_an_instruction_set() {
    if let Ok(name) = std::env::var("DIFFREP_SIMD") {
        assert_eq!(InstructionSet::current().name(), name);
    } else {
        assert_eq!(InstructionSet::current(), InstructionSet::available()[0]);
    }
}
