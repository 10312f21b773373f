//! The elastic-net logistic problem: exact gradient, curvature from a sample of rows, coordinate descent inside.
//!
//! Assumes  labels 0 or 1; columns are standardised, so that one penalty fits all.
//! Input    [rows × width] numbers, labels; penalty λ and mix α.
//! Output   intercept and coefficients at the minimum of mean log loss + λ(α‖β‖₁ + (1 − α)/2 ‖β‖²); the intercept is free.
//! Cost     about ten passes over the rows; curvature is width² × at most 1e8 / width² rows.
//! Ref      Friedman, Hastie & Tibshirani (2010), Journal of Statistical Software 33(1), §3; line search: Lee, Sun & Saunders (2014), SIAM J. Optim. 24.

use crate::chunks;
use crate::metric::cluster::Points;

/// Rows × width² spent on the curvature at most; beyond that every k-th row stands for k.
const CURVATURE_FLOPS: usize = 100_000_000;
const PASSES_MAX: usize = 100;
const SWEEPS_MAX: usize = 200;
/// Relative fall of the objective below which a fit is done.
pub const TOLERANCE: f64 = 1e-9;
/// Passes after which the curvature is measured anew; in between the steps follow the old one, and the line search keeps them honest.
const CURVATURE_PASSES: usize = 4;

#[derive(Clone, Copy, Debug)]
pub struct Penalty {
    pub lambda: f64,
    /// 1 is the lasso, 0 ridge.
    pub alpha: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    pub intercept: f64,
    pub beta: Vec<f64>,
}

impl Weights {
    #[must_use]
    pub fn zero(width: usize) -> Self {
        Self { intercept: 0.0, beta: vec![0.0; width] }
    }

    /// The margin of one row: always summed in the same order, eight sums side by side so that none waits for the other.
    #[must_use]
    pub fn margin(&self, row: &[f64]) -> f64 {
        const LANES: usize = 8;
        let (cells, coefficients) = (row.chunks_exact(LANES), self.beta.chunks_exact(LANES));
        let rest: f64 = cells.remainder().iter().zip(coefficients.remainder()).map(|(x, b)| x * b).sum();
        let mut sums = [0.0; LANES];
        for (cells, coefficients) in cells.zip(coefficients) {
            for lane in 0..LANES {
                sums[lane] += cells[lane] * coefficients[lane];
            }
        }
        self.intercept + sums.iter().sum::<f64>() + rest
    }
}

#[must_use]
pub fn sigmoid(margin: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-margin))
}

/// log(1 + e^m) − y m without overflow on either side.
#[must_use]
pub fn logistic_loss(margin: f64, label: f64) -> f64 {
    margin.max(0.0) + libm::log1p(libm::exp(-margin.abs())) - label * margin
}

/// Rows, labels and how many threads to use.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    pub points: &'a Points,
    pub labels: &'a [f64],
    pub threads: usize,
    /// Relative fall of the objective below which the fit is done.
    pub tolerance: f64,
}

impl Problem<'_> {
    fn margins(&self, weights: &Weights) -> Vec<f64> {
        let margins = |rows: std::ops::Range<usize>| rows.map(|i| weights.margin(self.points.row(i))).collect::<Vec<f64>>();
        chunks::map(self.labels.len(), self.threads, margins).concat()
    }

    /// At the weights whose margins these are.
    fn objective(&self, margins: &[f64], weights: &Weights, penalty: Penalty) -> f64 {
        let parts = chunks::map(self.labels.len(), self.threads, |rows| {
            rows.map(|i| logistic_loss(margins[i], self.labels[i])).sum::<f64>()
        });
        let norm1: f64 = weights.beta.iter().map(|b| b.abs()).sum();
        let norm2: f64 = weights.beta.iter().map(|b| b * b).sum();
        parts.iter().sum::<f64>() / self.labels.len() as f64
            + penalty.lambda * (penalty.alpha * norm1 + (1.0 - penalty.alpha) / 2.0 * norm2)
    }

    /// Mean gradient of the log loss; the intercept's comes last.
    fn gradient(&self, margins: &[f64]) -> Vec<f64> {
        let width = self.points.width;
        let parts = chunks::map(self.labels.len(), self.threads, |rows| {
            let mut sums = vec![0.0; width + 1];
            for i in rows {
                let row = self.points.row(i);
                let residual = sigmoid(margins[i]) - self.labels[i];
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += residual * x;
                }
                sums[width] += residual;
            }
            sums
        });
        let mut gradient = chunks::sum(parts);
        gradient.iter_mut().for_each(|g| *g /= self.labels.len() as f64);
        gradient
    }

    /// Mean of p(1 − p) x xᵀ with the intercept as last column, full square, from every `stride`-th row.
    #[must_use]
    pub fn curvature(&self, weights: &Weights, stride: usize) -> Vec<f64> {
        let (width, size) = (self.points.width, self.points.width + 1);
        let sampled = self.labels.len().div_ceil(stride);
        let parts = chunks::map(sampled, self.threads, |rows| {
            let mut square = vec![0.0; size * size];
            for i in rows {
                let row = self.points.row(i * stride);
                let p = sigmoid(weights.margin(row));
                let w = p * (1.0 - p);
                for (a, &xa) in row.iter().enumerate() {
                    if xa == 0.0 {
                        continue;
                    }
                    let scaled = w * xa;
                    for (cell, xb) in square[a * size..a * size + a + 1].iter_mut().zip(row) {
                        *cell += scaled * xb;
                    }
                    square[width * size + a] += scaled;
                }
                square[width * size + width] += w;
            }
            square
        });
        let mut square = chunks::sum(parts);
        for a in 0..size {
            for b in 0..=a {
                let mean = square[a * size + b] / sampled as f64;
                (square[a * size + b], square[b * size + a]) = (mean, mean);
            }
        }
        square
    }

    fn stride(&self) -> usize {
        let size = self.points.width + 1;
        let rows = (CURVATURE_FLOPS / (size * size)).max(2000);
        self.labels.len().div_ceil(rows).max(1)
    }

    /// Minimise from `start`.
    #[must_use]
    pub fn solve(&self, penalty: Penalty, start: Weights) -> Weights {
        let margins = self.margins(&start);
        let value = self.objective(&margins, &start, penalty);
        let mut at = Standing { weights: start, margins, value };
        let (mut curvature, mut age) = (self.curvature(&at.weights, self.stride()), 0);
        for _ in 0..PASSES_MAX {
            if age == CURVATURE_PASSES {
                (curvature, age) = (self.curvature(&at.weights, self.stride()), 0);
            }
            let step = descend(&curvature, &self.gradient(&at.margins), &at.weights, penalty);
            let next = self.search(&at, &step, penalty);
            // An old curvature may be why nothing more is gained: only a fresh one can say that the fit is done.
            let fell = next.as_ref().map_or(0.0, |next| at.value - next.value);
            let is_done = fell <= self.tolerance * at.value.abs();
            at = next.unwrap_or(at);
            if is_done && age == 0 {
                break;
            }
            age = if is_done { CURVATURE_PASSES } else { age + 1 };
        }
        at.weights
    }

    /// Halve the step until the objective falls; `None` where no step does.
    fn search(&self, from: &Standing, step: &Weights, penalty: Penalty) -> Option<Standing> {
        let mut share = 1.0;
        for _ in 0..30 {
            let weights = Weights {
                intercept: from.weights.intercept + share * step.intercept,
                beta: from.weights.beta.iter().zip(&step.beta).map(|(b, s)| b + share * s).collect(),
            };
            let margins = self.margins(&weights);
            let value = self.objective(&margins, &weights, penalty);
            if value < from.value {
                return Some(Standing { weights, margins, value });
            }
            share /= 2.0;
        }
        None
    }
}

/// Weights, what they say of every row, and the objective there.
struct Standing {
    weights: Weights,
    margins: Vec<f64>,
    value: f64,
}

/// Coordinate descent on the quadratic model around `weights`; returns the step.
fn descend(curvature: &[f64], gradient: &[f64], weights: &Weights, penalty: Penalty) -> Weights {
    let width = weights.beta.len();
    let size = width + 1;
    let mut step = vec![0.0; size];
    // slope = gradient + curvature · step, kept up to date.
    let mut slope = gradient.to_vec();
    let ridge = penalty.lambda * (1.0 - penalty.alpha);
    for _ in 0..SWEEPS_MAX {
        let mut moved = 0.0_f64;
        for j in (0..size).rev() {
            let h = curvature[j * size + j];
            let target = if j == width {
                if h <= 0.0 { continue } else { step[j] - slope[j] / h }
            } else {
                let now = weights.beta[j] + step[j];
                let (bend, pull) = (h + ridge, h * now - slope[j]);
                if bend <= 1e-12 {
                    continue;
                }
                soft(pull, penalty.lambda * penalty.alpha) / bend - weights.beta[j]
            };
            let change = target - step[j];
            if change != 0.0 {
                step[j] = target;
                for (s, c) in slope.iter_mut().zip(&curvature[j * size..(j + 1) * size]) {
                    *s += change * c;
                }
                moved = moved.max(change.abs() * h.sqrt());
            }
        }
        if moved < 1e-9 {
            break;
        }
    }
    let intercept = step.pop().unwrap_or(0.0);
    Weights { intercept, beta: step }
}

fn soft(value: f64, threshold: f64) -> f64 {
    libm::copysign((value.abs() - threshold).max(0.0), value)
}

/// Inverse of a symmetric positive definite matrix by Cholesky; `None` where it is singular.
#[must_use]
pub fn inverse(matrix: &[f64], size: usize) -> Option<Vec<f64>> {
    let mut lower = matrix.to_vec();
    for j in 0..size {
        for k in 0..j {
            let factor = lower[j * size + k];
            for i in j..size {
                lower[i * size + j] -= lower[i * size + k] * factor;
            }
        }
        let pivot = lower[j * size + j];
        if pivot <= matrix[j * size + j] * 1e-12 || pivot.is_nan() {
            return None;
        }
        let root = pivot.sqrt();
        for i in j..size {
            lower[i * size + j] /= root;
        }
    }
    let mut out = vec![0.0; size * size];
    for column in 0..size {
        let mut x = vec![0.0; size];
        for i in 0..size {
            let known: f64 = (0..i).map(|k| lower[i * size + k] * x[k]).sum();
            x[i] = (f64::from(i == column) - known) / lower[i * size + i];
        }
        for i in (0..size).rev() {
            let known: f64 = (i + 1..size).map(|k| lower[k * size + i] * x[k]).sum();
            x[i] = (x[i] - known) / lower[i * size + i];
        }
        for (i, value) in x.into_iter().enumerate() {
            out[i * size + column] = value;
        }
    }
    Some(out)
}
