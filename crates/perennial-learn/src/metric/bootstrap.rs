//! Is the candidate better than the champion, or was it luck?
//!
//! Assumes  customers are exchangeable; rows of one customer (several cut-offs) belong together and are drawn together.
//! Input    two models' metric as a function of row weights; the customer of each row.
//! Output   difference on the real rows, its 95% percentile interval, share of draws in which the candidate is better.
//! Cost     O(draws × rows): scores are sorted once, a draw only changes weights.
//! Ref      Efron & Tibshirani (1993), An Introduction to the Bootstrap, ch. 13 (percentile interval), paired by customer.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use super::rank::Ranking;
use super::{Better, classify, value};

/// Candidate less rival, oriented so that positive is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub gain: f64,
    pub lo95: f64,
    pub hi95: f64,
    /// Share of draws with a gain above zero (a gain of exactly zero counts half).
    pub p_better: f64,
    pub draws: usize,
}

/// How many draws, from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    pub count: usize,
    pub seed: u64,
}

impl Default for Draws {
    fn default() -> Self {
        Self { count: 1000, seed: 1 }
    }
}

/// Two score columns over the same rows.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    pub candidate: &'a [f64],
    pub rival: &'a [f64],
}

/// Rows of equal text belong to one customer; customers are numbered in order of appearance.
#[must_use]
pub fn customers<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
    let mut seen = std::collections::BTreeMap::new();
    ids.into_iter()
        .map(|id| {
            let next = seen.len() as u32;
            *seen.entry(id).or_insert(next)
        })
        .collect()
}

/// Gain in AUROC for churn.
#[must_use]
pub fn auroc(labels: &[bool], scores: Pair<'_>, customer: &[u32], draws: Draws) -> Option<Difference> {
    let (a, b) = (Ranking::descending(scores.candidate), Ranking::descending(scores.rival));
    paired(customer, draws, Better::Higher, |weights| {
        Some((classify::auroc(&a, labels, weights)?, classify::auroc(&b, labels, weights)?))
    })
}

/// Gain (fall) in log loss for churn.
#[must_use]
pub fn log_loss(labels: &[bool], scores: Pair<'_>, customer: &[u32], draws: Draws) -> Option<Difference> {
    let losses = |p: &[f64]| -> Vec<f64> { labels.iter().zip(p).map(|(&y, &p)| classify::log_loss_of(y, p)).collect() };
    mean_difference(&losses(scores.candidate), &losses(scores.rival), customer, draws)
}

/// Gain in normalised Gini for value.
#[must_use]
pub fn gini(actual: &[f64], scores: Pair<'_>, customer: &[u32], draws: Draws) -> Option<Difference> {
    let (a, b) = (Ranking::descending(scores.candidate), Ranking::descending(scores.rival));
    let ideal = Ranking::descending(actual);
    paired(customer, draws, Better::Higher, |weights| {
        Some((value::gini(&a, &ideal, actual, weights)?, value::gini(&b, &ideal, actual, weights)?))
    })
}

/// Gain (fall) in mean absolute error for value.
#[must_use]
pub fn mae(actual: &[f64], scores: Pair<'_>, customer: &[u32], draws: Draws) -> Option<Difference> {
    let losses = |p: &[f64]| -> Vec<f64> { actual.iter().zip(p).map(|(y, p)| (y - p).abs()).collect() };
    mean_difference(&losses(scores.candidate), &losses(scores.rival), customer, draws)
}

fn mean_difference(candidate: &[f64], rival: &[f64], customer: &[u32], draws: Draws) -> Option<Difference> {
    let mean = |loss: &[f64], weights: Option<&[f64]>| match weights {
        None => loss.iter().sum::<f64>() / loss.len() as f64,
        Some(w) => loss.iter().zip(w).map(|(l, w)| l * w).sum::<f64>() / w.iter().sum::<f64>(),
    };
    if candidate.is_empty() {
        return None;
    }
    paired(customer, draws, Better::Lower, |weights| Some((mean(candidate, weights), mean(rival, weights))))
}

/// The general form: `statistic` gives both models' metric under row weights (`None` is the real rows).
/// `None` when the metric is undefined on the real rows. A draw on which it is undefined is left out.
#[must_use]
pub fn paired(
    customer: &[u32],
    draws: Draws,
    better: Better,
    statistic: impl Fn(Option<&[f64]>) -> Option<(f64, f64)>,
) -> Option<Difference> {
    let gain = |(candidate, rival): (f64, f64)| match better {
        Better::Higher => candidate - rival,
        Better::Lower => rival - candidate,
        Better::Near(target) => (rival - target).abs() - (candidate - target).abs(),
    };
    let real = gain(statistic(None)?);
    let customers = customer.iter().max().map_or(0, |&last| last as usize + 1);
    let mut rng = Pcg64Mcg::seed_from_u64(draws.seed);
    let (mut times, mut weights) = (vec![0_u32; customers], vec![0.0; customer.len()]);
    let mut gains = Vec::with_capacity(draws.count);
    for _ in 0..draws.count {
        times.fill(0);
        for _ in 0..customers {
            times[rng.random_range(0..customers)] += 1;
        }
        for (weight, &customer) in weights.iter_mut().zip(customer) {
            *weight = f64::from(times[customer as usize]);
        }
        if let Some(pair) = statistic(Some(&weights)) {
            gains.push(gain(pair));
        }
    }
    if gains.is_empty() {
        return None;
    }
    let wins: f64 = gains
        .iter()
        .map(|&g| {
            if g > 0.0 {
                1.0
            } else if g == 0.0 {
                0.5
            } else {
                0.0
            }
        })
        .sum();
    gains.sort_by(f64::total_cmp);
    let at = |q: f64| gains[((gains.len() - 1) as f64 * q).round() as usize];
    Some(Difference { gain: real, lo95: at(0.025), hi95: at(0.975), p_better: wins / gains.len() as f64, draws: gains.len() })
}
