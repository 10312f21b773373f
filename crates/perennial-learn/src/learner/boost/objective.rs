//! What the booster minimises: loss, its first two derivatives in the margin, and the best constant.
//!
//! Assumes  rows independent; margin `f`; logistic `p = 1/(1+e^-f)`, Tweedie and Poisson mean `e^f`, else the prediction is `f`.
//! Input    label and weight per row; logistic 0..=1, Tweedie and Poisson >= 0.
//! Output   gradient and second derivative per row, mean loss, starting margin.
//! Cost     O(rows), one exponential a row.
//! Ref      Friedman (2001), Annals of Statistics 29(5); Tweedie deviance: Jorgensen (1987), JRSS B 49(2); pinball loss: Koenker & Bassett (1978).

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

/// Keeps `e^f` finite whatever the margin grows to.
const LOG_MEAN_MAX: f64 = 300.0;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Objective {
    /// Probability of label 1; margin = log-odds.
    Logistic,
    /// Mean; margin = the mean.
    SquaredError,
    /// Mean of a non-negative amount with many zeros; margin = log mean. 1 < power < 2.
    Tweedie { power: f64 },
    /// Mean of a count; margin = log mean.
    Poisson,
    /// The value that a share `level` of the labels stays below; margin = that value.
    Quantile { level: f64 },
}

/// Label and weight of one row.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub label: f64,
    pub weight: f64,
}

/// First and second derivative of a row's loss in its margin.
pub type Slope = (f32, f32);

impl Objective {
    pub(super) fn check(self) -> Result<(), FitError> {
        let (name, value, min, max) = match self {
            Self::Tweedie { power } => ("power", power, 1.001, 1.999),
            Self::Quantile { level } => ("level", level, 0.001, 0.999),
            Self::Logistic | Self::SquaredError | Self::Poisson => return Ok(()),
        };
        if (min..=max).contains(&value) {
            return Ok(());
        }
        Err(FitError::Param { name: name.to_owned(), value, min, max })
    }

    /// Whether a label can be learned from under this loss.
    pub(super) fn accepts(self, label: f64) -> bool {
        match self {
            Self::Logistic => (0.0..=1.0).contains(&label),
            Self::Tweedie { .. } | Self::Poisson => label >= 0.0 && label.is_finite(),
            Self::SquaredError | Self::Quantile { .. } => label.is_finite(),
        }
    }

    pub(super) const fn label_range(self) -> &'static str {
        match self {
            Self::Logistic => "0 to 1",
            Self::Tweedie { .. } | Self::Poisson => "0 and above",
            Self::SquaredError | Self::Quantile { .. } => "any finite number",
        }
    }

    /// The margin that alone minimises the loss over all rows.
    pub(super) fn start(self, targets: &[Target]) -> f64 {
        let weight: f64 = targets.iter().map(|target| target.weight).sum();
        let mean = targets.iter().map(|target| target.label * target.weight).sum::<f64>() / weight;
        match self {
            // The limit keeps the log-odds finite when all labels are equal.
            Self::Logistic => {
                let p = mean.clamp(1e-9, 1.0 - 1e-9);
                libm::log(p / (1.0 - p))
            }
            Self::SquaredError => mean,
            Self::Tweedie { .. } | Self::Poisson => libm::log(mean.max(1e-9)),
            Self::Quantile { level } => {
                let mut pairs: Vec<(f64, f64)> = targets.iter().map(|target| (target.label, target.weight)).collect();
                quantile(&mut pairs, level)
            }
        }
    }

    /// Gradient and second derivative of one row.
    #[inline]
    pub(super) fn slope(self, margin: f64, target: Target) -> Slope {
        let Target { label, weight } = target;
        let (g, h) = match self {
            Self::Logistic => {
                let p = sigmoid(margin);
                (p - label, (p * (1.0 - p)).max(1e-16))
            }
            Self::SquaredError => (margin - label, 1.0),
            Self::Tweedie { power } => {
                let margin = margin.clamp(-LOG_MEAN_MAX, LOG_MEAN_MAX);
                let a = label * libm::exp((1.0 - power) * margin);
                let b = libm::exp((2.0 - power) * margin);
                (b - a, (power - 1.0) * a + (2.0 - power) * b)
            }
            Self::Poisson => {
                let mean = libm::exp(margin.clamp(-LOG_MEAN_MAX, LOG_MEAN_MAX));
                (mean - label, mean)
            }
            Self::Quantile { level } => (if label < margin { 1.0 - level } else { -level }, 1.0),
        };
        ((g * weight) as f32, (h * weight) as f32)
    }

    /// Loss of one row, up to a constant that does not depend on the margin.
    pub(super) fn loss(self, margin: f64, label: f64) -> f64 {
        match self {
            // log(1 + e^f) - y f, without overflow on either side.
            Self::Logistic => margin.max(0.0) + libm::log1p(libm::exp(-margin.abs())) - label * margin,
            Self::SquaredError => (margin - label) * (margin - label),
            Self::Tweedie { power } => {
                let margin = margin.clamp(-LOG_MEAN_MAX, LOG_MEAN_MAX);
                libm::exp((2.0 - power) * margin) / (2.0 - power) - label * libm::exp((1.0 - power) * margin) / (1.0 - power)
            }
            Self::Poisson => libm::exp(margin.clamp(-LOG_MEAN_MAX, LOG_MEAN_MAX)) - label * margin,
            Self::Quantile { level } => {
                let miss = label - margin;
                if miss < 0.0 { (level - 1.0) * miss } else { level * miss }
            }
        }
    }

    /// The prediction a margin stands for.
    #[must_use]
    pub fn mean(self, margin: f64) -> f64 {
        match self {
            Self::Logistic => sigmoid(margin),
            Self::SquaredError | Self::Quantile { .. } => margin,
            Self::Tweedie { .. } | Self::Poisson => libm::exp(margin.clamp(-LOG_MEAN_MAX, LOG_MEAN_MAX)),
        }
    }
}

fn sigmoid(margin: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-margin))
}

/// The smallest value with at least a share `level` of the weight at or below it. Pairs are (value, weight).
pub(super) fn quantile(pairs: &mut [(f64, f64)], level: f64) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let goal = level * pairs.iter().map(|pair| pair.1).sum::<f64>();
    let mut below = 0.0;
    for (value, weight) in pairs.iter() {
        below += weight;
        if below >= goal {
            return *value;
        }
    }
    pairs.last().map_or(0.0, |pair| pair.0)
}
