//! Boosted hazard: with which chance does it happen in each period, to those it has not happened to yet?
//!
//! Assumes  within a period the chance depends on period and covariates in steps and interactions; censoring independent given them.
//! Input    `duration`, `event` [n], covariates [n × p].
//! Output   hazard per period, hence a survival curve by row; hazards need not be proportional.
//! Cost     one boosting fit on rows × periods lived; beyond `CELLS_MAX` numbers, periods without an event are drawn and weighted up.
//! Ref      Singer & Willett (1993), Journal of Educational Statistics 18 (person-periods, logistic hazard); Friedman (2001) for the trees.

use perennial_contract::estimator::{FitError, Run, ScoreError};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::concordance::concordance;
use super::subjects::{Lives, Subjects};
use crate::learner::boost::{BoostParams, Booster, Column, Examples, Matrix, Objective, Schema};

/// Numbers the trees may learn from: person-periods times (covariates + 1).
const CELLS_MAX: usize = 40_000_000;
/// Rows whose periods are predicted together.
const BLOCK_ROWS: usize = 4096;
/// The feature that says which period it is, beside the covariates' own names.
const PERIOD: &str = "(period)";

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HazardParams {
    /// Periods, at most; each holds about equally many events.
    pub periods: usize,
    pub trees: usize,
    pub learning_rate: f64,
    pub leaves: usize,
}

impl Default for HazardParams {
    fn default() -> Self {
        Self { periods: 20, trees: 150, learning_rate: 0.05, leaves: 8 }
    }
}

#[derive(Clone, Debug)]
pub struct HazardModel {
    /// Last moment of each period; the first begins at 0.
    pub ends: Vec<f64>,
    booster: Booster,
    names: Vec<String>,
    /// Of its forecasts; they have the same bits with any number.
    threads: usize,
    /// Share of the periods without an event that was learned from.
    pub share_kept: f64,
}

/// Row-periods to learn from, by column.
struct PersonPeriods {
    columns: Vec<Vec<f32>>,
    label: Vec<f32>,
    weight: Vec<f32>,
}

/// Learn from the rows in `rows`.
pub fn fit(subjects: &Subjects, rows: &[u32], params: &HazardParams, run: &Run) -> Result<HazardModel, FitError> {
    subjects.carries("hazard")?;
    let ends = periods(&subjects.lives, rows, params.periods);
    let lived: usize = rows.iter().map(|row| period(&ends, subjects.lives.duration()[*row as usize]) + 1).sum();
    let share_kept = (CELLS_MAX as f64 / (lived * (subjects.width() + 1)) as f64).min(1.0);
    let data = expand(subjects, rows, (&ends, share_kept), run.seed);
    let examples = data.label.len();
    let matrix = matrix(&subjects.names, data.columns)?;
    let boosting = BoostParams {
        objective: Objective::Logistic,
        trees: params.trees,
        learning_rate: params.learning_rate,
        leaves: params.leaves,
        min_child_rows: (examples / 200).clamp(10, 400),
        lambda_l2: 1.0,
        ..BoostParams::default()
    };
    let examples = Examples { matrix: &matrix, label: &data.label, weight: Some(&data.weight) };
    let booster = Booster::fit(&examples, None, &boosting, run)?;
    Ok(HazardModel { ends, booster, names: subjects.names.clone(), threads: run.threads, share_kept })
}

fn matrix(names: &[String], columns: Vec<Vec<f32>>) -> Result<Matrix, FitError> {
    let names: Vec<&str> = std::iter::once(PERIOD).chain(names.iter().map(String::as_str)).collect();
    Matrix::new(Schema::numbers(&names), columns.into_iter().map(Column::Number).collect())
}

/// Ends of periods that hold about equally many events.
fn periods(lives: &Lives, rows: &[u32], most: usize) -> Vec<f64> {
    let rows = rows.iter().map(|row| *row as usize).filter(|row| lives.event()[*row]);
    let mut times: Vec<f64> = rows.map(|row| lives.duration()[row]).collect();
    times.sort_by(f64::total_cmp);
    let most = most.max(1);
    let mut ends: Vec<f64> = (1..=most).filter_map(|k| times.get((k * times.len()).div_ceil(most).max(1) - 1).copied()).collect();
    ends.dedup();
    ends
}

/// The period a duration falls into; one past the last for those who outlived it.
fn period(ends: &[f64], duration: f64) -> usize {
    ends.partition_point(|end| *end < duration)
}

/// One row per life and period. A period cut short by censoring counts by the share of it that was seen.
fn expand(subjects: &Subjects, rows: &[u32], (ends, share_kept): (&[f64], f64), seed: u64) -> PersonPeriods {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut data = PersonPeriods { columns: vec![Vec::new(); subjects.width() + 1], label: Vec::new(), weight: Vec::new() };
    for row in rows.iter().map(|row| *row as usize) {
        let (duration, is_event) = (subjects.lives.duration()[row], subjects.lives.event()[row]);
        let last = period(ends, duration);
        for (at, end) in ends.iter().enumerate().take(last + 1) {
            let begin = if at == 0 { 0.0 } else { ends[at - 1] };
            let happens = at == last && is_event;
            let seen = if happens || duration >= *end { 1.0 } else { (duration - begin) / (end - begin) };
            let is_kept = happens || share_kept >= 1.0 || random.random::<f64>() < share_kept;
            if seen <= 0.0 || !is_kept {
                continue;
            }
            data.columns[0].push(at as f32);
            for (column, value) in data.columns[1..].iter_mut().zip(subjects.row(row)) {
                column.push(*value as f32);
            }
            data.label.push(f32::from(u8::from(happens)));
            data.weight.push(if happens { 1.0 } else { (seen / share_kept) as f32 });
        }
    }
    data
}

impl HazardModel {
    /// P(it happens in the period | not before), row-major `rows × periods`.
    pub fn hazards(&self, subjects: &Subjects, rows: &[u32]) -> Result<Vec<f64>, ScoreError> {
        let mut hazards = Vec::with_capacity(rows.len() * self.ends.len());
        for block in rows.chunks(BLOCK_ROWS) {
            let pairs = || block.iter().flat_map(|row| (0..self.ends.len()).map(move |at| (*row as usize, at)));
            let mut columns = vec![pairs().map(|(_, at)| at as f32).collect::<Vec<f32>>()];
            columns.extend((0..subjects.width()).map(|j| pairs().map(|(row, _)| subjects.row(row)[j] as f32).collect()));
            // The columns are made for these very names.
            let matrix = matrix(&self.names, columns).map_err(|error| perennial_contract::table::TableError::Missing {
                name: error.to_string(),
                has: subjects.names.join(", "),
            })?;
            let margins = self.booster.predict_margin(&matrix, self.threads)?;
            hazards.extend(margins.into_iter().map(|margin| self.booster.objective().mean(margin)));
        }
        Ok(hazards)
    }

    /// P(it has not happened by the end of the period), row-major `rows × periods`.
    pub fn survival(&self, subjects: &Subjects, rows: &[u32]) -> Result<Vec<f64>, ScoreError> {
        let mut curve = self.hazards(subjects, rows)?;
        for row in curve.chunks_mut(self.ends.len()) {
            let mut left = 1.0;
            row.iter_mut().for_each(|cell| {
                left *= 1.0 - *cell;
                *cell = left;
            });
        }
        Ok(curve)
    }

    /// ln of the chance of what happened, period by period, and how well the expected time within the periods ranks the rows.
    pub fn judge(&self, subjects: &Subjects, rows: &[u32]) -> Result<Judged, FitError> {
        let failed = |error: ScoreError| FitError::Refused(error.to_string());
        let hazards = self.hazards(subjects, rows).map_err(failed)?;
        let (mut log_likelihood, mut risk) = (0.0, Vec::with_capacity(rows.len()));
        for (row, hazards) in rows.iter().map(|row| *row as usize).zip(hazards.chunks(self.ends.len())) {
            let (duration, is_event) = (subjects.lives.duration()[row], subjects.lives.event()[row]);
            let (mut left, mut expected, mut begin) = (1.0, 0.0, 0.0);
            for (end, hazard) in self.ends.iter().zip(hazards) {
                if begin < duration || begin == 0.0 {
                    let happens = is_event && duration <= *end;
                    let seen = if happens || duration >= *end { 1.0 } else { (duration - begin) / (end - begin) };
                    log_likelihood += if happens { libm::log(*hazard) } else { seen * libm::log1p(-hazard) };
                }
                expected += left * (end - begin);
                left *= 1.0 - hazard;
                begin = *end;
            }
            risk.push(-expected);
        }
        let lives = subjects.lives.take(rows.iter().map(|row| *row as usize));
        Ok(Judged { log_likelihood, concordance: concordance(&lives, &risk) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    pub log_likelihood: f64,
    pub concordance: Option<f64>,
}
