//! Boosted trees on every feature and on what the lifetime models expect: churn and value.
//!
//! Assumes  what a customer does next depends on features in steps and interactions; how customers age is left to the lifetime models.
//! Input    a feature table with `label_churn` or `label_spend_cents`; missing values and text columns as they are.
//! Output   `p_churn`, or `spend_cents`; exact contributions to the log-odds of churn, or to the logarithm of spend.
//! Cost     see `boost`; two lifetime fits.
//! Ref      Friedman (2001) for the trees; Jørgensen (1987) for the Tweedie deviance of amounts with many zeros.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{
    Contributions, Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column,
};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::boost::{BoostParams, Booster, Examples, Explainer, Matrix, Objective, Schema};
use super::encode::feature_names;
use super::lifetime_features::LifetimeFeatures;
use super::logistic::{CLASS_ROWS_MIN, churn_labels};
use super::windows;

/// Where the rows would allow fewer.
const TREES_FEWEST: usize = 30;
/// Between counting orders (1) and summing gamma amounts (2).
const TWEEDIE_POWER: f64 = 1.5;

/// The settings both tasks share. The defaults had the least log loss on the windows of CDNOW that close by 1998-03-31 (see `docs/models/churn.md`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub trees: usize,
    pub learning_rate: f64,
    pub leaves: usize,
    pub min_child_rows: usize,
    pub feature_fraction: f64,
    pub bagging_fraction: f64,
    pub lambda_l2: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trees: 300,
            learning_rate: 0.03,
            leaves: 12,
            min_child_rows: 400,
            feature_fraction: 0.4,
            bagging_fraction: 0.5,
            lambda_l2: 1.0,
        }
    }
}

const fn param(name: &'static str, default: f64, (min, max): (f64, f64), help: &'static str) -> Param {
    Param { name, default, min, max, help }
}

const LEAVES: Param = param("leaves", 12.0, (2.0, 1024.0), "leaves of a tree, at most");
const MIN_CHILD_ROWS: Param =
    param("min_child_rows", 400.0, (1.0, 1e9), "training rows a leaf must hold, at most one in 200 of them");
const FEATURE_FRACTION: Param = param("feature_fraction", 0.4, (0.01, 1.0), "share of the features each tree may use");
const BAGGING_FRACTION: Param = param("bagging_fraction", 0.5, (0.01, 1.0), "share of the rows each tree learns from");
const LAMBDA_L2: Param = param("lambda_l2", 1.0, (0.0, 1e12), "shrinks leaf values towards zero");

const fn pace(trees: f64, learning_rate: f64) -> [Param; 7] {
    [
        param("trees", trees, (1.0, 10_000.0), "trees to grow, at most one per 100 training rows"),
        param("learning_rate", learning_rate, (1e-4, 1.0), "share of each tree's answer that is kept"),
        LEAVES,
        MIN_CHILD_ROWS,
        FEATURE_FRACTION,
        BAGGING_FRACTION,
        LAMBDA_L2,
    ]
}

impl Settings {
    pub(super) fn boosting(self, objective: Objective) -> BoostParams {
        BoostParams {
            objective,
            trees: self.trees,
            learning_rate: self.learning_rate,
            leaves: self.leaves,
            min_child_rows: self.min_child_rows,
            feature_fraction: self.feature_fraction,
            bagging_fraction: self.bagging_fraction,
            lambda_l2: self.lambda_l2,
            ..BoostParams::default()
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoostChurn(pub Settings);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoostValue(pub Settings);

/// Half the trees in strides twice as long: the same forecasts in half the time.
impl Default for BoostValue {
    fn default() -> Self {
        Self(Settings { trees: 150, learning_rate: 0.06, ..Settings::default() })
    }
}

impl Estimator for BoostChurn {
    const NAME: &'static str = "boost_churn";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &pace(300.0, 0.03);
    type Model = BoostedModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<BoostedModel, FitError> {
        let rows = windows::labelled(train, column::LABEL_CHURN)?;
        let labels: Vec<f32> = churn_labels(&rows)?.into_iter().map(|label| label as f32).collect();
        BoostedModel::fit_churn(Training { everyone: train, rows: &rows, labels: &labels }, self, run)
    }
}

impl Estimator for BoostValue {
    const NAME: &'static str = "boost_value";
    const TASK: Task = Task::Value;
    const PARAMS: &'static [Param] = &pace(150.0, 0.06);
    type Model = BoostedModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<BoostedModel, FitError> {
        let rows = windows::labelled(train, column::LABEL_SPEND_CENTS)?;
        // More returned than bought is no spend to this loss; the total is corrected afterwards on what was really netted.
        let labels: Vec<f32> = rows.f64s(column::LABEL_SPEND_CENTS)?.into_iter().map(|cents| cents.max(0.0) as f32).collect();
        let buyers = labels.iter().filter(|cents| **cents > 0.0).count();
        if buyers < CLASS_ROWS_MIN {
            return Err(FitError::Refused(format!(
                "{buyers} customers spent anything in the training windows; at least {CLASS_ROWS_MIN} are needed"
            )));
        }
        let params = self.0.boosting(Objective::Tweedie { power: TWEEDIE_POWER });
        BoostedModel::fit(Training { everyone: train, rows: &rows, labels: &labels }, &params, run)
    }
}

/// Everyone known (for the lifetime fits), and the rows with a label.
pub(super) struct Training<'a> {
    pub everyone: &'a Table,
    pub rows: &'a Table,
    pub labels: &'a [f32],
}

#[derive(Clone, Debug)]
pub struct BoostedModel {
    lifetime: LifetimeFeatures,
    booster: Booster,
    needs: Vec<String>,
}

impl BoostedModel {
    /// The chance that a label is 1, for rows made of those of a training table.
    pub(super) fn fit_churn(train: Training<'_>, recipe: &BoostChurn, run: &Run) -> Result<Self, FitError> {
        Self::fit(train, &recipe.0.boosting(Objective::Logistic), run)
    }

    pub(super) fn fit(train: Training<'_>, params: &BoostParams, run: &Run) -> Result<Self, FitError> {
        let lifetime = LifetimeFeatures::fit(train.everyone, run)?;
        let rows = lifetime.add(train.rows)?;
        let names = feature_names(&rows);
        if names.is_empty() {
            return Err(FitError::Refused("no feature column to learn from".to_owned()));
        }
        let matrix = Matrix::from_table(&rows, &Arc::new(Schema::learn(&rows, &names)?))?;
        let examples = Examples { matrix: &matrix, label: train.labels, weight: None };
        // What suits a hundred thousand rows grows no tree, or too many, from a few thousand.
        let min_child_rows = params.min_child_rows.min(rows.rows() / 200).max(5);
        let trees = params.trees.min((rows.rows() / 100).max(TREES_FEWEST));
        let params = BoostParams { min_child_rows, trees, ..params.clone() };
        let booster = Booster::fit(&examples, None, &params, run)?;
        Ok(Self::of(lifetime, booster))
    }

    fn of(lifetime: LifetimeFeatures, booster: Booster) -> Self {
        let own = lifetime.adds();
        let mut needs = lifetime.needs();
        let features = booster.schema().features.iter().map(|feature| feature.name.clone());
        for name in features.filter(|name| !own.contains(&name.as_str())) {
            if !needs.contains(&name) {
                needs.push(name);
            }
        }
        Self { lifetime, booster, needs }
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let (Some(lifetime), Some(booster)) = (json.get("lifetime"), json.get("booster")) else {
            return Err(LoadError("it lacks \"lifetime\" or \"booster\"".to_owned()));
        };
        let lifetime = LifetimeFeatures::deserialize(lifetime).map_err(|error| LoadError(error.to_string()))?;
        lifetime.check().map_err(LoadError)?;
        Ok(Self::of(lifetime, Booster::from_json(booster)?))
    }

    /// Log-odds of churn, or the logarithm of spend.
    pub(super) fn margins(&self, rows: &Table, threads: usize) -> Result<Vec<f64>, ScoreError> {
        self.booster.predict_margin(&self.matrix(rows)?, threads)
    }

    pub(super) fn forecasts_churn(&self) -> bool {
        self.booster.objective() == Objective::Logistic
    }

    fn matrix(&self, rows: &Table) -> Result<Matrix, ScoreError> {
        Ok(Matrix::from_table(&self.lifetime.add(rows)?, self.booster.schema())?)
    }
}

impl Model for BoostedModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(BoostedScorer { model: self, explainer: None })
    }

    fn inputs(&self, rows: &Table) -> Result<Table, TableError> {
        self.lifetime.add(rows)
    }

    fn to_json(&self) -> Value {
        json!({ "lifetime": self.lifetime, "booster": self.booster.to_json() })
    }
}

struct BoostedScorer<'model> {
    model: &'model BoostedModel,
    /// Trees taken apart, on the first question why.
    explainer: Option<Explainer<'model>>,
}

impl Scorer for BoostedScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let objective = self.model.booster.objective();
        let margins = self.model.booster.predict_margin(&self.model.matrix(rows)?, 1)?;
        let answer: Float64Array = margins.into_iter().map(|margin| Some(objective.mean(margin))).collect();
        let name = if objective == Objective::Logistic { column::P_CHURN } else { column::SPEND };
        Ok(Table::from_columns(vec![(name, Arc::new(answer))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        let matrix = self.model.matrix(rows)?;
        let explainer = self.explainer.get_or_insert_with(|| Explainer::of(&self.model.booster));
        Ok(Some(explainer.explain(&matrix, 1)?))
    }
}
