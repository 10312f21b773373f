//! Where is a smooth log-likelihood of a few variables largest, and how surely?
//!
//! Assumes  exact first and second derivatives; variables on a log scale, so that a step of 1 is a factor of e.
//! Input    a start and a box around it [N], and a function giving value, gradient and Hessian.
//! Output   the maximum and the inverse of the negative Hessian there (the asymptotic covariance), or why there is none.
//! Cost     5 to 15 evaluations from a sensible start, and a Cholesky factorisation of N × N for each (`ascent`).
//! Ref      Nocedal & Wright (2006), Numerical Optimization, ch. 3.4 (modified Newton) and 4.3 (Levenberg-Marquardt damping).

use crate::ascent::{self, NoSummit, Place, Region, Summit};

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
    let region = Region { start: &search.start, low: &search.low, high: &search.high };
    let found = ascent::climb(region, |at| {
        let point = f(&array(at));
        Place { value: point.value, gradient: point.gradient.to_vec(), hessian: point.hessian.as_flattened().to_vec() }
    });
    match found {
        Ok(Summit { at, value, covariance, evaluations }) => {
            let covariance = std::array::from_fn(|i| array(&covariance[i * N..(i + 1) * N]));
            Ok(Maximum { at: array(&at), value, covariance, evaluations })
        }
        Err(NoSummit::RunsAway { axis, at, value }) => Err(NoMaximum::RunsAway { axis, at: array(&at), value }),
        Err(NoSummit::NotFinite { at }) => Err(NoMaximum::NotFinite { at: array(&at) }),
        Err(NoSummit::Stalled { at, value }) => Err(NoMaximum::Stalled { at: array(&at), value }),
    }
}

fn array<const N: usize>(values: &[f64]) -> [f64; N] {
    std::array::from_fn(|i| values[i])
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
