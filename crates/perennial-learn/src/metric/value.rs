//! Metrics of a forecast amount. None alone suffices: predicting nobody spends can win the absolute error.

use super::classify::mean;
use super::rank::{Ranking, mean_ranks, weight};

#[must_use]
pub fn mae(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    mean(actual.iter().zip(predicted).map(|(a, p)| (a - p).abs()), actual.len())
}

/// Σ predicted / Σ actual.
#[must_use]
pub fn total_ratio(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    let total: f64 = actual.iter().sum();
    (total > 0.0).then(|| predicted.iter().sum::<f64>() / total)
}

/// Area between the concentration curve of `actual`, ordered by `ranking`, and the diagonal (times 2). Ties share.
fn concentration(ranking: &Ranking, actual: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    let (mut rows, mut total, mut area) = (0.0, 0.0, 0.0);
    for group in ranking.groups() {
        let (mut group_rows, mut group_total) = (0.0, 0.0);
        for &row in group {
            let w = weight(weights, row);
            group_rows += w;
            group_total += w * actual[row as usize];
        }
        area += group_rows * (total + group_total / 2.0);
        rows += group_rows;
        total += group_total;
    }
    (rows > 0.0 && total > 0.0).then(|| 2.0 * area / (rows * total) - 1.0)
}

/// Normalised Gini: Gini of `actual` ordered by prediction, over Gini of `actual` ordered by itself. 1 is a perfect order, 0 none.
#[must_use]
pub fn gini(by_prediction: &Ranking, by_actual: &Ranking, actual: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    let best = concentration(by_actual, actual, weights)?;
    let reached = concentration(by_prediction, actual, weights)?;
    (best > 0.0).then(|| reached / best)
}

/// Pearson correlation of mean ranks.
#[must_use]
pub fn spearman(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    let (a, b) = (mean_ranks(actual), mean_ranks(predicted));
    let centre = (actual.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - centre) * (y - centre)).sum::<f64>();
    let scale = product(&a, &a).sqrt() * product(&b, &b).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// Share of `actual` within `lo ..= hi`.
#[must_use]
pub fn coverage(actual: &[f64], lo: &[f64], hi: &[f64]) -> Option<f64> {
    let inside = actual.iter().zip(lo).zip(hi).map(|((a, lo), hi)| f64::from(a >= lo && a <= hi));
    mean(inside, actual.len())
}
