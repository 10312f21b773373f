//! One entry of the log, and the bytes of it that are hashed.

use perennial_lake::source::masked;
use serde_json::Value;

use super::AuditError;
use super::bytes::{Hash, sha256};

/// Whether what an entry tells of came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and went wrong.
    Failed,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The word for people who read Chinese.
    #[must_use]
    pub const fn title_zh(self) -> &'static str {
        match self {
            Self::Done => "完成",
            Self::Refused => "拒绝",
            Self::Failed => "失败",
        }
    }
}

/// What somebody did. Names no customer: `object` of one is [`super::Key::customer`], and texts lose addresses and phone numbers.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `person:3`, `key:5f0c…`, `operator` or `system`.
    pub actor: String,
    /// What was done, as `user:invite` or `identity:read`.
    pub action: &'static str,
    /// What it was done to, as `model:churn/boost_churn@3`; empty where it is the shop.
    pub object: String,
    /// Why, in the words of who did it.
    pub purpose: Option<String>,
    pub outcome: Outcome,
    /// Facts about it, small and of no person.
    pub detail: Value,
}

/// Who acts or what is acted on needs no more.
const NAME_BYTES_MAX: usize = 200;
const PURPOSE_BYTES_MAX: usize = 1_000;
const DETAIL_BYTES_MAX: usize = 8_192;

impl Entry {
    /// Something that was done to `object`.
    #[must_use]
    pub fn done(actor: String, action: &'static str, object: String) -> Self {
        Self { actor, action, object, purpose: None, outcome: Outcome::Done, detail: Value::Null }
    }

    #[must_use]
    pub fn with_detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    #[must_use]
    pub fn with_outcome(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    #[must_use]
    pub fn with_purpose(self, purpose: &str) -> Self {
        Self { purpose: Some(purpose.to_owned()), ..self }
    }

    /// The entry as it is kept, or why it is too long to be.
    pub(super) fn record(&self, seq: i64, at: String) -> Result<Record, AuditError> {
        let record = Record {
            seq,
            at,
            actor: self.actor.clone(),
            action: self.action.to_owned(),
            object: self.object.clone(),
            purpose: self.purpose.as_deref().map(|purpose| masked(purpose).into_owned()),
            outcome: self.outcome.name().to_owned(),
            detail: if self.detail.is_null() { String::new() } else { without_people(&self.detail).to_string() },
        };
        let lengths = [
            ("actor", record.actor.len(), NAME_BYTES_MAX),
            ("action", record.action.len(), NAME_BYTES_MAX),
            ("object", record.object.len(), NAME_BYTES_MAX),
            ("purpose", record.purpose.as_ref().map_or(0, String::len), PURPOSE_BYTES_MAX),
            ("detail", record.detail.len(), DETAIL_BYTES_MAX),
        ];
        match lengths.into_iter().find(|(_, length, length_max)| length > length_max) {
            Some((what, length, length_max)) => Err(AuditError::TooLong { what, length, length_max }),
            None => Ok(record),
        }
    }
}

/// A detail whose texts hold no address and no phone number.
fn without_people(detail: &Value) -> Value {
    match detail {
        Value::String(text) => Value::String(masked(text).into_owned()),
        Value::Array(values) => values.iter().map(without_people).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), without_people(value))).collect(),
        other => other.clone(),
    }
}

/// An entry with its place and time, as texts: what the hash covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub seq: i64,
    pub at: String,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub purpose: Option<String>,
    pub outcome: String,
    pub detail: String,
}

impl Record {
    /// Its hash after the entry before it. Every field goes in with its length, so that nothing can move from one to the next.
    pub fn hash(&self, previous: &Hash) -> Hash {
        let mut bytes = b"perennial audit entry 1".to_vec();
        bytes.extend(self.seq.to_be_bytes());
        let mut put = |field: &str| {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field.as_bytes());
        };
        for field in [&self.at, &self.actor, &self.action, &self.object, &self.outcome, &self.detail] {
            put(field);
        }
        // No purpose is not an empty one.
        if let Some(purpose) = &self.purpose {
            put(purpose);
        }
        sha256(&[previous, &bytes])
    }
}
