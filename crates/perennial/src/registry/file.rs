//! A model file: one header line with format and checksum, then canonical JSON. Reading it executes nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::RegistryError;

const MAGIC: &str = "perennial-model/1 sha256=";
/// A model larger than this is not one of ours.
const BYTES_MAX: u64 = 1 << 30;

/// Write a model so that a reader finds either nothing or all of it; returns the checksum of its JSON.
pub fn write_model(path: &Path, model: &Value) -> Result<String, RegistryError> {
    let io = |error: std::io::Error| RegistryError::File { path: path.to_owned(), problem: error.to_string() };
    let body = model.to_string();
    let checksum = hex(&Sha256::digest(body.as_bytes()));
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io)?;
    let unfinished = path.with_extension("unfinished");
    let mut file = File::create(&unfinished).map_err(io)?;
    write!(file, "{MAGIC}{checksum}\n{body}").map_err(io)?;
    file.sync_all().map_err(io)?;
    fs::rename(&unfinished, path).map_err(io)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(checksum)
}

/// Read a model's JSON back, checked against its own header and, where the registry knows it, the registry's checksum.
pub fn read_model(path: &Path, expected: Option<&str>) -> Result<Value, RegistryError> {
    let bad = |problem: String| RegistryError::File { path: path.to_owned(), problem };
    let size = fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(bad(format!("is {size} bytes, at most {BYTES_MAX} are allowed")));
    }
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let Some((stated, body)) = text.strip_prefix(MAGIC).and_then(|rest| rest.split_once('\n')) else {
        return Err(bad("is not a model file of this version; train again".to_owned()));
    };
    let actual = hex(&Sha256::digest(body.as_bytes()));
    if actual != stated || expected.is_some_and(|expected| expected != actual) {
        return Err(bad("does not match its checksum; it was changed or damaged: restore it or train again".to_owned()));
    }
    serde_json::from_str(body).map_err(|error| bad(format!("is not valid JSON: {error}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("churn/boost-v1.model");
        let model = serde_json::json!({"trees": [0.1, 0.2]});
        let checksum = write_model(&path, &model).unwrap();
        assert_eq!(read_model(&path, Some(&checksum)).unwrap(), model);
        assert!(read_model(&path, Some("00")).is_err());
        let good = fs::read(&path).unwrap();
        for position in 0..good.len() {
            let mut bytes = good.clone();
            bytes[position] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(read_model(&path, None).is_err(), "a flipped bit at {position} went unnoticed");
            fs::write(&path, &good[..position]).unwrap();
            assert!(read_model(&path, None).is_err(), "a cut at {position} went unnoticed");
        }
    }
}
