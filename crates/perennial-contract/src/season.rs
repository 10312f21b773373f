//! How a shop's year goes: what a week of last year says about the same week of this one.

use serde::{Deserialize, Serialize};

use crate::Day;

const WEEK_DAYS: i32 = 7;
pub const YEAR_WEEKS: usize = 52;
/// No season multiplies by more than e³.
pub const MOST: f64 = 3.0;

/// Of the customers active at the beginning of a week a year ago, against the mean of all weeks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Week {
    /// Log-odds of no order within the horizon, less their mean.
    pub leaving: f64,
    /// Logarithm of purchase days within the horizon, less its mean.
    pub spend: f64,
}

/// A seasonal index by week, known from `first` on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeasonalIndex {
    pub first: Day,
    pub weeks: Vec<Week>,
}

impl SeasonalIndex {
    /// The index for forecasts as of a day. The year goes on: beyond the weeks known, and before them, that of the same week of the
    /// next year that is known.
    #[must_use]
    pub fn at(&self, day: Day) -> Week {
        let (week, known, year) =
            (i64::from((day - self.first).div_euclid(WEEK_DAYS)), self.weeks.len() as i64, YEAR_WEEKS as i64);
        let years = if week < 0 { week.div_euclid(year) } else { (week + year - known).max(0) / year };
        let place = usize::try_from(week - years * year).ok();
        place.and_then(|week| self.weeks.get(week)).copied().unwrap_or_default()
    }

    /// A file may hold anything.
    ///
    /// # Errors
    /// Where a number is none that a fit gives.
    pub fn check(&self) -> Result<(), String> {
        let is_sound = |number: f64| (-MOST..=MOST).contains(&number);
        let are_sound = self.weeks.iter().all(|week| is_sound(week.leaving) && is_sound(week.spend));
        if are_sound { Ok(()) } else { Err(format!("a seasonal index has numbers from -{MOST} to {MOST}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_the_index_of_its_week() {
        let week = |leaving: f64| Week { leaving, spend: 0.0 };
        let index = SeasonalIndex { first: Day(100), weeks: vec![week(0.1), week(0.2)] };
        let found = [99, 100, 106, 107, 113, 114].map(|day| index.at(Day(day)).leaving);
        assert_eq!(found, [0.0, 0.1, 0.1, 0.2, 0.2, 0.0]);
        assert!(index.check().is_ok());
        // The year goes on: after 60 weeks the 61st is like the ninth.
        let long = SeasonalIndex { first: Day(0), weeks: (0..60).map(|number| week(0.01 * f64::from(number))).collect() };
        let found = [59, 60, 111, 112, -1, -52, -53].map(|week| long.at(Day(7 * week)).leaving);
        assert_eq!(found, [0.59, 0.08, 0.59, 0.08, 0.51, 0.0, 0.51]);
        assert!(SeasonalIndex { first: Day(0), weeks: vec![week(f64::NAN)] }.check().is_err());
    }
}
