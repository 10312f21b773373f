//! Scores of customers as of a day, by whoever answers now.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::{Model, Task, column};
use perennial_contract::{Day, Table};
use perennial_learn::lifetime::outlook::OutlookModel;

use super::as_of_or_default;
use super::dataset::Rows;
use super::leaving::Leaving;
use super::own;
use crate::cmd::{Context, Language, UsageError};
use crate::registry::Row;
use crate::shop::Shop;

/// Scores of every customer asked for, and the features behind them.
pub struct Scored {
    pub as_of: Day,
    pub table: Table,
    pub features: Table,
    /// What the cleaning policies changed in the features.
    pub customers_dropped: u64,
    pub cells_filled: u64,
    /// Task to model, as `name@version`.
    pub models: BTreeMap<String, String>,
    /// Task to the as-of day its model was trained as of.
    pub trained_as_of: BTreeMap<String, Day>,
}

impl Scored {
    /// Tasks whose model has learned from days that were yet to come: their scores look better than they could have been.
    #[must_use]
    pub fn hindsight(&self) -> Vec<&str> {
        self.trained_as_of.iter().filter(|(_, day)| **day > self.as_of).map(|(task, _)| task.as_str()).collect()
    }
}

/// What somebody should know before believing scores as of a day before the training's.
#[must_use]
pub fn hindsight_warning(trained_as_of: &BTreeMap<String, Day>, as_of: Day, language: Language) -> Option<String> {
    let later: Vec<(&String, &Day)> = trained_as_of.iter().filter(|(_, day)| **day > as_of).collect();
    let newest = later.iter().map(|(_, day)| *day).max()?;
    let tasks: Vec<&str> = later.iter().map(|(task, _)| task.as_str()).collect();
    Some(match language {
        Language::En => format!(
            "warning: hindsight: the models of {} were trained as of {newest} and have learned from days after {as_of}; do not judge them by these scores",
            tasks.join(", ")
        ),
        Language::Zh => format!(
            "警告：事后之见：{} 的模型训练截至 {newest}，已从 {as_of} 之后的日子学习；请勿以这些分数评判模型",
            tasks.join("、")
        ),
    })
}

/// Whether churn is asked about a customer at all: one who ordered within the look-back of the model. Nobody's where none answers.
pub const ELIGIBLE: &str = "eligible";

/// A model that answers, with its registry row.
pub struct Champion {
    pub row: Row,
    pub model: Box<dyn Model>,
    outlook: OnceLock<OutlookModel>,
}

impl Champion {
    #[must_use]
    pub fn new(row: Row, model: Box<dyn Model>) -> Self {
        Self { row, model, outlook: OnceLock::new() }
    }

    /// The model as the outlook that it is, with the answers that the score columns leave out.
    pub fn outlook(&self) -> Result<&OutlookModel> {
        if let Some(outlook) = self.outlook.get() {
            return Ok(outlook);
        }
        let read = OutlookModel::load(&self.model.to_json())?;
        Ok(self.outlook.get_or_init(|| read))
    }

    /// Features as the model has learned to see them.
    pub fn rows(&self, features: &Table) -> Result<Table> {
        Leaving::of_row(&self.row).seen_by_models(features)
    }
}

/// Who answers each task now.
pub fn champions(shop: &Shop) -> Result<BTreeMap<Task, Champion>> {
    let mut found = BTreeMap::new();
    for &task in Task::ALL {
        if let Some(row) = shop.registry.champion(task)? {
            let model = shop.registry.load(&row)?;
            found.insert(task, Champion::new(row, model));
        }
    }
    Ok(found)
}

/// Score every customer.
pub fn score(shop: &Shop, context: &Context, as_of: Option<Day>) -> Result<Scored> {
    let at = shop.lake.snapshot()?;
    let as_of = as_of_or_default(shop, &at, as_of)?;
    let spinner = context.progress().spinner("features and scores of every customer");
    let scored = score_at(shop, &at, as_of, &Who::Everyone);
    drop(spinner);
    scored
}

/// Score customers from the rows of a snapshot.
pub fn score_at(shop: &Shop, at: &Snapshot, as_of: Day, who: &Who) -> Result<Scored> {
    let features = super::dataset::features_at(shop, at, as_of, who)?;
    score_features(shop, &champions(shop)?, features, as_of)
}

/// Score customers whose features are at hand.
pub fn score_features(shop: &Shop, champions: &BTreeMap<Task, Champion>, rows: Rows, as_of: Day) -> Result<Scored> {
    let Rows { table: features, customers_dropped, cells_filled } = rows;
    let rows = features.rows();
    let mut columns: Vec<(&str, ArrayRef)> = vec![(column::CUSTOMER_ID, features.column(column::CUSTOMER_ID)?.clone())];
    for &task in Task::ALL {
        let scores = match champions.get(&task) {
            Some(champion) => {
                own::check(shop, champion)?;
                Some(score_in_parts(champion.model.as_ref(), &champion.rows(&features)?, shop.threads())?)
            }
            None => None,
        };
        if task == Task::Churn {
            columns.extend(asked(champions.get(&task), &features)?);
        }
        for &name in task.score_columns() {
            let array = match &scores {
                Some(table) => presented(name, table)?,
                // A fact of the past needs no model.
                None if name == column::GAP_DAYS_MEAN => features.column(name)?.clone(),
                None => new_null_array(&data_type(name), rows),
            };
            columns.push((name, array));
        }
    }
    for name in [column::DAYS_SINCE_LAST_ORDER, column::ORDERS, column::SPEND_CENTS] {
        columns.push((name, features.column(name)?.clone()));
    }
    let models =
        champions.iter().map(|(task, c)| (task.name().to_owned(), format!("{}@{}", c.row.name, c.row.version))).collect();
    let trained = champions.iter().map(|(task, c)| Ok((task.name().to_owned(), c.row.as_of.parse()?)));
    let trained_as_of = trained.collect::<Result<_>>()?;
    let table = Table::from_columns(columns)?;
    Ok(Scored { as_of, table, features, customers_dropped, cells_filled, models, trained_as_of })
}

/// Of whom churn is asked, and about how many days.
fn asked(churn: Option<&Champion>, features: &Table) -> Result<[(&'static str, ArrayRef); 2]> {
    let nobody = |kind| new_null_array(&kind, features.rows());
    let (eligible, days): (ArrayRef, ArrayRef) = match churn.map(|champion| Leaving::of_row(&champion.row)) {
        Some(leaving) => {
            let eligible: BooleanArray = leaving.eligible(features)?.into_iter().map(Some).collect();
            (Arc::new(eligible), Arc::new(leaving.window_days(features)?))
        }
        None => (nobody(DataType::Boolean), nobody(DataType::Int64)),
    };
    Ok([(ELIGIBLE, eligible), (column::CHURN_WINDOW_DAYS, days)])
}

fn data_type(name: &str) -> DataType {
    match name {
        column::SEGMENT | column::STAGE => DataType::Utf8,
        name if column::is_money(name) => DataType::Int64,
        _ => DataType::Float64,
    }
}

/// Money leaves as whole minor units, everything else as the model says it.
fn presented(name: &str, scores: &Table) -> Result<ArrayRef> {
    Ok(match data_type(name) {
        DataType::Utf8 => Arc::new(scores.texts(name)?),
        DataType::Float64 => {
            Arc::new(scores.f64s(name)?.into_iter().map(|value| value.is_finite().then_some(value)).collect::<Float64Array>())
        }
        _ => Arc::new(
            scores.f64s(name)?.into_iter().map(|cents| cents.is_finite().then(|| cents.round() as i64)).collect::<Int64Array>(),
        ),
    })
}

/// Rows are scored one by one, so parts on several threads give the same bits as one pass.
pub fn score_in_parts(model: &dyn Model, rows: &Table, threads: usize) -> Result<Table> {
    let part = rows.rows().div_ceil(threads.max(1)).max(1);
    let starts: Vec<usize> = (0..rows.rows()).step_by(part).collect();
    if starts.len() <= 1 {
        return Ok(model.scorer().score(rows)?);
    }
    let parts: Vec<_> = std::thread::scope(|scope| {
        let scoring: Vec<_> = starts
            .iter()
            .map(|&start| {
                let slice = rows.slice(start, part.min(rows.rows() - start));
                scope.spawn(move || model.scorer().score(&slice))
            })
            .collect();
        scoring.into_iter().map(|thread| thread.join()).collect()
    });
    let mut tables = Vec::with_capacity(parts.len());
    for part in parts {
        tables.push(part.map_err(|_| anyhow::anyhow!("a scoring thread stopped; this is a bug"))??);
    }
    Ok(Table::concat(&tables)?)
}

/// Whether a file of this name can be written, asked before the work.
pub fn check_score_file(path: &Path) -> Result<()> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet" | "csv") => Ok(()),
        _ => Err(UsageError(format!("{}: scores are written as .parquet or .csv; name the file so", path.display())).into()),
    }
}

/// Write scores under a temporary name, then rename: a reader finds the old file or the new one.
pub fn write_scores(scored: &Scored, path: &Path) -> Result<()> {
    check_score_file(path)?;
    let unfinished = path.with_extension("unfinished");
    let file = File::create(&unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
    let batch = with_facts(scored)?;
    if path.extension().is_some_and(|extension| extension == "csv") {
        let mut out = std::io::BufWriter::new(&file);
        write_csv(&batch, &mut out)?;
        std::io::Write::flush(&mut out)?;
    } else {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?)).build();
        let mut writer = ArrowWriter::try_new(&file, batch.schema(), Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
    }
    file.sync_all()?;
    std::fs::rename(&unfinished, path).with_context(|| format!("cannot write {}", path.display()))
}

/// The scores with the as-of day and the models in the schema's metadata.
fn with_facts(scored: &Scored) -> Result<RecordBatch> {
    let batch = scored.table.batch();
    let mut metadata: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    metadata.insert("as_of".to_owned(), scored.as_of.to_string());
    metadata.insert("models".to_owned(), serde_json::to_string(&scored.models)?);
    metadata.insert("trained_as_of".to_owned(), serde_json::to_string(&scored.trained_as_of)?);
    metadata.insert("hindsight".to_owned(), serde_json::to_string(&scored.hindsight())?);
    let schema = Schema::new_with_metadata(batch.schema().fields().clone(), metadata);
    Ok(RecordBatch::try_new(Arc::new(schema), batch.columns().to_vec())?)
}

fn write_csv(batch: &RecordBatch, out: &mut impl std::io::Write) -> Result<()> {
    let as_of = batch.schema().metadata().get("as_of").cloned().unwrap_or_default();
    write_csv_head(batch.schema_ref(), out)?;
    write_csv_rows(batch, &as_of, out)
}

fn write_csv_head(schema: &Schema, out: &mut impl std::io::Write) -> Result<()> {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    Ok(writeln!(out, "{},as_of", names.join(","))?)
}

fn write_csv_rows(batch: &RecordBatch, as_of: &str, out: &mut impl std::io::Write) -> Result<()> {
    let printed: Vec<StringArray> = batch.columns().iter().map(csv_cells).collect::<Result<_>>()?;
    for row in 0..batch.num_rows() {
        for column in &printed {
            if column.is_valid(row) {
                write_cell(out, column.value(row))?;
            }
            out.write_all(b",")?;
        }
        writeln!(out, "{as_of}")?;
    }
    Ok(())
}

/// A Parquet score file as CSV, part after part.
pub fn scores_as_csv(path: &Path, mut out: impl std::io::Write) -> Result<()> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let schema = reader.schema().clone();
    let as_of = schema.metadata().get("as_of").cloned().unwrap_or_default();
    write_csv_head(&schema, &mut out)?;
    for batch in reader.build()? {
        write_csv_rows(&batch?, &as_of, &mut out)?;
    }
    Ok(out.flush()?)
}

fn csv_cells(column: &ArrayRef) -> Result<StringArray> {
    use arrow::array::AsArray;
    use arrow::datatypes::Float64Type;
    if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
        // Rust's shortest digits read back as the same bits.
        return Ok(floats.iter().map(|value| value.map(|value| value.to_string())).collect());
    }
    Ok(arrow::compute::cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A cell a spreadsheet cannot take for a formula, quoted where it must be.
fn write_cell(out: &mut impl std::io::Write, text: &str) -> std::io::Result<()> {
    let is_number = text.parse::<f64>().is_ok();
    let escape = if !is_number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', '\n', '\r']) {
        write!(out, "\"{escape}{}\"", text.replace('"', "\"\""))
    } else {
        write!(out, "{escape}{text}")
    }
}
