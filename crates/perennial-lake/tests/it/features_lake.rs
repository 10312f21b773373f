//! The same random shops in a real lake: what is stored, clustered and scanned gives the same features as rows in memory.

use arrow::array::ArrayRef;
use arrow::util::display::array_value_to_string;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::source::{Batch, Reconciliation};
use perennial_contract::{Day, Entity, Table};
use perennial_lake::features::{Ask, OwnFeatures, Store, Via};
use perennial_lake::lake::{Begin, FileFact, Lake, Origin, ShopFacts};

use crate::features::assert_same;
use crate::features_shop::{AS_OF, Dice, Shop, ZONE};

fn in_lake(shop: &Shop, dir: &std::path::Path) -> Lake {
    let facts = ShopFacts { zone: ZONE.to_owned(), currency: "EUR".to_owned() };
    let lake = Lake::create(dir, &facts).unwrap();
    let memory = shop.store();
    let file = FileFact { name: "shop.csv".to_owned(), sha256: "0".repeat(64), bytes: 1 };
    let Begin::Import(mut import) = lake.begin(&Origin { format: "test".to_owned(), files: vec![file], at_us: 0 }).unwrap()
    else {
        panic!("a fresh lake holds the file already");
    };
    for &entity in Entity::ALL.iter().filter(|entity| **entity != Entity::Rejects) {
        let columns: Vec<&str> = entity.columns().iter().map(|column| column.name).collect();
        for rows in memory.scan(&Snapshot::default(), entity, &columns, &Who::Everyone).unwrap().into_iter().flatten() {
            let rows = rows.unwrap().with_schema(entity.source_schema()).unwrap();
            import.append(Batch { entity, rows, places: Vec::new(), rejects: Vec::new(), identities: Vec::new() }).unwrap();
        }
    }
    import.commit(&Reconciliation::ZERO).unwrap();
    lake
}

fn ask(store: &dyn Store, at: &Snapshot, who: &Who, via: Via) -> Table {
    let own = OwnFeatures::none();
    Ask { who, via, ..Ask::new(store, at, &own) }.tables(&[AS_OF]).unwrap().remove(0)
}

#[test]
fn a_lake_and_memory_give_the_same_bits() {
    for seed in [1, 7, 20] {
        let shop = Shop::random(&mut Dice(seed));
        let (memory, folder) = (shop.store(), tempfile::tempdir().unwrap());
        let lake = in_lake(&shop, &folder.path().join("lake"));
        let at = lake.snapshot().unwrap();
        let expected = ask(&memory, &Snapshot::default(), &Who::Everyone, Via::Native);
        assert_same(&expected, &ask(&lake, &at, &Who::Everyone, Via::Native), "lake, native");
        assert_same(&expected, &ask(&lake, &at, &Who::Everyone, Via::Sql), "lake, SQL");
        let customers = expected.texts(column::CUSTOMER_ID).unwrap();
        for row in 0..expected.rows() {
            let who = Who::One(customers.value(row).to_owned());
            assert_same(&expected.slice(row, 1), &ask(&lake, &at, &who, Via::Native), "one customer of the lake, native");
            assert_same(&expected.slice(row, 1), &ask(&lake, &at, &who, Via::Sql), "one customer of the lake, SQL");
        }
    }
}

/// The columns of a shop's own files over a lake, as text.
fn own_files(store: &dyn Store, at: &Snapshot, as_of: Day, files: &[String]) -> Result<Vec<Vec<String>>, String> {
    let folder = tempfile::tempdir().unwrap();
    for (position, sql) in files.iter().enumerate() {
        let sql = sql.replace("AS mine", &format!("AS mine_{position}"));
        std::fs::write(folder.path().join(format!("own_{position}.sql")), sql).unwrap();
    }
    let own = OwnFeatures::in_dir(folder.path());
    let ask = Ask { only: &["orders"], ..Ask::new(store, at, &own) };
    let table = ask.tables(&[as_of]).map_err(|error| error.to_string())?.remove(0);
    let mine = table.batch().columns().iter().skip(table.batch().num_columns() - files.len());
    let cells = |array: &ArrayRef| (0..table.rows()).map(|row| array_value_to_string(array, row).unwrap()).collect();
    Ok(mine.map(cells).collect())
}

/// Text that a careless analyst may write: each of these looks at the as-of day or later.
const LATER: [&str; 8] = [
    "SELECT customer_id, COUNT(*) AS mine FROM orders WHERE ordered_on >= $as_of GROUP BY customer_id",
    "SELECT customer_id, COUNT(*) AS mine FROM order_items WHERE ordered_at >= $as_of_at GROUP BY customer_id",
    "WITH all_of_it AS (SELECT *, $as_of AS day FROM public.orders) SELECT customer_id, CAST(MAX(ordered_on) - DATE '2000-01-01' AS INT) AS mine
        FROM all_of_it WHERE ordered_on >= day GROUP BY customer_id",
    "SELECT customer_id, COUNT(*) AS mine FROM orders WHERE delivered_at >= $as_of_at GROUP BY customer_id",
    "SELECT customer_id, COUNT(*) AS mine FROM touches WHERE redeemed_at >= $as_of_at GROUP BY customer_id",
    "SELECT customer_id, COUNT(*) AS mine FROM returns WHERE returned_on >= $as_of GROUP BY customer_id",
    "SELECT customer_id, COUNT(*) AS mine FROM events WHERE occurred_on >= $as_of GROUP BY customer_id",
    "SELECT customer_id, 1 AS mine FROM customers WHERE created_on >= $as_of",
];

#[test]
fn own_files_find_nothing_of_the_as_of_day_or_later() {
    let mut found = [false; LATER.len()];
    for seed in 1..=12 {
        let mut dice = Dice(seed);
        let (shop, folder) = (Shop::random(&mut dice).with_another_future(&mut dice), tempfile::tempdir().unwrap());
        let lake = in_lake(&shop, &folder.path().join("lake"));
        let at = lake.snapshot().unwrap();
        for (sql, later) in LATER.iter().zip(own_files(&lake, &at, AS_OF, &LATER.map(str::to_owned)).unwrap()) {
            assert!(later.iter().all(String::is_empty), "{sql}: {later:?}");
        }
        // Ninety days on, the same days lie in the past and are there.
        let start = format!("TIMESTAMP '{AS_OF}T00:00:00Z'");
        let past = LATER.map(|sql| sql.replace("$as_of_at", &start).replace("$as_of", &format!("DATE '{AS_OF}'")));
        for (found, known) in found.iter_mut().zip(own_files(&lake, &at, Day(AS_OF.0 + 90), &past).unwrap()) {
            *found |= known.iter().any(|cell| !cell.is_empty());
        }
    }
    assert_eq!(found, [true; LATER.len()]);
}

#[test]
fn own_files_give_the_same_answer_at_any_time() {
    let (shop, folder) = (Shop::random(&mut Dice(7)), tempfile::tempdir().unwrap());
    let lake = in_lake(&shop, &folder.path().join("lake"));
    let at = lake.snapshot().unwrap();
    for (call, sql) in [("random", "random()"), ("uuid", "uuid()"), ("now", "CAST(now() AS DATE) - $as_of")] {
        let sql = format!("SELECT customer_id, {sql} AS mine FROM customers WHERE created_on < $as_of");
        let refusal = own_files(&lake, &at, AS_OF, &[sql]).unwrap_err();
        assert!(refusal.contains(&format!("{call}() gives another answer")), "{refusal}");
    }
}
