//! MBG/NBD: how many more orders will a customer place, if one may also leave right after the first order?
//!
//! Assumes  while alive, orders are Poisson(λ), λ ~ Gamma(r, α); after any order, the first too, the customer drops out with p ~ Beta(a, b).
//! Input    `x` [n] repeat purchase days; `t_x` [n] age at the last one; `T` [n] age at the as-of day; one unit of time throughout.
//! Output   r, α, a, b with standard errors; P(alive), P(no order in t), E[orders in t].
//! Cost     as BG/NBD: O(distinct (x, t_x, T)) per likelihood call.
//! Ref      Batislam, Denizel & Filiztekin (2007), IJRM 24(3), eq. (4) likelihood; Hoppe & Wagner (2007), Marketing JRM 3(2): CBG/NBD, the same.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::beta_dropout::{self, Chances};
use super::bgnbd::History;
use super::count;
use super::forecast::{Forecast, Future};
use super::letters::{Fit, letters};
use super::purchases::Purchases;

/// The paper's four letters. α has the unit of time, the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MbgNbdParameters {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

letters!(MbgNbdParameters, "mbgnbd", [r, alpha, a, b]);

pub type MbgNbdFit = Fit<MbgNbdParameters>;

impl MbgNbdParameters {
    #[must_use]
    pub fn log_likelihood(&self, data: &Purchases) -> f64 {
        beta_dropout::log_likelihood(data, Chances::AfterEveryOrder, &[self.r, self.alpha, self.a, self.b])
    }
}

impl Forecast for MbgNbdParameters {
    /// A customer without a repeat may have left after the first order: the odds are finite at x = 0 too.
    fn ln_odds_gone(&self, seen: &History) -> f64 {
        libm::log(self.a / (self.b + seen.x)) + (self.r + seen.x) * libm::log1p((seen.t - seen.t_x) / (self.alpha + seen.t_x))
    }

    /// Alive at T, a customer has stayed x + 1 times, and may next leave after the next order: a BG/NBD of its own.
    fn if_alive(&self, seen: &History, t: f64) -> Future {
        let (r, alpha) = (self.r + seen.x, self.alpha + seen.t);
        let orders = count::orders_expected(r, t / alpha, self.a, self.b + seen.x + 1.0);
        Future { orders, p_silent: libm::exp(-r * libm::log1p(t / alpha)) }
    }

    /// Those who stay after the first order, b/(a + b) of all, are customers of a BG/NBD whose p ~ Beta(a, b + 1).
    fn orders_expected(&self, t: f64) -> f64 {
        self.b / (self.a + self.b) * count::orders_expected(self.r, t / self.alpha, self.a, self.b + 1.0)
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(data: &Purchases, threads: usize) -> Result<MbgNbdFit, FitError> {
    beta_dropout::fit(data, Chances::AfterEveryOrder, threads)
}
