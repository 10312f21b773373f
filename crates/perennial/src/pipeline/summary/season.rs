//! Are the weeks ahead like those the models were judged on? The shop's own past year answers, where it reaches back far enough.

use perennial_contract::Day;

use crate::pipeline::history::History;
use crate::pipeline::plan::Plan;
use crate::report::{Season, SeasonWindow};

/// Whole weeks, so that weekdays fall on weekdays.
const YEAR_DAYS: i32 = 364;
/// A difference of so much, relative to the weeks the models were judged on, is told.
const DIFFERENCE_MIN: f64 = 0.1;
/// Of the normal law: chance stays within it in 99 of 100 cases.
const DEVIATIONS: f64 = 2.576;

/// What is known of the customers who were active as of a day.
struct Window {
    from: Day,
    active: usize,
    share: f64,
}

/// The season, where forecasts that know none would miss it.
pub fn season(plan: &Plan, history: &History) -> Option<Season> {
    let ahead = window(plan, history, plan.as_of.plus(-YEAR_DAYS))?;
    let test = plan.test?;
    // A year ago like with like; in fact where the past does not cover that.
    let judged = window(plan, history, test.plus(-YEAR_DAYS)).or_else(|| window(plan, history, test))?;
    let variance = |window: &Window| window.share * (1.0 - window.share) / window.active as f64;
    let chance = DEVIATIONS * (variance(&ahead) + variance(&judged)).sqrt();
    let difference = (ahead.share - judged.share).abs();
    let told = |Window { from, share, .. }: Window| SeasonWindow { from, share };
    (difference > DIFFERENCE_MIN * judged.share && difference > chance).then(|| Season {
        ahead: told(ahead),
        judged: told(judged),
        is_known: false,
    })
}

/// The customers active as of a day; `None` where the look-back before it or the horizon after it is not in the data.
fn window(plan: &Plan, history: &History, from: Day) -> Option<Window> {
    let end = from.plus(plan.horizon_days);
    let first = history.overview.first_day?;
    if first.plus(plan.look_back_days) > from || end > plan.as_of {
        return None;
    }
    let active = history.count(from, |days| plan.leaving.is_eligible(days, from.0));
    let again = history.count(end, |days| {
        let known = days.partition_point(|&day| day < from.0);
        known < days.len() && plan.leaving.is_eligible(&days[..known], from.0)
    });
    (active > 0).then(|| Window { from, active, share: again as f64 / active as f64 })
}

#[cfg(test)]
mod tests {
    use perennial_learn::words::Words;

    use super::*;
    use crate::pipeline::leaving::{Definition, Leaving};

    fn plan(as_of: i32) -> Plan {
        let (horizon_days, look_back_days) = (50, 50);
        Plan {
            as_of: Day(as_of),
            horizon_days,
            horizon_reason: Words::default(),
            look_back_days,
            look_back_reason: Words::default(),
            leaving: Leaving { horizon_days, look_back_days, definition: Definition::Window },
            train: vec![],
            test: Some(Day(as_of - horizon_days)),
            serve: vec![],
            refusal: None,
        }
    }

    /// 400 customers in each of 14 windows of 50 days; the share that orders again in the next one differs by window.
    fn history(comes: impl Fn(i32) -> i32) -> History {
        let customer = |window: i32, k: i32| {
            let first = 50 * window;
            if k < comes(window) { vec![first, first + 50] } else { vec![first] }
        };
        History::of_purchases(
            &(0..14).flat_map(|w| (0..400).map(move |k| (w, k))).map(|(w, k)| customer(w, k)).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_busier_or_quieter_season_is_told_and_a_like_one_is_not() {
        // As of day 700: ahead is what began on day 336, judged what began on day 286.
        let found = |ahead: i32| season(&plan(700), &history(|window| if window == 6 { ahead } else { 100 }));
        let season = found(300).expect("a season");
        assert_eq!((season.ahead.from, season.judged.from), (Day(336), Day(286)));
        assert!(season.ahead.share > 1.1 * season.judged.share, "{season:?}");
        assert!(found(10).is_some_and(|season| season.ahead.share < 0.9 * season.judged.share));
        assert!(found(101).is_none());
        // Where the past does not reach back a year and a look-back, nothing is said.
        assert!(season_of_short_past().is_none());
    }

    fn season_of_short_past() -> Option<Season> {
        season(&plan(400), &history(|window| if window == 0 { 300 } else { 100 }))
    }
}
