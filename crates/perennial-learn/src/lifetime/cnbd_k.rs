//! BG/CNBD-k and MBG/CNBD-k: what will customers do who order more regularly than at random?
//!
//! Assumes  a gap is the sum of k steps of a Poisson process of rate λ ~ Gamma(r, α); dropout with p ~ Beta(a, b) after an order.
//! Input    `x`, `t_x`, `T` [n] as for BG/NBD, t_x above 0 where x is; `litt` [n], where known, the sum of the logarithms of the x gaps.
//! Output   k, and r, α, a, b given k with standard errors; P(alive), P(no order in t), E[orders in t].
//! Cost     k terms for every distinct (x, t_x, T) and likelihood call; 12 fits. A forecast walks k sums over events.
//! Ref      Platzer & Reutterer (2016), Marketing Science 35(5): eq. (5) likelihood, (9) alive; forecasts are summed exactly here.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::beta_dropout;
use super::bgnbd::History;
use super::count::{self, Stage};
use super::forecast::{Forecast, Future};
use super::letters::{self, Fit, Found, Letters};
use super::purchases::{Purchases, Triple};
use super::special::ln_gamma;
use crate::chunks;
use crate::optim::{self, Point, Search};

/// More regular than this and a calendar describes the customers better than chance does.
pub const K_MAX: u32 = 12;

/// k and the paper's letters given it. `EXTRA` is 1 where a customer may drop out after the first order too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CnbdKParameters<const EXTRA: usize> {
    pub k: f64,
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

pub type BgCnbdKParameters = CnbdKParameters<0>;
pub type MbgCnbdKParameters = CnbdKParameters<1>;
pub type CnbdKFit<const EXTRA: usize> = Fit<CnbdKParameters<EXTRA>>;

impl<const EXTRA: usize> Letters for CnbdKParameters<EXTRA> {
    const MODEL: &'static str = if EXTRA == 0 { "bgcnbd_k" } else { "mbgcnbd_k" };
    const NAMES: &'static [&'static str] = &["k", "r", "alpha", "a", "b"];
    const CHOSEN: &'static [&'static str] = &["k"];

    fn values(&self) -> Vec<f64> {
        vec![self.k, self.r, self.alpha, self.a, self.b]
    }

    fn from_values(values: &[f64]) -> Option<Self> {
        let &[k, r, alpha, a, b] = values else { return None };
        Some(Self { k, r, alpha, a, b })
    }

    fn check(&self) -> Result<(), String> {
        let is_whole = self.k.fract() == 0.0 && (1.0..=f64::from(K_MAX)).contains(&self.k);
        if is_whole { Ok(()) } else { Err(format!("parameter k is {}, allowed are whole numbers from 1 to {K_MAX}", self.k)) }
    }
}

/// Customers, and what their gaps say about k alone.
#[derive(Clone, Debug)]
pub struct Gaps {
    data: Purchases,
    everyone: Vec<Triple>,
    evidence: Evidence,
}

/// The part of the likelihood that holds k and data, but no parameter.
#[derive(Clone, Copy, Debug)]
enum Evidence {
    /// Σ ln gap over all gaps: the density of every order's time.
    EveryGap { ln_gaps: f64 },
    /// The gaps are not known but their sum t_x is: the density of the last order's time, the others integrated out.
    LastOrder,
}

impl Gaps {
    /// From triples, and Σ ln gap of every row where it is known.
    pub fn of(data: Purchases, litt: Option<&[f64]>) -> Result<Self, FitError> {
        if data.triples.iter().any(|triple| data.ages[triple.t_x as usize] <= 0.0) {
            return Err(FitError::Refused(
                "a customer with a repeat has t_x 0; regular gaps need times, so count orders of one day as one".to_owned(),
            ));
        }
        let evidence = match litt {
            None => Evidence::LastOrder,
            Some(litt) => {
                if let Some(row) = litt.iter().position(|sum| !sum.is_finite()) {
                    return Err(FitError::Refused(format!(
                        "row {}: litt is {}, allowed are finite numbers: the sum of the logarithms of the gaps, none of which is 0",
                        row + 1,
                        litt[row]
                    )));
                }
                Evidence::EveryGap { ln_gaps: litt.iter().sum() }
            }
        };
        let gaps = Self { everyone: data.everyone(), data, evidence };
        gaps.check_means()?;
        Ok(gaps)
    }

    /// A mean of logarithms cannot be above the logarithm of the mean: Σ ln gap ≤ Σ x ln(t_x/x).
    fn check_means(&self) -> Result<(), FitError> {
        let Evidence::EveryGap { ln_gaps } = self.evidence else { return Ok(()) };
        let bound = |triple: &Triple| {
            let x = f64::from(triple.x);
            triple.weight * x * libm::log(self.data.ages[triple.t_x as usize] / x)
        };
        let most: f64 = self.data.triples.iter().map(bound).sum();
        if ln_gaps <= most + 1e-9 * (1.0 + most.abs()) {
            return Ok(());
        }
        Err(FitError::Refused(format!(
            "litt sums to {ln_gaps:.3}, allowed is at most {most:.3} for these x and t_x; take natural logarithms of the gaps in the unit of t_x"
        )))
    }

    /// Relative to k = 1, so that there the likelihood is that of BG/NBD.
    fn evidence(&self, k: u32) -> f64 {
        let k = f64::from(k);
        match self.evidence {
            Evidence::EveryGap { ln_gaps } => (k - 1.0) * ln_gaps - self.data.x_sum * ln_gamma(k),
            Evidence::LastOrder => {
                let term = |triple: &Triple| {
                    let x = f64::from(triple.x);
                    let ln_t_x = libm::log(self.data.ages[triple.t_x as usize]);
                    triple.weight * ((k - 1.0) * x * ln_t_x - ln_gamma(k * x) + ln_gamma(x))
                };
                self.data.triples.iter().map(term).sum()
            }
        }
    }
}

/// Maximum likelihood for every k from 1 to 12, and of these the most likely; `threads` changes no bit of the result.
pub fn fit<const EXTRA: usize>(gaps: &Gaps, threads: usize) -> Result<CnbdKFit<EXTRA>, FitError> {
    gaps.data.carries_a_model()?;
    let mut best: Option<(u32, Found<4>)> = None;
    let (mut warm, mut refused) = (None, Vec::new());
    for k in 1..=K_MAX {
        let found = letters::maximise(
            &CnbdKParameters::<EXTRA>::NAMES[1..],
            &searches(&gaps.data, k, warm),
            |letters| evaluate(gaps, Case { k, extra: EXTRA, threads }, letters),
            beta_dropout::why,
        );
        match found {
            Ok(found) => {
                warm = Some(found.letters);
                if best.is_none_or(|(_, best)| found.value > best.value) {
                    best = Some((k, found));
                }
            }
            Err(error) => refused.push((k, error)),
        }
    }
    let Some((k, found)) = best else {
        let first = refused.into_iter().next();
        return Err(first.map_or_else(|| FitError::NoMaximum("no k has one".to_owned()), |(_, error)| error));
    };
    // A k whose likelihood rises without bound to above the best maximum describes the customers better: that maximum is no fit.
    let is_above = |k: u32| without_dropout(gaps, k, found.letters).is_some_and(|without| without > found.value);
    if let Some((_, error)) = refused.into_iter().find(|&(k, _)| is_above(k)) {
        return Err(error);
    }
    if k == K_MAX {
        return Err(FitError::NoMaximum(format!(
            "the likelihood still rises at k = {K_MAX} (log-likelihood {:.3}): these customers order by a calendar, not by chance; \
             use a model of subscriptions or of fixed gaps",
            found.value
        )));
    }
    if let Some(without) = without_dropout(gaps, k, found.letters) {
        beta_dropout::refuse_without_gain(&found, ["a", "b"], without)?;
    }
    let ([r, alpha, a, b], [se_r, se_alpha, se_a, se_b]) = (found.letters, found.errors);
    Ok(Fit {
        parameters: CnbdKParameters { k: f64::from(k), r, alpha, a, b },
        standard_errors: CnbdKParameters { k: 0.0, r: se_r, alpha: se_alpha, a: se_a, b: se_b },
        log_likelihood: found.value,
        rows: gaps.data.rows,
    })
}

/// From the last k's maximum, its λ raised by as much as k, and from two starts of its own.
fn searches(data: &Purchases, k: u32, warm: Option<[f64; 4]>) -> Vec<Search<4>> {
    let k = f64::from(k);
    let cold = [[0.5, 0.7, 2.5], [2.0, 0.3, 10.0]].map(|start| {
        let mut search = beta_dropout::search(data, start);
        search.start[1] -= libm::log(k);
        search
    });
    let warm = warm.map(|[r, alpha, a, b]| Search { start: [r, alpha * (k - 1.0) / k, a, b].map(libm::log), ..cold[0] });
    warm.into_iter().chain(cold).collect()
}

impl<const EXTRA: usize> CnbdKParameters<EXTRA> {
    #[must_use]
    pub fn log_likelihood(&self, gaps: &Gaps) -> f64 {
        evaluate(gaps, Case { k: self.k as u32, extra: EXTRA, threads: 1 }, &[self.r, self.alpha, self.a, self.b]).value
    }

    /// λ of a customer who has placed x orders until `age`, given how many of the next k steps are done.
    fn weights(&self, seen: &History) -> (Vec<f64>, f64) {
        let (r, share) = (self.r + self.k * seen.x, (seen.t - seen.t_x) / (self.alpha + seen.t));
        let mut weight = 1.0;
        let weights: Vec<f64> = (0..self.k as u32)
            .map(|j| {
                let this = weight;
                weight *= (r + f64::from(j)) / f64::from(j + 1) * share;
                this
            })
            .collect();
        let sum = weights.iter().sum();
        (weights, sum)
    }
}

impl<const EXTRA: usize> Forecast for CnbdKParameters<EXTRA> {
    fn ln_odds_gone(&self, seen: &History) -> f64 {
        let chances = seen.x + EXTRA as f64;
        if chances == 0.0 {
            return f64::NEG_INFINITY;
        }
        let (_, sum) = self.weights(seen);
        libm::log(self.a / (self.b + chances - 1.0))
            + (self.r + self.k * seen.x) * libm::log1p((seen.t - seen.t_x) / (self.alpha + seen.t_x))
            - libm::log(sum)
    }

    /// Of the k steps to the next order some are done: j of them with a chance that the silence since t_x tells.
    fn if_alive(&self, seen: &History, t: f64) -> Future {
        let (weights, sum) = self.weights(seen);
        let (r, tau) = (self.r + self.k * seen.x, t / (self.alpha + seen.t));
        let b = self.b + seen.x + EXTRA as f64;
        let mut future = Future { orders: 0.0, p_silent: 0.0 };
        for (j, weight) in (0_u32..).zip(weights) {
            let stage = Stage { k: self.k as u32, done: j };
            let share = weight / sum;
            future.orders += share * count::orders_expected_by_stage(r + f64::from(j), tau, [self.a, b], stage);
            future.p_silent += share * count::p_fewer(r + f64::from(j), tau, stage);
        }
        future
    }

    fn orders_expected(&self, t: f64) -> f64 {
        let (stays, b) = if EXTRA == 0 { (1.0, self.b) } else { (self.b / (self.a + self.b), self.b + 1.0) };
        stays * count::orders_expected_by_stage(self.r, t / self.alpha, [self.a, b], Stage { k: self.k as u32, done: 0 })
    }

    fn minds_last_order(&self) -> bool {
        self.k > 1.0
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    k: u32,
    extra: usize,
    threads: usize,
}

/// Log-likelihood, gradient and Hessian by (r, α, a, b), with the evidence on k.
fn evaluate(gaps: &Gaps, case: Case, letters: &[f64; 4]) -> Point<4> {
    let [_, _, a, b] = Point::variables(letters);
    let chances_max = gaps.data.above.len() + case.extra;
    // ln of the odds of leaving at the last of c chances rather than staying, and ln of having stayed at all c.
    let ln_odds: Vec<Point<4>> = (0..chances_max).map(|c| a.ln() - (b + c as f64).ln()).collect();
    let stays = ln_odds.iter().scan(Point::constant(0.0), |sum, odds| {
        *sum = *sum - odds.softplus();
        Some(*sum)
    });
    let stayed: Vec<Point<4>> = std::iter::once(Point::constant(0.0)).chain(stays).collect();
    let customer = |triple: &Triple| {
        let silence = silence(&gaps.data, triple, case.k, letters);
        let chances = triple.x as usize + case.extra;
        let mut ln = silence.alive + stayed[chances];
        if chances > 0 {
            ln = ln + (ln_odds[chances - 1] + silence.gone - silence.alive).softplus();
        }
        ln.scale(triple.weight)
    };
    let parts = chunks::map(gaps.everyone.len(), case.threads, |rows| {
        gaps.everyone[rows].iter().map(customer).fold(Point::constant(0.0), |sum, ln| sum + ln)
    });
    let mut point = parts.into_iter().fold(steps(&gaps.data, case.k, letters[0]), |sum, part| sum + part);
    point.value += gaps.evidence(case.k);
    point
}

/// The two ways to be silent since t_x, less what no parameter of dropout changes: gone at t_x, or alive with fewer than k steps done.
struct Silence<const N: usize> {
    gone: Point<N>,
    alive: Point<N>,
}

/// r ln α − (r + k x) ln(α + t_x), and r ln α − (r + k x) ln(α + T) + ln Σ_{j<k} Γ(r + k x + j)/(Γ(r + k x) j!) ρ^j, ρ = (T − t_x)/(α + T).
fn silence<const N: usize>(data: &Purchases, triple: &Triple, k: u32, letters: &[f64; N]) -> Silence<N> {
    let (t_x, t) = (data.ages[triple.t_x as usize], data.ages[triple.t as usize]);
    let (r, alpha) = (Point::variable(0, letters[0]), Point::variable(1, letters[1]));
    let events = f64::from(k) * f64::from(triple.x);
    let (shape, by_age) = (r + events, alpha + t);
    // Large α cancels on paper: r ln α − (r + kx) ln(α + y) = −r ln(1 + y/α) − kx ln(α + y).
    let silent_until = |y: f64| {
        let (share, by) = (libm::log1p(y / letters[1]), 1.0 / (letters[1] + y));
        let fall = y / letters[1] * by;
        let since = alpha.chain([share, -fall, fall * (1.0 / letters[1] + by)]);
        r.scale(-1.0) * since - (alpha + y).ln().scale(events)
    };
    let by = 1.0 / by_age.value;
    let share = by_age.chain([by, -by * by, 2.0 * by * by * by]).scale(t - t_x);
    let mut sum = Point::constant(1.0);
    for j in (0..k - 1).rev() {
        sum = (shape + f64::from(j)).scale(1.0 / f64::from(j + 1)) * share * sum + 1.0;
    }
    Silence { gone: silent_until(t_x), alive: silent_until(t) + sum.ln() }
}

/// Σ ln Γ(r + k x)/Γ(r) over customers: a product over steps.
fn steps<const N: usize>(data: &Purchases, k: u32, r: f64) -> Point<N> {
    let mut point = Point::constant(0.0);
    for (x, above) in data.above.iter().enumerate() {
        for step in 0..k as usize {
            let rate = r + (x * k as usize + step) as f64;
            point.value += above * libm::log(rate);
            point.gradient[0] += above / rate;
            point.hessian[0][0] -= above / (rate * rate);
        }
    }
    point
}

/// The largest log-likelihood at this k if nobody drops out; `None` where there is no maximum.
fn without_dropout(gaps: &Gaps, k: u32, [r, alpha, ..]: [f64; 4]) -> Option<f64> {
    let box_of = beta_dropout::search(&gaps.data, [r, 1.0, 1.0]);
    let search =
        Search { start: [r, alpha].map(libm::log), low: [box_of.low[0], box_of.low[1]], high: [box_of.high[0], box_of.high[1]] };
    let found = optim::maximise(&search, |theta| {
        let letters = theta.map(libm::exp);
        let customers = gaps.everyone.iter().map(|triple| silence(&gaps.data, triple, k, &letters).alive.scale(triple.weight));
        customers.fold(steps(&gaps.data, k, letters[0]), |sum, ln| sum + ln).on_log_scale(&letters)
    });
    found.ok().map(|found| found.value + gaps.evidence(k))
}
