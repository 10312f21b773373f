//! What an import says of itself, and what `check` says afterwards.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shop::TestShop;

fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn rule<'a>(check: &'a Value, name: &str, table: &str) -> &'a Value {
    let rules = check["rules"].as_array().expect("rules");
    rules.iter().find(|rule| rule["name"] == name && rule["table"] == table).unwrap_or_else(|| panic!("no {name} in {rules:#?}"))
}

const ORDERS: &str =
    "order_id,customer_id,ordered_at,total_cents,status\no1,c1,2024-01-01,700,\no2,,2024-01-02,500,\no3,,2024-01-03,900,voided\n";
const LINES: &str = "order_id,product_id,quantity,unit_price_cents\no1,p1,1,700\no2,p1,1,500\no3,p1,1,900\n";

/// A set of which one file changed is imported again as a whole, and the money adds up.
#[test]
fn a_changed_file_brings_its_unchanged_neighbours_along() {
    let shop = TestShop::new(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "orders.csv", ORDERS);
    put(folder.path(), "order_items.csv", LINES);
    put(folder.path(), "truth.csv", "customer_id,left_at\nc1,\n");
    put(folder.path(), "reviews.csv", "review_id,reviewed_at,rating,body\nv1,2024-01-01,5,mail me at ann@shop.example\n");
    let import = |arguments: &[&str]| shop.run(&[&["import", text(folder.path())], arguments].concat()).ok();
    let first = import(&["--json"]).json();
    assert_eq!((&first["files"], &first["files_known"], &first["cells_masked"]), (&3.into(), &0.into(), &1.into()));
    assert!(shop.dir().join(".simulated").exists(), "files with a truth beside them are simulated");
    put(folder.path(), "orders.csv", &ORDERS.replace("o2,,", "o2,c2,"));
    let again = import(&[]).out;
    assert!(again.contains("2 of 3 files are unchanged since an earlier import"), "{again}");
    assert!(again.contains("or the like taken out): 1"), "{again}");
    assert!(import(&[]).out.contains("nothing to do"));
    let check = shop.run(&["check", "--json"]).ok().json();
    assert_eq!(check["net_revenue_cents"], 1_200);
    assert_eq!((&check["reconciliation"]["balanced"], &check["reconciliation"]["known"]), (&true.into(), &"12.00".into()));
    assert_eq!(rule(&check, "reconciliation", "order_items")["passed"], true);
    let named = files_named(&shop);
    assert!(!named.is_empty() && named.iter().all(|name| !name.contains("truth")), "{named:?}");
}

/// Names of files that the ledger holds.
fn files_named(shop: &TestShop) -> Vec<String> {
    let bytes = std::fs::read(shop.dir().join("lake/ledger.db")).expect("the ledger");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split(|c: char| !c.is_ascii_graphic()).filter(|word| word.contains(".csv")).map(str::to_owned).collect()
}

/// Orders that are no sale count nowhere, and a rule that is kept says so in words of its own.
#[test]
fn check_counts_sales_and_praises_what_is_good() {
    let shop =
        TestShop::new(&["quality.own=[\"orders_currency_known: warning: SELECT count(*) FROM orders WHERE currency <> 'EUR'\"]"]);
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "orders.csv", ORDERS);
    put(folder.path(), "order_items.csv", LINES);
    shop.run(&["import", text(folder.path())]).ok();
    let check = shop.run(&["check", "--json"]).ok().json();
    let guests = rule(&check, "guests", "orders");
    assert_eq!((&guests["count"], &guests["of"]), (&1.into(), &2.into()), "the voided order is no sale");
    let trap = &check["traps"][0];
    assert_eq!((&trap["rows"], &trap["of"]), (&1.into(), &3.into()), "{trap}");
    for (name, table, words) in [
        ("future", "orders", "no row lies after the day of its import"),
        ("references", "order_items", "every line belongs to an order that is there"),
        ("duplicate_lines", "order_items", "no line repeats another line of the same order exactly"),
    ] {
        let rule = rule(&check, name, table);
        assert_eq!((&rule["passed"], &rule["finding"]), (&true.into(), &words.into()));
    }
}

#[test]
fn lines_without_their_orders_are_told_at_once() {
    let shop = TestShop::new(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let lines = "order_id,line_no,customer_id,ordered_at,product_id,quantity,unit_price_cents\no1,1,c1,2024-01-01,p1,1,700\n";
    let imported = shop.run(&["import", text(&put(folder.path(), "order_items.csv", lines))]).ok().out;
    assert!(imported.contains("the lines belong to orders that are not there"), "{imported}");
    let check = shop.run(&["check"]);
    assert!(check.code == 3 && check.out.contains("no order, but order lines (1)"), "{check:?}");
}

#[test]
fn the_share_of_bad_rows_is_the_shops() {
    let folder = tempfile::tempdir().expect("a folder");
    let row = |i: i32| format!("o{},c1,2024-01-01,700\n", i / 3);
    let orders = format!("order_id,customer_id,ordered_at,total_cents\n{}", (0..30).map(row).collect::<String>());
    let path = put(folder.path(), "orders.csv", &orders);
    let refused = TestShop::new(&[]).run(&["import", text(&path)]);
    assert!(refused.code == 1 && refused.err.contains("20 of its 30 rows for orders"), "{refused:?}");
    let patient = TestShop::new(&["import.reject_share_max=0.7"]).run(&["import", text(&path)]).ok();
    assert!(patient.out.contains("10 rows, 20 rejected"), "{patient:?}");
}
