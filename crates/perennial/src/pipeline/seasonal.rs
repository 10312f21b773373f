//! How the shop's year goes, as far as a year ago tells: the seasonal index that churn and value are set right by.
//!
//! Assumes  a week of this year differs from the mean week as the same week a year ago did.
//! Input    purchase days; horizon and look-back of a fixed window.
//! Output   a [`SeasonalIndex`] from the last window that models are set right on to a year ahead; `None` where the past is too short.
//! Cost     one pass over the purchase days.
//! Ref      Hyndman & Athanasopoulos (2021), Forecasting, ch. 3 (seasonal index); James & Stein (1961) for the shrinkage.

use perennial_contract::season::{MOST, SeasonalIndex, Week, YEAR_WEEKS};

use super::history::History;
use super::leaving::Definition;
use super::plan::Plan;

const WEEK_DAYS: i32 = 7;
/// Active customers in every week that is used: fewer say more about chance than about the season.
const ACTIVE_MIN: f64 = 200.0;

/// Of the customers active at the beginning of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activity {
    pub active: f64,
    /// Those of them who order within the horizon.
    pub again: f64,
    /// Their purchase days within the horizon.
    pub purchases: f64,
}

/// The index of a plan; what it says about a day rests on what had happened before that day.
pub fn index(plan: &Plan, history: &History) -> Option<SeasonalIndex> {
    let (test, first) = (plan.test?, history.overview.first_day?);
    if plan.leaving.definition != Definition::Window {
        return None;
    }
    let (horizon, look_back) = (plan.horizon_days, plan.look_back_days);
    let year = YEAR_WEEKS as i32 * WEEK_DAYS;
    // A longer window of a year ago has not closed: it would tell what is to be forecast.
    if horizon > year {
        return None;
    }
    // From a little before the last window that is learned from, so that it is in.
    let from = test.plus(-horizon - 3 * WEEK_DAYS);
    let past_weeks = usize::try_from((from.plus(-year) - first.plus(look_back)).div_euclid(WEEK_DAYS)).ok()?;
    let grid = from.plus(-year - past_weeks as i32 * WEEK_DAYS);
    let weeks = usize::try_from((plan.as_of.plus(-horizon) - grid).div_euclid(WEEK_DAYS)).ok()? + 1;
    let activity = history.activity((grid, weeks), (horizon, look_back));
    // How much weeks differ is judged by what was known on the test day.
    let known = usize::try_from((test.plus(-horizon) - grid).div_euclid(WEEK_DAYS)).ok()? + 1;
    if known < YEAR_WEEKS || activity[..known].iter().any(|week| week.active < ACTIVE_MIN) {
        return None;
    }
    let leaving = Measure::of(activity.iter().map(Activity::leaving), known);
    let spend = Measure::of(activity.iter().map(Activity::spend), known);
    let weeks = (past_weeks..weeks).map(|week| Week { leaving: leaving.index(week), spend: spend.index(week) });
    Some(SeasonalIndex { first: from, weeks: weeks.collect() })
}

impl Activity {
    /// Log-odds of no order, and their variance by chance.
    fn leaving(&self) -> (f64, f64) {
        let (gone, again) = (self.active - self.again + 0.5, self.again + 0.5);
        ((gone / again).ln(), 1.0 / gone + 1.0 / again)
    }

    /// Logarithm of purchases a customer. Who buys much buys often, so chance is taken for twice that of a Poisson count.
    fn spend(&self) -> (f64, f64) {
        (((self.purchases + 0.5) / self.active).ln(), 2.0 / (self.purchases + 0.5))
    }
}

/// One number a week, its mean, and how far it is to be believed.
struct Measure {
    values: Vec<f64>,
    mean: f64,
    trust: f64,
}

impl Measure {
    fn of(weeks: impl Iterator<Item = (f64, f64)>, known: usize) -> Self {
        let (values, chance): (Vec<f64>, Vec<f64>) = weeks.unzip();
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
        let (middle, chance) = (mean(&values[..known]), mean(&chance[..known]));
        let squares: Vec<f64> = values[..known].iter().map(|value| (value - middle).powi(2)).collect();
        let trust = (1.0 - chance / mean(&squares).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        Self { values, mean: middle, trust }
    }

    fn index(&self, week: usize) -> f64 {
        (self.trust * (self.values[week] - self.mean)).clamp(-MOST, MOST)
    }
}

#[cfg(test)]
mod tests {
    use perennial_contract::Day;
    use perennial_learn::words::Words;

    use super::*;
    use crate::pipeline::leaving::Leaving;

    const HORIZON: i32 = 60;
    const LOOK_BACK: i32 = 120;

    fn plan(as_of: i32) -> Plan {
        Plan {
            as_of: Day(as_of),
            horizon_days: HORIZON,
            horizon_reason: Words::default(),
            look_back_days: LOOK_BACK,
            look_back_reason: Words::default(),
            leaving: Leaving { horizon_days: HORIZON, look_back_days: LOOK_BACK, definition: Definition::Window },
            train: vec![],
            test: Some(Day(as_of - HORIZON)),
            serve: vec![],
            refusal: None,
        }
    }

    /// 1,200 customers over `days`, who buy on a day with the chance that `daily` gives.
    fn history(days: i32, daily: impl Fn(i32) -> f64) -> History {
        let mut state = 9_u64;
        let mut chance = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let customer = |_| (0..days).filter(|&day| chance() < daily(day)).collect::<Vec<i32>>();
        History::of_purchases(&(0..1_200).map(customer).filter(|days| !days.is_empty()).collect::<Vec<_>>())
    }

    #[test]
    fn activity_is_what_a_plain_count_gives() {
        let history = history(400, |day| if day % 90 < 30 { 0.02 } else { 0.006 });
        let counted = history.activity((Day(130), 30), (HORIZON, LOOK_BACK));
        for (week, counted) in counted.iter().enumerate() {
            let from = Day(130 + 7 * week as i32);
            let is_active = |days: &[i32]| days.iter().any(|&day| day < from.0 && from.0 - day <= LOOK_BACK);
            let ahead = |days: &[i32]| days.iter().filter(|&&day| (from.0..from.0 + HORIZON).contains(&day)).count();
            let end = Day(i32::MAX);
            assert_eq!(counted.active as usize, history.count(end, is_active));
            assert_eq!(counted.again as usize, history.count(end, |days| is_active(days) && ahead(days) > 0));
            let purchases = std::cell::Cell::new(0);
            let everybody = history.count(end, |days| {
                purchases.set(purchases.get() + if is_active(days) { ahead(days) } else { 0 });
                true
            });
            assert_eq!((counted.purchases as usize, everybody > 1_000), (purchases.get(), true));
        }
    }

    #[test]
    fn the_busy_season_of_a_year_ago_is_expected_again() {
        // Every December, so to speak, people buy three times as often.
        let busy = |day: i32| if (300..360).contains(&(day % 364)) { 0.03 } else { 0.01 };
        let index = index(&plan(1_100), &history(1_100, busy)).expect("three years");
        assert_eq!(index.first, Day(1_040 - HORIZON - 21));
        let (busy, quiet) = (index.at(Day(2 * 364 + 300 + 7)), index.at(Day(3 * 364 + 58)));
        assert_eq!(index.at(Day(900)), Week::default(), "before the index begins");
        assert!(busy.leaving < quiet.leaving - 0.5 && busy.spend > quiet.spend + 0.5, "{quiet:?} {busy:?}");
        // Where all but everybody buys within two months, the index stays one that a file may hold.
        let wild = super::index(&plan(1_100), &history(1_100, |day| if (300..360).contains(&(day % 364)) { 0.4 } else { 0.004 }));
        assert_eq!(wild.expect("three years").check(), Ok(()));
        // A year that is always alike has no season, and a short past tells none.
        let plain = super::index(&plan(1_100), &history(1_100, |_| 0.01)).expect("three years");
        let most = plain.weeks.iter().map(|week| week.leaving.abs().max(week.spend.abs())).fold(0.0, f64::max);
        assert!(most < 0.15, "{most}");
        assert!(super::index(&plan(600), &history(600, |_| 0.01)).is_none());
    }

    #[test]
    fn nothing_from_the_day_on_is_known() {
        let until = |last: i32| history(1_100, |day| if day > last { 0.2 } else { 0.01 + 0.01 * f64::from(day % 364) / 364.0 });
        // The test day is 1,040: what comes after it changes nothing that its forecasts are moved by.
        let (calm, wild) = (index(&plan(1_100), &until(2_000)), index(&plan(1_100), &until(1_040)));
        let at = |index: Option<SeasonalIndex>, day: i32| index.expect("an index").at(Day(day));
        assert_eq!(at(calm.clone(), 1_040), at(wild.clone(), 1_040));
        assert_eq!(at(calm, 1_039), at(wild, 1_039));
        let long =
            |horizon_days: i32| index(&Plan { horizon_days, test: Some(Day(1_600)), ..plan(2_000) }, &history(2_000, |_| 0.01));
        assert!(long(364).is_some() && long(365).is_none());
    }
}
