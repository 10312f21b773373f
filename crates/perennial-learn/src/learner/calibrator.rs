//! From a score that ranks well to a probability that counts well.
//!
//! Assumes  the chance of the label rises with the score.
//! Input    probabilities and labels of rows the model did not learn from.
//! Output   a rising map 0..1 → 0..1; more freedom only where it predicts held-out customers clearly better.
//! Cost     a few passes; isotonic one sort.
//! Ref      Platt (1999); Kull, Silva Filho & Flach (2017), AISTATS, eq. (3) (beta); Zadrozny & Elkan (2002), KDD (isotonic).

use serde::{Deserialize, Serialize};

use super::linear::{Penalty, Problem, TOLERANCE, Weights, sigmoid};
use crate::metric::classify::log_loss_of;
use crate::metric::cluster::Points;

const FOLDS: u64 = 5;
/// Probabilities are kept this far from 0 and 1 before their log-odds are taken.
const P_EDGE: f64 = 1e-9;

/// A rising map of probabilities. Ranking before and after is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "map", rename_all = "snake_case", deny_unknown_fields)]
pub enum Calibrator {
    Identity {},
    /// σ(slope · logit p + intercept)
    Platt {
        slope: f64,
        intercept: f64,
    },
    /// σ(a ln p − b ln(1 − p) + c)
    Beta {
        a: f64,
        b: f64,
        c: f64,
    },
    /// Straight lines between the knots and to the corners (0, 0) and (1, 1).
    Isotonic {
        from: Vec<f64>,
        to: Vec<f64>,
    },
}

/// Held-out rows to learn a map from.
#[derive(Clone, Copy, Debug)]
pub struct HeldOut<'a> {
    pub p: &'a [f64],
    pub labels: &'a [bool],
    /// Rows of one customer have one hash and so fall into one fold.
    pub hashes: &'a [u64],
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(P_EDGE, 1.0 - P_EDGE);
    libm::log(p) - libm::log1p(-p)
}

impl Calibrator {
    #[must_use]
    pub fn apply(&self, p: f64) -> f64 {
        match self {
            Self::Identity {} => p,
            Self::Platt { slope, intercept } => sigmoid(slope * logit(p) + intercept),
            Self::Beta { a, b, c } => {
                let p = p.clamp(P_EDGE, 1.0 - P_EDGE);
                sigmoid(a * libm::log(p) - b * libm::log1p(-p) + c)
            }
            Self::Isotonic { from, to } => {
                let above = from.partition_point(|knot| *knot < p);
                let point = |i: usize| (from[i], to[i]);
                let (x0, y0) = if above == 0 { (0.0, 0.0) } else { point(above - 1) };
                let (x1, y1) = if above == from.len() { (1.0, 1.0) } else { point(above) };
                if x1 > x0 { (y0 + (y1 - y0) * ((p - x0) / (x1 - x0))).clamp(0.0, 1.0) } else { y1 }
            }
        }
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Identity {} => "identity",
            Self::Platt { .. } => "platt",
            Self::Beta { .. } => "beta",
            Self::Isotonic { .. } => "isotonic",
        }
    }

    /// A file may hold anything; this is what could have been fitted.
    pub fn check(&self) -> Result<(), String> {
        let is_sound = match self {
            Self::Identity {} => true,
            Self::Platt { slope, intercept } => slope.is_finite() && *slope > 0.0 && intercept.is_finite(),
            Self::Beta { a, b, c } => [a, b, c].iter().all(|v| v.is_finite()) && *a >= 0.0 && *b >= 0.0 && a + b > 0.0,
            Self::Isotonic { from, to } => {
                let rises = |v: &[f64]| v.iter().all(|v| (0.0..=1.0).contains(v)) && v.is_sorted();
                from.len() == to.len() && !from.is_empty() && rises(from) && rises(to)
            }
        };
        if is_sound { Ok(()) } else { Err(format!("calibration {self:?} is not a rising map of probabilities")) }
    }

    /// No map or Platt's, as held-out folds of customers say; a map with more freedom only where it saves much more.
    #[must_use]
    pub fn choose(data: HeldOut<'_>) -> Self {
        let mut chosen: Fit = |_| Some(Self::Identity {});
        let mut losses = cross_fitted(data, chosen);
        for (fit, gain_min) in LADDER {
            let next = cross_fitted(data, *fit);
            if is_better(&next, &losses, *gain_min) {
                (chosen, losses) = (*fit, next);
            }
        }
        chosen(data).unwrap_or(Self::Identity {})
    }
}

/// Maps with ever more freedom, and the share of the log loss each must save over the one before it. The next window differs from
/// this one by more than the sampling error, so a bend that is merely significant here is not worth following.
const LADDER: &[(Fit, f64)] = &[(platt, 0.0), (beta, 0.005), (isotonic, 0.005)];

/// Whether `next` saves at least `gain_min` of the loss and the saving is beyond one standard error.
fn is_better(next: &[f64], now: &[f64], gain_min: f64) -> bool {
    let gains: Vec<f64> = now.iter().zip(next).map(|(a, b)| a - b).collect();
    let total: f64 = gains.iter().sum();
    let mean = total / gains.len().max(1) as f64;
    let spread = gains.iter().map(|gain| (gain - mean) * (gain - mean)).sum::<f64>().sqrt();
    total.is_finite() && total > spread && total >= gain_min * now.iter().sum::<f64>()
}

type Fit = fn(HeldOut<'_>) -> Option<Calibrator>;

/// Loss of each row under a map fitted on the other folds; infinite where a fold has no map of this kind.
fn cross_fitted(data: HeldOut<'_>, fit: Fit) -> Vec<f64> {
    let mut losses = vec![f64::INFINITY; data.p.len()];
    for fold in 0..FOLDS {
        // Bits above those that choose customers elsewhere, so that folds are even.
        let is_in = |row: &usize| (data.hashes[*row] >> 16) % FOLDS == fold;
        let others: Vec<usize> = (0..data.p.len()).filter(|row| !is_in(row)).collect();
        let p: Vec<f64> = others.iter().map(|&row| data.p[row]).collect();
        let labels: Vec<bool> = others.iter().map(|&row| data.labels[row]).collect();
        let hashes: Vec<u64> = others.iter().map(|&row| data.hashes[row]).collect();
        if let Some(map) = fit(HeldOut { p: &p, labels: &labels, hashes: &hashes }) {
            for row in (0..data.p.len()).filter(is_in) {
                losses[row] = log_loss_of(data.labels[row], map.apply(data.p[row]));
            }
        }
    }
    losses
}

fn regress(data: HeldOut<'_>, width: usize, columns: impl Fn(f64, &mut Vec<f64>)) -> Option<Weights> {
    let left = data.labels.iter().filter(|&&label| label).count();
    if left == 0 || left == data.labels.len() {
        return None;
    }
    let mut points = Points { values: Vec::with_capacity(data.p.len() * width), width };
    for &p in data.p {
        columns(p, &mut points.values);
    }
    let labels: Vec<f64> = data.labels.iter().map(|&label| f64::from(label)).collect();
    let problem = Problem { points: &points, labels: &labels, threads: 1, tolerance: TOLERANCE };
    Some(problem.solve(Penalty { lambda: 1e-9, alpha: 0.0 }, Weights::zero(width)))
}

fn platt(data: HeldOut<'_>) -> Option<Calibrator> {
    let weights = regress(data, 1, |p, out| out.push(logit(p)))?;
    let slope = weights.beta[0];
    (slope > 0.0).then_some(Calibrator::Platt { slope, intercept: weights.intercept })
}

fn beta(data: HeldOut<'_>) -> Option<Calibrator> {
    let weights = regress(data, 2, |p, out| {
        let p = p.clamp(P_EDGE, 1.0 - P_EDGE);
        out.extend([libm::log(p), -libm::log1p(-p)]);
    })?;
    let (a, b) = (weights.beta[0], weights.beta[1]);
    (a >= 0.0 && b >= 0.0 && a + b > 0.0).then_some(Calibrator::Beta { a, b, c: weights.intercept })
}

/// Pool adjacent violators over rows sorted by p; a knot is the mean of a pool.
fn isotonic(data: HeldOut<'_>) -> Option<Calibrator> {
    let mut rows: Vec<(f64, f64)> = data.p.iter().zip(data.labels).map(|(&p, &label)| (p, f64::from(label))).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    // (rows, Σ p, Σ label); equal scores start in one pool.
    let mut pools: Vec<(f64, f64, f64)> = Vec::new();
    for group in rows.chunk_by(|a, b| a.0 == b.0) {
        let mut pool = (group.len() as f64, group[0].0 * group.len() as f64, group.iter().map(|row| row.1).sum::<f64>());
        while let Some(last) = pools.last()
            && last.2 / last.0 >= pool.2 / pool.0
        {
            pool = (pool.0 + last.0, pool.1 + last.1, pool.2 + last.2);
            pools.pop();
        }
        pools.push(pool);
    }
    if pools.is_empty() {
        return None;
    }
    let from = pools.iter().map(|pool| (pool.1 / pool.0).clamp(0.0, 1.0)).collect();
    // A pool without one label says "rare", not "never": half a row of each is added.
    let to = pools.iter().map(|pool| (pool.2 + 0.5) / (pool.0 + 1.0));
    let mut highest = 0.0_f64;
    let to = to
        .map(|y| {
            highest = highest.max(y);
            highest
        })
        .collect();
    Some(Calibrator::Isotonic { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels drawn with probability `truth(p)`, evenly spread instead of random: row i is positive where a low-discrepancy number is below.
    fn drawn(truth: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>, Vec<u64>) {
        let p: Vec<f64> = (0..20_000).map(|i| (f64::from(i) + 0.5) / 20_000.0).collect();
        let labels = p.iter().enumerate().map(|(i, &p)| (i as f64 * 0.618_033_988_749_895).fract() < truth(p)).collect();
        (p, labels, (0..20_000_u64).map(|i| i << 16).collect())
    }

    #[test]
    fn a_calibrated_score_is_left_alone_and_a_bent_one_is_straightened() {
        let (p, labels, hashes) = drawn(|p| p);
        assert_eq!(Calibrator::choose(HeldOut { p: &p, labels: &labels, hashes: &hashes }), Calibrator::Identity {});
        let truths: [fn(f64) -> f64; 3] = [|p| sigmoid(0.5 * logit(p) - 1.0), |p| 0.6 * p, |p| if p < 0.5 { 0.1 } else { 0.9 }];
        for truth in truths {
            let (p, labels, hashes) = drawn(truth);
            let map = Calibrator::choose(HeldOut { p: &p, labels: &labels, hashes: &hashes });
            let worst = p.iter().skip(200).step_by(500).map(|&p| (map.apply(p) - truth(p)).abs()).sum::<f64>() / 40.0;
            assert!(worst < 0.02, "{} misses by {worst} on average", map.name());
            let mapped: Vec<f64> = p.iter().map(|&p| map.apply(p)).collect();
            assert!(mapped.is_sorted() && mapped.iter().all(|p| (0.0..=1.0).contains(p)), "{}", map.name());
            assert!(map.check().is_ok());
        }
    }

    #[test]
    fn isotonic_pools_are_those_of_scikit_learn() {
        // IsotonicRegression().fit([.1, .2, .3, .4, .5], [0, 1, 0, 1, 1]) gives 0, .5, .5, 1, 1; here means with half a row of each added.
        let p = [0.1, 0.2, 0.3, 0.4, 0.5];
        let labels = [false, true, false, true, true];
        let map = isotonic(HeldOut { p: &p, labels: &labels, hashes: &[0; 5] });
        let Some(Calibrator::Isotonic { from, to }) = map else { panic!("no map") };
        assert_eq!(from, [0.1, 0.25, 0.45]);
        assert_eq!(to, [0.25, 0.5, 2.5 / 3.0]);
    }
}
