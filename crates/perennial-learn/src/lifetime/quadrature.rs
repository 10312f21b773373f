//! What is the logarithm of an integral of a positive function, and what are its derivatives by the parameters?
//!
//! Assumes  the integrand is smooth over every panel it asks for, and no more is left beyond y than it says.
//! Input    from ≤ to, and an [`Integrand`] that gives ln f with derivatives by its N parameters; N = 0 for the value alone.
//! Output   ln ∫ f as a [`Point`], 1e-14 relative or better; all terms are positive, so nothing cancels.
//! Cost     24 values of the integrand a panel; two or three panels for a customer.
//! Ref      Abramowitz & Stegun (1964), 25.4.29: Gauss-Legendre, nodes and weights from mpmath at 30 digits.

use crate::optim::Point;

/// Positive nodes on (−1, 1) and their weights; the rule is symmetric.
pub(super) const RULE: [[f64; 2]; 12] = [
    [0.064_056_892_862_605_63, 0.127_938_195_346_752_16],
    [0.191_118_867_473_616_3, 0.125_837_456_346_828_3],
    [0.315_042_679_696_163_4, 0.121_670_472_927_803_39],
    [0.433_793_507_626_045_1, 0.115_505_668_053_725_6],
    [0.545_421_471_388_839_5, 0.107_444_270_115_965_63],
    [0.648_093_651_936_975_6, 0.097_618_652_104_113_89],
    [0.740_124_191_578_554_4, 0.086_190_161_531_953_28],
    [0.820_001_985_973_903, 0.073_346_481_411_080_31],
    [0.886_415_527_004_401, 0.059_298_584_915_436_78],
    [0.938_274_552_002_732_8, 0.044_277_438_817_419_81],
    [0.974_728_555_971_309_5, 0.028_531_388_628_933_663],
    [0.995_187_219_997_021_4, 0.012_341_229_799_987_2],
];
/// On a panel the integrand may fall by e^−24: twice what the rule follows to the last bit is left as a reserve.
const FALL_MAX: f64 = 24.0;
/// A panel may be this many times as long as the way from its start to the nearest singularity.
const REACH_MAX: f64 = 5.0;
/// ln of the share of an integral that no digit shows, derivatives included.
const LN_NOTHING: f64 = -46.0;

pub trait Integrand<const N: usize> {
    /// ln f(y) with its derivatives by the parameters.
    fn ln(&self, y: f64) -> Point<N>;
    /// How far the nearest singularity is from y, and how steeply ln f falls there.
    fn shape(&self, y: f64) -> Shape;
    /// A bound on ln ∫ f from y to the end.
    fn ln_rest(&self, y: f64) -> f64;
}

#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub reach: f64,
    pub steepness: f64,
}

/// ln ∫ f(y) dy; −∞ where nothing lies between the ends.
pub fn ln_integral<const N: usize>(from: f64, to: f64, integrand: &impl Integrand<N>) -> Point<N> {
    if from >= to {
        return Point::constant(f64::NEG_INFINITY);
    }
    let scale = integrand.ln(from).value;
    // Σ f, Σ f·∂ ln f and Σ f·(∂∂ ln f + ∂ ln f ∂ ln f), all relative to f(from).
    let mut total = Point::constant(0.0);
    let mut at = from;
    while at < to {
        let Shape { reach, steepness } = integrand.shape(at);
        let length = (REACH_MAX * reach).min(FALL_MAX / steepness.abs());
        // What would be left as a sliver is taken along.
        let end = if length.is_finite() && at + 1.1 * length < to { at + length } else { to };
        let (middle, half) = (0.5 * (at + end), 0.5 * (end - at));
        for [node, weight] in RULE {
            add(&mut total, &integrand.ln(middle - half * node), scale, half * weight);
            add(&mut total, &integrand.ln(middle + half * node), scale, half * weight);
        }
        if integrand.ln_rest(end) - scale < libm::log(total.value) + LN_NOTHING {
            break;
        }
        at = end;
    }
    let by = 1.0 / total.value;
    let gradient = total.gradient.map(|g| g * by);
    let hessian = std::array::from_fn(|i| std::array::from_fn(|j| total.hessian[i][j] * by - gradient[i] * gradient[j]));
    Point { value: scale + libm::log(total.value), gradient, hessian }
}

fn add<const N: usize>(total: &mut Point<N>, ln: &Point<N>, scale: f64, weight: f64) {
    let f = weight * libm::exp(ln.value - scale);
    total.value += f;
    for i in 0..N {
        total.gradient[i] += f * ln.gradient[i];
        for j in 0..N {
            total.hessian[i][j] += f * (ln.hessian[i][j] + ln.gradient[i] * ln.gradient[j]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (c + y)^−p by (c, p), whose integral is a power too.
    struct Power {
        c: f64,
        p: f64,
    }

    impl Integrand<2> for Power {
        fn ln(&self, y: f64) -> Point<2> {
            let [c, p] = Point::variables(&[self.c, self.p]);
            p.scale(-1.0) * (c + y).ln()
        }

        fn shape(&self, y: f64) -> Shape {
            Shape { reach: self.c + y, steepness: self.p / (self.c + y) }
        }

        fn ln_rest(&self, y: f64) -> f64 {
            (1.0 - self.p) * (self.c + y).ln() - (self.p - 1.0).ln()
        }
    }

    #[test]
    fn a_power_integrates_to_a_power_with_its_derivatives() {
        for (c, p, from, to) in [(1e-6, 1.5, 0.0, 1e9), (10.0, 2.6, 3.0, 40.0), (4.0, 2000.0, 30.0, 31.0), (1.0, 1.01, 0.0, 0.5)]
        {
            let is = ln_integral(from, to, &Power { c, p });
            // ∫ = (c + from)^(1−p) · (1 − e^(−(p−1) ℓ))/(p − 1), ℓ = ln((c + to)/(c + from)), without cancellation.
            let [c, p] = Point::variables(&[c, p]);
            let shape = p + -1.0;
            let span = (c + to).ln() - (c + from).ln();
            let fall = shape.scale(-1.0) * span;
            let kept = fall.chain([-fall.value.exp_m1(), -fall.value.exp(), -fall.value.exp()]);
            let expected = shape.scale(-1.0) * (c + from).ln() + kept.ln() - shape.ln();
            assert!(
                (is.value - expected.value).abs() < 1e-13 * expected.value.abs().max(10.0),
                "{} {}",
                is.value,
                expected.value
            );
            for i in 0..2 {
                let off = (is.gradient[i] / expected.gradient[i] - 1.0).abs();
                assert!(off < 1e-8, "{i}: {} {}", is.gradient[i], expected.gradient[i]);
            }
            let off = (is.hessian[0][1] / expected.hessian[0][1] - 1.0).abs();
            assert!(off < 1e-6, "{} {}", is.hessian[0][1], expected.hessian[0][1]);
        }
        assert_eq!(ln_integral(2.0, 2.0, &Power { c: 1.0, p: 2.0 }).value, f64::NEG_INFINITY);
    }
}
