//! The log as a file of JSON lines, which the public key alone can check, and what an older one vouches for.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};

use ed25519_dalek::VerifyingKey;
use rusqlite::Connection;

use super::AuditError;
use super::bytes::{Hash, from_hex};
use super::key::Seal;
use super::line::{Line, SealLine};
use super::log::{Go, walk};
use super::verify::{Check, Verdict};

/// A longer line is none of ours: an entry's texts are bounded, and JSON writes a byte with six at most.
const LINE_BYTES_MAX: u64 = 1 << 17;

/// Entries by number that an older export of the log vouches for.
#[derive(Clone, Debug, Default)]
pub struct Marks(pub(super) BTreeMap<i64, Hash>);

/// Write the whole log; returns how many lines it took.
pub fn export(database: &Connection, public: &VerifyingKey, to: &mut dyn Write) -> Result<u64, AuditError> {
    let mut lines = 0;
    walk(database, public, &mut |line| {
        let line = serde_json::to_string(&line)
            .map_err(|_| AuditError::Broken("an entry is no text any more and cannot be written".to_owned()))?;
        writeln!(to, "{line}").map_err(|error| unwritten(&error))?;
        lines += 1;
        Ok(Go::On)
    })?;
    to.flush().map_err(|error| unwritten(&error))?;
    Ok(lines)
}

fn unwritten(error: &std::io::Error) -> AuditError {
    AuditError::File { path: "the export".into(), problem: format!("cannot be written: {error}") }
}

fn unread(error: &std::io::Error) -> AuditError {
    AuditError::File { path: "the export".into(), problem: format!("cannot be read: {error}") }
}

/// Check an export against the public key and what older exports vouch for. It must be, byte for byte, as it was written.
pub fn verify_export(from: &mut dyn BufRead, public: &VerifyingKey, marks: &Marks) -> Result<Verdict, AuditError> {
    let mut check = Check::new(public, marks);
    let fault = loop {
        match next(from)? {
            Next::End => break None,
            Next::Wrong => break Some(check.unread()),
            Next::Line(line) => {
                if let Err(fault) = check.take(&line) {
                    break Some(fault);
                }
            }
        }
    };
    Ok(check.finish(fault))
}

/// What the checkpoints and the head of an older export, or of a part of one, vouch for.
pub fn marks(from: &mut dyn BufRead, public: &VerifyingKey) -> Result<Marks, AuditError> {
    let wrong = |problem: &str| AuditError::File { path: "the older export".into(), problem: problem.to_owned() };
    let mut found = Marks::default();
    loop {
        let (seal, SealLine { seq, hash, signature }) = match next(from)? {
            Next::End => break,
            Next::Wrong => return Err(wrong("has a line that is not as an export writes it")),
            Next::Line(Line::Checkpoint(line)) => (Seal::Checkpoint, line),
            Next::Line(Line::Head(line)) => (Seal::Head, line),
            Next::Line(_) => continue,
        };
        let (Some(hash), Some(signature)) = (from_hex(&hash), from_hex::<64>(&signature)) else {
            return Err(wrong("has a line that is not as an export writes it"));
        };
        if !seal.is_good(public, (seq, &hash), &signature) {
            return Err(wrong("has a signature that is not of this public key"));
        }
        if found.0.insert(seq, hash).is_some_and(|other| other != hash) {
            return Err(wrong("vouches for two different entries of one number"));
        }
    }
    if found.0.is_empty() {
        return Err(wrong("has no checkpoint and no head; give the file that `perennial audit export` wrote"));
    }
    Ok(found)
}

enum Next {
    Line(Line),
    /// Not a line as we write it.
    Wrong,
    End,
}

fn next(from: &mut dyn BufRead) -> Result<Next, AuditError> {
    let mut bytes = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).map_err(|error| unread(&error))?;
    if bytes.is_empty() {
        return Ok(Next::End);
    }
    let text = bytes.strip_suffix(b"\n").and_then(|bytes| std::str::from_utf8(bytes).ok());
    let line = text.and_then(|text| serde_json::from_str(text).ok());
    // Written again it must be the same: no field twice, none that we do not know, no other spelling.
    let is_ours = |line: &Line| serde_json::to_string(line).is_ok_and(|again| Some(again.as_str()) == text);
    Ok(line.filter(is_ours).map_or(Next::Wrong, Next::Line))
}
