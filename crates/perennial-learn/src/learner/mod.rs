//! Learners of churn and value on feature tables.

pub mod calibrate;
pub mod calibrator;
pub mod encode;
pub mod linear;
pub mod logistic;
pub mod windows;
