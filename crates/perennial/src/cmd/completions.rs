//! `perennial completions`.

use anyhow::{Result, bail};
use clap::{CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};
use serde_json::json;

use super::{CommandLine, Context, Exit};

/// Print completions for a shell.
///
/// Example: perennial completions bash > perennial.bash
#[derive(clap::Args, Debug)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell.
    shell: String,
}

impl Completions {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let Ok(shell) = Shell::from_str(&self.shell, true) else {
            bail!("no completions for {:?}; there are bash, zsh, fish, elvish and powershell", self.shell);
        };
        // Into memory first: the generator panics where a write fails.
        let mut script = Vec::new();
        generate(shell, &mut CommandLine::command(), "perennial", &mut script);
        let script = String::from_utf8(script)?;
        context.print(&json!({ "shell": shell.to_string(), "script": script }), || script.clone())?;
        Ok(Exit::Done)
    }
}
