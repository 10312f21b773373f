//! What kind of shop to simulate, and what can go wrong while doing it.

use std::path::PathBuf;

use perennial_contract::Day;
use serde::Serialize;

/// How large the shop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Exactly so many customers.
    Customers(u64),
    /// As many customers as it takes to come within about 2% of so many orders.
    Orders(u64),
}

/// How much browsing is written beside the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    None,
    /// The steps to each order and a few visits without one: about 3 rows an order.
    Light,
    /// Whole sessions with lists, searches, carts, checkouts, promotions: about 25 rows an order.
    Full,
}

/// Which tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tables {
    All,
    /// Customers, products, orders, order items and returns only.
    Orders,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Csv,
    CsvGz,
    Parquet,
}

impl Format {
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::CsvGz => "csv.gz",
            Self::Parquet => "parquet",
        }
    }
}

/// Everything that decides a simulated shop: the same settings give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    pub size: Size,
    pub seed: u64,
    /// The shop opens on this day, in its zone.
    pub first_day: Day,
    /// How long it is watched. The as-of day for a first analysis is `first_day + days`.
    pub days: i32,
    /// How far the truth looks beyond the end.
    pub horizon_days: i32,
    /// IANA name; days, hours and holidays are this zone's.
    pub zone: String,
    /// ISO 4217.
    pub currency: String,
    pub events: Events,
    pub tables: Tables,
    /// Share of order and order-item lines that are deliberately spoilt; 0 for none.
    pub dirt: f64,
    pub format: Format,
    /// Worker threads; 0 means as many as the machine has. The bytes do not depend on it.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: Size::Customers(5_000),
            seed: 1,
            first_day: Day(19_783), // 2024-03-01
            days: 730,
            horizon_days: 90,
            zone: "UTC".to_owned(),
            currency: "USD".to_owned(),
            events: Events::Light,
            tables: Tables::All,
            dirt: 0.0,
            format: Format::Csv,
            threads: 0,
        }
    }
}

pub const CUSTOMERS_MAX: u64 = 50_000_000;
pub const ORDERS_MAX: u64 = 200_000_000;

impl Settings {
    /// The first day that is not written any more.
    pub fn end(&self) -> Day {
        self.first_day.plus(self.days)
    }

    pub fn validate(&self) -> Result<(), SimulateError> {
        let wrong = |text: String| Err(SimulateError::Settings(text));
        match self.size {
            Size::Customers(n) if n == 0 || n > CUSTOMERS_MAX => {
                return wrong(format!("customers = {n}: must be 1 to {CUSTOMERS_MAX}"));
            }
            Size::Orders(n) if n == 0 || n > ORDERS_MAX => {
                return wrong(format!("orders = {n}: must be 1 to {ORDERS_MAX}"));
            }
            _ => {}
        }
        if !(30..=3_650).contains(&self.days) {
            return wrong(format!("days = {}: must be 30 to 3650", self.days));
        }
        if !(1..=730).contains(&self.horizon_days) {
            return wrong(format!("horizon_days = {}: must be 1 to 730", self.horizon_days));
        }
        if !(1970..=2100).contains(&self.first_day.ymd().0) {
            return wrong(format!("first_day = {}: must lie in 1970 to 2100", self.first_day));
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return wrong(format!("currency = {:?}: must be an ISO 4217 code such as USD or CNY", self.currency));
        }
        if !(0.0..=0.5).contains(&self.dirt) {
            return wrong(format!("dirt = {}: must be 0 to 0.5, the share of spoilt lines", self.dirt));
        }
        if self.dirt > 0.0 && self.format == Format::Parquet {
            return wrong("dirt: a Parquet file cannot hold a bad date or a missing number; use csv".to_owned());
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The settings make no sense; nothing was written.
    #[error("{0}")]
    Settings(String),
    /// Something is in the way; nothing was written.
    #[error("{} is not an empty folder; choose another one or empty it first", .0.display())]
    Occupied(PathBuf),
    #[error("{}: {cause}", path.display())]
    Write { path: PathBuf, cause: String },
}
