//! BG/NBD: how many more orders will a customer place, and will there be one at all?
//!
//! Assumes  while alive, orders are Poisson(λ), λ ~ Gamma(r, α); after any order the customer drops out with p ~ Beta(a, b).
//! Input    `x` [n] repeat purchase days; `t_x` [n] age at the last one; `T` [n] age at the as-of day; one unit of time throughout.
//! Output   r, α, a, b with standard errors; P(alive), P(no order in t), E[orders in t], P(n orders in t).
//! Cost     O(distinct (x, t_x, T)) per likelihood call; the day grid makes a million customers about a hundred thousand.
//! Ref      Fader, Hardie & Lee (2005), Marketing Science 24(2): eq. (6) likelihood, (8) counts, (9) mean, (10) conditional mean.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::beta_dropout::{self, Chances};
use super::count;
use super::covaried::{Covaried, Individual, Moved};
use super::forecast::{Forecast, Future};
use super::letters::{Escape, Fit, letters};
use super::purchases::Purchases;
use crate::optim::{Point, Search};

/// The paper's four letters. α has the unit of time, the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgNbdParameters {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

letters!(BgNbdParameters, "bgnbd", [r, alpha, a, b]);

/// A fit with the asymptotic standard errors of the four parameters.
pub type BgNbdFit = Fit<BgNbdParameters>;

/// One customer's history, as the model needs it.
#[derive(Clone, Copy, Debug)]
pub struct History {
    pub x: f64,
    pub t_x: f64,
    pub t: f64,
}

impl Forecast for BgNbdParameters {
    fn ln_odds_gone(&self, seen: &History) -> f64 {
        if seen.x == 0.0 {
            return f64::NEG_INFINITY;
        }
        libm::log(self.a / (self.b + seen.x - 1.0))
            + (self.r + seen.x) * libm::log1p((seen.t - seen.t_x) / (self.alpha + seen.t_x))
    }

    fn if_alive(&self, seen: &History, t: f64) -> Future {
        let now = self.posterior(seen);
        Future { orders: now.orders_expected(t), p_silent: libm::exp(-now.r * libm::log1p(t / now.alpha)) }
    }

    fn orders_expected(&self, t: f64) -> f64 {
        count::orders_expected(self.r, t / self.alpha, self.a, self.b)
    }
}

impl BgNbdParameters {
    /// The parameters of a customer known to be alive at T: λ and p keep their families, and the future is a BG/NBD of its own.
    fn posterior(&self, seen: &History) -> Self {
        Self { r: self.r + seen.x, alpha: self.alpha + seen.t, a: self.a, b: self.b + seen.x }
    }

    /// P(alive at T | x, t_x, T): 1 for a customer without a repeat, who has had no occasion to drop out.
    #[must_use]
    pub fn p_alive(&self, seen: &History) -> f64 {
        Forecast::p_alive(self, seen)
    }

    /// P(no order in the next `t` | x, t_x, T) = 1 − P(alive) · (1 − ((α + T)/(α + T + t))^(r + x)).
    ///
    /// Dropout happens only at an order, so a living customer is silent only by the Poisson process. This, not 1 − P(alive), is churn.
    #[must_use]
    pub fn p_no_order(&self, seen: &History, t: f64) -> f64 {
        Forecast::p_no_order(self, seen, t)
    }

    /// E[orders in (0, t]] of a new customer, not counting the first order: eq. (9), summed so that nothing cancels.
    #[must_use]
    pub fn orders_expected(&self, t: f64) -> f64 {
        Forecast::orders_expected(self, t)
    }

    /// E[orders in (T, T + t] | x, t_x, T]: eq. (10).
    #[must_use]
    pub fn orders_expected_after(&self, seen: &History, t: f64) -> f64 {
        Forecast::orders_expected_after(self, seen, t)
    }

    /// P(n orders in (0, t]) of a new customer for n = 0, 1, …, until less than `rest` is left: eq. (8).
    #[must_use]
    pub fn order_probabilities(&self, t: f64, rest: f64) -> Vec<f64> {
        let events = count::probabilities(self.r, t / (self.alpha + t), rest, 1_000_000);
        let mut more = vec![0.0; events.len() + 1];
        for n in (0..events.len()).rev() {
            more[n] = more[n + 1] + events[n];
        }
        // Either all of n events were orders and none of them the last, or the n-th order was the last of at least n events.
        let (mut stayed, mut left_at_n) = (1.0, 0.0);
        let mut all = Vec::with_capacity(events.len());
        for (n, event) in events.iter().enumerate() {
            all.push(stayed * event + left_at_n * more[n]);
            let n = n as f64;
            left_at_n = stayed * self.a / (self.a + self.b + n);
            stayed *= (self.b + n) / (self.a + self.b + n);
        }
        all
    }

    /// P(n orders in (T, T + t] | x, t_x, T) for n = 0, 1, …
    #[must_use]
    pub fn order_probabilities_after(&self, seen: &History, t: f64, rest: f64) -> Vec<f64> {
        let p_alive = self.p_alive(seen);
        let mut all = self.posterior(seen).order_probabilities(t, rest);
        all.iter_mut().for_each(|p| *p *= p_alive);
        if let Some(none) = all.first_mut() {
            *none += 1.0 - p_alive;
        }
        all
    }

    /// The log-likelihood of these parameters.
    #[must_use]
    pub fn log_likelihood(&self, data: &Purchases) -> f64 {
        beta_dropout::log_likelihood(data, Chances::AfterRepeats, &[self.r, self.alpha, self.a, self.b])
    }
}

impl Individual<4> for BgNbdParameters {
    const LETTERS: [&'static str; 4] = ["r", "alpha", "a", "b"];
    const MOVED: &'static [Moved] = &[Moved { axis: 1, sign: -1.0 }, Moved { axis: 2, sign: 1.0 }, Moved { axis: 3, sign: 1.0 }];

    fn ln_likelihood(letters: &[f64; 4], seen: &History) -> Point<4> {
        beta_dropout::customer(letters, seen)
    }
}

impl Covaried for BgNbdParameters {
    const FORM: &'static str = "alpha exp(-sum of alpha.NAME * NAME), a exp(sum of a.NAME * NAME), b exp(sum of b.NAME * NAME)";

    fn searches(data: &Purchases) -> Vec<Search<4>> {
        beta_dropout::searches(data)
    }

    fn why(escape: Escape, _: &Purchases) -> &'static str {
        beta_dropout::why(escape)
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(data: &Purchases, threads: usize) -> Result<BgNbdFit, FitError> {
    beta_dropout::fit(data, Chances::AfterRepeats, threads)
}
