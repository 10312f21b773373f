//! Which days may a model learn from, and on which is it judged? By time only, never by shuffled rows.
//!
//! Assumes  a row's label looks at `[as_of, as_of + horizon)`; the last day with complete data is the day before `as_of` of the shop.
//! Input    first day of data, the shop's as-of day, horizon in days, how many cut-offs.
//! Output   folds: training cut-offs whose label windows all close by the test cut-off; the last of them calibrates.
//! Cost     O(cut-offs).
//! Ref      Tashman (2000), International Journal of Forecasting 16, rolling-origin evaluation.

use perennial_contract::Day;
use serde::{Deserialize, Serialize};

use crate::words::Words;

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// First day with data.
    pub first: Day,
    /// The shop's as-of day: data end the day before.
    pub as_of: Day,
    pub horizon_days: i32,
}

/// How densely cut-offs stand and how far back they go.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    /// Training cut-offs stand evenly, so many in so many days.
    pub period_days: i32,
    pub cuts_per_period: i32,
    /// Days of history a cut-off must have before it.
    pub warmup_days: i32,
    /// At most this many training cut-offs, the latest ones.
    pub cuts_max: usize,
}

impl Density {
    /// About a month between cut-offs, at most three a horizon; a horizon of history before the first. From a month on the cut-offs
    /// divide the horizon evenly, so that those of a test one horizon ago are cut-offs of today too and are computed once.
    #[must_use]
    pub fn for_horizon(horizon_days: i32) -> Self {
        const MONTH_DAYS: i32 = 30;
        let (period_days, cuts_per_period) = match horizon_days.max(1) {
            short @ ..MONTH_DAYS => (short * (MONTH_DAYS + short - 1).div_euclid(short), 1),
            long => (long, (long / MONTH_DAYS).min(3)),
        };
        Self { period_days, cuts_per_period, warmup_days: horizon_days, cuts_max: 12 }
    }
}

/// One origin: learn on `train`, calibrate on `calibration` (the latest of `train`), judge on `test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Ascending; every label window closes by `test`.
    pub train: Vec<Day>,
    /// The last window closed before the test; models are corrected on it before they are judged.
    pub calibration: Day,
    pub test: Day,
    pub horizon_days: i32,
}

/// What a final model may learn from: like a fold whose test day is the shop's as-of day, where labels are not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Latest test day first.
    pub folds: Vec<Fold>,
    /// Cut-offs for the model that will answer at the as-of day.
    pub serve: Vec<Day>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{days} days of data are too few: a horizon of {horizon_days} days needs at least {needed} (history, a training window and a test window); import more or set a shorter horizon_days"
)]
pub struct TooShort {
    pub days: i32,
    pub horizon_days: i32,
    pub needed: i32,
}

/// Cut-offs whose windows close by `by`, latest at `by − horizon`, then evenly back. Ascending.
#[must_use]
pub fn closed_cuts(span: Span, density: Density, by: Day) -> Vec<Day> {
    let earliest = span.first.plus(density.warmup_days.max(1));
    let (period, per_period) = (i64::from(density.period_days.max(1)), i64::from(density.cuts_per_period.max(1)));
    let latest = by.plus(-span.horizon_days);
    let back = |number: usize| latest.plus(-(number as i64 * period / per_period) as i32);
    let mut cuts: Vec<Day> = (0..density.cuts_max).map(back).take_while(|&cut| cut >= earliest).collect();
    cuts.dedup();
    cuts.reverse();
    cuts
}

/// Up to `folds` rolling origins, each a horizon before the next, and the cut-offs to serve from.
/// Fewer folds than asked for where history is short; none at all is an error that says what is missing.
pub fn plan(span: Span, density: Density, folds: usize) -> Result<Plan, TooShort> {
    let horizon_days = span.horizon_days.max(1);
    let span = Span { horizon_days, ..span };
    let mut out = Vec::new();
    for back in 1..=folds.max(1) as i32 {
        let test = span.as_of.plus(-horizon_days * back);
        let train = closed_cuts(span, density, test);
        let Some(&calibration) = train.last() else { break };
        out.push(Fold { train, calibration, test, horizon_days });
    }
    if out.is_empty() {
        let needed = density.warmup_days.max(1) + 2 * horizon_days;
        return Err(TooShort { days: span.as_of - span.first, horizon_days, needed });
    }
    Ok(Plan { folds: out, serve: closed_cuts(span, density, span.as_of) })
}

/// Horizon and look-back with the reason for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    pub horizon_days: i32,
    pub lookback_days: i32,
    pub reason: Words,
}

const HORIZON_DAYS_MIN: i32 = 14;
const HORIZON_DAYS_MAX: i32 = 182;

/// Choose horizon and look-back from the shop's gaps between consecutive orders of a customer (days, any order).
///
/// Horizon: four of five returning customers are back within it (80% quantile of gaps), in whole weeks, 14 to 182 days and at
/// most a quarter of the history, so that training, calibration and test windows fit. Look-back: 95% of gaps are shorter, at
/// least the horizon, at most half the history.
#[must_use]
pub fn defaults(gaps: &[i32], history_days: i32) -> Defaults {
    let mut gaps: Vec<i32> = gaps.iter().copied().filter(|&gap| gap > 0).collect();
    gaps.sort_unstable();
    let cap = (history_days / 4).clamp(1, HORIZON_DAYS_MAX);
    let floor = HORIZON_DAYS_MIN.min(cap);
    let weeks = |days: i32| (days + 6) / 7 * 7;
    let quantile = |q: f64| gaps.get(((gaps.len() as f64 - 1.0) * q).ceil() as usize).copied();
    let (Some(q80), Some(q95)) = (quantile(0.8), quantile(0.95)) else {
        let horizon_days = 91.clamp(floor, cap);
        let lookback_days = 365.min(history_days / 2).max(horizon_days);
        return Defaults {
            horizon_days,
            lookback_days,
            reason: Words::of(
                format!("nobody has ordered twice yet, so a quarter of a year is taken ({horizon_days} days)"),
                format!("尚无客户复购，故取一个季度（{horizon_days} 天）"),
            ),
        };
    };
    let horizon_days = weeks(q80).clamp(floor, cap);
    let lookback_days = weeks(q95).min(history_days / 2).max(horizon_days);
    let limit = if weeks(q80) > cap {
        (format!(", limited to {cap} by {history_days} days of history"), format!("，受 {history_days} 天历史所限取 {cap} 天"))
    } else {
        (String::new(), String::new())
    };
    Defaults {
        horizon_days,
        lookback_days,
        reason: Words::of(
            format!(
                "80% of {} repeat orders came within {q80} days of the one before, 95% within {q95}: horizon {horizon_days} days{}, look-back {lookback_days} days",
                gaps.len(),
                limit.0
            ),
            format!(
                "{} 次复购中 80% 在上次下单后 {q80} 天内、95% 在 {q95} 天内：预测期 {horizon_days} 天{}，回看期 {lookback_days} 天",
                gaps.len(),
                limit.1
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { first: Day(0), as_of: Day(700), horizon_days: 90 };

    #[test]
    fn every_training_window_closes_by_the_test_day() {
        for (as_of, horizon) in [(700, 90), (365, 91), (1000, 28), (280, 60)] {
            let span = Span { as_of: Day(as_of), horizon_days: horizon, ..SPAN };
            let plan = plan(span, Density::for_horizon(horizon), 3).unwrap();
            for fold in &plan.folds {
                assert!(fold.train.iter().all(|cut| cut.plus(horizon) <= fold.test), "{fold:?}");
                assert!(fold.train.is_sorted() && fold.train.last() == Some(&fold.calibration));
                assert!(fold.test.plus(horizon) <= span.as_of);
            }
            assert!(plan.serve.iter().all(|cut| cut.plus(horizon) <= span.as_of));
            assert_eq!(plan.serve.last(), Some(&plan.folds[0].test));
            // What was learned from for the test is a horizon older than what is served from.
            let older: Vec<Day> = plan.serve.iter().map(|cut| cut.plus(-horizon)).collect();
            assert!(plan.folds[0].train.iter().rev().zip(older.iter().rev()).all(|(a, b)| a == b), "{plan:?}");
        }
    }

    #[test]
    fn short_history_is_refused_with_what_is_missing() {
        let span = Span { as_of: Day(200), ..SPAN };
        let error = plan(span, Density::for_horizon(90), 1).unwrap_err();
        assert_eq!((error.days, error.needed), (200, 270));
        assert!(plan_days(269).is_err() && plan_days(270).is_ok());
    }

    fn plan_days(days: i32) -> Result<Plan, TooShort> {
        plan(Span { as_of: Day(days), ..SPAN }, Density::for_horizon(90), 1)
    }

    #[test]
    fn horizon_follows_the_gaps_and_says_so() {
        let weekly = defaults(&[7; 100], 730);
        assert_eq!((weekly.horizon_days, weekly.lookback_days), (14, 14));
        let mixed: Vec<i32> = (1..=100).collect();
        let chosen = defaults(&mixed, 730);
        assert_eq!((chosen.horizon_days, chosen.lookback_days), (84, 98));
        assert!(chosen.reason.en.contains("80% of 100 repeat orders"), "{}", chosen.reason.en);
        assert_eq!(defaults(&mixed, 200).horizon_days, 50);
        assert_eq!(defaults(&[], 400).horizon_days, 91);
    }
}
