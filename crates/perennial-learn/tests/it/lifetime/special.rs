use perennial_learn::lifetime::special::{digamma, ln_2f1, ln_beta, ln_gamma, trigamma};

use super::special_values::{DIGAMMA, LN_2F1, LN_BETA, LN_GAMMA, TRIGAMMA};

/// Relative to the value, or to 1 where it is smaller: a logarithm near 0 is a number near 1 whose digits count.
#[track_caller]
fn close(is: f64, expected: f64, of: &[f64]) {
    let error = (is - expected).abs() / expected.abs().max(1.0);
    assert!(error <= 1e-12, "{of:?}: {is} instead of {expected}, error {error:.1e}");
}

#[test]
fn functions_of_one_argument_agree_with_forty_digits() {
    for (table, function) in [(LN_GAMMA, ln_gamma as fn(f64) -> f64), (DIGAMMA, digamma), (TRIGAMMA, trigamma)] {
        for ([x], expected) in table {
            close(function(*x), *expected, &[*x]);
        }
    }
}

#[test]
fn the_beta_function_agrees_with_forty_digits() {
    for ([a, b], expected) in LN_BETA {
        close(ln_beta(*a, *b), *expected, &[*a, *b]);
    }
}

#[test]
fn hypergeometric_function_agrees_with_forty_digits_at_model_shapes() {
    for ([a, b, c, z], expected) in LN_2F1 {
        close(ln_2f1(*a, *b, *c, *z).expect("a value"), *expected, &[*a, *b, *c, *z]);
    }
}
