//! SQL over a snapshot.

use perennial_contract::engine::{AsOf, Engine, EngineError, Snapshot, Who};
use perennial_contract::{Day, Entity, Table};
use perennial_lake::lake::{Lake, Limits};

use crate::lake_fixture::*;

fn query(lake: &Lake, at: &Snapshot, sql: &str, who: &Who) -> Table {
    lake.engine().query(at, sql, Day::from_ymd(1970, 1, 20).map(AsOf::Trusted), who).unwrap()
}

fn filled(lake: &Lake) -> Vec<Line> {
    let mut all = Vec::new();
    for (content, day) in [("a", 10), ("b", 14), ("c", 25)] {
        let rows: Vec<Line> = (0..300)
            .map(|i| {
                let customer = if i % 11 == 0 { String::new() } else { format!("c{}", i * 7 % 50) };
                line(&customer, &format!("{content}{}", i / 3), i % 3, day, i * 13 % 97)
            })
            .collect();
        import(lake, content, vec![batch(&rows)]).unwrap();
        all.extend(rows);
    }
    all
}

const SPEND: &str = "SELECT customer_id, COUNT(*) AS n, SUM(total_cents) AS cents, MAX(ordered_on) AS last
    FROM order_items WHERE ordered_on < $as_of GROUP BY customer_id ORDER BY customer_id";

#[test]
fn sums_are_those_of_the_rows() {
    let dir = folder();
    let lake = create(dir.path());
    let rows = filled(&lake);
    let at = lake.snapshot().unwrap();
    let mut expected = std::collections::BTreeMap::new();
    for row in rows.iter().filter(|row| row.day < 19) {
        let sums = expected.entry(row.customer.clone()).or_insert((0, 0));
        *sums = (sums.0 + 1, sums.1 + row.cents);
    }
    let table = query(&lake, &at, SPEND, &Who::Everyone);
    assert_eq!(table.rows(), expected.len());
    let ids = table.texts("customer_id").unwrap();
    let (n, cents) = (table.i64s("n").unwrap(), table.i64s("cents").unwrap());
    for row in 0..table.rows() {
        use perennial_contract::arrow::array::Array;
        let id = ids.is_valid(row).then(|| ids.value(row).to_owned());
        assert_eq!(expected[&id], (n[row], cents[row]), "{id:?}");
    }
    assert!(table.days("last").unwrap().iter().all(|day| *day == Some(Day(14)) || *day == Some(Day(10))));
}

#[test]
fn one_customer_alone_gives_what_everyone_gives() {
    let dir = folder();
    let lake = create(dir.path());
    filled(&lake);
    for compacted in [false, true] {
        if compacted {
            lake.compact().unwrap();
        }
        let at = lake.snapshot().unwrap();
        for sql in [
            SPEND,
            "WITH days AS (SELECT DISTINCT customer_id, ordered_on FROM order_items)
             SELECT customer_id, COUNT(*) AS days, AVG(day_number) AS middle FROM (
                 SELECT customer_id, CAST(ordered_on AS INT) AS day_number FROM days) GROUP BY customer_id ORDER BY customer_id",
            "SELECT a.customer_id, COUNT(*) AS pairs FROM order_items a JOIN order_items b
             ON a.customer_id = b.customer_id AND a.line_no < b.line_no GROUP BY a.customer_id ORDER BY a.customer_id",
        ] {
            let everyone = query(&lake, &at, sql, &Who::Everyone);
            let ids = everyone.texts("customer_id").unwrap();
            for row in 0..everyone.rows().min(12) {
                let id = ids.value(row);
                if id.is_empty() {
                    continue;
                }
                let alone = query(&lake, &at, sql, &Who::One(id.to_owned()));
                assert_eq!(alone.batch(), everyone.slice(row, 1).batch(), "{id}: {sql}");
            }
            assert_eq!(query(&lake, &at, sql, &Who::One("nobody".into())).rows(), 0);
        }
    }
}

#[test]
fn a_query_sees_its_snapshot_and_no_more() {
    let dir = folder();
    let lake = create(dir.path());
    let count = |at: &Snapshot| query(&lake, at, "SELECT COUNT(*) AS n FROM order_items", &Who::Everyone).i64s("n").unwrap()[0];
    let empty = lake.snapshot().unwrap();
    import(&lake, "a", vec![batch(&[line("c1", "o1", 1, 1, 1)])]).unwrap();
    let one = lake.snapshot().unwrap();
    import(&lake, "b", vec![batch(&[line("c1", "o2", 1, 1, 1)])]).unwrap();
    assert_eq!((count(&empty), count(&one), count(&lake.snapshot().unwrap())), (0, 1, 2));
}

#[test]
fn every_canonical_table_and_the_imports_can_be_asked() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![sparse(Entity::Products, &["p1"]), sparse(Entity::Touches, &["t1", "t2"])]).unwrap();
    let at = lake.snapshot().unwrap();
    for &entity in Entity::ALL {
        let table = query(&lake, &at, &format!("SELECT * FROM {entity}"), &Who::Everyone);
        let names: Vec<&str> = table.names().collect();
        let expected = entity.schema();
        assert_eq!(names, expected.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>());
        for (column, field) in table.batch().columns().iter().zip(expected.fields()) {
            assert_eq!(column.data_type(), field.data_type(), "{entity}.{}", field.name());
        }
    }
    let imports = query(&lake, &at, "SELECT table_name, added, format FROM imports ORDER BY table_name", &Who::Everyone);
    assert_eq!(imports.texts("table_name").unwrap().value(0), "products");
    assert_eq!(imports.i64s("added").unwrap(), [1, 2]);
}

#[test]
fn a_wrong_query_is_its_authors_to_mend() {
    let dir = folder();
    let lake = create(dir.path());
    let at = lake.snapshot().unwrap();
    for sql in ["SELEC 1", "SELECT nothing FROM orders", "SELECT * FROM users", "SELECT 1 / 0 AS x", "SELECT $as_of AS d"] {
        let answer = lake.engine().query(&at, sql, None, &Who::Everyone);
        assert!(matches!(answer, Err(EngineError::Query(_))), "{sql}: {answer:?}");
    }
}

#[test]
fn a_query_over_its_memory_spills_or_says_so() {
    let dir = folder();
    let lake = create(dir.path()).with_limits(Limits { query_bytes: 1 << 20, ..Limits::default() });
    let rows: Vec<Line> = (0..60_000).map(|i| line(&format!("c{}", i % 9_000), &format!("o{i}"), 1, 3, i)).collect();
    import(&lake, "a", vec![batch(&rows)]).unwrap();
    let at = lake.snapshot().unwrap();
    let sql = "SELECT order_id, total_cents FROM order_items ORDER BY total_cents, order_id";
    match lake.engine().query(&at, sql, None, &Who::Everyone) {
        Ok(table) => assert_eq!(table.i64s("total_cents").unwrap(), (0..60_000).collect::<Vec<i64>>()),
        Err(error) => assert!(error.to_string().contains("more memory than it may use"), "{error}"),
    }
}
