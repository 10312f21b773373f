//! Our side of `bench/boost/run.sh`: learns the table in a folder and prints one line of JSON.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads files and a clock; the library does not"
)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use perennial_contract::estimator::Run;
use perennial_learn::learner::boost::{BoostParams, Booster, Column, Examples, Matrix, Schema};

const COLUMNS: usize = 50;
const SHAP_ROWS: usize = 5_000;

type Error = Box<dyn std::error::Error>;

fn floats(path: &Path) -> Result<Vec<f32>, Error> {
    Ok(fs::read(path)?.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn read(folder: &Path, name: &str, rows_max: usize) -> Result<(Matrix, Vec<f32>), Error> {
    let mut label = floats(&folder.join(format!("{name}_y.f32")))?;
    let values = floats(&folder.join(format!("{name}_x.f32")))?;
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("f{column:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = label.len().min(rows_max);
    let columns = values.chunks(label.len()).map(|column| Column::Number(column[..rows].to_vec())).collect();
    label.truncate(rows);
    Ok((Matrix::new(Schema::numbers(&names), columns)?, label))
}

/// CPU seconds of this process so far; Linux counts them in hundredths.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time are fields 14 and 15; two stand before the name's end.
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Mann–Whitney with ties at half.
fn auroc(scores: &[f64], label: &[f32]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut rank_sum, mut positives, mut start) = (0.0, 0.0, 0);
    while start < order.len() {
        let tied = order[start..].iter().take_while(|row| scores[**row].to_bits() == scores[order[start]].to_bits()).count();
        let rank = start as f64 + (tied as f64 + 1.0) / 2.0;
        let ones: f64 = order[start..start + tied].iter().map(|row| f64::from(label[*row])).sum();
        (rank_sum, positives, start) = (rank_sum + rank * ones, positives + ones, start + tied);
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * (label.len() as f64 - positives))
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, trees, threads] = arguments.as_slice() else {
        return Err("usage: boost_bench FOLDER TREES THREADS".into());
    };
    let (trees, threads): (usize, usize) = (trees.parse()?, threads.parse()?);
    let (train, label) = read(Path::new(folder), "train", usize::MAX)?;
    let (test, test_label) = read(Path::new(folder), "test", usize::MAX)?;
    let run = Run { seed: 1, threads, horizon_days: 90, season: None };
    let params = BoostParams { trees, leaves: 63, ..BoostParams::default() };
    let (at, cpu) = (Instant::now(), cpu_s());
    let model = Booster::fit(&Examples { matrix: &train, label: &label, weight: None }, None, &params, &run)?;
    let (fit_s, fit_cpu_s) = (at.elapsed().as_secs_f64(), cpu_s() - cpu);
    let at = Instant::now();
    let margins = model.predict_margin(&test, threads)?;
    let predict_s = at.elapsed().as_secs_f64();
    let (few, _) = read(Path::new(folder), "test", SHAP_ROWS)?;
    let (at, cpu) = (Instant::now(), cpu_s());
    let parts = model.shap(&few, threads)?;
    let (shap_s, shap_cpu_s) = (at.elapsed().as_secs_f64(), cpu_s() - cpu);
    let sums = parts.values.chunks(COLUMNS).map(|row| row.iter().sum::<f64>() + parts.bias);
    let additivity = sums.zip(&margins).map(|(sum, margin)| (sum - margin).abs()).fold(0.0, f64::max);
    let loss =
        margins.iter().zip(&test_label).map(|(f, y)| f.max(0.0) + (-f.abs()).exp().ln_1p() - f64::from(*y) * f).sum::<f64>();
    let bytes = model.to_json().to_string();
    let print =
        bytes.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    println!(
        "{{\"side\": \"perennial\", \"fit_s\": {fit_s:.3}, \"fit_cpu_s\": {fit_cpu_s:.2}, \"auroc\": {:.5}, \"log_loss\": {:.5}, \"predict_rows_per_s\": {:.0}, \"shap_rows_per_s\": {:.0}, \"shap_cpu_s\": {shap_cpu_s:.2}, \"additivity\": {additivity:.1e}, \"model_bytes\": {}, \"model_fnv\": \"{print:016x}\"}}",
        auroc(&margins, &test_label),
        loss / test_label.len() as f64,
        test_label.len() as f64 / predict_s,
        SHAP_ROWS as f64 / shap_s,
        bytes.len(),
    );
    Ok(())
}
