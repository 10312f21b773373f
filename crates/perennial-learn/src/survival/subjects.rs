//! Whom the survival models look at: how long each was watched, whether it happened then, and what else is known.

use perennial_contract::Table;
use perennial_contract::estimator::FitError;

use crate::covariates;
pub use crate::covariates::Scales;

pub const DURATION: &str = "duration";
pub const EVENT: &str = "event";

/// How long, and did it happen? Checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Lives {
    duration: Vec<f64>,
    event: Vec<bool>,
}

impl Lives {
    /// `event` is 1 where it happened at the end of `duration`, 0 where watching only ended.
    pub fn new(duration: Vec<f64>, event: &[f64]) -> Result<Self, FitError> {
        if duration.len() != event.len() {
            return Err(refused(format!("{} durations but {} events; give one for each row", duration.len(), event.len())));
        }
        for (row, (duration, event)) in duration.iter().zip(event).enumerate() {
            let row = row + 1;
            if !(duration.is_finite() && *duration >= 0.0) {
                return Err(refused(format!("row {row}: {DURATION} is {duration}, allowed are numbers from 0; mend the row")));
            }
            if *event != 0.0 && *event != 1.0 {
                return Err(refused(format!(
                    "row {row}: {EVENT} is {event}, allowed are 1 (it happened) and 0 (not while watched); mend the row"
                )));
            }
        }
        if duration.len() < 2 {
            return Err(refused(format!("{} rows carry no survival model; at least 2 are needed", duration.len())));
        }
        let lives = Self { duration, event: event.iter().map(|event| *event == 1.0).collect() };
        if lives.events() == 0 {
            return Err(refused(format!("{EVENT} is 0 on all {} rows: it never happened, so nothing says when", lives.rows())));
        }
        if lives.pairs().all(|(duration, event)| !event || duration == 0.0) {
            return Err(refused(format!(
                "every event has {DURATION} 0, so nobody was seen before it; count {DURATION} from the start of the watch"
            )));
        }
        Ok(lives)
    }

    pub fn from_table(table: &Table) -> Result<Self, FitError> {
        Self::new(table.f64s(DURATION)?, &table.f64s(EVENT)?)
    }

    /// Some of the rows; unlike the whole they may hold no event.
    #[must_use]
    pub fn take(&self, rows: impl Iterator<Item = usize> + Clone) -> Self {
        Self { duration: rows.clone().map(|row| self.duration[row]).collect(), event: rows.map(|row| self.event[row]).collect() }
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.duration.len()
    }

    #[must_use]
    pub fn events(&self) -> usize {
        self.event.iter().filter(|event| **event).count()
    }

    #[must_use]
    pub fn duration(&self) -> &[f64] {
        &self.duration
    }

    #[must_use]
    pub fn event(&self) -> &[bool] {
        &self.event
    }

    pub fn pairs(&self) -> impl Iterator<Item = (f64, bool)> + '_ {
        self.duration.iter().copied().zip(self.event.iter().copied())
    }

    /// Row numbers by duration, events before the censored of the same duration, then as they stood.
    #[must_use]
    pub fn by_duration(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.rows() as u32).collect();
        let key = |row: &u32| (self.duration[*row as usize], !self.event[*row as usize]);
        order.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
        });
        order
    }
}

/// Lives with covariates.
#[derive(Clone, Debug, PartialEq)]
pub struct Subjects {
    pub lives: Lives,
    pub names: Vec<String>,
    /// Row-major, `rows × names`.
    pub covariates: Vec<f64>,
}

impl Subjects {
    /// Every column beside `duration` and `event` is a covariate, and must be a number.
    pub fn from_table(table: &Table) -> Result<Self, FitError> {
        let lives = Lives::from_table(table)?;
        let names: Vec<String> = table.names().filter(|name| ![DURATION, EVENT].contains(name)).map(str::to_owned).collect();
        let mut covariates = vec![0.0; lives.rows() * names.len()];
        for (at, name) in names.iter().enumerate() {
            for (row, value) in table.f64s(name)?.into_iter().enumerate() {
                covariates[row * names.len() + at] = value;
            }
        }
        Self::new(lives, names, covariates)
    }

    pub fn new(lives: Lives, names: Vec<String>, covariates: Vec<f64>) -> Result<Self, FitError> {
        if names.is_empty() {
            return Err(refused(format!(
                "no covariate: beside {DURATION} and {EVENT} at least one column of numbers is needed; without one use kaplan_meier"
            )));
        }
        if covariates.len() != lives.rows() * names.len() {
            return Err(refused(format!("{} values for {} rows × {} covariates", covariates.len(), lives.rows(), names.len())));
        }
        covariates::refuse_not_finite(&names, &covariates)?;
        Ok(Self { lives, names, covariates })
    }

    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len()
    }

    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.covariates[row * self.width()..(row + 1) * self.width()]
    }

    /// Enough events for so many coefficients: ten, and two for each.
    pub fn carries(&self, model: &str) -> Result<(), FitError> {
        let (events, needed) = (self.lives.events(), (2 * self.width()).max(10));
        if events < needed {
            return Err(refused(format!(
                "{events} events carry no {model} model with {} covariates; at least {needed} are needed, or fewer covariates",
                self.width()
            )));
        }
        Ok(())
    }

    /// Covariates less their mean in units of their standard deviation; constant columns and columns that follow from others are refused.
    pub fn standardised(&self) -> Result<(Vec<f64>, Scales), FitError> {
        covariates::standardised(&self.names, &self.covariates)
    }
}

pub(super) fn refused(why: String) -> FitError {
    FitError::Refused(why)
}
