//! Every ready format on real files: rows, customers, rejects by reason, revenue to the cent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};
use perennial_contract::Entity;
use perennial_contract::money::Decimal;
use perennial_contract::source::{Identity, Reject, SourceError};
use perennial_lake::source::{ReadOptions, open};

/// The path of a real data set, if it is there.
pub fn data(set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PERENNIAL_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join(set);
    if !path.exists() {
        println!("skipped: no data set {set}");
        return None;
    }
    Some(path)
}

/// Everything a source gave.
#[derive(Debug, Default)]
pub struct Read {
    pub tables: BTreeMap<Entity, Vec<RecordBatch>>,
    pub rejects: Vec<Reject>,
    pub identities: Vec<Identity>,
    pub stated: String,
    pub rejected: String,
    pub rounding: String,
    pub cells_masked: u64,
}

pub fn read(format: Option<&str>, paths: &[PathBuf], options: &ReadOptions) -> Result<Read, SourceError> {
    let mut source = open(format, paths, options)?;
    let mut read = Read::default();
    while let Some(batch) = source.next_batch()? {
        assert_eq!(batch.rows.schema(), batch.entity.source_schema());
        assert!(batch.rows.num_rows() <= 32_768 && batch.rejects.len() <= 40_000);
        read.rejects.extend(batch.rejects);
        read.identities.extend(batch.identities);
        if batch.rows.num_rows() > 0 {
            read.tables.entry(batch.entity).or_default().push(batch.rows);
        }
    }
    let (done, all) = source.bytes();
    assert!(done <= all, "{done} of {all} bytes");
    read.cells_masked = source.cells_masked();
    let money = source.reconciliation();
    (read.stated, read.rejected, read.rounding) =
        (money.stated.to_string(), money.rejected.to_string(), money.rounding.to_string());
    let loaded = Decimal { units: i128::from(read.net_cents()), scale: 2 };
    let sum = loaded.plus(money.rejected).and_then(|sum| sum.plus(money.rounding)).expect("sum");
    let difference = sum.plus(Decimal { units: -money.stated.units, ..money.stated }).expect("difference");
    assert_eq!(
        difference.units, 0,
        "stated {} loaded {loaded} rejected {} rounding {}",
        read.stated, read.rejected, read.rounding
    );
    Ok(read)
}

impl Read {
    pub fn rows(&self, entity: Entity) -> usize {
        self.tables.get(&entity).map_or(0, |batches| batches.iter().map(RecordBatch::num_rows).sum())
    }

    pub fn texts(&self, entity: Entity, column: &str) -> Vec<Option<String>> {
        let batches = self.tables.get(&entity).map_or(&[][..], Vec::as_slice);
        batches
            .iter()
            .flat_map(|batch| {
                let column = batch.column_by_name(column).expect("column").as_string::<i32>();
                column.iter().map(|value| value.map(str::to_owned)).collect::<Vec<_>>()
            })
            .collect()
    }

    pub fn numbers(&self, entity: Entity, column: &str) -> Vec<i64> {
        let batches = self.tables.get(&entity).map_or(&[][..], Vec::as_slice);
        batches
            .iter()
            .flat_map(|batch| batch.column_by_name(column).expect("column").as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    pub fn days(&self, entity: Entity, column: &str) -> Vec<i32> {
        let batches = self.tables.get(&entity).map_or(&[][..], Vec::as_slice);
        batches
            .iter()
            .flat_map(|batch| batch.column_by_name(column).expect("column").as_primitive::<Date32Type>().values().to_vec())
            .collect()
    }

    pub fn distinct(&self, entity: Entity, column: &str) -> usize {
        self.texts(entity, column).into_iter().flatten().collect::<BTreeSet<_>>().len()
    }

    pub fn count(&self, entity: Entity, column: &str, value: &str) -> usize {
        self.texts(entity, column).iter().filter(|text| text.as_deref() == Some(value)).count()
    }

    pub fn net_cents(&self) -> i64 {
        let sum = |entity, column: &str| self.numbers(entity, column).iter().sum::<i64>();
        sum(Entity::OrderItems, "total_cents") - sum(Entity::Returns, "amount_cents")
    }

    pub fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for reject in &self.rejects {
            *reasons.entry(reject.reason.as_str()).or_default() += 1;
        }
        reasons
    }

    /// Keys are unique in every table.
    pub fn check_keys(&self) {
        for (&entity, batches) in &self.tables {
            let mut seen = BTreeSet::new();
            for batch in batches {
                for row in 0..batch.num_rows() {
                    let key: Vec<_> = entity
                        .key()
                        .iter()
                        .map(|name| {
                            let column = batch.column_by_name(name).expect("key");
                            match column.as_string_opt::<i32>() {
                                Some(texts) => texts.value(row).to_owned(),
                                None => column.as_primitive::<Int64Type>().value(row).to_string(),
                            }
                        })
                        .collect();
                    assert!(seen.insert(key.clone()), "{entity}: {key:?} twice");
                }
            }
        }
    }
}

#[test]
fn cdnow_master_is_read_to_the_cent() -> Result<(), SourceError> {
    let Some(folder) = data("cdnow") else { return Ok(()) };
    let read = read(None, &[folder.join("CDNOW_master.txt.gz")], &ReadOptions::new("America/New_York", "USD"))?;
    assert_eq!(
        (read.rows(Entity::OrderItems), read.rows(Entity::Orders), read.rows(Entity::Customers)),
        (69_659, 69_659, 23_570)
    );
    assert_eq!((read.stated.as_str(), read.net_cents()), ("2500315.63", 250_031_563));
    assert!(read.rejects.is_empty());
    let days = read.days(Entity::Orders, "ordered_on");
    assert_eq!((days.iter().min(), days.iter().max()), (Some(&9862), Some(&10_407)));
    read.check_keys();
    Ok(())
}

#[test]
fn cdnow_sample_is_the_same_in_both_of_its_forms() -> Result<(), SourceError> {
    let Some(folder) = data("cdnow") else { return Ok(()) };
    let options = ReadOptions::new("America/New_York", "USD");
    let text = read(None, &[folder.join("CDNOW_sample.txt.gz")], &options)?;
    let csv = read(None, &[folder.join("cdnowElog.csv.gz")], &options)?;
    assert_eq!((text.rows(Entity::Orders), text.rows(Entity::Customers)), (6_919, 2_357));
    assert_eq!(text.tables, csv.tables);
    Ok(())
}

#[test]
fn online_retail_is_read_to_the_cent() -> Result<(), SourceError> {
    let Some(folder) = data("online_retail") else { return Ok(()) };
    let read = read(None, &[folder.join("online_retail.csv.gz")], &ReadOptions::new("Europe/London", "GBP"))?;
    // 541,909 lines: 9,288 cancellations, 1,336 lines below zero without a price, two bad debts.
    assert_eq!(read.rows(Entity::Returns), 9_288 + 1_336 + 2);
    assert_eq!(read.rows(Entity::OrderItems) + read.rows(Entity::Returns), 541_909);
    assert_eq!(read.count(Entity::Returns, "reason", "cancellation"), 9_288);
    assert_eq!(read.count(Entity::Returns, "reason", "stock adjustment"), 1_336);
    assert_eq!(read.count(Entity::Returns, "reason", "adjustment"), 2);
    assert_eq!(read.rows(Entity::Customers), 4_372);
    let guests = |entity| read.texts(entity, "customer_id").iter().filter(|id| id.is_none()).count();
    assert_eq!(guests(Entity::OrderItems) + guests(Entity::Returns), 135_080);
    assert!(read.rejects.is_empty());
    // Σ Quantity × UnitPrice.
    assert_eq!(read.stated, "9747747.934");
    assert_eq!((read.rejected.as_str(), read.net_cents()), ("0", 974_774_793));
    assert_eq!(read.rounding, "0.004");
    // 8,911,407.90 in the lines above zero of known customers.
    let totals = read.numbers(Entity::OrderItems, "total_cents");
    let owners = read.texts(Entity::OrderItems, "customer_id");
    let known: i64 = totals.iter().zip(&owners).filter(|(_, owner)| owner.is_some()).map(|(cents, _)| cents).sum();
    assert_eq!(known, 891_140_790);
    let paid = owners.iter().zip(&totals).filter(|(owner, cents)| owner.is_some() && **cents > 0).count();
    // Four of them come to less than half a cent.
    assert_eq!(paid, 397_884 - 4);
    assert_eq!(read.distinct(Entity::Orders, "order_id"), read.rows(Entity::Orders));
    read.check_keys();
    Ok(())
}

#[test]
fn olist_is_read_to_the_cent() -> Result<(), SourceError> {
    let Some(folder) = data("olist_sample15k") else { return Ok(()) };
    let read = read(None, &[folder], &ReadOptions::new("America/Sao_Paulo", "BRL"))?;
    assert_eq!((read.rows(Entity::Orders), read.rows(Entity::OrderItems), read.rows(Entity::Reviews)), (15_000, 17_071, 14_944));
    assert_eq!((read.rows(Entity::Customers), read.rows(Entity::Products)), (14_904, 9_255));
    // All 17,071 items come to 2,030,270.94 (the sample's README); the 108 items of its 113 canceled orders to 12,973.49 and the
    // two of its 89 unavailable ones to 314.80, summed from the CSV files by hand: no sales.
    assert_eq!((read.stated.as_str(), read.net_cents()), ("2016982.65", 203_027_094 - 1_297_349 - 31_480));
    assert_eq!(
        (read.count(Entity::OrderItems, "kind", "cancelled"), read.count(Entity::Orders, "status", "cancelled")),
        (110, 202)
    );
    let subtotals: i64 = read.numbers(Entity::Orders, "subtotal_cents").iter().sum();
    assert_eq!(subtotals, 203_027_094, "orders keep what was ordered");
    assert_eq!(read.reasons(), BTreeMap::new());
    // The person is `customer_unique_id`: 93 people bought more than once.
    let mut orders = BTreeMap::<_, u32>::new();
    for customer in read.texts(Entity::Orders, "customer_id").into_iter().flatten() {
        *orders.entry(customer).or_default() += 1;
    }
    assert_eq!((orders.len(), orders.values().filter(|count| **count > 1).count()), (14_904, 93));
    assert!(read.count(Entity::Products, "category", "health_beauty") > 100);
    read.check_keys();
    Ok(())
}

#[test]
fn complete_journey_is_read_to_the_cent() -> Result<(), SourceError> {
    let Some(folder) = data("completejourney") else { return Ok(()) };
    let read = read(None, &[folder], &ReadOptions::new("America/New_York", "USD"))?;
    // 75,000 lines, 416 of them of quantity 0.
    assert_eq!(read.reasons(), BTreeMap::from([("is not a whole number above 0", 416)]));
    assert_eq!((read.rows(Entity::OrderItems), read.rows(Entity::Products)), (75_000 - 416, 92_331));
    assert_eq!((read.rows(Entity::Campaigns), read.rows(Entity::Touches), read.rows(Entity::Events)), (27, 6_589, 2_102));
    assert_eq!(read.stated, "233935.24");
    // 2,377 households, four of them with lines of quantity 0 only.
    assert_eq!(read.distinct(Entity::OrderItems, "customer_id"), 2_377 - 4);
    assert_eq!(read.texts(Entity::Customers, "attributes").iter().flatten().count(), 801);
    read.check_keys();
    Ok(())
}
