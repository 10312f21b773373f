//! Lifetime models: one paper, one file, the paper's letters inside that file only.

pub mod bgbb;
pub mod bgnbd;
pub mod churn;
pub mod cnbd_k;
pub mod count;
pub mod covaried;
pub mod flat;
pub mod forecast;
pub mod gamma_gamma;
pub mod ggomp_nbd;
pub mod incomplete_beta;
pub mod letters;
pub mod mbgnbd;
pub mod outlook;
pub mod pareto_nbd;
pub mod purchases;
pub mod sbg;
pub mod special;
pub mod triples;
pub mod value;

mod beta_dropout;
mod gompertz;
mod nbd;
mod quadrature;
