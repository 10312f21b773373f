//! Progress on a terminal: what is done, how fast, how long still. Silent where nobody looks.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// What the numbers of a bar count.
#[derive(Clone, Copy)]
pub enum Unit {
    Bytes,
    Rows,
}

/// Makes the bars of one command; hidden ones when quiet (indicatif hides them by itself when stderr is no terminal).
#[derive(Clone, Copy)]
pub struct Progress {
    pub quiet: bool,
}

impl Progress {
    /// A bar from 0 to `total`.
    #[must_use]
    pub fn bar(self, what: &str, total: u64, unit: Unit) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let numbers = match unit {
            Unit::Bytes => "{bytes}/{total_bytes} {bytes_per_sec}",
            Unit::Rows => "{human_pos}/{human_len} {per_sec}",
        };
        let template = format!("{{msg:<28}} [{{bar:30}}] {numbers} {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// A spinner for work whose length is not known.
    #[must_use]
    pub fn spinner(self, what: &str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let style =
            ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}
