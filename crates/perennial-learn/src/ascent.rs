//! Where is a smooth function of any number of variables largest, and how sharply does it fall there?
//!
//! Assumes  exact first and second derivatives; variables on a log scale or standardised, so that a step of 1 is a large one.
//! Input    a start and a box around it [n], and a function giving value, gradient [n] and Hessian [n × n].
//! Output   the maximum and the inverse of the negative Hessian there (the asymptotic covariance), or why there is none.
//! Cost     5 to 15 evaluations from a sensible start, and a Cholesky factorisation of n × n for each.
//! Ref      Nocedal & Wright (2006), Numerical Optimization, ch. 3.4 (modified Newton) and 4.3 (Levenberg-Marquardt damping).

const STEPS_MAX: usize = 200;
/// A step moves no variable by more than this: a factor of e².
const STEP_MAX: f64 = 2.0;
/// A full Newton step this short ends the search; what is left is the square of it.
const STEP_DONE: f64 = 1e-7;
/// Or the quadratic model promises less than this share of the value, which rounding hides, and the step is still short.
const GAIN_DONE: f64 = 1e-15;
const STEP_FLAT: f64 = 1e-2;

/// A function's value and derivatives at one place; the Hessian row-major and symmetric.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub value: f64,
    pub gradient: Vec<f64>,
    pub hessian: Vec<f64>,
}

impl Place {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient.iter().chain(&self.hessian).all(|number| number.is_finite())
    }
}

/// Where to start, and how far a variable may go before we say it runs away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region<'a> {
    pub start: &'a [f64],
    pub low: &'a [f64],
    pub high: &'a [f64],
}

#[derive(Clone, Debug)]
pub(crate) struct Summit {
    pub at: Vec<f64>,
    pub value: f64,
    /// Inverse of the negative Hessian at the maximum, row-major.
    pub covariance: Vec<f64>,
    pub evaluations: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoSummit {
    /// The value still rises where `axis` leaves its box.
    RunsAway { axis: usize, at: Vec<f64>, value: f64 },
    /// The start itself, or every step from `at`, gives no finite value.
    NotFinite { at: Vec<f64> },
    /// No progress and no maximum either: a flat ridge.
    Stalled { at: Vec<f64>, value: f64 },
}

/// The maximum of `f` that the search leads to. Equal inputs give equal bits.
pub(crate) fn climb(region: Region, mut f: impl FnMut(&[f64]) -> Place) -> Result<Summit, NoSummit> {
    let mut at = region.start.to_vec();
    let mut here = f(&at);
    if !here.is_finite() {
        return Err(NoSummit::NotFinite { at });
    }
    let mut damping = 0.0;
    for step_count in 1..=STEPS_MAX {
        let Some((step, used)) = uphill(&here, damping) else { break };
        damping = used;
        let length = step.iter().fold(0.0_f64, |max, s| max.max(s.abs()));
        let gain = 0.5 * dot(&step, &here.gradient);
        let is_done = length <= STEP_DONE || (length <= STEP_FLAT && gain <= GAIN_DONE * here.value.abs());
        if used == 0.0 && is_done {
            let Some(covariance) = inverse_of_negative(&here.hessian, at.len()) else { break };
            return Ok(Summit { at, value: here.value, covariance, evaluations: step_count });
        }
        let shrink = if length > STEP_MAX { STEP_MAX / length } else { 1.0 };
        let next: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at + shrink * step).collect();
        let there = f(&next);
        // A gain below rounding cannot be seen; such a step is taken on the derivatives' word.
        let rounding = 1e-13 * here.value.abs();
        if there.is_finite() && there.value >= here.value + 1e-4 * shrink * gain - rounding {
            (at, here) = (next, there);
            damping = if damping < 1e-6 { 0.0 } else { damping / 8.0 };
            if let Some(axis) = (0..at.len()).find(|&i| at[i] < region.low[i] || at[i] > region.high[i]) {
                return Err(NoSummit::RunsAway { axis, at, value: here.value });
            }
        } else if damping > 1e12 {
            break;
        } else {
            damping = (damping * 4.0).max(1e-3);
        }
    }
    Err(NoSummit::Stalled { at, value: here.value })
}

/// A step uphill: Newton's where the Hessian allows it, else with the least damping of a ladder that does.
fn uphill(place: &Place, damping: f64) -> Option<(Vec<f64>, f64)> {
    let size = place.gradient.len();
    let scale = (0..size).fold(0.0_f64, |max, i| max.max(place.hessian[i * size + i].abs()));
    let mut damping = damping;
    for _ in 0..60 {
        let mut matrix: Vec<f64> = place.hessian.iter().map(|h| -h).collect();
        for i in 0..size {
            matrix[i * size + i] += damping * place.hessian[i * size + i].abs().max(1e-12 * scale);
        }
        if let Some(factor) = cholesky(&matrix, size) {
            return Some((solve(&factor, &place.gradient), damping));
        }
        damping = (damping * 4.0).max(1e-3);
    }
    None
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

/// The lower factor of a symmetric positive definite matrix; `None` if it is not (within rounding) positive definite.
fn cholesky(matrix: &[f64], size: usize) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let mut rest = matrix[i * size + j];
            for k in 0..j {
                rest -= lower[i * size + k] * lower[j * size + k];
            }
            if i == j {
                // A pivot that all but cancelled is noise, and a step along it would be too.
                if rest.is_nan() || rest <= 1e-14 * matrix[i * size + i].abs() {
                    return None;
                }
                lower[i * size + i] = rest.sqrt();
            } else {
                lower[i * size + j] = rest / lower[j * size + j];
            }
        }
    }
    Some(lower)
}

fn solve(lower: &[f64], right: &[f64]) -> Vec<f64> {
    let size = right.len();
    let mut x = right.to_vec();
    for i in 0..size {
        for k in 0..i {
            x[i] -= lower[i * size + k] * x[k];
        }
        x[i] /= lower[i * size + i];
    }
    for i in (0..size).rev() {
        for k in i + 1..size {
            x[i] -= lower[k * size + i] * x[k];
        }
        x[i] /= lower[i * size + i];
    }
    x
}

fn inverse_of_negative(hessian: &[f64], size: usize) -> Option<Vec<f64>> {
    let negative: Vec<f64> = hessian.iter().map(|h| -h).collect();
    let lower = cholesky(&negative, size)?;
    let mut inverse = vec![0.0; size * size];
    for j in 0..size {
        let unit: Vec<f64> = (0..size).map(|i| f64::from(u8::from(i == j))).collect();
        for (i, cell) in solve(&lower, &unit).into_iter().enumerate() {
            inverse[i * size + j] = cell;
        }
    }
    Some(inverse)
}
