//! Where is a smooth log-likelihood of a few variables largest, and how surely?
//!
//! Assumes  exact first and second derivatives; variables on a log scale, so that a step of 1 is a factor of e.
//! Input    a start and a box around it [N], and a function giving value, gradient and Hessian.
//! Output   the maximum and the inverse of the negative Hessian there (the asymptotic covariance), or why there is none.
//! Cost     5 to 15 evaluations from a sensible start, and a Cholesky factorisation of N × N for each.
//! Ref      Nocedal & Wright (2006), Numerical Optimization, ch. 3.4 (modified Newton) and 4.3 (Levenberg-Marquardt damping).
#![allow(clippy::needless_range_loop, reason = "matrix algebra is read by its indices")]

const STEPS_MAX: usize = 200;
/// A step moves no variable by more than this: a factor of e².
const STEP_MAX: f64 = 2.0;
/// A full Newton step this short ends the search; what is left is the square of it.
const STEP_DONE: f64 = 1e-7;
/// Or the quadratic model promises less than this share of the value, which rounding hides, and the step is still short.
const GAIN_DONE: f64 = 1e-15;
const STEP_FLAT: f64 = 1e-2;

/// A function's value and derivatives at one place.
#[derive(Clone, Copy, Debug)]
pub struct Point<const N: usize> {
    pub value: f64,
    pub gradient: [f64; N],
    pub hessian: [[f64; N]; N],
}

impl<const N: usize> Point<N> {
    /// The same point seen from `θ = ln parameter`, given the derivatives by the parameters themselves.
    #[must_use]
    pub fn on_log_scale(mut self, parameters: &[f64; N]) -> Self {
        for i in 0..N {
            self.gradient[i] *= parameters[i];
            for (j, parameter) in parameters.iter().enumerate() {
                self.hessian[i][j] *= parameters[i] * parameter;
            }
        }
        for i in 0..N {
            self.hessian[i][i] += self.gradient[i];
        }
        self
    }

    fn is_finite(&self) -> bool {
        self.value.is_finite()
            && self.gradient.iter().all(|g| g.is_finite())
            && self.hessian.iter().flatten().all(|h| h.is_finite())
    }
}

/// Where to start, and how far a variable may go before we say it runs away.
#[derive(Clone, Copy, Debug)]
pub struct Search<const N: usize> {
    pub start: [f64; N],
    pub low: [f64; N],
    pub high: [f64; N],
}

#[derive(Clone, Copy, Debug)]
pub struct Maximum<const N: usize> {
    pub at: [f64; N],
    pub value: f64,
    /// Inverse of the negative Hessian at the maximum.
    pub covariance: [[f64; N]; N],
    pub evaluations: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoMaximum<const N: usize> {
    /// The value still rises where `axis` leaves its box.
    RunsAway { axis: usize, at: [f64; N], value: f64 },
    /// The start itself, or every step from `at`, gives no finite value.
    NotFinite { at: [f64; N] },
    /// No progress and no maximum either: a flat ridge.
    Stalled { at: [f64; N], value: f64 },
}

/// The maximum of `f` that the search leads to. Equal inputs give equal bits.
pub fn maximise<const N: usize>(
    search: &Search<N>,
    mut f: impl FnMut(&[f64; N]) -> Point<N>,
) -> Result<Maximum<N>, NoMaximum<N>> {
    let mut at = search.start;
    let mut here = f(&at);
    if !here.is_finite() {
        return Err(NoMaximum::NotFinite { at });
    }
    let mut damping = 0.0;
    for step_count in 1..=STEPS_MAX {
        let Some((step, used)) = ascent(&here, damping) else { break };
        damping = used;
        let length = step.iter().fold(0.0_f64, |max, s| max.max(s.abs()));
        let gain = 0.5 * dot(&step, &here.gradient);
        let is_done = length <= STEP_DONE || (length <= STEP_FLAT && gain <= GAIN_DONE * here.value.abs());
        if used == 0.0 && is_done {
            let covariance = inverse_of_negative(&here.hessian).ok_or(NoMaximum::Stalled { at, value: here.value })?;
            return Ok(Maximum { at, value: here.value, covariance, evaluations: step_count });
        }
        let shrink = if length > STEP_MAX { STEP_MAX / length } else { 1.0 };
        let next: [f64; N] = std::array::from_fn(|i| at[i] + shrink * step[i]);
        let there = f(&next);
        // A gain below rounding cannot be seen; such a step is taken on the derivatives' word.
        let rounding = 1e-13 * here.value.abs();
        if there.is_finite() && there.value >= here.value + 1e-4 * shrink * gain - rounding {
            (at, here) = (next, there);
            damping = if damping < 1e-6 { 0.0 } else { damping / 8.0 };
            if let Some(axis) = (0..N).find(|&i| at[i] < search.low[i] || at[i] > search.high[i]) {
                return Err(NoMaximum::RunsAway { axis, at, value: here.value });
            }
        } else if damping > 1e12 {
            break;
        } else {
            damping = (damping * 4.0).max(1e-3);
        }
    }
    Err(NoMaximum::Stalled { at, value: here.value })
}

/// A step uphill: Newton's where the Hessian allows it, else with the least damping of a ladder that does.
fn ascent<const N: usize>(point: &Point<N>, damping: f64) -> Option<([f64; N], f64)> {
    let scale = (0..N).fold(0.0_f64, |max, i| max.max(point.hessian[i][i].abs()));
    let mut damping = damping;
    for _ in 0..60 {
        let mut matrix = [[0.0; N]; N];
        for i in 0..N {
            for j in 0..N {
                matrix[i][j] = -point.hessian[i][j];
            }
            matrix[i][i] += damping * point.hessian[i][i].abs().max(1e-12 * scale);
        }
        if let Some(factor) = cholesky(&matrix) {
            return Some((solve(&factor, &point.gradient), damping));
        }
        damping = (damping * 4.0).max(1e-3);
    }
    None
}

fn dot<const N: usize>(left: &[f64; N], right: &[f64; N]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

/// The lower factor of a symmetric positive definite matrix; `None` if it is not (within rounding) positive definite.
fn cholesky<const N: usize>(matrix: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let mut rest = matrix[i][j];
            for k in 0..j {
                rest -= lower[i][k] * lower[j][k];
            }
            if i == j {
                // A pivot that all but cancelled is noise, and a step along it would be too.
                if rest.is_nan() || rest <= 1e-14 * matrix[i][i].abs() {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    Some(lower)
}

fn solve<const N: usize>(lower: &[[f64; N]; N], right: &[f64; N]) -> [f64; N] {
    let mut x = *right;
    for i in 0..N {
        for k in 0..i {
            x[i] -= lower[i][k] * x[k];
        }
        x[i] /= lower[i][i];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            x[i] -= lower[k][i] * x[k];
        }
        x[i] /= lower[i][i];
    }
    x
}

fn inverse_of_negative<const N: usize>(hessian: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let negative: [[f64; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| -hessian[i][j]));
    let lower = cholesky(&negative)?;
    let mut inverse = [[0.0; N]; N];
    for j in 0..N {
        let unit: [f64; N] = std::array::from_fn(|i| f64::from(u8::from(i == j)));
        let column = solve(&lower, &unit);
        for i in 0..N {
            inverse[i][j] = column[i];
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Search<2> = Search { start: [-1.2, 1.0], low: [-14.0; 2], high: [14.0; 2] };

    #[test]
    fn rosenbrock_valley_is_walked_to_its_end() {
        let found = maximise(&WIDE, |&[x, y]| {
            let bend = y - x * x;
            Point {
                value: -(100.0 * bend * bend + (1.0 - x).powi(2)),
                gradient: [400.0 * x * bend + 2.0 * (1.0 - x), -200.0 * bend],
                hessian: [[400.0 * bend - 800.0 * x * x - 2.0, 400.0 * x], [400.0 * x, -200.0]],
            }
        })
        .expect("a maximum");
        assert!((found.at[0] - 1.0).abs() < 1e-9 && (found.at[1] - 1.0).abs() < 1e-9, "{:?}", found.at);
        // The inverse of [[802, -400], [-400, 200]] by hand: determinant 400.
        assert!((found.covariance[0][0] - 0.5).abs() < 1e-6 && (found.covariance[1][1] - 2.005).abs() < 1e-5);
    }

    #[test]
    fn a_value_that_only_approaches_its_bound_runs_away() {
        let found = maximise(&WIDE, |&[x, y]| Point {
            value: -5.0 - (-x).exp() - (y - 1.0).powi(2),
            gradient: [(-x).exp(), -2.0 * (y - 1.0)],
            hessian: [[-(-x).exp(), 0.0], [0.0, -2.0]],
        });
        assert!(matches!(found, Err(NoMaximum::RunsAway { axis: 0, .. })), "{found:?}");
    }

    #[test]
    fn a_start_without_a_value_is_said_so() {
        let found = maximise(&WIDE, |_| Point { value: f64::NAN, gradient: [0.0; 2], hessian: [[0.0; 2]; 2] });
        assert!(matches!(found, Err(NoMaximum::NotFinite { .. })), "{found:?}");
    }

    #[test]
    fn derivatives_change_to_the_log_scale_as_the_chain_rule_says() {
        // f(p) = ln p − p has, with p = e^θ, f' = 1 − p and f'' = −p.
        let p = 3.0;
        let point = Point { value: 0.0, gradient: [1.0 / p - 1.0], hessian: [[-1.0 / (p * p)]] }.on_log_scale(&[p]);
        assert!((point.gradient[0] - (1.0 - p)).abs() < 1e-14 && (point.hessian[0][0] + p).abs() < 1e-14);
    }
}
