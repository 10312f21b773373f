//! Canonical tables in memory: SQL by DataFusion, streams sorted by customer, so that a property test can make a shop in a millisecond.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{ListBuilder, StringBuilder, TimestampMicrosecondArray, UInt32Array};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use perennial_contract::engine::{AsOf, Engine, EngineError, Snapshot, Who};
use perennial_contract::entity::Kind;
use perennial_contract::{Entity, Table};
use perennial_lake::features::{FeatureError, Rows, Store};

/// One cell of a test row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Texts(Vec<String>),
    Whole(i64),
    Flag(bool),
}

/// A row by column names; what is not named is null, or the type's zero where null is not allowed.
pub type Row = BTreeMap<&'static str, Value>;

pub struct Memory {
    pub zone: String,
    tables: BTreeMap<Entity, RecordBatch>,
}

impl Memory {
    pub fn new(zone: &str, rows: &BTreeMap<Entity, Vec<Row>>) -> Self {
        let empty = Vec::new();
        let tables = Entity::ALL.iter().map(|&entity| (entity, batch(entity, rows.get(&entity).unwrap_or(&empty))));
        Self { zone: zone.to_owned(), tables: tables.collect() }
    }

    /// The rows of `who`, sorted by customer, time and key.
    fn rows_of(&self, entity: Entity, who: &Who) -> RecordBatch {
        let batch = &self.tables[&entity];
        let text = |name: &str| batch.column_by_name(name).map(|column| column.as_string::<i32>().clone());
        let customers = text("customer_id");
        let times = entity
            .time()
            .and_then(|time| batch.column_by_name(time))
            .map(|column| column.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().values().to_vec());
        let mut rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
        if let (Some(customers), Who::One(wanted)) = (&customers, who) {
            rows.retain(|&row| customers.iter().nth(row as usize).flatten() == Some(wanted.as_str()));
        }
        rows.sort_by_key(|&row| {
            let customer = customers.as_ref().and_then(|ids| ids.iter().nth(row as usize).flatten().map(str::to_owned));
            (customer, times.as_ref().map(|times| times[row as usize]))
        });
        arrow::compute::take_record_batch(batch, &UInt32Array::from(rows)).unwrap()
    }
}

impl Store for Memory {
    fn engine(&self) -> &dyn Engine {
        self
    }

    fn zone(&self) -> &str {
        &self.zone
    }

    fn rows(&self, _: &Snapshot, entity: Entity) -> Result<u64, FeatureError> {
        Ok(self.tables[&entity].num_rows() as u64)
    }

    /// Three buckets and one for guests, in batches of a few rows, so that customers straddle batches.
    fn scan(&self, _: &Snapshot, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<Rows>, FeatureError> {
        let rows = self.rows_of(entity, who);
        let bucket_of: Vec<usize> = match rows.column_by_name("customer_id") {
            None => vec![0; rows.num_rows()],
            Some(ids) => {
                let bucket = |id: Option<&str>| id.map_or(3, |id| id.bytes().map(usize::from).sum::<usize>() % 3);
                ids.as_string::<i32>().iter().map(bucket).collect()
            }
        };
        let indices: Vec<usize> = columns.iter().map(|name| rows.schema().index_of(name).unwrap()).collect();
        let rows = rows.project(&indices).unwrap();
        let buckets = if entity.has_customer() { 4 } else { 1 };
        let scan = |bucket: usize| {
            let own: UInt32Array = (0..rows.num_rows() as u32).filter(|&row| bucket_of[row as usize] == bucket).collect();
            let own = arrow::compute::take_record_batch(&rows, &own).unwrap();
            let batches: Vec<_> =
                (0..own.num_rows()).step_by(5).map(|at| Ok(own.slice(at, 5.min(own.num_rows() - at)))).collect();
            Box::new(batches.into_iter()) as Rows
        };
        Ok((0..buckets).map(scan).collect())
    }
}

impl Engine for Memory {
    fn query(&self, _: &Snapshot, sql: &str, as_of: Option<AsOf>, who: &Who) -> Result<Table, EngineError> {
        let sql = as_of.map_or(sql.to_owned(), |as_of| sql.replace("$as_of", &format!("DATE '{}'", as_of.day())));
        let context = SessionContext::new();
        for &entity in Entity::ALL {
            let rows = self.rows_of(entity, who);
            let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).map_err(|e| EngineError::Storage(e.to_string()))?;
            context.register_table(entity.name(), Arc::new(table)).map_err(|e| EngineError::Storage(e.to_string()))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(async {
            let frame = context.sql(&sql).await?;
            let schema = Arc::new(frame.schema().as_arrow().clone());
            Ok::<_, datafusion::error::DataFusionError>((schema, frame.collect().await?))
        });
        let (schema, batches) = answer.map_err(|e| EngineError::Query(e.to_string()))?;
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let batch = arrow::compute::concat_batches(&schema, &batches).map_err(|e| EngineError::Query(e.to_string()))?;
        Ok(Table::new(batch))
    }
}

fn batch(entity: Entity, rows: &[Row]) -> RecordBatch {
    let schema = entity.schema();
    let columns = entity.columns().iter().chain(perennial_contract::entity::ORIGIN);
    let arrays = columns.map(|column| {
        let cells = rows.iter().map(|row| row.get(column.name));
        let whole = |cell: Option<&Value>| match cell {
            Some(Value::Whole(value)) => Some(*value),
            _ => (!column.nullable).then_some(0),
        };
        let array: ArrayRef = match column.kind {
            Kind::Text | Kind::Json => Arc::new(StringArray::from_iter(cells.map(|cell| match cell {
                Some(Value::Text(text)) => Some(text.clone()),
                _ => (!column.nullable).then(String::new),
            }))),
            Kind::Texts => texts(cells),
            Kind::Cents | Kind::Count => Arc::new(cells.map(whole).collect::<Int64Array>()),
            Kind::Float => Arc::new(cells.map(|cell| whole(cell).map(|value| value as f64)).collect::<Float64Array>()),
            Kind::Flag => Arc::new(cells.map(|cell| Some(cell == Some(&Value::Flag(true)))).collect::<BooleanArray>()),
            Kind::Instant => Arc::new(cells.map(whole).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            Kind::Date => Arc::new(cells.map(|cell| whole(cell).map(|day| day as i32)).collect::<Date32Array>()),
        };
        array
    });
    RecordBatch::try_new(schema, arrays.collect()).unwrap()
}

fn texts<'a>(cells: impl Iterator<Item = Option<&'a Value>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        match cell {
            Some(Value::Texts(texts)) => lists.append_value(texts.iter().map(Some)),
            _ => lists.append_null(),
        }
    }
    Arc::new(lists.finish())
}
