//! A shop's own feature files: what is taken, and what is refused with which words.

use perennial_contract::engine::{Snapshot, Who};
use perennial_lake::features::{OwnFeatures, compute};

use crate::features_shop::{AS_OF, Dice, Shop};

fn with_file(name: &str, sql: &str) -> Result<perennial_contract::Table, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), sql).unwrap();
    let store = Shop::random(&mut Dice(11)).store();
    let own = OwnFeatures::in_dir(folder.path());
    compute(&store, &Snapshot::default(), AS_OF, &Who::Everyone, &own).map_err(|error| error.to_string())
}

#[test]
fn own_files_add_columns_for_the_same_customers() {
    let sql = "-- Mine.\n-- 我的\n-- column: big_orders | whole | count | 0 | orders over 30 | 大单\n\
        SELECT customer_id, COUNT(*) AS big_orders, MAX(total_cents) / 100.0 AS largest, MAX(total_cents) > 4000 AS is_large
        FROM order_items WHERE ordered_on < $as_of AND ordered_at < $as_of_at AND total_cents > 3000 GROUP BY customer_id;";
    let table = with_file("mine.sql", sql).unwrap();
    let without = with_file("notes.txt", "not a feature file").unwrap();
    assert_eq!(table.rows(), without.rows());
    let names: Vec<_> = table.names().skip(without.names().count()).collect();
    assert_eq!(names, ["big_orders", "largest", "is_large"]);
    assert_eq!(table.column("big_orders").unwrap().null_count(), 0);
    assert!(table.column("largest").unwrap().null_count() > 0);
    assert!(table.i64s("big_orders").unwrap().iter().sum::<i64>() > 0);
}

#[test]
fn a_wrong_file_is_refused_by_name_with_the_remedy() {
    let all = "FROM order_items WHERE ordered_on < $as_of";
    let refusals = [
        ("b.sql", format!("SELECT customer_id, total_cents AS y {all}"), "more than one row"),
        ("c.sql", format!("SELECT customer_id, COUNT(*) AS x {all} GROUP BY customer_id"), "also given by the group \"orders\""),
        ("d.sql", format!("SELECT COUNT(*) AS n {all}"), "no column customer_id"),
        ("e.sql", format!("SELECT customer_id {all} GROUP BY customer_id"), "no column besides customer_id"),
        ("f.sql", format!("SELECT customer_id, MAX(ordered_on) AS last_on {all} GROUP BY customer_id"), "cast it"),
        ("g.sql", format!("SELECT customer_id, COUNT(*) AS label_z {all} GROUP BY customer_id"), "reserved"),
        ("h.sql", format!("SELECT customer_id, COUNT(*) {all} GROUP BY customer_id"), "not a plain name"),
        ("i.sql", format!("SELEC customer_id {all}"), "features/i.sql"),
        ("j.sql", "-- column: a | b\nSELECT $as_of".to_owned(), "six parts"),
        ("orders.sql", format!("SELECT customer_id, COUNT(*) AS n {all} GROUP BY customer_id"), "rename the file"),
    ];
    for (name, sql, expected) in refusals {
        let message = with_file(name, &sql).map(|_| ()).expect_err(name);
        assert!(message.contains(expected) && message.contains(name), "{name}: {message}");
    }
}
