//! Where a format puts what it reads: rows, rejects, identities, and the money of both.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use perennial_contract::Entity;
use perennial_contract::money::Decimal;
use perennial_contract::source::{Batch, Identity, IdentityKind, Reconciliation, Reject};

use super::bounds::{KEY_TOO_LONG, NAME_BYTES_MAX};
use super::identity::{Pseudonyms, looks_like_email};
use super::mask::masked;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::{Rows, Value};

/// Rejects and identities are handed on when there are this many.
const WAITING_MAX: usize = 8_192;
/// What is kept of a rejected row, and of its cell.
const RAW_BYTES_MAX: usize = 1_000;
const VALUE_BYTES_MAX: usize = 200;
/// What stands in a reject where a direct identifier was.
pub const HIDDEN: &str = "[hidden]";

/// An exact sum of amounts with different numbers of decimals: one whole-number sum for each.
#[derive(Clone, Debug, Default)]
struct Sum([i128; 13]);

impl Sum {
    fn add(&mut self, amount: Decimal) {
        // Amounts are at most 10^15 minor units with at most 12 decimals: 10^12 of them fit into 128 bits.
        let slot = &mut self.0[(amount.scale as usize).min(12)];
        *slot = slot.saturating_add(amount.units);
    }

    fn total(&self) -> Decimal {
        let sum = self.0.iter().enumerate().filter(|(_, units)| **units != 0);
        sum.fold(Decimal::ZERO, |sum, (scale, &units)| sum.plus(Decimal { units, scale: scale as u32 }).unwrap_or(sum))
    }
}

/// How the rows of a file fared.
#[derive(Debug, Default)]
pub struct Tally {
    pub rows: u64,
    pub rejected: u64,
    pub reasons: BTreeMap<String, u64>,
}

impl Tally {
    /// Whether more than a share of the rows were bad.
    #[must_use]
    pub fn is_above(&self, share: f64) -> bool {
        self.rejected as f64 > share * self.rows as f64
    }
}

pub struct Sink {
    digits: u32,
    tables: BTreeMap<Entity, Rows>,
    full: VecDeque<Batch>,
    rejects: Vec<Reject>,
    identities: Vec<Identity>,
    stated: Sum,
    rejected: Sum,
    rounding: Sum,
    /// What the current record stated so far.
    current: Sum,
    has_stated: bool,
    pub tally: Tally,
    /// Of ids that hold an e-mail address.
    pseudonyms: Option<Pseudonyms>,
    /// Cells out of which something was taken that tells who somebody is.
    pub cells_masked: u64,
    /// The file and row of the current record; no file once all are read.
    pub file: Arc<str>,
    pub row: u64,
    problem: Option<Problem>,
}

/// Where the current record stands, for its reject.
pub struct Place<'a> {
    pub file: &'a str,
    pub header: &'a [String],
    /// Columns with direct identifiers.
    pub private: &'a [usize],
}

impl Sink {
    /// `digits`: how many the currency's minor unit has.
    #[must_use]
    pub fn new(digits: u32) -> Self {
        Self {
            digits,
            tables: BTreeMap::new(),
            full: VecDeque::new(),
            rejects: Vec::new(),
            identities: Vec::new(),
            stated: Sum::default(),
            rejected: Sum::default(),
            rounding: Sum::default(),
            current: Sum::default(),
            has_stated: false,
            tally: Tally::default(),
            pseudonyms: None,
            cells_masked: 0,
            file: Arc::from(""),
            row: 0,
            problem: None,
        }
    }

    /// With the shop's key for pseudonyms.
    #[must_use]
    pub fn knowing(self, key: Option<&[u8; 32]>) -> Self {
        Self { pseudonyms: Pseudonyms::new(key).ok(), ..self }
    }

    pub fn push(&mut self, entity: Entity, values: &[Value<'_>]) {
        let rows = self.tables.entry(entity).or_insert_with(|| Rows::new(entity));
        if rows.identifies(values) {
            // Whatever the format, an address as an id would be a direct identifier in the lake.
            self.problem.get_or_insert_with(|| {
                Problem::refused(
                    format!("has e-mail addresses or phone numbers as customer ids in {entity}"),
                    "map the column with `pseudonym = \"COLUMN\"` in a mapping file, so that a keyed pseudonym becomes the id, and \
                     as `email` or `phone`, so that the vault keeps it; see the import guide",
                )
            });
            return;
        }
        if let Some(column) = rows.overlong_key(values) {
            self.problem.get_or_insert_with(|| {
                Problem::refused(format!("has a {column} in {entity} that {KEY_TOO_LONG}"), "leave that row out, or shorten it")
            });
            return;
        }
        match rows.push(values, self.pseudonyms.as_ref()) {
            Ok(cells) => self.cells_masked += cells,
            Err(problem) => {
                self.problem.get_or_insert(problem);
                return;
            }
        }
        rows.place(&self.file, self.row);
        if rows.is_full() {
            self.cut(entity);
        }
    }

    /// What came up that refuses the whole file.
    pub fn check(&mut self) -> Result<(), Problem> {
        self.problem.take().map_or(Ok(()), Err)
    }

    pub fn identity(&mut self, customer_id: &str, kind: IdentityKind, value: &str) {
        if !value.is_empty() {
            // Longer ones are rejects where they are a cell of their own; found within a text, the beginning will do.
            let value = cut(value, NAME_BYTES_MAX).to_owned();
            self.identities.push(Identity { customer_id: customer_id.to_owned(), kind, value });
        }
    }

    /// The source says this much was earned (or, below zero, given back) on the current record. What is beyond every bound is
    /// no amount: its row is rejected, and no sum takes it in.
    pub fn state(&mut self, amount: Decimal) {
        if super::cell::minor(amount, self.digits).is_none() {
            return;
        }
        self.stated.add(amount);
        self.current.add(amount);
        self.has_stated = true;
    }

    /// `exact` in minor units as it is stored; what rounding changed is accounted for.
    pub fn load(&mut self, exact: Decimal) -> Option<i64> {
        let (cents, is_exact) = super::cell::minor(exact, self.digits)?;
        if !is_exact {
            self.rounding.add(exact);
            self.rounding.add(Decimal { units: -i128::from(cents), scale: self.digits });
        }
        Some(cents)
    }

    /// Take back a loaded or stated amount that is held until later: nothing of it is in the current record's account.
    pub fn settle(&mut self) {
        self.current = Sum::default();
        self.has_stated = false;
    }

    /// The current record is bad: it goes to the rejects and its money to the rejected part.
    pub fn reject(&mut self, bad: Bad, record: &Record<'_>, place: &Place<'_>) {
        self.rejected.add(self.current.total());
        let hidden = |cell: usize| place.private.contains(&cell) || looks_like_email(record.cell(cell));
        let mut raw = String::new();
        for cell in 0..record.len() {
            if raw.len() >= RAW_BYTES_MAX {
                break;
            }
            if cell > 0 {
                raw.push_str(" | ");
            }
            let text = record.cell(cell);
            match hidden(cell) && !text.is_empty() {
                true => raw.push_str(HIDDEN),
                // Only the part that is kept.
                false => raw.push_str(&masked(cut(text, RAW_BYTES_MAX))),
            }
        }
        let reason = bad.reason.into_owned();
        *self.tally.reasons.entry(reason.clone()).or_default() += 1;
        self.tally.rejected += 1;
        let value = |cell| if hidden(cell) { HIDDEN.into() } else { masked(cut(record.cell(cell), VALUE_BYTES_MAX)) };
        let (column, text) = match bad.part {
            Some((name, text)) => (Some(name.to_owned()), Some(shown_part(text))),
            None => (
                bad.cell.map(|cell| place.header.get(cell).cloned().unwrap_or_default()),
                bad.cell.map(|cell| value(cell).into_owned()),
            ),
        };
        self.rejects.push(Reject {
            entity: bad.entity,
            file: place.file.to_owned(),
            row: record.row,
            column,
            value: text,
            reason,
            raw: cut(&raw, RAW_BYTES_MAX).to_owned(),
        });
    }

    /// Between two records: what is full is handed on.
    pub fn next_record(&mut self) {
        if self.has_stated {
            self.settle();
        }
        if self.rejects.len() >= WAITING_MAX || self.identities.len() >= WAITING_MAX {
            self.cut(Entity::Rejects);
        }
    }

    /// The identities that were found since they were last taken.
    pub fn take_identities(&mut self) -> Vec<Identity> {
        std::mem::take(&mut self.identities)
    }

    /// The rejects since they were last taken.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    fn cut(&mut self, entity: Entity) {
        // Rejects and identities travel with any batch; one of their own is an empty batch of the first reject's table.
        let entity = if entity == Entity::Rejects {
            self.rejects.first().map_or(Entity::Customers, |reject| reject.entity)
        } else {
            entity
        };
        match self.tables.entry(entity).or_insert_with(|| Rows::new(entity)).take() {
            Ok((rows, places)) => self.full.push_back(Batch {
                entity,
                rows,
                places,
                rejects: std::mem::take(&mut self.rejects),
                identities: std::mem::take(&mut self.identities),
            }),
            Err(problem) => self.problem = Some(problem),
        }
    }

    /// At the end: everything is handed on.
    pub fn cut_all(&mut self) {
        let waiting: Vec<_> = self.tables.values().filter(|rows| !rows.is_empty()).map(|rows| rows.entity).collect();
        for entity in waiting {
            self.cut(entity);
        }
        if !self.rejects.is_empty() || !self.identities.is_empty() {
            self.cut(Entity::Rejects);
        }
    }

    /// Whether something can be handed on.
    #[must_use]
    pub fn has_batches(&self) -> bool {
        !self.full.is_empty()
    }

    pub fn pop(&mut self) -> Result<Option<Batch>, Problem> {
        match self.problem.take() {
            Some(problem) => Err(problem),
            None => Ok(self.full.pop_front()),
        }
    }

    #[must_use]
    pub fn reconciliation(&self) -> Reconciliation {
        Reconciliation { stated: self.stated.total(), rejected: self.rejected.total(), rounding: self.rounding.total() }
    }
}

/// A part's text as a reject shows it.
pub fn shown_part(text: String) -> String {
    if text.contains('@') { HIDDEN.to_owned() } else { masked(cut(&text, VALUE_BYTES_MAX)).into_owned() }
}

/// At most `most` bytes of a text, whole characters.
pub fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_balances_to_the_last_decimal() {
        let mut sink = Sink::new(2);
        let mut loaded = 0;
        for text in ["0.001", "12.34", "-3.5", "0.005", "0.015", "7"] {
            let amount = Decimal::parse(text).expect(text);
            sink.state(amount);
            loaded += sink.load(amount).expect(text);
            sink.next_record();
        }
        let r = sink.reconciliation();
        let loaded = Decimal { units: i128::from(loaded), scale: 2 };
        let sum = loaded.plus(r.rejected).and_then(|sum| sum.plus(r.rounding));
        let difference = sum.and_then(|sum| r.stated.plus(Decimal { units: -sum.units, scale: sum.scale }));
        assert_eq!(difference.map(|d| d.units), Some(0), "{r:?}");
    }
}
