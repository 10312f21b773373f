use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{Date32Array, Float64Array};
use perennial_contract::estimator::{Estimator, Model, Run, column};
use perennial_learn::lifetime::bgnbd::BgNbdParameters;
use perennial_learn::lifetime::churn::{BgNbd, BgNbdChurn};
use perennial_learn::lifetime::value::{BtydValue, BtydValueModel};
use rand::SeedableRng;
use rand_distr::{Distribution, Gamma};
use rand_pcg::Pcg64;

use super::simulate::customers;

const TRUTH: BgNbdParameters = BgNbdParameters { r: 0.7, alpha: 40.0, a: 0.8, b: 2.5 };
const RUN: Run = Run { seed: 1, threads: 2, horizon_days: 240, season: None };

/// Customers on a day grid with spend in cents; the second table holds what they spent in the horizon.
fn shop(n: usize) -> (Table, Vec<f64>, Vec<u32>) {
    let mut random = Pcg64::seed_from_u64(5);
    let drawn = customers(n, &TRUTH, 30..=365, f64::from(RUN.horizon_days));
    let rate = Gamma::new(3.74, 1.0 / 1544.0).expect("a Gamma");
    let (mut means, mut after) = (Vec::new(), Vec::new());
    for customer in &drawn {
        let nu = rate.sample(&mut random);
        let mut spend = |orders: f64| {
            if orders > 0.0 { Gamma::new(6.25 * orders, 1.0 / nu).expect("a Gamma").sample(&mut random) } else { 0.0 }
        };
        means.push((customer.seen.x > 0.0).then(|| spend(customer.seen.x) / customer.seen.x));
        after.push(spend(f64::from(customer.orders_after)));
    }
    let column = |f: fn(&super::simulate::Drawn) -> f64| Arc::new(drawn.iter().map(|d| Some(f(d))).collect::<Float64Array>());
    let table = Table::from_columns(vec![
        (column::AS_OF, Arc::new(Date32Array::from(vec![10_000; n]))),
        (column::X, column(|d| d.seen.x)),
        (column::T_X, column(|d| d.seen.t_x)),
        (column::T, column(|d| d.seen.t)),
        (column::REPEAT_SPEND_CENTS_MEAN, Arc::new(means.into_iter().collect::<Float64Array>())),
    ]);
    (table.expect("a table"), after, drawn.iter().map(|d| d.orders_after).collect())
}

fn bits(table: &Table, name: &str) -> Vec<u64> {
    table.f64s(name).expect("a column").iter().map(|v| v.to_bits()).collect()
}

/// One row scores to the bits it has in the batch, and so does the model read back from its JSON.
fn assert_same_bits(model: &dyn Model, loaded: &dyn Model, rows: &Table, names: &[&str]) {
    let batch = model.scorer().score(rows).expect("scores");
    let again = loaded.scorer().score(rows).expect("scores");
    for name in names {
        let expected = bits(&batch, name);
        assert_eq!(bits(&again, name), expected);
        for (row, expected) in expected.iter().enumerate() {
            let one = model.scorer().score(&rows.slice(row, 1)).expect("a score");
            assert_eq!(bits(&one, name)[0], *expected, "{name} of row {row}");
        }
    }
}

#[test]
fn churn_is_calibrated_on_simulated_customers_and_row_equals_batch() {
    let (table, _, orders) = shop(30_000);
    let model = BgNbd::default().fit(&table, &RUN).expect("a model");
    let p = model.scorer().score(&table).expect("scores").f64s(column::P_CHURN).expect("a column");
    let silent = orders.iter().filter(|orders| **orders == 0).count() as f64;
    assert!((p.iter().sum::<f64>() / silent - 1.0).abs() < 0.02);
    let loaded = BgNbdChurn::load(&model.to_json()).expect("the model");
    assert_same_bits(&model, &loaded, &table.slice(0, 300), &[column::P_CHURN]);
    let one = BgNbd::default().fit(&table, &Run { threads: 1, ..RUN }).expect("a model");
    assert_eq!(one.to_json().to_string(), model.to_json().to_string());
}

#[test]
fn value_has_the_total_of_simulated_customers_in_every_tenth_of_the_forecast() {
    let (table, spent, _) = shop(30_000);
    let model = BtydValue::default().fit(&table, &RUN).expect("a model");
    let mean = model.scorer().score(&table).expect("scores").f64s(column::SPEND).expect("a column");
    let ratio = mean.iter().sum::<f64>() / spent.iter().sum::<f64>();
    assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
    let mut rows: Vec<_> = mean.iter().zip(&spent).collect();
    rows.sort_by(|left, right| left.0.total_cmp(right.0));
    for tenth in rows.chunks(3_000) {
        let [forecast, actual, squares] =
            tenth.iter().fold([0.0; 3], |[f, a, s], (mean, spent)| [f + **mean, a + **spent, s + **spent * **spent]);
        // Four standard errors of a sum of independent customers.
        assert!((forecast - actual).abs() < 4.0 * squares.sqrt(), "{forecast} {actual}");
    }
    let loaded = BtydValueModel::load(&model.to_json()).expect("the model");
    assert_same_bits(&model, &loaded, &table.slice(0, 200), &[column::SPEND]);
}

#[test]
fn a_customer_without_an_order_has_no_score_and_only_the_last_day_is_learned_from() {
    let (table, ..) = shop(3_000);
    let expected = BgNbd::default().fit(&table, &RUN).expect("a model").to_json();
    let earlier =
        table.with(column::AS_OF, Arc::new(Date32Array::from(vec![9_000; table.rows()]))).expect("a table").slice(0, 500);
    let order: Vec<_> = table.names().collect();
    let earlier =
        Table::from_columns(order.iter().map(|name| (*name, earlier.column(name).expect("a column").clone())).collect());
    let nobody = Table::from_columns(
        order
            .iter()
            .map(|name| {
                let one = table.slice(0, 1);
                let column = one.column(name).expect("a column");
                let null = perennial_contract::arrow::array::new_null_array(column.data_type(), 1);
                (*name, if *name == column::AS_OF { column.clone() } else { null })
            })
            .collect(),
    )
    .expect("a table");
    let both = Table::concat(&[earlier.expect("a table"), table, nobody.clone()]).expect("a table");
    let model = BgNbd::default().fit(&both, &RUN).expect("a model");
    assert_eq!(model.to_json(), expected);
    assert_eq!(model.scorer().score(&nobody).expect("a score").column(column::P_CHURN).expect("a column").null_count(), 1);
}

#[test]
fn a_damaged_model_file_is_refused() {
    let (table, ..) = shop(3_000);
    let json = BgNbd::default().fit(&table, &RUN).expect("a model").to_json();
    let mut wrong = json.clone();
    wrong["fit"]["parameters"]["alpha"] = (-1.0).into();
    assert!(BgNbdChurn::load(&wrong).is_err_and(|e| e.to_string().contains("allowed are numbers above 0")));
    let mut wrong = json.clone();
    wrong["surprise"] = 1.into();
    assert!(BgNbdChurn::load(&wrong).is_err());
    assert!(BgNbdChurn::load(&serde_json::Value::Null).is_err());
    assert!(BgNbdChurn::load(&json).is_ok());
}
