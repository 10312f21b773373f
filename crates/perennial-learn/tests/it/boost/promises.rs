//! Same bytes at any thread count, batch equals row, every leaf holds the rows it must, settings out of range are named.

use std::collections::BTreeMap;

use perennial_contract::estimator::{FitError, Run};
use perennial_learn::learner::boost::{BoostParams, Booster, Column, Examples, Matrix, Objective, PARAMS, Schema};
use rand::RngExt;
use serde_json::json;

use super::{RUN, fit, margins, mixed, mixed_label, numbers, params, rng};

#[test]
fn same_bytes_at_any_number_of_threads_and_other_bytes_for_another_seed() {
    // More rows than a packed block holds, and enough for several threads to have a share.
    let matrix = mixed(150_000, 21);
    let label = mixed_label(&matrix);
    let binary: Vec<f32> = label.iter().map(|label| (*label > 1.0) as u8 as f32).collect();
    for (objective, label) in [(Objective::Logistic, &binary), (Objective::SquaredError, &label)] {
        let settings = BoostParams { trees: 4, bagging_fraction: 0.8, feature_fraction: 0.7, leaves: 31, ..params(objective) };
        let fit = |seed, threads| {
            let examples = Examples { matrix: &matrix, label, weight: None };
            Booster::fit(&examples, None, &settings, &Run { seed, threads, ..RUN }).unwrap().to_json().to_string()
        };
        let one = fit(1, 1);
        for threads in [2, 3, 8] {
            assert!(one == fit(1, threads), "{threads} threads give another model");
        }
        assert!(one != fit(2, 1));
    }
}

#[test]
fn a_row_alone_gets_the_bits_it_gets_in_the_batch() {
    let matrix = mixed(700, 22);
    let model = fit(&matrix, &mixed_label(&matrix), &params(Objective::SquaredError));
    let batch = model.predict_margin(&matrix, 2).unwrap();
    let parts = model.shap(&matrix, 2).unwrap();
    for row in (0..700).step_by(53) {
        let alone =
            Matrix::new((**matrix.schema()).clone(), matrix.columns().iter().map(|column| only(column, row)).collect()).unwrap();
        assert_eq!(margins(&model, &alone)[0].to_bits(), batch[row].to_bits());
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&model.shap(&alone, 1).unwrap().values), bits(&parts.values[row * 3..][..3]));
    }
}

fn only(column: &Column, row: usize) -> Column {
    match column {
        Column::Number(values) => Column::Number(vec![values[row]]),
        Column::Category(codes) => Column::Category(vec![codes[row]]),
    }
}

#[test]
fn no_leaf_has_fewer_rows_than_asked() {
    let matrix = mixed(3000, 23);
    let label: Vec<f32> = mixed_label(&matrix).iter().map(|label| (*label > 2.0) as u8 as f32).collect();
    for min_child_rows in [1, 7, 100] {
        // Late logistic trees have very unequal second derivatives: the row estimate is at its worst there.
        let settings = BoostParams { trees: 60, leaves: 31, learning_rate: 0.5, min_child_rows, ..params(Objective::Logistic) };
        let file = fit(&matrix, &label, &settings).to_json();
        for tree in file["trees"].as_array().unwrap() {
            let rows: Vec<u64> = tree["leaves"].as_array().unwrap().iter().map(|leaf| leaf["rows"].as_u64().unwrap()).collect();
            assert_eq!(rows.iter().sum::<u64>(), 3000);
            assert!(rows.iter().all(|rows| *rows >= min_child_rows as u64), "{rows:?}");
        }
    }
}

#[test]
fn rows_are_scored_in_the_leaf_they_were_learned_in() {
    // Learning asks bins, scoring asks thresholds: neighbours of cuts, extremes and holes must agree.
    let awkward =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 0.0, -0.0, 1e-45, -1e-45, 1.0, 1.0_f32.next_up()];
    let mut rng = rng(26);
    let mut draw =
        |_| if rng.random::<f32>() < 0.3 { awkward[rng.random_range(0..awkward.len())] } else { rng.random::<f32>().powi(9) };
    let columns: Vec<Vec<f32>> = (0..4).map(|_| (0..20_000).map(&mut draw).collect()).collect();
    let label: Vec<f32> =
        (0..20_000).map(|row| columns.iter().filter(|column| column[row] > 0.01).count() as f32 + (row % 9) as f32).collect();
    let matrix = numbers(columns);
    for bins in [2, 5, 255] {
        let settings = BoostParams { trees: 1, leaves: 100, min_child_rows: 2, bins, ..params(Objective::SquaredError) };
        let model = fit(&matrix, &label, &settings);
        let file = model.to_json();
        let found = margins(&model, &matrix);
        // Two leaves may happen to have one value: rows are compared by value.
        let (mut learned, mut scored) = (BTreeMap::new(), BTreeMap::new());
        for leaf in file["trees"][0]["leaves"].as_array().unwrap() {
            let margin = file["start"].as_f64().unwrap() + leaf["value"].as_f64().unwrap();
            *learned.entry(margin.to_bits()).or_insert(0) += leaf["rows"].as_u64().unwrap();
        }
        found.iter().for_each(|margin| *scored.entry(margin.to_bits()).or_insert(0) += 1);
        assert_eq!(learned, scored, "{bins} bins");
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let matrix = mixed(100, 24);
    let label = mixed_label(&matrix);
    let examples = Examples { matrix: &matrix, label: &label, weight: None };
    for param in PARAMS {
        for wrong in [param.min - 1.0, param.max * 2.0 + 1.0] {
            let mut file = serde_json::to_value(BoostParams::default()).unwrap();
            // Whole numbers below zero do not even parse.
            file[param.name] = if file[param.name].is_u64() { json!(wrong.max(0.0) as u64) } else { json!(wrong) };
            let settings: BoostParams = serde_json::from_value(file).unwrap();
            match Booster::fit(&examples, None, &settings, &RUN) {
                Err(FitError::Param { name, .. }) => assert_eq!(name, param.name),
                other => assert!(param.min == 0.0 && wrong < 0.0, "{} = {wrong}: {other:?}", param.name),
            }
        }
    }
    for objective in [Objective::Tweedie { power: 2.0 }, Objective::Quantile { level: f64::NAN }] {
        let refused = Booster::fit(&examples, None, &params(objective), &RUN);
        assert!(matches!(refused, Err(FitError::Param { .. })), "{refused:?}");
    }
}

#[test]
fn data_that_cannot_be_learned_is_refused_in_words() {
    let matrix = mixed(100, 25);
    let label = mixed_label(&matrix);
    let refusal = |label: &[f32], weight: Option<&[f32]>, params: &BoostParams| {
        Booster::fit(&Examples { matrix: &matrix, label, weight }, None, params, &RUN).unwrap_err().to_string()
    };
    let squared = params(Objective::SquaredError);
    assert!(refusal(&label[..99], None, &squared).contains("100 rows of features but 99"));
    assert!(refusal(&[f32::NAN; 100], None, &squared).contains("row 0 has label NaN"));
    assert!(refusal(&[2.0; 100], None, &params(Objective::Logistic)).contains("allowed is 0 to 1"));
    assert!(refusal(&[-1.0; 100], None, &params(Objective::Poisson)).contains("allowed is 0 and above"));
    assert!(refusal(&label, Some(&[-1.0; 100]), &squared).contains("has weight -1"));
    assert!(refusal(&label, Some(&[0.0; 100]), &squared).contains("no row with a positive weight"));
    let mut bent = squared.clone();
    bent.monotone.insert("word".to_owned(), perennial_learn::learner::boost::Monotone::Rising);
    assert!(refusal(&label, None, &bent).contains("\"word\" is not a number"));
    let empty = Matrix::new(Schema::numbers(&[]), Vec::new()).unwrap();
    assert!(Booster::fit(&Examples { matrix: &empty, label: &[], weight: None }, None, &squared, &RUN).is_err());
    // Nothing to tell rows apart by: a model of no trees that answers the mean.
    let flat = super::numbers(vec![vec![1.0; 50], vec![f32::NAN; 50]]);
    let flat_label: Vec<f32> = (0..50).map(|row| row as f32).collect();
    let model = fit(&flat, &flat_label, &squared);
    assert_eq!((model.trees(), margins(&model, &flat)[0]), (0, 24.5));
    assert_eq!(model.shap(&flat, 1).unwrap().bias, 24.5);
}
