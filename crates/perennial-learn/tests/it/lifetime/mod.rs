//! The lifetime models against published numbers, simulation and 40-digit references.

mod bgbb;
mod bgnbd;
mod cdnow;
mod check;
mod cnbd_k;
mod covariates;
pub mod data;
mod estimator;
mod exact;
mod gamma_gamma;
mod ggomp_nbd;
mod mbgnbd;
mod pareto_nbd;
mod sbg;
mod simulate;
mod special;
mod special_values;
mod triples;
