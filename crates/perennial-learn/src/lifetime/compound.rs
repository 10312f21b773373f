//! What is the q-quantile of a customer's spend, when the number of orders and the spend of each are both uncertain?
//!
//! Assumes  n orders with the given probabilities; given ν their sum is Gamma(p n, ν), and ν ~ Gamma(q, v), so that for n > 0
//!          S/(S + v) ~ Beta(p n, q).
//! Input    P(n) [counts]; p and q after the customer's history is taken in.
//! Output   quantiles of S/v, no unit.
//! Cost     5 to 10 evaluations of Σ P(n) I_y(p n, q).
//! Ref      Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value; the sum of n gammas is a gamma, its mixture a beta prime.

use super::special::{beta_cdf_and_slope, ln_beta};

/// ln(y/(1 − y)) is looked for between these: a spend of 0.00…1 or 10²⁶ times v.
const LOGIT_FAR: f64 = 60.0;
const LOGIT_DONE: f64 = 1e-10;

#[derive(Clone, Copy, Debug)]
struct Part {
    weight: f64,
    shape: f64,
    ln_beta: f64,
}

/// The distribution of S/(S + v): an atom at 0 and a Beta for each number of orders.
#[derive(Clone, Debug)]
pub struct SpendMixture {
    none: f64,
    q: f64,
    parts: Vec<Part>,
}

impl SpendMixture {
    /// `counts[n]` is P(n orders).
    #[must_use]
    pub fn of(counts: &[f64], p: f64, q: f64) -> Self {
        let parts = (0_u32..).zip(counts).skip(1).filter(|(_, weight)| **weight > 0.0).map(|(n, &weight)| {
            let shape = p * f64::from(n);
            Part { weight, shape, ln_beta: ln_beta(shape, q) }
        });
        Self { none: counts.first().copied().unwrap_or(1.0), q, parts: parts.collect() }
    }

    /// P(S/(S + v) ≤ y) and its derivative by the logit of y.
    fn cdf_and_slope(&self, y: f64) -> (f64, f64) {
        let start = (self.none, 0.0);
        self.parts.iter().fold(start, |(cdf, slope), part| {
            let (own_cdf, own_slope) = beta_cdf_and_slope(y, part.shape, self.q, part.ln_beta);
            (cdf + part.weight * own_cdf, slope + part.weight * own_slope)
        })
    }

    /// P(S ≤ s) for `s` in units of v.
    #[must_use]
    pub fn cdf(&self, s: f64) -> f64 {
        self.cdf_and_slope(s / (1.0 + s)).0
    }

    /// The smallest s with P(S ≤ s) ≥ `level`, in units of v: Newton's method on the logit, kept inside a shrinking bracket.
    #[must_use]
    pub fn quantile(&self, level: f64) -> f64 {
        if self.none >= level || self.parts.is_empty() {
            return 0.0;
        }
        let (mut low, mut high) = (-LOGIT_FAR, LOGIT_FAR);
        let mean_shape = self.parts.iter().map(|p| p.weight * p.shape).sum::<f64>() / (1.0 - self.none).max(1e-12);
        let mut at = libm::log(mean_shape / self.q).clamp(low, high);
        for _ in 0..200 {
            let (cdf, slope) = self.cdf_and_slope(1.0 / (1.0 + libm::exp(-at)));
            if cdf < level {
                low = at
            } else {
                high = at
            }
            let newton = at + (level - cdf) / slope;
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            let moved = (next - at).abs();
            at = next;
            if moved < LOGIT_DONE {
                break;
            }
        }
        libm::exp(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_order_of_shape_one_is_a_pareto() {
        // p = 1, n = 1: P(S > s v) = (1 + s)^−q, so the quantiles are known by hand.
        let mixture = SpendMixture::of(&[0.5, 0.5], 1.0, 3.0);
        assert_eq!(mixture.quantile(0.5).to_bits(), 0.0_f64.to_bits());
        let expected = 0.2_f64.powf(-1.0 / 3.0) - 1.0;
        assert!((mixture.quantile(0.9) / expected - 1.0).abs() < 1e-9, "{}", mixture.quantile(0.9));
    }

    #[test]
    fn the_quantile_is_where_the_cdf_says() {
        for (p, q) in [(6.25, 3.74), (0.3, 40.0), (300.0, 1.1)] {
            let mixture = SpendMixture::of(&[0.02, 0.3, 0.3, 0.2, 0.1, 0.05, 0.03], p, q);
            for level in [0.021, 0.1, 0.5, 0.9, 0.999] {
                assert!((mixture.cdf(mixture.quantile(level)) - level).abs() < 1e-9, "p {p} q {q} level {level}");
            }
        }
    }
}
