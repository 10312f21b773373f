//! The booster from outside: what it learns, what it promises, what it refuses.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contributions;
mod file;
mod learning;
mod peer;
mod promises;
mod table;

use perennial_contract::estimator::Run;
use perennial_learn::learner::boost::{BoostParams, Booster, Column, Examples, Feature, Kind, Matrix, Objective, Schema};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

pub const RUN: Run = Run { seed: 1, threads: 2, horizon_days: 90, season: None };

pub fn rng(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}

/// A matrix of numbers only, one vector per column.
pub fn numbers(columns: Vec<Vec<f32>>) -> Matrix {
    let names: Vec<String> = (0..columns.len()).map(|column| format!("f{column}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Matrix::new(Schema::numbers(&names), columns.into_iter().map(Column::Number).collect()).unwrap()
}

/// One number, one with missing values, one category of five, all uniform.
pub fn mixed(rows: usize, seed: u64) -> Matrix {
    let mut rng = rng(seed);
    let number = Column::Number((0..rows).map(|_| rng.random::<f32>()).collect());
    let holes = (0..rows).map(|_| if rng.random::<f32>() < 0.3 { f32::NAN } else { rng.random::<f32>() }).collect();
    let codes = Column::Category((0..rows).map(|_| rng.random_range(0..5)).collect());
    let features = vec![
        Feature { name: "number".to_owned(), kind: Kind::Number },
        Feature { name: "holes".to_owned(), kind: Kind::Number },
        Feature { name: "word".to_owned(), kind: Kind::Category(["a", "b", "c", "d", "e"].map(str::to_owned).to_vec()) },
    ];
    Matrix::new(Schema { features }, vec![number, Column::Number(holes), codes]).unwrap()
}

/// A label all three columns of [`mixed`] have a part in.
pub fn mixed_label(matrix: &Matrix) -> Vec<f32> {
    let [Column::Number(number), Column::Number(holes), Column::Category(codes)] = matrix.columns() else {
        unreachable!("mixed has these three columns")
    };
    let value = |row: usize| {
        let hole = if holes[row].is_nan() { 2.0 } else { holes[row] };
        3.0 * number[row] + hole * if codes[row] == 1 || codes[row] == 4 { 1.0 } else { -1.0 }
    };
    (0..matrix.rows()).map(value).collect()
}

pub fn params(objective: Objective) -> BoostParams {
    BoostParams { objective, trees: 30, leaves: 8, min_child_rows: 5, ..BoostParams::default() }
}

pub fn fit(matrix: &Matrix, label: &[f32], params: &BoostParams) -> Booster {
    Booster::fit(&Examples { matrix, label, weight: None }, None, params, &RUN).unwrap()
}

pub fn margins(model: &Booster, matrix: &Matrix) -> Vec<f64> {
    model.predict_margin(matrix, 1).unwrap()
}
