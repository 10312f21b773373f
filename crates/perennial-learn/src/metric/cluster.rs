//! Do the groups stand apart, and would another sample give the same ones?

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Rows of equal length in one block of memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    pub values: Vec<f64>,
    pub width: usize,
}

impl Points {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    #[must_use]
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self { values: rows.iter().flat_map(|&row| self.row(row)).copied().collect(), width: self.width }
    }
}

#[must_use]
pub fn distance_squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Above this many rows the silhouette is taken on a seeded sample: it costs rows².
pub const SILHOUETTE_ROWS_MAX: usize = 2000;

/// Mean of (b − a) / max(a, b): a the mean distance to the row's own group, b to the nearest other; 0 for a group of one.
///
/// Ref: Rousseeuw (1987), J. Comput. Appl. Math. 20. `None` with fewer than two groups.
#[must_use]
pub fn silhouette(points: &Points, labels: &[u32], seed: u64) -> Option<f64> {
    let mut rows: Vec<usize> = (0..points.rows()).collect();
    if rows.len() > SILHOUETTE_ROWS_MAX {
        rows = sample(rows.len(), SILHOUETTE_ROWS_MAX, seed);
    }
    let groups: BTreeMap<u32, usize> = rows.iter().fold(BTreeMap::new(), |mut sizes, &row| {
        *sizes.entry(labels[row]).or_insert(0) += 1;
        sizes
    });
    if groups.len() < 2 {
        return None;
    }
    let index: BTreeMap<u32, usize> = groups.keys().enumerate().map(|(i, &label)| (label, i)).collect();
    let own: Vec<usize> = rows.iter().map(|&row| index[&labels[row]]).collect();
    let sizes: Vec<usize> = groups.values().copied().collect();
    let mut total = 0.0;
    for (i, &row) in rows.iter().enumerate() {
        let mut sums = vec![0.0; sizes.len()];
        for (j, &other) in rows.iter().enumerate() {
            sums[own[j]] += distance_squared(points.row(row), points.row(other)).sqrt();
        }
        if sizes[own[i]] > 1 {
            let a = sums[own[i]] / (sizes[own[i]] - 1) as f64;
            let others = sums.iter().zip(&sizes).enumerate().filter(|&(group, _)| group != own[i]);
            let b = others.map(|(_, (sum, &size))| sum / size as f64).fold(f64::INFINITY, f64::min);
            if a.max(b) > 0.0 {
                total += (b - a) / a.max(b);
            }
        }
    }
    Some(total / rows.len() as f64)
}

/// `count` of `0..rows` without repetition, ascending (Floyd's algorithm).
#[must_use]
pub fn sample(rows: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut chosen = std::collections::BTreeSet::new();
    for last in rows.saturating_sub(count)..rows {
        let candidate = rng.random_range(0..=last);
        if !chosen.insert(candidate) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

/// Adjusted Rand index of two labellings of the same rows: 1 the same groups, 0 what chance gives.
///
/// Ref: Hubert & Arabie (1985), Journal of Classification 2, eq. (5).
#[must_use]
pub fn adjusted_rand(a: &[u32], b: &[u32]) -> Option<f64> {
    let mut cells: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let (mut of_a, mut of_b): (BTreeMap<u32, u64>, BTreeMap<u32, u64>) = (BTreeMap::new(), BTreeMap::new());
    for (&a, &b) in a.iter().zip(b) {
        *cells.entry((a, b)).or_insert(0) += 1;
        *of_a.entry(a).or_insert(0) += 1;
        *of_b.entry(b).or_insert(0) += 1;
    }
    let pairs = |count: u64| count as f64 * (count as f64 - 1.0) / 2.0;
    let all = pairs(a.len() as u64);
    if all == 0.0 {
        return None;
    }
    let together: f64 = cells.values().map(|&n| pairs(n)).sum();
    let (in_a, in_b): (f64, f64) = (of_a.values().map(|&n| pairs(n)).sum(), of_b.values().map(|&n| pairs(n)).sum());
    let expected = in_a * in_b / all;
    let most = f64::midpoint(in_a, in_b);
    // Both labellings are all one group, or all groups of one: they agree.
    if most == expected { Some(1.0) } else { Some((together - expected) / (most - expected)) }
}

/// Mean adjusted Rand index between the labels `fit` gives on the real rows and those of refits on bootstrap samples,
/// each refit labelling all real rows.
///
/// Ref: Hennig (2007), Computational Statistics & Data Analysis 52, with the Rand index in place of the Jaccard one.
pub fn stability(rows: usize, draws: usize, seed: u64, mut fit: impl FnMut(&[usize]) -> Vec<u32>) -> Option<f64> {
    if rows == 0 || draws == 0 {
        return None;
    }
    let real = fit(&(0..rows).collect::<Vec<_>>());
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut total = 0.0;
    for _ in 0..draws {
        let drawn: Vec<usize> = (0..rows).map(|_| rng.random_range(0..rows)).collect();
        total += adjusted_rand(&real, &fit(&drawn))?;
    }
    Some(total / draws as f64)
}
