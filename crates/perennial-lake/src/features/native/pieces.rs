//! What one bucket gave, and the buckets laid together in the order of customers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Builder, Int64Builder, StringArray, StringBuilder};
use arrow::compute::interleave;

use super::super::FeatureError;
use super::super::group::FeatureKind;
use super::super::query::Columns;
use super::Cell;

enum Builder {
    Whole(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Builder {
    fn of(kind: FeatureKind) -> Self {
        match kind {
            FeatureKind::Whole | FeatureKind::Flag => Self::Whole(Int64Builder::new()),
            FeatureKind::Float => Self::Float(Float64Builder::new()),
            FeatureKind::Text => Self::Text(StringBuilder::new()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Whole(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The rows of one as-of day in one bucket, while they are being made.
pub(super) struct Rows {
    /// Which customer of the bucket each row belongs to.
    customers: Vec<u32>,
    builders: Vec<Builder>,
}

/// The same, finished.
struct Columnar {
    customers: Vec<u32>,
    columns: Vec<ArrayRef>,
}

/// One bucket's customers and, for every as-of day, their rows.
pub(super) struct Piece {
    ids: StringArray,
    cuts: Vec<Columnar>,
}

impl Rows {
    pub fn of(kinds: &[FeatureKind]) -> Self {
        Self { customers: Vec::new(), builders: kinds.iter().map(|&kind| Builder::of(kind)).collect() }
    }

    /// Append a row; the cells have the kinds of the columns.
    pub fn push(&mut self, customer: u32, cells: &[Cell]) {
        assert_eq!(cells.len(), self.builders.len(), "a native group gives another number of cells than its SQL declares");
        self.customers.push(customer);
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            match (builder, cell) {
                (Builder::Whole(builder), Cell::Whole(value)) => builder.append_option(*value),
                (Builder::Float(builder), Cell::Float(value)) => builder.append_option(*value),
                (Builder::Text(builder), Cell::Text(value)) => builder.append_option(*value),
                _ => unreachable!("a native group gives another kind of cell than its SQL declares"),
            }
        }
    }
}

impl Piece {
    pub fn of(mut ids: StringBuilder, cuts: Vec<Rows>) -> Self {
        let finish = |mut rows: Rows| Columnar {
            customers: std::mem::take(&mut rows.customers),
            columns: rows.builders.iter_mut().map(Builder::finish).collect(),
        };
        Self { ids: ids.finish(), cuts: cuts.into_iter().map(finish).collect() }
    }
}

/// The rows of one as-of day, sorted by customer.
pub(in super::super) struct Laid {
    pub customers: StringArray,
    pub columns: Columns,
}

/// Lay the buckets together: one result per as-of day.
pub(super) fn lay(pieces: Vec<Piece>, names: &[String]) -> Result<Vec<Laid>, FeatureError> {
    let order = order(&pieces);
    let cuts = pieces.first().map_or(0, |piece| piece.cuts.len());
    let mut ids: Vec<StringArray> = Vec::with_capacity(pieces.len());
    let mut by_cut: Vec<Vec<Columnar>> = (0..cuts).map(|_| Vec::new()).collect();
    for piece in pieces {
        ids.push(piece.ids);
        for (all, cut) in by_cut.iter_mut().zip(piece.cuts) {
            all.push(cut);
        }
    }
    by_cut.into_iter().map(|buckets| lay_cut(&order, &ids, buckets, names)).collect()
}

fn lay_cut(
    order: &[(u32, u32)],
    ids: &[StringArray],
    mut buckets: Vec<Columnar>,
    names: &[String],
) -> Result<Laid, FeatureError> {
    let row_of: Vec<Vec<u32>> = buckets.iter().zip(ids).map(|(bucket, ids)| rows_by_customer(bucket, ids.len())).collect();
    let (mut of_ids, mut of_rows) = (Vec::new(), Vec::new());
    for &(bucket, customer) in order {
        let row = row_of[bucket as usize][customer as usize];
        if row != NO_ROW {
            of_ids.push((bucket as usize, customer as usize));
            of_rows.push((bucket as usize, row as usize));
        }
    }
    let arrays: Vec<&dyn Array> = ids.iter().map(|ids| ids as &dyn Array).collect();
    let customers = match arrays.is_empty() {
        true => StringArray::new_null(0),
        false => arrow::array::AsArray::as_string::<i32>(&interleave(&arrays, &of_ids)?).clone(),
    };
    drop((of_ids, row_of));
    let mut columns = Columns::new();
    // From the last column to the first, so that each bucket's part is freed once it is laid.
    for name in names.iter().rev() {
        let parts: Vec<ArrayRef> = buckets.iter_mut().filter_map(|bucket| bucket.columns.pop()).collect();
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        columns.push((name.clone(), interleave(&parts, &of_rows)?));
    }
    columns.reverse();
    Ok(Laid { customers, columns })
}

const NO_ROW: u32 = u32::MAX;

fn rows_by_customer(bucket: &Columnar, customers: usize) -> Vec<u32> {
    let mut rows = vec![NO_ROW; customers];
    for (row, &customer) in bucket.customers.iter().enumerate() {
        rows[customer as usize] = row as u32;
    }
    rows
}

/// (bucket, customer of the bucket) in the order of ids. The first eight bytes decide most comparisons.
fn order(pieces: &[Piece]) -> Vec<(u32, u32)> {
    let mut keyed: Vec<(u64, u32, u32)> = Vec::with_capacity(pieces.iter().map(|piece| piece.ids.len()).sum());
    for (bucket, piece) in pieces.iter().enumerate() {
        for customer in 0..piece.ids.len() {
            keyed.push((prefix(piece.ids.value(customer)), bucket as u32, customer as u32));
        }
    }
    let id = |key: &(u64, u32, u32)| pieces[key.1 as usize].ids.value(key.2 as usize);
    keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a).cmp(id(b))));
    keyed.into_iter().map(|(_, bucket, customer)| (bucket, customer)).collect()
}

fn prefix(id: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = id.len().min(8);
    bytes[..length].copy_from_slice(&id.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}
