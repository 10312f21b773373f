//! The lifetimes of the Gamma-Gompertz/NBD: how likely is it to be alive and silent until age y, or to leave just then?
//!
//! Assumes  S(y) = (1 + g(y)/θ)^−s with g(y) = (e^(b y) − 1)/b and θ = β/b; g(y) → y as b → 0, which is the Pareto.
//! Input    ages from 0, in the unit of α, 1/b and θ.
//! Output   logarithms, with derivatives by (r, α, b, s, θ) for a fit.
//! Cost     some thirty operations, and a series of 20 terms for g where b y is small.
//! Ref      Bemmaor & Glady (2012), Management Science 58(5), eq. (1) to (3).

use super::quadrature::{Integrand, Shape};
use crate::optim::Point;

#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    pub r: f64,
    pub alpha: f64,
    pub b: f64,
    pub s: f64,
    pub theta: f64,
}

/// (e^z − 1)/z and its first two derivatives, by series where closed forms cancel.
fn growth(z: f64) -> [f64; 3] {
    const SERIES_MAX: f64 = 1.0;
    if z.abs() > SERIES_MAX {
        let value = libm::expm1(z) / z;
        let first = (libm::exp(z) - value) / z;
        return [value, first, (libm::exp(z) - 2.0 * first) / z];
    }
    // Σ z^k/(k + 1)!, by Horner from the last term that counts, each with its derivatives.
    let (mut value, mut first, mut second) = (0.0, 0.0, 0.0);
    for k in (0..22_u32).rev() {
        let by = 1.0 / f64::from(k + 2);
        second = by * (2.0 * first + z * second);
        first = by * (value + z * first);
        value = 1.0 + by * z * value;
    }
    [value, first, second]
}

/// The same times e^−z where z is large, so that nothing overflows, and that factor; as they are elsewhere, and 1.
fn growth_in_bounds(z: f64) -> ([f64; 3], f64) {
    if z <= 1.0 {
        return (growth(z), 1.0);
    }
    let value = -libm::expm1(-z) / z;
    let first = (1.0 - value) / z;
    ([value, first, (1.0 - 2.0 * first) / z], libm::exp(-z))
}

impl Lifetime {
    /// λ and the risk of a customer who was alive at this age, from then on: b and s stay, θ becomes (θ + g(age)) e^(−b age).
    pub fn at(&self, x: f64, age: f64) -> Self {
        Self { r: self.r + x, alpha: self.alpha + age, theta: self.scale(age), ..*self }
    }

    /// (θ + g(y)) e^(−b y): from θ at birth to 1/b.
    fn scale(&self, y: f64) -> f64 {
        self.theta * libm::exp(-self.b * y) + y * growth(-self.b * y)[0]
    }

    /// ln(1 + g(y)/θ).
    fn ln_wear(&self, y: f64) -> f64 {
        let z = self.b * y;
        if z < 1.0 { libm::log1p(y * growth(z)[0] / self.theta) } else { z + libm::log(self.scale(y) / self.theta) }
    }

    /// ln P(alive and without an order until y).
    pub fn ln_silent(&self, y: f64) -> f64 {
        -self.r * libm::log1p(y / self.alpha) - self.s * self.ln_wear(y)
    }

    /// How far the zeros of θ + g are from y: on the real axis for b θ < 1, else beside it; they repeat every 2πi/b.
    fn reach(&self, y: f64) -> f64 {
        let half_turn = std::f64::consts::PI / self.b;
        let beta = self.b * self.theta;
        let nearest =
            if beta < 1.0 { y - libm::log1p(-beta) / self.b } else { libm::hypot(y - libm::log(beta - 1.0) / self.b, half_turn) };
        // A zero beside the way must not be nearer than half a panel, of five reaches, is long.
        nearest.min(0.4 * half_turn)
    }
}

/// Leaving at age y with x orders until then: f(y)/s = α^r (α + y)^−(r + x) · θ^s (θ + g)^−(s + 1) e^(b y).
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub is: Lifetime,
    pub x: f64,
}

impl Leaving {
    fn ln_alive(&self, y: f64) -> f64 {
        self.is.ln_silent(y) - self.x * libm::log(self.is.alpha + y)
    }

    fn shape_at(&self, y: f64) -> Shape {
        let Lifetime { r, alpha, b, s, .. } = self.is;
        let steepness = (r + self.x) / (alpha + y) + (s + 1.0) / self.is.scale(y) + b;
        Shape { reach: self.is.reach(y).min(alpha + y), steepness }
    }

    /// ln of being alive at y with x orders, by (r, α, b, s, θ).
    pub fn alive(&self, y: f64) -> Point<5> {
        self.both(y).0
    }

    /// The same, and ln(θ + g).
    fn both(&self, y: f64) -> (Point<5>, Point<5>) {
        let Lifetime { r, alpha, b, s, theta } = self.is;
        // Factors of e^(b y) cancel in all but ln(θ + g) and 1/(θ + g).
        let ([value, first, second], shrunk) = growth_in_bounds(b * y);
        let (since, by) = (libm::log1p(y / alpha), 1.0 / (alpha + y));
        let share = y / alpha * by;
        let mut point = Point::constant(-r * since - self.x * libm::log(alpha + y));
        point.gradient[0] = -since;
        point.gradient[1] = r * share - self.x * by;
        point.hessian[0][1] = share;
        point.hessian[1][0] = share;
        point.hessian[1][1] = self.x * by * by - r * share * (1.0 / alpha + by);
        // ln(1 + g/θ) by b and θ.
        let (g, g_b, g_bb) = (y * value, y * y * first, y * y * y * second);
        let by_shrunk = 1.0 / (theta * shrunk + g);
        let by_sum = by_shrunk * shrunk;
        let mut sum = Point::constant(-libm::log(by_shrunk) + if shrunk < 1.0 { b * y } else { 0.0 });
        sum.gradient[2] = g_b * by_shrunk;
        sum.gradient[4] = by_sum;
        sum.hessian[2][2] = (g_bb - g_b * g_b * by_shrunk) * by_shrunk;
        sum.hessian[2][4] = -g_b * by_shrunk * by_sum;
        sum.hessian[4][2] = sum.hessian[2][4];
        sum.hessian[4][4] = -by_sum * by_sum;
        let mut wear = sum;
        wear.value = self.is.ln_wear(y);
        wear.gradient[4] = -g / theta * by_shrunk;
        wear.hessian[4][4] = g / theta * by_shrunk * (1.0 / theta + by_sum);
        point.value -= s * wear.value;
        for i in [2, 4] {
            point.gradient[i] -= s * wear.gradient[i];
            for j in [2, 4] {
                point.hessian[i][j] -= s * wear.hessian[i][j];
            }
            point.hessian[3][i] -= wear.gradient[i];
            point.hessian[i][3] -= wear.gradient[i];
        }
        point.gradient[3] = -wear.value;
        (point, sum)
    }
}

impl Integrand<0> for Leaving {
    fn ln(&self, y: f64) -> Point<0> {
        // (θ + g) e^(−b y) is the scale at y.
        Point::constant(self.ln_alive(y) - libm::log(self.is.scale(y)))
    }

    fn shape(&self, y: f64) -> Shape {
        self.shape_at(y)
    }

    fn ln_rest(&self, y: f64) -> f64 {
        self.ln_alive(y) - libm::log(self.is.s)
    }
}

impl Integrand<5> for Leaving {
    fn ln(&self, y: f64) -> Point<5> {
        let (alive, sum) = self.both(y);
        let mut leaving = alive - sum;
        leaving.value += self.is.b * y;
        leaving.gradient[2] += y;
        leaving
    }

    fn shape(&self, y: f64) -> Shape {
        self.shape_at(y)
    }

    fn ln_rest(&self, y: f64) -> f64 {
        self.ln_alive(y) - libm::log(self.is.s)
    }
}

/// Being alive at age y, of which the integral is the time alive until `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Living {
    pub is: Lifetime,
    pub end: f64,
}

impl Integrand<0> for Living {
    fn ln(&self, y: f64) -> Point<0> {
        Point::constant(-self.is.s * self.is.ln_wear(y))
    }

    fn shape(&self, y: f64) -> Shape {
        Shape { reach: self.is.reach(y), steepness: self.is.s / self.is.scale(y) }
    }

    /// The risk of leaving never falls below that of the larger of the two scales.
    fn ln_rest(&self, y: f64) -> f64 {
        let longest = self.is.scale(y).max(1.0 / self.is.b) / self.is.s;
        -self.is.s * self.is.ln_wear(y) + libm::log(longest.min(self.end - y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences of the value: derivatives by hand are easily wrong.
    #[test]
    fn derivatives_are_those_of_the_value() {
        for b in [1e-7, 0.02, 0.4, 2.0] {
            let letters = [0.7, 11.0, b, 0.9, 14.0];
            let at = |letters: [f64; 5]| {
                let [r, alpha, b, s, theta] = letters;
                let point: Point<5> = Integrand::ln(&Leaving { is: Lifetime { r, alpha, b, s, theta }, x: 3.0 }, 8.0);
                point
            };
            let here = at(letters);
            let simple: Point<0> = {
                let [r, alpha, b, s, theta] = letters;
                Integrand::ln(&Leaving { is: Lifetime { r, alpha, b, s, theta }, x: 3.0 }, 8.0)
            };
            assert!((simple.value - here.value).abs() < 1e-13);
            for i in 0..5 {
                // A step of b must not lead below 0, and the function of b varies over 1/y.
                let step = if i == 2 { 1e-5 * b.max(1e-3) } else { 1e-5 * letters[i] };
                let [mut up, mut down] = [letters; 2];
                up[i] += step;
                down[i] -= step;
                let (up, down) = (at(up), at(down));
                let slope = (up.value - down.value) / (2.0 * step);
                assert!((slope - here.gradient[i]).abs() < 1e-6 * (1.0 + slope.abs()), "{b} {i}: {slope} {}", here.gradient[i]);
                for j in 0..5 {
                    let slope = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                    let is = here.hessian[i][j];
                    assert!((slope - is).abs() < 1e-5 * (1.0 + slope.abs()), "{b} {i} {j}: {slope} {is}");
                }
            }
        }
    }

    /// e^(b y) overflows from b y = 710 on; the likelihood of a customer that old does not.
    #[test]
    fn an_age_of_a_thousand_growths_does_not_overflow() {
        let is = Leaving { is: Lifetime { r: 4.0, alpha: 12.0, b: 12.0, s: 0.02, theta: 4e-4 }, x: 1.0 };
        let (point, simple): (Point<5>, Point<0>) = (is.ln(94.0), is.ln(94.0));
        assert!((point.value - simple.value).abs() < 1e-12 * simple.value.abs(), "{} {}", point.value, simple.value);
        assert!(point.gradient.iter().chain(point.hessian.as_flattened()).all(|number| number.is_finite()), "{point:?}");
    }

    #[test]
    fn the_growth_function_has_no_seam() {
        let [below, above] = [growth(1.0 - 1e-12), growth(1.0 + 1e-12)];
        assert!(below.iter().zip(above).all(|(l, r)| (l - r).abs() < 1e-11), "{below:?} {above:?}");
        assert_eq!(growth(0.0), [1.0, 0.5, 1.0 / 3.0]);
    }
}
