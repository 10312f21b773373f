//! How fast rows go in and come out. Run with `--ignored --nocapture`; `PERENNIAL_ROWS` sets the size.

use std::time::Instant;

use perennial_contract::Entity;
use perennial_contract::engine::{Engine, Who};
use perennial_contract::source::{Identity, IdentityKind};
use perennial_lake::lake::Limits;

use crate::lake_fixture::*;

#[test]
#[ignore = "a measurement"]
fn import_and_scan_speed() {
    let rows: i64 = std::env::var("PERENNIAL_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let limits = match std::env::var("PERENNIAL_IMPORT_MB").ok().and_then(|n| n.parse::<usize>().ok()) {
        Some(mb) => Limits { import_bytes: mb << 20, ..Limits::default() },
        None => Limits::default(),
    };
    let lake = create(dir.path()).with_limits(limits);
    println!("create: {:?}", started.elapsed());
    let customers = rows / 20;
    let row = |i: i64| {
        let order = i / 3;
        let customer = (order as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64 as i128;
        let customer = customer.rem_euclid(i128::from(customers.max(1)));
        line(
            &format!("C{customer:08}"),
            &format!("O{order:09}"),
            i % 3,
            (order * 1000 / rows) as i32 + 10_000,
            (i * 7919) % 10_000,
        )
    };
    let mut import = begin(&lake, "a");
    let (mut making, mut appending) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    for start in (0..rows).step_by(16_384) {
        let began = Instant::now();
        let lines: Vec<Line> = (start..rows.min(start + 16_384)).map(row).collect();
        let made = batch(&lines);
        making += began.elapsed();
        let began = Instant::now();
        import.append(made).unwrap();
        appending += began.elapsed();
    }
    let people = std::env::var("PERENNIAL_PEOPLE").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let known = |i: i64| {
        [(IdentityKind::Email, format!("somebody{i}@example.org")), (IdentityKind::Name, format!("Some Body {i}"))]
            .map(|(kind, value)| Identity { customer_id: format!("C{i:08}"), kind, value })
    };
    let identities = (0..people).flat_map(known).collect();
    import.append(perennial_contract::source::Batch { identities, ..batch(&[]) }).unwrap();
    let began = Instant::now();
    let before = cpu_seconds();
    import.commit(&perennial_contract::source::Reconciliation::ZERO).unwrap();
    let committing = began.elapsed();
    println!("CPU seconds until the commit {before:.2}, in the commit {:.2}", cpu_seconds() - before);
    let rate = rows as f64 / (appending + committing).as_secs_f64();
    println!("making rows {making:?}, append {appending:?}, commit {committing:?}: {rate:.0} rows/s without making them");
    let at = lake.snapshot().unwrap();
    let bytes: u64 = walk(&dir.path().join("order_items"));
    println!("{bytes} bytes, {:.1} a row", bytes as f64 / rows as f64);
    let began = Instant::now();
    let mut sum = 0;
    for scan in lake.scan(&at, Entity::OrderItems, &["customer_id", "ordered_on", "total_cents"], &Who::Everyone).unwrap() {
        sum += scan.map(|batch| batch.unwrap().num_rows() as i64).sum::<i64>();
    }
    println!("scan of three columns, one thread: {:?}", began.elapsed());
    assert_eq!(sum, rows);
    let began = Instant::now();
    let one = lines(&lake, &at, &Who::One("C00000007".into()));
    println!("scan of one customer ({} rows): {:?}", one.concat().len(), began.elapsed());
    let sql =
        "SELECT customer_id, COUNT(*) AS n, SUM(total_cents) AS c, MAX(ordered_on) AS l FROM order_items GROUP BY customer_id";
    for who in [Who::Everyone, Who::One("C00000007".into())] {
        for _ in 0..2 {
            let began = Instant::now();
            let table = lake.engine().query(&at, sql, None, &who).unwrap();
            println!("sum by customer in SQL, {who:?}, {} rows: {:?}", table.rows(), began.elapsed());
        }
    }
    if std::env::var("PERENNIAL_ONCE").is_ok() {
        return;
    }
    let began = Instant::now();
    let mut again = begin(&lake, "b");
    for start in (0..rows).step_by(16_384) {
        let lines: Vec<Line> = (start..rows.min(start + 16_384)).map(row).collect();
        again.append(batch(&lines)).unwrap();
    }
    let receipt = again.commit(&perennial_contract::source::Reconciliation::ZERO).unwrap();
    println!("the same rows in another file, making included: {:?}, {:?}", began.elapsed(), receipt.record.tables);
}

/// Processor time of this process so far, in seconds; zero where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn walk(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}
