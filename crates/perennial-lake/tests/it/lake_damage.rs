//! A disk that forgets: a changed byte of a data file is told, and never becomes another answer.

use perennial_contract::Day;
use perennial_contract::Entity;
use perennial_contract::engine::{AsOf, Engine, EngineError, Who};
use perennial_lake::lake::{LakeError, Limits};

use crate::lake_fixture::*;

#[test]
fn a_changed_byte_is_told_with_the_file_and_the_remedy() {
    let dir = folder();
    let lake = create(dir.path());
    let rows: Vec<Line> = (0..500).map(|i| line("c1", &format!("o{i}"), 1, 3, i)).collect();
    import(&lake, "a", vec![batch(&rows)]).unwrap();
    drop(lake);
    let file =
        std::fs::read_dir(dir.path().join("order_items")).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file());
    let file = file.unwrap();
    let whole = std::fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bent = whole.clone();
        bent[at] ^= 1 << (at % 8);
        std::fs::write(&file, &bent).unwrap();
        let lake = open(dir.path());
        let now = lake.snapshot().unwrap();
        let scanned = lake.scan(&now, Entity::OrderItems, &["total_cents"], &Who::Everyone).map(|_| ()).unwrap_err();
        assert!(matches!(&scanned, LakeError::Damaged(path) if *path == file), "byte {at}: {scanned}");
        assert!(scanned.to_string().contains("put it back from a copy"), "{scanned}");
        let asked = lake.engine().query(&now, "SELECT SUM(total_cents) AS n FROM Order_Items", None, &Who::Everyone);
        assert!(matches!(&asked, Err(EngineError::Storage(text)) if text.contains("damaged")), "byte {at}: {asked:?}");
        // A table that is not asked for is not looked at.
        assert!(lake.engine().query(&now, "SELECT COUNT(*) AS n FROM events", None, &Who::Everyone).is_ok());
        let Err(again) = import(&lake, "b", vec![batch(&rows)]) else { panic!("byte {at}: imported over damage") };
        assert!(matches!(again, LakeError::Damaged(_)), "{again}");
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(all_lines(&open(dir.path())).len(), 500);
}

#[test]
fn a_lake_of_the_first_layout_is_brought_up() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![batch(&[line("c1", "o1", 1, 1, 1)])]).unwrap();
    drop(lake);
    let ledger = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    ledger
        .execute_batch(
            "ALTER TABLE batch_table DROP COLUMN superseded; ALTER TABLE data_file DROP COLUMN checksum; PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(ledger);
    let lake = open(dir.path());
    import(&lake, "b", vec![batch(&[line("c1", "o2", 1, 1, 1)])]).unwrap();
    assert_eq!(all_lines(&lake).len(), 2);
    assert_eq!(lake.imports().unwrap().len(), 2);
}

#[test]
fn a_query_over_its_day_knows_nothing_of_imports() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![batch(&[line("c1", "o1", 1, 1, 1)])]).unwrap();
    let fenced = |sql: &str| {
        let as_of = AsOf::Fenced { day: Day(100), start_us: 100 * 86_400_000_000 };
        lake.engine().query(&lake.snapshot().unwrap(), sql, Some(as_of), &Who::Everyone)
    };
    assert_eq!(fenced("SELECT * FROM order_items").unwrap().rows(), 1);
    for sql in [
        "SELECT COUNT(*) AS n FROM rejects",
        "SELECT COUNT(*) AS n FROM imports",
        "SELECT MAX(ingested_at) AS n FROM order_items",
        "SELECT MAX(batch_id) AS n FROM orders",
        "SELECT MAX(source) AS n FROM customers",
    ] {
        assert!(matches!(fenced(sql), Err(EngineError::Query(_))), "{sql}");
    }
}

#[test]
fn a_query_for_too_much_text_is_refused_and_not_a_crash() {
    let dir = folder();
    let lake = create(dir.path()).with_limits(Limits { query_bytes: 32 << 20, ..Limits::default() });
    let rows: Vec<Line> = (0..2_300).map(|i| line("c1", &format!("o{i}"), 1, 3, i)).collect();
    import(&lake, "a", vec![batch(&rows)]).unwrap();
    let sql = "SELECT repeat('x', 10000) AS big FROM order_items";
    let answer = lake.engine().query(&lake.snapshot().unwrap(), sql, None, &Who::Everyone);
    assert!(
        matches!(&answer, Err(EngineError::Query(text)) if text.contains("more than 16 MiB of text")),
        "{:?}",
        answer.map(|table| table.rows())
    );
}
