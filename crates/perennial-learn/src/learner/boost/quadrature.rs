//! Gauss–Legendre nodes and weights on 0..1: integrates a polynomial of degree below 2n exactly.
//!
//! Ref      Golub & Welsch (1969), Mathematics of Computation 23; nodes by Newton's method on the Legendre recurrence.

/// `n` pairs (node, weight), nodes ascending; the weights sum to 1.
pub(super) fn unit_interval(n: usize) -> Vec<(f64, f64)> {
    let mut pairs = Vec::with_capacity(n);
    for at in 0..n {
        // Within reach of the root for Newton's method (Abramowitz & Stegun 22.16.6).
        let mut x = libm::cos(std::f64::consts::PI * (at as f64 + 0.75) / (n as f64 + 0.5));
        let mut slope = 1.0;
        for _ in 0..20 {
            let (value, derivative) = legendre(n, x);
            slope = derivative;
            let step = value / derivative;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        pairs.push((0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope)));
    }
    pairs
}

/// P_n(x) and its derivative.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_below_twice_the_nodes_are_exact() {
        for n in 1..=32 {
            let pairs = unit_interval(n);
            assert!(pairs.windows(2).all(|pair| pair[0].0 < pair[1].0));
            for degree in [0, 1, n, 2 * n - 1] {
                let sum: f64 = pairs.iter().map(|(node, weight)| weight * node.powi(degree as i32)).sum();
                assert!((sum - 1.0 / (degree as f64 + 1.0)).abs() < 1e-14, "n {n} degree {degree}: {sum}");
            }
        }
    }
}
