//! BG/BB: how many more orders will a customer place, when there is one opportunity a period to place one?
//!
//! Assumes  at every opportunity a living customer orders with p ~ Beta(α, β); before every one the customer leaves with θ ~ Beta(γ, δ).
//! Input    `x` [n] opportunities used; `t_x` [n] the last one used, 0 for none; `n` [n] opportunities so far; all whole numbers.
//! Output   α, β, γ, δ with standard errors; P(alive at the next opportunity), P(no order in m), E[orders in m opportunities].
//! Cost     one term for every opportunity after t_x, for every distinct (x, t_x, n) and likelihood call.
//! Ref      Fader, Hardie & Shang (2010), Marketing Science 29(6): eq. (5) likelihood, (8) mean, (11) alive, (13) conditional mean.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::beta_dropout::refuse_without_gain;
use super::bgnbd::History;
use super::forecast::{Forecast, Future};
use super::letters::{self, Escape, Fit, LN_FAR, Letters, letters};
use super::purchases::{Purchases, Triple};
use crate::chunks;
use crate::optim::{self, Point, Search};

/// More opportunities than this are no periods but a clock.
const OPPORTUNITIES_MAX: f64 = 10_000.0;
/// γ/δ below this means that fewer than one in ten thousand leave.
const NO_LEAVING: f64 = 1e-4;
/// Sums are kept below this and the rest in a logarithm.
const LARGE: f64 = 1e150;

/// The paper's four letters; none has a unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgBbParameters {
    pub alpha: f64,
    pub beta: f64,
    pub gamma: f64,
    pub delta: f64,
}

letters!(BgBbParameters, "bgbb", [alpha, beta, gamma, delta]);

pub type BgBbFit = Fit<BgBbParameters>;

impl BgBbParameters {
    #[must_use]
    pub fn log_likelihood(&self, data: &Purchases) -> f64 {
        let letters = [self.alpha, self.beta, self.gamma, self.delta];
        evaluate(data, &data.everyone(), &letters, 1).value
    }

    /// Σ over the opportunities 1..=m of P(not left before it), where `stayed` opportunities have been survived already.
    fn opportunities_alive(&self, stayed: f64, m: f64) -> f64 {
        let (mut alive, mut sum, mut k) = (1.0, 0.0, 0.0);
        while k < m {
            alive *= (self.delta + stayed + k) / (self.gamma + self.delta + stayed + k);
            sum += alive;
            k += 1.0;
        }
        sum
    }
}

impl Forecast for BgBbParameters {
    /// Alive is, as in eq. (11), to be alive at the next opportunity.
    fn ln_odds_gone(&self, seen: &History) -> f64 {
        let (x, n) = (seen.x, seen.t);
        // Having left after m opportunities, for m = n − 1 down to t_x, relative to having survived all n.
        let (mut m, mut sum, mut ln_scale) = (n - 1.0, 0.0, 0.0);
        let mut term = self.gamma / (self.delta + m) * (self.alpha + self.beta + m) / (self.beta + m - x);
        while m >= seen.t_x {
            sum += term;
            m -= 1.0;
            term *= (self.alpha + self.beta + m) / (self.beta + m - x) * (self.gamma + self.delta + m + 1.0) / (self.delta + m);
            if sum > LARGE {
                sum /= LARGE;
                term /= LARGE;
                ln_scale += libm::log(LARGE);
            }
        }
        // … and of those who survived n, some leave before the next.
        let leaves = self.gamma * libm::exp(-ln_scale);
        ln_scale + libm::log((sum * (self.gamma + self.delta + n) + leaves) / (self.delta + n))
    }

    fn if_alive(&self, seen: &History, m: f64) -> Future {
        let (used, offered) = (self.alpha + seen.x, self.alpha + self.beta + seen.t);
        if m < 1.0 {
            return Future { orders: 0.0, p_silent: 1.0 };
        }
        // The next opportunity is survived by assumption.
        let stayed = seen.t + 1.0;
        let orders = used / offered * (1.0 + self.opportunities_alive(stayed, m - 1.0));
        let (mut alive, mut silent, mut p_silent, mut k) = (1.0, 1.0, 0.0, 0.0);
        while k < m {
            silent *= (offered - used + k) / (offered + k);
            if k + 1.0 < m {
                let leaves = self.gamma / (self.gamma + self.delta + stayed + k);
                p_silent += alive * leaves * silent;
                alive *= 1.0 - leaves;
            }
            k += 1.0;
        }
        Future { orders, p_silent: p_silent + alive * silent }
    }

    fn orders_expected(&self, m: f64) -> f64 {
        self.alpha / (self.alpha + self.beta) * self.opportunities_alive(0.0, m)
    }
}

/// Refuses what no customer can have done: more orders than opportunities, or parts of one.
pub(super) fn check_opportunities(x: &[f64], t_x: &[f64], n: &[f64]) -> Result<(), FitError> {
    for (row, ((&x, &t_x), &n)) in x.iter().zip(t_x).zip(n).enumerate() {
        let say = |what: String| Err(FitError::Refused(format!("row {}: {what}", row + 1)));
        if !(0.0..=OPPORTUNITIES_MAX).contains(&n) || n.fract() != 0.0 {
            return say(format!("n is {n}, allowed are whole numbers from 0 to {OPPORTUNITIES_MAX}"));
        }
        if t_x.fract() != 0.0 || x > t_x {
            return say(format!("t_x is {t_x}, allowed are whole numbers from x = {x} to n = {n}"));
        }
    }
    Ok(())
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(data: &Purchases, threads: usize) -> Result<BgBbFit, FitError> {
    data.carries_a_model()?;
    let everyone = data.everyone();
    let searches = [[1.0, 1.0, 0.5, 3.0], [0.5, 2.0, 1.0, 10.0]].map(search);
    let likelihood = |letters: &[f64; 4]| evaluate(data, &everyone, letters, threads);
    let found = letters::maximise(BgBbParameters::NAMES, &searches, likelihood, why)?;
    let [alpha, beta, ..] = found.letters;
    let without = optim::maximise(&search([alpha, beta]), |theta| {
        let letters = theta.map(libm::exp);
        let point = staying(data, &everyone, &letters);
        point.on_log_scale(&letters)
    });
    // Without even a Beta-binomial to compare with, leaving is what explains the data.
    if let Ok(without) = without {
        refuse_without_gain(&found, ["gamma", "delta"], without.value)?;
    }
    found.fit(data.rows)
}

fn search<const N: usize>(start: [f64; N]) -> Search<N> {
    Search { start: start.map(libm::log), low: [-LN_FAR; N], high: [LN_FAR; N] }
}

fn why(escape: Escape) -> &'static str {
    let &[_, _, gamma, delta] = escape.letters else { return "" };
    match (escape.axis, escape.is_up) {
        (0 | 1, true) => {
            "alpha and beta grow without bound: all customers seem to order equally often, so a spread cannot be estimated"
        }
        (0 | 1, false) => "alpha or beta shrinks to 0: customers seem to order either always or never",
        _ if gamma < delta * NO_LEAVING => {
            "gamma shrinks beside delta: nothing in the data shows that customers leave at all, so leaving cannot be estimated"
        }
        (_, true) => {
            "gamma and delta grow without bound: one chance of leaving suits all customers, so its spread cannot be estimated"
        }
        (_, false) => "gamma or delta shrinks to 0: customers seem either never to leave or to do so at once",
    }
}

/// Σ ln(c + k) over k < m for m = 0, 1, …: with whole counts every ratio of Γ is a product.
fn products<const N: usize>(from: &Point<N>, m_max: usize) -> Vec<Point<N>> {
    let steps = (0..m_max).scan(Point::constant(0.0), |sum, k| {
        *sum = *sum + (*from + k as f64).ln();
        Some(*sum)
    });
    std::iter::once(Point::constant(0.0)).chain(steps).collect()
}

/// The Beta-binomial of customers who never leave, by (α, β).
fn staying(data: &Purchases, everyone: &[Triple], letters: &[f64; 2]) -> Point<2> {
    let orders = Orders::of(Point::variables(letters), n_max(data));
    let customer = |triple: &Triple| orders.ln(triple.x as usize, data.ages[triple.t as usize] as usize).scale(triple.weight);
    everyone.iter().map(customer).fold(Point::constant(0.0), |a, b| a + b)
}

fn n_max(data: &Purchases) -> usize {
    data.ages.last().map_or(0, |n| *n as usize)
}

/// ln of B(α + x, β + m − x)/B(α, β): x of m opportunities used in this order.
struct Orders<const N: usize> {
    used: Vec<Point<N>>,
    passed: Vec<Point<N>>,
    offered: Vec<Point<N>>,
}

impl<const N: usize> Orders<N> {
    fn of([alpha, beta]: [Point<N>; 2], n: usize) -> Self {
        Self { used: products(&alpha, n), passed: products(&beta, n), offered: products(&(alpha + beta), n) }
    }

    fn ln(&self, x: usize, m: usize) -> Point<N> {
        self.used[x] + self.passed[m - x] - self.offered[m]
    }
}

/// Log-likelihood, gradient and Hessian by (α, β, γ, δ).
fn evaluate(data: &Purchases, everyone: &[Triple], letters: &[f64; 4], threads: usize) -> Point<4> {
    let [alpha, beta, gamma, delta] = Point::variables(letters);
    let n_max = n_max(data);
    let orders = Orders::of([alpha, beta], n_max);
    let (stayed, at_risk) = (products(&delta, n_max), products(&(gamma + delta), n_max + 1));
    let ln_gamma = gamma.ln();
    let customer = |triple: &Triple| {
        let (x, t_x, n) = (triple.x as usize, data.ages[triple.t_x as usize] as usize, data.ages[triple.t as usize] as usize);
        let alive = orders.ln(x, n) + stayed[n] - at_risk[n];
        let left_after = |m: usize| orders.ln(x, m) + stayed[m] - at_risk[m + 1] + ln_gamma;
        (t_x..n).map(left_after).fold(alive, |sum, term| sum.log_add(&term)).scale(triple.weight)
    };
    let parts =
        chunks::map(everyone.len(), threads, |rows| everyone[rows].iter().map(customer).fold(Point::constant(0.0), |a, b| a + b));
    parts.into_iter().fold(Point::constant(0.0), |a, b| a + b)
}
