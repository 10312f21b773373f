//! The command line: one file a command; this one is the list and what they share.

mod audit;
mod check;
mod completions;
mod config;
mod customer;
mod demo;
mod fit;
mod import;
mod init;
mod models;
mod predict;
mod report;
mod run;
mod score;
mod serve;
mod simulate;
mod train;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

pub use self::models::table as models_table;
use crate::config::load;
use crate::progress::Progress;

/// Customer lifecycle engine for online shops: from a shop's files to every customer's future.
#[derive(Parser, Debug)]
#[command(name = "perennial", version, after_help = AFTER_HELP)]
pub struct CommandLine {
    #[command(flatten)]
    pub context: Context,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "Start with:  perennial demo\n\
Your data:   perennial init shop && perennial import --shop shop PATH… && perennial run --shop shop\n\
Exit codes:  0 done, 1 failed, 2 wrong usage or settings, 3 a gate refused";

/// What every command takes.
#[derive(Args, Debug, Clone)]
pub struct Context {
    /// The shop's folder.
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    pub shop: PathBuf,
    /// Print JSON for machines instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress bars.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say on stderr how long every step took.
    #[arg(long, global = true)]
    pub timings: bool,
    /// Language of the output; the shop's own by default.
    #[arg(long, global = true, value_enum)]
    pub lang: Option<Language>,
    /// Override one setting for this call, for example --set learn.horizon_days=60.
    #[arg(long, global = true, value_name = "SECTION.NAME=VALUE")]
    pub set: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    En,
    Zh,
}

impl Language {
    /// The words of this language.
    #[must_use]
    pub fn of<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

impl Context {
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { quiet: self.quiet || self.json, timings: self.timings }
    }

    /// The language to speak, given the shop's own.
    #[must_use]
    pub fn language(&self, shop_language: &str) -> Language {
        if self.speaks_zh(shop_language) { Language::Zh } else { Language::En }
    }

    /// Whether to speak Chinese, given the shop's own language.
    #[must_use]
    pub fn speaks_zh(&self, shop_language: &str) -> bool {
        self.lang.map_or(shop_language == "zh", |language| language == Language::Zh)
    }

    /// The language to speak where a command needs no shop: English unless asked otherwise.
    #[must_use]
    pub fn language_without_shop(&self) -> Language {
        self.language("en")
    }

    /// The language to speak about the shop in the folder that the command line names.
    pub fn language_of_shop(&self) -> Result<Language> {
        Ok(self.language(&crate::shop::load_settings(self)?.settings.shop.language))
    }

    /// The same call on another shop.
    #[must_use]
    pub fn on(&self, shop: PathBuf) -> Self {
        Self { shop, ..self.clone() }
    }

    /// Print a result: JSON for machines, else the text.
    pub fn print<T: Serialize>(&self, result: &T, text: impl FnOnce() -> String) -> Result<()> {
        let output = if self.json { serde_json::to_string_pretty(result)? } else { text() };
        say(&output)
    }
}

/// A text on stdout. A reader that went away (`| head`) is no failure; a full disk is one.
fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

/// A line on stderr. Where nobody can read it there is nobody to tell of that.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Why a gate should open, for the command line: it is recorded, so it must say something.
fn reason(text: &str) -> Result<String, String> {
    let why = text.trim();
    if why.is_empty() { Err("say why the gate should open; the reason is recorded".to_owned()) } else { Ok(why.to_owned()) }
}

/// What was asked for cannot be asked for: a word that is none of those allowed. Exit code 2, as for the parser's own refusals.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// A gate refused; the output says which and why.
    Refused,
    /// What was checked is not in order; the output says where.
    Faulty,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Faulty => 1,
            Exit::Refused => 3,
        })
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Simulate(simulate::Simulate),
    Import(import::Import),
    Check(check::Check),
    Train(train::Train),
    Models(models::Models),
    Promote(models::Promote),
    Rollback(models::Rollback),
    Score(score::Score),
    Report(report::Report),
    Customer(customer::Customer),
    Run(run::Run),
    Fit(fit::Fit),
    Predict(predict::Predict),
    Serve(serve::Serve),
    Audit(audit::Audit),
    Config(config::Config),
    Completions(completions::Completions),
}

impl CommandLine {
    pub fn run(&self) -> Result<Exit> {
        let context = &self.context;
        // A mistyped setting is an error also where the command reads none.
        load(Path::new(""), &[], &context.set)?;
        match &self.command {
            Command::Demo(command) => command.run(context),
            Command::Init(command) => command.run(context),
            Command::Simulate(command) => command.run(context),
            Command::Import(command) => command.run(context),
            Command::Check(command) => command.run(context),
            Command::Train(command) => command.run(context),
            Command::Models(command) => command.run(context),
            Command::Promote(command) => command.run(context),
            Command::Rollback(command) => command.run(context),
            Command::Score(command) => command.run(context),
            Command::Report(command) => command.run(context),
            Command::Customer(command) => command.run(context),
            Command::Run(command) => command.run(context),
            Command::Fit(command) => command.run(context),
            Command::Predict(command) => command.run(context),
            Command::Serve(command) => command.run(context),
            Command::Audit(command) => command.run(context),
            Command::Config(command) => command.run(context),
            Command::Completions(command) => command.run(context),
        }
    }
}

/// An error on its way out: a sentence for a person, or `{"error": …}` for a machine.
pub fn print_error(error: &anyhow::Error, json: bool) {
    let message = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    if json {
        // The message goes to stderr too, whatever became of stdout.
        let _ = say(&serde_json::json!({ "error": message }).to_string());
    }
    complain(&format!("error: {message}"));
}
