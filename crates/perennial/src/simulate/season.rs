//! When people buy: the week, the year, the shopping holidays and the hour of the day.
//!
//! Orders are a Poisson process in *shop time*, in which every day lasts as long as it is busy (1 on an average day). Going
//! from shop time to the calendar and back is a lookup, so a peak such as 11.11 costs nothing to simulate exactly.

use perennial_contract::Day;

use super::clock::{DAY_SECONDS, Moment};
use super::settings::Settings;

/// What moves a customer through the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    Everyday,
    /// Buys mostly for others: November and December count several times.
    Gifts,
}

/// One rhythm's busyness per day, as running totals from the first day.
struct Course {
    reached: Vec<f64>,
}

pub struct Season {
    first_day: Day,
    everyday: Course,
    gifts: Course,
    /// Share of a day's orders before each hour, 25 entries.
    hours: [f64; 25],
}

/// A typical web shop's day: quiet at night, a lunch bump, the evening peak.
const HOUR_WEIGHTS: [f64; 24] =
    [1.6, 0.9, 0.5, 0.4, 0.4, 0.6, 1.2, 2.4, 3.6, 4.6, 5.2, 5.4, 5.6, 5.2, 4.8, 4.7, 4.8, 5.2, 6.0, 7.2, 8.2, 8.0, 6.0, 3.5];
/// Monday to Sunday.
const WEEKDAY: [f64; 7] = [1.02, 0.98, 0.96, 0.97, 0.98, 1.02, 1.07];

impl Season {
    pub fn for_shop(settings: &Settings) -> Self {
        let days = settings.days + settings.horizon_days;
        let course = |rhythm| {
            let mut total = 0.0;
            let steps = (0..days).map(|d| {
                total += busyness(settings.first_day.plus(d), rhythm);
                total
            });
            Course { reached: std::iter::once(0.0).chain(steps).collect() }
        };
        let mut hours = [0.0; 25];
        let total: f64 = HOUR_WEIGHTS.iter().sum();
        for (hour, weight) in HOUR_WEIGHTS.iter().enumerate() {
            hours[hour + 1] = hours[hour] + weight / total;
        }
        hours[24] = 1.0;
        Self { first_day: settings.first_day, everyday: course(Rhythm::Everyday), gifts: course(Rhythm::Gifts), hours }
    }

    fn course(&self, rhythm: Rhythm) -> &[f64] {
        match rhythm {
            Rhythm::Everyday => &self.everyday.reached,
            Rhythm::Gifts => &self.gifts.reached,
        }
    }

    /// Shop time at the beginning of a day; days outside the simulated period are moved to its edge.
    pub fn at_day(&self, rhythm: Rhythm, day: Day) -> f64 {
        let course = self.course(rhythm);
        course[((day - self.first_day).max(0) as usize).min(course.len() - 1)]
    }

    /// Shop time of a moment.
    pub fn at(&self, rhythm: Rhythm, moment: Moment) -> f64 {
        let (start, next) = (self.at_day(rhythm, moment.day()), self.at_day(rhythm, moment.day().plus(1)));
        let second = moment.0.rem_euclid(DAY_SECONDS) as f64;
        let hour = (second / 3_600.0) as usize;
        let share = self.hours[hour] + (self.hours[hour + 1] - self.hours[hour]) * (second / 3_600.0 - hour as f64);
        start + (next - start) * share
    }

    /// The moment at which a shop time is reached; `None` after the last simulated day.
    pub fn moment(&self, rhythm: Rhythm, time: f64) -> Option<Moment> {
        let course = self.course(rhythm);
        let day = course.partition_point(|&reached| reached <= time).checked_sub(1)?;
        let (start, next) = (course[day], *course.get(day + 1)?);
        let share = (time - start) / (next - start);
        let hour = self.hours.partition_point(|&before| before <= share).clamp(1, 24) - 1;
        let within = (share - self.hours[hour]) / (self.hours[hour + 1] - self.hours[hour]);
        let second = ((hour as f64 + within.clamp(0.0, 1.0)) * 3_600.0) as i64;
        Some(Moment::of(self.first_day.plus(day as i32), second.min(DAY_SECONDS - 1)))
    }

    /// Shop time at the end of the simulated period, horizon included.
    pub fn length(&self, rhythm: Rhythm) -> f64 {
        self.course(rhythm).last().copied().unwrap_or(0.0)
    }
}

/// How busy a day is; an average day is about 1.
pub fn busyness(day: Day, rhythm: Rhythm) -> f64 {
    let (year, month, of_month) = day.ymd();
    let day_of_year = Day::from_ymd(year, 1, 1).map_or(0, |first| day - first);
    let yearly = 1.0 + 0.08 * libm::cos(std::f64::consts::TAU * f64::from(day_of_year + 20) / 365.25);
    let base = 0.94 * yearly * WEEKDAY[(day.0 + 3).rem_euclid(7) as usize] * holiday(day);
    match rhythm {
        Rhythm::Everyday => base,
        Rhythm::Gifts => match (month, of_month) {
            (11, _) => base * 2.4,
            (12, 1..=22) => base * 4.0,
            (2, 4..=14) | (5, 4..=12) => base * 2.0,
            _ => base * 0.5,
        },
    }
}

/// The factor of a day by itself: 11.11, Black Friday to Cyber Monday, 6.18, the run to Christmas, Lunar New Year.
fn holiday(day: Day) -> f64 {
    let (year, month, of_month) = day.ymd();
    let after_black_friday = day - black_friday(year);
    match (month, of_month) {
        (11, 11) => 2.8,
        (11, 9 | 10) | (6, 17) => 1.3,
        (6, 18) => 2.0,
        _ if after_black_friday == 0 => 2.6,
        _ if (1..=2).contains(&after_black_friday) => 1.6,
        _ if after_black_friday == 3 => 2.2,
        (12, 1..=20) => 1.25,
        (12, 24..=26) | (1, 1) => 0.55,
        _ if lunar_new_year(year).is_some_and(|new_year| (-1..=5).contains(&(day - new_year))) => 0.7,
        _ => 1.0,
    }
}

/// The day after the fourth Thursday of November.
pub fn black_friday(year: i32) -> Day {
    let first = Day::from_ymd(year, 11, 1).unwrap_or_default();
    let to_thursday = (3 - (first.0 + 3)).rem_euclid(7);
    first.plus(to_thursday + 22)
}

/// Percent off the list price for everybody, on the shop's sale days.
pub fn markdown_percent(day: Day) -> i64 {
    let (year, month, of_month) = day.ymd();
    match (month, of_month) {
        (11, 11) => 20,
        (6, 18) => 15,
        _ if (0..=3).contains(&(day - black_friday(year))) => 15,
        (12, 26..=31) => 10,
        _ => 0,
    }
}

/// First day of the lunar year, for the years around now.
fn lunar_new_year(year: i32) -> Option<Day> {
    let (month, day) = match year {
        2019 => (2, 5),
        2020 => (1, 25),
        2021 => (2, 12),
        2022 => (2, 1),
        2023 => (1, 22),
        2024 => (2, 10),
        2025 => (1, 29),
        2026 => (2, 17),
        2027 => (2, 6),
        2028 => (1, 26),
        2029 => (2, 13),
        2030 => (2, 3),
        _ => return None,
    };
    Day::from_ymd(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_friday_falls_where_the_calendar_says() {
        for (year, wanted) in [(2023, "2023-11-24"), (2024, "2024-11-29"), (2025, "2025-11-28"), (2029, "2029-11-23")] {
            assert_eq!(black_friday(year).to_string(), wanted);
        }
    }

    #[test]
    fn an_average_day_is_about_one_and_peaks_stand_out() {
        let start = Day::from_ymd(2024, 3, 1).unwrap();
        let mean = |rhythm| (0..730).map(|d| busyness(start.plus(d), rhythm)).sum::<f64>() / 730.0;
        assert!((mean(Rhythm::Everyday) - 1.0).abs() < 0.05, "{}", mean(Rhythm::Everyday));
        assert!((mean(Rhythm::Gifts) - 1.0).abs() < 0.15, "{}", mean(Rhythm::Gifts));
        let singles_day = Day::from_ymd(2024, 11, 11).unwrap();
        assert!(busyness(singles_day, Rhythm::Everyday) > 2.0 * busyness(singles_day.plus(-21), Rhythm::Everyday));
    }

    #[test]
    fn shop_time_and_moments_are_inverse_and_monotone() {
        let season = Season::for_shop(&Settings::default());
        for rhythm in [Rhythm::Everyday, Rhythm::Gifts] {
            let (mut last, length) = (Moment(i64::MIN), season.length(rhythm));
            for step in 0..5_000 {
                let time = length * f64::from(step) / 5_000.0;
                let moment = season.moment(rhythm, time).unwrap();
                assert!(moment >= last);
                assert!((season.at(rhythm, moment) - time).abs() < 1e-3);
                last = moment;
            }
            assert_eq!(season.moment(rhythm, length + 1.0), None);
        }
    }
}
