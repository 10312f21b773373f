//! `perennial simulate`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use perennial_contract::Day;

use super::{Context, Exit};
use crate::progress::Unit;
use crate::simulate::{self, Events, Format, Settings, Size, Tables};

/// Write a realistic shop with known truth: who leaves when, who answers an offer, what each customer is worth.
///
/// The same settings give the same bytes. The truth stands in truth.csv, which no import reads.
///
/// Example: perennial simulate --orders 100000 --seed 7 --out exports
#[derive(clap::Args, Debug)]
pub struct Simulate {
    /// The folder to write; must be empty or absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many customers [default: 5000].
    #[arg(long, conflicts_with = "orders")]
    customers: Option<u64>,
    /// About how many orders, instead of a number of customers.
    #[arg(long)]
    orders: Option<u64>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The day the shop opens; without it the shop is watched until the end of September 2025.
    #[arg(long, value_name = "DAY")]
    first_day: Option<Day>,
    /// How many days it is watched.
    #[arg(long, default_value_t = 730)]
    days: i32,
    /// How much browsing is written beside the orders.
    #[arg(long, value_enum, default_value = "light")]
    events: EventsChoice,
    /// Write customers, products, orders, items and returns only.
    #[arg(long)]
    orders_only: bool,
    /// Share of lines that are spoilt on purpose, 0 to 0.5.
    #[arg(long, default_value_t = 0.0)]
    dirt: f64,
    /// How the tables are written.
    #[arg(long, value_enum, default_value = "csv")]
    format: FormatChoice,
    /// ISO 4217 currency of the amounts.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// IANA zone of the shop's days.
    #[arg(long, default_value = "UTC")]
    zone: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EventsChoice {
    None,
    Light,
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatChoice {
    Csv,
    CsvGz,
    Parquet,
}

/// The day after the last one of a shop whose first is not given: the same in every year, so that the same call gives the same bytes.
const END: Day = Day(20_361); // 2025-09-30

impl Simulate {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let settings = self.settings();
        let bar = context.progress().bar("simulating customers", 0, Unit::Rows);
        let summary = simulate::write(&settings, &self.out, &|done, total| {
            bar.set_position(done, total);
        })?;
        drop(bar);
        let language = context.language_without_shop();
        context.print(&summary, || {
            let next = language.of("next: ", "下一步：");
            let (text, out, currency) = (summary.text(language), self.out.display(), &settings.currency);
            format!("{text}\n{next}perennial init SHOP --set shop.currency={currency} && perennial import --shop SHOP {out}")
        })?;
        Ok(Exit::Done)
    }

    fn settings(&self) -> Settings {
        let size = match (self.orders, self.customers) {
            (Some(orders), _) => Size::Orders(orders),
            (None, customers) => Size::Customers(customers.unwrap_or(5_000)),
        };
        Settings {
            size,
            seed: self.seed,
            first_day: self.first_day.unwrap_or(END.plus(self.days.saturating_neg())),
            days: self.days,
            zone: self.zone.clone(),
            currency: self.currency.clone(),
            events: match self.events {
                EventsChoice::None => Events::None,
                EventsChoice::Light => Events::Light,
                EventsChoice::Full => Events::Full,
            },
            tables: if self.orders_only { Tables::Orders } else { Tables::All },
            dirt: self.dirt,
            format: match self.format {
                FormatChoice::Csv => Format::Csv,
                FormatChoice::CsvGz => Format::CsvGz,
                FormatChoice::Parquet => Format::Parquet,
            },
            ..Settings::default()
        }
    }
}
