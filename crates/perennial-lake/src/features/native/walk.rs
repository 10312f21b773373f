//! The walk over the buckets: customer by customer, every native group, every as-of day.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::StringBuilder;
use perennial_contract::Entity;
use perennial_contract::engine::{Snapshot, Who};

use super::super::FeatureError;
use super::super::group::FeatureKind;
use super::super::store::Store;
use super::history::History;
use super::pieces::{Laid, Piece, Rows, lay};
use super::products::{Numbers, Products};
use super::reader::{Feed, Source};
use super::{Cell, Cut, MONEY, Native, labels};

/// What one pass over the rows is asked for.
pub(in super::super) struct Pass<'a> {
    pub store: &'a dyn Store,
    pub at: &'a Snapshot,
    pub who: &'a Who,
    pub cuts: &'a [Cut],
    pub natives: &'a [&'static Native],
    /// Names and kinds of the columns of the natives (and of labels, where cuts have a horizon), in order.
    pub columns: &'a [(String, FeatureKind)],
}

/// The tables' rows in one bucket.
type Bucket = Vec<Box<dyn Feed>>;

/// One result per as-of day: every customer with a purchase day before it.
pub(in super::super) fn run(pass: &Pass) -> Result<Vec<Laid>, FeatureError> {
    let sources = sources(pass.natives);
    let has_products = sources.iter().any(|source| source.columns.contains(&"product_id"));
    let products = match has_products {
        true => Products::read(pass.store.scan(pass.at, Entity::Products, Products::COLUMNS, &Who::Everyone)?)?,
        false => Products::default(),
    };
    let mut buckets: Vec<Bucket> = Vec::new();
    for source in sources {
        for (number, rows) in pass.store.scan(pass.at, source.entity, source.columns, pass.who)?.into_iter().enumerate() {
            if buckets.len() == number {
                buckets.push(Bucket::new());
            }
            buckets[number].push((source.open)(rows));
        }
    }
    let buckets = buckets.into_iter().map(|bucket| Mutex::new(Some(bucket))).collect();
    let pieces = work(buckets, |bucket| walk(pass, &products, bucket))?;
    let names: Vec<_> = pass.columns.iter().map(|(name, _)| name.clone()).collect();
    lay(pieces, &names)
}

/// What the natives read: of every table the widest choice of columns anyone asks for.
fn sources(natives: &[&'static Native]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for source in MONEY.iter().chain(natives.iter().flat_map(|native| native.reads)) {
        match sources.iter_mut().find(|known| known.entity == source.entity) {
            Some(known) if known.columns.len() < source.columns.len() => *known = *source,
            Some(_) => {}
            None => sources.push(*source),
        }
    }
    sources
}

/// Every bucket through `walk`, on all cores; results in the order of the buckets, whoever made them.
fn work<T: Send>(
    buckets: Vec<Mutex<Option<Bucket>>>,
    walk: impl Fn(Bucket) -> Result<T, FeatureError> + Sync,
) -> Result<Vec<T>, FeatureError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(buckets.len());
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        while let Some((number, bucket)) = take(&buckets, &next) {
            let result = walk(bucket);
            let failed = result.is_err();
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, result));
            if failed {
                next.store(buckets.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take(buckets: &[Mutex<Option<Bucket>>], next: &AtomicUsize) -> Option<(usize, Bucket)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    let bucket = buckets.get(number)?.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()?;
    Some((number, bucket))
}

fn walk(pass: &Pass, products: &Products, mut bucket: Bucket) -> Result<Piece, FeatureError> {
    let kinds: Vec<_> = pass.columns.iter().map(|(_, kind)| *kind).collect();
    let mut cuts: Vec<Rows> = pass.cuts.iter().map(|_| Rows::of(&kinds)).collect();
    let (mut ids, mut customers, mut numbers) = (StringBuilder::new(), 0_u32, Numbers::of(products));
    let (mut history, mut customer, mut serial) = (History::default(), String::new(), 0_u64);
    loop {
        customer.clear();
        if !next_customer(&mut bucket, &mut customer)? {
            break;
        }
        serial += 1;
        history.clear();
        for feed in &mut bucket {
            feed.take(&customer, &mut history, &mut numbers)?;
        }
        history.finish();
        for item in history.items.iter_mut().filter(|item| item.is_product) {
            item.first = numbers.is_first(item.product, serial);
        }
        let at_hand = Customer { number: customers, id: &customer, history: &history };
        if append(pass, products, &at_hand, &mut cuts) {
            ids.append_value(&customer);
            customers += 1;
        }
    }
    Ok(Piece::of(ids, cuts))
}

/// The least of the customers whose rows come next, if there is any.
fn next_customer(bucket: &mut Bucket, customer: &mut String) -> Result<bool, FeatureError> {
    let mut found = false;
    for feed in bucket {
        if let Some(head) = feed.next_customer()?.filter(|head| !found || *head < customer.as_str()) {
            customer.clear();
            customer.push_str(head);
            found = true;
        }
    }
    Ok(found)
}

/// The customer whose rows are at hand.
struct Customer<'a> {
    /// Among the bucket's customers with a row.
    number: u32,
    id: &'a str,
    history: &'a History,
}

/// The customer's row at every as-of day that has one; whether any has.
fn append(pass: &Pass, products: &Products, customer: &Customer, cuts: &mut [Rows]) -> bool {
    let Customer { number, id, history } = *customer;
    let mut any = false;
    let mut cells: Vec<Cell> = Vec::with_capacity(pass.columns.len());
    for (cut, rows) in pass.cuts.iter().zip(cuts) {
        let known = history.before(*cut, products);
        if !known.has_purchase() || !cut.sample.takes(id) {
            continue;
        }
        cells.clear();
        for native in pass.natives {
            (native.cells)(&known, &mut cells);
        }
        if let Some(days) = cut.horizon_days {
            labels::cells(cut.as_of.0, history.horizon(*cut, days), &mut cells);
        }
        rows.push(number, &cells);
        any = true;
    }
    any
}
