//! Tails of the normal and the χ² distribution.
//!
//! Assumes  z finite; x ≥ 0; whole degrees of freedom.
//! Input    real numbers, no unit.
//! Output   ln of the normal's upper tail, its hazard, and the upper tail of χ²: 1e-12 relative against 30-digit references (tests below).
//! Cost     constant; χ² one term per two degrees of freedom.
//! Ref      Abramowitz & Stegun (1964): 26.2.12 (far tail), 26.4.4 and 26.4.5 (χ² as a finite sum).

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// ½ ln 2π.
pub(super) const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;
/// From here on the asymptotic series is exact to the last bits.
const FAR: f64 = 30.0;

/// ln P(Z > z).
pub(super) fn ln_normal(z: f64) -> f64 {
    if z > FAR {
        return -0.5 * z * z - HALF_LN_TWO_PI - libm::log(z) + libm::log(far_series(z));
    }
    if z < 0.0 { libm::log1p(-0.5 * libm::erfc(-z * FRAC_1_SQRT_2)) } else { libm::log(0.5 * libm::erfc(z * FRAC_1_SQRT_2)) }
}

/// φ(z) / P(Z > z).
pub(super) fn normal_hazard(z: f64) -> f64 {
    if z > FAR {
        return z / far_series(z);
    }
    libm::exp(-0.5 * z * z - HALF_LN_TWO_PI) / (0.5 * libm::erfc(z * FRAC_1_SQRT_2))
}

/// z · P(Z > z) / φ(z) for large z.
fn far_series(z: f64) -> f64 {
    let y = 1.0 / (z * z);
    1.0 - y * (1.0 - y * (3.0 - y * (15.0 - y * (105.0 - y * 945.0))))
}

/// P(χ² > x) with so many degrees of freedom.
pub(crate) fn chi_squared(x: f64, freedom: usize) -> f64 {
    if x <= 0.0 || freedom == 0 {
        return 1.0;
    }
    let half = 0.5 * x;
    // Terms of e^(−x/2) (x/2)^(k/2) / Γ(k/2 + 1) for k = freedom − 2, freedom − 4, …; all positive.
    let (mut k, mut sum, mut term) = if freedom.is_multiple_of(2) {
        (2, libm::exp(-half), libm::exp(-half))
    } else {
        (1, libm::erfc(half.sqrt()), libm::exp(-half) / (PI * half).sqrt())
    };
    while k < freedom {
        term *= half / (0.5 * k as f64);
        sum += term;
        k += 2;
    }
    sum.min(1.0)
}

#[cfg(test)]
#[allow(clippy::excessive_precision, reason = "references have more digits than a double holds")]
mod tests {
    use super::*;

    #[track_caller]
    fn near(is: f64, wants: f64) {
        assert!((is - wants).abs() <= 1e-12 * wants.abs(), "{is:e}, expected {wants:e}");
    }

    /// mpmath 1.3 with 30 digits: `log(erfc(z/sqrt(2))/2)`, `npdf(z)/(erfc(z/sqrt(2))/2)`.
    #[test]
    fn normal_tail_and_hazard_hold_near_and_far() {
        for (z, ln, hazard) in [
            (-5.0, -2.866_516_129_637_635_93e-7, 1.486_719_940_904_905_71e-6),
            (-0.5, -0.368_946_415_288_656_393, 0.509_160_433_837_033_486),
            (0.0, -std::f64::consts::LN_2, 0.797_884_560_802_865_356),
            (1.25, -2.247_625_677_214_318_18, 1.728_816_627_331_053_97),
            (8.0, -35.013_437_159_914_549_9, 8.121_368_112_236_112_68),
            (29.5, -439.429_474_609_150_228, 29.533_820_844_167_983),
            (31.0, -484.853_963_627_179_289, 31.032_191_276_777_724_7),
            (60.0, -1_805.013_560_680_567_14, 60.016_657_420_241_124_9),
        ] {
            near(ln_normal(z), ln);
            near(normal_hazard(z), hazard);
        }
    }

    /// mpmath 1.3: `gammainc(k/2, x/2, inf, regularized=True)`.
    #[test]
    fn chi_squared_tail_is_the_regularised_gamma_function() {
        for (x, freedom, wants) in [
            (0.5, 1, 0.479_500_122_186_953_462),
            (122.249_125_573_006_15, 1, 2.035_983_222_285_544_13e-28),
            (33.265_945_801_569_39, 7, 2.362_045_053_699_208_5e-5),
            (3.0, 2, 0.223_130_160_148_429_829),
            (60.0, 12, 2.257_348_746_396_284_16e-8),
            (4.0, 5, 0.549_415_951_352_780_233),
        ] {
            near(chi_squared(x, freedom), wants);
        }
    }
}
