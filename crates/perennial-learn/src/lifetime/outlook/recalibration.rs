//! Where does an outcome really fall in the law that forecasts it?
//!
//! Assumes  customers forecast alike miss alike, and the next window misses as the closed one did.
//! Input    forecasts and [`Pit`]s of customers whose law has not seen the outcome; some only say below or above which PIT it lies.
//! Output   for any forecast the distribution G of PITs: a chance p is reached where the law says G⁻¹(p), so P(outcome ≤ y) is G(F(y)).
//! Cost     a sort a round; two binary searches an answer.
//! Ref      Chernozhukov, Wüthrich & Zhu (2021), PNAS 118(48), distributional conformal prediction; Vovk, Gammerman & Shafer (2005), §4.5 (levels);
//!          Smith (1985), J. Forecasting 4(3): the randomised PIT; Turnbull (1976), JRSS B 38(3): self-consistency for what is half seen.

use serde::{Deserialize, Serialize};

/// Levels of the forecast, of at least so many customers each.
const LEVELS_MAX: usize = 10;
const LEVEL_ROWS_MIN: usize = 100;
/// A level is drawn towards all customers as if so many of those were in it, and all of them towards the law as if so many more had
/// been seen where it put them.
const POOLED_ROWS: f64 = 50.0;
/// More customers than this tell a map nothing more; every so manieth by forecast is taken then.
const ROWS_MAX: usize = 200_000;
/// Rounds of drawing what is half seen from the G it helped to make.
const ROUNDS: usize = 20;
/// A widened interval misses half as often in either tail.
const WIDENED: f64 = 0.5;

/// The chances at which G⁻¹ is kept; in between it goes in straight lines.
const CHANCES: [f64; 51] = [
    0.0, 0.001, 0.0025, 0.005, 0.01, 0.0175, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3, 0.325,
    0.35, 0.375, 0.4, 0.425, 0.45, 0.475, 0.5, 0.525, 0.55, 0.575, 0.6, 0.625, 0.65, 0.675, 0.7, 0.725, 0.75, 0.775, 0.8, 0.825,
    0.85, 0.875, 0.9, 0.925, 0.95, 0.975, 0.9825, 0.99, 0.995, 0.9975, 0.999, 1.0,
];

/// Where an outcome fell in its law.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pit {
    At(f64),
    /// On the atom below this chance, spread over it by luck between 0 and 1.
    Below {
        chance: f64,
        luck: f64,
    },
    /// Not yet seen when the law had given this chance.
    Above {
        chance: f64,
        luck: f64,
    },
}

impl Pit {
    /// G(F(outcome)), uniform where G is right.
    pub fn recalibrated(self, local: Local<'_>) -> f64 {
        match self {
            Self::At(u) => local.chance(u),
            Self::Below { chance, luck } => luck * local.chance(chance),
            Self::Above { chance, luck } => 1.0 - luck * (1.0 - local.chance(chance)),
        }
    }

    /// The law's chance that stands for it while G is this.
    fn drawn(self, local: Local<'_>) -> f64 {
        match self {
            Self::At(u) => u,
            _ => local.law_chance(self.recalibrated(local)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    /// ln of the level's median forecast.
    ln_forecast: f64,
    /// G⁻¹ at [`CHANCES`].
    pits: Vec<f64>,
}

/// G by level of the forecast; between levels it goes in straight lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recalibration {
    levels: Vec<Level>,
}

impl Recalibration {
    /// The law's own word.
    pub(super) fn none() -> Self {
        Self { levels: vec![Level { ln_forecast: 0.0, pits: CHANCES.to_vec() }] }
    }

    /// From (forecast, PIT) of every customer. What is half seen is at first drawn from the law itself and then from G, until the two agree:
    /// else customers of one level whose windows end at different chances would blur each other.
    pub(super) fn fit(mut rows: Vec<(f64, Pit)>) -> Self {
        // Equal forecasts stay in the order they came in.
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut map = Self::none();
        if rows.is_empty() {
            return map;
        }
        let step = rows.len().div_ceil(ROWS_MAX);
        let rows: Vec<(f64, Pit)> = rows.into_iter().step_by(step).collect();
        let levels = level_ends(&rows);
        for _ in 0..ROUNDS {
            let pits: Vec<f64> = rows.iter().map(|(forecast, pit)| pit.drawn(map.at(*forecast))).collect();
            map = Self::of_drawn(&rows, &pits, &levels);
        }
        map
    }

    fn of_drawn(rows: &[(f64, Pit)], pits: &[f64], ends: &[usize]) -> Self {
        let mut all = quantiles(pits.to_vec());
        // Only what was seen whole speaks against the law: what is half seen was drawn from it.
        let seen = rows.iter().filter(|(_, pit)| matches!(pit, Pit::At(_))).count() as f64;
        all.iter_mut().zip(CHANCES).for_each(|(pit, law)| *pit = (seen * *pit + POOLED_ROWS * law) / (seen + POOLED_ROWS));
        let level = |(i, &end): (usize, &usize)| {
            let start = if i == 0 { 0 } else { ends[i - 1] };
            let (n, mut pits) = ((end - start) as f64, quantiles(pits[start..end].to_vec()));
            pits.iter_mut().zip(&all).for_each(|(pit, all)| *pit = (n * *pit + POOLED_ROWS * all) / (n + POOLED_ROWS));
            Level { ln_forecast: ln(rows[usize::midpoint(start, end)].0), pits }
        };
        Self { levels: ends.iter().enumerate().map(level).collect() }
    }

    #[must_use]
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    pub(super) fn at(&self, forecast: f64) -> Local<'_> {
        let last = self.levels.len() - 1;
        if last == 0 {
            return Local { left: &self.levels[0].pits, right: &self.levels[0].pits, share: 0.0 };
        }
        let forecast = ln(forecast);
        let above = self.levels.partition_point(|level| level.ln_forecast < forecast);
        let (a, b) = (&self.levels[above.saturating_sub(1)], &self.levels[above.min(last)]);
        let gap = b.ln_forecast - a.ln_forecast;
        Local { left: &a.pits, right: &b.pits, share: if gap > 0.0 { (forecast - a.ln_forecast) / gap } else { 1.0 } }
    }

    /// A file may hold anything; a map is only what could have been fitted.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_sound = |level: &Level| {
            level.ln_forecast.is_finite()
                && level.pits.len() == CHANCES.len()
                && level.pits.iter().all(|pit| (0.0..=1.0).contains(pit))
                && level.pits.is_sorted()
        };
        let is_rising = self.levels.is_sorted_by(|a, b| a.ln_forecast <= b.ln_forecast);
        if self.levels.is_empty() || self.levels.len() > LEVELS_MAX || !is_rising || !self.levels.iter().all(is_sound) {
            return Err(format!(
                "a recalibration has 1 to {LEVELS_MAX} levels of rising ln_forecast, each with {} rising pits in 0..1",
                CHANCES.len()
            ));
        }
        Ok(())
    }
}

/// Where the levels end; customers of one forecast are of one level.
fn level_ends(rows: &[(f64, Pit)]) -> Vec<usize> {
    let count = (rows.len() / LEVEL_ROWS_MIN).clamp(1, LEVELS_MAX);
    let after_equals = |i: usize| {
        let last = rows[rows.len() * i / count - 1].0;
        rows.partition_point(|row| row.0 <= last)
    };
    let mut ends: Vec<usize> = (1..=count).map(after_equals).collect();
    ends.dedup();
    ends
}

fn ln(forecast: f64) -> f64 {
    libm::log(forecast.clamp(1e-300, 1e300))
}

/// The order statistics at p (n + 1), 0 and 1 standing below the first and above the last: a new PIT then falls below with chance p on
/// average whatever the law gets wrong, with few rows too.
fn quantiles(mut pits: Vec<f64>) -> Vec<f64> {
    pits.sort_by(f64::total_cmp);
    let n = pits.len();
    let ranked = |rank: usize| if rank == 0 { 0.0 } else { pits.get(rank - 1).copied().unwrap_or(1.0) };
    let quantile = |p: &f64| {
        let rank = p * (n + 1) as f64;
        let below = rank.floor();
        let (a, b) = (ranked(below as usize), ranked(below as usize + 1));
        a + (b - a) * (rank - below)
    };
    CHANCES.iter().map(quantile).collect()
}

/// G for one forecast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local<'map> {
    left: &'map [f64],
    right: &'map [f64],
    share: f64,
}

impl Local<'_> {
    fn pit(&self, i: usize) -> f64 {
        self.left[i] + (self.right[i] - self.left[i]) * self.share
    }

    /// G⁻¹(p): the chance by the law that is reached with chance p.
    pub fn law_chance(&self, p: f64) -> f64 {
        let right = CHANCES.partition_point(|chance| *chance <= p).clamp(1, CHANCES.len() - 1);
        let (low, high) = (CHANCES[right - 1], CHANCES[right]);
        let (a, b) = (self.pit(right - 1), self.pit(right));
        a + (b - a) * ((p - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// G(u): the chance of what the law gives the chance u.
    pub fn chance(&self, u: f64) -> f64 {
        let (mut low, mut high) = (0, CHANCES.len() - 1);
        if u >= self.pit(high) {
            return 1.0;
        }
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if self.pit(middle) <= u { low = middle } else { high = middle }
        }
        let (a, b) = (self.pit(low), self.pit(high));
        let share = if b > a { ((u - a) / (b - a)).clamp(0.0, 1.0) } else { 1.0 };
        CHANCES[low] + (CHANCES[high] - CHANCES[low]) * share
    }
}

/// A chance inside the law, widened where nothing was measured.
pub(super) fn widened(u: f64) -> f64 {
    if u < 0.5 { u * WIDENED } else { 1.0 - (1.0 - u) * WIDENED }
}

#[cfg(test)]
mod tests {
    use super::super::judge::uniform;
    use super::*;

    #[test]
    fn a_crooked_law_is_made_straight_and_back() {
        // The law says u where the truth is u²: half of the outcomes fall below √½.
        let rows: Vec<_> = (0..5000)
            .map(|i| (1.0 + f64::from(i % 50), Pit::At(libm::sqrt((f64::from(i * 7919 % 5000) + 0.5) / 5000.0))))
            .collect();
        let map = Recalibration::fit(rows);
        assert_eq!((map.levels(), map.check()), (10, Ok(())));
        for forecast in [0.5, 1.0, 17.3, 80.0] {
            let local = map.at(forecast);
            for p in [0.025, 0.1, 0.33, 0.5, 0.9, 0.975] {
                assert!((local.law_chance(p) - libm::sqrt(p)).abs() < 0.03, "{p}: {}", local.law_chance(p));
                assert!((local.chance(local.law_chance(p)) - p).abs() < 1e-9);
            }
        }
    }

    /// The truth is u², and half of the customers are seen until the law says 0.3, the others until 0.6.
    #[test]
    fn what_is_half_seen_does_not_blur_the_rest() {
        let seen = |i: u32| {
            let luck = |stream| uniform(u64::from(i), 3, stream);
            let (u, until) = (libm::sqrt(luck(1)), if i.is_multiple_of(2) { 0.3 } else { 0.6 });
            (1.0, if u <= until { Pit::At(u) } else { Pit::Above { chance: until, luck: luck(2) } })
        };
        let map = Recalibration::fit((0..5000).map(seen).collect());
        for u in [0.2, 0.3, 0.45, 0.6] {
            assert!((map.at(1.0).chance(u) - u * u).abs() < 0.02, "{u}: {}", map.at(1.0).chance(u));
        }
    }

    #[test]
    fn few_rows_reach_to_both_ends() {
        let map = Recalibration::fit(vec![(1.0, Pit::At(0.4)), (1.0, Pit::At(0.6))]);
        let local = map.at(1.0);
        // Three gaps of a third each: below 0.4, between, above 0.6. All are drawn towards the law, and the one level towards all.
        for (p, told) in [(0.025, 0.03), (0.5, 0.5), (0.975, 0.97)] {
            let all = (2.0 * told + 50.0 * p) / 52.0;
            assert!((local.law_chance(p) - (2.0 * told + 50.0 * all) / 52.0).abs() < 1e-12, "{p}");
        }
        assert_eq!((Recalibration::none().at(3.0).chance(0.3), widened(0.1), widened(0.9)), (0.3, 0.05, 0.95));
    }

    #[test]
    fn a_map_that_falls_is_not_read() {
        let mut map = Recalibration::none();
        map.levels[0].pits[3] = 0.9;
        assert!(map.check().is_err());
        assert!(Recalibration { levels: Vec::new() }.check().is_err());
    }
}
