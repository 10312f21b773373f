//! Logistic regression: the baseline L(t) = f(R, E, C), and an elastic net over every feature.
//!
//! Assumes  log-odds of churn are additive in the (logged, standardised) features.
//! Input    a feature table with `label_churn`; the baseline reads days since the last order, spend and orders.
//! Output   `p_churn` [rows]; contributions to the log-odds that add up exactly.
//! Cost     see `linear`; the penalty is chosen on the last training window, eight fits from warm starts on at most 30,000 rows.
//! Ref      Hosmer & Lemeshow (2000), Applied Logistic Regression, §2.4 (standard errors); Zou & Hastie (2005), JRSS B 67.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{
    Contributions, Estimator, FitError, FitSummary, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column,
};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::encode::{Encoder, Encoding, Scale, Skew, feature_names};
use super::linear::{Penalty, Problem, TOLERANCE, Weights, inverse, logistic_loss, sigmoid};
use super::windows;

/// Fewer leavers or stayers than this carry no model.
pub const CLASS_ROWS_MIN: usize = 30;
/// Rows the penalty is chosen on, at most; beyond that every k-th customer.
const TUNING_ROWS_MAX: usize = 30_000;
const LAMBDAS: usize = 8;
/// Which penalty is best shows long before the last digits of the coefficients do.
const TUNING_TOLERANCE: f64 = 1e-6;

/// The baseline row: three numbers, no penalty to speak of, standard errors.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticRfm {}

/// Every feature, the useless ones dropped by the penalty.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logistic {
    pub l1_ratio: f64,
    pub lambda: f64,
}

impl Default for Logistic {
    fn default() -> Self {
        Self { l1_ratio: 0.5, lambda: 0.0 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticModel {
    encoder: Encoder,
    intercept: f64,
    coefficients: Vec<f64>,
    /// Of the intercept, then of each coefficient, on the standardised scale: the covariance, row-major. Empty under a penalty.
    covariance: Vec<f64>,
    lambda: f64,
    l1_ratio: f64,
    log_likelihood: f64,
    rows: usize,
    #[serde(skip)]
    needs: Vec<String>,
}

impl Estimator for LogisticRfm {
    const NAME: &'static str = "logistic_rfm";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[];
    type Model = LogisticModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<LogisticModel, FitError> {
        let names = [column::DAYS_SINCE_LAST_ORDER, column::SPEND_CENTS, column::ORDERS].map(str::to_owned);
        let train = windows::labelled(train, column::LABEL_CHURN)?;
        let labels = churn_labels(&train)?;
        let encoder = Encoder::fit(&train, &names, Skew::Log)?;
        let points = encoder.encode(&train)?;
        let problem = Problem { points: &points, labels: &labels, threads: run.threads, tolerance: TOLERANCE };
        // So small a ridge changes no digit anybody reads, and keeps perfectly separated data finite.
        let penalty = Penalty { lambda: 1e-9, alpha: 0.0 };
        let weights = problem.solve(penalty, Weights::zero(points.width));
        let mut model = LogisticModel::of(encoder, &weights, penalty, &problem);
        let information: Vec<f64> = problem.curvature(&weights, 1).iter().map(|cell| cell * labels.len() as f64).collect();
        model.covariance = inverse(&information, points.width + 1).unwrap_or_default();
        Ok(model)
    }
}

impl Estimator for Logistic {
    const NAME: &'static str = "logistic";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[
        Param { name: "l1_ratio", default: 0.5, min: 0.0, max: 1.0, help: "mix of the penalty: 1 lasso, 0 ridge" },
        Param {
            name: "lambda",
            default: 0.0,
            min: 0.0,
            max: 10.0,
            help: "strength of the penalty; 0 chooses it on the last training window",
        },
    ];
    type Model = LogisticModel;

    fn settled(&self, train: &Table, run: &Run) -> Result<Self, FitError> {
        if self.lambda > 0.0 {
            return Ok(*self);
        }
        let train = windows::labelled(train, column::LABEL_CHURN)?;
        churn_labels(&train)?;
        Ok(Self { lambda: self.choose_lambda(&train, &feature_names(&train), run)?, ..*self })
    }

    fn fit(&self, train: &Table, run: &Run) -> Result<LogisticModel, FitError> {
        let Self { lambda, .. } = self.settled(train, run)?;
        let train = windows::labelled(train, column::LABEL_CHURN)?;
        let labels = churn_labels(&train)?;
        let names = feature_names(&train);
        let encoder = Encoder::fit(&train, &names, Skew::LogIfSkewed)?;
        let points = encoder.encode(&train)?;
        let problem = Problem { points: &points, labels: &labels, threads: run.threads, tolerance: TOLERANCE };
        let penalty = Penalty { lambda, alpha: self.l1_ratio };
        let weights = problem.solve(penalty, Weights::zero(points.width));
        Ok(LogisticModel::of(encoder, &weights, penalty, &problem))
    }
}

impl Logistic {
    /// The penalty with the least log loss on the last window, learned from windows that were closed when it began;
    /// with one window only, on a fifth of the customers.
    fn choose_lambda(&self, train: &Table, names: &[String], run: &Run) -> Result<f64, FitError> {
        let hashes = windows::customer_hash(train)?;
        let stride = (train.rows() / TUNING_ROWS_MAX + 1) as u64;
        // The high half of the hash picks customers, the low half folds, so that the two do not interfere.
        let train = windows::take(train, |row| (hashes[row] >> 32).is_multiple_of(stride))?;
        let cut = windows::by_time(&train, run.horizon_days)?;
        let (learn, judge) = match cut.early {
            Some(early) => (early, cut.last),
            None => {
                let hashes = windows::customer_hash(&train)?;
                (windows::take(&train, |row| hashes[row] % 5 != 0)?, windows::take(&train, |row| hashes[row] % 5 == 0)?)
            }
        };
        let encoder = Encoder::fit(&learn, names, Skew::LogIfSkewed)?;
        let (points, judged) = (encoder.encode(&learn)?, encoder.encode(&judge)?);
        let (labels, judged_labels) = (learn.f64s(column::LABEL_CHURN)?, judge.f64s(column::LABEL_CHURN)?);
        let problem = Problem { points: &points, labels: &labels, threads: run.threads, tolerance: TUNING_TOLERANCE };
        let mut weights = Weights::zero(points.width);
        let (mut best, mut chosen) = (f64::INFINITY, 1e-3);
        let top = strongest_pull(&points.values, points.width, &labels) / self.l1_ratio.max(0.01);
        for power in 1..=LAMBDAS {
            let lambda = top * libm::pow(10.0, -0.5 * power as f64);
            weights = problem.solve(Penalty { lambda, alpha: self.l1_ratio }, weights);
            let loss: f64 =
                judged_labels.iter().enumerate().map(|(row, &y)| logistic_loss(weights.margin(judged.row(row)), y)).sum();
            if loss < best {
                (best, chosen) = (loss, lambda);
            }
        }
        Ok(chosen)
    }
}

/// The λα at which the first coefficient leaves zero.
fn strongest_pull(values: &[f64], width: usize, labels: &[f64]) -> f64 {
    let mean = labels.iter().sum::<f64>() / labels.len().max(1) as f64;
    let mut pull = vec![0.0; width];
    for (row, label) in values.chunks_exact(width.max(1)).zip(labels) {
        for (sum, x) in pull.iter_mut().zip(row) {
            *sum += x * (label - mean);
        }
    }
    pull.iter().fold(0.0_f64, |most, p| most.max(p.abs())).max(1e-6) / labels.len().max(1) as f64
}

/// The labels as 0 or 1, enough of both; no null (see [`windows::labelled`]).
pub fn churn_labels(train: &Table) -> Result<Vec<f64>, FitError> {
    let labels = train.f64s(column::LABEL_CHURN)?;
    if let Some(odd) = labels.iter().find(|&&label| label != 0.0 && label != 1.0) {
        return Err(FitError::Refused(format!("{} holds {odd}, allowed are 0 (stayed) and 1 (left)", column::LABEL_CHURN)));
    }
    let left = labels.iter().filter(|&&label| label == 1.0).count();
    let stayed = labels.len() - left;
    if left.min(stayed) < CLASS_ROWS_MIN {
        return Err(FitError::Refused(format!(
            "{left} customers left and {stayed} ordered again in the training windows; at least {CLASS_ROWS_MIN} of each are needed"
        )));
    }
    Ok(labels)
}

impl LogisticModel {
    fn of(encoder: Encoder, weights: &Weights, penalty: Penalty, problem: &Problem<'_>) -> Self {
        let losses = problem.labels.iter().enumerate().map(|(i, &y)| logistic_loss(weights.margin(problem.points.row(i)), y));
        Self {
            needs: encoder.names(),
            encoder,
            intercept: weights.intercept,
            coefficients: weights.beta.clone(),
            covariance: Vec::new(),
            lambda: penalty.lambda,
            l1_ratio: penalty.alpha,
            log_likelihood: -losses.sum::<f64>(),
            rows: problem.labels.len(),
        }
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let mut model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        model.encoder.check().map_err(LoadError)?;
        let (has, wants) = (model.coefficients.len(), model.encoder.width());
        if has != wants {
            return Err(LoadError(format!("{has} coefficients for {wants} encoded columns")));
        }
        if !model.covariance.is_empty() && model.covariance.len() != (wants + 1) * (wants + 1) {
            return Err(LoadError(format!("covariance has {} cells for {wants} coefficients", model.covariance.len())));
        }
        let numbers = model.coefficients.iter().chain(&model.covariance).chain([&model.intercept]);
        if let Some(odd) = numbers.into_iter().find(|number| !number.is_finite()) {
            return Err(LoadError(format!("a coefficient is {odd}, allowed are finite numbers")));
        }
        model.needs = model.encoder.names();
        Ok(model)
    }

    /// Log-odds of churn.
    pub(super) fn margins(&self, rows: &Table) -> Result<Vec<f64>, TableError> {
        let (points, weights) = (self.encoder.encode(rows)?, self.weights());
        Ok((0..rows.rows()).map(|row| weights.margin(points.row(row))).collect())
    }

    fn weights(&self) -> Weights {
        Weights { intercept: self.intercept, beta: self.coefficients.clone() }
    }

    /// What one standardised unit of output j is in units of the scaled column, and the column's mean there.
    fn units(&self) -> Vec<(String, f64, f64)> {
        let mut units = Vec::new();
        for column in &self.encoder.columns {
            match &column.encoding {
                Encoding::Number { scale, mean, sd, flags_missing, .. } => {
                    let name = if *scale == Scale::SignedLog { format!("ln(1+{})", column.name) } else { column.name.clone() };
                    units.push((name, *mean, *sd));
                    if *flags_missing {
                        units.push((format!("{} is missing", column.name), 0.0, 1.0));
                    }
                }
                Encoding::OneHot { categories } => {
                    units.extend(categories.iter().map(|category| (format!("{} = {category}", column.name), 0.0, 1.0)));
                }
            }
        }
        units
    }
}

impl Model for LogisticModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(LogisticScorer { model: self, weights: self.weights() })
    }

    fn to_json(&self) -> Value {
        // Numbers that were checked to be finite, strings and lists always have a JSON form.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Coefficients in units of the (logged) columns, with standard errors from the inverse information matrix.
    /// They take rows as independent; several cut-offs of one customer are not, so with those they are too small.
    fn summary(&self) -> Option<FitSummary> {
        let size = self.coefficients.len() + 1;
        if self.covariance.len() != size * size {
            return None;
        }
        let units = self.units();
        let mut parameters = serde_json::Map::new();
        let mut standard_errors = serde_json::Map::new();
        // Intercept in column units: b0 − Σ βj mean_j / sd_j; the same linear map gives its variance. Last index is the intercept.
        let map: Vec<f64> = units.iter().map(|(_, mean, sd)| -mean / sd).chain([1.0]).collect();
        let beta = self.coefficients.iter().chain([&self.intercept]);
        let intercept: f64 = map.iter().zip(beta).map(|(m, b)| m * b).sum();
        let mut variance = 0.0;
        for (i, a) in map.iter().enumerate() {
            variance += map.iter().enumerate().map(|(j, b)| a * b * self.covariance[i * size + j]).sum::<f64>();
        }
        parameters.insert("intercept".to_owned(), intercept.into());
        standard_errors.insert("intercept".to_owned(), variance.max(0.0).sqrt().into());
        for (j, (name, _, sd)) in units.iter().enumerate() {
            parameters.insert(name.clone(), (self.coefficients[j] / sd).into());
            standard_errors.insert(name.clone(), (self.covariance[j * size + j].max(0.0).sqrt() / sd).into());
        }
        Some(FitSummary {
            model: LogisticRfm::NAME.to_owned(),
            parameters,
            standard_errors,
            log_likelihood: self.log_likelihood,
            rows: self.rows,
            extra: serde_json::Map::new(),
        })
    }
}

struct LogisticScorer<'model> {
    model: &'model LogisticModel,
    weights: Weights,
}

impl Scorer for LogisticScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let points = self.model.encoder.encode(rows)?;
        let p = (0..rows.rows()).map(|row| sigmoid(self.weights.margin(points.row(row))));
        let p: Float64Array = p.map(Some).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        let points = self.model.encoder.encode(rows)?;
        let features = self.model.encoder.names();
        let sources = self.model.encoder.sources();
        let mut values = vec![0.0; rows.rows() * features.len()];
        for row in 0..rows.rows() {
            for (output, x) in points.row(row).iter().enumerate() {
                values[row * features.len() + sources[output]] += x * self.weights.beta[output];
            }
        }
        Ok(Some(Contributions { features, bias: self.model.intercept, values }))
    }
}
