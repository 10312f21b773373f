//! Metrics of a probability against a yes or no. `None` where the metric is undefined: no rows, or one class only.

use serde::{Deserialize, Serialize};

use super::rank::{Ranking, weight};

pub const ECE_BINS: usize = 15;

/// A probability is never trusted beyond this when its logarithm is taken (scikit-learn clips at the machine epsilon too).
const P_MIN: f64 = f64::EPSILON;

/// Area under the ROC curve = (Mann–Whitney U) / (positives × negatives); a tie counts half.
#[must_use]
pub fn auroc(ranking: &Ranking, labels: &[bool], weights: Option<&[f64]>) -> Option<f64> {
    let (mut positives, mut negatives, mut area) = (0.0, 0.0, 0.0);
    for group in ranking.groups() {
        let (mut group_positives, mut group_negatives) = (0.0, 0.0);
        for &row in group {
            let w = weight(weights, row);
            if labels[row as usize] { group_positives += w } else { group_negatives += w }
        }
        area += group_negatives * (positives + group_positives / 2.0);
        positives += group_positives;
        negatives += group_negatives;
    }
    (positives > 0.0 && negatives > 0.0).then(|| area / (positives * negatives))
}

/// Average precision Σ (R_k − R_{k−1}) P_k over distinct thresholds, as scikit-learn defines it; no interpolation.
#[must_use]
pub fn average_precision(ranking: &Ranking, labels: &[bool], weights: Option<&[f64]>) -> Option<f64> {
    let (mut positives, mut rows, mut sum) = (0.0, 0.0, 0.0);
    for group in ranking.groups() {
        let mut hits = 0.0;
        for &row in group {
            let w = weight(weights, row);
            rows += w;
            if labels[row as usize] {
                hits += w;
            }
        }
        positives += hits;
        if rows > 0.0 {
            sum += hits * positives / rows;
        }
    }
    (positives > 0.0).then(|| sum / positives)
}

/// Negative log-likelihood of one label, natural logarithm.
#[must_use]
pub fn log_loss_of(label: bool, p: f64) -> f64 {
    let p = p.clamp(P_MIN, 1.0 - P_MIN);
    if label { -libm::log(p) } else { -libm::log1p(-p) }
}

#[must_use]
pub fn log_loss(labels: &[bool], p: &[f64]) -> Option<f64> {
    mean(labels.iter().zip(p).map(|(&label, &p)| log_loss_of(label, p)), labels.len())
}

#[must_use]
pub fn brier(labels: &[bool], p: &[f64]) -> Option<f64> {
    mean(labels.iter().zip(p).map(|(&label, &p)| (p - f64::from(label)).powi(2)), labels.len())
}

pub(crate) fn mean(values: impl Iterator<Item = f64>, count: usize) -> Option<f64> {
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

/// One bin of the reliability table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub p_from: f64,
    pub p_to: f64,
    pub rows: usize,
    /// Mean predicted probability in the bin.
    pub predicted: f64,
    /// Share of positives in the bin.
    pub observed: f64,
}

/// Predicted against observed in `bins` bins of equal width; bin i holds p in [i/bins, (i+1)/bins), the last also 1. Empty bins stay.
#[must_use]
pub fn reliability(labels: &[bool], p: &[f64], bins: usize) -> Vec<Bin> {
    let width = 1.0 / bins as f64;
    let mut table: Vec<Bin> =
        (0..bins).map(|i| Bin { p_from: i as f64 * width, p_to: (i + 1) as f64 * width, ..Bin::default() }).collect();
    for (&label, &p) in labels.iter().zip(p) {
        // A NaN casts to bin 0; scores are never NaN (the conformance suite holds every model to that).
        let bin = &mut table[((p * bins as f64) as usize).min(bins - 1)];
        bin.rows += 1;
        bin.predicted += p;
        bin.observed += f64::from(label);
    }
    for bin in &mut table {
        if bin.rows > 0 {
            bin.predicted /= bin.rows as f64;
            bin.observed /= bin.rows as f64;
        }
    }
    table
}

/// Expected calibration error: Σ (rows in bin / rows) |predicted − observed|.
#[must_use]
pub fn ece(labels: &[bool], p: &[f64], bins: usize) -> Option<f64> {
    let table = reliability(labels, p, bins);
    mean(table.iter().map(|bin| bin.rows as f64 * (bin.predicted - bin.observed).abs()), labels.len())
}

/// The ECE that a model which is right gives in 95 of 100 test windows like this one: by chance a bin's share is off by a normal deviate.
#[must_use]
pub fn ece_by_chance(labels: &[bool], p: &[f64], bins: usize) -> Option<f64> {
    const DEVIATIONS: f64 = 1.645;
    let (mut mean, mut variance) = (0.0, 0.0);
    for bin in reliability(labels, p, bins) {
        let spread = bin.rows as f64 * bin.predicted * (1.0 - bin.predicted);
        // Mean and variance of |N(0, spread)|.
        mean += (spread * std::f64::consts::FRAC_2_PI).sqrt();
        variance += spread * (1.0 - std::f64::consts::FRAC_2_PI);
    }
    (!labels.is_empty()).then(|| (mean + DEVIATIONS * variance.sqrt()) / labels.len() as f64)
}

/// Share of positives among the `share` highest scores over the share among all. A tie across the border counts in proportion.
#[must_use]
pub fn lift(ranking: &Ranking, labels: &[bool], share: f64) -> Option<f64> {
    let positives = labels.iter().filter(|&&label| label).count() as f64;
    let wanted = (labels.len() as f64 * share).ceil();
    if positives == 0.0 || wanted == 0.0 {
        return None;
    }
    let (mut taken, mut hits) = (0.0, 0.0);
    for group in ranking.groups() {
        let group_hits = group.iter().filter(|&&row| labels[row as usize]).count() as f64;
        let part = ((wanted - taken) / group.len() as f64).min(1.0);
        hits += group_hits * part;
        taken += group.len() as f64 * part;
        if taken >= wanted {
            break;
        }
    }
    Some(hits / wanted / (positives / labels.len() as f64))
}

/// Predicted over actual count of those who stay: Σ(1 − p) / Σ(1 − label).
#[must_use]
pub fn stay_ratio(labels: &[bool], p: &[f64]) -> Option<f64> {
    let stayed = labels.iter().filter(|&&label| !label).count() as f64;
    (stayed > 0.0).then(|| p.iter().map(|p| 1.0 - p).sum::<f64>() / stayed)
}

/// The probability that a ranking by chance alone would reach less than this area: normal approximation of the rank-sum statistic, whose
/// standard deviation under the null is √((m + n + 1) / 12mn) for m leavers and n stayers (Mann & Whitney 1947).
#[must_use]
pub fn p_above_chance(auroc: f64, leavers: usize, stayers: usize) -> f64 {
    let (m, n) = (leavers as f64, stayers as f64);
    let spread = ((m + n + 1.0) / (12.0 * m * n)).sqrt();
    0.5 * libm::erfc(-(auroc - 0.5) / (spread * std::f64::consts::SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUROC .6 of 40 and 60: z = .1 / √(101 / 28,800) = 1.688634.
    #[test]
    fn a_right_model_stays_below_the_ece_of_chance_in_95_of_100_windows() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(7);
        for rows in [200, 2_000] {
            let p: Vec<f64> = (0..rows).map(|row| (f64::from(row) + 0.5) / f64::from(rows)).collect();
            let below = (0..1_000).filter(|_| {
                let labels: Vec<bool> = p.iter().map(|p| random.random::<f64>() < *p).collect();
                let limit = ece_by_chance(&labels, &p, ECE_BINS).unwrap();
                ece(&labels, &p, ECE_BINS).unwrap() < limit
            });
            assert!((935..=970).contains(&below.count()), "{rows} rows");
        }
        assert_eq!(ece_by_chance(&[], &[], ECE_BINS), None);
    }

    #[test]
    fn chance_is_told_by_the_rank_sum() {
        assert!((p_above_chance(0.5, 40, 60) - 0.5).abs() < 1e-15);
        assert!((p_above_chance(0.6, 40, 60) - 0.954_355).abs() < 1e-5, "{}", p_above_chance(0.6, 40, 60));
        assert!(p_above_chance(0.6, 400, 600) > 0.999_999 && p_above_chance(0.4, 400, 600) < 1e-6);
    }
}
