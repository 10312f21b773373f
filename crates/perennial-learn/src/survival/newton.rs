//! Where is a concave log-likelihood of many variables largest, and how surely?
//!
//! Assumes  concave; variables of like size (standardised), so that a step of 1 is a large one.
//! Input    a start [n], and a function giving value, gradient [n] and information [n × n] (the negative Hessian).
//! Output   the maximum and the inverse of the information there (the asymptotic covariance), or why there is none.
//! Cost     5 to 15 evaluations, and a Cholesky factorisation of n × n for each.
//! Ref      Boyd & Vandenberghe (2004), Convex Optimization, §9.5 (damped Newton); Heinze & Schemper (2001), Biometrics 57 (no finite maximum).

use crate::learner::linear::inverse;

const STEPS_MAX: usize = 80;
const HALVINGS_MAX: usize = 40;
/// A full step this short ends the search; what is left is the square of it.
const STEP_DONE: f64 = 1e-8;
/// Or the quadratic model promises less than rounding hides, and the step is short.
const STEP_SHORT: f64 = 1e-4;
/// A step this long that promises less than this in log-likelihood leads along a ridge without end.
const STEP_ENDLESS: f64 = 0.05;
const GAIN_NOTHING: f64 = 1e-8;
/// Who is stuck this far out was on the way to where numbers end: a factor of e³⁰ per standard deviation.
const FAR: f64 = 30.0;

pub(super) struct Point {
    pub value: f64,
    pub gradient: Vec<f64>,
    /// Row-major and symmetric.
    pub information: Vec<f64>,
}

impl Point {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient.iter().chain(&self.information).all(|number| number.is_finite())
    }
}

pub(super) struct Peak {
    pub at: Vec<f64>,
    pub value: f64,
    pub covariance: Vec<f64>,
}

#[derive(Debug, PartialEq)]
pub(super) enum NoPeak {
    /// The value still rises while `axis` grows without bound.
    RunsAway { axis: usize, at: Vec<f64>, value: f64 },
    /// No finite value at the start, or no step uphill and no maximum either.
    Stuck { at: Vec<f64>, value: f64 },
}

pub(super) fn climb(start: Vec<f64>, f: impl Fn(&[f64]) -> Point) -> Result<Peak, NoPeak> {
    let size = start.len();
    let mut at = start;
    let mut here = f(&at);
    for _ in 0..STEPS_MAX {
        if !here.is_finite() {
            break;
        }
        let Some(covariance) = inverse(&here.information, size) else {
            // Curvature vanishes where a variable has gone so far that nothing changes any more.
            return Err(NoPeak::RunsAway { axis: farthest(&at), value: here.value, at });
        };
        let step: Vec<f64> = covariance.chunks_exact(size).map(|row| dot(row, &here.gradient)).collect();
        let (gain, length) = (0.5 * dot(&step, &here.gradient), step.iter().fold(0.0_f64, |most, s| most.max(s.abs())));
        if gain <= GAIN_NOTHING && length > STEP_ENDLESS {
            return Err(NoPeak::RunsAway { axis: farthest(&step), value: here.value, at });
        }
        if length <= STEP_DONE || (length <= STEP_SHORT && gain <= 1e-13 + 1e-15 * here.value.abs()) {
            return Ok(Peak { at, value: here.value, covariance });
        }
        let Some((next, there)) = uphill(&at, &step, (here.value, gain), &f) else { break };
        (at, here) = (next, there);
    }
    let axis = farthest(&at);
    Err(if at[axis].abs() > FAR {
        NoPeak::RunsAway { axis, value: here.value, at }
    } else {
        NoPeak::Stuck { at, value: here.value }
    })
}

/// The full step, or the first of its halves that gains what it should.
fn uphill(at: &[f64], step: &[f64], (value, gain): (f64, f64), f: &impl Fn(&[f64]) -> Point) -> Option<(Vec<f64>, Point)> {
    // A gain below rounding cannot be seen; such a step is taken on the derivatives' word.
    let rounding = 1e-13 * value.abs();
    let mut share = 1.0;
    for _ in 0..HALVINGS_MAX {
        let next: Vec<f64> = at.iter().zip(step).map(|(at, step)| at + share * step).collect();
        let there = f(&next);
        if there.is_finite() && there.value >= value + 1e-4 * share * gain - rounding {
            return Some((next, there));
        }
        share *= 0.5;
    }
    None
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

/// Where the largest number stands.
fn farthest(values: &[f64]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if value.abs() > values[best].abs() {
            best = at;
        }
    }
    best
}

/// Sums over the pairs a ≤ b of `size` variables, as a full symmetric matrix.
pub(super) fn symmetric(upper: &[f64], size: usize) -> Vec<f64> {
    let mut full = vec![0.0; size * size];
    let mut cells = upper.iter();
    for a in 0..size {
        for b in a..size {
            let value = cells.next().copied().unwrap_or(f64::NAN);
            full[a * size + b] = value;
            full[b * size + a] = value;
        }
    }
    full
}
