//! Dates and times as files write them, as UTC instants and as calendar days in the shop's zone.

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use perennial_contract::Day;

use super::problem::Problem;

const SECOND: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// 2101-01-01: later dates, like those before 1970, are taken for mistakes.
const DAY_END: i32 = 47_847;

pub const UNREASONABLE: &str = "date is before 1970 or after 2100";

/// How a file writes dates.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum DateFormat {
    /// 2026-03-01, 2026-03-01 14:05:09.123, 2026/3/1, with `Z` or an offset where there is one; also 20260301.
    #[default]
    Iso,
    /// 03/01/2026 2:05 PM
    MonthFirst,
    /// 01/03/2026 14:05, 01.03.2026
    DayFirst,
    EpochSeconds,
    EpochMillis,
    EpochMicros,
    /// A strptime pattern.
    Pattern(String),
}

impl DateFormat {
    /// A name from a mapping file.
    pub fn named(name: &str) -> Result<Self, Problem> {
        Ok(match name {
            "iso" => Self::Iso,
            "month-first" => Self::MonthFirst,
            "day-first" => Self::DayFirst,
            "epoch-seconds" => Self::EpochSeconds,
            "epoch-milliseconds" => Self::EpochMillis,
            "epoch-microseconds" => Self::EpochMicros,
            pattern if pattern.contains('%') => Self::Pattern(pattern.to_owned()),
            other => {
                return Err(Problem::refused(
                    format!("unknown date format {other:?}"),
                    "use iso, month-first, day-first, epoch-seconds, epoch-milliseconds, epoch-microseconds or a pattern such as %d-%b-%Y",
                ));
            }
        })
    }
}

/// A time as written: on the shop's clock, or an instant where an offset was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Local { day: i32, micros: i64 },
    Instant(i64),
}

/// Reads times and places them in the shop's zone.
///
/// A local time that daylight saving skips is moved forward by the gap; one that occurs twice is the first of the two.
pub struct Clock {
    zone: TimeZone,
    /// Offset of every local day, and of every UTC day, that has only one; in seconds.
    local: Vec<i32>,
    utc: Vec<i32>,
}

const UNKNOWN: i32 = i32::MAX;
const CHANGES: i32 = i32::MIN;

impl Clock {
    pub fn new(zone: &str) -> Result<Self, Problem> {
        let zone = TimeZone::get(zone).map_err(|_| {
            Problem::refused(format!("unknown time zone {zone:?}"), "set the shop's zone to an IANA name such as Europe/London")
        })?;
        let days = DAY_END as usize + 2;
        Ok(Self { zone, local: vec![UNKNOWN; days], utc: vec![UNKNOWN; days] })
    }

    /// The instant (UTC microseconds) and the shop's calendar day of a text.
    pub fn read(&mut self, text: &str, format: &DateFormat) -> Result<(i64, Day), &'static str> {
        self.place(parse(text, format).ok_or("is not a date in the expected format")?)
    }

    pub fn place(&mut self, written: Written) -> Result<(i64, Day), &'static str> {
        match written {
            Written::Instant(micros) => {
                let day = self.day_of(micros)?;
                Ok((micros, day))
            }
            Written::Local { day, micros } => {
                if !(0..DAY_END).contains(&day) {
                    return Err(UNREASONABLE);
                }
                let local = i64::from(day) * DAY_SECONDS * SECOND + micros;
                match self.local_offset(day) {
                    CHANGES => {
                        let instant = self.slowly(local).ok_or(UNREASONABLE)?;
                        Ok((instant, self.day_of(instant)?))
                    }
                    offset => Ok((local - i64::from(offset) * SECOND, Day(day))),
                }
            }
        }
    }

    /// The shop's calendar day at an instant.
    pub fn day_of(&mut self, micros: i64) -> Result<Day, &'static str> {
        let utc_day = i32::try_from(micros.div_euclid(DAY_SECONDS * SECOND)).map_err(|_| UNREASONABLE)?;
        if !(0..=DAY_END).contains(&utc_day) {
            return Err(UNREASONABLE);
        }
        let offset = match self.utc_offset(utc_day) {
            CHANGES => self.zone.to_offset(timestamp(micros).ok_or(UNREASONABLE)?).seconds(),
            offset => offset,
        };
        let day = (micros + i64::from(offset) * SECOND).div_euclid(DAY_SECONDS * SECOND) as i32;
        (0..DAY_END).contains(&day).then_some(Day(day)).ok_or(UNREASONABLE)
    }

    /// The instant at which a calendar day begins in the shop.
    pub fn midnight(&mut self, day: Day) -> Result<i64, &'static str> {
        self.place(Written::Local { day: day.0, micros: 0 }).map(|(instant, _)| instant)
    }

    fn local_offset(&mut self, day: i32) -> i32 {
        if self.local[day as usize] == UNKNOWN {
            let start = i64::from(day) * DAY_SECONDS * SECOND;
            let same = |zone: &Self| {
                let (from, to) = (zone.slowly(start)?, zone.slowly(start + DAY_SECONDS * SECOND)?);
                zone.constant(from - 1, to).filter(|&offset| from == start - i64::from(offset) * SECOND)
            };
            self.local[day as usize] = same(self).unwrap_or(CHANGES);
        }
        self.local[day as usize]
    }

    fn utc_offset(&mut self, day: i32) -> i32 {
        if self.utc[day as usize] == UNKNOWN {
            let start = i64::from(day) * DAY_SECONDS * SECOND;
            self.utc[day as usize] = self.constant(start, start + DAY_SECONDS * SECOND).unwrap_or(CHANGES);
        }
        self.utc[day as usize]
    }

    /// The one offset from `from` to `to`, if the clock does not change between them.
    fn constant(&self, from: i64, to: i64) -> Option<i32> {
        let (from, to) = (timestamp(from)?, timestamp(to)?);
        let changes = self.zone.following(from).next().is_some_and(|change| change.timestamp() <= to);
        (!changes).then(|| self.zone.to_offset(from).seconds())
    }

    fn slowly(&self, local_micros: i64) -> Option<i64> {
        let civil: DateTime = TimeZone::UTC.to_datetime(timestamp(local_micros)?);
        self.zone.to_ambiguous_timestamp(civil).compatible().ok().map(|t| t.as_microsecond())
    }
}

fn timestamp(micros: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(micros).ok()
}

/// What a text says, or nothing if it is no date in that format.
#[must_use]
pub fn parse(text: &str, format: &DateFormat) -> Option<Written> {
    match format {
        DateFormat::Iso => iso(text.as_bytes()),
        DateFormat::MonthFirst => parted(text, |[month, day, year]| Day::from_ymd(year, month as u32, day as u32)),
        DateFormat::DayFirst => parted(text, |[day, month, year]| Day::from_ymd(year, month as u32, day as u32)),
        DateFormat::EpochSeconds => epoch(text, SECOND),
        DateFormat::EpochMillis => epoch(text, 1000),
        DateFormat::EpochMicros => epoch(text, 1),
        DateFormat::Pattern(pattern) => {
            let time = BrokenDownTime::parse(pattern, text).ok()?;
            if let Ok(instant) = time.to_timestamp() {
                return Some(Written::Instant(instant.as_microsecond()));
            }
            let date = time.to_date().ok()?;
            let micros = time.to_time().map_or(0, |t| {
                (i64::from(t.hour()) * 3600 + i64::from(t.minute()) * 60 + i64::from(t.second())) * SECOND
                    + i64::from(t.subsec_nanosecond() / 1000)
            });
            let day = Day::from_ymd(i32::from(date.year()), date.month() as u32, date.day() as u32)?;
            Some(Written::Local { day: day.0, micros })
        }
    }
}

fn epoch(text: &str, micros_per_unit: i64) -> Option<Written> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut micros = whole.parse::<i64>().ok()?.checked_mul(micros_per_unit)?;
    let mut unit = micros_per_unit;
    for byte in fraction.bytes() {
        unit /= 10;
        micros += i64::from(byte.is_ascii_digit().then(|| byte - b'0')?) * unit;
    }
    Some(Written::Instant(micros))
}

fn digits(bytes: &[u8]) -> Option<i32> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    bytes.iter().try_fold(0_i32, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0')))
}

fn iso(bytes: &[u8]) -> Option<Written> {
    let (date, rest) = match bytes {
        [_, _, _, _, b'-' | b'/', ..] => year_first(bytes)?,
        _ if bytes.len() >= 8 && bytes[..8].iter().all(u8::is_ascii_digit) => {
            (Day::from_ymd(digits(&bytes[..4])?, digits(&bytes[4..6])? as u32, digits(&bytes[6..8])? as u32)?, &bytes[8..])
        }
        _ => return None,
    };
    match rest {
        [] => Some(Written::Local { day: date.0, micros: 0 }),
        [b'T' | b't' | b' ', time @ ..] => clock_time(time, date),
        _ => None,
    }
}

/// `2026-03-01`, `2026/3/1`, and what follows.
fn year_first(bytes: &[u8]) -> Option<(Day, &[u8])> {
    let is_mark = |b: &u8| matches!(b, b'-' | b'/');
    let (year, rest) = (bytes.get(..4)?, bytes.get(5..)?);
    let month = rest.iter().position(is_mark)?;
    let (month, rest) = (&rest[..month], &rest[month + 1..]);
    let (day, rest) = rest.split_at(rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len()));
    let is_short = (1..=2).contains(&month.len()) && (1..=2).contains(&day.len());
    let day = is_short.then(|| Day::from_ymd(digits(year)?, digits(month)? as u32, digits(day)? as u32))??;
    Some((day, rest))
}

/// `14:05`, `14:05:09.123`, `2:05 PM`, then nothing, `Z`, `UTC` or an offset.
fn clock_time(bytes: &[u8], date: Day) -> Option<Written> {
    let end = bytes.iter().position(|b| !(b.is_ascii_digit() || *b == b':' || *b == b'.')).unwrap_or(bytes.len());
    let (time, zone) = (&bytes[..end], bytes[end..].trim_ascii());
    let mut parts = time.split(|b| *b == b':');
    let (mut hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let (second, micros) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let at = seconds.iter().position(|b| *b == b'.').unwrap_or(seconds.len());
            (digits(&seconds[..at])?, fraction_micros(seconds.get(at + 1..).unwrap_or(&[]))?)
        }
    };
    let zone = match zone {
        [b'A' | b'a', b'M' | b'm', rest @ ..] if hour <= 12 => {
            hour %= 12;
            rest.trim_ascii()
        }
        [b'P' | b'p', b'M' | b'm', rest @ ..] if hour <= 12 => {
            hour = hour % 12 + 12;
            rest.trim_ascii()
        }
        other => other,
    };
    // A leap second is counted as the last ordinary one.
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let micros = (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59))) * SECOND + micros;
    match offset_seconds(zone)? {
        None => Some(Written::Local { day: date.0, micros }),
        Some(offset) => Some(Written::Instant((i64::from(date.0) * DAY_SECONDS - offset) * SECOND + micros)),
    }
}

fn fraction_micros(bytes: &[u8]) -> Option<i64> {
    let mut micros = 0;
    for index in 0..6 {
        let digit = bytes.get(index).map_or(Some(0), |b| b.is_ascii_digit().then(|| b - b'0'))?;
        micros = micros * 10 + i64::from(digit);
    }
    bytes.iter().all(u8::is_ascii_digit).then_some(micros)
}

/// Some(None): no zone is written.
fn offset_seconds(zone: &[u8]) -> Option<Option<i64>> {
    let (sign, rest) = match zone {
        [] => return Some(None),
        [b'Z' | b'z'] | b"UTC" | b"GMT" => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [_, _] => (digits(rest)?, 0),
        [_, _, b':', _, _] => (digits(&rest[..2])?, digits(&rest[3..])?),
        [_, _, _, _] => (digits(&rest[..2])?, digits(&rest[2..])?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then(|| Some(sign * i64::from(hours * 3600 + minutes * 60)))
}

/// Three numbers parted by `/`, `.` or `-`, then a time where there is one.
fn parted(text: &str, day_of: impl Fn([i32; 3]) -> Option<Day>) -> Option<Written> {
    if text.bytes().take_while(u8::is_ascii_digit).count() == 4 {
        // A year can stand nowhere else: such a date is clear in any format.
        return iso(text.as_bytes());
    }
    let (date, time) = text.split_once([' ', 'T', ',']).unwrap_or((text, ""));
    let mut parts = date.split(['/', '.', '-']);
    let mut next = || parts.next().filter(|part| part.len() <= 4).and_then(|part| digits(part.as_bytes()));
    let (first, second, year) = (next()?, next()?, next()?);
    if parts.next().is_some() {
        return None;
    }
    // Two digits: the window of POSIX strptime.
    let year = match year {
        0..=68 => year + 2000,
        69..=99 => year + 1900,
        _ => year,
    };
    let day = day_of([first, second, year])?;
    match time.trim() {
        "" => Some(Written::Local { day: day.0, micros: 0 }),
        time => clock_time(time.as_bytes(), day),
    }
}

/// Whether slashed dates put the day or the month first, if `samples` tell.
#[must_use]
pub fn slashed_order<'a>(samples: impl Iterator<Item = &'a str>) -> Option<DateFormat> {
    for sample in samples {
        let mut parts = sample.split(['/', '.', '-', ' ']);
        let first = parts.next().and_then(|part| digits(part.as_bytes()));
        let second = parts.next().and_then(|part| digits(part.as_bytes()));
        match (first, second) {
            (Some(13..=31), Some(1..=12)) => return Some(DateFormat::DayFirst),
            (Some(1..=12), Some(13..=31)) => return Some(DateFormat::MonthFirst),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, text: &str, format: DateFormat, expected: &str, day: &str) {
        let (micros, found) = Clock::new(zone).expect(zone).read(text, &format).expect(text);
        assert_eq!(
            (timestamp(micros).expect(text).to_string().as_str(), found.to_string().as_str()),
            (expected, day),
            "{text} in {zone}"
        );
    }

    #[test]
    fn times_are_placed_in_the_shops_zone() {
        use DateFormat::*;
        check("Europe/London", "2010-12-01 08:26:00", Iso, "2010-12-01T08:26:00Z", "2010-12-01");
        check("Europe/London", "2011-06-01 00:30", Iso, "2011-05-31T23:30:00Z", "2011-06-01");
        check("Asia/Shanghai", "20260301", Iso, "2026-02-28T16:00:00Z", "2026-03-01");
        check("Asia/Shanghai", "2026-03-01T20:00:00Z", Iso, "2026-03-01T20:00:00Z", "2026-03-02");
        check("America/New_York", "2023-01-05 10:33:22 -0500", Iso, "2023-01-05T15:33:22Z", "2023-01-05");
        for format in [Iso, MonthFirst, DayFirst] {
            check("UTC", "2023/1/5 8:03", format.clone(), "2023-01-05T08:03:00Z", "2023-01-05");
            check("UTC", "2023-1-15T8:03Z", format.clone(), "2023-01-15T08:03:00Z", "2023-01-15");
            check("UTC", "2023-10-5", format.clone(), "2023-10-05T00:00:00Z", "2023-10-05");
            check("UTC", "2023-10-05 18:03:01", format, "2023-10-05T18:03:01Z", "2023-10-05");
        }
        check("UTC", "2023-01-05T10:33:22.123456789+05:30", Iso, "2023-01-05T05:03:22.123456Z", "2023-01-05");
        check("UTC", "12/31/2023 11:05 PM", MonthFirst, "2023-12-31T23:05:00Z", "2023-12-31");
        check("UTC", "1/2/24 12:05 am", MonthFirst, "2024-01-02T00:05:00Z", "2024-01-02");
        check("Europe/Berlin", "31.12.2023 23:05", DayFirst, "2023-12-31T22:05:00Z", "2023-12-31");
        check("UTC", "1700000000.5", EpochSeconds, "2023-11-14T22:13:20.5Z", "2023-11-14");
        check("UTC", "1700000000123", EpochMillis, "2023-11-14T22:13:20.123Z", "2023-11-14");
        check("UTC", "05-Jan-2023", Pattern("%d-%b-%Y".to_owned()), "2023-01-05T00:00:00Z", "2023-01-05");
    }

    #[test]
    fn skipped_and_repeated_hours_have_one_answer() {
        check("Europe/London", "2011-03-27 01:30", DateFormat::Iso, "2011-03-27T01:30:00Z", "2011-03-27");
        check("Europe/London", "2011-10-30 01:30", DateFormat::Iso, "2011-10-30T00:30:00Z", "2011-10-30");
        check("America/Sao_Paulo", "2017-10-15 00:00", DateFormat::Iso, "2017-10-15T03:00:00Z", "2017-10-15");
        check("Pacific/Apia", "2011-12-30 12:00", DateFormat::Iso, "2011-12-30T22:00:00Z", "2011-12-31");
    }

    #[test]
    fn the_quick_path_equals_the_slow_one_on_every_day() {
        for zone in ["Europe/London", "America/Sao_Paulo", "Pacific/Apia", "Asia/Shanghai", "Africa/Monrovia"] {
            let mut clock = Clock::new(zone).expect(zone);
            for day in (0..DAY_END).step_by(if zone == "Europe/London" { 1 } else { 3 }) {
                for micros in [0, 90 * 60 * SECOND, DAY_SECONDS * SECOND - 1] {
                    let local = i64::from(day) * DAY_SECONDS * SECOND + micros;
                    let slow = clock.slowly(local).expect("in range");
                    let Ok((quick, found)) = clock.place(Written::Local { day, micros }) else { continue };
                    assert_eq!(quick, slow, "{zone} {day} {micros}");
                    let there = clock.zone.to_datetime(timestamp(slow).expect("in range")).date();
                    let (y, m, d) = found.ymd();
                    assert_eq!((there.year() as i32, there.month() as u32, there.day() as u32), (y, m, d), "{zone} {day}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_date_is_said_so() {
        let mut clock = Clock::new("UTC").expect("UTC");
        for text in [
            "",
            "2011",
            "2011-02-30",
            "2011-2-",
            "2011--1",
            "2011-002-1",
            "2011-2-003",
            "2011/2",
            "2011-01-01 25:00",
            "2011-01-01 10:00 PST",
            "01/02/2011",
            "yesterday",
            "2011-01-01x",
        ] {
            assert!(clock.read(text, &DateFormat::Iso).is_err(), "{text}");
        }
        for text in ["1969-12-31", "2101-01-01", "9999-01-01", "0001-01-01T00:00:00Z"] {
            assert_eq!(clock.read(text, &DateFormat::Iso), Err(UNREASONABLE), "{text}");
        }
        assert!(Clock::new("Mars/Olympus").is_err());
    }
}
