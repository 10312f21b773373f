//! One data file: Parquet, written whole under another name, synced, then renamed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;
use perennial_contract::Entity;
use perennial_contract::entity::{Kind, ORIGIN};
use serde_json::{Map, Value, json};

use crate::lake::{LakeError, Progress};
use crate::table::hash::hash;

/// Rows per row group: what one customer's query has to look through at most.
const ROW_GROUP_ROWS: usize = 131_072;

/// Bytes a row group ends at earlier: rows with huge cells shall not have to be held or read a hundred thousand at a time.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// A file of a table, as the ledger and the Delta log know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataFile {
    /// Relative to the table's folder.
    pub path: String,
    pub bucket: u32,
    pub rows: u64,
    pub bytes: u64,
    /// Delta's statistics: a JSON object as text.
    pub stats: String,
    /// [`checksum`] of what was written; lakes of older programs have none.
    pub checksum: Option<String>,
}

/// Bytes hashed at once; part of what a checksum means.
const CHECKED_BYTES: usize = 1 << 20;

/// 64 bits of a file's content, so that rot of the disk does not become another answer. Not against forgery: whoever can write here
/// can write the ledger too.
pub(crate) fn checksum(path: &Path) -> Result<String, LakeError> {
    let mut file = File::open(path).map_err(storage(path))?;
    let mut chunk = Vec::with_capacity(CHECKED_BYTES);
    let mut state = 0;
    loop {
        chunk.clear();
        Read::by_ref(&mut file).take(CHECKED_BYTES as u64).read_to_end(&mut chunk).map_err(storage(path))?;
        if chunk.is_empty() {
            return Ok(format!("{state:016x}"));
        }
        state = hash(&chunk, state);
    }
}

/// Wraps what went wrong with a path.
pub(crate) fn storage<E: ToString>(path: &Path) -> impl Fn(E) -> LakeError {
    move |cause| LakeError::Storage { path: path.to_owned(), cause: cause.to_string() }
}

/// Make sure a folder's own entries (new, renamed, deleted files) are on disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), LakeError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(storage(dir))
}

/// Write a small file so that it is there whole or not at all. The caller syncs the folder.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> Result<(), LakeError> {
    let temporary = temporary(path);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(storage(path))
}

/// The name a file has until it is whole.
fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(TEMPORARY_PREFIX);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

/// Delta readers skip names that begin with a dot or an underscore.
pub(crate) const TEMPORARY_PREFIX: &str = "._";

fn properties(entity: Entity) -> Result<WriterProperties, parquet::errors::ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_write_batch_size(4096)
        .set_created_by("perennial".to_owned());
    for column in entity.columns().iter().chain(ORIGIN) {
        let path = ColumnPath::from(column.name);
        let identifies = entity.key().contains(&column.name) && column.name != "customer_id";
        properties = match column.kind {
            // One customer's pages are found by the page index of these.
            Kind::Text if column.name == "customer_id" => properties.set_column_statistics_enabled(path, EnabledStatistics::Page),
            // Nearly every value differs: a dictionary would be built and thrown away.
            Kind::Text if identifies => properties.set_column_dictionary_enabled(path, false),
            Kind::Instant if column.name != "ingested_at" => {
                let path_ = path.clone();
                properties.set_column_dictionary_enabled(path, false).set_column_encoding(path_, Encoding::DELTA_BINARY_PACKED)
            }
            Kind::Json => properties.set_column_dictionary_enabled(path, false),
            _ => properties,
        };
    }
    Ok(properties.build())
}

/// What to write, and where.
pub(crate) struct Target<'a> {
    pub folder: &'a Path,
    pub name: String,
    pub entity: Entity,
    pub bucket: u32,
}

/// A file being written; dropped before [`FileWriter::finish`] it is deleted.
pub(crate) struct FileWriter<'a> {
    target: Target<'a>,
    temporary: PathBuf,
    writer: Option<ArrowWriter<File>>,
    progress: Arc<Progress>,
}

impl<'a> FileWriter<'a> {
    pub(crate) fn create(target: Target<'a>, progress: Arc<Progress>) -> Result<Self, LakeError> {
        let temporary = temporary(&target.folder.join(&target.name));
        let file = File::create(&temporary).map_err(storage(&temporary))?;
        let properties = properties(target.entity).map_err(storage(&temporary))?;
        let options = ArrowWriterOptions::new().with_properties(properties);
        let writer = ArrowWriter::try_new_with_options(file, target.entity.schema(), options).map_err(storage(&temporary))?;
        Ok(Self { target, temporary, writer: Some(writer), progress })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        if let Some(writer) = &mut self.writer {
            writer.write(rows).map_err(storage(&self.temporary))?;
            self.progress.rows_written.fetch_add(rows.num_rows() as u64, Relaxed);
        }
        Ok(())
    }

    /// Sync the file and give it its name; `None` if it would have had no rows.
    pub(crate) fn finish(mut self) -> Result<Option<DataFile>, LakeError> {
        let Some(writer) = &mut self.writer else { return Ok(None) };
        let metadata = writer.finish().map_err(storage(&self.temporary))?;
        let rows = metadata.file_metadata().num_rows() as u64;
        let file = writer.inner();
        if rows == 0 {
            return Ok(None);
        }
        file.sync_all().map_err(storage(&self.temporary))?;
        let bytes = file.metadata().map_err(storage(&self.temporary))?.len();
        let path = self.target.folder.join(&self.target.name);
        fs::rename(&self.temporary, &path).map_err(storage(&path))?;
        self.writer = None;
        self.progress.bytes_written.fetch_add(bytes, Relaxed);
        self.progress.files_written.fetch_add(1, Relaxed);
        let stats = statistics(self.target.entity, &metadata).to_string();
        let checksum = Some(checksum(&path)?);
        Ok(Some(DataFile { path: self.target.name.clone(), bucket: self.target.bucket, rows, bytes, stats, checksum }))
    }
}

impl Drop for FileWriter<'_> {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // Best effort: what stays behind is deleted when the lake is opened next.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Delta statistics of a file, for the columns that readers skip files by.
fn statistics(entity: Entity, metadata: &ParquetMetaData) -> Value {
    let mut least: BTreeMap<&str, Value> = BTreeMap::new();
    let mut greatest: BTreeMap<&str, Value> = BTreeMap::new();
    let mut nulls = Map::new();
    for (index, column) in entity.columns().iter().chain(ORIGIN).enumerate() {
        if !matches!(column.kind, Kind::Date) && column.name != "customer_id" {
            continue;
        }
        let chunks: Vec<_> = metadata.row_groups().iter().map(|group| group.column(index).statistics()).collect();
        let bounds: Option<Vec<_>> = chunks.iter().map(|chunk| chunk.and_then(bounds)).collect();
        let absent: Option<u64> = chunks.iter().map(|chunk| chunk.and_then(Statistics::null_count_opt)).sum();
        if let Some(absent) = absent {
            nulls.insert(column.name.to_owned(), json!(absent));
        }
        let Some(bounds) = bounds else { continue };
        let texts = |pick: fn(&(Value, Value)) -> &Value| bounds.iter().map(move |b| pick(b).as_str().unwrap_or_default());
        if let (Some(min), Some(max)) = (texts(|b| &b.0).min(), texts(|b| &b.1).max()) {
            least.insert(column.name, json!(min));
            greatest.insert(column.name, json!(max));
        }
    }
    json!({"numRecords": metadata.file_metadata().num_rows(), "minValues": least, "maxValues": greatest, "nullCount": nulls})
}

/// Least and greatest value of a chunk as Delta writes them; `None` if there are none or they are cut short.
fn bounds(statistics: &Statistics) -> Option<(Value, Value)> {
    match statistics {
        Statistics::Int32(days) => {
            let day = |days: i32| json!(perennial_contract::Day(days).to_string());
            Some((day(*days.min_opt()?), day(*days.max_opt()?)))
        }
        Statistics::ByteArray(texts) if texts.min_is_exact() && texts.max_is_exact() => {
            Some((json!(texts.min_opt()?.as_utf8().ok()?), json!(texts.max_opt()?.as_utf8().ok()?)))
        }
        _ => None,
    }
}
