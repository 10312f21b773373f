//! Features: one row per customer as of a day, from SQL files a person can read.
//!
//! `$as_of` is exclusive: a feature uses facts of days before it. A customer has a row from the day after the first purchase day on;
//! whoever has only browsed, returned or been written to has none. Labels look at the as-of day and the days after it.

mod group;
mod native;
mod own;
mod query;
mod reference;
pub mod sample;
mod store;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, StringArray};
use perennial_contract::engine::{AsOf, EngineError, Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::table::TableError;
use perennial_contract::{Day, Entity, Table};

use crate::lake::LakeError;
pub use group::{Absent, Feature, FeatureKind, GROUPS, Group};
use native::{Cut, Laid, NATIVES, Native, Pass};
use own::Names;
pub use own::OwnFeatures;
use query::{Columns, Moment};
pub use reference::reference;
pub use sample::Sample;
pub use store::{Rows, Store};

#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// A feature file is wrong: its author can mend it.
    #[error("features/{file}: {problem}; {advice}")]
    Own { file: String, problem: String, advice: &'static str },
    #[error("features/{group}.sql: {cause}")]
    Query { group: String, cause: EngineError },
    #[error("{}: cannot be read: {cause}", path.display())]
    Read { path: PathBuf, cause: String },
    #[error("as-of day {day} in zone {zone:?}: {cause}; choose another day")]
    Day { day: Day, zone: String, cause: String },
    /// The lake broke its promise about rows.
    #[error("rows cannot be used: {0}; check the lake")]
    Rows(String),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

/// Where the built-in groups' values come from. The results are the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// One pass over the sorted rows where there is an implementation, SQL elsewhere.
    Native,
    /// The SQL files on the engine, which define what every number means.
    Sql,
}

/// A request for features, to be answered as of one or several days.
pub struct Ask<'a> {
    pub store: &'a dyn Store,
    pub at: &'a Snapshot,
    pub who: &'a Who,
    pub own: &'a OwnFeatures,
    pub via: Via,
    /// Only these built-in groups (`orders` is always among them); all when empty.
    pub only: &'a [&'a str],
    /// Add the labels of so many days from the as-of day on.
    pub horizon_days: Option<i32>,
}

impl<'a> Ask<'a> {
    /// All groups, no labels, everybody.
    #[must_use]
    pub fn new(store: &'a dyn Store, at: &'a Snapshot, own: &'a OwnFeatures) -> Self {
        Self { store, at, who: &Who::Everyone, own, via: Via::Native, only: &[], horizon_days: None }
    }
}

/// Whether a built-in group gives this column; else it is of a shop's own file.
pub fn is_built_in(column: &str) -> Result<bool, FeatureError> {
    static NAMES: std::sync::OnceLock<Names> = std::sync::OnceLock::new();
    if NAMES.get().is_none() {
        // Whoever comes second finds the same names.
        let _ = NAMES.set(Names::built_in()?);
    }
    Ok(NAMES.get().is_some_and(|names| names.has(column)))
}

/// One row per customer with a purchase day before `as_of`, sorted by `customer_id`.
pub fn compute(store: &dyn Store, at: &Snapshot, as_of: Day, who: &Who, own: &OwnFeatures) -> Result<Table, FeatureError> {
    let tables = compute_many(store, at, &[as_of], who, own)?;
    tables.into_iter().next().ok_or_else(|| FeatureError::Rows("no table for the as-of day".to_owned()))
}

/// [`compute`] for several as-of days with one pass over the rows of the hot groups.
pub fn compute_many(
    store: &dyn Store,
    at: &Snapshot,
    as_ofs: &[Day],
    who: &Who,
    own: &OwnFeatures,
) -> Result<Vec<Table>, FeatureError> {
    Ask { who, ..Ask::new(store, at, own) }.tables(as_ofs)
}

/// `label_churn`, `label_orders` and `label_spend_cents` over `as_of` and the days after it, `horizon_days` in all, for the customers
/// of [`compute`] in the same order. Whether the horizon has ended is the caller's to know.
pub fn labels(store: &dyn Store, at: &Snapshot, as_of: Day, horizon_days: i32, who: &Who) -> Result<Table, FeatureError> {
    let tables = labels_many(store, at, &[as_of], horizon_days, who)?;
    tables.into_iter().next().ok_or_else(|| FeatureError::Rows("no table for the as-of day".to_owned()))
}

/// [`labels`] for several as-of days with one pass over the rows.
pub fn labels_many(
    store: &dyn Store,
    at: &Snapshot,
    as_ofs: &[Day],
    horizon_days: i32,
    who: &Who,
) -> Result<Vec<Table>, FeatureError> {
    let columns = native::LABEL_COLUMNS.map(|(name, kind)| (name.to_owned(), kind));
    let cuts = cuts(store, &everybody(as_ofs), Some(horizon_days))?;
    let pass = Pass { store, at, who, cuts: &cuts, natives: &[], columns: &columns };
    let laid = native::run(&pass)?;
    laid.into_iter().zip(as_ofs).map(|(laid, &as_of)| table(&laid.customers, as_of, laid.columns)).collect()
}

/// A window of a shop's past: customers as of the day it begins, and what they did in its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub as_of: Day,
    pub days: i32,
    pub sample: Sample,
}

/// What lifetime models read (`x`, `t_x`, `t`, `repeat_spend_cents_mean`) and the labels of each window, with one pass over the rows.
/// Windows may have different lengths; whether they have closed is the caller's to know.
pub fn lifetime_windows(store: &dyn Store, at: &Snapshot, windows: &[Window]) -> Result<Vec<Table>, FeatureError> {
    let columns = native::LIFETIME_COLUMNS.iter().chain(&native::LABEL_COLUMNS);
    let columns: Vec<_> = columns.map(|&(name, kind)| (name.to_owned(), kind)).collect();
    let cut = |window: &Window| {
        Ok(Cut {
            as_of: window.as_of,
            start_us: store::day_start_us(store.zone(), window.as_of)?,
            sample: window.sample,
            horizon_days: Some(window.days),
        })
    };
    let cuts: Vec<Cut> = windows.iter().map(cut).collect::<Result<_, FeatureError>>()?;
    let natives = [&native::LIFETIME];
    let pass = Pass { store, at, who: &Who::Everyone, cuts: &cuts, natives: &natives, columns: &columns };
    let laid = native::run(&pass)?;
    laid.into_iter().zip(windows).map(|(laid, window)| table(&laid.customers, window.as_of, laid.columns)).collect()
}

impl Ask<'_> {
    pub fn tables(&self, as_ofs: &[Day]) -> Result<Vec<Table>, FeatureError> {
        self.sampled(&everybody(as_ofs))
    }

    /// [`Ask::tables`] of some of the customers, who may differ by as-of day.
    pub fn sampled(&self, as_ofs: &[(Day, Sample)]) -> Result<Vec<Table>, FeatureError> {
        let own = self.own.groups()?;
        let groups: Vec<&Group> = GROUPS.iter().filter(|group| self.wants(group)).collect();
        // A group without a row in its tables needs no pass and no query, and its columns share their memory.
        let empty = self.empty_tables(&groups)?;
        let is_empty = |group: &Group| group.tables().iter().all(|table| empty.contains(table));
        let native = |group: &&&Group| self.via == Via::Native && native_of(group).is_some() && !is_empty(group);
        let hot: Vec<&Group> = groups.iter().filter(native).copied().collect();
        let by_sql_alone = hot.is_empty() && self.horizon_days.is_none();
        let laid = if by_sql_alone { self.universe(as_ofs)? } else { self.pass(as_ofs, &hot)? };
        let mut tables = Vec::with_capacity(as_ofs.len());
        for (laid, &(as_of, _)) in laid.into_iter().zip(as_ofs) {
            let moment = self.moment(AsOf::Trusted(as_of));
            let mut by_pass = laid.columns.into_iter();
            let mut columns = Columns::new();
            for group in &groups {
                if hot.contains(group) {
                    columns.extend(by_pass.by_ref().take(group.features()?.len()));
                } else if is_empty(group) {
                    columns.extend(query::absent(group, laid.customers.len())?);
                } else {
                    columns.extend(query::aligned(&moment, group, &laid.customers)?);
                }
            }
            let mut names = Names::built_in()?;
            let fence = AsOf::Fenced { day: as_of, start_us: store::day_start_us(self.store.zone(), as_of)? };
            // A query of the shop's own may look at all customers (a rank, a share of the whole), so it always does: one customer's row is
            // then that of everybody, bit for bit.
            let fenced = Moment { who: &Who::Everyone, ..self.moment(fence) };
            for group in &own {
                for (name, array) in query::aligned(&fenced, group, &laid.customers)? {
                    names.claim(group, &name)?;
                    columns.push((name, array));
                }
            }
            columns.extend(by_pass);
            tables.push(table(&laid.customers, as_of, columns)?);
        }
        Ok(tables)
    }

    fn moment(&self, as_of: AsOf) -> Moment<'_> {
        Moment { store: self.store, at: self.at, as_of, who: self.who }
    }

    fn wants(&self, group: &Group) -> bool {
        self.only.is_empty() || group.name == GROUPS[0].name || self.only.contains(&group.name.as_ref())
    }

    fn pass(&self, as_ofs: &[(Day, Sample)], hot: &[&Group]) -> Result<Vec<Laid>, FeatureError> {
        let natives: Vec<&'static Native> = hot.iter().filter_map(|group| native_of(group)).collect();
        let mut columns = Vec::new();
        for group in hot {
            columns.extend(group.features()?.into_iter().map(|feature| (feature.name.to_owned(), feature.kind)));
        }
        if self.horizon_days.is_some() {
            columns.extend(native::LABEL_COLUMNS.map(|(name, kind)| (name.to_owned(), kind)));
        }
        let cuts = cuts(self.store, as_ofs, self.horizon_days)?;
        let pass = Pass { store: self.store, at: self.at, who: self.who, cuts: &cuts, natives: &natives, columns: &columns };
        native::run(&pass)
    }

    /// The customers alone, by the definition of the first group.
    fn universe(&self, as_ofs: &[(Day, Sample)]) -> Result<Vec<Laid>, FeatureError> {
        let one = |&(as_of, sample): &(Day, Sample)| {
            let moment = self.moment(AsOf::Trusted(as_of));
            let customers = query::rows(&moment, &GROUPS[0])?.texts(column::CUSTOMER_ID)?;
            let customers = customers.iter().filter(|id| id.is_some_and(|id| sample.takes(id))).collect();
            Ok(Laid { customers, columns: Columns::new() })
        };
        as_ofs.iter().map(one).collect()
    }

    /// Tables without a row.
    fn empty_tables(&self, groups: &[&Group]) -> Result<Vec<Entity>, FeatureError> {
        let mut tables: Vec<Entity> = groups.iter().flat_map(|group| group.tables()).collect();
        tables.sort_unstable();
        tables.dedup();
        let mut empty = Vec::new();
        for table in tables {
            if self.store.rows(self.at, table)? == 0 {
                empty.push(table);
            }
        }
        Ok(empty)
    }
}

fn native_of(group: &Group) -> Option<&'static Native> {
    NATIVES.iter().find(|native| native.group == group.name)
}

fn everybody(as_ofs: &[Day]) -> Vec<(Day, Sample)> {
    as_ofs.iter().map(|&as_of| (as_of, Sample::EVERYBODY)).collect()
}

fn cuts(store: &dyn Store, as_ofs: &[(Day, Sample)], horizon_days: Option<i32>) -> Result<Vec<Cut>, FeatureError> {
    let cut = |&(as_of, sample)| Ok(Cut { as_of, start_us: store::day_start_us(store.zone(), as_of)?, sample, horizon_days });
    as_ofs.iter().map(cut).collect()
}

fn table(customers: &StringArray, as_of: Day, columns: Columns) -> Result<Table, FeatureError> {
    let ids: ArrayRef = Arc::new(customers.clone());
    let days: ArrayRef = Arc::new(Date32Array::from(vec![as_of.0; customers.len()]));
    let mut all = vec![(column::CUSTOMER_ID, ids), (column::AS_OF, days)];
    all.extend(columns.iter().map(|(name, array)| (name.as_str(), Arc::clone(array))));
    Ok(Table::from_columns(all)?)
}
