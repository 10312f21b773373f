//! The `perennial` binary: from a shop's files to every customer's future.

mod access;
mod api;
mod audit;
mod cmd;
mod config;
mod http;
mod live;
mod page;
mod pipeline;
mod progress;
mod registry;
mod report;
mod shop;
mod simulate;

use std::process::ExitCode;

use clap::Parser;
use perennial_contract::source::SourceError;
use perennial_lake::lake::LakeError;

/// The engine and the lake allocate many small buffers on two threads; the system allocator costs a fifth more time here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 3: a gate refused; 2: wrong usage or settings; 1: anything else.
fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(registry::RegistryError::Gate(_)) = error.downcast_ref() {
        return 3;
    }
    if let Some(LakeError::Settings { .. }) = error.downcast_ref() {
        return 2;
    }
    if let Some(SourceError::Mapping { .. }) = error.downcast_ref() {
        return 2;
    }
    if error.is::<config::SettingsError>() || error.is::<cmd::UsageError>() { 2 } else { 1 }
}

fn main() -> ExitCode {
    let line = cmd::CommandLine::parse();
    match line.run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            cmd::print_error(&error, line.context.json);
            ExitCode::from(exit_code(&error))
        }
    }
}
