//! The Delta Lake transaction log, as far as a lake with one writer needs it.
//!
//! Ref  Delta Transaction Log Protocol, reader version 1, writer version 2: a table is what the numbered JSON files under
//! `_delta_log` add up to. Ours say which files are there; the [`crate::table::ledger`] says which of them count.

use std::fs;
use std::path::{Path, PathBuf};

use perennial_contract::Entity;
use perennial_contract::entity::{Kind, ORIGIN};
use serde_json::{Value, json};

use crate::lake::LakeError;
use crate::table::file::{DataFile, storage, sync_dir, write_whole};
use crate::table::order::buckets;

/// Folder of a table.
pub(crate) fn folder(lake: &Path, entity: Entity) -> PathBuf {
    lake.join(entity.name())
}

fn delta_type(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Json => json!("string"),
        Kind::Texts => json!({"type": "array", "elementType": "string", "containsNull": true}),
        Kind::Cents | Kind::Count => json!("long"),
        Kind::Float => json!("double"),
        Kind::Flag => json!("boolean"),
        Kind::Instant => json!("timestamp"),
        Kind::Date => json!("date"),
    }
}

/// The schema of a table as Delta writes it.
fn schema_string(entity: Entity) -> String {
    let fields: Vec<Value> = entity
        .columns()
        .iter()
        .chain(ORIGIN)
        .map(|c| json!({"name": c.name, "type": delta_type(c.kind), "nullable": c.nullable, "metadata": {}}))
        .collect();
    json!({"type": "struct", "fields": fields}).to_string()
}

/// Version 0 of a table: no rows yet. The id tells tables of different lakes apart; it means nothing to us.
pub(crate) fn first_commit(entity: Entity, id: &str, at_us: i64) -> String {
    let at_ms = at_us.div_euclid(1000);
    let lines = [
        json!({"commitInfo": {"timestamp": at_ms, "operation": "CREATE TABLE", "operationParameters": {}, "engineInfo": ENGINE}}),
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": id, "name": entity.name(), "format": {"provider": "parquet", "options": {}},
            "schemaString": schema_string(entity), "partitionColumns": [], "configuration": {}, "createdTime": at_ms,
        }}),
    ];
    join(&lines)
}

const ENGINE: &str = concat!("perennial/", env!("CARGO_PKG_VERSION"));

/// A change of a table's files.
pub(crate) struct Change<'a> {
    pub operation: &'a str,
    pub at_us: i64,
    pub added: &'a [DataFile],
    pub removed: &'a [DataFile],
    /// False where rows only move from file to file.
    pub changes_rows: DataChange,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataChange {
    Yes,
    No,
}

/// The text of a later commit.
pub(crate) fn next_commit(entity: Entity, change: &Change<'_>) -> String {
    let at_ms = change.at_us.div_euclid(1000);
    let data_change = change.changes_rows == DataChange::Yes;
    let mut lines = vec![json!({"commitInfo": {
        "timestamp": at_ms, "operation": change.operation, "operationParameters": {}, "engineInfo": ENGINE,
    }})];
    for file in change.removed {
        lines.push(json!({"remove": {"path": file.path, "deletionTimestamp": at_ms, "dataChange": data_change}}));
    }
    for file in change.added {
        lines.push(json!({"add": {
            "path": file.path, "partitionValues": {}, "size": file.bytes, "modificationTime": at_ms,
            "dataChange": data_change, "stats": file.stats,
            "tags": {
                "perennial.bucket": format!("{}/{}", file.bucket, buckets(entity)),
                "perennial.checksum": file.checksum.as_deref().unwrap_or_default(),
            },
        }}));
    }
    join(&lines)
}

fn join(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Put a commit into a table's log. Doing it again changes nothing.
pub(crate) fn publish(lake: &Path, entity: Entity, version: u64, text: &str) -> Result<(), LakeError> {
    let log = folder(lake, entity).join("_delta_log");
    fs::create_dir_all(&log).map_err(storage(&log))?;
    let path = log.join(format!("{version:020}.json"));
    if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    write_whole(&path, text.as_bytes())?;
    sync_dir(&log)
}
