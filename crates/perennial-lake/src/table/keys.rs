//! Telling rows apart without holding them: 128 bits of hash stand for a row's key, 64 for its content.
//!
//! Two different keys among a thousand million rows share their 128 bits with a probability below 1e-20.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::hash::{hash, mix};

const KEY_SEEDS: [u64; 2] = [0x51, 0x7e];
const CONTENT_SEED: u64 = 0xc0;
const ABSENT: u64 = 0x6e75_6c6c;

fn mix_column(states: &mut [u64], column: &ArrayRef, seed: u64) -> Result<(), String> {
    fn each(states: &mut [u64], column: &dyn Array, word: impl Fn(usize) -> u64) {
        let no_nulls = column.null_count() == 0;
        for (row, state) in states.iter_mut().enumerate() {
            *state = mix(*state, if no_nulls || column.is_valid(row) { word(row) } else { ABSENT });
        }
    }
    match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            each(states, texts, |row| hash(texts.value(row).as_bytes(), seed));
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            each(states, numbers, |row| numbers.value(row) as u64);
        }
        DataType::Timestamp(..) => {
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            each(states, instants, |row| instants.value(row) as u64);
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            each(states, days, |row| days.value(row) as u64);
        }
        DataType::Float64 => {
            let floats = column.as_primitive::<Float64Type>();
            each(states, floats, |row| floats.value(row).to_bits());
        }
        DataType::Boolean => {
            let flags = column.as_boolean();
            each(states, flags, |row| u64::from(flags.value(row)));
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let texts = lists.values().as_string_opt::<i32>().ok_or("a list of something other than text")?;
            let offsets = lists.value_offsets();
            each(states, lists, |row| {
                let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                let word = |i| if texts.is_null(i) { ABSENT } else { hash(texts.value(i).as_bytes(), seed) };
                (from..to).fold((to - from) as u64, |state, i| mix(state, word(i)))
            });
        }
        other => return Err(format!("a column of type {other}")),
    }
    Ok(())
}

fn hash_columns(entity: Entity, batch: &RecordBatch, names: &[&str], seed: u64) -> Result<Vec<u64>, LakeError> {
    let mut states = vec![seed; batch.num_rows()];
    for name in names {
        let column = batch.column_by_name(name).ok_or_else(|| format!("no column {name:?}"));
        column.and_then(|column| mix_column(&mut states, column, seed)).map_err(|problem| LakeError::Rows { entity, problem })?;
    }
    Ok(states)
}

/// What identifies each row of a batch.
pub(crate) fn key_hashes(entity: Entity, batch: &RecordBatch) -> Result<Vec<u128>, LakeError> {
    let high = hash_columns(entity, batch, entity.key(), KEY_SEEDS[0])?;
    let low = hash_columns(entity, batch, entity.key(), KEY_SEEDS[1])?;
    Ok(high.into_iter().zip(low).map(|(high, low)| (u128::from(high) << 64) | u128::from(low)).collect())
}

/// The half of [`key_hashes`] that is enough where the keys are held in memory.
pub(crate) fn short_keys(entity: Entity, batch: &RecordBatch) -> Result<Vec<u64>, LakeError> {
    hash_columns(entity, batch, entity.key(), KEY_SEEDS[0])
}

/// What each row of a batch says: its table's own columns, not where it came from.
pub(crate) fn content_hashes(entity: Entity, batch: &RecordBatch) -> Result<Vec<u64>, LakeError> {
    let names: Vec<_> = entity.columns().iter().map(|column| column.name).collect();
    hash_columns(entity, batch, &names, CONTENT_SEED)
}

/// What becomes of an incoming row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Added,
    /// Its key came earlier in the same import.
    Repeated,
    /// The lake has the same row, or the same happening came earlier in the same import.
    Unchanged,
    /// A later decision on the same is known, from this import or an earlier one.
    Superseded,
    /// The lake has another row with its key, which makes way.
    Replaces,
}

/// Fates of an import's rows of a table, by arrival; empty when every row is added.
#[derive(Default)]
pub(crate) struct Fates(Vec<Fate>);

impl Fates {
    pub(crate) fn of(&self, arrival: u64) -> Fate {
        self.0.get(arrival as usize).copied().unwrap_or(Fate::Added)
    }

    pub(crate) fn all_added(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, arrival: u64, fate: Fate, rows: usize) {
        if self.0.is_empty() {
            self.0 = vec![Fate::Added; rows];
        }
        self.0[arrival as usize] = fate;
    }
}

/// What a key that comes again means.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Again {
    /// A mistake: the row that came first stands.
    #[default]
    Mistake,
    /// Trackers send what they are not sure has arrived: the same happening is no mistake.
    Retry,
    /// People decide anew: the latest decision stands, whatever came first.
    Decision,
}

impl Again {
    fn of(entity: Entity) -> Self {
        match entity {
            Entity::Events => Self::Retry,
            Entity::Consents => Self::Decision,
            _ => Self::Mistake,
        }
    }
}

/// When each row of a table happened, UTC microseconds.
pub(crate) fn times(entity: Entity, rows: &RecordBatch) -> Result<Vec<i64>, LakeError> {
    let column = entity.time().and_then(|name| rows.column_by_name(name));
    let times = column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let times = times.ok_or_else(|| LakeError::Rows { entity, problem: "they have no time".to_owned() })?;
    Ok(times.values().to_vec())
}

/// Keys of an import's rows of a table, by arrival.
#[derive(Default)]
pub(crate) struct KeyLog {
    again: Again,
    keys: Vec<u128>,
    /// When decisions were made; kept of nothing else.
    times: Vec<i64>,
    /// Kept only where there are rows that they might have to be compared with.
    contents: Vec<u64>,
}

impl KeyLog {
    pub(crate) fn note(&mut self, entity: Entity, rows: &RecordBatch, with_content: bool) -> Result<(), LakeError> {
        self.again = Again::of(entity);
        self.keys.extend(key_hashes(entity, rows)?);
        if self.again == Again::Decision {
            self.times.extend(times(entity, rows)?);
        }
        if with_content || self.again == Again::Retry {
            self.contents.extend(content_hashes(entity, rows)?);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys made ready to be looked for; on the way, of rows with the same key, all but one are marked.
    pub(crate) fn index(&self, fates: &mut Fates) -> KeyIndex<'_> {
        let slots = (self.keys.len() * 2).next_power_of_two().max(16);
        let mut index = KeyIndex { log: self, slots: vec![FREE; slots] };
        for (arrival, &key) in self.keys.iter().enumerate() {
            let slot = index.slot(key);
            let first = index.slots[slot];
            if first == FREE {
                index.slots[slot] = arrival as u32;
                continue;
            }
            let (marked, fate) = match self.again {
                Again::Decision if self.times[arrival] >= self.times[first as usize] => {
                    index.slots[slot] = arrival as u32;
                    (u64::from(first), Fate::Superseded)
                }
                Again::Decision => (arrival as u64, Fate::Superseded),
                Again::Retry if self.contents[arrival] == self.contents[first as usize] => (arrival as u64, Fate::Unchanged),
                Again::Retry | Again::Mistake => (arrival as u64, Fate::Repeated),
            };
            fates.set(marked, fate, self.keys.len());
        }
        index
    }
}

/// No row has this number: an import of a table stops short of it.
const FREE: u32 = u32::MAX;

/// Most rows of a table in one import; further imports may follow.
pub(crate) const ROWS_MAX: usize = FREE as usize;

/// Finds an incoming row by its key: a table of arrivals with open addressing, half of it free. The keys themselves are
/// hashes, so their low bits are as good a slot number as any.
pub(crate) struct KeyIndex<'a> {
    log: &'a KeyLog,
    slots: Vec<u32>,
}

impl KeyIndex<'_> {
    /// The slot that holds a key, or the free one where it would go.
    fn slot(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = key as usize & mask;
        while self.slots[slot] != FREE && self.log.keys[self.slots[slot] as usize] != key {
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Arrival of the first incoming row with this key.
    pub(crate) fn find(&self, key: u128) -> Option<u64> {
        let arrival = self.slots[self.slot(key)];
        (arrival != FREE).then_some(u64::from(arrival))
    }

    /// Whether a row is an older decision than one of `time`.
    pub(crate) fn is_older(&self, arrival: u64, time: i64) -> bool {
        self.log.times[arrival as usize] < time
    }

    pub(crate) fn content(&self, arrival: u64) -> u64 {
        self.log.contents[arrival as usize]
    }
}
