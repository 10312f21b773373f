//! Which law do a shop's orders follow?
//!
//! Assumes  one of BG/NBD, MBG/NBD and Pareto/NBD; where none can be told from customers who never leave, an NBD; else only a rate.
//! Input    [`Purchases`] in days.
//! Output   a [`FittedLaw`]: the one of the highest likelihood (all three have four letters), and what it rests on.
//! Cost     three fits; once a law is chosen, one.
//! Ref      the models' own files; Akaike (1974), IEEE Trans. Autom. Control 19(6): with equal letters the likelihoods decide.

use std::collections::BTreeMap;

use perennial_contract::estimator::{FitError, LoadError};
use serde::{Deserialize, Serialize};

use super::living::{Living, Ways};
use crate::lifetime::bgnbd::{self, BgNbdParameters, History};
use crate::lifetime::forecast::Forecast;
use crate::lifetime::letters::Letters;
use crate::lifetime::mbgnbd::{self, MbgNbdParameters};
use crate::lifetime::nbd;
use crate::lifetime::pareto_nbd::{self, ParetoNbdParameters};
use crate::lifetime::purchases::Purchases;

/// From fewer repeaters than this not even the spread of rates is estimated.
const NBD_REPEATERS_MIN: usize = 10;
/// The spread of rates where it cannot be estimated: shape ½, a wide one (CDNOW's is 0.55, most shops' lie between 0.2 and 2).
const RATE_SHAPE: f64 = 0.5;
/// An NBD letter beyond these is no estimate of a spread.
const SHAPE_MIN: f64 = 1e-3;
const SHAPE_MAX: f64 = 1e3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawName {
    Bgnbd,
    Mbgnbd,
    ParetoNbd,
    /// Nobody leaves, or nobody can be seen to.
    Nbd,
}

/// What the letters rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The maximum of a likelihood.
    Likelihood,
    /// The shop's order rate alone, with a declared wide spread around it: the empirical fallback.
    Rate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    BgNbd(BgNbdParameters),
    MbgNbd(MbgNbdParameters),
    ParetoNbd(ParetoNbdParameters),
    Nbd { r: f64, alpha: f64 },
}

impl Law {
    pub const fn name(&self) -> LawName {
        match self {
            Self::BgNbd(_) => LawName::Bgnbd,
            Self::MbgNbd(_) => LawName::Mbgnbd,
            Self::ParetoNbd(_) => LawName::ParetoNbd,
            Self::Nbd { .. } => LawName::Nbd,
        }
    }

    /// P(alive | x, t_x, T); `None` where the law knows no leaving.
    pub fn p_alive(&self, seen: &History) -> Option<f64> {
        match self {
            Self::BgNbd(is) => Some(Forecast::p_alive(is, seen)),
            Self::MbgNbd(is) => Some(Forecast::p_alive(is, seen)),
            Self::ParetoNbd(is) => Some(Forecast::p_alive(is, seen)),
            Self::Nbd { .. } => None,
        }
    }

    /// The future of a customer of this x and T who is alive; t_x no longer matters.
    pub fn living(&self, x: f64, t: f64) -> Living {
        match *self {
            Self::BgNbd(BgNbdParameters { r, alpha, a, b }) => {
                Living { r: r + x, alpha: alpha + t, ways: Ways::AfterOrder { a, b: b + x } }
            }
            Self::MbgNbd(MbgNbdParameters { r, alpha, a, b }) => {
                Living { r: r + x, alpha: alpha + t, ways: Ways::AfterOrder { a, b: b + x + 1.0 } }
            }
            Self::ParetoNbd(ParetoNbdParameters { r, alpha, s, beta }) => {
                Living { r: r + x, alpha: alpha + t, ways: Ways::AnyTime { s, beta: beta + t } }
            }
            Self::Nbd { r, alpha } => Living { r: r + x, alpha: alpha + t, ways: Ways::Never },
        }
    }

    fn letters(&self) -> BTreeMap<String, f64> {
        fn named<P: Letters>(is: &P) -> BTreeMap<String, f64> {
            P::NAMES.iter().zip(is.values()).map(|(name, value)| ((*name).to_owned(), value)).collect()
        }
        match self {
            Self::BgNbd(is) => named(is),
            Self::MbgNbd(is) => named(is),
            Self::ParetoNbd(is) => named(is),
            Self::Nbd { r, alpha } => [("r".to_owned(), *r), ("alpha".to_owned(), *alpha)].into(),
        }
    }

    fn read(name: LawName, letters: &BTreeMap<String, f64>) -> Result<Self, String> {
        fn named<P: Letters>(letters: &BTreeMap<String, f64>) -> Result<P, String> {
            if letters.len() != P::NAMES.len() {
                return Err(format!("{} letters, {} has {}", letters.len(), P::MODEL, P::NAMES.join(", ")));
            }
            P::from_json(&serde_json::json!(letters))
        }
        match name {
            LawName::Bgnbd => named(letters).map(Self::BgNbd),
            LawName::Mbgnbd => named(letters).map(Self::MbgNbd),
            LawName::ParetoNbd => named(letters).map(Self::ParetoNbd),
            LawName::Nbd => match (letters.get("r"), letters.get("alpha"), letters.len()) {
                (Some(&r), Some(&alpha), 2) if (0.0..1e12).contains(&r) && (0.0..1e12).contains(&alpha) && r * alpha > 0.0 => {
                    Ok(Self::Nbd { r, alpha })
                }
                _ => Err(format!("NBD letters are {letters:?}, allowed are r and alpha, numbers above 0 and below 1e12")),
            },
        }
    }
}

/// A law with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "LawFile", into = "LawFile")]
pub struct FittedLaw {
    pub(super) law: Law,
    basis: Basis,
    log_likelihood: Option<f64>,
}

impl FittedLaw {
    #[must_use]
    pub const fn name(&self) -> LawName {
        self.law.name()
    }

    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// None for [`Basis::Rate`].
    #[must_use]
    pub const fn log_likelihood(&self) -> Option<f64> {
        self.log_likelihood
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LawFile {
    name: LawName,
    basis: Basis,
    letters: BTreeMap<String, f64>,
    log_likelihood: Option<f64>,
}

impl From<FittedLaw> for LawFile {
    fn from(fitted: FittedLaw) -> Self {
        let FittedLaw { law, basis, log_likelihood } = fitted;
        Self { name: law.name(), basis, letters: law.letters(), log_likelihood }
    }
}

impl TryFrom<LawFile> for FittedLaw {
    type Error = LoadError;

    fn try_from(file: LawFile) -> Result<Self, LoadError> {
        let law = Law::read(file.name, &file.letters).map_err(LoadError)?;
        Ok(Self { law, basis: file.basis, log_likelihood: file.log_likelihood })
    }
}

/// Distinct histories from which a part of them tells the laws apart as well as all.
const TOLD_APART: usize = 20_000;

/// The likeliest law. There is always one where somebody has ordered again.
pub(super) fn choose(data: &Purchases, threads: usize) -> FittedLaw {
    let step = data.histories() / TOLD_APART;
    if step < 2 {
        return likeliest(data, threads);
    }
    let name = likeliest(&data.thinned(step), threads).name();
    fit(name, data, threads).unwrap_or_else(|_| likeliest(data, threads))
}

fn likeliest(data: &Purchases, threads: usize) -> FittedLaw {
    let all = [LawName::ParetoNbd, LawName::Bgnbd, LawName::Mbgnbd];
    let mut best: Option<FittedLaw> = None;
    for fitted in all.iter().filter_map(|name| fit(*name, data, threads).ok()) {
        if best.is_none_or(|best| fitted.log_likelihood > best.log_likelihood) {
            best = Some(fitted);
        }
    }
    best.unwrap_or_else(|| without_leaving(data))
}

/// This law where the data carry it, else as [`choose`].
pub(super) fn again(name: LawName, data: &Purchases, threads: usize) -> FittedLaw {
    if name == LawName::Nbd {
        return without_leaving(data);
    }
    fit(name, data, threads).unwrap_or_else(|_| choose(data, threads))
}

fn fit(name: LawName, data: &Purchases, threads: usize) -> Result<FittedLaw, FitError> {
    let told = |law, log_likelihood| FittedLaw { law, basis: Basis::Likelihood, log_likelihood: Some(log_likelihood) };
    match name {
        LawName::Bgnbd => bgnbd::fit(data, threads).map(|fit| told(Law::BgNbd(fit.parameters), fit.log_likelihood)),
        LawName::Mbgnbd => mbgnbd::fit(data, threads).map(|fit| told(Law::MbgNbd(fit.parameters), fit.log_likelihood)),
        LawName::ParetoNbd => pareto_nbd::fit(data, threads).map(|fit| told(Law::ParetoNbd(fit.parameters), fit.log_likelihood)),
        LawName::Nbd => Ok(without_leaving(data)),
    }
}

/// An NBD where its spread can be estimated, else the shop's rate and a declared spread.
fn without_leaving(data: &Purchases) -> FittedLaw {
    if data.repeaters() >= NBD_REPEATERS_MIN
        && let Some(([r, alpha], value)) = nbd::letters_at_maximum(data, RATE_SHAPE)
        && (SHAPE_MIN..SHAPE_MAX).contains(&r)
    {
        return FittedLaw { law: Law::Nbd { r, alpha }, basis: Basis::Likelihood, log_likelihood: Some(value) };
    }
    let (rate, _) = data.scales();
    FittedLaw { law: Law::Nbd { r: RATE_SHAPE, alpha: RATE_SHAPE / rate }, basis: Basis::Rate, log_likelihood: None }
}
