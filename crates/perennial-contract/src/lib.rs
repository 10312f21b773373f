//! The nouns of Perennial and the traits between its layers.
//!
//! This crate does nothing by itself: no file, no network, no clock. `perennial-learn` and `perennial-lake` both know it and
//! never meet each other; the binary `perennial` joins them.

pub mod day;
pub mod engine;
pub mod entity;
pub mod estimator;
pub mod money;
pub mod season;
pub mod source;
pub mod table;

pub use arrow;
pub use day::Day;
pub use entity::Entity;
pub use table::Table;
