//! Small lakes for the tests of lake, vault, engine and crashes.

use std::path::Path;
use std::sync::Arc;

use perennial_contract::Entity;
use perennial_contract::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use perennial_contract::arrow::datatypes::DataType;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::source::{Batch, Reconciliation};
use perennial_lake::lake::{Begin, FileFact, Import, Lake, LakeError, Origin, Receipt, ShopFacts};

pub fn shop() -> ShopFacts {
    ShopFacts { zone: "Europe/London".into(), currency: "GBP".into() }
}

/// A folder for a lake, in memory where the system has such a place: these tests are about what is written, not how fast.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

pub fn create(dir: &Path) -> Lake {
    Lake::create(dir, &shop()).unwrap()
}

pub fn open(dir: &Path) -> Lake {
    Lake::open(dir, &shop(), None).unwrap()
}

/// An origin of one file that is told apart by `content`.
pub fn origin(content: &str) -> Origin {
    let sha256 = format!("{content:0>64}");
    Origin {
        format: "test".into(),
        files: vec![FileFact { name: format!("{content}.csv"), sha256, bytes: 1 }],
        at_us: 1_700_000_000_000_000,
    }
}

pub fn begin<'a>(lake: &'a Lake, content: &str) -> Import<'a> {
    match lake.begin(&origin(content)).unwrap() {
        Begin::Import(import) => import,
        Begin::AlreadyImported { batch_id, .. } => panic!("{content} was imported as {batch_id}"),
    }
}

/// An order line: customer (none for a guest), order, line, day, cents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub customer: Option<String>,
    pub day: i32,
    pub order: String,
    pub line: i64,
    pub cents: i64,
}

pub fn line(customer: &str, order: &str, line: i64, day: i32, cents: i64) -> Line {
    let customer = (!customer.is_empty()).then(|| customer.to_owned());
    Line { customer, day, order: order.to_owned(), line, cents }
}

pub fn batch(lines: &[Line]) -> Batch {
    Batch { entity: Entity::OrderItems, rows: rows(lines), places: Vec::new(), rejects: Vec::new(), identities: Vec::new() }
}

pub fn rows(lines: &[Line]) -> RecordBatch {
    let texts = |pick: &dyn Fn(&Line) -> String| Arc::new(StringArray::from_iter_values(lines.iter().map(pick))) as ArrayRef;
    let numbers = |pick: &dyn Fn(&Line) -> i64| Arc::new(Int64Array::from_iter_values(lines.iter().map(pick))) as ArrayRef;
    let at = TimestampMicrosecondArray::from_iter_values(lines.iter().map(|l| i64::from(l.day) * 86_400_000_000));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(lines.iter().map(|l| l.customer.as_deref()).collect::<StringArray>()),
        texts(&|l| l.order.clone()),
        numbers(&|l| l.line),
        Arc::new(at.with_timezone("UTC")),
        Arc::new(Date32Array::from_iter_values(lines.iter().map(|l| l.day))),
        texts(&|l| format!("p{}", l.cents % 7)),
        texts(&|_| "product".into()),
        numbers(&|_| 1),
        numbers(&|l| l.cents),
        numbers(&|_| 0),
        numbers(&|l| l.cents),
        texts(&|_| "GBP".into()),
    ];
    RecordBatch::try_new(Entity::OrderItems.source_schema(), columns).unwrap()
}

/// One row per key of some table, the first key column as given, everything that may be null null.
pub fn sparse(entity: Entity, keys: &[&str]) -> Batch {
    let columns = entity.columns().iter().map(|column| -> ArrayRef {
        let n = keys.len();
        match column.kind.data_type() {
            DataType::Utf8 if column.name == entity.key()[0] => Arc::new(StringArray::from(keys.to_vec())),
            other if column.nullable => new_null_array(&other, n),
            DataType::Utf8 => Arc::new(StringArray::from(vec!["x"; n])),
            DataType::Timestamp(..) => Arc::new(TimestampMicrosecondArray::from(vec![0; n]).with_timezone("UTC")),
            DataType::Date32 => Arc::new(Date32Array::from(vec![0; n])),
            DataType::Int64 => Arc::new(Int64Array::from(vec![0; n])),
            DataType::Boolean => Arc::new(BooleanArray::from(vec![false; n])),
            other => panic!("no plain value of {other}"),
        }
    });
    let rows = RecordBatch::try_new(entity.source_schema(), columns.collect()).unwrap();
    Batch { entity, rows, places: Vec::new(), rejects: Vec::new(), identities: Vec::new() }
}

pub fn import(lake: &Lake, content: &str, batches: Vec<Batch>) -> Result<Receipt, LakeError> {
    let mut import = begin(lake, content);
    for batch in batches {
        import.append(batch)?;
    }
    import.commit(&Reconciliation::ZERO)
}

/// Order lines as the lake gives them, scan after scan.
pub fn lines(lake: &Lake, at: &Snapshot, who: &Who) -> Vec<Vec<Line>> {
    let columns = ["customer_id", "order_id", "line_no", "ordered_on", "total_cents"];
    let scans = lake.scan(at, Entity::OrderItems, &columns, who).unwrap();
    scans.into_iter().map(|scan| scan.flat_map(|batch| lines_of(&batch.unwrap())).collect()).collect()
}

fn lines_of(batch: &RecordBatch) -> Vec<Line> {
    use perennial_contract::arrow::datatypes::{Date32Type, Int64Type};
    let text = |i: usize| batch.column(i).as_string::<i32>();
    let number = |i: usize| batch.column(i).as_primitive::<Int64Type>();
    let of = |row: usize| Line {
        customer: text(0).is_valid(row).then(|| text(0).value(row).to_owned()),
        order: text(1).value(row).to_owned(),
        line: number(2).value(row),
        day: batch.column(3).as_primitive::<Date32Type>().value(row),
        cents: number(4).value(row),
    };
    (0..batch.num_rows()).map(of).collect()
}

/// All order lines of the lake now, sorted by key.
pub fn all_lines(lake: &Lake) -> Vec<Line> {
    let snapshot = lake.snapshot().unwrap();
    let mut all: Vec<Line> = lines(lake, &snapshot, &Who::Everyone).concat();
    all.sort();
    all
}

pub fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort();
    lines
}
