//! The walk over the buckets: customer by customer, every native group, every as-of day.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::StringBuilder;
use perennial_contract::Entity;
use perennial_contract::engine::{Snapshot, Who};

use super::super::FeatureError;
use super::super::group::FeatureKind;
use super::super::store::{Rows as Scan, Store};
use super::history::History;
use super::pieces::{Laid, Piece, Rows, lay};
use super::products::{Numbers, Products};
use super::reader::{Decode, Events, Items, Orders, Reader, Returns};
use super::{Cell, Cut, Native, labels};

/// What one pass over the rows is asked for.
pub(in super::super) struct Pass<'a> {
    pub store: &'a dyn Store,
    pub at: &'a Snapshot,
    pub who: &'a Who,
    pub cuts: &'a [Cut],
    pub natives: &'a [&'static Native],
    /// For labels: how many days from the as-of day on they look at.
    pub horizon_days: Option<i32>,
    /// Names and kinds of the columns of the natives (and labels), in order.
    pub columns: &'a [(String, FeatureKind)],
}

/// The streams of one bucket, taken by the thread that works on it.
struct Bucket {
    items: Scan,
    orders: Scan,
    returns: Scan,
    events: Scan,
}

/// One result per as-of day: every customer with a purchase day before it.
pub(in super::super) fn run(pass: &Pass) -> Result<Vec<Laid>, FeatureError> {
    let wants = |asks: fn(&Native) -> bool| pass.natives.iter().any(|native| asks(native));
    let products = match wants(|native| native.item_details) {
        true => Products::read(pass.store.scan(pass.at, Entity::Products, Products::COLUMNS, &Who::Everyone)?)?,
        false => Products::default(),
    };
    let items = if wants(|native| native.item_details) { Items::ALL } else { Items::MONEY };
    let orders = if wants(|native| native.coupons) { Orders::ALL } else { Orders::MONEY };
    let items = pass.store.scan(pass.at, Items::ENTITY, items, pass.who)?;
    let orders = pass.store.scan(pass.at, Orders::ENTITY, orders, pass.who)?;
    let returns = pass.store.scan(pass.at, Returns::ENTITY, Returns::ALL, pass.who)?;
    let events = match wants(|native| native.events) {
        true => pass.store.scan(pass.at, Events::ENTITY, Events::ALL, pass.who)?,
        false => Vec::new(),
    };
    let buckets = buckets(items, orders, returns, events);
    let pieces = work(buckets, |bucket| walk(pass, &products, bucket))?;
    let names: Vec<_> = pass.columns.iter().map(|(name, _)| name.clone()).collect();
    lay(pieces, &names)
}

/// The streams side by side; a table that has fewer buckets has no rows in the others.
fn buckets(items: Vec<Scan>, orders: Vec<Scan>, returns: Vec<Scan>, events: Vec<Scan>) -> Vec<Mutex<Option<Bucket>>> {
    let count = items.len().max(orders.len()).max(returns.len()).max(events.len());
    let mut streams = [items, orders, returns, events].map(Vec::into_iter);
    let mut next = |table: usize| streams[table].next().unwrap_or_else(|| Box::new(std::iter::empty()));
    let bucket = |_| Mutex::new(Some(Bucket { items: next(0), orders: next(1), returns: next(2), events: next(3) }));
    (0..count).map(bucket).collect()
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

fn walk(pass: &Pass, products: &Products, bucket: Bucket) -> Result<Piece, FeatureError> {
    let kinds: Vec<_> = pass.columns.iter().map(|(_, kind)| *kind).collect();
    let mut cuts: Vec<Rows> = pass.cuts.iter().map(|_| Rows::of(&kinds)).collect();
    let (mut ids, mut customers, mut numbers) = (StringBuilder::new(), 0_u32, Numbers::of(products));
    let mut items = Reader::<Items>::over(bucket.items);
    let mut orders = Reader::<Orders>::over(bucket.orders);
    let mut returns = Reader::<Returns>::over(bucket.returns);
    let mut events = Reader::<Events>::over(bucket.events);
    let (mut history, mut customer, mut serial) = (History::default(), String::new(), 0_u64);
    loop {
        let heads = [items.next_customer()?, orders.next_customer()?, returns.next_customer()?, events.next_customer()?];
        let Some(head) = heads.into_iter().flatten().min() else { break };
        customer.clear();
        customer.push_str(head);
        serial += 1;
        history.clear();
        items.take(&customer, &mut history, &mut numbers)?;
        orders.take(&customer, &mut history, &mut numbers)?;
        returns.take(&customer, &mut history, &mut numbers)?;
        events.take(&customer, &mut history, &mut numbers)?;
        history.finish();
        for item in history.items.iter_mut().filter(|item| item.is_product) {
            item.first = numbers.is_first(item.product, serial);
        }
        if append(pass, products, &history, customers, &mut cuts) {
            ids.append_value(&customer);
            customers += 1;
        }
    }
    Ok(Piece::of(ids, cuts))
}

/// The customer's row at every as-of day that has one; whether any has.
fn append(pass: &Pass, products: &Products, history: &History, customer: u32, cuts: &mut [Rows]) -> bool {
    let mut any = false;
    let mut cells: Vec<Cell> = Vec::with_capacity(pass.columns.len());
    for (cut, rows) in pass.cuts.iter().zip(cuts) {
        let known = history.before(*cut, products);
        if !known.has_purchase() {
            continue;
        }
        cells.clear();
        for native in pass.natives {
            (native.cells)(&known, &mut cells);
        }
        if let Some(days) = pass.horizon_days {
            labels::cells(history.horizon(*cut, days), &mut cells);
        }
        rows.push(customer, &cells);
        any = true;
    }
    any
}
