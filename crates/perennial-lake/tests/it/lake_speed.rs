//! How fast rows go in and come out. Run with `--ignored --nocapture`; `PERENNIAL_ROWS` sets the size.

use std::time::{Duration, Instant};

use perennial_contract::Entity;
use perennial_contract::engine::{Engine, Who};
use perennial_contract::source::{Batch, Identity, IdentityKind, Reconciliation};
use perennial_lake::lake::{Import, Lake, Limits};

use crate::lake_fixture::*;

fn setting(name: &str) -> Option<i64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// Order line number `i` of `rows`, in order of time, a customer's scattered over it.
fn row(i: i64, rows: i64) -> Line {
    let order = i / 3;
    let scattered = (order as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64;
    let customer = scattered.rem_euclid((rows / 20).max(1));
    let day = (order * 1000 / rows) as i32 + 10_000;
    line(&format!("C{customer:08}"), &format!("O{order:09}"), i % 3, day, (i * 7919) % 10_000)
}

/// Append all rows; the time that took without making them.
fn append_all(import: &mut Import<'_>, rows: i64) -> Duration {
    let mut appending = Duration::ZERO;
    for start in (0..rows).step_by(16_384) {
        let lines: Vec<Line> = (start..rows.min(start + 16_384)).map(|i| row(i, rows)).collect();
        let made = batch(&lines);
        let began = Instant::now();
        import.append(made).unwrap();
        appending += began.elapsed();
    }
    appending
}

fn people(count: i64) -> Vec<Identity> {
    let known = |i: i64| {
        [(IdentityKind::Email, format!("somebody{i}@example.org")), (IdentityKind::Name, format!("Some Body {i}"))]
            .map(|(kind, value)| Identity { customer_id: format!("C{i:08}"), kind, value })
    };
    (0..count).flat_map(known).collect()
}

#[test]
#[ignore = "a measurement"]
fn import_and_scan_speed() {
    let rows = setting("PERENNIAL_ROWS").unwrap_or(1_000_000);
    let dir = tempfile::tempdir().unwrap();
    let default = Limits::default();
    let import_bytes = setting("PERENNIAL_IMPORT_MB").map_or(default.import_bytes, |mb| (mb as usize) << 20);
    let lake = create(dir.path()).with_limits(Limits { import_bytes, ..default });
    let mut import = begin(&lake, "a");
    let appending = append_all(&mut import, rows);
    let identities = people(setting("PERENNIAL_PEOPLE").unwrap_or(0));
    import.append(Batch { identities, ..batch(&[]) }).unwrap();
    let (began, before) = (Instant::now(), cpu_seconds());
    import.commit(&Reconciliation::ZERO).unwrap();
    let committing = began.elapsed();
    let rate = rows as f64 / (appending + committing).as_secs_f64();
    println!("append {appending:?}, commit {committing:?} ({:.2} CPU-s): {rate:.0} rows/s", cpu_seconds() - before);
    let bytes: u64 = walk(&dir.path().join("order_items"));
    println!("{bytes} bytes, {:.1} a row", bytes as f64 / rows as f64);
    reading(&lake, rows);
    if setting("PERENNIAL_ONCE").is_none() {
        let began = Instant::now();
        let mut again = begin(&lake, "b");
        append_all(&mut again, rows);
        let receipt = again.commit(&Reconciliation::ZERO).unwrap();
        println!("the same rows in another file, making included: {:?}, {:?}", began.elapsed(), receipt.record.tables);
    }
}

fn reading(lake: &Lake, rows: i64) {
    let at = lake.snapshot().unwrap();
    let began = Instant::now();
    let scans = lake.scan(&at, Entity::OrderItems, &["customer_id", "ordered_on", "total_cents"], &Who::Everyone).unwrap();
    let seen: usize = scans.into_iter().flatten().map(|batch| batch.unwrap().num_rows()).sum();
    println!("scan of three columns, one thread: {:?}", began.elapsed());
    assert_eq!(seen as i64, rows);
    let one = Who::One("C00000007".into());
    let began = Instant::now();
    let found = lines(lake, &at, &one).concat();
    println!("scan of one customer ({} rows): {:?}", found.len(), began.elapsed());
    let sql =
        "SELECT customer_id, COUNT(*) AS n, SUM(total_cents) AS c, MAX(ordered_on) AS l FROM order_items GROUP BY customer_id";
    for who in [Who::Everyone, one] {
        for _ in 0..2 {
            let began = Instant::now();
            let table = lake.engine().query(&at, sql, None, &who).unwrap();
            println!("sum by customer in SQL, {who:?}, {} rows: {:?}", table.rows(), began.elapsed());
        }
    }
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
