//! The special functions of the lifetime models, in logarithms so that a customer with 2,000 orders does not overflow.
//!
//! Assumes  arguments as the models give them: shapes above 0, z in 0..1.
//! Input    real numbers, no unit.
//! Output   ln Γ, ψ, ψ′, ln B, ln ₂F₁: 1e-10 relative or better against 40-digit references (tests/it/lifetime_special.rs).
//! Cost     constant, but for ₂F₁ about 37/(1 − z) terms.
//! Ref      Abramowitz & Stegun (1964): 6.1.40, 6.3.18, 6.4.12, 15.1.1, 15.3.3; DLMF 5.11.1.

/// ½ ln 2π.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;
/// From here on Stirling's series with its first terms is exact to the last bits.
const STIRLING_FROM: f64 = 10.0;

/// ln Γ(x), x > 0.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// ψ(x) = d ln Γ(x)/dx, x > 0.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < STIRLING_FROM {
        shift -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y
        * (1.0 / 12.0
            - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0 - y * (691.0 / 32_760.0 - y / 12.0))))));
    shift + libm::log(x) - 0.5 / x - series
}

/// ψ′(x), x > 0.
#[must_use]
pub fn trigamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < STIRLING_FROM {
        shift += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y
        * (1.0 / 6.0
            - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y * (1.0 / 30.0 - y * (5.0 / 66.0 - y * (691.0 / 2730.0 - y * 7.0 / 6.0))))));
    shift + (1.0 + 0.5 / x + series) / x
}

/// ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π] for x ≥ 10: what Stirling's formula leaves out.
fn stirling_rest(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    (1.0 / 12.0
        - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y * (1.0 / 1188.0 - y * (691.0 / 360_360.0 - y / 156.0))))))
        / x
}

/// ln B(a, b); the large parts of ln Γ are cancelled on paper, not in floating point.
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    let sum = small + large;
    if large < STIRLING_FROM {
        return ln_gamma(small) + ln_gamma(large) - ln_gamma(sum);
    }
    let shared = stirling_rest(large) - stirling_rest(sum) + (large - 0.5) * libm::log1p(-small / sum);
    if small < STIRLING_FROM {
        ln_gamma(small) + shared + small - small * libm::log(sum)
    } else {
        HALF_LN_TWO_PI - 0.5 * libm::log(sum) + stirling_rest(small) + shared + (small - 0.5) * libm::log(small / sum)
    }
}

/// ln ₂F₁(a, b; c; z) for a, b, c > 0 and 0 ≤ z < 1.
///
/// Where c < a + b the series is that of Euler's transform (1 − z)^(c−a−b) ₂F₁(c − a, c − b; c; z), whose terms fall faster.
/// `None` where the sum is not positive (c − a or c − b below zero can do that) or needs more than ten million terms.
#[must_use]
pub fn ln_2f1(a: f64, b: f64, c: f64, z: f64) -> Option<f64> {
    let euler = c < a + b && c > a && c > b;
    let (p, q, front) = if euler { (c - a, c - b, (c - a - b) * libm::log1p(-z)) } else { (a, b, 0.0) };
    const LARGE: f64 = 1e200;
    let (mut term, mut sum, mut ln_scale) = (1.0, 1.0, front);
    for n in 0..10_000_000_u32 {
        let n = f64::from(n);
        let ratio = (p + n) * (q + n) / ((c + n) * (n + 1.0)) * z;
        term *= ratio;
        sum += term;
        if sum > LARGE {
            term /= LARGE;
            sum /= LARGE;
            ln_scale += libm::log(LARGE);
        }
        // Once the ratio is below 1 the rest is less than a geometric series.
        if ratio.abs() < 1.0 && term.abs() <= 1e-17 * sum * (1.0 - ratio.abs().max(z)) {
            return (sum > 0.0).then(|| ln_scale + libm::log(sum));
        }
    }
    None
}
