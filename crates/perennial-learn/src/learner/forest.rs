//! Will the customer leave? One tree that a person can read, or the mean of many deep ones.
//!
//! Assumes  rows independent given the features; nothing is carried beyond the values seen in training.
//! Input    a feature table with `label_churn`; missing values and text columns as they are.
//! Output   `p_churn`; exact Shapley values of the averaged probability, told in log-odds (see `log_odds`).
//! Cost     trees × rows × features × log2(leaves) / 2 additions; no tree waits for another's margins.
//! Ref      Breiman, Friedman, Olshen & Stone (1984), CART; Breiman (2001), Machine Learning 45(1); leaf shares as in Cestnik (1990), ECAI.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{
    Contributions, Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::boost::{BoostParams, Booster, Ensemble, Examples, Explainer, Matrix, Objective, Schema};
use super::encode::feature_names;
use super::logistic::churn_labels;
use super::windows;

/// No leaf is sure: so many rows of the overall share are added to its own.
const PRIOR_ROWS: f64 = 2.0;
/// Keeps log-odds finite.
const P_MIN: f64 = 1e-6;

const fn param(name: &'static str, default: f64, (min, max): (f64, f64), help: &'static str) -> Param {
    Param { name, default, min, max, help }
}

/// One tree on every feature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TreeChurn {
    pub leaves: usize,
    pub min_child_rows: usize,
}

impl Default for TreeChurn {
    fn default() -> Self {
        Self { leaves: 24, min_child_rows: 200 }
    }
}

/// Many trees, each on a share of the rows, each split on a share of the features.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForestChurn {
    pub trees: usize,
    pub leaves: usize,
    pub min_child_rows: usize,
    pub split_fraction: f64,
    pub bagging_fraction: f64,
}

impl Default for ForestChurn {
    fn default() -> Self {
        Self { trees: 100, leaves: 128, min_child_rows: 50, split_fraction: 0.3, bagging_fraction: 0.632 }
    }
}

/// Gini's gain is the variance saved: squared error on labels of 0 and 1.
fn averaging() -> BoostParams {
    BoostParams {
        objective: Objective::SquaredError,
        ensemble: Ensemble::Averaged,
        lambda_l2: PRIOR_ROWS,
        ..BoostParams::default()
    }
}

impl Estimator for TreeChurn {
    const NAME: &'static str = "tree_churn";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[
        param("leaves", 24.0, (2.0, 1024.0), "leaves of the tree, at most"),
        param("min_child_rows", 200.0, (1.0, 1e9), "training rows a leaf must hold, at most one in 100 of them"),
    ];
    type Model = ForestModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<ForestModel, FitError> {
        let Self { leaves, min_child_rows } = *self;
        ForestModel::fit(train, BoostParams { trees: 1, leaves, min_child_rows, ..averaging() }, run)
    }
}

impl Estimator for ForestChurn {
    const NAME: &'static str = "forest_churn";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[
        param("trees", 100.0, (1.0, 10_000.0), "trees to grow"),
        param("leaves", 128.0, (2.0, 1024.0), "leaves of a tree, at most"),
        param("min_child_rows", 50.0, (1.0, 1e9), "training rows a leaf must hold, at most one in 100 of them"),
        param("split_fraction", 0.3, (0.01, 1.0), "share of the features each split may choose from"),
        param("bagging_fraction", 0.632, (0.01, 1.0), "share of the rows each tree learns from; 0.632 is what a bootstrap holds"),
    ];
    type Model = ForestModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<ForestModel, FitError> {
        let Self { trees, leaves, min_child_rows, split_fraction, bagging_fraction } = *self;
        let params = BoostParams { trees, leaves, min_child_rows, split_fraction, bagging_fraction, ..averaging() };
        ForestModel::fit(train, params, run)
    }
}

/// Trees whose values add up to a probability.
#[derive(Clone, Debug)]
pub struct ForestModel {
    booster: Booster,
    needs: Vec<String>,
}

impl ForestModel {
    fn fit(train: &Table, params: BoostParams, run: &Run) -> Result<Self, FitError> {
        let rows = windows::labelled(train, column::LABEL_CHURN)?;
        let labels: Vec<f32> = churn_labels(&rows)?.into_iter().map(|label| label as f32).collect();
        let names = feature_names(&rows);
        if names.is_empty() {
            return Err(FitError::Refused("no feature column to learn from".to_owned()));
        }
        let matrix = Matrix::from_table(&rows, &Arc::new(Schema::learn(&rows, &names)?))?;
        // What suits a hundred thousand rows grows no tree from a few thousand.
        let min_child_rows = params.min_child_rows.min(rows.rows() / 100).max(1);
        let examples = Examples { matrix: &matrix, label: &labels, weight: None };
        Ok(Self::of(Booster::fit(&examples, None, &BoostParams { min_child_rows, ..params }, run)?))
    }

    fn of(booster: Booster) -> Self {
        let needs = booster.schema().features.iter().map(|feature| feature.name.clone()).collect();
        Self { booster, needs }
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let booster = json.get("booster").ok_or_else(|| LoadError("it lacks \"booster\"".to_owned()))?;
        let booster = Booster::from_json(booster)?;
        if booster.objective() != Objective::SquaredError {
            return Err(LoadError("its trees do not add up to a probability: their objective is not squared_error".to_owned()));
        }
        Ok(Self::of(booster))
    }
}

impl Model for ForestModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(ForestScorer { model: self, explainer: None })
    }

    fn to_json(&self) -> Value {
        json!({ "booster": self.booster.to_json() })
    }
}

struct ForestScorer<'model> {
    model: &'model ForestModel,
    /// Trees taken apart, on the first question why.
    explainer: Option<Explainer<'model>>,
}

fn probability(sum: f64) -> f64 {
    sum.clamp(P_MIN, 1.0 - P_MIN)
}

fn logit(p: f64) -> f64 {
    libm::log(p / (1.0 - p))
}

/// The same reasons told in log-odds: the contributions of a row are multiplied by one factor, the slope of the line from the mean
/// probability to the row's own, so that their signs and shares stay and they add up to its log-odds.
fn log_odds(mut reasons: Contributions, sums: &[f64]) -> Contributions {
    let mean = probability(reasons.bias);
    let width = reasons.features.len();
    for (values, sum) in reasons.values.chunks_mut(width.max(1)).zip(sums) {
        let moved: f64 = values.iter().sum();
        let rise = logit(probability(*sum)) - logit(mean);
        // Where nothing moved, reasons may still cancel each other; there the line is the tangent.
        let slope = if moved.abs() > 1e-12 { rise / moved } else { 1.0 / (mean * (1.0 - mean)) };
        values.iter_mut().for_each(|value| *value *= slope);
    }
    Contributions { bias: logit(mean), ..reasons }
}

impl Scorer for ForestScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let booster = &self.model.booster;
        let sums = booster.predict_margin(&Matrix::from_table(rows, booster.schema())?, 1)?;
        let answer: Float64Array = sums.into_iter().map(|sum| Some(probability(sum))).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(answer))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        let booster = &self.model.booster;
        let matrix = Matrix::from_table(rows, booster.schema())?;
        let explainer = self.explainer.get_or_insert_with(|| Explainer::of(booster));
        Ok(Some(log_odds(explainer.explain(&matrix, 1)?, &booster.predict_margin(&matrix, 1)?)))
    }
}
