//! Learners of churn and value on feature tables.

pub mod boost;
pub mod boosted;
pub mod calibrate;
pub mod calibrator;
pub mod encode;
pub mod flat;
pub mod forest;
pub mod hazard_churn;
pub mod interval;
pub mod lifetime_features;
pub mod linear;
pub mod logistic;
pub mod ranged;
pub mod stack;
pub mod value_mean;
pub mod windows;
pub mod ziln_value;
