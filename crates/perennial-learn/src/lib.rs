//! Pure learning: models, metrics and splits. No file, network, clock or global is in reach here.

mod ascent;
pub mod catalog;
mod chunks;
mod covariates;
mod jet;
pub mod learner;
pub mod lifetime;
pub mod metric;
pub mod optim;
pub mod parallel;
pub mod segment;
pub mod split;
pub mod survival;
pub mod words;
