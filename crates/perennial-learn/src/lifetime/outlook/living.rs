//! What will a customer who is known to be alive order next, and when?
//!
//! Assumes  orders are Poisson(λ), λ ~ Gamma(r, α), until the customer leaves in one of three [`Ways`]; the letters are the posterior's.
//! Input    a [`Living`]; times in the unit of α, here days.
//! Output   E[orders], P(n orders) in (0, t]; P(next order within t) and its inverse ([`Wait`]).
//! Cost     a short sum a time; the wait of a customer who may leave at any time is a table of about a hundred exponentials.
//! Ref      Fader, Hardie & Lee (2005), eq. (8); Fader & Hardie (2006), Deriving an Expression for P(X(t) = x) Under the Pareto/NBD Model.

use super::curve::Curve;
use crate::lifetime::bgnbd::BgNbdParameters;
use crate::lifetime::count;
use crate::lifetime::forecast::Forecast;
use crate::lifetime::pareto_nbd::ParetoNbdParameters;
use crate::lifetime::quadrature::RULE;

/// An order that is not expected within ten years is not expected.
pub const DAYS_MAX: f64 = 3650.0;
/// Counts beyond the last one carry less than this.
pub(super) const REST: f64 = 1e-9;
const COUNTS_MAX: usize = 1_000_000;
/// Between two entries of a wait table ln density falls by no more than this.
const TABLE_FALL: f64 = 0.125;
/// A panel of the integral over the day of leaving: no longer than this times the way to the nearest singularity, …
const PANEL_REACH: f64 = 1.5;
/// … nor than the integrand takes to fall by e^−12.
const PANEL_FALL: f64 = 12.0;
/// e^−600 is still a number.
const LN_TINY: f64 = 600.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ways {
    Never,
    /// After any order with p ~ Beta(a, b).
    AfterOrder {
        a: f64,
        b: f64,
    },
    /// At any time at a rate ~ Gamma(s, β).
    AnyTime {
        s: f64,
        beta: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Living {
    pub r: f64,
    pub alpha: f64,
    pub ways: Ways,
}

impl Living {
    pub fn orders_expected(&self, t: f64) -> f64 {
        let Self { r, alpha, ways } = *self;
        match ways {
            Ways::Never => r * t / alpha,
            Ways::AfterOrder { a, b } => count::orders_expected(r, t / alpha, a, b),
            Ways::AnyTime { s, beta } => ParetoNbdParameters { r, alpha, s, beta }.orders_expected(t),
        }
    }

    /// P(n orders in (0, t]) for n = 0, 1, …, until less than [`REST`] is left.
    pub fn order_probabilities(&self, t: f64) -> Vec<f64> {
        let Self { r, alpha, ways } = *self;
        match ways {
            Ways::Never => count::probabilities(r, t / (alpha + t), REST, COUNTS_MAX),
            Ways::AfterOrder { a, b } => BgNbdParameters { r, alpha, a, b }.order_probabilities(t, REST),
            Ways::AnyTime { s, beta } => self.with_a_day_of_leaving(t, s, beta),
        }
    }

    /// Those who stay to t, and those who leave at y < t after n orders: an integral of positive terms, one recursion over n a node.
    /// The paper has differences of ₂F₁ instead, which overflow and cancel.
    fn with_a_day_of_leaving(&self, t: f64, s: f64, beta: f64) -> Vec<f64> {
        let Self { r, alpha, .. } = *self;
        let mut all = count::probabilities(r, t / (alpha + t), REST, COUNTS_MAX);
        let stays = libm::exp(-s * libm::log1p(t / beta));
        all.iter_mut().for_each(|p| *p *= stays);
        let mut at = 0.0;
        while at < t {
            let reach = PANEL_REACH * (alpha.min(beta) + at);
            let length = reach.min(PANEL_FALL / (r / (alpha + at) + (s + 1.0) / (beta + at)));
            let end = if at + 1.1 * length < t { at + length } else { t };
            let (middle, half) = (0.5 * (at + end), 0.5 * (end - at));
            for [node, weight] in RULE {
                for y in [middle - half * node, middle + half * node] {
                    let leaves = half * weight * s / beta * libm::exp(-(s + 1.0) * libm::log1p(y / beta));
                    self.add_counts(y, leaves, &mut all);
                }
            }
            at = end;
        }
        all
    }

    /// `all[n] += weight · P(n events in y)`.
    fn add_counts(&self, y: f64, weight: f64, all: &mut [f64]) {
        let (z, ln_none) = (y / (self.alpha + y), -self.r * libm::log1p(y / self.alpha));
        if ln_none < -LN_TINY {
            let p = count::probabilities(self.r, z, REST, all.len());
            all.iter_mut().zip(p).for_each(|(slot, p)| *slot += weight * p);
            return;
        }
        let mut p = weight * libm::exp(ln_none);
        for (n, slot) in all.iter_mut().enumerate() {
            *slot += p;
            let n = n as f64;
            p *= (self.r + n) / (n + 1.0) * z;
        }
    }

    pub fn wait(&self) -> Wait {
        match self.ways {
            Ways::Never | Ways::AfterOrder { .. } => Wait::Power { r: self.r, alpha: self.alpha },
            Ways::AnyTime { s, beta } => self.wait_table(s, beta),
        }
    }

    /// The next order comes at t with density r/(α + t) (1 + t/α)^−r (1 + t/β)^−s. In v = ln(1 + t/α) it is r e^(−r v) (1 + c (e^v − 1))^−s
    /// with c = α/β; summed by the trapezoidal rule with its end correction, which wants the derivative too.
    fn wait_table(&self, s: f64, beta: f64) -> Wait {
        let Self { r, alpha, .. } = *self;
        let (c, v_max) = (alpha / beta, libm::log1p(DAYS_MAX / alpha));
        let density = |v: f64| {
            let grown = c * libm::expm1(v);
            let fall = r + s * (c + grown) / (1.0 + grown);
            let f = r * libm::exp(-r * v - s * libm::log1p(grown));
            (f, -f * fall, fall)
        };
        let (mut at, mut value, mut slope) = (vec![0.0], vec![0.0], vec![r]);
        let (mut v, mut total, (mut f, mut bend, mut fall)) = (0.0, 0.0, density(0.0));
        while v < v_max {
            let step = (TABLE_FALL / fall).min(TABLE_FALL);
            let next = if v + 1.1 * step < v_max { v + step } else { v_max };
            let (width, there) = (next - v, density(next));
            total += width * (0.5 * (f + there.0) + width / 12.0 * (bend - there.1));
            (v, (f, bend, fall)) = (next, there);
            at.push(v);
            value.push(total);
            slope.push(f);
            // What is left is below f/r, as the density falls at least like e^(−r v).
            if f < 1e-9 * r {
                break;
            }
        }
        Wait::Table { alpha, curve: Curve { at: at.into(), value, slope } }
    }
}

/// How long a living customer waits for the next order.
#[derive(Clone, Debug)]
pub(super) enum Wait {
    Power { r: f64, alpha: f64 },
    Table { alpha: f64, curve: Curve<'static> },
}

impl Wait {
    /// P(next order within t).
    pub fn p_order(&self, t: f64) -> f64 {
        match self {
            Self::Power { r, alpha } => -libm::expm1(-r * libm::log1p(t / alpha)),
            Self::Table { alpha, curve } => curve.value(libm::log1p(t / alpha)),
        }
    }

    /// When P(next order) reaches `p`; `None` where that is not within [`DAYS_MAX`].
    pub fn days_until(&self, p: f64) -> Option<f64> {
        let days = match self {
            Self::Power { r, alpha } if p < 1.0 => alpha * libm::expm1(-libm::log1p(-p) / r),
            Self::Table { alpha, curve } if p <= curve.last().1 => alpha * libm::expm1(curve.inverse(p)),
            _ => return None,
        };
        (days <= DAYS_MAX).then_some(days)
    }
}
