//! Running the command as a user does.
use diffrep::nn::parameters::Layout;
use diffrep::random::Seed;
use diffrep::train::checkpoint::{self, State, Which};
use diffrep::train::{RunError, RunFolder};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Settings of networks that train in milliseconds.
const TINY: &str = r#"
preset = "digits"
[encoder]
depth = 10
width = 1
[ncsnpp]
features = 4
multipliers = [1]
blocks = 1
dropout = 0.1
[train]
batch = 4
[monitor]
every = 5
held_out = 8
reference = 32
"#;

/// A temporary folder with the tiny settings in it.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A folder `name` of 8×8 pictures in two classes, `dark` and `light`, so many of each.
    pub fn pictures(&self, name: &str, of_each: u8) -> PathBuf {
        let folder = self.path(name);
        for (class, light) in [("dark", 20), ("light", 200)] {
            std::fs::create_dir_all(folder.join(class)).unwrap();
            for number in 0..of_each {
                let picture =
                    image::GrayImage::from_fn(8, 8, |x, y| image::Luma([light + number + (x * y) as u8 / 2]));
                picture.save(folder.join(class).join(format!("{number}.png"))).unwrap();
            }
        }
        folder
    }

    /// `diffrep train` on the digits with tiny networks into `run`, with further arguments.
    pub fn train(&self, run: &str, arguments: &[&str]) -> Command {
        self.train_on(Path::new("digits"), run, arguments)
    }

    /// The same on other data.
    pub fn train_on(&self, data: &Path, run: &str, arguments: &[&str]) -> Command {
        let mut command = diffrep(&["train", "--json", "--quiet"]);
        command.arg("--data").arg(data);
        command.arg("--config").arg(self.path("tiny.toml")).arg("--out").arg(self.path(run)).args(arguments);
        command
    }
}

pub fn diffrep(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diffrep"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command that must succeed and returns its JSON.
pub fn succeed(mut command: Command) -> serde_json::Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a command that must fail as users are told to expect: one line, exit code 2. Returns the line.
pub fn fail(mut command: Command) -> String {
    refused(&command.output().unwrap())
}

pub fn refused(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}

/// Waits until one of `paths` exists; the process must still run.
pub fn wait_for(paths: &[PathBuf], child: &mut Child) {
    let start = Instant::now();
    while !paths.iter().any(|path| path.exists()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before one of {paths:?} was there");
        assert!(start.elapsed() < Duration::from_secs(60), "none of {paths:?} after a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The state of a checkpoint, loaded as strictly as training does.
pub fn load(run: &Path, which: Which) -> Result<State, RunError> {
    let record = RunFolder::open(run)?.record()?;
    let layout = Layout::of(&record.model.init(Seed(0), &Default::default()).unwrap());
    checkpoint::load_state(run, which, &layout)
}

/// The lines of metrics without what a clock or the machine decides.
pub fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let strip = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in ["images_per_second", "memory_bytes", "seconds", "unix_time"] {
            value.as_object_mut().unwrap().remove(field);
        }
        value
    };
    text.lines().map(strip).collect()
}

/// Images of 8×8 pixels in an array file, the first `step` apart.
pub fn array(path: &Path, step: u8) {
    let pixels: Vec<u8> = (0..40 * 64u32).map(|i| (i % 64) as u8 + (i / 64) as u8 * step).collect();
    let mut bytes = b"\x93NUMPY\x01\0v\0".to_vec();
    bytes.extend(
        format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (40, 8, 8), }").bytes(),
    );
    bytes.extend(pixels);
    std::fs::write(path, bytes).unwrap();
}
