//! What one record of a segment holds: the rows of all batches that were made durable together.
//!
//! Assumes  rows are canonical and masked already; direct identifiers come sealed.
//! Input    tables with their rows, schema [`Entity::source_schema`]; the time they came, UTC microseconds.
//! Output   bytes, and the same from bytes.
//! Cost     the rows once more, and the schema of each table, about a kilobyte.
//! Ref      Arrow IPC streaming format, one stream a table.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use perennial_contract::Entity;

const VERSION: u8 = 1;

/// Rows that became durable in one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub arrived_us: i64,
    pub tables: Vec<(Entity, RecordBatch)>,
    /// As the vault sealed them; empty where there are none.
    pub identities: Vec<u8>,
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) -> Result<(), String> {
    let length = u32::try_from(part.len()).map_err(|_| format!("{} bytes of one table are too many", part.len()))?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(part);
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    Some(part)
}

impl Group {
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.arrived_us.to_le_bytes());
        put(&mut bytes, &self.identities)?;
        for (entity, rows) in &self.tables {
            put(&mut bytes, entity.name().as_bytes())?;
            let mut stream = Vec::new();
            let mut write = || -> Result<(), arrow::error::ArrowError> {
                let mut writer = StreamWriter::try_new(&mut stream, &entity.source_schema())?;
                writer.write(rows)?;
                writer.finish()
            };
            write().map_err(|error| error.to_string())?;
            put(&mut bytes, &stream)?;
        }
        Ok(bytes)
    }

    /// The group a payload holds; why not, where it holds none this program knows.
    pub fn decode(payload: &[u8]) -> Result<Self, String> {
        let cut_off = || "it ends too early".to_owned();
        let (&version, rest) = payload.split_first().ok_or_else(cut_off)?;
        if version != VERSION {
            return Err(format!("it is of version {version}, this program knows {VERSION}; use the program that wrote it"));
        }
        let (arrived_us, mut rest) = rest.split_first_chunk::<8>().ok_or_else(cut_off)?;
        let identities = take(&mut rest).ok_or_else(cut_off)?.to_vec();
        let mut tables = Vec::new();
        while !rest.is_empty() {
            let name = String::from_utf8_lossy(take(&mut rest).ok_or_else(cut_off)?);
            let entity = Entity::from_name(&name).ok_or_else(|| format!("there is no table {name:?}"))?;
            let stream = take(&mut rest).ok_or_else(cut_off)?;
            let read = || -> Result<RecordBatch, arrow::error::ArrowError> {
                let batches = StreamReader::try_new(stream, None)?.collect::<Result<Vec<_>, _>>()?;
                concat_batches(&entity.source_schema(), &batches)
            };
            tables.push((entity, read().map_err(|error| error.to_string())?));
        }
        Ok(Self { arrived_us: i64::from_le_bytes(*arrived_us), tables, identities })
    }
}
