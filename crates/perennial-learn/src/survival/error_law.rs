//! The spread of log time in an accelerated failure time model: log density and log survival of a standard error, with derivatives.

use serde::{Deserialize, Serialize};

use super::tails;

/// The distribution of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Hazard rises or falls as a power of time; log time has the least-extreme-value law.
    Weibull,
    /// Hazard rises, then falls; log time is normal.
    LogNormal,
    /// Hazard rises, then falls, with a heavier tail; log time is logistic.
    LogLogistic,
}

/// A logarithm and its first two derivatives by z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub value: f64,
    pub first: f64,
    pub second: f64,
}

impl Law {
    pub const ALL: [Self; 3] = [Self::Weibull, Self::LogNormal, Self::LogLogistic];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weibull => "weibull",
            Self::LogNormal => "log_normal",
            Self::LogLogistic => "log_logistic",
        }
    }

    pub(super) fn ln_density(self, z: f64) -> Term {
        match self {
            Self::Weibull => {
                let e = libm::exp(z);
                Term { value: z - e, first: 1.0 - e, second: -e }
            }
            Self::LogNormal => Term { value: -0.5 * z * z - tails::HALF_LN_TWO_PI, first: -z, second: -1.0 },
            Self::LogLogistic => {
                let (softplus, p) = logistic(z);
                Term { value: z - 2.0 * softplus, first: 1.0 - 2.0 * p, second: -2.0 * p * (1.0 - p) }
            }
        }
    }

    pub(super) fn ln_survival(self, z: f64) -> Term {
        match self {
            Self::Weibull => {
                let e = libm::exp(z);
                Term { value: -e, first: -e, second: -e }
            }
            Self::LogNormal => {
                let hazard = tails::normal_hazard(z);
                Term { value: tails::ln_normal(z), first: -hazard, second: -hazard * (hazard - z) }
            }
            Self::LogLogistic => {
                let (softplus, p) = logistic(z);
                Term { value: -softplus, first: -p, second: -p * (1.0 - p) }
            }
        }
    }

    /// The z that half of the errors stay below.
    pub(super) fn median(self) -> f64 {
        match self {
            Self::Weibull => libm::log(std::f64::consts::LN_2),
            Self::LogNormal | Self::LogLogistic => 0.0,
        }
    }
}

/// ln(1 + e^z) and e^z/(1 + e^z), without overflow on either side.
fn logistic(z: f64) -> (f64, f64) {
    let e = libm::exp(-z.abs());
    let p = 1.0 / (1.0 + e);
    (z.max(0.0) + libm::log1p(e), if z >= 0.0 { p } else { e * p })
}
