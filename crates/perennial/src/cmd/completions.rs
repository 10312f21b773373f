//! `perennial completions`.

use anyhow::{Result, bail};
use clap::{CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

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
    pub fn run(&self, _context: &Context) -> Result<Exit> {
        let Ok(shell) = Shell::from_str(&self.shell, true) else {
            bail!("no completions for {:?}; there are bash, zsh, fish, elvish and powershell", self.shell);
        };
        generate(shell, &mut CommandLine::command(), "perennial", &mut std::io::stdout());
        Ok(Exit::Done)
    }
}
