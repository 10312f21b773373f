//! BG/NBD: how many more orders will a customer place, and will there be one at all?
//!
//! Assumes  while alive, orders are Poisson(λ), λ ~ Gamma(r, α); after any order the customer drops out with p ~ Beta(a, b).
//! Input    `x` [n] repeat purchase days; `t_x` [n] age at the last one; `T` [n] age at the as-of day; one unit of time throughout.
//! Output   r, α, a, b with standard errors; P(alive), P(no order in t), E[orders in t], P(n orders in t).
//! Cost     O(distinct (x, t_x, T)) per likelihood call; the day grid makes a million customers about a hundred thousand.
//! Ref      Fader, Hardie & Lee (2005), Marketing Science 24(2): eq. (6) likelihood, (8) counts, (9) mean, (10) conditional mean.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::count;
use super::purchases::{Purchases, Triple};
use crate::chunks;
use crate::optim::{self, NoMaximum, Point, Search};

/// What a and b must add to the log-likelihood of customers who never drop out: half the 95% point of χ² with two degrees of freedom.
/// Below it their confidence region reaches b → ∞, and the numbers at its middle mean nothing.
const DROPOUT_GAIN_MIN: f64 = 3.0;
/// How far ln(parameter) may go from its natural scale before the search says that it runs away: a factor of a million.
const LN_FAR: f64 = 13.8;
/// ln(b/a) from here on means a dropout chance below one in ten thousand orders.
const LN_NO_DROPOUT: f64 = 9.2;
const SUMS: usize = 15;

/// The paper's four letters. α has the unit of time, the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgNbdParameters {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

/// A fit with the asymptotic standard errors of the four parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgNbdFit {
    pub parameters: BgNbdParameters,
    pub standard_errors: BgNbdParameters,
    pub log_likelihood: f64,
    pub rows: usize,
}

/// One customer's history, as the model needs it.
#[derive(Clone, Copy, Debug)]
pub struct History {
    pub x: f64,
    pub t_x: f64,
    pub t: f64,
}

impl BgNbdParameters {
    fn letters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b]
    }

    fn from_letters([r, alpha, a, b]: [f64; 4]) -> Self {
        Self { r, alpha, a, b }
    }

    /// The parameters of a customer known to be alive at T: λ and p keep their families, and the future is a BG/NBD of its own.
    fn posterior(&self, seen: &History) -> Self {
        Self { r: self.r + seen.x, alpha: self.alpha + seen.t, a: self.a, b: self.b + seen.x }
    }

    /// P(alive at T | x, t_x, T): 1 for a customer without a repeat, who has had no occasion to drop out.
    #[must_use]
    pub fn p_alive(&self, seen: &History) -> f64 {
        if seen.x == 0.0 {
            return 1.0;
        }
        let odds_gone = libm::log(self.a / (self.b + seen.x - 1.0))
            + (self.r + seen.x) * (libm::log(self.alpha + seen.t) - libm::log(self.alpha + seen.t_x));
        // 1/(1 + e^u) without overflow on either side.
        if odds_gone > 0.0 { libm::exp(-odds_gone) / (1.0 + libm::exp(-odds_gone)) } else { 1.0 / (1.0 + libm::exp(odds_gone)) }
    }

    /// P(no order in the next `t` | x, t_x, T) = 1 − P(alive) · (1 − ((α + T)/(α + T + t))^(r + x)).
    ///
    /// Dropout happens only at an order, so a living customer is silent only by the Poisson process. This, not 1 − P(alive), is churn.
    #[must_use]
    pub fn p_no_order(&self, seen: &History, t: f64) -> f64 {
        let now = self.posterior(seen);
        let p_order_if_alive = -libm::expm1(-now.r * libm::log1p(t / now.alpha));
        1.0 - self.p_alive(seen) * p_order_if_alive
    }

    /// E[orders in (0, t]] of a new customer, not counting the first order: eq. (9), summed so that nothing cancels.
    #[must_use]
    pub fn orders_expected(&self, t: f64) -> f64 {
        count::orders_expected(self.r, t / self.alpha, self.a, self.b)
    }

    /// E[orders in (T, T + t] | x, t_x, T]: eq. (10).
    #[must_use]
    pub fn orders_expected_after(&self, seen: &History, t: f64) -> f64 {
        self.p_alive(seen) * self.posterior(seen).orders_expected(t)
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
        evaluate(data, &self.letters(), 1).value
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(data: &Purchases, threads: usize) -> Result<BgNbdFit, FitError> {
    data.carries_a_model()?;
    let mut last = None;
    for start in [[0.5, 0.7, 2.5], [2.0, 0.3, 10.0]] {
        let found = optim::maximise(&search(data, start), |theta| {
            let letters = theta.map(libm::exp);
            evaluate(data, &letters, threads).on_log_scale(&letters)
        });
        match found {
            Ok(found) => {
                let letters = found.at.map(libm::exp);
                // Delta method: the standard error of e^θ is e^θ times that of θ.
                let errors = std::array::from_fn(|i| letters[i] * found.covariance[i][i].sqrt());
                let fit = BgNbdFit {
                    parameters: BgNbdParameters::from_letters(letters),
                    standard_errors: BgNbdParameters::from_letters(errors),
                    log_likelihood: found.value,
                    rows: data.rows,
                };
                return tells_dropout(data, fit);
            }
            Err(reason) => last = Some(reason),
        }
    }
    Err(FitError::NoMaximum(last.map_or_else(String::new, |reason| explain(&reason))))
}

/// A search from (r, a, b), with the α that gives the observed rate of orders.
fn search(data: &Purchases, [r, a, b]: [f64; 3]) -> Search<4> {
    let (rate, unit) = (data.x_sum / data.t_sum, libm::log(data.t_sum / data.rows as f64));
    Search {
        start: [r, r / rate, a, b].map(libm::log),
        low: [-LN_FAR, unit - LN_FAR, -LN_FAR, -LN_FAR],
        high: [LN_FAR, unit + LN_FAR, LN_FAR, LN_FAR],
    }
}

/// The fit, unless customers who never drop out (b → ∞, which leaves an NBD) explain the data as well.
fn tells_dropout(data: &Purchases, fit: BgNbdFit) -> Result<BgNbdFit, FitError> {
    let whole = search(data, [fit.parameters.r, 1.0, 1.0]);
    let [low, high] = [whole.low, whole.high].map(|[r, alpha, ..]| [r, alpha]);
    let without = optim::maximise(&Search { start: [whole.start[0], whole.start[1]], low, high }, |theta| {
        let [r, alpha] = theta.map(libm::exp);
        let letters = [r, alpha, 0.0, 1.0];
        let point = shared_terms(data, &letters, &Lookup::of(data, &letters));
        let [[rr, r_alpha, ..], [_, alpha_alpha, ..], ..] = point.hessian;
        let gradient = [point.gradient[0], point.gradient[1]];
        Point { value: point.value, gradient, hessian: [[rr, r_alpha], [r_alpha, alpha_alpha]] }.on_log_scale(&[r, alpha])
    });
    // Without even an NBD to compare with, dropout is what explains the data.
    let Ok(without) = without else { return Ok(fit) };
    let gain = fit.log_likelihood - without.value;
    if gain >= DROPOUT_GAIN_MIN {
        return Ok(fit);
    }
    let (is, se) = (fit.parameters, fit.standard_errors);
    Err(FitError::NoMaximum(format!(
        "none that the data can tell from customers who never drop out, where b grows without bound: the BG/NBD log-likelihood is {:.3} at its best \
         (a {:.3e} with standard error {:.1e}, b {:.3e} with {:.1e}) and {:.3} without dropout, a gain of {gain:.3} where evidence begins at {DROPOUT_GAIN_MIN}; \
         use a model that does not need dropout",
        fit.log_likelihood, is.a, se.a, is.b, se.b, without.value
    )))
}

/// Why there is no fit, in words about customers.
fn explain(reason: &NoMaximum<4>) -> String {
    let letters = |at: &[f64; 4]| {
        let [r, alpha, a, b] = at.map(libm::exp);
        format!("r {r:.3e}, alpha {alpha:.3e}, a {a:.3e}, b {b:.3e}")
    };
    match reason {
        NoMaximum::RunsAway { axis, at, value } => {
            let why = match (axis, at[*axis] > 0.0) {
                (0 | 1, true) => {
                    "r and alpha grow without bound: all customers seem to order at one rate, so a spread of rates cannot be estimated"
                }
                (0 | 1, false) => {
                    "r or alpha shrinks to 0: almost all orders come from a few customers, too unequal for a Gamma spread of rates"
                }
                (_, true) if at[3] - at[2] > LN_NO_DROPOUT => {
                    "b grows without bound: nothing in the data shows that customers drop out at all, so dropout cannot be estimated"
                }
                (_, true) => {
                    "a and b grow without bound: one dropout chance suits all customers, so its spread cannot be estimated"
                }
                (_, false) => "a or b shrinks to 0: customers seem either never to drop out or to do so at once",
            };
            format!(
                "the BG/NBD likelihood still rises at {} (log-likelihood {value:.3}); {why}; use a model that does not need it",
                letters(at)
            )
        }
        NoMaximum::NotFinite { at } => format!("the BG/NBD likelihood has no finite value at {}", letters(at)),
        NoMaximum::Stalled { at, value } => {
            format!(
                "the BG/NBD likelihood is flat around {} (log-likelihood {value:.3}), so the four parameters cannot be told apart",
                letters(at)
            )
        }
    }
}

/// Per-age and per-x values that the triples look up.
struct Lookup {
    ln_age: Vec<f64>,
    inverse_age: Vec<f64>,
    /// ln a − ln(b + x − 1) and 1/(b + x − 1), at index x.
    ln_odds: Vec<f64>,
    inverse_b: Vec<f64>,
    r: f64,
}

impl Lookup {
    fn of(data: &Purchases, &[r, alpha, a, b]: &[f64; 4]) -> Self {
        Self {
            ln_age: data.ages.iter().map(|age| libm::log(alpha + age)).collect(),
            inverse_age: data.ages.iter().map(|age| 1.0 / (alpha + age)).collect(),
            ln_odds: (0..=data.above.len()).map(|x| libm::log(a / (b + x as f64 - 1.0))).collect(),
            inverse_b: (0..=data.above.len()).map(|x| 1.0 / (b + x as f64 - 1.0)).collect(),
            r,
        }
    }
}

/// Log-likelihood, gradient and Hessian by (r, α, a, b).
fn evaluate(data: &Purchases, letters: &[f64; 4], threads: usize) -> Point<4> {
    let a = letters[2];
    let lookup = Lookup::of(data, letters);
    let mut point = shared_terms(data, letters, &lookup);
    let [v, g_r, g_alpha, s1, g_b, rr, r_alpha, alpha_alpha, r_a, alpha_a, s2, r_b, alpha_b, a_b, b_b] =
        chunks::sums(data.triples.len(), threads, |rows| triple_sums(&data.triples[rows], &lookup));
    point.value += v;
    let (by_a, by_aa) = (1.0 / a, 1.0 / (a * a));
    for (slot, sum) in point.gradient.iter_mut().zip([g_r, g_alpha, s1 * by_a, g_b]) {
        *slot += sum;
    }
    let hessian = [
        [rr, r_alpha, r_a * by_a, r_b],
        [r_alpha, alpha_alpha, alpha_a * by_a, alpha_b],
        [r_a * by_a, alpha_a * by_a, (s2 - s1) * by_aa, a_b * by_a],
        [r_b, alpha_b, a_b * by_a, b_b],
    ];
    for (row, sums) in point.hessian.iter_mut().zip(hessian) {
        row.iter_mut().zip(sums).for_each(|(slot, sum)| *slot += sum);
    }
    point
}

/// What depends on x alone or on T alone. With whole x every ratio of Γ is a product, and its logarithm a sum over k < x.
fn shared_terms(data: &Purchases, &[r, alpha, a, b]: &[f64; 4], lookup: &Lookup) -> Point<4> {
    let mut point = Point { value: 0.0, gradient: [0.0; 4], hessian: [[0.0; 4]; 4] };
    for (k, &above) in data.above.iter().enumerate() {
        let k = k as f64;
        let (by_r, by_b, by_ab) = (1.0 / (r + k), 1.0 / (b + k), 1.0 / (a + b + k));
        point.value += above * (libm::log(r + k) - libm::log1p(a * by_b));
        point.gradient[0] += above * by_r;
        point.gradient[2] -= above * by_ab;
        point.gradient[3] += above * a * by_b * by_ab;
        point.hessian[0][0] -= above * by_r * by_r;
        point.hessian[2][2] += above * by_ab * by_ab;
        point.hessian[2][3] += above * by_ab * by_ab;
        point.hessian[3][3] -= above * a * by_b * by_ab * (by_b + by_ab);
    }
    // r ln α − (r + x) ln(α + T), the first part spread over the ages so that large α cancels exactly.
    for &(age, customers, repeats) in &data.at_age {
        let (ln_age, inverse) = (lookup.ln_age[age as usize], lookup.inverse_age[age as usize]);
        let t = data.ages[age as usize];
        let ln_share = -libm::log1p(t / alpha);
        point.value += customers * r * ln_share - repeats * ln_age;
        point.gradient[0] += customers * ln_share;
        point.gradient[1] += customers * r * t / alpha * inverse - repeats * inverse;
        point.hessian[0][1] += customers * t / alpha * inverse;
        point.hessian[1][1] += repeats * inverse * inverse - customers * r * t / alpha * inverse * (1.0 / alpha + inverse);
    }
    point.hessian[1][0] = point.hessian[0][1];
    point.hessian[3][2] = point.hessian[2][3];
    point
}

/// softplus(u), u = ln a − ln(b + x − 1) + (r + x) ln((α + T)/(α + t_x)), and its derivatives, weighted.
fn triple_sums(triples: &[Triple], lookup: &Lookup) -> [f64; SUMS] {
    let mut sums = [0.0; SUMS];
    for triple in triples {
        let (t, t_x, x) = (triple.t as usize, triple.t_x as usize, triple.x as usize);
        let shape = lookup.r + f64::from(triple.x);
        let u_r = lookup.ln_age[t] - lookup.ln_age[t_x];
        let fall = lookup.inverse_age[t] - lookup.inverse_age[t_x];
        let u_alpha = shape * fall;
        let u_b = -lookup.inverse_b[x];
        let u = lookup.ln_odds[x] + shape * u_r;
        let e = libm::exp(-u.abs());
        let half = 1.0 / (1.0 + e);
        let sigma = if u >= 0.0 { half } else { e * half };
        let s1 = triple.weight * sigma;
        let s2 = triple.weight * e * half * half;
        let (s2_r, s2_alpha, s2_b) = (s2 * u_r, s2 * u_alpha, s2 * u_b);
        let terms = [
            triple.weight * (u.max(0.0) + libm::log1p(e)),
            s1 * u_r,
            s1 * u_alpha,
            s1,
            s1 * u_b,
            s2_r * u_r,
            s2_r * u_alpha + s1 * fall,
            s2_alpha * u_alpha - s1 * u_alpha * (lookup.inverse_age[t] + lookup.inverse_age[t_x]),
            s2_r,
            s2_alpha,
            s2,
            s2_r * u_b,
            s2_alpha * u_b,
            s2_b,
            (s2_b + s1 * u_b) * u_b,
        ];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    sums
}
