//! Local time of the shop, and its UTC instants as text.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use perennial_contract::Day;

use super::settings::{Settings, SimulateError};

pub const DAY_SECONDS: i64 = 86_400;

/// Seconds of the shop's wall clock since 1970-01-01 00:00 in its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    pub fn of(day: Day, second: i64) -> Self {
        Self(i64::from(day.0) * DAY_SECONDS + second)
    }

    pub fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_SECONDS) as i32)
    }

    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    pub fn plus_days(self, days: f64) -> Self {
        Self(self.0 + (days * DAY_SECONDS as f64) as i64)
    }
}

/// Knows the zone's offset at every local hour of the simulated period.
pub struct Clock {
    first_hour: i64,
    /// Seconds to take from local time to get UTC, per local hour.
    offsets: Vec<i32>,
}

impl Clock {
    pub fn for_shop(settings: &Settings) -> Result<Self, SimulateError> {
        let zone = TimeZone::get(&settings.zone).map_err(|_| {
            SimulateError::Settings(format!("zone = {:?}: not an IANA time zone; write for example Europe/London", settings.zone))
        })?;
        let first_hour = (i64::from(settings.first_day.0) - 3) * 24;
        let days = i64::from(settings.days + settings.horizon_days) + 120;
        let mut offsets = Vec::with_capacity((days * 24) as usize);
        for hour in first_hour..first_hour + days * 24 {
            let (year, month, day) = Day(hour.div_euclid(24) as i32).ymd();
            let local = DateTime::new(year as i16, month as i8, day as i8, hour.rem_euclid(24) as i8, 0, 0, 0);
            let instant = local.and_then(|local| zone.to_ambiguous_zoned_datetime(local).compatible());
            let instant = instant.map_err(|error| SimulateError::Settings(format!("first_day: {error}")))?;
            offsets.push((hour * 3_600 - instant.timestamp().as_second()) as i32);
        }
        Ok(Self { first_hour, offsets })
    }

    /// Seconds since the Unix epoch.
    #[inline]
    pub fn utc(&self, moment: Moment) -> i64 {
        let hour = (moment.0.div_euclid(3_600) - self.first_hour).clamp(0, self.offsets.len() as i64 - 1);
        moment.0 - i64::from(self.offsets[hour as usize])
    }
}

/// Append `2026-03-01T09:30:00Z`.
#[inline]
pub fn push_instant(out: &mut Vec<u8>, utc_seconds: i64) {
    let day = Day(utc_seconds.div_euclid(DAY_SECONDS) as i32);
    let second = utc_seconds.rem_euclid(DAY_SECONDS) as u32;
    push_day(out, day);
    let [h, m, s] = [second / 3_600, second / 60 % 60, second % 60].map(two_digits);
    out.extend_from_slice(&[b'T', h[0], h[1], b':', m[0], m[1], b':', s[0], s[1], b'Z']);
}

/// Append `2026-03-01`; years 0 to 9999.
#[inline]
pub fn push_day(out: &mut Vec<u8>, day: Day) {
    let (year, month, day) = day.ymd();
    let [c, y, m, d] = [year as u32 / 100, year as u32 % 100, month, day].map(two_digits);
    out.extend_from_slice(&[c[0], c[1], y[0], y[1], b'-', m[0], m[1], b'-', d[0], d[1]]);
}

#[inline]
fn two_digits(n: u32) -> [u8; 2] {
    [b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_follow_the_zone_through_summer_time() {
        let settings = Settings { zone: "Europe/London".to_owned(), ..Settings::default() };
        let clock = Clock::for_shop(&settings).unwrap();
        let check = |day: &str, second: i64, wanted: &str| {
            let mut text = Vec::new();
            push_instant(&mut text, clock.utc(Moment::of(day.parse().unwrap(), second)));
            assert_eq!(String::from_utf8(text).unwrap(), wanted);
        };
        check("2024-03-10", 3_661, "2024-03-10T01:01:01Z");
        check("2024-07-10", 1_800, "2024-07-09T23:30:00Z");
        check("2024-12-31", 86_399, "2024-12-31T23:59:59Z");
    }

    #[test]
    fn an_unknown_zone_is_a_settings_error() {
        let settings = Settings { zone: "Mars/Olympus".to_owned(), ..Settings::default() };
        assert!(matches!(Clock::for_shop(&settings), Err(SimulateError::Settings(text)) if text.contains("Mars/Olympus")));
    }
}
