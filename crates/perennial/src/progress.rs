//! Progress on a terminal: what is done, how fast, how long still. Silent where nobody looks.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cmd::complain;

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
    /// Say on stderr how long every step took.
    pub timings: bool,
}

/// A step at work; dropped, it is over.
pub struct Step {
    bar: ProgressBar,
    what: String,
    started: Instant,
    timings: bool,
}

impl Step {
    pub fn set_position(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// The step goes on to its next part.
    pub fn turn_to(&mut self, what: &str) {
        self.tell();
        self.started = Instant::now();
        self.what = what.to_owned();
        self.bar.set_message(self.what.clone());
    }

    fn tell(&self) {
        if self.timings {
            self.bar.suspend(|| complain(&format!("{:>8.2} s  {}", self.started.elapsed().as_secs_f64(), self.what)));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.tell();
        self.bar.finish_and_clear();
    }
}

impl Progress {
    /// A bar from 0 to `total`.
    #[must_use]
    pub fn bar(self, what: &str, total: u64, unit: Unit) -> Step {
        if self.quiet {
            return self.step(ProgressBar::hidden(), what);
        }
        let numbers = match unit {
            Unit::Bytes => "{bytes}/{total_bytes} {bytes_per_sec}",
            Unit::Rows => "{human_pos}/{human_len} {per_sec}",
        };
        let template = format!("{{msg:<28}} [{{bar:30}}] {numbers} {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.step(bar, what)
    }

    /// A step without a line of its own, for work that goes on beside other work under one bar; only its time is told.
    #[must_use]
    pub fn unseen(self, what: &str) -> Step {
        self.step(ProgressBar::hidden(), what)
    }

    fn step(self, bar: ProgressBar, what: &str) -> Step {
        Step { bar, what: what.to_owned(), started: Instant::now(), timings: self.timings }
    }

    /// A spinner for work whose length is not known.
    #[must_use]
    pub fn spinner(self, what: &str) -> Step {
        if self.quiet {
            return self.step(ProgressBar::hidden(), what);
        }
        let style =
            ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.step(bar, what)
    }
}
