//! The tree and the forest for churn: leaf shares by hand, reasons that add up, and many trees above one.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array};
use perennial_contract::estimator::{Estimator, Model, Run, column};
use perennial_learn::learner::forest::{ForestChurn, TreeChurn};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const RUN: Run = Run { seed: 5, threads: 2, horizon_days: 30, season: None };

fn table(columns: Vec<(&str, Vec<f64>)>) -> Table {
    let arrays = columns.into_iter().map(|(name, values)| (name, Arc::new(Float64Array::from(values)) as ArrayRef));
    Table::from_columns(arrays.collect()).expect("columns of one length")
}

fn scores(model: &dyn Model, rows: &Table) -> Vec<f64> {
    model.scorer().score(rows).and_then(|scores| Ok(scores.f64s(column::P_CHURN)?)).expect("scores")
}

/// 300 rows with a flag, of which 60 left, and 100 without, of which 70 left: 130 of 400 in all, and each leaf is given two rows of that share.
#[test]
fn a_leaf_is_its_own_share_and_two_rows_of_everybodys() {
    let flag: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i < 300))).collect();
    let label: Vec<f64> = (0..400).map(|i| f64::from(u8::from(!(60..330).contains(&i)))).collect();
    let rows = table(vec![("flag", flag), (column::LABEL_CHURN, label)]);
    let model = TreeChurn { leaves: 2, min_child_rows: 4 }.fit(&rows, &RUN).expect("a tree");
    let p = scores(&model, &rows);
    let all = 130.0 / 400.0;
    for (row, wants) in [(0, (60.0 + 2.0 * all) / 302.0), (399, (70.0 + 2.0 * all) / 102.0)] {
        // Derivatives are rounded to 18 bits, up or down by chance.
        assert!((p[row] - wants).abs() < 1e-5, "{} instead of {wants}", p[row]);
    }
    let reasons = model.scorer().explain(&rows).expect("reasons").expect("a tree has reasons");
    let odds = |p: f64| libm::log(p / (1.0 - p));
    assert_eq!(reasons.features, ["flag"]);
    assert!((reasons.bias + reasons.values[0] - odds(p[0])).abs() < 1e-9);
}

/// Eight features that add up on the log-odds, none of them in steps.
fn smooth(rows: usize, seed: u64) -> (Table, Vec<f64>) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let features: Vec<Vec<f64>> = (0..8).map(|_| (0..rows).map(|_| random.random::<f64>() * 2.0 - 1.0).collect()).collect();
    let p: Vec<f64> = (0..rows)
        .map(|row| {
            let margin: f64 = features.iter().enumerate().map(|(at, values)| values[row] * (1.6 - 0.2 * at as f64)).sum();
            1.0 / (1.0 + libm::exp(-margin))
        })
        .collect();
    let label = p.iter().map(|p| f64::from(u8::from(random.random::<f64>() < *p))).collect();
    let names = ["f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8"];
    let columns = names.into_iter().zip(features).chain([(column::LABEL_CHURN, label)]);
    (table(columns.collect()), p)
}

#[test]
fn many_trees_come_nearer_to_a_smooth_law_than_one_and_draw_other_features() {
    let (train, _) = smooth(8000, 1);
    let (test, truth) = smooth(4000, 2);
    let miss = |model: &dyn Model| {
        scores(model, &test).iter().zip(&truth).map(|(is, p)| (is - p) * (is - p)).sum::<f64>() / truth.len() as f64
    };
    let tree = miss(&TreeChurn::default().fit(&train, &RUN).expect("a tree"));
    let forest = ForestChurn::default();
    let many = miss(&forest.fit(&train, &RUN).expect("a forest"));
    let one = miss(&ForestChurn { trees: 1, ..forest }.fit(&train, &RUN).expect("a forest"));
    println!("mean squared error of the probability: tree {tree:.5}, forest {many:.5}, one tree of it {one:.5}");
    assert!(many < 0.5 * tree && many < 0.5 * one, "{many} beside {tree} and {one}");
    let bytes = |split_fraction: f64| {
        ForestChurn { trees: 2, bagging_fraction: 1.0, split_fraction, ..forest }.fit(&train, &RUN).expect("a forest").to_json()
    };
    assert!(bytes(1.0) != bytes(0.3));
}
