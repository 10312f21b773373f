//! How long until it happens? One paper, one file. Censored rows (it has not happened yet) count for as long as they were watched.

pub mod aft;
pub mod concordance;
pub mod cox;
mod error_law;
pub mod flat;
pub mod hazard;
pub mod kaplan_meier;
pub mod log_rank;
mod newton;
mod risk_sets;
pub mod subjects;
pub(crate) mod tails;
