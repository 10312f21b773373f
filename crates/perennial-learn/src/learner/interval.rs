//! How far from its forecast may a customer's spend fall?
//!
//! Assumes  customers forecast alike miss alike: actual over forecast has one distribution near each level of the forecast.
//! Input    forecasts and actual spend of rows the model did not learn from.
//! Output   for any forecast an interval that holds 80% of such customers, lower end ≥ 0, around the forecast.
//! Cost     one sort of the rows.
//! Ref      Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World, §4.5 (conformal by category); Papadopoulos et al. (2002).

use serde::{Deserialize, Serialize};

/// Levels of the forecast; fewer where there are fewer rows.
const LEVELS_MAX: usize = 25;
const LEVEL_ROWS_MIN: usize = 100;
/// From fewer rows than this an 80% interval says nothing.
pub const ROWS_MIN: usize = 30;

/// At forecast `spend`, the interval is `lo × spend ..= hi × spend`; between levels the factors go in straight lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    pub spend: f64,
    pub lo: f64,
    pub hi: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intervals {
    levels: Vec<Level>,
}

impl Intervals {
    /// Learn from rows the model did not see; forecasts of zero or less carry no information and are left out.
    #[must_use]
    pub fn fit(forecast: &[f64], actual: &[f64]) -> Option<Self> {
        let mut rows: Vec<(f64, f64)> = forecast
            .iter()
            .copied()
            .zip(actual.iter().copied())
            .filter(|(f, a)| *f > 0.0 && f.is_finite() && a.is_finite())
            .collect();
        if rows.len() < ROWS_MIN {
            return None;
        }
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let count = (rows.len() / LEVEL_ROWS_MIN).clamp(1, LEVELS_MAX);
        let levels = (0..count).map(|i| level(&rows[rows.len() * i / count..rows.len() * (i + 1) / count]));
        Some(Self { levels: levels.collect() })
    }

    /// The interval of one forecast.
    #[must_use]
    pub fn around(&self, spend: f64) -> (f64, f64) {
        let above = self.levels.partition_point(|level| level.spend < spend);
        let (lo, hi) = if above == 0 {
            (self.levels[0].lo, self.levels[0].hi)
        } else if above == self.levels.len() {
            (self.levels[above - 1].lo, self.levels[above - 1].hi)
        } else {
            let (a, b) = (&self.levels[above - 1], &self.levels[above]);
            let share = if b.spend > a.spend { (spend - a.spend) / (b.spend - a.spend) } else { 1.0 };
            (a.lo + (b.lo - a.lo) * share, a.hi + (b.hi - a.hi) * share)
        };
        ((lo * spend).min(spend).max(0.0), (hi * spend).max(spend))
    }

    pub fn check(&self) -> Result<(), String> {
        let is_sound = |level: &Level| level.spend.is_finite() && level.lo >= 0.0 && level.hi >= level.lo && level.hi.is_finite();
        if self.levels.is_empty() || !self.levels.iter().all(is_sound) || !self.levels.is_sorted_by(|a, b| a.spend <= b.spend) {
            return Err("interval levels must be rising, finite, with 0 ≤ lo ≤ hi".to_owned());
        }
        Ok(())
    }
}

/// Factors for one level. Where a tenth or more spend nothing, the lower end is zero and all that may miss lies above:
/// the upper end then holds 80% of everybody, those with a negative net (more returned than bought) counted as missed.
fn level(rows: &[(f64, f64)]) -> Level {
    let mut ratios: Vec<f64> = rows.iter().map(|(forecast, actual)| actual / forecast).collect();
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len() as f64;
    // The conformal quantile: the k-th smallest of n with k = ⌈level (n + 1)⌉, so that a new row falls below with at least that chance.
    let at = |level: f64| ratios[((level * (n + 1.0)).ceil().clamp(1.0, n) - 1.0) as usize];
    let below = ratios.iter().filter(|ratio| **ratio < 0.0).count() as f64 / n;
    let none = ratios.iter().filter(|ratio| **ratio <= 0.0).count() as f64 / n;
    let (lo, hi) = if none >= 0.1 { (0.0, at((0.8 + below).min(1.0))) } else { (at(0.1 - 1.0 / (n + 1.0)), at(0.9)) };
    let spend = rows[rows.len() / 2].0;
    let lo = lo.max(0.0);
    // Adding zero turns −0 into 0.
    Level { spend, lo, hi: hi.max(lo) + 0.0 }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Spend is nothing with chance 1 − buys, else exponential; the forecast is its mean.
    fn drawn(seed: u64, buys: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        (0..20_000)
            .map(|_| {
                let mean = 1000.0 * (1.0 + 50.0 * rng.random::<f64>());
                let p = buys(mean);
                let spent = if rng.random::<f64>() < p { -mean / p * libm::log(rng.random::<f64>()) } else { 0.0 };
                (mean, spent)
            })
            .unzip()
    }

    #[test]
    fn four_of_five_new_customers_fall_inside() {
        let cases: [fn(f64) -> f64; 3] = [|_| 1.0, |_| 0.5, |mean| 0.1 + 0.85 * mean / 51_000.0];
        for buys in cases {
            let (forecast, actual) = drawn(7, buys);
            let intervals = Intervals::fit(&forecast, &actual).unwrap();
            assert!(intervals.check().is_ok());
            let (forecast, actual) = drawn(8, buys);
            let inside = forecast.iter().zip(&actual).filter(|(f, a)| {
                let (lo, hi) = intervals.around(**f);
                assert!(0.0 <= lo && lo <= **f && **f <= hi);
                (lo..=hi).contains(*a)
            });
            let share = inside.count() as f64 / forecast.len() as f64;
            // Where fewer than one in five buys, the forecast itself bounds the interval from above and more fall inside.
            assert!((0.79..0.83).contains(&share), "{share}");
        }
    }

    #[test]
    fn too_few_rows_give_no_interval() {
        assert_eq!(Intervals::fit(&[1.0; 29], &[1.0; 29]), None);
        assert!(Intervals::fit(&[1.0; 30], &[1.0; 30]).is_some());
    }
}
