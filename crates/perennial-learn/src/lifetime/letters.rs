//! Parameters as the papers write them, and a fit of them.
//!
//! Assumes  every letter is a number above 0, so that its logarithm can be searched freely.
//! Input    starts and boxes for ln(letter) [N], and the log-likelihood with derivatives by the letters.
//! Output   the letters with standard errors (delta method), or why there is no maximum.
//! Cost     5 to 15 likelihood calls a start; the next start is used only where one finds no maximum.
//! Ref      Nocedal & Wright (2006), Numerical Optimization; the delta method: van der Vaart (1998), Asymptotic Statistics, ch. 3.

use perennial_contract::estimator::{FitError, FitSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::optim::{self, NoMaximum, Point, Search};

/// How far ln(letter) may go from its natural scale before the search says that it runs away: a factor of a million.
pub(super) const LN_FAR: f64 = 13.8;
/// What one more letter must add to the log-likelihood to be told from the model without it: half the 95% point of χ²₁ …
pub(super) const GAIN_MIN_ONE: f64 = 1.92;
/// … and what two must.
pub(super) const GAIN_MIN_TWO: f64 = 3.0;
/// A letter beyond this cannot come from a fit.
pub(super) const LETTER_MAX: f64 = 1e12;

/// A model's parameters by their names.
pub trait Letters: Copy + Sized {
    const MODEL: &'static str;
    const NAMES: &'static [&'static str];
    /// Letters that are chosen among whole numbers, and so have no standard error.
    const CHOSEN: &'static [&'static str] = &[];
    fn values(&self) -> Vec<f64>;
    /// From as many values as there are names; `None` for another number.
    fn from_values(values: &[f64]) -> Option<Self>;

    /// What a letter must be beside a number above 0.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Reads `{"r": …}` or what `perennial fit --json` prints; whatever it holds, the answer is sound parameters or a sentence.
    fn from_json(json: &Value) -> Result<Self, String> {
        if let Some(model) = json.get("model").and_then(Value::as_str)
            && model != Self::MODEL
        {
            return Err(format!("the parameters are those of {model:?}, not of {}", Self::MODEL));
        }
        let letters = json.get("parameters").unwrap_or(json);
        let read = |name: &&str| match letters.get(*name).map(|value| value.as_f64().unwrap_or(f64::NAN)) {
            Some(value) if value > 0.0 && value < LETTER_MAX => Ok(value),
            Some(_) => {
                Err(format!("parameter {name} is {}, allowed are numbers above 0 and below {LETTER_MAX:e}", letters[*name]))
            }
            None => Err(format!("no parameter {name}; {} needs {}", Self::MODEL, Self::NAMES.join(", "))),
        };
        let values = Self::NAMES.iter().map(read).collect::<Result<Vec<f64>, _>>()?;
        let read = Self::from_values(&values).ok_or_else(|| format!("{} needs {}", Self::MODEL, Self::NAMES.join(", ")))?;
        read.check()?;
        Ok(read)
    }
}

/// Implements [`Letters`] for a struct whose fields are the letters.
macro_rules! letters {
    ($type:ty, $model:literal, [$($letter:ident),+]) => {
        impl $crate::lifetime::letters::Letters for $type {
            const MODEL: &'static str = $model;
            const NAMES: &'static [&'static str] = &[$(stringify!($letter)),+];

            fn values(&self) -> Vec<f64> {
                vec![$(self.$letter),+]
            }

            fn from_values(values: &[f64]) -> Option<Self> {
                let &[$($letter),+] = values else { return None };
                Some(Self { $($letter),+ })
            }
        }
    };
}
pub(super) use letters;

/// A fit with the asymptotic standard errors of its letters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit<P> {
    pub parameters: P,
    pub standard_errors: P,
    pub log_likelihood: f64,
    pub rows: usize,
}

impl<P: Letters> Fit<P> {
    #[must_use]
    pub fn summary(&self) -> FitSummary {
        let map = |letters: &P| -> Map<String, Value> {
            P::NAMES.iter().zip(letters.values()).map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect()
        };
        let mut standard_errors = map(&self.standard_errors);
        standard_errors.retain(|name, _| !P::CHOSEN.contains(&name.as_str()));
        FitSummary {
            model: P::MODEL.to_owned(),
            parameters: map(&self.parameters),
            standard_errors,
            log_likelihood: self.log_likelihood,
            rows: self.rows,
            extra: Map::new(),
        }
    }
}

/// Where the letters are most likely, and how surely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<const N: usize> {
    pub letters: [f64; N],
    pub errors: [f64; N],
    /// Of the logarithms of the letters.
    pub covariance: [[f64; N]; N],
    pub value: f64,
}

impl<const N: usize> Found<N> {
    pub fn fit<P: Letters>(&self, rows: usize) -> Result<Fit<P>, FitError> {
        let read = |values| P::from_values(values).ok_or_else(|| FitError::Refused(format!("{} has other letters", P::MODEL)));
        Ok(Fit { parameters: read(&self.letters)?, standard_errors: read(&self.errors)?, log_likelihood: self.value, rows })
    }
}

/// A letter that left its box while the likelihood still rose.
#[derive(Clone, Copy, Debug)]
pub struct Escape<'at> {
    pub axis: usize,
    /// Above the box; below it otherwise.
    pub is_up: bool,
    pub letters: &'at [f64],
}

/// The maximum from the first of the starts that leads to one. `why` puts an escape into words about customers.
pub(super) fn maximise<const N: usize>(
    names: &[&str],
    searches: &[Search<N>],
    likelihood: impl Fn(&[f64; N]) -> Point<N>,
    why: impl Fn(Escape) -> &'static str,
) -> Result<Found<N>, FitError> {
    let mut last = String::new();
    for search in searches {
        let found = optim::maximise(search, |theta| {
            let letters = theta.map(libm::exp);
            likelihood(&letters).on_log_scale(&letters)
        });
        match found {
            Ok(found) => {
                let letters = found.at.map(libm::exp);
                // Delta method: the standard error of e^θ is e^θ times that of θ.
                let errors = std::array::from_fn(|i| letters[i] * found.covariance[i][i].sqrt());
                return Ok(Found { letters, errors, covariance: found.covariance, value: found.value });
            }
            Err(reason) => last = explain(names, search, &reason, &why),
        }
    }
    Err(FitError::NoMaximum(last))
}

fn explain<const N: usize>(
    names: &[&str],
    search: &Search<N>,
    reason: &NoMaximum<N>,
    why: &impl Fn(Escape) -> &'static str,
) -> String {
    let say = |at: &[f64; N]| {
        let letters: Vec<_> = names.iter().zip(at).map(|(name, at)| format!("{name} {:.3e}", libm::exp(*at))).collect();
        letters.join(", ")
    };
    match reason {
        NoMaximum::RunsAway { axis, at, value } => {
            let letters = at.map(libm::exp);
            let why = why(Escape { axis: *axis, is_up: at[*axis] > search.high[*axis], letters: &letters });
            format!(
                "the likelihood still rises at {} (log-likelihood {value:.3}); {why}; use a model that does not need it",
                say(at)
            )
        }
        NoMaximum::NotFinite { at } => format!("the likelihood has no finite value at {}", say(at)),
        NoMaximum::Stalled { at, value } => {
            format!(
                "the likelihood is flat around {} (log-likelihood {value:.3}), so the parameters cannot be told apart",
                say(at)
            )
        }
    }
}
