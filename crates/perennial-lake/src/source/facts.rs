//! Which files an import means, and what identifies their content.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use perennial_contract::source::SourceError;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::lake::FileFact;

/// What a data file's name ends with, packed or not.
const ENDINGS: [&str; 8] = ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet", "xlsx"];

/// The files meant by paths: a folder stands for the data files in it, by name.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    for path in paths {
        let cannot = |error: std::io::Error| Problem::Read(error.to_string()).of(path);
        let is = std::fs::metadata(path).map_err(cannot)?;
        if !is.is_dir() {
            if !is.is_file() {
                // A pipe or a device may have no end, and an import reads a file more than once.
                return Err(Problem::refused("is no regular file", "write its content to a file and import that").of(path));
            }
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(cannot)? {
            let file = entry.map_err(cannot)?.path();
            if file.is_file() && is_data(&file) {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(Problem::refused("holds no data file", format!("data files end in {}", ENDINGS.join(", "))).of(path));
        }
        found.sort();
        files.append(&mut found);
    }
    if files.is_empty() {
        return Err(Problem::refused("no file was named", "name the files to import").of(Path::new("")));
    }
    Ok(files)
}

fn is_data(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    !name.starts_with('.') && plain.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Name, SHA-256 and size of every file that paths mean.
pub fn facts(paths: &[PathBuf]) -> Result<Vec<FileFact>, SourceError> {
    expand(paths)?
        .iter()
        .map(|path| {
            let cannot = |error: std::io::Error| Problem::Read(error.to_string()).of(path);
            let mut file = File::open(path).map_err(cannot)?;
            let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0_u8; 1 << 20]);
            loop {
                let n = file.read(&mut buffer).map_err(cannot)?;
                if n == 0 {
                    break;
                }
                hash.update(&buffer[..n]);
                bytes += n as u64;
            }
            let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Ok(FileFact { name, sha256, bytes })
        })
        .collect()
}
