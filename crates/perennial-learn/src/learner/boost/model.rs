//! The learned booster: trees, what they read, and its plain JSON form.

use std::sync::Arc;

use perennial_contract::estimator::{Contributions, FitError, LoadError, Run, ScoreError};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fit::{self, Examples};
use super::matrix::{CATEGORIES_MAX, Kind, Matrix, Schema};
use super::objective::Objective;
use super::params::BoostParams;
use super::shap::Explainer;
use super::tree::Tree;
use crate::parallel;

const FORMAT: &str = "perennial-boost";
const VERSION: u32 = 1;
/// Rows whose columns stay in the cache while all trees pass over them.
const BLOCK_ROWS: usize = 512;

/// Gradient-boosted trees, immutable once fitted. `margin = start + Σ leaf values`.
#[derive(Clone, Debug)]
pub struct Booster {
    pub(super) schema: Arc<Schema>,
    pub(super) objective: Objective,
    pub(super) start: f64,
    pub(super) trees: Vec<Tree>,
}

/// The model file, fields in the order they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    version: u32,
    objective: Objective,
    features: Schema,
    start: f64,
    trees: Vec<Tree>,
}

impl Booster {
    /// Learns trees. With `valid` and `early_stopping_trees` it keeps the number of trees with the least validation loss.
    pub fn fit(train: &Examples<'_>, valid: Option<&Examples<'_>>, params: &BoostParams, run: &Run) -> Result<Self, FitError> {
        fit::fit(train, valid, params, run)
    }

    pub(super) fn of(schema: &Arc<Schema>, objective: Objective, start: f64, trees: Vec<Tree>) -> Self {
        Self { schema: Arc::clone(schema), objective, start, trees }
    }

    /// What a matrix to be scored must hold: build it with `Matrix::from_table(table, booster.schema())`.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    #[must_use]
    pub fn objective(&self) -> Objective {
        self.objective
    }

    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The margin of every row; `objective().mean(margin)` is the prediction.
    pub fn predict_margin(&self, matrix: &Matrix, threads: usize) -> Result<Vec<f64>, ScoreError> {
        self.accepts(matrix)?;
        let mut margins = vec![self.start; matrix.rows()];
        let tasks: Vec<_> = margins.chunks_mut(BLOCK_ROWS).enumerate().collect();
        parallel::each(threads, tasks, |(part, margins)| {
            for tree in &self.trees {
                for (place, margin) in margins.iter_mut().enumerate() {
                    *margin += tree.leaves[tree.leaf(matrix.columns(), part * BLOCK_ROWS + place)].value;
                }
            }
        });
        Ok(margins)
    }

    /// Exact additive contributions to the margin. To explain one row at a time keep an [`Explainer`].
    pub fn shap(&self, matrix: &Matrix, threads: usize) -> Result<Contributions, ScoreError> {
        Explainer::of(self).explain(matrix, threads)
    }

    /// A matrix read under another schema would be walked wrongly.
    pub(super) fn accepts(&self, matrix: &Matrix) -> Result<(), ScoreError> {
        if Arc::ptr_eq(matrix.schema(), &self.schema) || matrix.schema() == &self.schema {
            return Ok(());
        }
        let names = |schema: &Schema| schema.features.iter().map(|feature| feature.name.clone()).collect::<Vec<_>>();
        let (has, wants) = (names(matrix.schema()), names(&self.schema));
        let missing =
            wants.iter().zip(has.iter().map(Some).chain(std::iter::repeat(None))).find(|(want, has)| Some(*want) != *has);
        let name = missing.map_or_else(|| "one with the model's own categories".to_owned(), |(want, _)| want.clone());
        Err(TableError::Missing { name, has: has.join(", ") }.into())
    }

    /// Canonical JSON: the same booster always gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let stored = Stored {
            format: FORMAT.to_owned(),
            version: VERSION,
            objective: self.objective,
            features: (*self.schema).clone(),
            start: self.start,
            trees: self.trees.clone(),
        };
        // Strings, finite numbers and lists of them always have a JSON form.
        serde_json::to_value(stored).unwrap_or(Value::Null)
    }

    /// Reads a model file. Whatever it holds, a booster that loads can neither fail nor loop when it scores.
    pub fn from_json(value: &Value) -> Result<Self, LoadError> {
        let stored = Stored::deserialize(value).map_err(|error| LoadError(error.to_string()))?;
        if (stored.format.as_str(), stored.version) != (FORMAT, VERSION) {
            let (format, version) = (&stored.format, stored.version);
            return Err(LoadError(format!("it is {format:?} version {version}, expected {FORMAT:?} version {VERSION}")));
        }
        stored.objective.check().map_err(|error| LoadError(error.to_string()))?;
        if !stored.start.is_finite() {
            return Err(LoadError("its starting margin is not finite".to_owned()));
        }
        check_schema(&stored.features).map_err(LoadError)?;
        for (at, tree) in stored.trees.iter().enumerate() {
            tree.check(&stored.features).map_err(|what| LoadError(format!("tree {at}: {what}")))?;
        }
        Ok(Self { schema: Arc::new(stored.features), objective: stored.objective, start: stored.start, trees: stored.trees })
    }
}

fn check_schema(schema: &Schema) -> Result<(), String> {
    if schema.features.is_empty() {
        return Err("it has no features".to_owned());
    }
    let mut names: Vec<&str> = schema.features.iter().map(|feature| feature.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("feature {:?} stands there twice", twice[0]));
    }
    for feature in &schema.features {
        if let Kind::Category(kept) = &feature.kind
            && kept.len() > CATEGORIES_MAX
        {
            return Err(format!(
                "feature {:?} has {} categories, at most {CATEGORIES_MAX} are allowed",
                feature.name,
                kept.len()
            ));
        }
    }
    Ok(())
}
