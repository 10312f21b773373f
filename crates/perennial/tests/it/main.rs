//! Integration tests of the binary: through the command line, as a user would.

mod commands;
mod fit;
mod imports;
mod kill;
mod main_job;
mod real_data;
mod shop;
mod simulate;
mod tidy;
