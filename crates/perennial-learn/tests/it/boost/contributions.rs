//! Contributions are exact: they add up, and they are Shapley values by brute force.

use perennial_learn::learner::boost::{BoostParams, Booster, Column, Matrix, Objective};
use serde_json::Value;

use super::{fit, margins, mixed, mixed_label, numbers, params, rng};
use rand::RngExt;

/// The margin of `row` when only the features in `known` are known: the others are averaged by training rows.
fn margin_knowing(file: &Value, matrix: &Matrix, row: usize, known: u32) -> f64 {
    let tree = |tree: &Value| walk(tree, &side(tree, "root"), matrix, row, known);
    file["start"].as_f64().unwrap() + file["trees"].as_array().unwrap().iter().map(tree).sum::<f64>()
}

fn side(tree: &Value, name: &str) -> Value {
    match name {
        "root" if tree["nodes"].as_array().unwrap().is_empty() => serde_json::json!({"leaf": 0}),
        _ => serde_json::json!({"node": 0}),
    }
}

fn rows_below(tree: &Value, at: &Value) -> f64 {
    match at["leaf"].as_u64() {
        Some(leaf) => tree["leaves"][leaf as usize]["rows"].as_f64().unwrap(),
        None => {
            let node = &tree["nodes"][at["node"].as_u64().unwrap() as usize];
            rows_below(tree, &node["left"]) + rows_below(tree, &node["right"])
        }
    }
}

fn walk(tree: &Value, at: &Value, matrix: &Matrix, row: usize, known: u32) -> f64 {
    if let Some(leaf) = at["leaf"].as_u64() {
        return tree["leaves"][leaf as usize]["value"].as_f64().unwrap();
    }
    let node = &tree["nodes"][at["node"].as_u64().unwrap() as usize];
    let feature = node["feature"].as_u64().unwrap() as usize;
    let below = |side: &str| walk(tree, &node[side], matrix, row, known);
    if known >> feature & 1 == 0 {
        let (left, right) = (rows_below(tree, &node["left"]), rows_below(tree, &node["right"]));
        return (left * below("left") + right * below("right")) / (left + right);
    }
    let goes_left = match &matrix.columns()[feature] {
        Column::Number(values) => {
            let rule = &node["rule"]["at_most"];
            let value = f64::from(values[row]);
            if value.is_nan() { rule["missing_left"].as_bool().unwrap() } else { value <= rule["threshold"].as_f64().unwrap() }
        }
        Column::Category(codes) => {
            let code = usize::from(codes[row]);
            node["rule"]["in"][code / 64].as_u64().unwrap() >> (code % 64) & 1 == 1
        }
    };
    below(if goes_left { "left" } else { "right" })
}

/// Shapley's formula over all subsets.
fn shapley(value: impl Fn(u32) -> f64, features: usize) -> Vec<f64> {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let values: Vec<f64> = (0..1_u32 << features).map(value).collect();
    let share = |feature: usize| {
        (0..1_u32 << features).filter(|set| set >> feature & 1 == 0).fold(0.0, |sum, set| {
            let size = set.count_ones();
            let weight = factorial(size) * factorial(features as u32 - size - 1) / factorial(features as u32);
            sum + weight * (values[(set | 1 << feature) as usize] - values[set as usize])
        })
    };
    (0..features).map(share).collect()
}

fn assert_shapley(model: &Booster, matrix: &Matrix, rows: usize) {
    let (file, features) = (model.to_json(), matrix.columns().len());
    let parts = model.shap(matrix, 2).unwrap();
    assert!((parts.bias - margin_knowing(&file, matrix, 0, 0)).abs() < 1e-9);
    for row in 0..rows {
        let expected = shapley(|known| margin_knowing(&file, matrix, row, known), features);
        for (found, expected) in parts.values[row * features..][..features].iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-9, "row {row}: {found} for {expected}");
        }
    }
}

#[test]
fn contributions_are_shapley_values() {
    let matrix = mixed(500, 31);
    let model = fit(&matrix, &mixed_label(&matrix), &BoostParams { trees: 6, ..params(Objective::SquaredError) });
    assert_shapley(&model, &matrix, 20);
    let mut rng = rng(32);
    let columns: Vec<Vec<f32>> = (0..9).map(|_| (0..800).map(|_| rng.random()).collect()).collect();
    let label: Vec<f32> = (0..800).map(|row| columns.iter().map(|column| (column[row] * 4.0).sin()).product()).collect();
    let matrix = numbers(columns);
    let model = fit(&matrix, &label, &BoostParams { trees: 3, leaves: 40, ..params(Objective::SquaredError) });
    assert_shapley(&model, &matrix, 8);
}

#[test]
fn contributions_add_up_to_the_margin_on_deep_trees_too() {
    let mut rng = rng(33);
    let columns: Vec<Vec<f32>> = (0..30).map(|_| (0..3000).map(|_| rng.random::<f32>().powi(3)).collect()).collect();
    let label: Vec<f32> = (0..3000).map(|row| columns.iter().map(|column| column[row]).sum::<f32>().exp() / 1e4).collect();
    let matrix = numbers(columns);
    for objective in [Objective::SquaredError, Objective::Tweedie { power: 1.3 }] {
        let settings = BoostParams { trees: 40, leaves: 200, min_child_rows: 1, ..params(objective) };
        let model = fit(&matrix, &label, &settings);
        let parts = model.shap(&matrix, 2).unwrap();
        let largest = margins(&model, &matrix).iter().fold(1.0_f64, |most, margin| most.max(margin.abs()));
        for (row, margin) in margins(&model, &matrix).iter().enumerate() {
            let sum = parts.bias + parts.values[row * 30..][..30].iter().sum::<f64>();
            assert!((sum - margin).abs() <= 1e-9 && (sum - margin).abs() <= 1e-12 * largest, "row {row}: {sum} for {margin}");
        }
    }
}
