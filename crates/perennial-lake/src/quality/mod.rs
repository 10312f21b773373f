//! The quality gate: profile of every table, rules with severities, money reconciled to the cent, and a verdict.

mod clean;
pub mod profile;
mod relation;
mod rule;
mod sketch;
mod suggest;
mod trap;

use std::collections::{BTreeMap, HashMap};

use arrow::array::Array;
use perennial_contract::Entity;
use perennial_contract::engine::{EngineError, Snapshot};
use perennial_contract::money::{Decimal, minor_digits};
use serde::Serialize;

pub use clean::{Cleaned, CleaningEffect, CleaningPolicy};
pub use profile::{ColumnProfile, TableProfile};
pub use relation::Relations;
pub use rule::Answer;
pub use trap::Trap;

use crate::features::FeatureError;
use crate::lake::{ImportRecord, Lake, LakeError};
use crate::table::hash::{hash, mix};

/// Profiles of the tables that hold rows or rejects.
pub type Tables = BTreeMap<Entity, TableProfile>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Broken, it shuts the gate.
    Error,
    Warning,
    Off,
}

/// The declared rules: severities and limits.
#[derive(Clone, Debug)]
pub struct QualitySettings {
    pub currency: String,
    pub reject_share_max: f64,
    pub guest_share_max: f64,
    pub silent_days_max: u32,
    pub rejects: Severity,
    pub reconciliation: Severity,
    pub duplicate_lines: Severity,
    pub duplicate_customers: Severity,
    pub guests: Severity,
    pub silent_days: Severity,
    pub references: Severity,
    pub outliers: Severity,
    pub partial_month: Severity,
    pub future: Severity,
    /// `name: severity: SELECT count(*) …`
    pub own: Vec<String>,
    pub cleaning: CleaningPolicy,
    /// Customers that the cleaning leaves out, by id.
    pub drop_customers: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Clean(#[from] FeatureError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("own rule {rule:?} in quality.own: {problem}")]
    Rule { rule: String, problem: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    Open,
    Shut,
}

/// Net revenue from the files to the lake, major units: `stated = loaded + rejected + rounding`, exactly.
#[derive(Clone, Debug, Serialize)]
pub struct Balance {
    pub stated: String,
    pub loaded: String,
    pub rejected: String,
    pub rounding: String,
    /// The part of `loaded` that was there already or that a later row took the place of: the lake holds `loaded − known`.
    pub known: String,
    pub balanced: bool,
}

/// Rows refused at import, by table and reason.
#[derive(Clone, Debug, Serialize)]
pub struct RejectGroup {
    pub table: String,
    pub reason: String,
    pub rows: u64,
}

/// What the gate says of a snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub gate: Gate,
    pub rules: Vec<Answer>,
    pub tables: BTreeMap<&'static str, TableProfile>,
    pub net_revenue_cents: i64,
    pub currency: String,
    pub reconciliation: Option<Balance>,
    pub rejects: Vec<RejectGroup>,
    /// What the cleaning policies change for whoever learns and scores; the lake keeps what the files said.
    pub cleaning: CleaningEffect,
    /// Known traps of the formats imported, and how many rows fell under each.
    pub traps: Vec<Trap>,
    /// Rules the data suggest, ready to be put into `quality.own`.
    pub suggested: Vec<String>,
}

/// Check a snapshot of the lake.
pub fn check(lake: &Lake, at: &Snapshot, settings: &QualitySettings) -> Result<Verdict, QualityError> {
    let imports = lake.imports()?;
    let rejects = reject_groups(lake, at)?;
    let (mut tables, relations) = read_all(lake, at)?;
    for group in &rejects {
        if let Some(profile) = Entity::from_name(&group.table).and_then(|entity| tables.get_mut(&entity)) {
            profile.rejected += group.rows;
        }
    }
    let mut rules = rule::Asked { settings, tables: &tables, relations: &relations, imports: &imports }.answers();
    if settings.reconciliation != Severity::Off {
        rules.insert(0, rule::reconciliation(&imports, &relations, settings.reconciliation));
    }
    if tables.get(&Entity::Orders).is_none_or(|orders| orders.rows == 0) {
        rules.insert(0, rule::no_orders());
    }
    rules.extend(rule::dropped_customers(lake, at, &settings.drop_customers)?);
    for text in &settings.own {
        rules.push(rule::own(lake, at, text)?);
    }
    let is_shut = rules.iter().any(|answer| !answer.passed && answer.severity == Severity::Error);
    let traps = trap::known(&imports, &relations);
    let suggested = suggest::rules(&tables);
    Ok(Verdict {
        gate: if is_shut { Gate::Shut } else { Gate::Open },
        rules,
        tables: tables.into_iter().map(|(entity, profile)| (entity.name(), profile)).collect(),
        net_revenue_cents: relations.net_revenue_cents(),
        currency: settings.currency.clone(),
        reconciliation: balance(&imports, &settings.currency),
        rejects,
        cleaning: Cleaned::effect(lake, at, settings.cleaning)?,
        traps,
        suggested,
    })
}

/// Two threads, one table each, one of them with what holds between tables first: nothing depends on who read what.
fn read_all(lake: &Lake, at: &Snapshot) -> Result<(Tables, Relations), QualityError> {
    let entities: Vec<Entity> = Entity::ALL.iter().copied().filter(|entity| *entity != Entity::Rejects).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let read = || {
        let mut found = Vec::new();
        while let Some(&entity) = entities.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            found.push((entity, TableProfile::read(lake, at, entity)));
        }
        found
    };
    let (found, relations) = std::thread::scope(|scope| {
        let other = scope.spawn(read);
        let relations = Relations::read(lake, at);
        let mut found = read();
        found.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (found, relations)
    });
    let mut tables = Tables::new();
    for (entity, profile) in found {
        let profile = profile?;
        if profile.rows > 0 || entity == Entity::Orders {
            tables.insert(entity, profile);
        }
    }
    Ok((tables, relations?))
}

/// Rejects by table and reason. Exports overlap, so the same bad row of two imports is one; twice in one import, it is two.
fn reject_groups(lake: &Lake, at: &Snapshot) -> Result<Vec<RejectGroup>, QualityError> {
    let mut groups: Vec<((String, String), u64)> = Vec::new();
    let mut group_at: HashMap<(String, String), u32> = HashMap::new();
    // By content and import: the group, and how often. A few dozen bytes a bad row.
    let mut rows: BTreeMap<(u64, u64), (u32, u32)> = BTreeMap::new();
    let columns = ["batch_id", "table", "reason", "column", "value", "raw"];
    for bucket in lake.scan(at, Entity::Rejects, &columns, &perennial_contract::engine::Who::Everyone)? {
        for batch in bucket {
            let table = perennial_contract::Table::new(batch?);
            let Ok(texts) = columns.iter().map(|name| table.texts(name)).collect::<Result<Vec<_>, _>>() else { continue };
            for row in 0..table.rows() {
                let text = |column: usize| if texts[column].is_valid(row) { texts[column].value(row) } else { "" };
                let content = (1..columns.len()).fold(0, |state, column| mix(state, hash(text(column).as_bytes(), 23)));
                let group = *group_at.entry((text(1).to_owned(), text(2).to_owned())).or_insert_with_key(|key| {
                    groups.push((key.clone(), 0));
                    groups.len() as u32 - 1
                });
                rows.entry((content, hash(text(0).as_bytes(), 29))).or_insert((group, 0)).1 += 1;
            }
        }
    }
    let rows: Vec<_> = rows.into_iter().collect();
    for same in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
        let most = same.iter().map(|(_, (_, count))| *count).max().unwrap_or(0);
        groups[same[0].1.0 as usize].1 += u64::from(most);
    }
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(groups.into_iter().map(|((table, reason), rows)| RejectGroup { table, reason, rows }).collect())
}

fn loaded(import: &ImportRecord, digits: u32) -> Decimal {
    Decimal { units: i128::from(import.money.loaded_cents), scale: digits }
}

/// Whether an import's rows add up to what its files state.
fn is_balanced(import: &ImportRecord) -> bool {
    let source = &import.money.source;
    let arrived = [2, 0, 3, 4].iter().any(|&digits| {
        let sum = loaded(import, digits).plus(source.rejected).and_then(|sum| sum.plus(source.rounding));
        sum.and_then(|sum| sum.plus(Decimal { units: -source.stated.units, scale: source.stated.scale }))
            .is_some_and(|rest| rest.units == 0)
    });
    arrived || import.money.source == perennial_contract::source::Reconciliation::ZERO && import.money.loaded_cents == 0
}

fn balance(imports: &[ImportRecord], currency: &str) -> Option<Balance> {
    let digits = minor_digits(currency);
    let mut sums = [Decimal::ZERO; 4];
    for import in imports {
        let source = &import.money.source;
        for (sum, part) in sums.iter_mut().zip([source.stated, loaded(import, digits), source.rejected, source.rounding]) {
            *sum = sum.plus(part)?;
        }
    }
    let [stated, loaded, rejected, rounding] = sums;
    let total = loaded.plus(rejected)?.plus(rounding)?;
    let rest = total.plus(Decimal { units: -stated.units, scale: stated.scale })?;
    let known = imports.iter().map(|import| &import.money);
    let known = known.flat_map(|money| [money.repeated_cents, money.unchanged_cents, money.superseded_cents]);
    let known: i128 = known.map(i128::from).sum();
    Some(Balance {
        stated: stated.to_string(),
        loaded: loaded.to_string(),
        rejected: rejected.to_string(),
        rounding: rounding.to_string(),
        known: Decimal { units: known, scale: digits }.to_string(),
        balanced: rest.units == 0,
    })
}

impl Verdict {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.gate == Gate::Open
    }

    /// Why the gate is shut.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.broken().map(|answer| format!("{}{}: {}", answer.name, answer.of_table(" (", ")"), answer.finding)).collect()
    }

    #[must_use]
    pub fn reasons_zh(&self) -> Vec<String> {
        self.broken().map(|answer| format!("{}{}：{}", answer.name, answer.of_table("（", "）"), answer.finding_zh)).collect()
    }

    fn broken(&self) -> impl Iterator<Item = &Answer> {
        self.rules.iter().filter(|answer| !answer.passed && answer.severity == Severity::Error)
    }
}
