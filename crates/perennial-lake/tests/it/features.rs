//! What every feature promises: the native pass equals the SQL, the future does not matter, and one customer alone is the same.

use arrow::array::{Array, AsArray};
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Entity, Table};
use perennial_lake::features::{
    Ask, GROUPS, OwnFeatures, Sample, Store, Via, Window, compute, compute_many, labels, labels_many, lifetime_windows, reference,
};
use perennial_lake::quality::{Cleaned, CleaningPolicy};
use proptest::prelude::*;

use crate::features_shop::{AS_OF, Dice, Shop};
use crate::features_store::{Memory, Value};

fn features(store: &dyn Store, as_of: Day, who: &Who, via: Via) -> Table {
    let (at, own) = (Snapshot::default(), OwnFeatures::none());
    let ask = Ask { who, via, ..Ask::new(store, &at, &own) };
    ask.tables(&[as_of]).unwrap().remove(0)
}

/// Bit for bit: Arrow compares floats by their bits' meaning only, so compare buffers by way of text with all digits.
pub fn assert_same(left: &Table, right: &Table, what: &str) {
    assert_eq!(left.names().collect::<Vec<_>>(), right.names().collect::<Vec<_>>(), "{what}");
    assert_eq!(left.rows(), right.rows(), "{what}");
    for name in left.names() {
        let (l, r) = (left.column(name).unwrap(), right.column(name).unwrap());
        assert_eq!(l.data_type(), r.data_type(), "{what}: {name}");
        for row in 0..l.len() {
            let (l, r) = (cell(l, row), cell(r, row));
            assert_eq!(l, r, "{what}: {name} in row {row}");
        }
    }
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match column.as_primitive_opt::<arrow::datatypes::Float64Type>() {
        Some(floats) => format!("{:016x} ({})", floats.value(row).to_bits(), floats.value(row)),
        None => arrow::util::display::array_value_to_string(column, row).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn native_and_sql_give_the_same_bits(seed: u64) {
        let store = Shop::random(&mut Dice(seed)).store();
        let native = features(&store, AS_OF, &Who::Everyone, Via::Native);
        let sql = features(&store, AS_OF, &Who::Everyone, Via::Sql);
        assert_same(&native, &sql, "native and SQL");
    }

    #[test]
    fn cleaned_lines_are_the_same_for_the_pass_and_for_sql(seed: u64, cents_max in 1_i64..5_000) {
        let mut shop = Shop::random(&mut Dice(seed));
        let lines = shop.0.entry(Entity::OrderItems).or_default();
        let again: Vec<_> = lines.iter().filter(|_| seed % 3 != 0).cloned().collect();
        for mut line in again {
            if let Some(Value::Whole(number)) = line.get_mut("line_no") {
                *number += 500;
            }
            lines.push(line);
        }
        let copies = lines.len();
        let store = shop.store();
        for (drop_duplicate_lines, line_cents_max) in [(true, None), (false, Some(cents_max)), (true, Some(cents_max))] {
            let policy = CleaningPolicy { drop_duplicate_lines, line_cents_max };
            let cleaned = Cleaned::new(&store, policy);
            let native = features(&cleaned, AS_OF, &Who::Everyone, Via::Native);
            assert_same(&native, &features(&cleaned, AS_OF, &Who::Everyone, Via::Sql), "cleaned");
            let effect = Cleaned::effect(&store, &Snapshot::default(), policy).unwrap();
            let is_doubled = drop_duplicate_lines && seed % 3 != 0;
            prop_assert!(!is_doubled || effect.lines_dropped as usize * 2 >= copies, "{:?}", effect);
        }
    }

    #[test]
    fn a_sample_with_labels_has_the_rows_of_everybody(seed: u64, wanted in 0_usize..8) {
        let store = Shop::random(&mut Dice(seed)).store();
        let (at, own) = (Snapshot::default(), OwnFeatures::none());
        let sample = Sample::of(wanted, 7);
        let as_of = AS_OF.plus(-40);
        let ask = Ask { horizon_days: Some(30), ..Ask::new(&store, &at, &own) };
        let drawn = ask.sampled(&[(as_of, sample)]).unwrap().remove(0);
        let all = compute(&store, &at, as_of, &Who::Everyone, &own).unwrap();
        let outcomes = labels(&store, &at, as_of, 30, &Who::Everyone).unwrap();
        let ids = all.texts(column::CUSTOMER_ID).unwrap();
        let rows: Vec<u32> = (0..all.rows() as u32).filter(|&row| sample.takes(ids.value(row as usize))).collect();
        let mut expected = all.take(&rows).unwrap();
        for name in
            [column::LABEL_CHURN, column::LABEL_ORDERS, column::LABEL_SPEND_CENTS, column::LABEL_NEXT_ORDER_DAYS, column::LABEL_SOLD_CENTS]
        {
            expected = expected.with(name, outcomes.take(&rows).unwrap().column(name).unwrap().clone()).unwrap();
        }
        assert_same(&expected, &drawn, "a sample");
    }

    #[test]
    fn nothing_at_or_after_the_as_of_day_changes_a_bit(seed: u64) {
        let mut dice = Dice(seed);
        let shop = Shop::random(&mut dice);
        let before = features(&shop.store(), AS_OF, &Who::Everyone, Via::Sql);
        for _ in 0..3 {
            let other = shop.with_another_future(&mut dice).store();
            assert_same(&before, &features(&other, AS_OF, &Who::Everyone, Via::Native), "another future, native");
            assert_same(&before, &features(&other, AS_OF, &Who::Everyone, Via::Sql), "another future, SQL");
        }
    }

    #[test]
    fn one_customer_alone_is_the_row_of_everyone(seed: u64) {
        let store = Shop::random(&mut Dice(seed)).store();
        let all = features(&store, AS_OF, &Who::Everyone, Via::Native);
        let customers = all.texts(column::CUSTOMER_ID).unwrap();
        for row in 0..all.rows() {
            let one = features(&store, AS_OF, &Who::One(customers.value(row).to_owned()), Via::Native);
            assert_same(&all.slice(row, 1), &one, "one customer");
        }
        let nobody = features(&store, AS_OF, &Who::One("nobody".to_owned()), Via::Native);
        prop_assert_eq!(nobody.rows(), 0);
        prop_assert_eq!(nobody.names().count(), all.names().count());
    }

    #[test]
    fn several_days_in_one_pass_are_the_days_one_by_one(seed: u64) {
        let store = Shop::random(&mut Dice(seed)).store();
        let (snapshot, own) = (Snapshot::default(), OwnFeatures::none());
        let days = [AS_OF.plus(-200), AS_OF, AS_OF.plus(-30), AS_OF.plus(90)];
        let many = compute_many(&store, &snapshot, &days, &Who::Everyone, &own).unwrap();
        let outcomes = labels_many(&store, &snapshot, &days, 30, &Who::Everyone).unwrap();
        for ((table, outcome), day) in many.iter().zip(&outcomes).zip(days) {
            assert_same(table, &compute(&store, &snapshot, day, &Who::Everyone, &own).unwrap(), "one day");
            assert_same(outcome, &labels(&store, &snapshot, day, 30, &Who::Everyone).unwrap(), "one day's labels");
        }
    }

    #[test]
    fn labels_are_what_a_plain_count_gives(seed: u64, horizon in 1_i32..70) {
        let shop = Shop::random(&mut Dice(seed));
        let as_of = AS_OF.plus(-40);
        let table = labels(&shop.store(), &Snapshot::default(), as_of, horizon, &Who::Everyone).unwrap();
        let known = compute(&shop.store(), &Snapshot::default(), as_of, &Who::Everyone, &OwnFeatures::none()).unwrap();
        prop_assert_eq!(table.texts(column::CUSTOMER_ID).unwrap(), known.texts(column::CUSTOMER_ID).unwrap());
        let customers = table.texts(column::CUSTOMER_ID).unwrap();
        let (churn, orders) = (table.i64s(column::LABEL_CHURN).unwrap(), table.i64s(column::LABEL_ORDERS).unwrap());
        let spend = table.i64s(column::LABEL_SPEND_CENTS).unwrap();
        for row in 0..table.rows() {
            let expected = brute_force(&shop, customers.value(row), (as_of.0, as_of.0 + horizon));
            prop_assert_eq!((churn[row], orders[row], spend[row]), expected);
            let next = table.f64s(column::LABEL_NEXT_ORDER_DAYS).unwrap()[row];
            prop_assert_eq!(next.is_nan(), churn[row] == 1);
            if !next.is_nan() {
                let day = as_of.0 + next as i32;
                prop_assert_eq!(brute_force(&shop, customers.value(row), (as_of.0, day)).1, 0);
                prop_assert_eq!(brute_force(&shop, customers.value(row), (day, day + 1)).1, 1);
            }
        }
    }

    #[test]
    fn windows_of_several_lengths_are_the_features_and_labels_one_by_one(seed: u64) {
        let store = Shop::random(&mut Dice(seed)).store();
        let at = Snapshot::default();
        let window = |back: i32, days: i32| Window { as_of: AS_OF.plus(-back), days, sample: Sample::EVERYBODY };
        let windows = [window(200, 90), window(40, 30), window(40, 7)];
        for (table, window) in lifetime_windows(&store, &at, &windows).unwrap().iter().zip(windows) {
            let known = compute(&store, &at, window.as_of, &Who::Everyone, &OwnFeatures::none()).unwrap();
            let labels = labels(&store, &at, window.as_of, window.days, &Who::Everyone).unwrap();
            let mut expected = vec![(column::CUSTOMER_ID, known.column(column::CUSTOMER_ID).unwrap().clone())];
            expected.push((column::AS_OF, known.column(column::AS_OF).unwrap().clone()));
            for name in [column::X, column::T_X, column::T, column::REPEAT_SPEND_CENTS_MEAN] {
                expected.push((name, known.column(name).unwrap().clone()));
            }
            for name in labels.names().filter(|name| name.starts_with("label_")) {
                expected.push((name, labels.column(name).unwrap().clone()));
            }
            assert_same(&Table::from_columns(expected).unwrap(), table, "a window");
        }
    }
}

/// (churn, purchase days, net spend) of a customer on days `from` to before `to`, row by row.
fn brute_force(shop: &Shop, customer: &str, (from, to): (i32, i32)) -> (i64, i64, i64) {
    let rows = |entity| shop.0.get(&entity).into_iter().flatten();
    let whole = |row: &crate::features_store::Row, name: &str| match row.get(name) {
        Some(Value::Whole(value)) => *value,
        _ => panic!("{name}"),
    };
    let mine = |row: &&crate::features_store::Row| row.get("customer_id") == Some(&Value::Text(customer.to_owned()));
    let inside = |day: i64| (i64::from(from)..i64::from(to)).contains(&day);
    let (mut days, mut cents) = (std::collections::BTreeSet::new(), 0);
    for item in rows(Entity::OrderItems).filter(mine).filter(|row| inside(whole(row, "ordered_on"))) {
        cents += whole(item, "total_cents");
        if whole(item, "total_cents") > 0 {
            days.insert(whole(item, "ordered_on"));
        }
    }
    for order in rows(Entity::Orders).filter(mine).filter(|row| inside(whole(row, "ordered_on"))) {
        if order.get("status") != Some(&Value::Text("cancelled".to_owned())) {
            days.insert(whole(order, "ordered_on"));
        }
    }
    for sent_back in rows(Entity::Returns).filter(mine).filter(|row| inside(whole(row, "returned_on"))) {
        cents -= whole(sent_back, "amount_cents");
    }
    (i64::from(days.is_empty()), days.len() as i64, cents)
}

#[test]
fn random_shops_reach_every_feature() {
    let mut reached = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let table = features(&Shop::random(&mut Dice(seed)).store(), AS_OF, &Who::Everyone, Via::Native);
        for name in table.names() {
            let column = table.column(name).unwrap();
            if (0..column.len()).any(|row| !matches!(cell(column, row).as_str(), "null" | "0")) {
                reached.insert(name.to_owned());
            }
        }
    }
    // Never set by the random shops, because nothing but the table's own text stands behind them.
    let plain = ["region", "gender", "acquisition_channel"];
    for group in GROUPS {
        for feature in group.features().unwrap().iter().filter(|feature| !plain.contains(&feature.name)) {
            assert!(
                reached.contains(feature.name),
                "{} is always null or 0, so the properties prove nothing about it",
                feature.name
            );
        }
    }
}

#[test]
fn the_columns_of_a_table_are_those_declared() {
    let store = Memory::new("UTC", &Shop::random(&mut Dice(3)).0);
    let table = features(&store, AS_OF, &Who::Everyone, Via::Sql);
    let declared = GROUPS.iter().flat_map(|group| group.features().unwrap());
    let reserved = [(column::CUSTOMER_ID, arrow::datatypes::DataType::Utf8), (column::AS_OF, arrow::datatypes::DataType::Date32)];
    let declared: Vec<_> = reserved.into_iter().chain(declared.map(|feature| (feature.name, feature.kind.data_type()))).collect();
    let schema = table.batch().schema();
    let given: Vec<_> = schema.fields().iter().map(|field| (field.name().as_str(), field.data_type().clone())).collect();
    assert_eq!(given, declared);
    let empty = features(&Memory::new("UTC", &std::collections::BTreeMap::new()), AS_OF, &Who::Everyone, Via::Native);
    assert_eq!(empty.names().collect::<Vec<_>>(), table.names().collect::<Vec<_>>());
    assert_eq!(empty.rows(), 0);
}

#[test]
fn the_reference_page_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/features.md");
    let page = reference().unwrap();
    if std::env::var_os("PERENNIAL_WRITE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "{} is not current; run the test with PERENNIAL_WRITE_REFERENCE=1", path.display());
}
