//! Gamma-Gamma: what does a customer spend on an order, on average over many?
//!
//! Assumes  spend per order ~ Gamma(p, ν) with ν ~ Gamma(q, v) over customers, independent of how often they order; spend above 0.
//! Input    `x` [n] repeat orders, at least 1; `m` [n] mean spend of them, any money unit.
//! Output   p, q, v with standard errors; E[M | x, m] in the same money unit.
//! Cost     one logarithm a customer and likelihood call; ψ and ψ′ once for every distinct x.
//! Ref      Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, eq. (1a) likelihood, (5) conditional expectation.

use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::special::{digamma, ln_gamma, trigamma};
use crate::chunks;
use crate::optim::{self, NoMaximum, Point, Search};

const LN_FAR: f64 = 13.8;
/// Value, gradient by (p, q, v), and the part of the Hessian that needs every row.
const SUMS: usize = 6;
pub const SPENDERS_MIN: usize = 30;

/// The paper's three letters. v has the unit of money, the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaGammaParameters {
    pub p: f64,
    pub q: f64,
    pub v: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaGammaFit {
    pub parameters: GammaGammaParameters,
    pub standard_errors: GammaGammaParameters,
    pub log_likelihood: f64,
    pub rows: usize,
}

impl GammaGammaParameters {
    /// E[M | x, m] = p (v + x m)/(p x + q − 1); with x = 0 the mean over all customers. Infinite where p x + q ≤ 1.
    #[must_use]
    pub fn spend_expected(&self, x: f64, m: f64) -> f64 {
        let shape = self.p * x + self.q - 1.0;
        if shape <= 0.0 {
            return f64::INFINITY;
        }
        let seen = if x > 0.0 { x * m } else { 0.0 };
        self.p * (self.v + seen) / shape
    }
}

/// Repeat orders and mean spend, checked; equal x stand together.
#[derive(Clone, Debug)]
pub struct Spenders {
    x: Vec<f64>,
    m: Vec<f64>,
    /// Distinct x and how many customers have it.
    counts: Vec<(f64, f64)>,
    x_ln_x: f64,
}

impl Spenders {
    /// Every row must have x ≥ 1 and m > 0; `names` are those of the two columns, for the message.
    pub fn from_slices(x: &[f64], m: &[f64], names: [&str; 2]) -> Result<Self, FitError> {
        for (row, (&x, &m)) in x.iter().zip(m).enumerate() {
            let say = |name: &str, value: f64, allowed: &str| {
                Err(FitError::Refused(format!("row {}: {name} is {value}, allowed are {allowed}", row + 1)))
            };
            if !(x.is_finite() && x >= 1.0 && x.fract() == 0.0) {
                return say(names[0], x, "whole numbers from 1; leave customers without a repeat out");
            }
            if !(m.is_finite() && m > 0.0) {
                return say(names[1], m, "numbers above 0; leave customers without net spend out");
            }
        }
        let mut sorted = x.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let counts: Vec<_> = sorted.chunk_by(|l, r| l == r).map(|run| (run[0], run.len() as f64)).collect();
        let x_ln_x = counts.iter().map(|(x, n)| n * x * libm::log(*x)).sum();
        Ok(Self { x: x.to_vec(), m: m.to_vec(), counts, x_ln_x })
    }

    /// The same from the rows with x ≥ 1 and m > 0; a row that is wrong in itself is still an error.
    pub fn with_spend(x: &[f64], m: &[f64], names: [&str; 2]) -> Result<Self, FitError> {
        let mut kept = (Vec::new(), Vec::new());
        for (row, (&x, &m)) in x.iter().zip(m).enumerate() {
            if !(x.is_finite() && x >= 0.0 && x.fract() == 0.0) {
                let message = format!("row {}: {} is {x}, allowed are whole numbers from 0", row + 1, names[0]);
                return Err(FitError::Refused(message));
            }
            if x > 0.0 && m.is_finite() && m > 0.0 {
                kept.0.push(x);
                kept.1.push(m);
            }
        }
        Self::from_slices(&kept.0, &kept.1, names)
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.len()
    }
}

/// Maximum likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(data: &Spenders, threads: usize) -> Result<GammaGammaFit, FitError> {
    let rows = data.rows();
    if rows < SPENDERS_MIN {
        return Err(FitError::Refused(format!(
            "{rows} customers with repeat spend above 0; the Gamma-Gamma model needs at least {SPENDERS_MIN}; wait for more history"
        )));
    }
    let known = Known::of(data);
    let unit = libm::log(known.m_mean);
    let mut last = None;
    for [p, q] in [[4.0, 4.0], [1.0, 10.0]] {
        // v such that the model's mean spend p v/(q − 1) is the observed one.
        let v = known.m_mean * (q - 1.0) / p;
        let search = Search {
            start: [f64::ln(p), f64::ln(q), v.ln()],
            low: [-LN_FAR, -LN_FAR, unit - LN_FAR],
            high: [LN_FAR, LN_FAR, unit + LN_FAR],
        };
        let found = optim::maximise(&search, |theta| {
            let letters = theta.map(libm::exp);
            evaluate(data, &known, &letters, threads).on_log_scale(&letters)
        });
        match found {
            Ok(found) => {
                let [p, q, v] = found.at.map(libm::exp);
                let se = |i: usize, letter: f64| letter * found.covariance[i][i].sqrt();
                return Ok(GammaGammaFit {
                    parameters: GammaGammaParameters { p, q, v },
                    standard_errors: GammaGammaParameters { p: se(0, p), q: se(1, q), v: se(2, v) },
                    log_likelihood: found.value,
                    rows,
                });
            }
            Err(reason) => last = Some(reason),
        }
    }
    Err(FitError::NoMaximum(last.map_or_else(String::new, |reason| explain(&reason))))
}

fn explain(reason: &NoMaximum<3>) -> String {
    let letters = |at: &[f64; 3]| {
        let [p, q, v] = at.map(libm::exp);
        format!("p {p:.3e}, q {q:.3e}, v {v:.3e}")
    };
    match reason {
        NoMaximum::RunsAway { at, value, .. } => format!(
            "the Gamma-Gamma likelihood still rises at {} (log-likelihood {value:.3}): spend varies too little between customers, \
             or too little within them, for a Gamma spread to be estimated",
            letters(at)
        ),
        NoMaximum::NotFinite { at } => format!("the Gamma-Gamma likelihood has no finite value at {}", letters(at)),
        NoMaximum::Stalled { at, value } => {
            format!(
                "the Gamma-Gamma likelihood is flat around {} (log-likelihood {value:.3}), so its parameters cannot be told apart",
                letters(at)
            )
        }
    }
}

/// Sums that no parameter changes.
struct Known {
    m_mean: f64,
    ln_m: f64,
    x_ln_m: f64,
}

impl Known {
    fn of(data: &Spenders) -> Self {
        let (mut ln_m, mut x_ln_m) = (0.0, 0.0);
        for (x, m) in data.x.iter().zip(&data.m) {
            let ln = libm::log(*m);
            ln_m += ln;
            x_ln_m += x * ln;
        }
        Self { m_mean: data.m.iter().sum::<f64>() / data.m.len() as f64, ln_m, x_ln_m }
    }
}

/// Log-likelihood, gradient and Hessian by (p, q, v).
fn evaluate(data: &Spenders, known: &Known, letters: &[f64; 3], threads: usize) -> Point<3> {
    let &[p, q, v] = letters;
    // ln(v + x m) is taken as ln v + ln(1 + x m/v), so that a large v cancels exactly.
    let [ln_1, x_ln_1, by, x_by, by_2, x_by_2] =
        chunks::sums(data.rows(), threads, |rows| row_sums(&data.x[rows.clone()], &data.m[rows], v));
    let ln_v = libm::log(v);
    let mut point = Point {
        value: p * (known.x_ln_m + data.x_ln_x) - known.ln_m - (p * x_ln_1 + q * ln_1),
        gradient: [known.x_ln_m + data.x_ln_x - x_ln_1, -ln_1, 0.0],
        hessian: [[0.0; 3]; 3],
    };
    for &(x, n) in &data.counts {
        let (all, own) = (p * x + q, p * x);
        point.value += n * (ln_gamma(all) - ln_gamma(own) - ln_gamma(q) - own * ln_v);
        point.gradient[0] += n * x * (digamma(all) - digamma(own) - ln_v);
        point.gradient[1] += n * (digamma(all) - digamma(q));
        let tri = trigamma(all);
        point.hessian[0][0] += n * x * x * (tri - trigamma(own));
        point.hessian[0][1] += n * x * tri;
        point.hessian[1][1] += n * (tri - trigamma(q));
        point.gradient[2] += n * q / v;
        point.hessian[2][2] -= n * q / (v * v);
        point.hessian[1][2] += n / v;
    }
    point.gradient[2] -= p * x_by + q * by;
    point.hessian[0][2] -= x_by;
    point.hessian[1][2] -= by;
    point.hessian[2][2] += p * x_by_2 + q * by_2;
    for (i, j) in [(1, 0), (2, 0), (2, 1)] {
        point.hessian[i][j] = point.hessian[j][i];
    }
    point
}

/// Σ ln(1 + x m/v), Σ x ln(1 + x m/v), Σ 1/(v + x m), Σ x/(v + x m), and the last two with squares.
fn row_sums(x: &[f64], m: &[f64], v: f64) -> [f64; SUMS] {
    let mut sums = [0.0; SUMS];
    for (&x, &m) in x.iter().zip(m) {
        let ln_1 = libm::log1p(x * m / v);
        let by = 1.0 / (v + x * m);
        let terms = [ln_1, x * ln_1, by, x * by, by * by, x * by * by];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    sums
}
