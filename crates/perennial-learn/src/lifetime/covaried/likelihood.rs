//! How likely are all customers, given the letters and the coefficients that move them?
//!
//! Assumes  covariates standardised, so that a coefficient of 1 is a large one.
//! Input    the distinct rows of histories and covariates; θ = ln letters [N], then coefficients [moved letters × p].
//! Output   log-likelihood, gradient and Hessian by θ.
//! Cost     one likelihood of a customer for every distinct row, then (N + p · moved letters)²/2 multiplications.
//! Ref      Fader & Hardie (2007), §2; the derivatives by the coefficients are those by the letters times z, the chain rule.

use super::Individual;
use crate::ascent::Place;
use crate::chunks;
use crate::lifetime::bgnbd::History;
use crate::optim::Point;

/// Rows summed at a stretch: few, because a customer's integral may cost ten microseconds.
const RUN: usize = 512;

/// Distinct rows, and how many customers each stands for.
pub(super) struct Customers {
    seen: Vec<(History, f64)>,
    /// Row-major, distinct rows × width.
    z: Vec<f64>,
    pub width: usize,
}

impl Customers {
    /// Equal rows are counted once: on a day grid with a few groups of customers that leaves a fraction of them.
    pub fn of(histories: &[History], z: &[f64], width: usize) -> Self {
        let bits = |row: u32| {
            let (h, z) = (&histories[row as usize], &z[row as usize * width..(row as usize + 1) * width]);
            // Adding zero turns −0 into 0.
            [h.x, h.t, h.t_x].into_iter().chain(z.iter().copied()).map(|value| (value + 0.0).to_bits())
        };
        let mut order: Vec<u32> = (0..histories.len() as u32).collect();
        order.sort_unstable_by(|left, right| bits(*left).cmp(bits(*right)).then(left.cmp(right)));
        let (mut seen, mut distinct) = (Vec::new(), Vec::new());
        for run in order.chunk_by(|left, right| bits(*left).eq(bits(*right))) {
            let row = run[0] as usize;
            seen.push((histories[row], run.len() as f64));
            distinct.extend_from_slice(&z[row * width..(row + 1) * width]);
        }
        Self { seen, z: distinct, width }
    }
}

/// The letters of a customer with these covariates.
pub(super) fn letters_at<const N: usize, M: Individual<N>>(theta: &[f64], z: &[f64]) -> [f64; N] {
    let mut ln: [f64; N] = std::array::from_fn(|axis| theta[axis]);
    for (moved, coefficients) in M::MOVED.iter().zip(theta[N..].chunks_exact(z.len().max(1))) {
        ln[moved.axis] += moved.sign * coefficients.iter().zip(z).map(|(c, z)| c * z).sum::<f64>();
    }
    ln.map(libm::exp)
}

/// `threads` changes the time it takes and no bit of the result.
pub(super) fn evaluate<const N: usize, M: Individual<N>>(customers: &Customers, theta: &[f64], threads: usize) -> Place {
    let (rows, width, size) = (customers.seen.len(), customers.width, theta.len());
    let parts = chunks::tasks(rows.div_ceil(RUN), threads, |run| {
        let mut sums = Sums::none::<N, M>(size, width);
        for row in run * RUN..((run + 1) * RUN).min(rows) {
            let (z, (seen, weight)) = (&customers.z[row * width..(row + 1) * width], &customers.seen[row]);
            let letters = letters_at::<N, M>(theta, z);
            sums.add::<N, M>(&M::ln_likelihood(&letters, seen).on_log_scale(&letters).scale(*weight), z);
        }
        sums.flat
    });
    let flat = chunks::sum(parts);
    let mut hessian = vec![0.0; size * size];
    let mut cells = flat[1 + size..].iter();
    for k in 0..size {
        for l in 0..=k {
            let cell = cells.next().copied().unwrap_or(f64::NAN);
            hessian[k * size + l] = cell;
            hessian[l * size + k] = cell;
        }
    }
    Place { value: flat[0], gradient: flat[1..=size].to_vec(), hessian }
}

/// Value, gradient and lower triangle of the Hessian, one after another.
struct Sums {
    flat: Vec<f64>,
    /// The letter that each part of θ moves …
    axis: Vec<usize>,
    /// … and by how much: 1 for the letter itself, ±z for a coefficient.
    share: Vec<f64>,
}

impl Sums {
    fn none<const N: usize, M: Individual<N>>(size: usize, width: usize) -> Self {
        let moved = M::MOVED.iter().flat_map(|moved| std::iter::repeat_n(moved.axis, width));
        Self { flat: vec![0.0; 1 + size + size * (size + 1) / 2], axis: (0..N).chain(moved).collect(), share: vec![1.0; size] }
    }

    fn add<const N: usize, M: Individual<N>>(&mut self, point: &Point<N>, z: &[f64]) {
        let size = self.axis.len();
        let of_z = M::MOVED.iter().flat_map(|moved| z.iter().map(|z| moved.sign * z));
        self.share[N..].iter_mut().zip(of_z).for_each(|(share, z)| *share = z);
        self.flat[0] += point.value;
        let (gradient, triangle) = self.flat[1..].split_at_mut(size);
        let mut cells = triangle.iter_mut();
        for (k, slope) in gradient.iter_mut().enumerate() {
            let (row, share) = (&point.hessian[self.axis[k]], self.share[k]);
            *slope += point.gradient[self.axis[k]] * share;
            for ((cell, axis), other) in cells.by_ref().take(k + 1).zip(&self.axis).zip(&self.share) {
                *cell += row[*axis] * share * other;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifetime::bgnbd::BgNbdParameters;
    use crate::lifetime::covaried::Staying;
    use crate::lifetime::nbd;
    use crate::lifetime::pareto_nbd::ParetoNbdParameters;
    use crate::lifetime::purchases::{Columns, Purchases};

    fn customers() -> Customers {
        let seen = [[0.0, 0.0, 30.0], [3.0, 11.0, 38.0], [1.0, 37.5, 38.0], [26.0, 30.9, 31.0], [3.0, 11.0, 38.0]];
        let z = [0.3, -1.2, 1.4, 0.2, -0.7, 2.0, 0.0, 0.5, 1.4, 0.2];
        Customers::of(&seen.map(|[x, t_x, t]| History { x, t_x, t }), &z, 2)
    }

    /// Central differences of value and gradient, in every letter and coefficient.
    fn derivatives_hold<const N: usize, M: Individual<N>>(theta: &[f64]) {
        let customers = customers();
        let here = evaluate::<N, M>(&customers, theta, 1);
        let size = theta.len();
        for k in 0..size {
            let at = |step: f64| {
                let mut moved = theta.to_vec();
                moved[k] += step;
                evaluate::<N, M>(&customers, &moved, 1)
            };
            let (up, down) = (at(1e-5), at(-1e-5));
            let slope = (up.value - down.value) / 2e-5;
            assert!((slope - here.gradient[k]).abs() < 1e-6 * (1.0 + slope.abs()), "{k}: {slope} {}", here.gradient[k]);
            for l in 0..size {
                let (slope, is) = ((up.gradient[l] - down.gradient[l]) / 2e-5, here.hessian[k * size + l]);
                assert!((slope - is).abs() < 1e-6 * (1.0 + slope.abs()), "{k} {l}: {slope} {is}");
            }
        }
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        derivatives_hold::<4, BgNbdParameters>(&[-1.4, 1.5, -0.2, 0.9, 0.4, -0.3, 0.2, 0.5, -0.1, 0.3]);
        derivatives_hold::<4, ParetoNbdParameters>(&[-0.6, 2.3, -0.5, 2.4, 0.4, -0.3, 0.2, 0.5]);
        derivatives_hold::<2, Staying>(&[-0.6, 2.3, 0.4, -0.3]);
    }

    /// With coefficients of 0 every customer has the same letters, whatever the covariates: the model without them.
    #[test]
    fn coefficients_of_zero_leave_the_model_without_covariates() {
        const COLUMNS: Columns = Columns { x: "x", t_x: "t_x", t: "T" };
        let seen = [[0.0, 0.0, 30.0], [3.0, 11.0, 38.0], [1.0, 37.5, 38.0], [26.0, 30.9, 31.0], [700.0, 11.0, 38.0]];
        let column = |i: usize| seen.map(|row| row[i]);
        let data = Purchases::from_slices(&column(0), &column(1), &column(2), COLUMNS).expect("sound rows");
        let customers = Customers::of(&seen.map(|[x, t_x, t]| History { x, t_x, t }), &[0.3, -1.2, 1.4, 0.2, -0.7], 1);
        let near = |is: f64, expected: f64| assert!((is / expected - 1.0).abs() < 1e-12, "{is} {expected}");
        for [r, alpha, third, fourth] in [[0.24, 4.4, 0.79, 2.4], [1.7, 30.0, 0.3, 9.0]] {
            let ln = |more: usize| [r, alpha, third, fourth].map(f64::ln).into_iter().chain(vec![0.0; more]).collect::<Vec<_>>();
            let bgnbd = BgNbdParameters { r, alpha, a: third, b: fourth };
            near(evaluate::<4, BgNbdParameters>(&customers, &ln(3), 1).value, bgnbd.log_likelihood(&data));
            let pareto = ParetoNbdParameters { r, alpha, s: third, beta: fourth };
            near(evaluate::<4, ParetoNbdParameters>(&customers, &ln(2), 1).value, pareto.log_likelihood(&data));
            let staying = [r.ln(), alpha.ln(), 0.0];
            near(evaluate::<2, Staying>(&customers, &staying, 1).value, nbd::evaluate(&data, &[r, alpha]).value);
        }
    }

    #[test]
    fn equal_rows_are_counted_once() {
        let customers = customers();
        assert_eq!(customers.seen.len(), 4);
        assert!(customers.seen.iter().any(|(seen, weight)| seen.x == 3.0 && *weight == 2.0));
    }
}
