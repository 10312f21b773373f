//! The folder the files go to: complete under its name, or not there at all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::file::File;
use super::settings::{Format, Settings, SimulateError};
use super::sheet::{Piece, schema};

/// A folder under a temporary name beside its final one; removed again unless [`Folder::publish`] succeeds.
pub struct Folder {
    partial: PathBuf,
    target: PathBuf,
    published: bool,
}

fn failed(path: &Path, cause: &dyn std::fmt::Display) -> SimulateError {
    SimulateError::Write { path: path.to_owned(), cause: cause.to_string() }
}

impl Folder {
    /// Refuses a target that holds anything.
    pub fn create(target: &Path) -> Result<Self, SimulateError> {
        match fs::read_dir(target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(SimulateError::Occupied(target.to_owned()));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(SimulateError::Occupied(target.to_owned()));
            }
            Err(error) => return Err(failed(target, &error)),
        }
        let absolute = std::path::absolute(target).map_err(|error| failed(target, &error))?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(SimulateError::Occupied(target.to_owned()));
        };
        let partial = parent.join(format!(".{}.partial-{}", name.to_string_lossy(), std::process::id()));
        fs::create_dir_all(&partial).map_err(|error| failed(&partial, &error))?;
        Ok(Self { partial, target: absolute, published: false })
    }

    pub fn publish(mut self) -> Result<(), SimulateError> {
        fs::rename(&self.partial, &self.target).map_err(|error| failed(&self.target, &error))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.published {
            // The folder is ours and incomplete; if it cannot be removed there is nobody left to tell.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// A file being written, piece by piece.
pub struct Output {
    path: PathBuf,
    sink: Sink,
    pub rows: u64,
}

enum Sink {
    Text(fs::File),
    Parquet(Box<ArrowWriter<fs::File>>),
}

impl Output {
    pub fn create(folder: &Folder, file: File, settings: &Settings) -> Result<Self, SimulateError> {
        let path = folder.partial.join(format!("{}.{}", file.name(), settings.format.extension()));
        let handle = fs::File::create_new(&path).map_err(|error| failed(&path, &error))?;
        let columns = file.columns();
        let sink = match settings.format {
            Format::Csv | Format::CsvGz => Sink::Text(handle),
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
                let writer = ArrowWriter::try_new(handle, Arc::new(schema(&columns)), Some(properties));
                Sink::Parquet(Box::new(writer.map_err(|error| failed(&path, &error))?))
            }
        };
        let mut output = Self { path, sink, rows: 0 };
        if let Sink::Text(_) = output.sink {
            let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
            let header = format!("{}\n", names.join(",")).into_bytes();
            output.push(pack(Piece::Text(header), settings.format).map_err(|error| failed(&output.path, &error))?, 0)?;
        }
        Ok(output)
    }

    pub fn push(&mut self, piece: Piece, rows: u64) -> Result<(), SimulateError> {
        self.rows += rows;
        let written = match (&mut self.sink, &piece) {
            (Sink::Text(file), Piece::Text(text)) => file.write_all(text).map_err(|error| error.to_string()),
            (Sink::Parquet(writer), Piece::Rows(batch)) => write_batch(writer, batch),
            _ => Err("a piece of another format".to_owned()),
        };
        written.map_err(|cause| failed(&self.path, &cause))
    }

    /// Close the file and return its size in bytes.
    pub fn finish(self) -> Result<u64, SimulateError> {
        let Self { path, sink, .. } = self;
        if let Sink::Parquet(writer) = sink {
            writer.close().map_err(|error| failed(&path, &error))?;
        }
        fs::metadata(&path).map(|facts| facts.len()).map_err(|error| failed(&path, &error))
    }
}

fn write_batch(writer: &mut ArrowWriter<fs::File>, batch: &RecordBatch) -> Result<(), String> {
    if batch.num_rows() == 0 {
        return Ok(());
    }
    writer.write(batch).map_err(|error| error.to_string())
}

/// What a worker does to a piece before it is handed over: for gzip, make it a member of its own.
/// A file of several members is an ordinary gzip file (RFC 1952, section 2.2).
pub fn pack(piece: Piece, format: Format) -> std::io::Result<Piece> {
    match (piece, format) {
        (Piece::Text(text), Format::CsvGz) if !text.is_empty() => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::new(4));
            encoder.write_all(&text)?;
            encoder.finish().map(Piece::Text)
        }
        (piece, _) => Ok(piece),
    }
}
