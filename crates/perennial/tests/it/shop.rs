//! A shop in a temporary folder and the binary to drive it with.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the real data sets are.
pub fn data_set(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PERENNIAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join(name);
    if folder.exists() {
        return Some(folder);
    }
    println!("skipped: no data set {name}");
    None
}

/// A temporary folder that holds a shop.
pub struct TestShop {
    folder: tempfile::TempDir,
}

/// What a command left: exit code, stdout and stderr.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The binary with these arguments, with an empty home.
pub fn perennial(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perennial"));
    command.args(arguments).env_remove("PERENNIAL_SHOP_NAME").env("HOME", "/nonexistent");
    command
}

pub fn run(arguments: &[&str]) -> Ran {
    perennial(arguments).output().expect("the binary starts").into()
}

impl TestShop {
    /// An empty shop; `settings` are `section.name=value`.
    pub fn new(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shop = Self { folder };
        let dir = shop.dir();
        let mut arguments = vec!["init", dir.to_str().expect("a path in UTF-8")];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        run(&arguments).ok();
        shop
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// Run a command on this shop.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the binary starts").into()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = perennial(arguments);
        command.arg("--shop").arg(self.dir());
        command
    }
}
