//! The `perennial` binary: from a shop's files to every customer's future.

mod cmd;
mod config;
mod pipeline;
mod progress;
mod registry;
mod report;
mod shop;
mod simulate;

use std::process::ExitCode;

use clap::Parser;

/// The engine and the lake allocate many small buffers on two threads; the system allocator costs a fifth more time here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = cmd::CommandLine::parse();
    match line.run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            cmd::print_error(&error, line.context.json);
            ExitCode::from(if error.is::<config::SettingsError>() { 2 } else { 1 })
        }
    }
}
