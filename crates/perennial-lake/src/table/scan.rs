//! Reading data files: some columns, everybody's rows or one customer's, in order.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, Scalar, StringArray};
use arrow::compute::kernels::cmp::eq;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::file::storage;
use crate::table::merge::{Rows, merge};
use crate::table::order::sort_columns;
use crate::table::pending::{BATCH_ROWS, rows_at_once};

/// What to read of a table.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub entity: Entity,
    /// In the order the caller wants them.
    pub columns: Arc<[String]>,
    /// Only rows of this customer.
    pub customer: Option<Arc<str>>,
}

impl Wanted {
    /// Every column, everybody.
    pub(crate) fn all(entity: Entity) -> Self {
        let columns = entity.schema().fields().iter().map(|field| field.name().clone()).collect();
        Self { entity, columns, customer: None }
    }
}

/// Rows of one file in its order.
pub(crate) fn read_file(path: &Path, wanted: &Wanted) -> Result<Rows, LakeError> {
    let file = File::open(path).map_err(storage(path))?;
    let options = ArrowReaderOptions::new();
    let options = if wanted.customer.is_some() { options.with_page_index_policy(PageIndexPolicy::Optional) } else { options };
    let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(storage(path))?;
    let schema = builder.parquet_schema();
    let groups = builder.metadata().row_groups().iter();
    let at_once = groups.map(|group| rows_at_once(group.total_byte_size() as usize, group.num_rows() as usize)).min();
    let mask = ProjectionMask::columns(schema, wanted.columns.iter().map(String::as_str));
    let customer_column = ProjectionMask::columns(schema, ["customer_id"]);
    if let Some(customer) = &wanted.customer {
        let index = wanted.entity.columns().iter().position(|column| column.name == "customer_id");
        let groups = builder.metadata().row_groups();
        let may_hold = |group: &RowGroupMetaData| index.is_none_or(|index| may_hold(group, index, customer));
        let chosen = groups.iter().enumerate().filter(|(_, group)| may_hold(group)).map(|(i, _)| i).collect();
        let one = Scalar::new(StringArray::from(vec![customer.to_string()]));
        let is_theirs = ArrowPredicateFn::new(customer_column, move |rows: RecordBatch| eq(rows.column(0), &one));
        builder = builder.with_row_groups(chosen).with_row_filter(RowFilter::new(vec![Box::new(is_theirs)]));
    }
    let reader = builder.with_projection(mask).with_batch_size(at_once.unwrap_or(BATCH_ROWS)).build().map_err(storage(path))?;
    let (path, wanted) = (path.to_owned(), wanted.clone());
    Ok(Box::new(reader.map(move |batch| batch.map_err(storage(&path)).and_then(|batch| arrange(&batch, &wanted.columns, &path)))))
}

/// Whether a row group's bounds leave room for a customer.
fn may_hold(group: &RowGroupMetaData, index: usize, customer: &str) -> bool {
    let Some(Statistics::ByteArray(bounds)) = group.column(index).statistics() else { return true };
    let least = bounds.min_opt().is_none_or(|min| min.data() <= customer.as_bytes());
    // A maximum that was cut short is rounded up, so it is still a bound.
    let greatest = bounds.max_opt().is_none_or(|max| max.data() >= customer.as_bytes());
    least && greatest
}

/// Columns in the order they were asked for.
fn arrange(batch: &RecordBatch, columns: &[String], path: &Path) -> Result<RecordBatch, LakeError> {
    let schema = batch.schema_ref();
    let order: Result<Vec<_>, _> = columns.iter().map(|name| schema.index_of(name)).collect();
    order.and_then(|order| batch.project(&order)).map_err(storage(path))
}

/// Rows of a bucket's files in one order. Files are opened when the first row is asked for.
pub(crate) fn read_bucket(paths: Vec<PathBuf>, wanted: &Wanted) -> Rows {
    match paths.as_slice() {
        [] => Box::new(std::iter::empty()),
        [only] => {
            let (path, wanted) = (only.clone(), wanted.clone());
            deferred(move || read_file(&path, &wanted))
        }
        _ => {
            let wanted = wanted.clone();
            deferred(move || read_merged(&paths, &wanted))
        }
    }
}

/// Merging needs the sort columns; those nobody asked for are dropped again.
fn read_merged(paths: &[PathBuf], wanted: &Wanted) -> Result<Rows, LakeError> {
    let mut columns = wanted.columns.to_vec();
    for name in sort_columns(wanted.entity) {
        if !columns.iter().any(|column| column == name) {
            columns.push(name.to_owned());
        }
    }
    let asked = wanted.columns.len();
    let wider = Wanted { columns: columns.into(), ..wanted.clone() };
    let streams = paths.iter().map(|path| read_file(path, &wider)).collect::<Result<Vec<_>, _>>()?;
    let order: Vec<usize> = (0..asked).collect();
    let entity = wanted.entity;
    Ok(Box::new(
        merge(entity, streams)
            .map(move |batch| batch?.project(&order).map_err(|e| LakeError::Rows { entity, problem: e.to_string() })),
    ))
}

fn deferred(open: impl FnOnce() -> Result<Rows, LakeError> + Send + 'static) -> Rows {
    let mut open = Some(open);
    let mut rows: Option<Rows> = None;
    Box::new(std::iter::from_fn(move || {
        if let Some(open) = open.take() {
            match open() {
                Ok(opened) => rows = Some(opened),
                Err(error) => return Some(Err(error)),
            }
        }
        rows.as_mut()?.next()
    }))
}
