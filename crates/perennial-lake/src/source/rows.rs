//! Rows of one canonical table, on their way into Arrow columns.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use perennial_contract::entity::Kind;
use perennial_contract::source::Place;
use perennial_contract::{Day, Entity};

use super::bounds::{KEY_BYTES_MAX, is_key};
use super::identity::{Pseudonyms, holds_email, looks_like_phone};
use super::mask::{holds_at, masked};
use super::problem::Problem;

/// One cell of a canonical row.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    #[default]
    Null,
    Text(&'a str),
    /// A text made anew: with what tells who somebody is taken out.
    Shown(String),
    Texts(Vec<String>),
    Whole(i64),
    Float(f64),
    Flag(bool),
    /// UTC microseconds.
    Instant(i64),
    Day(Day),
}

impl<'a> Value<'a> {
    /// Text, or null where there is none.
    #[must_use]
    pub fn text(text: &'a str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }
}

enum Builder {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Whole(Int64Builder),
    Float(Float64Builder),
    Flag(BooleanBuilder),
    Instant(TimestampMicrosecondBuilder),
    Day(Date32Builder),
}

impl Builder {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Json => Self::Text(StringBuilder::new()),
            Kind::Texts => Self::Texts(ListBuilder::new(StringBuilder::new())),
            Kind::Cents | Kind::Count => Self::Whole(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Instant => Self::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Date => Self::Day(Date32Builder::new()),
        }
    }

    /// False if the value is of another kind: a mistake in a format's code.
    fn push(&mut self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(b), Value::Text(v)) => b.append_value(v),
            (Self::Text(b), Value::Shown(v)) => b.append_value(v),
            (Self::Text(b), Value::Null) => b.append_null(),
            (Self::Texts(b), Value::Texts(v)) => b.append_value(v.iter().map(Some)),
            (Self::Texts(b), Value::Null) => b.append_null(),
            (Self::Whole(b), Value::Whole(v)) => b.append_value(*v),
            (Self::Whole(b), Value::Null) => b.append_null(),
            (Self::Float(b), Value::Float(v)) => b.append_value(*v),
            (Self::Float(b), Value::Null) => b.append_null(),
            (Self::Flag(b), Value::Flag(v)) => b.append_value(*v),
            (Self::Flag(b), Value::Null) => b.append_null(),
            (Self::Instant(b), Value::Instant(v)) => b.append_value(*v),
            (Self::Instant(b), Value::Null) => b.append_null(),
            (Self::Day(b), Value::Day(v)) => b.append_value(v.0),
            (Self::Day(b), Value::Null) => b.append_null(),
            _ => return false,
        }
        true
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Texts(b) => Arc::new(b.finish()),
            Self::Whole(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
            Self::Flag(b) => Arc::new(b.finish()),
            Self::Instant(b) => Arc::new(b.finish()),
            Self::Day(b) => Arc::new(b.finish()),
        }
    }
}

/// Columns in which people write what they like.
fn is_free_text(entity: Entity, column: &str) -> bool {
    matches!(
        (entity, column),
        (Entity::Reviews, "title" | "body")
            | (Entity::Surveys, "comment")
            | (Entity::Tickets, "topic")
            | (Entity::Messages, "body")
            | (Entity::Returns, "reason")
    )
}

/// The column of ids from before a customer was known.
const ANONYMOUS: &str = "anonymous_ids";

/// What to keep of a cell that tells who somebody is; `None` where it does not.
fn without_addresses(
    (entity, column): (Entity, &str),
    value: &Value<'_>,
    pseudonyms: Option<&Pseudonyms>,
) -> Result<Option<Value<'static>>, Problem> {
    let is_id = is_key(entity, column) || column == ANONYMOUS;
    let kept = |text: &str| match masked(text) {
        Cow::Borrowed(_) if !(is_id && looks_like_phone(text)) => Ok(None),
        _ if is_id => {
            let pseudonyms = pseudonyms.ok_or_else(|| {
                let key = "import it into a shop made with `perennial init`, which has a key for pseudonyms";
                Problem::refused(format!("has an e-mail address or a phone number in {column} of {entity}"), key)
            })?;
            Ok(Some(pseudonyms.of_key(text)))
        }
        masked => Ok(Some(masked.into_owned())),
    };
    Ok(match value {
        Value::Text(text) => kept(text)?.map(Value::Shown),
        Value::Texts(list) => {
            let list = list.iter().map(|text| Ok(kept(text)?.unwrap_or_else(|| text.clone())));
            Some(Value::Texts(list.collect::<Result<_, Problem>>()?))
        }
        _ => None,
    })
}

/// Rows are handed on when there are this many, or this many bytes of text.
const ROWS_MAX: usize = 32_768;
const TEXT_BYTES_MAX: usize = 8 << 20;

pub struct Rows {
    pub entity: Entity,
    builders: Vec<Builder>,
    /// Where the customer's id stands.
    customer: Option<usize>,
    /// Columns of free text, whose addresses and phone numbers are masked.
    free: Vec<usize>,
    places: Vec<Place>,
    len: usize,
    text_bytes: usize,
}

impl Rows {
    #[must_use]
    pub fn new(entity: Entity) -> Self {
        let customer = entity.columns().iter().position(|column| column.name == "customer_id");
        let builders = entity.columns().iter().map(|c| Builder::of(c.kind)).collect();
        let free = entity.columns().iter().enumerate().filter(|(_, column)| is_free_text(entity, column.name));
        let free = free.map(|(index, _)| index).collect();
        Self { entity, builders, customer, free, places: Vec::new(), len: 0, text_bytes: 0 }
    }

    /// Add a row: one value per column of [`Entity::columns`], in that order. How many of its cells were masked. An id that holds an
    /// address becomes a pseudonym: a mask would make one of many.
    ///
    /// # Panics
    /// If the values are not of the columns' number and kinds, which is a mistake in the caller's code.
    pub fn push(&mut self, values: &[Value<'_>], pseudonyms: Option<&Pseudonyms>) -> Result<u64, Problem> {
        assert_eq!(values.len(), self.builders.len(), "{} has other columns", self.entity);
        let mut cells_masked = 0;
        let columns = self.entity.columns();
        for (index, (builder, value)) in self.builders.iter_mut().zip(values).enumerate() {
            // An address is one in any column, whatever a shop writes there; a customer's id was looked at before.
            let may_hold = match value {
                Value::Text(text) => {
                    self.text_bytes += text.len();
                    (self.customer != Some(index) && (holds_at(text) || text.starts_with('+'))) || self.free.contains(&index)
                }
                Value::Texts(list) => {
                    self.text_bytes += list.iter().map(String::len).sum::<usize>();
                    list.iter().any(|text| holds_at(text) || text.starts_with('+'))
                }
                _ => false,
            };
            if may_hold && let Some(other) = without_addresses((self.entity, columns[index].name), value, pseudonyms)? {
                builder.push(&other);
                cells_masked += 1;
                continue;
            }
            assert!(builder.push(value), "{}.{} cannot hold {value:?}", self.entity, columns[index].name);
        }
        self.len += 1;
        Ok(cells_masked)
    }

    /// The row added last stands there; an empty file is none.
    pub fn place(&mut self, file: &Arc<str>, row: u64) {
        let at = self.len as u32 - 1;
        let goes_on =
            |last: &Place| Arc::ptr_eq(&last.file, file) && (file.is_empty() || last.row + u64::from(at - last.at) == row);
        if !self.places.last().is_some_and(goes_on) {
            self.places.push(Place { at, file: Arc::clone(file), row });
        }
    }

    /// Whether a row's customer is known by an e-mail address or a phone number.
    #[must_use]
    pub fn identifies(&self, values: &[Value<'_>]) -> bool {
        let id = self.customer.and_then(|column| values.get(column));
        matches!(id, Some(Value::Text(id)) if holds_email(id) || looks_like_phone(id))
    }

    /// Name of a part of a key that is too long to be one.
    #[must_use]
    pub fn overlong_key(&self, values: &[Value<'_>]) -> Option<&'static str> {
        let is_long = |value: &Value<'_>| matches!(value, Value::Text(text) if text.len() > KEY_BYTES_MAX);
        let mut columns = self.entity.columns().iter().zip(values);
        columns.find(|(column, value)| is_long(value) && is_key(self.entity, column.name)).map(|(column, _)| column.name)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len >= ROWS_MAX || self.text_bytes >= TEXT_BYTES_MAX
    }

    /// The rows so far and where they stand; the next ones start anew.
    pub fn take(&mut self) -> Result<(RecordBatch, Vec<Place>), Problem> {
        self.len = 0;
        self.text_bytes = 0;
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let rows = RecordBatch::try_new(self.entity.source_schema(), columns).map_err(|error| {
            Problem::refused(format!("its rows do not fit {}: {error}", self.entity), "report this as a fault of the reader")
        })?;
        Ok((rows, std::mem::take(&mut self.places)))
    }
}
