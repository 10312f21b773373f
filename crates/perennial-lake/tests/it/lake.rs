//! Imports, scans, replacement, compaction.

use perennial_contract::Entity;
use perennial_contract::arrow::array::Array;
use perennial_contract::engine::{Engine, Who};
use perennial_contract::money::Decimal;
use perennial_contract::source::{Batch, Place, Reconciliation, Reject};
use perennial_lake::lake::{Begin, FileFact, Lake, LakeError, Limits, Origin, ShopFacts, TableCount};
use proptest::prelude::*;

use crate::lake_fixture::*;

fn sample() -> Vec<Line> {
    vec![
        line("c2", "o3", 1, 12, 300),
        line("c1", "o2", 1, 11, 250),
        line("", "g1", 1, 9, 40),
        line("c1", "o1", 2, 10, 50),
        line("c1", "o1", 1, 10, 100),
    ]
}

#[test]
fn rows_come_back_in_order_one_scan_per_bucket() {
    let dir = folder();
    let lake = create(dir.path());
    let receipt = import(&lake, "a", vec![batch(&sample())]).unwrap();
    assert_eq!(receipt.record.tables, [(Entity::OrderItems, TableCount { added: 5, ..TableCount::default() })]);
    assert_eq!(receipt.record.money.loaded_cents, 740);
    let scans = lines(&lake, &receipt.snapshot, &Who::Everyone);
    assert_eq!(scans.len(), 17);
    assert_eq!(scans[16], [line("", "g1", 1, 9, 40)], "guests are in the last bucket");
    for scan in &scans {
        assert!(scan.is_sorted_by_key(|l| (l.customer.clone(), l.day, l.order.clone(), l.line)));
    }
    assert_eq!(sorted(scans.concat()), sorted(sample()));
    let one = lines(&lake, &receipt.snapshot, &Who::One("c1".into()));
    assert_eq!(one, [[line("c1", "o1", 1, 10, 100), line("c1", "o1", 2, 10, 50), line("c1", "o2", 1, 11, 250)]]);
    assert_eq!(lines(&lake, &receipt.snapshot, &Who::One("nobody".into())).concat(), []);
    let empty = lake.scan(&receipt.snapshot, Entity::Products, &["product_id"], &Who::Everyone).unwrap();
    assert_eq!(empty.len(), 1);
}

#[test]
fn the_same_files_are_imported_once() {
    let dir = folder();
    let lake = create(dir.path());
    let first = import(&lake, "a", vec![batch(&sample())]).unwrap();
    match lake.begin(&origin("a")).unwrap() {
        Begin::AlreadyImported { batch_id, imported_at_us } => {
            assert_eq!(batch_id, first.record.batch_id);
            assert_eq!(imported_at_us, origin("a").at_us);
        }
        Begin::Import(_) => panic!("imported twice"),
    }
    let mut both = origin("b");
    both.files.extend(origin("a").files);
    // A set of which some is new is read whole: what is known is told from what is not, row by row.
    match lake.begin(&both).unwrap() {
        Begin::Import(import) => assert_eq!(import.files_known(), 1),
        Begin::AlreadyImported { .. } => panic!("b is new"),
    }
    let twice = Origin { files: vec![both.files[0].clone(), FileFact { name: "c.csv".into(), ..both.files[0].clone() }], ..both };
    assert!(matches!(lake.begin(&twice), Err(LakeError::SameContent { .. })));
    assert_eq!(lake.snapshot().unwrap(), first.snapshot);
    assert_eq!(lake.imports().unwrap(), [first.record]);
}

#[test]
fn known_rows_are_left_alone_and_changed_rows_replace() {
    let dir = folder();
    let lake = create(dir.path());
    let before = import(&lake, "a", vec![batch(&sample())]).unwrap();
    // One row as it was, one with another amount, one that moves from guest to customer, one new.
    let next =
        [line("c1", "o1", 1, 10, 100), line("c1", "o2", 1, 11, 999), line("c9", "g1", 1, 9, 40), line("c1", "o4", 1, 20, 7)];
    let after = import(&lake, "b", vec![batch(&next)]).unwrap();
    let counts = TableCount { added: 1, replaced: 2, unchanged: 1, ..TableCount::default() };
    assert_eq!(after.record.tables, [(Entity::OrderItems, counts)]);
    let money = after.record.money;
    assert_eq!((money.loaded_cents, money.unchanged_cents, money.superseded_cents), (1146, 100, 290));
    let expected = vec![
        line("c2", "o3", 1, 12, 300),
        line("c1", "o1", 2, 10, 50),
        line("c1", "o1", 1, 10, 100),
        line("c1", "o2", 1, 11, 999),
        line("c9", "g1", 1, 9, 40),
        line("c1", "o4", 1, 20, 7),
    ];
    assert_eq!(all_lines(&lake), sorted(expected));
    // The older snapshot still shows what it showed.
    assert_eq!(sorted(lines(&lake, &before.snapshot, &Who::Everyone).concat()), sorted(sample()));
    assert_eq!(lake.rows(&after.snapshot, Entity::OrderItems).unwrap(), 6);
}

#[test]
fn repeated_keys_go_to_the_rejects_and_the_money_adds_up() {
    let dir = folder();
    let lake = create(dir.path());
    let rows = [line("c1", "o1", 1, 10, 100), line("c5", "o1", 1, 11, 77), line("c1", "o2", 1, 10, 5)];
    let mut with_reject = batch(&rows[1..]);
    with_reject.rejects.push(Reject {
        entity: Entity::Orders,
        file: "a.csv".into(),
        row: 9,
        column: Some("total".into()),
        value: Some("x".into()),
        reason: "not a number".into(),
        raw: "1,x".into(),
    });
    let receipt = import(&lake, "a", vec![batch(&rows[..1]), with_reject]).unwrap();
    let counts = |added, rejected| TableCount { added, rejected, ..TableCount::default() };
    let expected = [(Entity::Orders, counts(0, 1)), (Entity::OrderItems, counts(2, 1)), (Entity::Rejects, counts(2, 0))];
    assert_eq!(receipt.record.tables, expected);
    assert_eq!((receipt.record.money.loaded_cents, receipt.record.money.repeated_cents), (182, 77));
    assert_eq!(all_lines(&lake), sorted(vec![rows[0].clone(), rows[2].clone()]));
    let sql = "SELECT \"table\", file, \"row\", reason FROM rejects ORDER BY \"row\"";
    let rejects = lake.engine().query(&receipt.snapshot, sql, None, &Who::Everyone).unwrap();
    assert_eq!(rejects.texts("table").unwrap().value(0), "order_items");
    assert_eq!(rejects.i64s("row").unwrap(), [2, 9]);
    assert_eq!(rejects.texts("reason").unwrap().value(0), "repeated key: a row with this key came earlier in this import");
}

fn place(at: u32, file: &str, row: u64) -> Place {
    Place { at, file: file.into(), row }
}

#[test]
fn a_repeated_key_says_where_it_stands() {
    let dir = folder();
    // So little memory that every batch goes to disk first.
    let lake = create(dir.path()).with_limits(Limits { import_bytes: 1, ..Limits::default() });
    let first = Batch {
        places: vec![place(0, "one.csv", 1), place(1, "one.csv", 7)],
        ..batch(&[line("c1", "o1", 1, 10, 1), line("c1", "o2", 1, 10, 2), line("c1", "o1", 1, 10, 3)])
    };
    let second = Batch {
        places: vec![place(0, "two.csv", 4)],
        ..batch(&[line("c2", "o3", 1, 9, 4), line("c9", "o2", 1, 8, 5), line("", "o3", 1, 7, 6)])
    };
    let receipt = import(&lake, "a", vec![first, second]).unwrap();
    let sql = "SELECT file, \"row\", \"column\", value, reason FROM rejects ORDER BY file, \"row\"";
    let found = lake.engine().query(&receipt.snapshot, sql, None, &Who::Everyone).unwrap();
    let texts = |name: &str| found.texts(name).unwrap().iter().map(|text| text.unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts("file"), ["one.csv", "two.csv", "two.csv"]);
    assert_eq!(found.i64s("row").unwrap(), [8, 5, 6]);
    assert_eq!(texts("value"), ["o1, 1", "o2, 1", "o3, 1"]);
    assert_eq!(texts("column"), ["order_id, line_no"; 3]);
    assert_eq!(texts("reason"), ["repeated key: a row with this key came earlier in this import"; 3]);
}

#[test]
fn a_file_with_too_many_bad_rows_of_a_table_is_refused_whole() {
    let dir = folder();
    let lake = create(dir.path());
    let before = lake.snapshot().unwrap();
    let rows = |orders: i64| (0..30).map(|i| line("c1", &format!("o{}", i % orders), 1, 10, 5)).collect::<Vec<_>>();
    let commit = |orders: i64, share: f64| {
        let mut import = begin(&lake, "a");
        import.refuse_above(share);
        import.append(Batch { places: vec![place(0, "good.csv", 1)], ..batch(&[line("c7", "g1", 1, 9, 40)]) }).unwrap();
        import.append(Batch { places: vec![place(0, "lines.csv", 1)], ..batch(&rows(orders)) }).unwrap();
        import.commit(&Reconciliation::ZERO)
    };
    let error = commit(10, 0.5).unwrap_err().to_string();
    assert!(error.starts_with("lines.csv: 20 of its 30 rows for order_items cannot be used"), "{error}");
    assert!(error.contains("import.reject_share_max = 0.5") && error.contains("20 times: repeated key"), "{error}");
    assert_eq!(lake.snapshot().unwrap(), before);
    assert_eq!(lake.imports().unwrap(), []);
    // Half of them is not more than half; and whoever wants more may have it.
    assert_eq!(commit(15, 0.5).unwrap().record.tables[0].1.rejected, 15);
    let rejects = || {
        (1..=25).map(|row| Reject {
            entity: Entity::Reviews,
            file: "r.csv".into(),
            row,
            column: None,
            value: None,
            reason: "x".into(),
            raw: "".into(),
        })
    };
    let mut refused = begin(&lake, "b");
    refused.refuse_above(0.5);
    refused.append(Batch { rejects: rejects().collect(), ..batch(&[line("c7", "g2", 1, 9, 40)]) }).unwrap();
    let error = refused.commit(&Reconciliation::ZERO).unwrap_err().to_string();
    assert!(error.starts_with("r.csv: 25 of its 25 rows for reviews"), "{error}");
    // The few of a small file say nothing.
    let mut few = begin(&lake, "b");
    few.refuse_above(0.5);
    few.append(Batch { rejects: rejects().take(19).collect(), ..batch(&[line("c7", "g2", 1, 9, 40)]) }).unwrap();
    few.commit(&Reconciliation::ZERO).unwrap();
}

#[test]
fn money_stays_balanced_where_some_files_of_a_set_are_known() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![batch(&sample())]).unwrap();
    let mut both = origin("b");
    both.files.extend(origin("a").files);
    let Begin::Import(mut again) = lake.begin(&both).unwrap() else { panic!("b is new") };
    again.append(batch(&sample())).unwrap();
    again.append(batch(&[line("c8", "n1", 1, 30, 11)])).unwrap();
    let record = again.commit(&Reconciliation::ZERO).unwrap().record;
    assert_eq!(record.tables, [(Entity::OrderItems, TableCount { added: 1, unchanged: 5, ..TableCount::default() })]);
    assert_eq!((record.money.loaded_cents, record.money.unchanged_cents), (751, 740));
    assert_eq!(all_lines(&lake).iter().map(|line| line.cents).sum::<i64>(), 751);
    assert!(matches!(lake.begin(&both).unwrap(), Begin::AlreadyImported { .. }));
}

#[test]
fn an_import_that_is_dropped_or_refused_never_happened() {
    let dir = folder();
    let lake = create(dir.path());
    let before = lake.snapshot().unwrap();
    let mut dropped = begin(&lake, "a");
    dropped.append(batch(&sample())).unwrap();
    drop(dropped);
    let mut refused = begin(&lake, "a");
    let wrong = sparse(Entity::Products, &["p1"]);
    let mismatch = perennial_contract::source::Batch { entity: Entity::Orders, ..wrong };
    let error = refused.append(mismatch).unwrap_err().to_string();
    assert!(error.contains("orders rows do not fit the table"), "{error}");
    drop(refused);
    assert_eq!(lake.snapshot().unwrap(), before);
    assert_eq!(lake.imports().unwrap(), []);
    assert!(!dir.path().join("tmp").exists());
    import(&lake, "a", vec![batch(&sample())]).unwrap();
}

#[test]
fn one_writer_at_a_time_and_the_other_learns_who() {
    let dir = folder();
    let lake = create(dir.path());
    let other = open(dir.path());
    let import = begin(&lake, "a");
    let error = other.begin(&origin("b")).err().map(|e| e.to_string()).unwrap();
    assert!(error.contains("an import of test (process "), "{error}");
    assert!(matches!(other.compact(), Err(LakeError::Locked { .. })));
    drop(import);
    drop(begin(&other, "b"));
}

#[test]
fn a_lake_keeps_its_zone_and_currency() {
    let dir = folder();
    drop(create(dir.path()));
    assert!(matches!(Lake::create(dir.path(), &shop()), Err(LakeError::Exists(_))));
    let other = ShopFacts { currency: "EUR".into(), ..shop() };
    let error = Lake::open(dir.path(), &other, None).err().map(|e| e.to_string()).unwrap();
    assert!(error.contains("currency \"GBP\", the settings say \"EUR\""), "{error}");
    assert!(matches!(Lake::open(&dir.path().join("x"), &shop(), None), Err(LakeError::Missing(_))));
}

#[test]
fn compaction_changes_files_not_rows() {
    let dir = folder();
    let lake = create(dir.path());
    for (content, day) in [("a", 10), ("b", 11), ("c", 12)] {
        let rows: Vec<Line> = (0..200).map(|i| line(&format!("c{}", i % 40), &format!("{content}{i}"), 1, day, i)).collect();
        import(&lake, content, vec![batch(&rows)]).unwrap();
    }
    let before = lake.snapshot().unwrap();
    let rows = lines(&lake, &before, &Who::Everyone);
    let done = lake.compact().unwrap();
    assert!(done.files_before > done.files_after, "{done:?}");
    let after = lake.snapshot().unwrap();
    assert_ne!(before, after);
    assert_eq!(lines(&lake, &after, &Who::Everyone), rows);
    assert_eq!(lines(&lake, &before, &Who::Everyone), rows, "an older snapshot can still be read");
    let again = lake.compact().unwrap();
    assert_eq!((again.files_before, again.files_after), (done.files_after, done.files_after));
    assert_eq!(lake.snapshot().unwrap(), after);
}

#[test]
fn many_imports_leave_few_files_and_old_files_go() {
    let dir = folder();
    let lake = create(dir.path());
    let mut expected = Vec::new();
    for number in 0..20 {
        let rows = [line("c1", &format!("o{number}"), 1, number, 5), line("c2", &format!("p{number}"), 1, number, 7)];
        import(&lake, &number.to_string(), vec![batch(&rows)]).unwrap();
        expected.extend(rows);
    }
    assert_eq!(all_lines(&lake), sorted(expected.clone()));
    let of_c1 = lines(&lake, &lake.snapshot().unwrap(), &Who::One("c1".into())).concat();
    assert!(of_c1.len() == 20 && of_c1.is_sorted());
    let sql = "SELECT COUNT(*) AS n, SUM(total_cents) AS cents FROM order_items";
    let sums = lake.engine().query(&lake.snapshot().unwrap(), sql, None, &Who::Everyone).unwrap();
    assert_eq!((sums.i64s("n").unwrap(), sums.i64s("cents").unwrap()), (vec![40], vec![240]));
    let ledger = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    let count = |sql: &str| ledger.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(count("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM data_file WHERE removed IS NULL GROUP BY entity, bucket)") <= 8);
    // As if the retired files had been so for long.
    let retired = count("SELECT COUNT(*) FROM data_file WHERE removed IS NOT NULL");
    assert!(retired > 0);
    ledger.execute("UPDATE data_file SET retired_at_us = 0 WHERE removed IS NOT NULL", []).unwrap();
    let there = || std::fs::read_dir(dir.path().join("order_items")).unwrap().count() as i64;
    let before = there();
    drop(begin(&lake, "next"));
    assert_eq!(there(), before - retired);
    assert_eq!(all_lines(&lake), sorted(expected));
}

#[test]
fn huge_cells_come_through_in_small_batches() {
    let dir = folder();
    let lake = create(dir.path()).with_limits(Limits { import_bytes: 20 << 20, ..Limits::default() });
    let batches = |from: usize| -> Vec<_> {
        let ids = |first: usize| (first..first + 20).map(|i| format!("m{i:04}")).collect::<Vec<_>>();
        let huge = |ids: &[String]| {
            let mut batch = sparse(Entity::Messages, &ids.iter().map(String::as_str).collect::<Vec<_>>());
            let body = batch.rows.schema().index_of("body").unwrap();
            let mut columns = batch.rows.columns().to_vec();
            let texts = ids.iter().map(|id| id.repeat(100_000));
            columns[body] = std::sync::Arc::new(perennial_contract::arrow::array::StringArray::from_iter_values(texts));
            batch.rows = perennial_contract::arrow::array::RecordBatch::try_new(batch.rows.schema(), columns).unwrap();
            batch
        };
        (0..4).map(|part| huge(&ids(from + part * 20))).collect()
    };
    import(&lake, "a", batches(0)).unwrap();
    import(&lake, "b", batches(60)).unwrap();
    lake.compact().unwrap();
    let at = lake.snapshot().unwrap();
    let (mut rows, mut batches, mut bytes) = (0, 0, 0);
    for scan in lake.scan(&at, Entity::Messages, &["message_id", "body"], &Who::Everyone).unwrap() {
        for batch in scan {
            let batch = batch.unwrap();
            (rows, batches) = (rows + batch.num_rows(), batches + 1);
            bytes += batch.column(1).to_data().get_slice_memory_size().unwrap();
        }
    }
    assert_eq!(rows, 140);
    assert!(batches >= 4 && bytes >= 70_000_000, "{batches} batches of {bytes} bytes");
}

#[test]
fn the_ledger_reads_every_sum_it_writes() {
    let dir = folder();
    let lake = create(dir.path());
    // More digits than one amount may have.
    let stated = Decimal { units: i128::MAX, scale: 12 };
    let mut import = begin(&lake, "a");
    import.append(batch(&[line("c1", "o1", 1, 10, 100)])).unwrap();
    import
        .commit(&Reconciliation { stated, rejected: Decimal { units: i128::MIN + 1, scale: 0 }, rounding: Decimal::ZERO })
        .unwrap();
    drop(lake);
    let source = open(dir.path()).imports().unwrap()[0].money.source;
    assert_eq!((source.stated, source.rejected.units), (stated, i128::MIN + 1));
}

#[test]
fn sums_that_do_not_fit_are_refused_and_never_wrap() {
    let dir = folder();
    let lake = create(dir.path());
    let mut import = begin(&lake, "a");
    let half = i64::MAX / 2 + 1;
    import.append(batch(&[line("c1", "o1", 1, 10, half), line("c1", "o2", 1, 11, half)])).unwrap();
    let refused = import.commit(&Reconciliation::ZERO).unwrap_err();
    assert!(refused.to_string().contains("9223372036854775808 minor units"), "{refused}");
    assert!(lake.imports().unwrap().is_empty());
}

#[test]
fn money_of_the_source_is_kept_exactly() {
    let dir = folder();
    let lake = create(dir.path());
    let decimal = |text: &str| Decimal::parse(text).unwrap();
    let source = Reconciliation { stated: decimal("9747747.934"), rejected: decimal("-0.5"), rounding: decimal("0.004") };
    let mut import = begin(&lake, "a");
    import.append(batch(&sample())).unwrap();
    import.commit(&source).unwrap();
    assert_eq!(lake.imports().unwrap()[0].money.source, source);
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let files = |dir: &std::path::Path| {
        let lake = create(dir);
        import(&lake, "a", vec![batch(&sample()), sparse(Entity::Products, &["p2", "p1"])]).unwrap();
        import(&lake, "b", vec![batch(&[line("c1", "o1", 1, 10, 101)])]).unwrap();
        let mut found = Vec::new();
        for entity in [Entity::OrderItems, Entity::Products] {
            for entry in std::fs::read_dir(dir.join(entity.name())).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    found.push((path.strip_prefix(dir).unwrap().to_owned(), std::fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    };
    let (one, two) = (folder(), folder());
    assert_eq!(files(one.path()), files(two.path()));
}

fn any_line() -> impl Strategy<Value = Line> {
    let customer = prop_oneof![1 => Just(None), 4 => "[a-c]{1,3}".prop_map(Some)];
    (customer, 0..4_i32, "[x-z]{1,2}", 0..3_i64, 0..50_i64).prop_map(|(customer, day, order, line, cents)| Line {
        customer,
        day,
        order,
        line,
        cents,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the batches, the budget and the number of imports: what is read is what a map by key would hold, in order.
    #[test]
    fn scans_are_sorted_and_complete(
        imports in prop::collection::vec(prop::collection::vec(prop::collection::vec(any_line(), 0..40), 0..4), 1..4),
        spill in any::<bool>(),
        compact in any::<bool>(),
    ) {
        let dir = folder();
        let limits = Limits { threads: 2, import_bytes: if spill { 1 } else { 1 << 20 }, ..Limits::default() };
        let lake = create(dir.path()).with_limits(limits);
        let mut expected = std::collections::BTreeMap::new();
        for (number, batches) in imports.iter().enumerate() {
            let receipt = import(&lake, &number.to_string(), batches.iter().map(|lines| batch(lines)).collect()).unwrap();
            let mut seen = std::collections::BTreeSet::new();
            let mut counts = TableCount::default();
            for line in batches.concat() {
                let key = (line.order.clone(), line.line);
                if !seen.insert(key.clone()) {
                    counts.rejected += 1;
                    continue;
                }
                match expected.insert(key, line.clone()) {
                    None => counts.added += 1,
                    Some(old) if old == line => counts.unchanged += 1,
                    Some(_) => counts.replaced += 1,
                }
            }
            let got = receipt.record.tables.iter().find(|(e, _)| *e == Entity::OrderItems).map(|(_, c)| *c).unwrap_or_default();
            prop_assert_eq!(got, counts);
        }
        if compact {
            lake.compact().unwrap();
        }
        let snapshot = lake.snapshot().unwrap();
        let scans = lines(&lake, &snapshot, &Who::Everyone);
        for (bucket, scan) in scans.iter().enumerate() {
            prop_assert!(scan.is_sorted_by_key(|l| (l.customer.clone(), l.day, l.order.clone(), l.line)));
            prop_assert!(scan.iter().all(|l| l.customer.is_none() == (bucket == 16)));
        }
        let mut expected: Vec<Line> = expected.into_values().collect();
        expected.sort();
        prop_assert_eq!(sorted(scans.concat()), expected.clone());
        for customer in ["a", "ab", "ccc"] {
            let of = |lines: &[Line]| lines.iter().filter(|l| l.customer.as_deref() == Some(customer)).cloned().collect::<Vec<_>>();
            let one = lines(&lake, &snapshot, &Who::One(customer.into())).concat();
            prop_assert_eq!(sorted(one), of(&expected));
        }
    }
}
