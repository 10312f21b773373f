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
                let a = label * exp((1.0 - power) * margin);
                let b = exp((2.0 - power) * margin);
                (b - a, (power - 1.0) * a + (2.0 - power) * b)
            }
            Self::Poisson => {
                let mean = exp(margin.clamp(-LOG_MEAN_MAX, LOG_MEAN_MAX));
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
    1.0 / (1.0 + exp(-margin))
}

/// e^x within two units of the last place, the same bits on every machine, without a branch: an exponential a row and tree is what
/// a fit would otherwise spend a tenth of its time on. The argument is kept within ±700, where the result is finite and normal.
///
/// Ref: Cody & Waite (1980), Software Manual for the Elementary Functions, ch. 6: x = k ln 2 + r, |r| ≤ ln 2 / 2; e^r by its series.
fn exp(x: f64) -> f64 {
    /// ln 2 in two parts, the first with zeros at its end, so that k times it is exact.
    const LN_2: (f64, f64) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);
    /// Adding and taking away 1.5 · 2^52 rounds to a whole number, which then stands in the low bits.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    /// 1/n! for n = 13 down to 2.
    const SERIES: [f64; 12] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        1.0 / 2.0,
    ];
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUNDER;
    let k = shifted - ROUNDER;
    let r = (x - k * LN_2.0) - k * LN_2.1;
    let tail = SERIES.iter().fold(0.0, |sum, term| sum * r + term);
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    (r * r * tail + r + 1.0) * power
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

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn the_exponential_is_that_of_the_library_to_the_last_places() {
        let worst = (-699_000..=699_000).map(|i| f64::from(i) * 0.001_000_7).map(|x| {
            let x = x.clamp(-700.0, 700.0);
            (exp(x) / libm::exp(x) - 1.0).abs()
        });
        assert!(worst.fold(0.0, f64::max) < 1e-15);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::INFINITY).is_finite() && exp(f64::NEG_INFINITY) > 0.0 && exp(f64::NAN).is_nan());
    }
}
