//! How the shop's year goes, as far as past years tell alike: the seasonal index that churn and value are set right by.
//!
//! Assumes  what a week brings beyond what recency and frequency of its customers let expect comes again with the year.
//! Input    purchase days; horizon and look-back of a fixed window.
//! Output   a [`SeasonalIndex`] from the last window that models are set right on to a year ahead; `None` where the past is too short.
//! Cost     one pass over the weeks in which each customer was active.
//! Ref      Hyndman & Athanasopoulos (2021), Forecasting, ch. 3 (seasonal index); Lin (1989), Biometrics 45, 255-268 (concordance).

use perennial_contract::season::{MOST, SeasonalIndex, Week, YEAR_WEEKS};

use super::history::History;
use super::leaving::Definition;
use super::plan::Plan;

const WEEK_DAYS: i32 = 7;
/// Active customers in every week that is used: fewer say more about chance than about the season.
const ACTIVE_MIN: f64 = 200.0;
/// Weeks that must have come again before a year is believed to.
const WEEKS_AGAIN_MIN: usize = YEAR_WEEKS / 2;
/// Where recency is cut, as shares of the look-back, and the purchase days within it.
const RECENCY_CUTS: [f64; 3] = [0.125, 0.25, 0.5];
const COUNT_CUTS: [usize; 3] = [2, 3, 5];
const COUNTS: usize = COUNT_CUTS.len() + 1;
const CELLS: usize = (RECENCY_CUTS.len() + 1) * COUNTS;

/// Of the customers active at the beginning of a week, by recency and frequency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activity {
    pub active: [f64; CELLS],
    /// Those of them who order within the horizon.
    pub again: [f64; CELLS],
    /// Their purchase days within the horizon.
    pub purchases: [f64; CELLS],
}

/// The index of a plan; what it says about a day rests on what had happened before that day.
pub fn index(plan: &Plan, history: &History) -> Option<SeasonalIndex> {
    let (test, first) = (plan.test?, history.overview.first_day?);
    // Where everybody has a window of their own, no count of one horizon says what is usual.
    if matches!(plan.leaving.definition, Definition::Personal { .. }) {
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
    // What is usual, and whether years are alike, is judged by what was known on the test day.
    let known = usize::try_from((test.plus(-horizon) - grid).div_euclid(WEEK_DAYS)).ok()? + 1;
    if known < YEAR_WEEKS + WEEKS_AGAIN_MIN {
        return None;
    }
    let activity = history.activity((grid, weeks), (horizon, look_back));
    if activity[..known].iter().any(|week| sum(&week.active) < ACTIVE_MIN) {
        return None;
    }
    let leaving = Measure::of(&activity, known, Activity::leaving);
    let spend = Measure::of(&activity, known, Activity::spend);
    if leaving.trust == 0.0 && spend.trust == 0.0 {
        return None;
    }
    let weeks = (past_weeks..weeks).map(|week| Week { leaving: leaving.index(week), spend: spend.index(week) });
    Some(SeasonalIndex { first: from, weeks: weeks.collect() })
}

fn sum(cells: &[f64; CELLS]) -> f64 {
    cells.iter().sum()
}

impl Activity {
    /// The cell of a customer whose last purchase day is `recency` days ago, of `count` within the look-back.
    #[must_use]
    pub fn cell(recency: i32, count: usize, look_back: i32) -> usize {
        let since = RECENCY_CUTS.iter().filter(|&&cut| f64::from(recency) >= cut * f64::from(look_back)).count();
        since * COUNTS + COUNT_CUTS.iter().filter(|&&cut| count >= cut).count()
    }

    /// Log-odds of no order beyond what the usual shares let expect.
    fn leaving(&self, usual: &Usual) -> f64 {
        let log_odds = |again: f64| libm::log((sum(&self.active) - again + 0.5) / (again + 0.5));
        log_odds(sum(&self.again)) - log_odds(expected(&self.active, &usual.again))
    }

    /// Logarithm of purchases over those that the usual rates let expect.
    fn spend(&self, usual: &Usual) -> f64 {
        libm::log((sum(&self.purchases) + 0.5) / (expected(&self.active, &usual.purchases) + 0.5))
    }
}

fn expected(active: &[f64; CELLS], rates: &[f64; CELLS]) -> f64 {
    active.iter().zip(rates).map(|(active, rate)| active * rate).sum()
}

/// What an active customer of each cell does on average.
struct Usual {
    again: [f64; CELLS],
    purchases: [f64; CELLS],
}

impl Usual {
    fn of(weeks: &[Activity]) -> Self {
        let rate = |of: fn(&Activity) -> &[f64; CELLS]| {
            std::array::from_fn(|cell| {
                let total = |of: fn(&Activity) -> &[f64; CELLS]| weeks.iter().map(|week| of(week)[cell]).sum::<f64>();
                total(of) / total(|week| &week.active).max(1.0)
            })
        };
        Self { again: rate(|week| &week.again), purchases: rate(|week| &week.purchases) }
    }
}

/// One number a week as its distance from the mean, and how far it is to be believed.
struct Measure {
    values: Vec<f64>,
    trust: f64,
}

impl Measure {
    fn of(weeks: &[Activity], known: usize, measure: fn(&Activity, &Usual) -> f64) -> Self {
        let usual = Usual::of(&weeks[..known]);
        let mut values: Vec<f64> = weeks.iter().map(|week| measure(week, &usual)).collect();
        let mean = values[..known].iter().sum::<f64>() / known as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        let found = Self { values, trust: 1.0 };
        let trust = found.concordance(known).clamp(0.0, 1.0);
        Self { trust, ..found }
    }

    /// How well the years before told the weeks known: 1 where they said the same, about 0 for chance and for what came only once.
    fn concordance(&self, known: usize) -> f64 {
        let (mut both, mut squares) = (0.0, 0.0);
        for week in YEAR_WEEKS..known {
            let (told, came) = (self.years_before(week - YEAR_WEEKS), self.values[week]);
            both += 2.0 * told * came;
            squares += told * told + came * came;
        }
        both / squares.max(f64::MIN_POSITIVE)
    }

    /// Mean of a week and the same weeks of all years before it.
    fn years_before(&self, week: usize) -> f64 {
        let years = self.values[..=week].iter().rev().step_by(YEAR_WEEKS);
        years.clone().sum::<f64>() / years.count() as f64
    }

    /// What the years up to this week tell of a year later.
    fn index(&self, week: usize) -> f64 {
        (self.trust * self.years_before(week)).clamp(-MOST, MOST)
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
            assert_eq!(sum(&counted.active) as usize, history.count(end, is_active));
            assert_eq!(sum(&counted.again) as usize, history.count(end, |days| is_active(days) && ahead(days) > 0));
            for cell in 0..CELLS {
                let is_here = |days: &[i32]| {
                    let last = days.iter().rev().find(|&&day| day < from.0).map_or(0, |&day| from.0 - day);
                    let count = days.iter().filter(|&&day| day < from.0 && from.0 - day <= LOOK_BACK).count();
                    is_active(days) && Activity::cell(last, count, LOOK_BACK) == cell
                };
                assert_eq!(counted.active[cell] as usize, history.count(end, is_here), "cell {cell} of week {week}");
            }
            let purchases = std::cell::Cell::new(0);
            let everybody = history.count(end, |days| {
                purchases.set(purchases.get() + if is_active(days) { ahead(days) } else { 0 });
                true
            });
            assert_eq!((sum(&counted.purchases) as usize, everybody > 1_000), (purchases.get(), true));
        }
    }

    #[test]
    fn the_busy_season_of_past_years_is_expected_again() {
        // Every December, so to speak, people buy three times as often.
        let busy = |day: i32| if (300..360).contains(&(day % 364)) { 0.03 } else { 0.01 };
        let index = index(&plan(1_400), &history(1_400, busy)).expect("four years");
        assert_eq!(index.first, Day(1_340 - HORIZON - 21));
        let (busy, quiet) = (index.at(Day(3 * 364 + 300 + 7)), index.at(Day(4 * 364 - 100)));
        assert!(busy.leaving < quiet.leaving - 0.5 || busy.spend > quiet.spend + 0.5, "{quiet:?} {busy:?}");
        // Where all but everybody buys within two months, the index stays one that a file may hold.
        let wild = super::index(&plan(1_400), &history(1_400, |day| if (300..360).contains(&(day % 364)) { 0.4 } else { 0.004 }));
        assert_eq!(wild.expect("four years").check(), Ok(()));
        assert!(super::index(&plan(900), &history(900, |_| 0.01)).is_none(), "a short past tells of no year");
    }

    /// A year that is always alike has no season; neither have a hole in the export nor a promotion that came once.
    #[test]
    fn what_came_only_once_is_no_season() {
        let a_year_ago = 1_400 - 364;
        let hole = |day: i32| if (a_year_ago..a_year_ago + 42).contains(&day) { 0.0 } else { 0.01 };
        let promotion = |day: i32| if (a_year_ago..a_year_ago + 14).contains(&day) { 0.05 } else { 0.01 };
        for daily in [&hole as &dyn Fn(i32) -> f64, &promotion, &|_| 0.01] {
            let weeks = index(&plan(1_400), &history(1_400, daily)).map_or_else(Vec::new, |index| index.weeks);
            let most = weeks.iter().map(|week| week.leaving.abs().max(week.spend.abs())).fold(0.0, f64::max);
            assert!(most < 0.1, "{most}");
        }
    }

    #[test]
    fn nothing_from_the_day_on_is_known() {
        let until = |last: i32| history(1_400, |day| if day > last { 0.2 } else { 0.01 + 0.01 * f64::from(day % 364) / 364.0 });
        // The test day is 1,340: what comes after it changes nothing that its forecasts are moved by.
        let (calm, wild) = (index(&plan(1_400), &until(2_000)), index(&plan(1_400), &until(1_340)));
        let at = |index: Option<SeasonalIndex>, day: i32| index.expect("an index").at(Day(day));
        assert_eq!(at(calm.clone(), 1_340), at(wild.clone(), 1_340));
        assert_eq!(at(calm, 1_339), at(wild, 1_339));
        // A window of more than a year is still open a year after it began.
        let history = until(2_000);
        let long = |horizon_days: i32| index(&Plan { horizon_days, test: Some(Day(1_340)), ..plan(2_000) }, &history);
        assert!(long(180).is_some() && long(365).is_none());
    }
}
