//! What is in a table: counts, nulls, distinct values, quantiles, histograms, duplicates, days covered, outliers. One pass, bounded memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type};
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::entity::Kind;
use perennial_contract::{Day, Entity};
use serde::Serialize;

use super::QualityError;
use super::sketch::{Distinct, Sample, quantile};
use crate::lake::Lake;
use crate::table::hash::{hash, mix};

/// A table as `check` tells it.
#[derive(Clone, Debug, Serialize)]
pub struct TableProfile {
    pub rows: u64,
    /// Rows the imports refused.
    pub rejected: u64,
    /// Rows of things that happened which repeat another row in everything but the last part of their key.
    pub duplicates: u64,
    /// Cells outside three interquartile ranges of their column.
    pub outliers: u64,
    pub first_day: Option<Day>,
    pub last_day: Option<Day>,
    /// Calendar days between the two without a row.
    pub days_without_rows: u64,
    /// The longest run of them.
    pub silent_days_max: u64,
    pub columns: Vec<ColumnProfile>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ColumnProfile {
    pub name: String,
    pub nulls: u64,
    pub distinct: u64,
    pub distinct_is_exact: bool,
    pub min: Option<String>,
    pub max: Option<String>,
    /// Of numbers: q01, q25, q50, q75, q99, from a sample above 8,192 rows.
    pub quantiles: Option<[f64; 5]>,
    /// Of numbers: twelve bins of equal width from q01 to q99.
    pub histogram: Vec<u64>,
    pub outliers: u64,
}

const BINS: usize = 12;

/// A column on the way to its profile.
#[derive(Default)]
struct Column {
    nulls: u64,
    distinct: Distinct,
    sample: Sample,
    /// Numbers and days by size, texts by bytes.
    low: Option<f64>,
    high: Option<f64>,
    first_text: Option<String>,
    last_text: Option<String>,
}

struct Pass {
    entity: Entity,
    columns: Vec<Column>,
    rows: u64,
    duplicates: u64,
    days: BTreeSet<i32>,
    /// Of the bucket at hand.
    seen: HashSet<u64>,
}

impl TableProfile {
    /// Profile a table as of a snapshot.
    pub fn read(lake: &Lake, at: &Snapshot, entity: Entity) -> Result<Self, QualityError> {
        let names: Vec<&str> = entity.columns().iter().map(|column| column.name).collect();
        let buckets = lake.scan(at, entity, &names, &Who::Everyone)?;
        let mut pass = Pass::of(entity);
        for bucket in buckets {
            for batch in bucket {
                pass.add(&batch?);
            }
            pass.seen.clear();
        }
        Ok(pass.finish())
    }
}

impl Pass {
    fn of(entity: Entity) -> Self {
        let columns = entity.columns().iter().map(|_| Column::default()).collect();
        Self { entity, columns, rows: 0, duplicates: 0, days: BTreeSet::new(), seen: HashSet::new() }
    }

    fn add(&mut self, batch: &RecordBatch) {
        let mut row_hashes = vec![0_u64; batch.num_rows()];
        let is_key = |name: &str| self.entity.key().last() == Some(&name);
        let day_name = self.entity.day();
        for (position, declared) in self.entity.columns().iter().enumerate() {
            let Some(array) = batch.column_by_name(declared.name) else { continue };
            let hashes = cell_hashes(array);
            let column = &mut self.columns[position];
            column.add(array, declared.kind, &hashes, self.rows);
            if !is_key(declared.name) {
                for (row, cell) in row_hashes.iter_mut().zip(&hashes) {
                    *row = mix(*row, *cell);
                }
            }
            if day_name.as_deref() == Some(declared.name)
                && let Some(days) = array.as_primitive_opt::<Date32Type>()
            {
                self.days.extend(days.iter().flatten());
            }
        }
        // Two people may look alike; the same thing at the same instant did not happen twice.
        if self.entity.time().is_some() {
            for row in row_hashes {
                self.duplicates += u64::from(!self.seen.insert(row));
            }
        }
        self.rows += batch.num_rows() as u64;
    }

    fn finish(self) -> TableProfile {
        let columns: Vec<ColumnProfile> = self
            .entity
            .columns()
            .iter()
            .zip(self.columns)
            .map(|(declared, column)| column.finish(declared.name, declared.kind))
            .collect();
        let (first, last) = (self.days.first().copied(), self.days.last().copied());
        let span = first.zip(last).map_or(0, |(first, last)| (last - first + 1) as u64);
        let gaps = self.days.iter().zip(self.days.iter().skip(1)).map(|(a, b)| (b - a - 1) as u64);
        TableProfile {
            rows: self.rows,
            rejected: 0,
            duplicates: self.duplicates,
            outliers: columns.iter().map(|column| column.outliers).sum(),
            first_day: first.map(Day),
            last_day: last.map(Day),
            days_without_rows: span - self.days.len() as u64,
            silent_days_max: gaps.max().unwrap_or(0),
            columns,
        }
    }
}

/// One hash a cell; nulls have their own.
fn cell_hashes(array: &ArrayRef) -> Vec<u64> {
    const NULL: u64 = 0x5bd1_e995_9d1c_3a27;
    let rows = 0..array.len();
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            rows.map(|row| if texts.is_null(row) { NULL } else { hash(texts.value(row).as_bytes(), 3) }).collect()
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let one = |row: usize| cell_hashes(&lists.value(row)).into_iter().fold(7, mix);
            rows.map(|row| if lists.is_null(row) { NULL } else { one(row) }).collect()
        }
        _ => {
            numbers(array).into_iter().map(|value| value.map_or(NULL, |value| hash(&value.to_bits().to_le_bytes(), 5))).collect()
        }
    }
}

/// Numbers, days, instants and flags as `f64`: exact below 2^53, which covers minor units and microseconds of this age.
fn numbers(array: &ArrayRef) -> Vec<Option<f64>> {
    let whole = match array.data_type() {
        DataType::Timestamp(..) => arrow::compute::cast(array, &DataType::Int64),
        DataType::Date32 => arrow::compute::cast(array, &DataType::Int32),
        _ => arrow::compute::cast(array, &DataType::Float64),
    };
    let floats = whole.and_then(|array| arrow::compute::cast(&array, &DataType::Float64));
    floats.map_or_else(
        |_| vec![None; array.len()],
        |floats| floats.as_primitive::<arrow::datatypes::Float64Type>().iter().collect(),
    )
}

impl Column {
    fn add(&mut self, array: &ArrayRef, kind: Kind, hashes: &[u64], rows_before: u64) {
        self.nulls += array.null_count() as u64;
        for (row, cell) in hashes.iter().enumerate() {
            if array.is_valid(row) {
                self.distinct.add(*cell);
            }
        }
        match kind {
            Kind::Text | Kind::Json => {
                for text in array.as_string::<i32>().iter().flatten() {
                    if self.first_text.as_deref().is_none_or(|first| text < first) {
                        self.first_text = Some(text.to_owned());
                    }
                    if self.last_text.as_deref().is_none_or(|last| text > last) {
                        self.last_text = Some(text.to_owned());
                    }
                }
            }
            Kind::Texts => {}
            _ => {
                for (row, value) in numbers(array).into_iter().enumerate() {
                    let Some(value) = value else { continue };
                    self.low = Some(self.low.map_or(value, |low| low.min(value)));
                    self.high = Some(self.high.map_or(value, |high| high.max(value)));
                    if is_measure(kind) {
                        self.sample.add(hash(&(rows_before + row as u64).to_le_bytes(), 11), value);
                    }
                }
            }
        }
    }

    fn finish(self, name: &str, kind: Kind) -> ColumnProfile {
        let (distinct, distinct_is_exact) = self.distinct.count();
        let show = |value: f64| match kind {
            Kind::Date => Day(value as i32).to_string(),
            Kind::Instant => format!("{}Z", instant_text(value as i64)),
            Kind::Flag => (value > 0.5).to_string(),
            _ => value.to_string(),
        };
        let (values, weight) = self.sample.sorted();
        let quantiles = quantile(&values, 0.01).map(|q01| {
            let at = |q: f64| quantile(&values, q).unwrap_or(q01);
            [q01, at(0.25), at(0.5), at(0.75), at(0.99)]
        });
        let (histogram, outliers) =
            quantiles.map_or((Vec::new(), 0), |q| (bins(&values, weight, q[0], q[4]), outside(&values, weight, q[1], q[3])));
        // The vault's neighbours: sample texts of free-text columns could hold what a person wrote, so only short ids are shown.
        let is_shown = kind == Kind::Text
            && !matches!(name, "body" | "title" | "comment" | "description" | "proof" | "customer_id" | "anonymous_id");
        let text = |text: Option<String>| text.filter(|text| is_shown && text.len() <= 60);
        ColumnProfile {
            name: name.to_owned(),
            nulls: self.nulls,
            distinct,
            distinct_is_exact,
            min: self.low.map(show).or_else(|| text(self.first_text)),
            max: self.high.map(show).or_else(|| text(self.last_text)),
            quantiles,
            histogram,
            outliers,
        }
    }
}

fn is_measure(kind: Kind) -> bool {
    matches!(kind, Kind::Cents | Kind::Count | Kind::Float)
}

fn instant_text(us: i64) -> String {
    let day = Day(us.div_euclid(86_400_000_000) as i32);
    let seconds = us.rem_euclid(86_400_000_000) / 1_000_000;
    format!("{day}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn bins(ascending: &[f64], weight: f64, low: f64, high: f64) -> Vec<u64> {
    if high <= low {
        return Vec::new();
    }
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for &value in ascending {
        let bin = ((value - low) / (high - low) * BINS as f64).clamp(0.0, BINS as f64 - 1.0) as usize;
        *counts.entry(bin).or_default() += weight;
    }
    (0..BINS).map(|bin| counts.get(&bin).map_or(0, |count| count.round() as u64)).collect()
}

/// Tukey's far-out values: beyond three interquartile ranges from the quartiles.
fn outside(ascending: &[f64], weight: f64, q25: f64, q75: f64) -> u64 {
    let reach = 3.0 * (q75 - q25);
    if reach <= 0.0 {
        return 0;
    }
    let far = ascending.iter().filter(|&&value| value < q25 - reach || value > q75 + reach).count();
    (far as f64 * weight).round() as u64
}
