//! The likelihood that BG/NBD and MBG/NBD share: a Beta-distributed chance of dropping out after an order.
//!
//! Assumes  orders are Poisson(λ), λ ~ Gamma(r, α), until the customer drops out with p ~ Beta(a, b) at one of the [`Chances`].
//! Input    [`Purchases`]: distinct (x, t_x, T) with weights, one unit of time throughout.
//! Output   r, α, a, b at the maximum with standard errors, or why there is none.
//! Cost     O(distinct (x, t_x, T)) per likelihood call, 5 to 15 calls.
//! Ref      Fader, Hardie & Lee (2005), Marketing Science 24(2), eq. (6); Batislam, Denizel & Filiztekin (2007), IJRM 24(3), eq. (4).

use perennial_contract::estimator::FitError;

use super::bgnbd::History;
use super::letters::{self, Escape, Fit, Found, GAIN_MIN_TWO, LN_FAR, Letters};
use super::nbd;
use super::purchases::{Purchases, Triple};
use crate::chunks;
use crate::optim::{Point, Search};

/// b/a from here on means a dropout chance below one in ten thousand orders.
const NO_DROPOUT: f64 = 1e4;
const SUMS: usize = 15;
/// (r, a, b) to begin from.
const STARTS: [[f64; 3]; 2] = [[0.5, 0.7, 2.5], [2.0, 0.3, 10.0]];
/// From so many distinct histories on, the first steps of a search look at one in so many.
const THINNED_FROM: usize = 50_000;
const THINNED_STEP: usize = 16;

/// When a customer may drop out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chances {
    /// After every repeat order: x chances (BG/NBD).
    AfterRepeats,
    /// After the first order too: x + 1 chances (MBG/NBD).
    AfterEveryOrder,
}

impl Chances {
    /// How many more than repeats.
    pub const fn extra(self) -> usize {
        match self {
            Self::AfterRepeats => 0,
            Self::AfterEveryOrder => 1,
        }
    }
}

/// The customers, as a likelihood with these chances needs them.
struct Cases<'data> {
    data: &'data Purchases,
    /// Histories with at least one chance to be gone.
    triples: std::borrow::Cow<'data, [Triple]>,
    /// `more[k]` customers had more than k chances.
    more: Vec<f64>,
    extra: usize,
}

impl<'data> Cases<'data> {
    fn of(data: &'data Purchases, chances: Chances) -> Self {
        let extra = chances.extra();
        let everyone = std::iter::repeat_n(data.rows as f64, extra);
        let more = everyone.chain(data.above.iter().copied()).collect();
        let triples = match chances {
            Chances::AfterRepeats => data.triples.as_slice().into(),
            Chances::AfterEveryOrder => data.everyone().into(),
        };
        Self { data, triples, more, extra }
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub(super) fn fit<P: Letters>(data: &Purchases, chances: Chances, threads: usize) -> Result<Fit<P>, FitError> {
    data.carries_a_model()?;
    let cases = Cases::of(data, chances);
    let cold = STARTS.map(|start| search(data, start));
    let searches: Vec<_> = near_start(data, chances).into_iter().chain(cold).collect();
    let found = letters::maximise(P::NAMES, &searches, |letters| evaluate(&cases, letters, threads), why)?;
    tells_dropout(data, &found)?;
    found.fit(data.rows)
}

/// Where the search ends on a part of the data that is quickly gone through; `None` where all of it is, or has no maximum.
fn near_start(data: &Purchases, chances: Chances) -> Option<Search<4>> {
    if data.triples.len() < THINNED_FROM {
        return None;
    }
    let part = data.thinned(THINNED_STEP);
    let cases = Cases::of(&part, chances);
    let searches = STARTS.map(|start| search(&part, start));
    let found = letters::maximise(&[], &searches, |letters| evaluate(&cases, letters, 1), why).ok()?;
    Some(Search { start: found.letters.map(libm::log), ..search(data, STARTS[0]) })
}

/// The log-likelihood of (r, α, a, b).
pub(super) fn log_likelihood(data: &Purchases, chances: Chances, letters: &[f64; 4]) -> f64 {
    evaluate(&Cases::of(data, chances), letters, 1).value
}

/// One customer's part with x chances, by (r, α, a, b), letters of the customer's own.
pub(super) fn customer(letters: &[f64; 4], seen: &History) -> Point<4> {
    let History { x, t_x, t } = *seen;
    let &[r, alpha, a, b] = letters;
    let buying = nbd::customer(&[r, alpha], seen);
    let mut point = Point::constant(buying.value);
    for i in 0..2 {
        point.gradient[i] = buying.gradient[i];
        point.hessian[i][..2].copy_from_slice(&buying.hessian[i]);
    }
    for k in 0..x as usize {
        stay(&mut point, [a, b + k as f64], 1.0);
    }
    point.hessian[3][2] = point.hessian[2][3];
    if x == 0.0 {
        return point;
    }
    let [r, alpha, a, b] = Point::variables(letters);
    let odds = a.ln() - (b + (x - 1.0)).ln() + (r + x) * ((alpha + t).ln() - (alpha + t_x).ln());
    point + odds.softplus()
}

/// Adds `more` times −ln(1 + a/b'), the chance b' = b + k that was survived, with its derivatives by a and b.
fn stay(point: &mut Point<4>, [a, b]: [f64; 2], more: f64) {
    let (by_b, by_ab) = (1.0 / b, 1.0 / (a + b));
    point.value -= more * libm::log1p(a * by_b);
    point.gradient[2] -= more * by_ab;
    point.gradient[3] += more * a * by_b * by_ab;
    point.hessian[2][2] += more * by_ab * by_ab;
    point.hessian[2][3] += more * by_ab * by_ab;
    point.hessian[3][3] -= more * a * by_b * by_ab * (by_b + by_ab);
}

/// The searches of a fit that knows nothing better.
pub(super) fn searches(data: &Purchases) -> Vec<Search<4>> {
    STARTS.map(|start| search(data, start)).into()
}

/// A search from (r, a, b), with the α that gives the observed rate of orders.
pub(super) fn search(data: &Purchases, [r, a, b]: [f64; 3]) -> Search<4> {
    let (rate, unit) = data.scales();
    Search {
        start: [r, r / rate, a, b].map(libm::log),
        low: [-LN_FAR, unit - LN_FAR, -LN_FAR, -LN_FAR],
        high: [LN_FAR, unit + LN_FAR, LN_FAR, LN_FAR],
    }
}

/// Refused where customers who never drop out (b → ∞, which leaves an NBD) explain the data as well.
fn tells_dropout(data: &Purchases, found: &Found<4>) -> Result<(), FitError> {
    // Without even an NBD to compare with, dropout is what explains the data.
    let Some(without) = nbd::maximum(data, found.letters[0]) else { return Ok(()) };
    refuse_without_gain(found, ["a", "b"], without)
}

/// Two letters of dropout must add [`GAIN_MIN_TWO`] to the log-likelihood without dropout. Below it their confidence region reaches
/// the second letter's ∞, and the numbers at its middle mean nothing.
pub(super) fn refuse_without_gain(found: &Found<4>, [p, q]: [&str; 2], without: f64) -> Result<(), FitError> {
    let gain = found.value - without;
    if gain >= GAIN_MIN_TWO {
        return Ok(());
    }
    let ([.., first, second], [.., se_first, se_second]) = (found.letters, found.errors);
    Err(FitError::NoMaximum(format!(
        "none that the data can tell from customers who never drop out, where {q} grows without bound: the log-likelihood is {:.3} at its best \
         ({p} {first:.3e} with standard error {se_first:.1e}, {q} {second:.3e} with {se_second:.1e}) and {without:.3} without dropout, \
         a gain of {gain:.3} where evidence begins at {GAIN_MIN_TWO}; use a model that does not need dropout",
        found.value
    )))
}

/// What it means that a letter runs away.
pub(super) fn why(escape: Escape) -> &'static str {
    let &[_, _, a, b] = escape.letters else { return "" };
    match (escape.axis, escape.is_up) {
        (0 | 1, true) => {
            "r and alpha grow without bound: all customers seem to order at one rate, so a spread of rates cannot be estimated"
        }
        (0 | 1, false) => {
            "r or alpha shrinks to 0: almost all orders come from a few customers, too unequal for a Gamma spread of rates"
        }
        (_, true) if b > a * NO_DROPOUT => {
            "b grows without bound: nothing in the data shows that customers drop out at all, so dropout cannot be estimated"
        }
        (_, true) => "a and b grow without bound: one dropout chance suits all customers, so its spread cannot be estimated",
        (_, false) => "a or b shrinks to 0: customers seem either never to drop out or to do so at once",
    }
}

/// Per-age and per-x values that the triples look up.
struct Lookup {
    ln_age: Vec<f64>,
    inverse_age: Vec<f64>,
    /// ln a − ln(b + chances − 1) and 1/(b + chances − 1), at index x.
    ln_odds: Vec<f64>,
    inverse_b: Vec<f64>,
    r: f64,
}

impl Lookup {
    fn of(cases: &Cases, &[r, alpha, a, b]: &[f64; 4]) -> Self {
        let data = cases.data;
        let chances = |x: usize| b + (x + cases.extra) as f64 - 1.0;
        Self {
            ln_age: data.ages.iter().map(|age| libm::log(alpha + age)).collect(),
            inverse_age: data.ages.iter().map(|age| 1.0 / (alpha + age)).collect(),
            ln_odds: (0..=data.above.len()).map(|x| libm::log(a / chances(x))).collect(),
            inverse_b: (0..=data.above.len()).map(|x| 1.0 / chances(x)).collect(),
            r,
        }
    }
}

/// Log-likelihood, gradient and Hessian by (r, α, a, b).
fn evaluate(cases: &Cases, letters: &[f64; 4], threads: usize) -> Point<4> {
    let a = letters[2];
    let lookup = Lookup::of(cases, letters);
    let mut point = shared_terms(cases, letters);
    let triples = &cases.triples;
    let [v, g_r, g_alpha, s1, g_b, rr, r_alpha, alpha_alpha, r_a, alpha_a, s2, r_b, alpha_b, a_b, b_b] =
        chunks::sums(triples.len(), threads, |rows| triple_sums(&triples[rows], &lookup));
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

/// What depends on x alone or on T alone: the NBD, and the chances that were survived if the last one was.
fn shared_terms(cases: &Cases, &[r, alpha, a, b]: &[f64; 4]) -> Point<4> {
    let nbd = nbd::evaluate(cases.data, &[r, alpha]);
    let mut point = Point::constant(nbd.value);
    for i in 0..2 {
        point.gradient[i] = nbd.gradient[i];
        point.hessian[i][..2].copy_from_slice(&nbd.hessian[i]);
    }
    for (k, &more) in cases.more.iter().enumerate() {
        stay(&mut point, [a, b + k as f64], more);
    }
    point.hessian[3][2] = point.hessian[2][3];
    point
}

/// softplus(u), u = ln a − ln(b + chances − 1) + (r + x) ln((α + T)/(α + t_x)), and its derivatives, weighted.
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
