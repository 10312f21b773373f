//! How one canonical row is made from one record: a cell or a constant for each column, and rules for what is left out.

use perennial_contract::entity::Kind;
use perennial_contract::money::Decimal;
use perennial_contract::source::IdentityKind;
use perennial_contract::{Day, Entity};

use super::bounds::{KEY_BYTES_MAX, KEY_TOO_LONG, NAME_BYTES_MAX, NAME_TOO_LONG, is_key};
use super::cell;
use super::mapping::{MoneyUnit, Style};
use super::moment::{self, Clock, Written};
use super::problem::Bad;
use super::record::Record;
use super::rows::Value;

/// Where a column's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    Nothing,
    Cell(usize),
    Constant(String),
}

/// How the rows of one table are made from the records of one file.
pub struct Plan {
    pub entity: Entity,
    /// One for each of [`Entity::columns`].
    pub from: Vec<From>,
    pub identities: Vec<(IdentityKind, usize)>,
    /// The cell whose pseudonym is the customer's id.
    pub pseudonym: Option<usize>,
    pub style: Style,
    pub known: Known,
}

/// Where the columns stand that many tables share; looked up once, not once a row.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub customer: Option<usize>,
    pub currency: Option<usize>,
    pub json: Option<usize>,
    pub time: Option<usize>,
    /// The key, where it is one column.
    pub key: Option<usize>,
}

impl Known {
    #[must_use]
    pub fn of(entity: Entity) -> Self {
        let position = |name: &str| entity.columns().iter().position(|column| column.name == name);
        Self {
            customer: position("customer_id"),
            currency: position("currency"),
            json: entity.columns().iter().position(|column| column.kind == Kind::Json),
            time: entity.time().and_then(position),
            key: if let [key] = entity.key() { position(key) } else { None },
        }
    }
}

/// Position of a column in its table; fails to compile where there is none.
pub const fn at(entity: Entity, name: &str) -> usize {
    let (columns, name) = (entity.columns(), name.as_bytes());
    let mut index = 0;
    while index < columns.len() {
        let other = columns[index].name.as_bytes();
        let mut same = 0;
        while same < name.len() && same < other.len() && name[same] == other[same] {
            same += 1;
        }
        if same == name.len() && same == other.len() {
            return index;
        }
        index += 1;
    }
    panic!("no such column")
}

impl Plan {
    #[must_use]
    pub fn has(&self, column: usize) -> bool {
        self.from.get(column).is_some_and(|from| *from != From::Nothing)
    }

    /// The cell a column is read from, to point at in a reject.
    #[must_use]
    pub fn cell(&self, column: usize) -> Option<usize> {
        match self.from.get(column) {
            Some(From::Cell(cell)) => Some(*cell),
            _ => None,
        }
    }

    #[must_use]
    pub fn bad(&self, column: usize, reason: impl Into<std::borrow::Cow<'static, str>>) -> Bad {
        Bad { entity: self.entity, cell: self.cell(column), reason: reason.into(), part: None }
    }

    /// The text a column is read from; empty where there is none.
    pub fn text<'a>(&'a self, column: usize, record: &Record<'a>) -> &'a str {
        match &self.from[column] {
            From::Nothing => "",
            From::Cell(cell) => record.cell(*cell),
            From::Constant(text) => text,
        }
    }

    /// An amount, exact, if there is one and it can be read.
    pub fn amount(&self, column: usize, record: &Record<'_>, digits: u32) -> Option<Decimal> {
        let text = self.text(column, record);
        match self.style.money {
            MoneyUnit::Major => cell::decimal(text, self.style.mark),
            MoneyUnit::Minor => {
                cell::whole(text, self.style.mark).map(|cents| Decimal { units: i128::from(cents), scale: digits })
            }
        }
    }

    /// Read every column that has a source. Days beside instants are filled in; nothing else is.
    pub fn fill<'a>(&'a self, record: &Record<'a>, clock: &mut Clock, digits: u32, values: &mut [Value<'a>]) -> Result<(), Bad> {
        let mut identities = self.identities.iter().map(|(_, cell)| *cell).chain(self.pseudonym);
        if let Some(cell) = identities.find(|cell| record.cell(*cell).len() > NAME_BYTES_MAX) {
            return Err(Bad::cell(self.entity, cell, NAME_TOO_LONG));
        }
        for (index, column) in self.entity.columns().iter().enumerate() {
            let text = self.text(index, record);
            if text.is_empty() {
                continue;
            }
            let bad = |reason: &'static str| self.bad(index, reason);
            values[index] = match column.kind {
                Kind::Text if !text.is_ascii() && column.name.ends_with("_id") && text.contains('\u{FFFD}') => {
                    return Err(bad("is damaged text"));
                }
                Kind::Text if text.len() > KEY_BYTES_MAX && is_key(self.entity, column.name) => return Err(bad(KEY_TOO_LONG)),
                Kind::Text => Value::Text(text),
                Kind::Json => {
                    let is_object = text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
                    if !is_object {
                        return Err(bad("is not a JSON object"));
                    }
                    Value::Text(text)
                }
                Kind::Texts => match cell::list(text).ok_or_else(|| bad("is not a list"))? {
                    list if list.is_empty() => Value::Null,
                    list => Value::Texts(list),
                },
                Kind::Cents => {
                    let amount = self.amount(index, record, digits).ok_or_else(|| bad("is not an amount"))?;
                    Value::Whole(cell::minor(amount, digits).ok_or_else(|| bad("is too large an amount"))?.0)
                }
                Kind::Count => Value::Whole(cell::whole(text, self.style.mark).ok_or_else(|| bad("is not a whole number"))?),
                Kind::Float => Value::Float(cell::float(text, self.style.mark).ok_or_else(|| bad("is not a number"))?),
                Kind::Flag => Value::Flag(cell::flag(text).ok_or_else(|| bad("is neither yes nor no"))?),
                Kind::Instant => {
                    let (instant, day) = clock.read(text, &self.style.dates).map_err(bad)?;
                    // A time is followed by its day, where the table keeps that.
                    let day_column = index + 1;
                    if self.entity.columns().get(day_column).is_some_and(|next| is_day_of(next.name, column.name)) {
                        values[day_column] = Value::Day(day);
                    }
                    Value::Instant(instant)
                }
                Kind::Date => {
                    if matches!(values[index], Value::Day(_)) {
                        // Said by the instant beside it.
                        continue;
                    }
                    match moment::parse(text, &self.style.dates) {
                        Some(Written::Local { day, .. }) => Value::Day(Day(day)),
                        Some(instant) => Value::Day(clock.place(instant).map_err(bad)?.1),
                        None => return Err(bad("is not a date in the expected format")),
                    }
                }
            };
        }
        Ok(())
    }
}

/// `ordered_on` is the day of `ordered_at`.
fn is_day_of(day: &str, time: &str) -> bool {
    day.strip_suffix("_on").is_some_and(|stem| time.strip_suffix("_at") == Some(stem))
}
