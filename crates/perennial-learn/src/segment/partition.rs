//! k-means: k centres that lie nearest to all points.
//!
//! Assumes  groups are round and of like size in the space given; scale it first.
//! Input    points [rows × width], k, a seed, how many starts.
//! Output   centres with the least inertia (sum of squared distances) among the starts; ties go to the lower index.
//! Cost     O(rows × k × width) a pass, some tens of passes a start.
//! Ref      Lloyd (1982), IEEE Trans. Inf. Theory 28; k-means++ seeds: Arthur & Vassilvitskii (2007), SODA.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::chunks;
use crate::metric::cluster::{Points, distance_squared};

const PASSES_MAX: usize = 300;

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub k: usize,
    pub seed: u64,
    pub starts: usize,
    pub threads: usize,
    /// A start ends when a pass lowers the inertia by no more than this share; at 0 it goes on until nothing moves.
    pub tolerance: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub centres: Points,
    pub inertia: f64,
}

/// The nearest centre and the squared distance to it.
#[must_use]
pub fn nearest(centres: &Points, point: &[f64]) -> (u32, f64) {
    let mut best = (0, f64::INFINITY);
    for centre in 0..centres.rows() {
        let distance = distance_squared(centres.row(centre), point);
        if distance < best.1 {
            best = (centre as u32, distance);
        }
    }
    best
}

impl Partition {
    #[must_use]
    pub fn assign(&self, points: &Points) -> Vec<u32> {
        (0..points.rows()).map(|row| nearest(&self.centres, points.row(row)).0).collect()
    }

    /// The best of several starts. `None` with fewer distinct points than k.
    #[must_use]
    pub fn search(points: &Points, search: Search) -> Option<Self> {
        if search.k == 0 || points.rows() < search.k {
            return None;
        }
        let mut best: Option<Self> = None;
        for start in 0..search.starts.max(1) as u64 {
            let mut rng = Pcg64Mcg::seed_from_u64(search.seed.wrapping_mul(1_000_003).wrapping_add(start));
            let Some(seeds) = seeds(points, search.k, &mut rng) else { continue };
            let found = descend(points, seeds, Pace { threads: search.threads, tolerance: search.tolerance });
            if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
                best = Some(found);
            }
        }
        best
    }
}

/// Each next seed is drawn with chance proportional to its squared distance from the seeds so far.
fn seeds(points: &Points, k: usize, rng: &mut Pcg64Mcg) -> Option<Points> {
    let first = rng.random_range(0..points.rows());
    let mut centres = points.take(&[first]);
    let mut distances: Vec<f64> = (0..points.rows()).map(|row| distance_squared(points.row(row), points.row(first))).collect();
    while centres.rows() < k {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let mut left = rng.random::<f64>() * total;
        // Rounding may leave a rest at the end: then the last point that is no seed yet is taken.
        let mut chosen = distances.iter().rposition(|d| *d > 0.0)?;
        for (row, distance) in distances.iter().enumerate() {
            left -= distance;
            if left < 0.0 {
                chosen = row;
                break;
            }
        }
        centres.values.extend_from_slice(points.row(chosen));
        for (row, distance) in distances.iter_mut().enumerate() {
            *distance = distance.min(distance_squared(points.row(row), points.row(chosen)));
        }
    }
    Some(centres)
}

/// Sums per centre over one chunk.
struct Sums {
    counts: Vec<f64>,
    totals: Vec<f64>,
    inertia: f64,
}

/// How a descent goes: see [`Search`].
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub threads: usize,
    pub tolerance: f64,
}

/// Move centres to the means of their points until nothing moves, or hardly anything.
#[must_use]
pub fn descend(points: &Points, centres: Points, pace: Pace) -> Partition {
    let (k, width) = (centres.rows(), points.width);
    let mut now = Partition { centres, inertia: f64::INFINITY };
    for _ in 0..PASSES_MAX {
        let parts = chunks::map(points.rows(), pace.threads, |rows| {
            let mut sums = Sums { counts: vec![0.0; k], totals: vec![0.0; k * width], inertia: 0.0 };
            for row in rows {
                let point = points.row(row);
                let (centre, distance) = nearest(&now.centres, point);
                let centre = centre as usize;
                sums.counts[centre] += 1.0;
                sums.inertia += distance;
                for (total, x) in sums.totals[centre * width..(centre + 1) * width].iter_mut().zip(point) {
                    *total += x;
                }
            }
            sums
        });
        let inertia: f64 = parts.iter().map(|part| part.inertia).sum();
        let mut next = now.centres.clone();
        for centre in 0..k {
            let count: f64 = parts.iter().map(|part| part.counts[centre]).sum();
            // A centre that lost all its points stays where it is.
            if count > 0.0 {
                for dimension in centre * width..(centre + 1) * width {
                    next.values[dimension] = parts.iter().map(|part| part.totals[dimension]).sum::<f64>() / count;
                }
            }
        }
        let is_slow = pace.tolerance > 0.0 && now.inertia - inertia <= pace.tolerance * inertia;
        let is_still = next == now.centres || is_slow;
        now = Partition { centres: next, inertia };
        if is_still {
            break;
        }
    }
    now
}
