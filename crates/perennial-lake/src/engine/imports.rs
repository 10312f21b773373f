//! The ledger's imports as a table of their own: one row per import and table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use perennial_contract::Entity;

use crate::lake::{ImportRecord, TableCount};

/// `imports(batch_id, format, imported_at, files, table_name, added, replaced, unchanged, rejected, superseded)`.
pub(crate) fn imports_table(records: &[ImportRecord]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows: Vec<(&ImportRecord, Entity, TableCount)> =
        records.iter().flat_map(|record| record.tables.iter().map(move |(entity, count)| (record, *entity, *count))).collect();
    let texts = |pick: fn(&(&ImportRecord, Entity, TableCount)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(pick)))
    };
    let counts = |pick: fn(&TableCount) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, _, count)| i64::try_from(pick(count)).unwrap_or(i64::MAX))))
    };
    let at =
        TimestampMicrosecondArray::from_iter_values(rows.iter().map(|(record, ..)| record.imported_at_us)).with_timezone("UTC");
    RecordBatch::try_from_iter([
        ("batch_id", texts(|(record, ..)| record.batch_id.clone())),
        ("format", texts(|(record, ..)| record.format.clone())),
        ("imported_at", Arc::new(at) as ArrayRef),
        ("files", texts(|(record, ..)| record.files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "))),
        ("table_name", texts(|(_, entity, _)| entity.name().to_owned())),
        ("added", counts(|count| count.added)),
        ("replaced", counts(|count| count.replaced)),
        ("unchanged", counts(|count| count.unchanged)),
        ("rejected", counts(|count| count.rejected)),
        ("superseded", counts(|count| count.superseded)),
    ])
}
