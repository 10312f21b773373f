//! Lifetime models: one paper, one file, the paper's letters inside that file only.

pub mod bgnbd;
pub mod churn;
pub mod compound;
pub mod count;
pub mod flat;
pub mod gamma_gamma;
mod ordered_sum;
pub mod purchases;
pub mod special;
pub mod value;
