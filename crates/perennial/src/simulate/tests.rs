//! The whole simulator, judged by the files it writes: same bytes, whole references, exact money, true effects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use perennial_contract::Day;

use super::*;

impl Summary {
    fn rows(&self, name: &str) -> u64 {
        self.files.iter().find(|file| file.name == name).map_or(0, |file| file.rows)
    }
}

/// A CSV file as rows of cells by column name; understands quotes, which is all these files need.
struct Csv {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    fn read(folder: &Path, name: &str) -> Self {
        let text = std::fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap();
        let mut lines = text.lines().map(cells);
        Self { columns: lines.next().unwrap(), rows: lines.collect() }
    }

    fn column(&self, name: &str) -> impl Iterator<Item = &str> {
        let at = self.columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"));
        self.rows.iter().map(move |row| row[at].as_str())
    }

    fn whole(&self, name: &str) -> Vec<i64> {
        self.column(name).map(|cell| cell.parse().unwrap()).collect()
    }

    fn floats(&self, name: &str) -> Vec<f64> {
        self.column(name).map(|cell| cell.parse().unwrap()).collect()
    }

    fn set(&self, name: &str) -> BTreeSet<&str> {
        self.column(name).filter(|cell| !cell.is_empty()).collect()
    }
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted, mut chars) = (vec![String::new()], false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cells.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}

fn simulate(settings: &Settings) -> (tempfile::TempDir, Summary) {
    let root = tempfile::tempdir().unwrap();
    let summary = write(settings, &root.path().join("shop"), &|_, _| {}).unwrap();
    (root, summary)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

fn small() -> Settings {
    Settings { size: Size::Customers(2_500), threads: 1, ..Settings::default() }
}

#[test]
fn same_seed_same_bytes_at_any_thread_count() {
    for (format, dirt) in [(Format::Csv, 0.02), (Format::CsvGz, 0.0), (Format::Parquet, 0.0)] {
        let settings = Settings { format, dirt, events: Events::Full, ..small() };
        let (one, _) = simulate(&settings);
        let (three, _) = simulate(&Settings { threads: 3, ..settings.clone() });
        let (one, three) = (files(&one.path().join("shop")), files(&three.path().join("shop")));
        assert_eq!(one.keys().collect::<Vec<_>>(), three.keys().collect::<Vec<_>>());
        for (name, bytes) in &one {
            assert!(*bytes == three[name], "{name} differs");
        }
    }
}

#[test]
fn another_seed_is_another_shop() {
    let (a, _) = simulate(&small());
    let (b, _) = simulate(&Settings { seed: 2, ..small() });
    let (a, b) = (files(&a.path().join("shop")), files(&b.path().join("shop")));
    for name in ["customers.csv", "orders.csv", "order_items.csv", "events.csv", "truth.csv", "products.csv"] {
        assert!(a[name] != b[name], "{name} is the same");
    }
}

#[test]
fn browsing_and_tables_do_not_change_the_orders() {
    let (all, _) = simulate(&Settings { events: Events::Full, ..small() });
    let (few, _) = simulate(&Settings { tables: Tables::Orders, ..small() });
    let (all, few) = (files(&all.path().join("shop")), files(&few.path().join("shop")));
    assert_eq!(
        few.keys().cloned().collect::<Vec<_>>(),
        ["customers.csv", "order_items.csv", "orders.csv", "products.csv", "returns.csv", "truth.csv",]
    );
    for (name, bytes) in &few {
        assert!(*bytes == all[name], "{name} differs");
    }
}

#[test]
fn every_reference_leads_somewhere_and_keys_are_unique() {
    let (root, summary) = simulate(&Settings { events: Events::Full, ..small() });
    let folder = root.path().join("shop");
    let customers = Csv::read(&folder, "customers");
    let (orders, products) = (Csv::read(&folder, "orders"), Csv::read(&folder, "products"));
    let (customer_ids, order_ids, product_ids) =
        (customers.set("customer_id"), orders.set("order_id"), products.set("product_id"));
    for file in File::ALL.into_iter().filter(|file| file.entity().is_some()) {
        let table = Csv::read(&folder, file.name());
        assert_eq!(table.rows.len() as u64, summary.rows(file.name()), "{}", file.name());
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", file.name());
        for (column, known) in [("customer_id", &customer_ids), ("order_id", &order_ids), ("product_id", &product_ids)] {
            if table.columns.iter().any(|name| name == column) {
                assert!(table.set(column).is_subset(known), "{}.{column}", file.name());
            }
        }
        let key = file.entity().unwrap().key();
        let columns: Vec<Vec<&str>> = key.iter().map(|name| table.column(name).collect()).collect();
        let keys: BTreeSet<Vec<&str>> =
            (0..table.rows.len()).map(|row| columns.iter().map(|column| column[row]).collect()).collect();
        assert_eq!(keys.len(), table.rows.len(), "{}: keys", file.name());
    }
    let (tickets, messages) = (Csv::read(&folder, "tickets"), Csv::read(&folder, "messages"));
    assert!(messages.set("ticket_id").is_subset(&tickets.set("ticket_id")));
    let offers = Csv::read(&folder, "offers");
    assert!(orders.set("coupon_codes").is_subset(&offers.set("offer_id")));
}

#[test]
fn nothing_is_dated_outside_the_period() {
    let settings = Settings { events: Events::Full, zone: "Asia/Shanghai".to_owned(), ..small() };
    let (root, _) = simulate(&settings);
    let folder = root.path().join("shop");
    let (first, last) = ("2024-02-29T16:00:00Z", "2026-02-28T15:59:59Z");
    for (table, column) in [
        ("customers", "created_at"),
        ("orders", "ordered_at"),
        ("orders", "delivered_at"),
        ("order_items", "ordered_at"),
        ("returns", "returned_at"),
        ("events", "occurred_at"),
        ("reviews", "reviewed_at"),
        ("surveys", "answered_at"),
        ("tickets", "opened_at"),
        ("messages", "sent_at"),
        ("touches", "sent_at"),
        ("touches", "redeemed_at"),
        ("consents", "decided_at"),
    ] {
        let table_rows = Csv::read(&folder, table);
        let mut seen = 0;
        for cell in table_rows.column(column).filter(|cell| !cell.is_empty()) {
            assert!(cell >= first && cell <= last, "{table}.{column}: {cell}");
            seen += 1;
        }
        assert!(seen > 0, "{table}.{column} is empty");
    }
}

#[test]
fn money_adds_up_to_the_cent() {
    let (root, summary) = simulate(&small());
    let folder = root.path().join("shop");
    let (orders, items, returns) =
        (Csv::read(&folder, "orders"), Csv::read(&folder, "order_items"), Csv::read(&folder, "returns"));
    let mut by_order: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let (quantity, price) = (items.whole("quantity"), items.whole("unit_price_cents"));
    let (discount, total) = (items.whole("discount_cents"), items.whole("total_cents"));
    for (row, order_id) in items.column("order_id").enumerate() {
        assert!(quantity[row] > 0 && price[row] > 0 && discount[row] >= 0);
        assert_eq!(total[row], quantity[row] * price[row] - discount[row]);
        let sums = by_order.entry(order_id).or_default();
        *sums = (sums.0 + quantity[row] * price[row], sums.1 + discount[row]);
    }
    let of_order = |name: &str| orders.whole(name);
    let (subtotal, discount, total) = (of_order("subtotal_cents"), of_order("discount_cents"), of_order("total_cents"));
    let (shipping, tax) = (of_order("shipping_cents"), of_order("tax_cents"));
    let mut cancelled = 0;
    for (row, (order_id, status)) in orders.column("order_id").zip(orders.column("status")).enumerate() {
        assert_eq!(total[row], subtotal[row] - discount[row] + shipping[row] + tax[row]);
        match status {
            // Like many shops' exports, a cancelled order keeps its head and loses its lines.
            "cancelled" => {
                assert!(!by_order.contains_key(order_id));
                cancelled += 1;
            }
            _ => assert_eq!(by_order[order_id], (subtotal[row], discount[row])),
        }
    }
    assert!(cancelled > 0);
    let net = items.whole("total_cents").iter().sum::<i64>() - returns.whole("amount_cents").iter().sum::<i64>();
    assert_eq!(net, summary.net_revenue_cents);
}

#[test]
fn holdout_shares_match_propensities_and_the_effect_is_there() {
    let settings = Settings { size: Size::Customers(30_000), threads: 2, events: Events::None, ..Settings::default() };
    let (root, _) = simulate(&settings);
    let folder = root.path().join("shop");
    let touches = Csv::read(&folder, "touches");
    let propensity = touches.floats("propensity");
    let treated: Vec<bool> = touches.column("holdout").map(|cell| cell == "false").collect();
    let n = treated.len() as f64;
    let (expected, seen) = (propensity.iter().sum::<f64>() / n, treated.iter().filter(|&&t| t).count() as f64 / n);
    assert!((expected - seen).abs() < 4.0 * (0.25 / n).sqrt(), "propensity {expected}, treated {seen}");

    let (seen, expected) = (lift_seen(&folder, &touches), lift_expected(&folder, &touches));
    assert!((0.1..0.6).contains(&expected), "expected lift {expected}");
    assert!((seen - expected).abs() < 0.12, "lift {seen}, expected {expected}");
}

/// Orders within the 14 days after a touch, weighted by the inverse of the propensity: treated over held out, less one.
fn lift_seen(folder: &Path, touches: &Csv) -> f64 {
    let orders = Csv::read(folder, "orders");
    let mut ordered: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (customer, at) in orders.column("customer_id").zip(orders.column("ordered_at")) {
        ordered.entry(customer).or_default().push(at);
    }
    let (mut with, mut without) = ((0.0, 0.0), (0.0, 0.0));
    let cells = touches
        .column("customer_id")
        .zip(touches.column("sent_at"))
        .zip(touches.column("holdout"))
        .zip(touches.floats("propensity"));
    for (((customer, sent_at), holdout), propensity) in cells.filter(|(((_, sent_at), _), _)| in_full(sent_at)) {
        let until = format!("{}{}", sent_at[..10].parse::<Day>().unwrap().plus(14), &sent_at[10..]);
        let count =
            ordered.get(customer).map_or(0, |all| all.iter().filter(|at| **at >= sent_at && **at < until.as_str()).count());
        let (sums, weight) =
            if holdout == "false" { (&mut with, 1.0 / propensity) } else { (&mut without, 1.0 / (1.0 - propensity)) };
        *sums = (sums.0 + weight * count as f64, sums.1 + weight);
    }
    (with.0 / with.1) / (without.0 / without.1) - 1.0
}

/// Whether the 14 days after a touch lie within the two years.
fn in_full(sent_at: &str) -> bool {
    sent_at < "2026-02-14"
}

/// What the truth says: the mean of response times strength over the touched who were still customers, weighted by their rates.
fn lift_expected(folder: &Path, touches: &Csv) -> f64 {
    let (truth, campaigns) = (Csv::read(folder, "truth"), Csv::read(folder, "campaigns"));
    let strength = |name: &str| match name {
        name if name.contains("newsletter") => 0.3,
        name if name.contains("miss") => 1.4,
        name if name.contains("flash") => 1.2,
        _ => 1.0,
    };
    let strengths: BTreeMap<&str, f64> = campaigns.column("campaign_id").zip(campaigns.column("name").map(strength)).collect();
    let traits = truth.floats("orders_per_year").into_iter().zip(truth.floats("offer_response")).zip(truth.column("left_at"));
    let traits: BTreeMap<&str, ((f64, f64), &str)> = truth.column("customer_id").zip(traits).collect();
    let (mut lift, mut weight) = (0.0, 0.0);
    let cells = touches.column("customer_id").zip(touches.column("sent_at")).zip(touches.column("campaign_id"));
    for ((customer, sent_at), campaign) in cells.filter(|((_, sent_at), _)| in_full(sent_at)) {
        let ((rate, response), left_at) = traits[customer];
        if left_at.is_empty() || sent_at < left_at {
            lift += rate * (response * strengths[campaign]).max(-0.8);
            weight += rate;
        }
    }
    lift / weight
}

#[test]
fn traits_show_in_the_traces() {
    let settings = Settings { size: Size::Customers(20_000), threads: 2, ..Settings::default() };
    let (root, _) = simulate(&settings);
    let folder = root.path().join("shop");
    let (truth, orders) = (Csv::read(&folder, "truth"), Csv::read(&folder, "orders"));
    let mut per_customer: BTreeMap<&str, f64> = BTreeMap::new();
    orders.column("customer_id").for_each(|customer| *per_customer.entry(customer).or_default() += 1.0);
    let ids: Vec<&str> = truth.column("customer_id").collect();
    let counts: Vec<f64> = ids.iter().map(|id| per_customer.get(id).copied().unwrap_or(0.0)).collect();
    assert!(correlation(&truth.floats("orders_per_year"), &counts) > 0.5);

    // Those who are gone order nothing any more; those who are not do.
    let future: Vec<f64> = truth.floats("future_orders");
    let stays: Vec<bool> = truth.column("is_customer_at_end").map(|cell| cell == "true").collect();
    let mean = |wanted: bool| {
        let of: Vec<f64> = future.iter().zip(&stays).filter(|(_, stays)| **stays == wanted).map(|(x, _)| *x).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!(mean(true) > 0.8 && mean(false) < 0.05, "{} and {}", mean(true), mean(false));

    let reviews = Csv::read(&folder, "reviews");
    let satisfaction: BTreeMap<&str, f64> = ids.iter().copied().zip(truth.floats("satisfaction")).collect();
    let rated: Vec<(f64, f64)> = reviews
        .column("customer_id")
        .zip(reviews.floats("rating"))
        .filter_map(|(customer, rating)| Some((*satisfaction.get(customer)?, rating)))
        .collect();
    let (felt, rating): (Vec<f64>, Vec<f64>) = rated.into_iter().unzip();
    assert!(correlation(&felt, &rating) > 0.25, "{}", correlation(&felt, &rating));

    let day = |wanted: &str| orders.column("ordered_at").filter(|at| at.starts_with(wanted)).count();
    assert!(day("2025-11-11") > 2 * day("2025-11-04"), "{} and {}", day("2025-11-11"), day("2025-11-04"));
    let guests = orders.column("customer_id").filter(|id| id.is_empty()).count() as f64 / orders.rows.len() as f64;
    assert!((0.04..0.15).contains(&guests), "guests {guests}");
    assert_eq!(Csv::read(&folder, "truth_guests").rows.len(), orders.column("customer_id").filter(|id| id.is_empty()).count());
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[test]
fn spoilt_lines_are_where_the_list_says() {
    let (root, summary) = simulate(&Settings { dirt: 0.03, threads: 2, ..small() });
    let folder = root.path().join("shop");
    let (list, items) = (Csv::read(&folder, "truth_dirt"), Csv::read(&folder, "order_items"));
    assert_eq!(list.rows.len() as u64, summary.spoilt_rows);
    let share = list.column("table").filter(|table| *table == "order_items").count() as f64 / items.rows.len() as f64;
    assert!((0.02..0.04).contains(&share), "share {share}");
    let mut kinds = BTreeSet::new();
    for (row, (table, kind)) in list.whole("row").into_iter().zip(list.column("table").zip(list.column("kind"))) {
        if table != "order_items" {
            continue;
        }
        let line = &items.rows[row as usize - 1];
        let cell = |name: &str| line[items.columns.iter().position(|column| column == name).unwrap()].as_str();
        let found = match kind {
            "duplicate" => items.rows[row as usize - 2] == *line,
            "bad_date" => cell("ordered_at").starts_with("2025-02-30"),
            "negative_price" => cell("unit_price_cents").starts_with('-'),
            "missing_order_id" => cell("order_id").is_empty(),
            "missing_product_id" => cell("product_id").is_empty(),
            "bad_quantity" => cell("quantity").parse::<i64>().is_err(),
            "other_currency" => cell("currency") != Settings::default().currency,
            other => panic!("kind {other}"),
        };
        assert!(found, "row {row}: {kind}");
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}

#[test]
fn a_number_of_orders_is_met() {
    for wanted in [1, 300, 20_000] {
        let (_root, summary) = simulate(&Settings { size: Size::Orders(wanted), tables: Tables::Orders, ..Settings::default() });
        let rows = summary.rows("orders");
        assert!(rows >= wanted && rows < wanted + 400, "{rows} orders, wanted {wanted}");
    }
}

#[test]
fn a_folder_with_anything_in_it_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("precious"), "x").unwrap();
    assert!(matches!(write(&small(), root.path(), &|_, _| {}), Err(SimulateError::Occupied(_))));
    assert_eq!(files(root.path()).len(), 1);
    let file = root.path().join("precious");
    assert!(matches!(write(&small(), &file, &|_, _| {}), Err(SimulateError::Occupied(_))));
    // An empty folder is as good as none.
    let empty = root.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    write(&Settings { size: Size::Customers(3), ..small() }, &empty, &|_, _| {}).unwrap();
    assert!(empty.join("orders.csv").exists());
}

#[test]
fn senseless_settings_are_refused_with_the_value_and_what_is_allowed() {
    let check = |settings: Settings, words: &[&str]| {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("shop");
        let error = write(&settings, &folder, &|_, _| {}).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        assert!(!folder.exists());
    };
    check(Settings { size: Size::Customers(0), ..small() }, &["customers = 0", "1 to"]);
    check(Settings { size: Size::Orders(0), ..small() }, &["orders = 0", "1 to"]);
    check(Settings { days: 5, ..small() }, &["days = 5", "30 to"]);
    check(Settings { horizon_days: 0, ..small() }, &["horizon_days = 0"]);
    check(Settings { currency: "euro".to_owned(), ..small() }, &["euro", "ISO 4217"]);
    check(Settings { dirt: 0.9, ..small() }, &["dirt = 0.9", "0.5"]);
    check(Settings { dirt: f64::NAN, ..small() }, &["dirt = NaN"]);
    check(Settings { zone: "Nowhere".to_owned(), ..small() }, &["Nowhere", "IANA"]);
    check(Settings { dirt: 0.1, format: Format::Parquet, ..small() }, &["Parquet"]);
}
