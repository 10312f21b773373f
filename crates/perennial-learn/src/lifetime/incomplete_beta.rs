//! The incomplete beta ratio: how likely is a Beta(a, b) number below z?
//!
//! Assumes  a, b > 0.
//! Input    shapes and 0 ≤ z ≤ 1, no unit.
//! Output   I_z(a, b), 1e-11 or better against 30-digit references (tests/it/lifetime/outlook).
//! Cost     a continued fraction of about √(a + b) steps.
//! Ref      DLMF 8.17.22, evaluated by Lentz's method (Thompson & Barnett 1986, J. Comput. Phys. 64); the symmetry 8.17.4.

use super::special::ln_beta;

const STEPS_MAX: u32 = 20_000;
/// Lentz's method replaces a zero by this.
const TINY: f64 = 1e-300;

/// I_z(a, b).
#[must_use]
pub fn beta_cdf(a: f64, b: f64, z: f64) -> f64 {
    if z <= 0.0 {
        return 0.0;
    }
    if z >= 1.0 {
        return 1.0;
    }
    // The fraction converges quickly only below the mean.
    if z > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below_mean(b, a, [libm::log1p(-z), libm::log(z)], 1.0 - z);
    }
    below_mean(a, b, [libm::log(z), libm::log1p(-z)], z)
}

fn below_mean(a: f64, b: f64, [ln_z, ln_rest]: [f64; 2], z: f64) -> f64 {
    let front = libm::exp(a * ln_z + b * ln_rest - ln_beta(a, b)) / a;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / kept(1.0 - (a + b) * z / (a + 1.0)));
    let mut fraction = d;
    for m in 1..STEPS_MAX {
        let m = f64::from(m);
        let even = m * (b - m) * z / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * z / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for step in [even, odd] {
            d = 1.0 / kept(1.0 + step * d);
            c = kept(1.0 + step / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}
