//! Beside LightGBM 4.7.0 on the same rows and settings: as good on rows neither has seen. `fixture/make.py` made its answers.

use std::collections::BTreeMap;

use perennial_learn::learner::boost::{BoostParams, Column, Feature, Kind, Matrix, Objective, Schema};
use serde::Deserialize;

use super::{fit, margins};

const ROWS: usize = 60_000;
const TRAIN: usize = 20_000;

#[derive(Deserialize)]
struct Answer {
    label_sum: f64,
    loss: f64,
    auroc: Option<f64>,
    /// Of the first test rows.
    margins: Vec<f64>,
}

fn answers() -> BTreeMap<String, Answer> {
    serde_json::from_str(include_str!("fixture/lightgbm.json")).unwrap()
}

/// Uniform in 0..1, the same bits as in `make.py`.
fn noise(column: u64) -> Vec<f64> {
    let at = |place: u64| {
        let mut z = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (column + 1).wrapping_mul(0xd1b5_4a32_d192_ed03);
        for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb), (31, 1)] {
            z = (z ^ (z >> shift)).wrapping_mul(factor);
        }
        (z >> 40) as f64 / (1 << 24) as f64
    };
    (0..ROWS as u64).map(at).collect()
}

struct Rows {
    train: Matrix,
    test: Matrix,
    labels: BTreeMap<&'static str, Vec<f32>>,
}

fn rows() -> Rows {
    let u: Vec<Vec<f64>> = (0..10).map(noise).collect();
    let each = |value: &dyn Fn(usize) -> f64| (0..ROWS).map(value).collect::<Vec<f64>>();
    let gone = |row: usize| u[6][row] < 0.2;
    let count = each(&|row| (20.0 * u[0][row].powi(3)).floor());
    let holes = each(&|row| if gone(row) { f64::NAN } else { 10.0 * u[1][row] });
    let code = each(&|row| (8.0 * u[2][row]).floor());
    let margin = |row: usize| {
        let hole = if gone(row) { 1.5 } else { 0.3 * f64::from(u8::from(holes[row] > 5.0)) };
        -1.0 + 0.25 * count[row] + hole - 3.0 * u[3][row] * f64::from(u8::from(code[row] % 3.0 == 1.0))
    };
    let floats = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect::<Vec<f32>>();
    let mean = |row: usize| 40.0 * (1.0 + count[row]) * if gone(row) { 2.0 } else { 1.0 };
    let spend = floats(each(&|row| if u[7][row] < 0.5 { 0.0 } else { mean(row) * u[8][row] * 4.0 }));
    let labels = BTreeMap::from([
        ("logistic", floats(each(&|row| f64::from(u8::from(1.0 / (1.0 + (-margin(row)).exp()) > u[5][row]))))),
        ("tweedie", spend.clone()),
        ("squared_error", spend.clone()),
        ("quantile", spend),
        ("poisson", floats(each(&|row| (6.0 * u[9][row] * if code[row] > 4.0 { 2.0 } else { 1.0 }).floor()))),
    ]);
    let number = |name: &str| Feature { name: name.to_owned(), kind: Kind::Number };
    let kept = (0..8).map(|code| code.to_string()).collect();
    let mut features = ["count", "holes", "amount", "noise"].map(number).to_vec();
    features.push(Feature { name: "code".to_owned(), kind: Kind::Category(kept) });
    let numbers = [floats(count), floats(holes), floats(each(&|row| 5.0 * u[3][row])), floats(u[4].clone())];
    let part = |rows: std::ops::Range<usize>| {
        let mut columns: Vec<Column> = numbers.iter().map(|values| Column::Number(values[rows.clone()].to_vec())).collect();
        columns.push(Column::Category(code[rows].iter().map(|code| *code as u8).collect()));
        Matrix::new(Schema { features: features.clone() }, columns).unwrap()
    };
    Rows { train: part(0..TRAIN), test: part(TRAIN..ROWS), labels }
}

/// Share of (1, 0) pairs in the right order, ties at half.
fn auroc(margins: &[f64], label: &[f32]) -> f64 {
    let of = |wanted: f32| margins.iter().zip(label).filter(move |pair| *pair.1 == wanted).map(|pair| *pair.0);
    let mut zeros: Vec<f64> = of(0.0).collect();
    zeros.sort_by(f64::total_cmp);
    let below = |one: f64| zeros.partition_point(|zero| *zero < one) + zeros.partition_point(|zero| *zero <= one);
    of(1.0).map(below).sum::<usize>() as f64 / 2.0 / zeros.len() as f64 / of(1.0).count() as f64
}

fn loss(objective: Objective, margins: &[f64], label: &[f32]) -> f64 {
    let one = |(margin, label): (&f64, &f32)| {
        let y = f64::from(*label);
        match objective {
            Objective::Logistic => margin.exp().ln_1p() - y * margin,
            Objective::SquaredError => (margin - y).powi(2),
            Objective::Poisson => margin.exp() - y * margin,
            Objective::Tweedie { power } => {
                ((2.0 - power) * margin).exp() / (2.0 - power) - y * ((1.0 - power) * margin).exp() / (1.0 - power)
            }
            Objective::Quantile { level } => (y - margin) * if y < *margin { level - 1.0 } else { level },
        }
    };
    margins.iter().zip(label).map(one).sum::<f64>() / label.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>();
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}

#[test]
fn as_good_as_lightgbm_on_rows_not_seen() {
    let (rows, answers) = (rows(), answers());
    for (name, objective) in [
        ("logistic", Objective::Logistic),
        ("tweedie", Objective::Tweedie { power: 1.5 }),
        ("squared_error", Objective::SquaredError),
        ("poisson", Objective::Poisson),
        ("quantile", Objective::Quantile { level: 0.8 }),
    ] {
        let (label, peer) = (&rows.labels[name], &answers[name]);
        let sum: f64 = label.iter().map(|label| f64::from(*label)).sum();
        assert!((sum / peer.label_sum - 1.0).abs() < 1e-9, "{name}: the label is not the peer's: {sum} for {}", peer.label_sum);
        let settings = BoostParams { objective, trees: 60, leaves: 15, min_child_rows: 20, ..BoostParams::default() };
        let found = margins(&fit(&rows.train, &label[..TRAIN], &settings), &rows.test);
        let (ours, theirs) = (loss(objective, &found, &label[TRAIN..]), peer.loss);
        let alike = correlation(&found[..peer.margins.len()], &peer.margins);
        println!("{name}: loss {ours:.5} beside {theirs:.5}, correlation of margins {alike:.4}");
        assert!((ours - theirs) / theirs.abs() < 0.005, "{name}: loss {ours} beside {theirs}");
        assert!(alike > 0.97, "{name}: correlation {alike}");
        if let Some(theirs) = peer.auroc {
            let ours = auroc(&found, &label[TRAIN..]);
            println!("AUROC {ours:.5} beside {theirs:.5}");
            assert!((ours - theirs).abs() < 0.001, "AUROC {ours} beside {theirs}");
        }
    }
}
