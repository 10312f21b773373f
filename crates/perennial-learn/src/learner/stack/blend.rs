//! How much does each member count, given what they forecast and what came?
//!
//! Assumes  the members' errors on past windows are those of the next one; log-odds of the stack are linear in theirs.
//! Input    log-odds [rows × members], labels; a prior blend and how many rows it is worth.
//! Output   an intercept and weights ≥ 0 at the minimum of Σ log loss + κ/2 ((b − b₀)² + Σ (w − w₀)²); with no row, the prior itself.
//! Cost     about ten passes over the rows.
//! Ref      Wolpert (1992), Neural Networks 5(2); Breiman (1996), Machine Learning 24(1) (weights ≥ 0); van der Laan, Polley & Hubbard (2007).

use serde::{Deserialize, Serialize};

use crate::learner::linear::{logistic_loss, sigmoid};
use crate::metric::cluster::Points;

const STEPS_MAX: usize = 50;
const SWEEPS_MAX: usize = 500;
const HALVINGS_MAX: usize = 30;
/// A step that moves nothing by more than this ends the search.
const STEP_DONE: f64 = 1e-10;
/// Probabilities are kept this far from 0 and 1 before their log-odds are taken.
const P_EDGE: f64 = 1e-9;

pub fn logit(p: f64) -> f64 {
    let p = p.clamp(P_EDGE, 1.0 - P_EDGE);
    libm::log(p) - libm::log1p(-p)
}

/// Log-odds = intercept + Σ weight × the member's log-odds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blend {
    pub intercept: f64,
    pub weights: Vec<f64>,
}

/// What is believed before any forecast was judged, and how many rows that is worth.
#[derive(Clone, Debug)]
pub struct Prior {
    pub blend: Blend,
    pub rows: f64,
}

impl Blend {
    /// Equal weights, shrunk to the base rate by `trust` in 0..1: 0 says the base rate of everybody.
    pub fn equal(members: usize, trust: f64, base_rate: f64) -> Self {
        let trust = if members == 0 { 0.0 } else { trust };
        Self { intercept: (1.0 - trust) * logit(base_rate), weights: vec![trust / members.max(1) as f64; members] }
    }

    pub fn margin(&self, log_odds: &[f64]) -> f64 {
        self.intercept + self.weights.iter().zip(log_odds).map(|(weight, z)| weight * z).sum::<f64>()
    }

    /// The weights that the judged rows and the prior ask for together.
    pub fn learn(points: &Points, labels: &[bool], prior: &Prior) -> Self {
        let mut now = prior.blend.clone();
        let mut loss = objective(&now, points, labels, prior);
        for _ in 0..STEPS_MAX {
            let step = newton_step(&now, points, labels, prior);
            let mut share = 1.0;
            let mut next = now.moved(&step, share);
            let mut next_loss = objective(&next, points, labels, prior);
            // A step towards a minimum of a convex bowl falls, if it is short enough.
            for _ in 0..HALVINGS_MAX {
                if next_loss <= loss {
                    break;
                }
                share /= 2.0;
                next = now.moved(&step, share);
                next_loss = objective(&next, points, labels, prior);
            }
            if !next_loss.is_finite() || next_loss > loss {
                break;
            }
            (now, loss) = (next, next_loss);
            if step.iter().all(|move_by| move_by.abs() * share <= STEP_DONE) {
                break;
            }
        }
        now
    }

    /// `step` holds the moves of the weights, then that of the intercept.
    fn moved(&self, step: &[f64], share: f64) -> Self {
        let weights = self.weights.iter().zip(step).map(|(weight, by)| (weight + share * by).max(0.0)).collect();
        Self { intercept: self.intercept + share * step[self.weights.len()], weights }
    }

    /// A file may hold anything; this is what could have been learned.
    pub fn check(&self) -> Result<(), String> {
        let is_weight = |weight: &f64| weight.is_finite() && (0.0..=1e6).contains(weight);
        if !self.weights.iter().all(is_weight) || !(-1e6..=1e6).contains(&self.intercept) {
            return Err(format!(
                "intercept is {} and weights are {:?}, allowed are numbers within a million, weights from 0",
                self.intercept, self.weights
            ));
        }
        Ok(())
    }
}

/// Away from the prior: of the weights, then of the intercept.
fn away(blend: &Blend, prior: &Prior) -> Vec<f64> {
    let weights = blend.weights.iter().zip(&prior.blend.weights).map(|(now, before)| now - before);
    weights.chain([blend.intercept - prior.blend.intercept]).collect()
}

fn objective(blend: &Blend, points: &Points, labels: &[bool], prior: &Prior) -> f64 {
    let losses = labels.iter().enumerate().map(|(row, &label)| logistic_loss(blend.margin(points.row(row)), f64::from(label)));
    losses.sum::<f64>() + 0.5 * prior.rows * away(blend, prior).iter().map(|a| a * a).sum::<f64>()
}

/// The minimum of the quadratic model around `blend` among weights that stay at or above 0, as moves from it: coordinate descent.
fn newton_step(blend: &Blend, points: &Points, labels: &[bool], prior: &Prior) -> Vec<f64> {
    let size = blend.weights.len() + 1;
    let mut gradient: Vec<f64> = away(blend, prior).into_iter().map(|a| prior.rows * a).collect();
    let mut curvature = vec![0.0; size * size];
    let mut cells = vec![1.0; size];
    for (row, &label) in labels.iter().enumerate() {
        cells[..size - 1].copy_from_slice(points.row(row));
        let p = sigmoid(blend.margin(points.row(row)));
        let (residual, weight) = (p - f64::from(label), p * (1.0 - p));
        for i in 0..size {
            gradient[i] += residual * cells[i];
            for j in 0..size {
                curvature[i * size + j] += weight * cells[i] * cells[j];
            }
        }
    }
    for i in 0..size {
        // The last share keeps a flat direction from dividing by nothing.
        curvature[i * size + i] += prior.rows + 1e-9;
    }
    let floor = |i: usize| if i + 1 == size { f64::NEG_INFINITY } else { -blend.weights[i] };
    let mut step = vec![0.0; size];
    for _ in 0..SWEEPS_MAX {
        let mut moved = 0.0_f64;
        for i in 0..size {
            let pull: f64 = (0..size).map(|j| curvature[i * size + j] * step[j]).sum();
            let next = (step[i] - (gradient[i] + pull) / curvature[i * size + i]).max(floor(i));
            moved = moved.max((next - step[i]).abs());
            step[i] = next;
        }
        if moved <= STEP_DONE / 10.0 {
            break;
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of two members: the first tells the log-odds, the second noise; labels evenly spread instead of random.
    fn judged(rows: usize, truth: impl Fn(f64) -> f64) -> (Points, Vec<bool>) {
        let spread = |i: usize, by: f64| (i as f64 * by).fract();
        let told: Vec<[f64; 2]> =
            (0..rows).map(|i| [8.0 * spread(i, 0.754_877_666) - 4.0, 8.0 * spread(i, 0.569_840_29) - 4.0]).collect();
        let labels = told.iter().enumerate().map(|(i, z)| spread(i, 0.618_033_988_749_895) < sigmoid(truth(z[0]))).collect();
        (Points { values: told.concat(), width: 2 }, labels)
    }

    fn prior(rows: f64) -> Prior {
        Prior { blend: Blend::equal(2, 1.0, 0.5), rows }
    }

    #[test]
    fn the_member_that_tells_the_truth_gets_the_weight_and_noise_gets_none() {
        let (points, labels) = judged(20_000, |z| 0.8 * z - 0.5);
        let blend = Blend::learn(&points, &labels, &prior(10.0));
        assert!((blend.weights[0] - 0.8).abs() < 0.03 && blend.weights[1] < 0.03, "{blend:?}");
        assert!((blend.intercept + 0.5).abs() < 0.05, "{blend:?}");
    }

    #[test]
    fn a_member_that_is_wrong_throughout_gets_none_rather_than_less_than_none() {
        let (points, labels) = judged(20_000, |z| -z);
        let blend = Blend::learn(&points, &labels, &prior(10.0));
        assert_eq!(blend.weights[0], 0.0, "{blend:?}");
    }

    #[test]
    fn few_rows_leave_the_prior_nearly_alone_and_none_leave_it_alone() {
        let (points, labels) = judged(20, |z| z);
        let blend = Blend::learn(&points, &labels, &prior(1e6));
        assert!(blend.weights.iter().all(|weight| (weight - 0.5).abs() < 1e-3), "{blend:?}");
        let nothing = Points { values: vec![], width: 2 };
        assert_eq!(Blend::learn(&nothing, &[], &prior(100.0)), prior(100.0).blend);
    }

    #[test]
    fn the_gradient_vanishes_where_the_search_ends() {
        let (points, labels) = judged(500, |z| 0.5 * z + 0.3);
        let prior = prior(50.0);
        let blend = Blend::learn(&points, &labels, &prior);
        for (at, by) in [(0, 1e-4), (0, -1e-4), (2, 1e-4), (2, -1e-4)] {
            let mut step = vec![0.0; 3];
            step[at] = by;
            assert!(objective(&blend.moved(&step, 1.0), &points, &labels, &prior) > objective(&blend, &points, &labels, &prior));
        }
    }

    #[test]
    fn without_trust_the_base_rate_answers() {
        let blend = Blend::equal(3, 0.0, 0.2);
        assert!((sigmoid(blend.margin(&[5.0, -5.0, 1.0])) - 0.2).abs() < 1e-12);
        assert_eq!(Blend::equal(0, 1.0, 0.2), Blend { intercept: logit(0.2), weights: vec![] });
    }
}
