//! What features read from: the lake, or tables in memory where a test wants a small shop fast.

use arrow::array::RecordBatch;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use perennial_contract::engine::{Engine, Snapshot, Who};
use perennial_contract::{Day, Entity};

use super::FeatureError;
use crate::lake::Lake;

/// The rows of one bucket, sorted by (customer_id, time, key).
pub type Rows = Box<dyn Iterator<Item = Result<RecordBatch, FeatureError>> + Send>;

/// Canonical tables that answer SQL and stream their rows by customer.
pub trait Store: Sync {
    fn engine(&self) -> &dyn Engine;
    /// IANA name of the shop's zone.
    fn zone(&self) -> &str;
    /// How many rows a table has.
    fn rows(&self, at: &Snapshot, entity: Entity) -> Result<u64, FeatureError>;
    /// One stream per bucket; a customer is in the same bucket of every table that has customers.
    fn scan(&self, at: &Snapshot, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<Rows>, FeatureError>;
}

impl Store for Lake {
    fn engine(&self) -> &dyn Engine {
        self.engine()
    }

    fn zone(&self) -> &str {
        &self.shop().zone
    }

    fn rows(&self, at: &Snapshot, entity: Entity) -> Result<u64, FeatureError> {
        Ok(self.rows(at, entity)?)
    }

    fn scan(&self, at: &Snapshot, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<Rows>, FeatureError> {
        let scans = self.scan(at, entity, columns, who)?;
        Ok(scans.into_iter().map(|scan| Box::new(scan.map(|batch| Ok(batch?))) as Rows).collect())
    }
}

/// The instant at which a day begins in a zone, UTC microseconds.
pub(super) fn day_start_us(zone: &str, day: Day) -> Result<i64, FeatureError> {
    let wrong = |cause: &dyn std::fmt::Display| FeatureError::Day { day, zone: zone.to_owned(), cause: cause.to_string() };
    let (year, month, date) = day.ymd();
    let year = i16::try_from(year).map_err(|e| wrong(&e))?;
    let date = Date::new(year, month as i8, date as i8).map_err(|e| wrong(&e))?;
    let zone = TimeZone::get(zone).map_err(|e| wrong(&e))?;
    Ok(date.to_zoned_datetime(zone).map_err(|e| wrong(&e))?.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_local_midnight() -> Result<(), FeatureError> {
        let day = Day(9862); // 1997-01-01
        assert_eq!(day_start_us("UTC", day)?, 852_076_800_000_000);
        assert_eq!(day_start_us("Asia/Shanghai", day)?, 852_076_800_000_000 - 8 * 3_600_000_000);
        assert!(day_start_us("Moon/Base", day).is_err());
        Ok(())
    }
}
