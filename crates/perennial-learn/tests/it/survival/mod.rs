//! The survival models against published numbers, their peer and simulated lives.

mod aft;
mod cox;
mod data;
mod hazard;
mod kaplan_meier;
mod refusals;
