//! Pareto/NBD: how many more orders will a customer place, if customers leave at any moment and not only after an order?
//!
//! Assumes  while alive, orders are Poisson(λ), λ ~ Gamma(r, α); a customer leaves at a rate μ ~ Gamma(s, β), seen by nobody.
//! Input    `x` [n] repeat purchase days; `t_x` [n] age at the last one; `T` [n] age at the as-of day; one unit of time throughout.
//! Output   r, α, s, β with standard errors; P(alive), P(no order in t), E[orders in t].
//! Cost     one integral of 24 to 72 nodes for every distinct (x, age) on a day grid, or (x, t_x, T) off it, and likelihood call.
//! Ref      Schmittlein, Morrison & Colombo (1987), Management Science 33(1); Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::beta_dropout::refuse_without_gain;
use super::bgnbd::History;
use super::covaried::{Covaried, Individual, Moved};
use super::forecast::{Forecast, Future};
use super::letters::{self, Escape, Fit, LN_FAR, Letters, letters};
use super::nbd;
use super::purchases::{Purchases, Triple};
use super::quadrature::{Integrand, Shape, ln_integral};
use crate::chunks;
use crate::optim::{Point, Search};

/// A mean rate of leaving below this share of a customer's age shows no leaving at all.
const NO_LEAVING: f64 = 1e-4;

/// The paper's four letters. α and β have the unit of time, the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParetoNbdParameters {
    pub r: f64,
    pub alpha: f64,
    pub s: f64,
    pub beta: f64,
}

letters!(ParetoNbdParameters, "pareto_nbd", [r, alpha, s, beta]);

pub type ParetoNbdFit = Fit<ParetoNbdParameters>;

/// Leaving at age y with x orders until then and none between t_x and y: ∫ of it over (t_x, T), times s, is the likelihood of being gone.
///
/// ln f(y) = −r ln(1 + y/α) − x ln(α + y) − s ln(1 + y/β) − ln(β + y). The paper writes the integral as a difference of two ₂F₁, for
/// α ≥ β and for α < β, which overflow and cancel; the integral itself has one form, and no difference.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    is: ParetoNbdParameters,
    x: f64,
    ln_alpha: f64,
    ln_beta: f64,
}

impl Leaving {
    fn of(is: ParetoNbdParameters, x: f64) -> Self {
        Self { is, x, ln_alpha: libm::log(is.alpha), ln_beta: libm::log(is.beta) }
    }

    fn value(&self, y: f64) -> f64 {
        let ParetoNbdParameters { r, alpha, s, beta } = self.is;
        let (since_a, since_b) = (libm::log1p(y / alpha), libm::log1p(y / beta));
        -(r + self.x) * since_a - self.x * self.ln_alpha - (s + 1.0) * since_b - self.ln_beta
    }

    /// ln of the likelihood of x orders and being alive at y.
    fn ln_alive(&self, y: f64) -> f64 {
        let ParetoNbdParameters { r, alpha, s, beta } = self.is;
        -(r + self.x) * libm::log1p(y / alpha) - self.x * self.ln_alpha - s * libm::log1p(y / beta)
    }

    fn shape_at(&self, y: f64) -> Shape {
        let ParetoNbdParameters { r, alpha, s, beta } = self.is;
        Shape { reach: alpha.min(beta) + y, steepness: (r + self.x) / (alpha + y) + (s + 1.0) / (beta + y) }
    }

    /// Nobody leaves later who is not alive now.
    fn ln_later(&self, y: f64) -> f64 {
        self.ln_alive(y) - libm::log(self.is.s)
    }

    /// −r ln(1 + y/α) − x ln(α + y) − s ln(1 + y/β) with its derivatives, and the two inverses.
    fn alive(&self, y: f64) -> Point<4> {
        let ParetoNbdParameters { r, alpha, s, beta } = self.is;
        let (since_a, since_b) = (libm::log1p(y / alpha), libm::log1p(y / beta));
        let (by_a, by_b) = (1.0 / (alpha + y), 1.0 / (beta + y));
        let (share_a, share_b) = (y / alpha * by_a, y / beta * by_b);
        let mut point = Point::constant(-(r + self.x) * since_a - self.x * self.ln_alpha - s * since_b);
        point.gradient = [-since_a, r * share_a - self.x * by_a, -since_b, s * share_b];
        point.hessian[0][1] = share_a;
        point.hessian[1][0] = share_a;
        point.hessian[1][1] = self.x * by_a * by_a - r * share_a * (1.0 / alpha + by_a);
        point.hessian[2][3] = share_b;
        point.hessian[3][2] = share_b;
        point.hessian[3][3] = -s * share_b * (1.0 / beta + by_b);
        point
    }
}

impl Integrand<0> for Leaving {
    fn ln(&self, y: f64) -> Point<0> {
        Point::constant(self.value(y))
    }

    fn shape(&self, y: f64) -> Shape {
        self.shape_at(y)
    }

    fn ln_rest(&self, y: f64) -> f64 {
        self.ln_later(y)
    }
}

impl Integrand<4> for Leaving {
    fn ln(&self, y: f64) -> Point<4> {
        let by_b = 1.0 / (self.is.beta + y);
        let mut point = self.alive(y);
        point.value += libm::log(by_b);
        point.gradient[3] -= by_b;
        point.hessian[3][3] += by_b * by_b;
        point
    }

    fn shape(&self, y: f64) -> Shape {
        self.shape_at(y)
    }

    fn ln_rest(&self, y: f64) -> f64 {
        self.ln_later(y)
    }
}

impl ParetoNbdParameters {
    /// λ and μ of a customer who was alive at this age: λ ~ Gamma(r + x, α + age), μ ~ Gamma(s, β + age).
    fn at(&self, x: f64, age: f64) -> Self {
        Self { r: self.r + x, alpha: self.alpha + age, s: self.s, beta: self.beta + age }
    }

    /// Of a customer alive at age 0 and silent for t: ln P(gone by then and silent), ln P(alive and silent).
    fn silence(&self, t: f64) -> [f64; 2] {
        let leaving = Leaving::of(*self, 0.0);
        let gone: Point<0> = ln_integral(0.0, t, &leaving);
        [libm::log(self.s) + gone.value, leaving.ln_alive(t)]
    }

    #[must_use]
    pub fn log_likelihood(&self, data: &Purchases) -> f64 {
        evaluate(data, &Cases::of(data), self, 1).value
    }
}

impl Forecast for ParetoNbdParameters {
    /// After t_x the customer is silent; all that came before cancels.
    fn ln_odds_gone(&self, seen: &History) -> f64 {
        let [gone, alive] = self.at(seen.x, seen.t_x).silence(seen.t - seen.t_x);
        gone - alive
    }

    /// Given life at T the future is a Pareto/NBD of its own.
    fn if_alive(&self, seen: &History, t: f64) -> Future {
        let now = self.at(seen.x, seen.t);
        let [gone, alive] = now.silence(t);
        Future { orders: now.orders_expected(t), p_silent: libm::exp(gone) + libm::exp(alive) }
    }

    /// r/α · ∫₀ᵗ (β/(β + y))^s dy = r β/α · (1 − e^(−(s − 1) ℓ))/(s − 1), ℓ = ln(1 + t/β); ℓ itself at s = 1.
    fn orders_expected(&self, t: f64) -> f64 {
        let (shape, span) = (self.s - 1.0, libm::log1p(t / self.beta));
        let life = if shape == 0.0 { span } else { -libm::expm1(-shape * span) / shape };
        self.r / self.alpha * self.beta * life
    }
}

impl Individual<4> for ParetoNbdParameters {
    const LETTERS: [&'static str; 4] = ["r", "alpha", "s", "beta"];
    const MOVED: &'static [Moved] = &[Moved { axis: 1, sign: -1.0 }, Moved { axis: 3, sign: -1.0 }];

    fn ln_likelihood(&[r, alpha, s, beta]: &[f64; 4], seen: &History) -> Point<4> {
        let mut point = seen_or_gone(&Self { r, alpha, s, beta }, seen);
        for k in 0..seen.x as usize {
            let rate = r + k as f64;
            point.value += libm::log(rate);
            point.gradient[0] += 1.0 / rate;
            point.hessian[0][0] -= 1.0 / (rate * rate);
        }
        point
    }
}

impl Covaried for ParetoNbdParameters {
    const FORM: &'static str = "alpha exp(-sum of alpha.NAME * NAME), beta exp(-sum of beta.NAME * NAME)";

    fn searches(data: &Purchases) -> Vec<Search<4>> {
        searches(data)
    }

    fn why(escape: Escape, data: &Purchases) -> &'static str {
        why(escape, data.t_sum / data.rows as f64)
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(data: &Purchases, threads: usize) -> Result<ParetoNbdFit, FitError> {
    data.carries_a_model()?;
    let cases = Cases::of(data);
    let searches = searches(data);
    let likelihood =
        |&[r, alpha, s, beta]: &[f64; 4]| evaluate(data, &cases, &ParetoNbdParameters { r, alpha, s, beta }, threads);
    let mean_age = data.t_sum / data.rows as f64;
    let found = letters::maximise(ParetoNbdParameters::NAMES, &searches, likelihood, |escape| why(escape, mean_age))?;
    // Without even an NBD to compare with, leaving is what explains the data.
    if let Some(without) = nbd::maximum(data, found.letters[0]) {
        refuse_without_gain(&found, ["s", "beta"], without)?;
    }
    found.fit(data.rows)
}

fn searches(data: &Purchases) -> Vec<Search<4>> {
    [[0.5, 0.6, 1.0], [1.5, 1.5, 3.0]].map(|start| search(data, start)).into()
}

/// A search from r, s and β in mean ages, with the α that gives the observed rate of orders.
pub(super) fn search(data: &Purchases, [r, s, beta]: [f64; 3]) -> Search<4> {
    let (rate, unit) = data.scales();
    Search {
        start: [libm::log(r), libm::log(r / rate), libm::log(s), libm::log(beta) + unit],
        low: [-LN_FAR, unit - LN_FAR, -LN_FAR, unit - LN_FAR],
        high: [LN_FAR, unit + LN_FAR, LN_FAR, unit + LN_FAR],
    }
}

pub(super) fn why(escape: Escape, mean_age: f64) -> &'static str {
    let &[_, _, s, beta, ..] = escape.letters else { return "" };
    match (escape.axis, escape.is_up) {
        (0 | 1, true) => {
            "r and alpha grow without bound: all customers seem to order at one rate, so a spread of rates cannot be estimated"
        }
        (0 | 1, false) => {
            "r or alpha shrinks to 0: almost all orders come from a few customers, too unequal for a Gamma spread of rates"
        }
        _ if s * mean_age < beta * NO_LEAVING => {
            "beta grows beside s: nothing in the data shows that customers leave at all, so leaving cannot be estimated"
        }
        (_, true) => "s and beta grow without bound: one rate of leaving suits all customers, so its spread cannot be estimated",
        (_, false) => "s or beta shrinks to 0: customers seem either never to leave or to do so at once",
    }
}

/// Log-likelihood, gradient and Hessian by (r, α, s, β).
fn evaluate(data: &Purchases, cases: &Cases, is: &ParetoNbdParameters, threads: usize) -> Point<4> {
    let mut point = match cases {
        Cases::Each(triples) => total(triples, threads, |triple| customer(data, triple, is).scale(triple.weight)),
        Cases::Grid { until, known } => {
            let gone_from = |&(x, age): &(u32, u32)| -> [Point<4>; 2] {
                let (leaving, age) = (Leaving::of(*is, f64::from(x)), data.ages[age as usize]);
                [leaving.alive(age), Point::variable(2, is.s).ln() + ln_integral(age, *until, &leaving)]
            };
            let table =
                chunks::map(known.at.len(), threads, |rows| known.at[rows].iter().map(gone_from).collect::<Vec<_>>()).concat();
            total(&known.customers, threads, |&[t_x, t, weight]| {
                let ([_, from], [alive, beyond]) = (&table[t_x as usize], &table[t as usize]);
                let same = if t_x == t { *alive } else { log_add_between(alive, from, beyond) };
                same.scale(f64::from(weight))
            })
        }
    };
    // Γ(r + x)/Γ(r) is a product over k < x.
    for (k, &above) in data.above.iter().enumerate() {
        let rate = is.r + k as f64;
        point.value += above * libm::log(rate);
        point.gradient[0] += above / rate;
        point.hessian[0][0] -= above / (rate * rate);
    }
    point
}

fn total<T: Sync>(rows: &[T], threads: usize, ln: impl Fn(&T) -> Point<4> + Sync) -> Point<4> {
    let parts = chunks::map(rows.len(), threads, |range| rows[range].iter().map(&ln).fold(Point::constant(0.0), |a, b| a + b));
    parts.into_iter().fold(Point::constant(0.0), |a, b| a + b)
}

/// ln(e^alive + e^from − e^beyond), where beyond ≤ from and beyond ≤ alive.
///
/// Nobody leaves after T who is not alive at T, so what is subtracted is at most half of the whole and no digit is lost.
fn log_add_between(alive: &Point<4>, from: &Point<4>, beyond: &Point<4>) -> Point<4> {
    let most = alive.value.max(from.value);
    let [a, f, b] = [alive, from, beyond].map(|part| libm::exp(part.value - most));
    let by = 1.0 / (a + f - b);
    let [a, f, b] = [a * by, f * by, -b * by];
    let gradient: [f64; 4] = std::array::from_fn(|i| a * alive.gradient[i] + f * from.gradient[i] + b * beyond.gradient[i]);
    let bend = |part: &Point<4>, i: usize, j: usize| part.hessian[i][j] + part.gradient[i] * part.gradient[j];
    let hessian = std::array::from_fn(|i| {
        std::array::from_fn(|j| a * bend(alive, i, j) + f * bend(from, i, j) + b * bend(beyond, i, j) - gradient[i] * gradient[j])
    });
    Point { value: most - libm::log(by), gradient, hessian }
}

/// ln(alive at T + s ∫ f over (t_x, T)): all but Γ(r + x)/Γ(r).
fn customer(data: &Purchases, triple: &Triple, is: &ParetoNbdParameters) -> Point<4> {
    let (t_x, t) = (data.ages[triple.t_x as usize], data.ages[triple.t as usize]);
    seen_or_gone(is, &History { x: f64::from(triple.x), t_x, t })
}

fn seen_or_gone(is: &ParetoNbdParameters, seen: &History) -> Point<4> {
    let leaving = Leaving::of(*is, seen.x);
    let gone = Point::variable(2, is.s).ln() + ln_integral(seen.t_x, seen.t, &leaving);
    leaving.alive(seen.t).log_add(&gone)
}

/// How the integrals are taken.
enum Cases {
    /// One for every distinct history.
    Each(Vec<Triple>),
    /// On a grid of days there are many more histories than pairs of x and an age: one for every pair, from there until the last age.
    Grid { until: f64, known: Pairs },
}

struct Pairs {
    /// Distinct (x, index of age).
    at: Vec<(u32, u32)>,
    /// Of every distinct history the pair of t_x, the pair of T, and the weight.
    customers: Vec<[u32; 3]>,
}

impl Cases {
    fn of(data: &Purchases) -> Self {
        let everyone = data.everyone();
        let mut at: Vec<(u32, u32)> = everyone.iter().flat_map(|triple| [(triple.x, triple.t_x), (triple.x, triple.t)]).collect();
        at.sort_unstable();
        at.dedup();
        let until = data.ages.last().copied().unwrap_or(0.0);
        if 2 * at.len() > everyone.len() {
            return Self::Each(everyone);
        }
        let find = |x: u32, age: u32| at.partition_point(|pair| *pair < (x, age)) as u32;
        // Weights are counts of rows, of which there are fewer than 2³².
        let customers = everyone.iter().map(|of| [find(of.x, of.t_x), find(of.x, of.t), of.weight as u32]).collect();
        Self::Grid { until, known: Pairs { at, customers } }
    }
}
