//! Histogram gradient boosting with exact contributions.
//!
//! `Matrix` (columns) → [`Booster::fit`] → [`Booster`] → `predict_margin`, `shap`, JSON. See `docs/models/boosting.md`.

mod bins;
mod fit;
mod grow;
mod histogram;
mod matrix;
mod model;
mod objective;
mod params;
mod partition;
mod quadrature;
mod seed;
mod shap;
mod split;
mod tree;

pub use fit::Examples;
pub use matrix::{CATEGORIES_MAX, Column, Feature, Kind, Matrix, Schema};
pub use model::Booster;
pub use objective::Objective;
pub use params::{BoostParams, DEPTH_MAX, Ensemble, LEAVES_MAX, Monotone, PARAMS};
pub use shap::Explainer;
