//! Gamma-Gompertz/NBD: how many more orders will a customer place, if the risk of leaving grows with age?
//!
//! Assumes  orders are Poisson(λ), λ ~ Gamma(r, α); a lifetime is Gompertz: risk η b e^(b τ) at age τ, η ~ Gamma(s, β).
//! Input    `x` [n] repeat purchase days; `t_x` [n] age at the last one; `T` [n] age at the as-of day; one unit of time throughout.
//! Output   r, α, b, s, β with standard errors; P(alive), P(no order in t), E[orders in t].
//! Cost     one integral of 24 to 72 nodes for every distinct (x, t_x, T) and likelihood call; 10 to 40 calls.
//! Ref      Bemmaor & Glady (2012), Management Science 58(5): eq. (5) likelihood, (7) alive, (A3) conditional mean.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::bgnbd::History;
use super::forecast::{Forecast, Future};
use super::gompertz::{Lifetime, Living};
use super::letters::{self, Escape, Fit, GAIN_MIN_ONE, LN_FAR, letters};
use super::pareto_nbd::{self, ParetoNbdFit};
use super::purchases::{Purchases, Triple};
use super::quadrature::ln_integral;
use crate::chunks;
use crate::optim::{Point, Search};

/// The paper's five letters. α has the unit of time, b its inverse, the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GgompNbdParameters {
    pub r: f64,
    pub alpha: f64,
    pub b: f64,
    pub s: f64,
    pub beta: f64,
}

letters!(GgompNbdParameters, "ggomp_nbd", [r, alpha, b, s, beta]);

pub type GgompNbdFit = Fit<GgompNbdParameters>;

impl GgompNbdParameters {
    /// β/b takes the place of β: as b → 0 it stays what it is, the β of a Pareto/NBD.
    fn lifetime(&self) -> Lifetime {
        Lifetime { r: self.r, alpha: self.alpha, b: self.b, s: self.s, theta: self.beta / self.b }
    }

    #[must_use]
    pub fn log_likelihood(&self, data: &Purchases) -> f64 {
        let is = self.lifetime();
        evaluate(data, &data.everyone(), &[is.r, is.alpha, is.b, is.s, is.theta], 1).value
    }
}

impl Lifetime {
    /// Of a customer alive at age 0 and silent for t: ln P(gone by then and silent), ln P(alive and silent).
    fn silence(&self, t: f64) -> [f64; 2] {
        let gone: Point<0> = ln_integral(0.0, t, &super::gompertz::Leaving { is: *self, x: 0.0 });
        [libm::log(self.s) + gone.value, self.ln_silent(t)]
    }

    /// E[X(t)] = r/α ∫₀ᵗ S(y) dy.
    fn orders_expected(&self, t: f64) -> f64 {
        let life: Point<0> = ln_integral(0.0, t, &Living { is: *self, end: t });
        self.r / self.alpha * libm::exp(life.value)
    }
}

impl Forecast for GgompNbdParameters {
    /// After t_x the customer is silent; all that came before cancels.
    fn ln_odds_gone(&self, seen: &History) -> f64 {
        let [gone, alive] = self.lifetime().at(seen.x, seen.t_x).silence(seen.t - seen.t_x);
        gone - alive
    }

    /// Given life at T the future is a Gamma-Gompertz/NBD of its own.
    fn if_alive(&self, seen: &History, t: f64) -> Future {
        let now = self.lifetime().at(seen.x, seen.t);
        let [gone, alive] = now.silence(t);
        Future { orders: now.orders_expected(t), p_silent: libm::exp(gone) + libm::exp(alive) }
    }

    fn orders_expected(&self, t: f64) -> f64 {
        self.lifetime().orders_expected(t)
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
///
/// Refused where the likelihood rises as b → 0, or gains too little by b: there the model is a Pareto/NBD, of which β/b is the β.
pub fn fit(data: &Purchases, threads: usize) -> Result<GgompNbdFit, FitError> {
    data.carries_a_model()?;
    let everyone = data.everyone();
    let limit = pareto_nbd::fit(data, threads).ok();
    let likelihood = |letters: &[f64; 5]| evaluate(data, &everyone, letters, threads);
    let names = ["r", "alpha", "b", "s", "beta/b"];
    let found = letters::maximise(&names, &searches(data, limit.as_ref()), likelihood, why);
    let (found, limit) = match (found, limit) {
        (Ok(found), Some(limit)) if found.value - limit.log_likelihood < GAIN_MIN_ONE => {
            return Err(collapses(&limit, Some(found.value)));
        }
        (Err(_), Some(limit)) => return Err(collapses(&limit, None)),
        (found, limit) => (found?, limit),
    };
    debug_assert!(limit.is_none_or(|limit| limit.log_likelihood < found.value));
    let [r, alpha, b, s, theta] = found.letters;
    let [se_r, se_alpha, se_b, se_s, _] = found.errors;
    // ln β = ln b + ln(β/b), so their variances and twice their covariance add.
    let of = found.covariance;
    let se_beta = b * theta * (of[2][2] + of[4][4] + 2.0 * of[2][4]).sqrt();
    Ok(Fit {
        parameters: GgompNbdParameters { r, alpha, b, s, beta: b * theta },
        standard_errors: GgompNbdParameters { r: se_r, alpha: se_alpha, b: se_b, s: se_s, beta: se_beta },
        log_likelihood: found.value,
        rows: data.rows,
    })
}

/// From a risk that grows e-fold in ten mean ages, in one, and in a third of one.
fn searches(data: &Purchases, limit: Option<&ParetoNbdFit>) -> Vec<Search<5>> {
    let (_, unit) = data.scales();
    let pareto = pareto_nbd::search(data, [0.5, 0.6, 1.0]);
    let ([r, alpha, s, theta], [low_r, low_alpha, low_s, low_theta]) = (pareto.start, pareto.low);
    let [high_r, high_alpha, high_s, high_theta] = pareto.high;
    let start = limit.map_or([r, alpha, s, theta], |limit| {
        let is = limit.parameters;
        [is.r, is.alpha, is.s, is.beta].map(libm::log)
    });
    [0.1, 1.0, 3.0]
        .map(|growth: f64| Search {
            start: [start[0], start[1], libm::log(growth) - unit, start[2], start[3]],
            low: [low_r, low_alpha, -unit - LN_FAR, low_s, low_theta],
            high: [high_r, high_alpha, -unit + LN_FAR, high_s, high_theta],
        })
        .into()
}

fn collapses(limit: &ParetoNbdFit, best: Option<f64>) -> FitError {
    let (is, value) = (limit.parameters, limit.log_likelihood);
    let found = best.map_or_else(
        || format!("the likelihood still rises as b shrinks to 0, to {value:.4}"),
        |best| format!("the log-likelihood is {best:.4} at its best, too little above {value:.4} at b = 0 (evidence begins at a gain of {GAIN_MIN_ONE})"),
    );
    FitError::NoMaximum(format!(
        "{found}; there the risk of leaving does not grow with age and the model is a Pareto/NBD with r {:.6}, alpha {:.5}, s {:.6}, beta/b {:.4}: \
         only these and the log-likelihood are determined, b and beta are not; use pareto_nbd",
        is.r, is.alpha, is.s, is.beta
    ))
}

fn why(escape: Escape) -> &'static str {
    match (escape.axis, escape.is_up) {
        (2, false) => "b shrinks to 0: the risk of leaving does not grow with age, which is a Pareto/NBD",
        (2, true) => "b grows without bound: all customers leave at one age",
        (0 | 1, _) => "r and alpha do not end: a Gamma spread of rates does not suit these customers",
        _ => "s and beta do not end: a spread of the risk of leaving cannot be estimated",
    }
}

/// Log-likelihood, gradient and Hessian by (r, α, b, s, β/b).
fn evaluate(data: &Purchases, everyone: &[Triple], letters: &[f64; 5], threads: usize) -> Point<5> {
    let &[r, alpha, b, s, theta] = letters;
    let is = Lifetime { r, alpha, b, s, theta };
    let parts = chunks::map(everyone.len(), threads, |rows| {
        everyone[rows]
            .iter()
            .map(|triple| customer(data, triple, is).scale(triple.weight))
            .fold(Point::constant(0.0), |a, b| a + b)
    });
    let mut point = parts.into_iter().fold(Point::constant(0.0), |a, b| a + b);
    // Γ(r + x)/Γ(r) is a product over k < x.
    for (k, &above) in data.above.iter().enumerate() {
        let rate = r + k as f64;
        point.value += above * libm::log(rate);
        point.gradient[0] += above / rate;
        point.hessian[0][0] -= above / (rate * rate);
    }
    point
}

/// ln(alive at T + s ∫ f over (t_x, T)): all but Γ(r + x)/Γ(r).
fn customer(data: &Purchases, triple: &Triple, is: Lifetime) -> Point<5> {
    let (t_x, t) = (data.ages[triple.t_x as usize], data.ages[triple.t as usize]);
    let leaving = super::gompertz::Leaving { is, x: f64::from(triple.x) };
    let gone = Point::variable(3, is.s).ln() + ln_integral(t_x, t, &leaving);
    leaving.alive(t).log_add(&gone)
}
