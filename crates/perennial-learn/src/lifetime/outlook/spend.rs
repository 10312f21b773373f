//! What do a customer's next orders add up to?
//!
//! Assumes  Gamma-Gamma: an order's spend ~ Gamma(p, ν), ν ~ Gamma(q, v) over customers, independent of how often they order.
//! Input    x repeat orders of total spend; P(n orders in the horizon | alive) for n = 0, 1, …
//! Output   the law of S/γ′ with γ′ = v + total: given n orders S/(S + γ′) ~ Beta(n p, q′), q′ = q + p x, so that
//!          P(S ≤ s) = P(N = 0) + Σ P(N = n) I_{s/(s+γ′)}(n p, q′). It depends on x and P(N = n) alone, and so on (x, T), not on the amounts.
//! Cost     an exponential for each (n, place) once for an x; then a sum over n at each place for an (x, T).
//! Ref      Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value; Johnson, Kotz & Balakrishnan (1995), ch. 25: beta of the second kind.

use perennial_contract::estimator::LoadError;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::customers::Customers;
use super::law::Basis;
use crate::lifetime::gamma_gamma::{self, GammaGammaParameters, Spenders};
use crate::lifetime::incomplete_beta::beta_cdf;
use crate::lifetime::special::{ln_beta, trigamma};

/// Where Gamma-Gamma cannot be fitted: orders of one customer spread like an exponential, and customers widely.
const WIDE_P: f64 = 1.0;
const WIDE_Q: f64 = 3.0;
/// Up to here every count has its own law; beyond, counts within 3% of each other share one.
const COUNTS_APART: usize = 64;
const COUNTS_TOGETHER: usize = 32;
/// The places reach to this chance in both tails, which go on as powers, …
const TAIL: f64 = 1e-4;
/// … and are this many standard deviations of ln S apart.
const STEP: f64 = 0.3;
const PLACES_MAX: usize = 4096;
/// Beyond this chance no quantile is told apart.
const P_LAST: f64 = 1.0 - 1e-9;

/// Gamma-Gamma letters and what they rest on. `v` is in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SpendFile", into = "SpendFile")]
pub struct FittedSpend {
    letters: GammaGammaParameters,
    basis: Basis,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpendFile {
    p: f64,
    q: f64,
    v: f64,
    basis: Basis,
}

impl From<FittedSpend> for SpendFile {
    fn from(FittedSpend { letters: GammaGammaParameters { p, q, v }, basis }: FittedSpend) -> Self {
        Self { p, q, v, basis }
    }
}

impl TryFrom<SpendFile> for FittedSpend {
    type Error = LoadError;

    fn try_from(SpendFile { p, q, v, basis }: SpendFile) -> Result<Self, LoadError> {
        let is_sound = [p, q, v].iter().all(|letter| (1e-12..1e24).contains(letter)) && q > 1.0;
        if !is_sound {
            return Err(LoadError(format!("Gamma-Gamma p {p}, q {q}, v {v}; allowed are numbers above 0, and q above 1")));
        }
        Ok(Self { letters: GammaGammaParameters { p, q, v }, basis })
    }
}

impl FittedSpend {
    #[must_use]
    pub const fn letters(&self) -> GammaGammaParameters {
        self.letters
    }

    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// Gamma-Gamma where it can be fitted and its mean exists, else a wide law of the same mean; `None` where no repeat spend is known.
    pub(super) fn fit(customers: &Customers, threads: usize) -> Option<Self> {
        let (x, m) = customers.spenders();
        if x.is_empty() {
            return None;
        }
        let fit =
            Spenders::from_slices(&x, &m, ["x", "repeat_spend_cents_mean"]).and_then(|data| gamma_gamma::fit(&data, threads));
        if let Ok(fit) = fit
            && fit.parameters.q > 1.0
        {
            return Some(Self { letters: fit.parameters, basis: Basis::Likelihood });
        }
        let mean = m.iter().sum::<f64>() / m.len() as f64;
        let letters = GammaGammaParameters { p: WIDE_P, q: WIDE_Q, v: mean * (WIDE_Q - 1.0) / WIDE_P };
        Some(Self { letters, basis: Basis::Rate })
    }

    /// γ′: the scale of what a customer with this total will spend, minor units.
    pub(super) fn scale(&self, [_, total]: [f64; 2]) -> f64 {
        self.letters.v + total
    }

    /// E[spend of an order], minor units.
    pub(super) fn order_expected(&self, [x, total]: [f64; 2]) -> f64 {
        let m = if x > 0.0 { total / x } else { 0.0 };
        self.letters.spend_expected(x, m)
    }
}

/// Everything about S/γ′ that depends on x alone: places y = ln(S/γ′) and at each of them the law for every count of orders.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    p: f64,
    q: f64,
    y: Vec<f64>,
    /// ln of S/(S + γ′) and of its rest.
    ln_z: Vec<[f64; 2]>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    /// Counts from `first` up to the next part's.
    end: usize,
    value: Vec<f64>,
    slope: Vec<f64>,
}

impl Kernel {
    /// For customers with `x` orders of known spend, who will hardly place more than `count_far` orders. The places depend on nothing
    /// else, so that one customer alone gets the same bits as among many.
    pub fn of(spend: &FittedSpend, x: f64, count_far: f64) -> Self {
        let GammaGammaParameters { p, q, .. } = spend.letters;
        let q = q + p * x;
        let far = p * count_far.max(1.0);
        let ln_tail = libm::log(TAIL);
        // I_z(a, b) ≤ z^a/(a B(a, b)) for b ≥ 1, and the same from the other end.
        let ln_low = ((ln_tail + libm::log(p) + ln_beta(p, q)) / p).min(-1e-3);
        let ln_high = ((ln_tail + libm::log(q) + ln_beta(far, q)) / q).min(-1e-3);
        let low = ln_low - libm::log(-libm::expm1(ln_low));
        let high = (libm::log(-libm::expm1(ln_high)) - ln_high).max(low + 1.0);
        let deviation = (trigamma(q) + trigamma(far)).sqrt();
        let pieces = (((high - low) / (STEP * deviation)).ceil() as usize).clamp(8, PLACES_MAX);
        let width = (high - low) / pieces as f64;
        let y: Vec<f64> = (0..=pieces).map(|i| low + width * i as f64).collect();
        let ln_z = y.iter().map(|y| [-libm::log1p(libm::exp(-y)), -libm::log1p(libm::exp(*y))]).collect();
        Self { p, q, y, ln_z, parts: Vec::new() }
    }

    /// Laws for counts below `counts`.
    pub fn grow(&mut self, counts: usize) {
        loop {
            let first = self.parts.last().map_or(1, |part| part.end);
            if first >= counts {
                return;
            }
            let end = if first < COUNTS_APART { first + 1 } else { first + first / COUNTS_TOGETHER };
            let count = 0.5 * (first + end - 1) as f64;
            let part = self.part(end, self.p * count);
            self.parts.push(part);
        }
    }

    /// I at every place: its slope in y is z^a (1 − z)^q/B(a, q), summed with the end correction of the trapezoidal rule.
    fn part(&self, end: usize, a: f64) -> Part {
        let ln_front = -ln_beta(a, self.q);
        let slope: Vec<f64> = self.ln_z.iter().map(|[z, rest]| libm::exp(a * z + self.q * rest + ln_front)).collect();
        let width = self.y[1] - self.y[0];
        let mut value = Vec::with_capacity(slope.len());
        let mut total = beta_cdf(a, self.q, libm::exp(self.ln_z[0][0]));
        value.push(total);
        let bend = |i: usize| slope[i] * (a * libm::exp(self.ln_z[i][1]) - self.q * libm::exp(self.ln_z[i][0]));
        let mut left = bend(0);
        for i in 1..slope.len() {
            let right = bend(i);
            let gain = width * (0.5 * (slope[i - 1] + slope[i]) + width / 12.0 * (left - right));
            total = (total + gain.max(0.0)).min(1.0);
            value.push(total);
            left = right;
        }
        Part { end, value, slope }
    }

    /// The law of S/γ′ of a living customer who will place n orders with chance `p[n]`; `grow(p.len())` must have been called.
    pub fn mix(&self, p: &[f64]) -> Mixture<'_> {
        let none = p.first().copied().unwrap_or(1.0);
        let (mut value, mut slope) = (vec![none; self.y.len()], vec![0.0; self.y.len()]);
        let mut first = 1;
        for part in &self.parts {
            if first >= p.len() {
                break;
            }
            let weight: f64 = p[first..part.end.min(p.len())].iter().sum();
            value.iter_mut().zip(&part.value).for_each(|(sum, value)| *sum += weight * value);
            slope.iter_mut().zip(&part.slope).for_each(|(sum, slope)| *sum += weight * slope);
            first = part.end;
        }
        Mixture { none, tails: [self.p, self.q], curve: Curve { at: (&self.y).into(), value, slope } }
    }
}

/// The law of S/γ′ of a living customer.
#[derive(Clone, Debug)]
pub(super) struct Mixture<'kernel> {
    /// P(no order).
    pub none: f64,
    /// The lower tail falls like the first power, the upper like the second.
    tails: [f64; 2],
    curve: Curve<'kernel>,
}

impl Mixture<'_> {
    /// P(S ≤ ratio · γ′).
    pub fn p_below(&self, ratio: f64) -> f64 {
        if ratio <= 0.0 {
            return self.none;
        }
        let (y, (low, at_low), (high, at_high)) = (libm::log(ratio), self.curve.first(), self.curve.last());
        if y < low {
            self.none + (at_low - self.none) * libm::exp(self.tails[0] * (y - low))
        } else if y > high {
            1.0 - (1.0 - at_high) * libm::exp(-self.tails[1] * (y - high))
        } else {
            self.curve.value(y)
        }
    }

    /// The S/γ′ that P(S ≤ ·) reaches `p` at; 0 up to P(no order).
    pub fn ratio_at(&self, p: f64) -> f64 {
        if p <= self.none {
            return 0.0;
        }
        let p = p.min(P_LAST);
        let ((low, at_low), (high, at_high)) = (self.curve.first(), self.curve.last());
        let y = if p < at_low {
            low + libm::log((p - self.none) / (at_low - self.none)) / self.tails[0]
        } else if p > at_high {
            high - libm::log((1.0 - p) / (1.0 - at_high)) / self.tails[1]
        } else {
            self.curve.inverse(p)
        };
        libm::exp(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend(p: f64, q: f64) -> FittedSpend {
        FittedSpend { letters: GammaGammaParameters { p, q, v: 1.0 }, basis: Basis::Likelihood }
    }

    #[test]
    fn the_mixture_is_the_sum_of_incomplete_betas() {
        for (p, q, x) in
            [(6.25, 3.74, 0.0), (6.25, 3.74, 5.0), (0.4, 1.2, 2.0), (40.0, 9.0, 30.0), (1.0, 3.0, 400.0), (1500.0, 8.0, 3.0)]
        {
            let spend = spend(p, q);
            let chances = [0.5, 0.2, 0.1, 0.08, 0.05, 0.03, 0.02, 0.01, 0.01];
            let mut kernel = Kernel::of(&spend, x, 30.0);
            kernel.grow(chances.len());
            let mixture = kernel.mix(&chances);
            for i in -60..=60 {
                let ratio = libm::exp(f64::from(i) * 0.1) * p / (q + p * x);
                let exact: f64 = chances
                    .iter()
                    .enumerate()
                    .map(|(n, chance)| {
                        chance * if n == 0 { 1.0 } else { beta_cdf(n as f64 * p, q + p * x, ratio / (1.0 + ratio)) }
                    })
                    .sum();
                let is = mixture.p_below(ratio);
                assert!((is - exact).abs() < 2e-4, "p {p} q {q} x {x} ratio {ratio}: {is} {exact}");
                if (0.501..0.999).contains(&is) {
                    let back = mixture.p_below(mixture.ratio_at(is));
                    assert!((back - is).abs() < 1e-6, "p {p} q {q} x {x}: {is} {back}");
                }
            }
        }
    }

    #[test]
    fn counts_that_share_a_law_are_near_enough() {
        let spend = spend(6.25, 3.74);
        let mut kernel = Kernel::of(&spend, 300.0, 400.0);
        let mut chances = vec![0.0; 301];
        (150..=300).for_each(|n| chances[n] = 1.0 / 151.0);
        kernel.grow(chances.len());
        let mixture = kernel.mix(&chances);
        for ratio in [0.5, 0.6, 0.75, 0.9] {
            let exact: f64 =
                (150..=300).map(|n| beta_cdf(f64::from(n) * 6.25, 3.74 + 1875.0, ratio / (1.0 + ratio)) / 151.0).sum();
            assert!((mixture.p_below(ratio) - exact).abs() < 1e-3, "{ratio}: {} {exact}", mixture.p_below(ratio));
        }
    }
}
