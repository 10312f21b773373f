//! DataFusion over the files of a snapshot.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DataFusionError, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::object_store::local::LocalFileSystem;
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use futures::StreamExt;
use perennial_contract::engine::{AsOf, Engine, EngineError, Snapshot, Who};
use perennial_contract::{Entity, Table};
use tokio::runtime::Runtime;

use crate::beside::{Nothing, Waiting, in_order};
use crate::engine::bind::bind_as_of;
use crate::engine::fence;
use crate::engine::imports::imports_table;
use crate::table::file::DataFile;
use crate::table::order::bucket_of;
use crate::table::store::Store;

/// Under this address the engine knows the lake's folder, so that no character of its path can be misread.
const ADDRESS: &str = "lake://tables";

/// DataFusion inside the process. Every query sees the canonical tables, and `imports`, at one snapshot.
pub struct Embedded {
    store: Arc<Store>,
    running: OnceLock<Result<Running, String>>,
}

/// What queries share; made for the first one.
struct Running {
    runtime: Runtime,
    environment: Arc<RuntimeEnv>,
}

fn storage(error: impl ToString) -> EngineError {
    EngineError::Storage(error.to_string())
}

/// Whose fault an error is: a query's author can mend the query only.
fn sorted_out(error: DataFusionError) -> EngineError {
    match error.find_root() {
        DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) | DataFusionError::IoError(_) => storage(error),
        DataFusionError::ResourcesExhausted(cause) => {
            EngineError::Query(format!("it needs more memory than it may use: {cause}"))
        }
        _ => EngineError::Query(error.strip_backtrace()),
    }
}

/// What a query is asked of.
struct Ask<'a> {
    /// In lower case: a table it does not name need not be looked at.
    sql: &'a str,
    snapshot: &'a Snapshot,
    as_of: Option<AsOf>,
    who: &'a Who,
    /// Rows that count as the lake's.
    waiting: &'a dyn Waiting,
}

impl Embedded {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, running: OnceLock::new() }
    }

    fn running(&self) -> Result<&Running, EngineError> {
        let start = || {
            let limits = self.store.limits;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(limits.threads.max(1))
                .thread_name("perennial-engine")
                .build()
                .map_err(|e| e.to_string())?;
            let environment = RuntimeEnvBuilder::new()
                .with_memory_pool(Arc::new(FairSpillPool::new(limits.query_bytes)))
                .build_arc()
                .map_err(|e| e.to_string())?;
            let folder = LocalFileSystem::new_with_prefix(&self.store.dir).map_err(|e| e.to_string())?;
            let address = ObjectStoreUrl::parse(ADDRESS).map_err(|e| e.to_string())?;
            environment.register_object_store(address.as_ref(), Arc::new(folder));
            Ok(Running { runtime, environment })
        };
        self.running.get_or_init(start).as_ref().map_err(storage)
    }

    fn context(&self, running: &Running, ask: &Ask<'_>) -> Result<SessionContext, EngineError> {
        let Ask { sql, snapshot, as_of, who, waiting } = *ask;
        let is_fenced = matches!(as_of, Some(AsOf::Fenced { .. }));
        let partitions = match as_of {
            Some(AsOf::Fenced { .. }) => 1,
            _ => self.store.limits.threads.max(1),
        };
        let mut config = SessionConfig::new().with_target_partitions(partitions).with_information_schema(true);
        let options = config.options_mut();
        // A row filter reads only the pages of one customer; without one it costs nothing.
        options.execution.parquet.pushdown_filters = matches!(who, Who::One(_));
        options.sql_parser.default_null_ordering = "nulls_max".to_owned();
        let context = SessionContext::new_with_config_rt(config, running.environment.clone());
        for &entity in Entity::ALL {
            // Rejects have no day: a row of the future is among them as soon as it was imported. A later consent takes the place of an
            // earlier one, which is then gone as of every day.
            if is_fenced && matches!(entity, Entity::Rejects | Entity::Consents) {
                continue;
            }
            let customer = match who {
                Who::One(customer) if entity.has_customer() => Some(customer.as_str()),
                _ => None,
            };
            let files = self.store.files(snapshot, entity, customer.map(bucket_of)).map_err(storage)?;
            if sql.contains(entity.name()) {
                self.store.verify(entity, &files).map_err(storage)?;
            }
            let mut seen = table(entity, &files).map_err(sorted_out)?;
            if let Some(customer) = customer {
                let theirs = context.read_table(seen).and_then(|rows| rows.filter(col("customer_id").eq(lit(customer))));
                seen = theirs.map_err(sorted_out)?.into_view();
            }
            if sql.contains(entity.name())
                && let Some(rows) = in_order(waiting, entity, who).map_err(storage)?
            {
                let both = context.read_table(seen).and_then(|lake| lake.union(context.read_batch(rows)?));
                seen = both.map_err(sorted_out)?.into_view();
            }
            if let Some(AsOf::Fenced { day, start_us }) = as_of {
                let fence = fence::Fence { day, start_us };
                seen = context.read_table(seen).and_then(|rows| fence.before(entity, rows)).map_err(sorted_out)?.into_view();
            }
            context.register_table(entity.name(), seen).map_err(sorted_out)?;
        }
        // The books grow with every import, and live rows come in many: they are read for those who ask.
        if is_fenced || !(sql.contains("imports") || sql.contains("information_schema")) {
            return Ok(context);
        }
        let imports = imports_table(&self.store.ledger.imports().map_err(storage)?).map_err(storage)?;
        let imports = MemTable::try_new(imports.schema(), vec![vec![imports]]).map_err(sorted_out)?;
        context.register_table("imports", Arc::new(imports)).map_err(sorted_out)?;
        Ok(context)
    }
}

/// A table as its files at a snapshot.
fn table(entity: Entity, files: &[DataFile]) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    if files.is_empty() {
        return Ok(Arc::new(EmptyTable::new(entity.schema())));
    }
    let address = |file: &DataFile| ListingTableUrl::parse(format!("{ADDRESS}/{}/{}", entity.name(), file.path));
    let addresses = files.iter().map(address).collect::<Result<Vec<_>, _>>()?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(addresses).with_listing_options(options).with_schema(entity.schema());
    Ok(Arc::new(ListingTable::try_new(config)?))
}

impl Engine for Embedded {
    fn query(&self, snapshot: &Snapshot, sql: &str, as_of: Option<AsOf>, who: &Who) -> Result<Table, EngineError> {
        self.query_beside(snapshot, sql, (as_of, who), &Nothing)
    }
}

impl Embedded {
    /// A query that sees some rows as if they were in the lake.
    pub(crate) fn query_beside(
        &self,
        snapshot: &Snapshot,
        sql: &str,
        (as_of, who): (Option<AsOf>, &Who),
        waiting: &dyn Waiting,
    ) -> Result<Table, EngineError> {
        let running = self.running()?;
        let sql = bind_as_of(sql, as_of.map(AsOf::day))?;
        let context = self.context(running, &Ask { sql: &sql.to_lowercase(), snapshot, as_of, who, waiting })?;
        let text_max = self.store.limits.query_bytes as u64 / 2;
        let run = || {
            running.runtime.block_on(async {
                let rows = context.sql_with_options(&sql, only_reads()).await?;
                if let Some(AsOf::Fenced { .. }) = as_of {
                    fence::same_any_time(rows.logical_plan())?;
                }
                let schema = Arc::new(rows.schema().as_arrow().clone());
                Ok((schema, collected(rows.execute_stream().await?, text_max).await?))
            })
        };
        let (schema, batches) = held(run)?.map_err(sorted_out)?;
        // The batches' own schema may be stricter about nulls than the plan's.
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        held(|| concat_batches(&schema, &batches).and_then(|rows| plain(&rows)))?.map(Table::new).map_err(storage)
    }
}

/// Whatever the engine's own code gives up on is the query's failure, not the program's.
fn held<T>(work: impl FnOnce() -> T) -> Result<T, EngineError> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("for no reason it tells");
        EngineError::Query(format!("the engine gave up on it ({text}); ask for less at once"))
    })
}

/// A stream's batches, as long as their texts stay within bounds: the answer is held whole, and copied once.
async fn collected(mut stream: SendableRecordBatchStream, text_max: u64) -> Result<Vec<RecordBatch>, DataFusionError> {
    // One array of texts cannot hold more than this either.
    let text_max = text_max.min(i32::MAX as u64);
    let mut bytes = 0_u64;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        bytes += batch.columns().iter().map(text_bytes).sum::<u64>();
        if bytes > text_max {
            return plan_err!(
                "its answer holds more than {} MiB of text, half of run.sql_memory_mb; ask for less",
                text_max >> 20
            );
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// Bytes of a column's texts.
fn text_bytes(column: &ArrayRef) -> u64 {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value_data().len() as u64,
        DataType::LargeUtf8 => column.as_string::<i64>().value_data().len() as u64,
        // The low half of a view is its length.
        DataType::Utf8View => column.as_string_view().views().iter().map(|view| u64::from(*view as u32)).sum(),
        _ => 0,
    }
}

/// A query reads the tables it is given: nothing is written, made, dropped or set, and no other file is opened.
fn only_reads() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

/// Text as plain text whatever the engine made of it inside.
fn plain(rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields = Vec::with_capacity(rows.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(rows.num_columns());
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        let to = match column.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            other => other.clone(),
        };
        columns.push(cast(column, &to)?);
        fields.push(Field::new(field.name(), to, true));
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}
