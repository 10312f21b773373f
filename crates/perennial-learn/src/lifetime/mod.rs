//! Lifetime models: one paper, one file, the paper's letters inside that file only.

pub mod bgnbd;
pub mod churn;
pub mod count;
pub mod flat;
pub mod gamma_gamma;
pub mod purchases;
pub mod special;
pub mod value;
