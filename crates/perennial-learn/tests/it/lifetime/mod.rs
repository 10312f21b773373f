//! The lifetime models against published numbers, simulation and 40-digit references.

mod bgnbd;
mod cdnow;
pub mod data;
mod estimator;
mod gamma_gamma;
mod simulate;
mod special;
mod special_values;
