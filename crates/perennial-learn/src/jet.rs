//! What are the first and second derivatives of a formula, without writing them by hand?
//!
//! Assumes  a formula of a few variables built of sums, products, logarithms and exponentials, finite where it is asked.
//! Input    [`Point::variable`] for every variable, [`Point::constant`] for the rest.
//! Output   a [`Point`]: value, gradient and Hessian, exact but for rounding (no differences are taken).
//! Cost     N² operations for each of the formula's.
//! Ref      Griewank & Walther (2008), Evaluating Derivatives, ch. 3 and 13: forward mode, truncated at second order.

use std::ops::{Add, Mul, Sub};

use crate::optim::Point;

impl<const N: usize> Point<N> {
    #[must_use]
    pub const fn constant(value: f64) -> Self {
        Self { value, gradient: [0.0; N], hessian: [[0.0; N]; N] }
    }

    /// The variable at `axis`, where it has this value.
    #[must_use]
    pub fn variable(axis: usize, value: f64) -> Self {
        let mut point = Self::constant(value);
        point.gradient[axis] = 1.0;
        point
    }

    /// All variables at once.
    #[must_use]
    pub fn variables(values: &[f64; N]) -> [Self; N] {
        std::array::from_fn(|axis| Self::variable(axis, values[axis]))
    }

    /// A function of one number, given its value and two derivatives here.
    #[must_use]
    pub fn chain(&self, [value, first, second]: [f64; 3]) -> Self {
        let gradient = self.gradient.map(|g| first * g);
        let hessian = std::array::from_fn(|i| {
            std::array::from_fn(|j| first * self.hessian[i][j] + second * self.gradient[i] * self.gradient[j])
        });
        Self { value, gradient, hessian }
    }

    #[must_use]
    pub fn ln(&self) -> Self {
        let by = 1.0 / self.value;
        self.chain([libm::log(self.value), by, -by * by])
    }

    #[must_use]
    pub fn scale(&self, factor: f64) -> Self {
        self.chain([factor * self.value, factor, 0.0])
    }

    /// ln(1 + e^self) without overflow.
    #[must_use]
    pub fn softplus(&self) -> Self {
        let e = libm::exp(-self.value.abs());
        let half = 1.0 / (1.0 + e);
        let sigma = if self.value >= 0.0 { half } else { e * half };
        self.chain([self.value.max(0.0) + libm::log1p(e), sigma, e * half * half])
    }

    /// ln(e^self + e^other).
    #[must_use]
    pub fn log_add(&self, other: &Self) -> Self {
        if other.value == f64::NEG_INFINITY {
            return *self;
        }
        if self.value == f64::NEG_INFINITY {
            return *other;
        }
        *self + (*other - *self).softplus()
    }
}

impl<const N: usize> Add for Point<N> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            gradient: std::array::from_fn(|i| self.gradient[i] + other.gradient[i]),
            hessian: std::array::from_fn(|i| std::array::from_fn(|j| self.hessian[i][j] + other.hessian[i][j])),
        }
    }
}

#[allow(clippy::suspicious_arithmetic_impl, reason = "the derivatives of a difference are those of both")]
impl<const N: usize> Sub for Point<N> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other.scale(-1.0)
    }
}

impl<const N: usize> Add<f64> for Point<N> {
    type Output = Self;

    fn add(mut self, number: f64) -> Self {
        self.value += number;
        self
    }
}

#[allow(clippy::suspicious_arithmetic_impl, reason = "a product's derivatives are sums")]
impl<const N: usize> Mul for Point<N> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let (u, v) = (&self, &other);
        Self {
            value: u.value * v.value,
            gradient: std::array::from_fn(|i| u.value * v.gradient[i] + v.value * u.gradient[i]),
            hessian: std::array::from_fn(|i| {
                std::array::from_fn(|j| {
                    u.value * v.hessian[i][j]
                        + v.value * u.hessian[i][j]
                        + (u.gradient[i] * v.gradient[j] + u.gradient[j] * v.gradient[i])
                })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f = ln(x² y + e^y) at (2, ½), where x² y = 2.
    #[test]
    fn derivatives_are_those_found_by_hand() {
        let [x, y] = Point::variables(&[2.0, 0.5]);
        let square = x * x * y;
        let f = square.ln().log_add(&y);
        let (a, e) = (2.0, 0.5_f64.exp());
        let whole = a + e;
        assert!((f.value - whole.ln()).abs() < 1e-15);
        let (f_x, f_y) = (2.0 / whole, (4.0 + e) / whole);
        assert!((f.gradient[0] - f_x).abs() < 1e-15 && (f.gradient[1] - f_y).abs() < 1e-15);
        assert!((f.hessian[0][0] - (1.0 / whole - f_x * f_x)).abs() < 1e-15);
        assert!((f.hessian[0][1] - (4.0 / whole - f_x * f_y)).abs() < 1e-15 && f.hessian[0][1] == f.hessian[1][0]);
        assert!((f.hessian[1][1] - (e / whole - f_y * f_y)).abs() < 1e-15);
    }

    #[test]
    fn a_term_that_is_not_there_adds_nothing() {
        let [x] = Point::variables(&[0.7]);
        let none = Point::constant(f64::NEG_INFINITY);
        assert_eq!((x.log_add(&none).value, none.log_add(&x).gradient), (0.7, [1.0]));
    }
}
