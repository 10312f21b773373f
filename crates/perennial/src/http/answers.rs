//! Who answers now, as of which day: looked up once for every state of the lake and the registry, not once a request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use arrow::array::AsArray;
use arrow::datatypes::Date32Type;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::Task;
use perennial_contract::{Day, Entity};

use crate::pipeline::{Champion, champions};
use crate::shop::Shop;

/// Models and the day they are asked about.
pub struct Ready {
    pub champions: Arc<BTreeMap<Task, Champion>>,
    /// The day after the newest order or event: everything known counts.
    pub as_of: Option<Day>,
}

#[derive(Default)]
pub struct Answers {
    kept: Mutex<Option<(State, Arc<Ready>)>>,
    /// The newest day of any event that was ever here, as days since 1970; the lake's own are looked up once.
    newest: AtomicI32,
}

#[derive(Clone, PartialEq)]
struct State {
    at: Snapshot,
    revision: i64,
    newest: i32,
}

impl Answers {
    /// The newest event of the lake, so that what was live before a restart counts after it.
    pub fn look_up_newest(&self, shop: &Shop) -> Result<()> {
        let at = shop.lake.snapshot()?;
        for bucket in shop.lake.scan(&at, Entity::Events, &["occurred_on"], &Who::Everyone)? {
            for batch in bucket {
                let batch = batch?;
                let days = batch["occurred_on"].as_primitive::<Date32Type>();
                self.saw(Day(days.iter().flatten().max().unwrap_or(0)));
            }
        }
        Ok(())
    }

    /// Something happened on this day.
    pub fn saw(&self, day: Day) {
        self.newest.fetch_max(day.0, Ordering::Relaxed);
    }

    /// Who answers about this state of the lake.
    pub fn ready(&self, shop: &Shop, at: &Snapshot) -> Result<Arc<Ready>> {
        let state = State { at: at.clone(), revision: shop.registry.revision()?, newest: self.newest.load(Ordering::Relaxed) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ready)) = kept.as_ref().filter(|(known, _)| *known == state) {
            return Ok(ready.clone());
        }
        let last_sale = shop.sale_days(at)?.map(|(_, last)| last.0);
        // What is dated ahead has not happened yet.
        let newest = Some(state.newest.min(today(shop).0)).filter(|&newest| newest > 0).max(last_sale);
        // Models of an unchanged registry are the same ones, whatever came into the lake.
        let same = kept.as_ref().filter(|(known, _)| known.revision == state.revision).map(|(_, ready)| ready.champions.clone());
        let champions = same.map_or_else(|| champions(shop).map(Arc::new), Ok)?;
        let ready = Arc::new(Ready { champions, as_of: newest.map(|day| Day(day).plus(1)) });
        *kept = Some((state, ready.clone()));
        Ok(ready)
    }
}

/// Today in the shop's zone.
fn today(shop: &Shop) -> Day {
    let now = jiff::Timestamp::now();
    let zone = jiff::tz::TimeZone::get(&shop.settings.shop.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let date = zone.to_datetime(now).date();
    Day::from_ymd(i32::from(date.year()), date.month().unsigned_abs().into(), date.day().unsigned_abs().into())
        .unwrap_or_default()
}
