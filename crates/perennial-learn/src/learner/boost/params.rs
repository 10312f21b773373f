//! Settings of one boosting fit and their allowed ranges.

use std::collections::BTreeMap;

use perennial_contract::estimator::{FitError, Param};
use serde::{Deserialize, Serialize};

use super::objective::Objective;

/// A tree is at most this deep, so that the set of features on a path fits one machine word.
pub const DEPTH_MAX: usize = 64;
pub const LEAVES_MAX: usize = 1024;

/// The margin may only rise (or only fall) with the feature, all others unchanged. Missing values are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monotone {
    Rising,
    Falling,
}

/// How the trees come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ensemble {
    /// Each tree learns what the trees before it still get wrong, and counts `learning_rate` times.
    Boosted,
    /// Every tree learns the same from other rows and features; the answer is their mean.
    Averaged,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoostParams {
    pub objective: Objective,
    pub ensemble: Ensemble,
    pub trees: usize,
    pub learning_rate: f64,
    pub leaves: usize,
    pub depth_max: usize,
    pub bins: usize,
    pub min_child_rows: usize,
    pub min_child_weight: f64,
    pub lambda_l2: f64,
    pub min_gain: f64,
    /// Share of the features a tree may use.
    pub feature_fraction: f64,
    /// Share of those that a single split may choose from.
    pub split_fraction: f64,
    /// Share of the rows a tree learns from.
    pub bagging_fraction: f64,
    /// Stop when the loss on the validation rows has not improved for so many trees; 0 is never.
    pub early_stopping_trees: usize,
    /// Added to the weight of a category when categories are ordered by their gradient ratio.
    pub category_smoothing: f64,
    /// Added to `lambda_l2` when a split on categories is judged.
    pub category_l2: f64,
    /// Categories on the smaller side of a split.
    pub category_side_max: usize,
    /// By feature name.
    pub monotone: BTreeMap<String, Monotone>,
}

impl Default for BoostParams {
    fn default() -> Self {
        Self {
            objective: Objective::Logistic,
            ensemble: Ensemble::Boosted,
            trees: 100,
            learning_rate: 0.1,
            leaves: 31,
            depth_max: DEPTH_MAX,
            bins: 255,
            min_child_rows: 20,
            min_child_weight: 1e-3,
            lambda_l2: 0.0,
            min_gain: 0.0,
            feature_fraction: 1.0,
            split_fraction: 1.0,
            bagging_fraction: 1.0,
            early_stopping_trees: 0,
            category_smoothing: 10.0,
            category_l2: 10.0,
            category_side_max: 32,
            monotone: BTreeMap::new(),
        }
    }
}

const fn param(name: &'static str, default: f64, (min, max): (f64, f64), help: &'static str) -> Param {
    Param { name, default, min, max, help }
}

/// Every numeric setting with its range; the same list feeds the checks, the help and the tests.
pub const PARAMS: &[Param] = &[
    param("trees", 100.0, (1.0, 10_000.0), "trees to grow, at most"),
    param("learning_rate", 0.1, (1e-4, 1.0), "share of each tree's answer that is kept"),
    param("leaves", 31.0, (2.0, LEAVES_MAX as f64), "leaves of a tree, at most"),
    param("depth_max", DEPTH_MAX as f64, (1.0, DEPTH_MAX as f64), "splits between root and leaf, at most"),
    param("bins", 255.0, (2.0, 255.0), "bins a number is cut into, the one for missing values included"),
    param("min_child_rows", 20.0, (1.0, 1e9), "training rows a leaf must hold"),
    param("min_child_weight", 1e-3, (0.0, 1e12), "sum of second derivatives a leaf must hold"),
    param("lambda_l2", 0.0, (0.0, 1e12), "shrinks leaf values towards zero"),
    param("min_gain", 0.0, (0.0, 1e12), "twice the loss a split must save"),
    param("feature_fraction", 1.0, (0.01, 1.0), "share of the features each tree may use"),
    param("split_fraction", 1.0, (0.01, 1.0), "share of the tree's features each split may choose from"),
    param("bagging_fraction", 1.0, (0.01, 1.0), "share of the rows each tree learns from"),
    param(
        "early_stopping_trees",
        0.0,
        (0.0, 10_000.0),
        "trees without improvement on the validation rows before stopping; 0 is never",
    ),
    param("category_smoothing", 10.0, (0.0, 1e12), "weight added to a category before categories are ordered"),
    param("category_l2", 10.0, (0.0, 1e12), "added to lambda_l2 when a split on categories is judged"),
    param("category_side_max", 32.0, (1.0, 255.0), "categories on the smaller side of a split, at most"),
];

impl BoostParams {
    /// The value of a setting of [`PARAMS`].
    fn value(&self, name: &str) -> f64 {
        match name {
            "trees" => self.trees as f64,
            "learning_rate" => self.learning_rate,
            "leaves" => self.leaves as f64,
            "depth_max" => self.depth_max as f64,
            "bins" => self.bins as f64,
            "min_child_rows" => self.min_child_rows as f64,
            "min_child_weight" => self.min_child_weight,
            "lambda_l2" => self.lambda_l2,
            "min_gain" => self.min_gain,
            "feature_fraction" => self.feature_fraction,
            "split_fraction" => self.split_fraction,
            "bagging_fraction" => self.bagging_fraction,
            "early_stopping_trees" => self.early_stopping_trees as f64,
            "category_smoothing" => self.category_smoothing,
            "category_l2" => self.category_l2,
            "category_side_max" => self.category_side_max as f64,
            _ => f64::NAN,
        }
    }

    /// Whether one tree after the other sees the same rows and features.
    pub(super) fn draws_nothing(&self) -> bool {
        [self.bagging_fraction, self.feature_fraction, self.split_fraction].iter().all(|share| *share >= 1.0)
    }

    /// What each tree's answer counts.
    pub(super) fn tree_share(&self) -> f64 {
        match self.ensemble {
            Ensemble::Boosted => self.learning_rate,
            Ensemble::Averaged => 1.0 / self.trees as f64,
        }
    }

    /// The first setting outside its range, if any.
    pub fn check(&self) -> Result<(), FitError> {
        self.objective.check()?;
        if self.ensemble == Ensemble::Averaged && self.early_stopping_trees > 0 {
            return Err(FitError::Refused("a mean of trees has no tree to stop at; set early_stopping_trees to 0".to_owned()));
        }
        for param in PARAMS {
            let value = self.value(param.name);
            if !(param.min..=param.max).contains(&value) {
                return Err(FitError::Param { name: param.name.to_owned(), value, min: param.min, max: param.max });
            }
        }
        Ok(())
    }
}
