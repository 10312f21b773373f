//! A lifetime model whose letters differ from customer to customer, by what is known of each from the start.
//!
//! Assumes  covariates do not change in a customer's life; the logarithm of a moved letter is linear in them.
//! Input    x, t_x, T and covariates [rows × p] in any units; a coefficient belongs to a letter and a column, `alpha.NAME`.
//! Output   the letters at covariates of 0, the coefficients, standard errors of both; forecasts row by row.
//! Cost     one customer's likelihood with derivatives for every distinct row, and (letters + p · moved letters)² sums; 5 to 15 times.
//! Ref      Fader & Hardie (2007), Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models.

pub mod fit;
pub mod forecast;
mod likelihood;

use super::bgnbd::History;
use super::forecast::Forecast;
use super::letters::{Escape, Letters};
use super::nbd;
use super::purchases::Purchases;
use crate::optim::{Point, Search};

/// A letter that covariates move: ln letter = ln letter₀ + sign · γ'z.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Its place among the letters.
    pub axis: usize,
    pub sign: f64,
}

/// A likelihood that can be asked customer by customer, each with letters of their own.
pub trait Individual<const N: usize>: Sync {
    const LETTERS: [&'static str; N];
    const MOVED: &'static [Moved];
    /// With derivatives by the letters.
    fn ln_likelihood(letters: &[f64; N], seen: &History) -> Point<N>;
}

/// A model of buying and leaving that takes covariates.
pub trait Covaried: Individual<4> + Letters + Forecast {
    /// How the moved letters follow from the covariates, in words.
    const FORM: &'static str;
    fn searches(data: &Purchases) -> Vec<Search<4>>;
    /// What it means that a letter runs away.
    fn why(escape: Escape, data: &Purchases) -> &'static str;
}

/// Nobody leaves: what a model with covariates must beat to show that customers do.
pub(super) struct Staying;

impl Individual<2> for Staying {
    const LETTERS: [&'static str; 2] = ["r", "alpha"];
    const MOVED: &'static [Moved] = &[Moved { axis: 1, sign: -1.0 }];

    fn ln_likelihood(letters: &[f64; 2], seen: &History) -> Point<2> {
        nbd::customer(letters, seen)
    }
}
