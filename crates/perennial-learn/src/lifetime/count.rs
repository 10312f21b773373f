//! How many events does a Poisson process of Gamma-distributed rate show in a time, and how many orders come of them?
//!
//! Assumes  N ~ Poisson(λ t), λ ~ Gamma(r, α), so P(N = j) = Γ(r + j)/(Γ(r) j!) (1 − z)^r z^j with z = t/(α + t).
//! Input    r > 0; 0 ≤ z < 1, or τ = t/α = z/(1 − z).
//! Output   the probabilities one after another, or a sum over them; nothing underflows on the way to a value that does not.
//! Cost     a few operations a term; terms up to the mean and about 40/(1 − z) beyond.
//! Ref      Schmittlein, Morrison & Colombo (1987), Management Science 33(1): the NBD; the recursion is P(j+1)/P(j).

use super::special::ln_beta;

/// Values are kept below this and the rest in a logarithm, so that (1 − z)^2000 is no zero.
const LARGE: f64 = 1e150;

/// Walks P(N = 0), P(N = 1), … as `value · e^ln_scale`.
#[derive(Clone, Copy, Debug)]
struct Walk {
    r: f64,
    z: f64,
    j: f64,
    value: f64,
    ln_scale: f64,
}

impl Walk {
    fn begin(r: f64, z: f64) -> Self {
        Self { r, z, j: 0.0, value: 1.0, ln_scale: r * libm::log1p(-z) }
    }

    /// The factor from this term to the next.
    fn ratio(&self) -> f64 {
        (self.r + self.j) / (self.j + 1.0) * self.z
    }

    fn advance(&mut self) {
        self.value *= self.ratio();
        self.j += 1.0;
    }

    /// Moves what grew too large, here and in a sum of such values, into the logarithm.
    fn shrink(&mut self, sum: &mut f64) {
        if self.value.max(*sum) > LARGE {
            *sum /= LARGE;
            self.value /= LARGE;
            self.ln_scale += libm::log(LARGE);
        }
    }
}

/// P(N = j) for j = 0, 1, …, until what is left is below `rest`, but for no more than `terms_max` terms.
#[must_use]
pub fn probabilities(r: f64, z: f64, rest: f64, terms_max: usize) -> Vec<f64> {
    let mut walk = Walk::begin(r, z);
    let mut scale = libm::exp(walk.ln_scale);
    let mut all = Vec::new();
    while all.len() < terms_max {
        let p = walk.value * scale;
        all.push(p);
        let ratio = walk.ratio();
        // From the first falling ratio on, the rest is below a geometric series of the larger of ratio and z.
        let bound = ratio.max(z);
        if bound < 1.0 && p * bound <= rest * (1.0 - bound) {
            break;
        }
        walk.advance();
        if walk.value > LARGE {
            walk.value /= LARGE;
            walk.ln_scale += libm::log(LARGE);
            scale = libm::exp(walk.ln_scale);
        }
    }
    all
}

/// Up to this z and this mean number of events the sum over events is short; beyond, the integral over the dropout chance has a cost
/// that does not grow.
const SUM_Z_MAX: f64 = 0.99;
const SUM_MEAN_MAX: f64 = 10_000.0;

/// E[orders in a time t = τ α]: events come as above, and after each the customer leaves with p ~ Beta(a, b).
/// Sum and integral are of positive terms only, so nothing cancels, at a = 1 neither (where eq. (9) of BG/NBD divides by zero).
#[must_use]
pub fn orders_expected(r: f64, tau: f64, a: f64, b: f64) -> f64 {
    if tau <= 0.0 {
        return 0.0;
    }
    let z = tau / (1.0 + tau);
    if z <= SUM_Z_MAX && r * tau <= SUM_MEAN_MAX { sum_over_events(r, z, a, b) } else { integral_over_dropout(r, tau, a, b) }
}

/// How far a customer is on the way to the next order: `done` of k steps.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub k: u32,
    pub done: u32,
}

/// E[orders in a time t = τ α] where an order takes k steps of the process, and `done` of the first one's are done.
///
/// Summed over the steps at any length of time: about 40 (1 + τ) terms beyond the mean.
#[must_use]
pub fn orders_expected_by_stage(r: f64, tau: f64, [a, b]: [f64; 2], stage: Stage) -> f64 {
    if stage.k == 1 {
        return orders_expected(r, tau, a, b);
    }
    if tau.is_nan() || tau <= 0.0 {
        return 0.0;
    }
    sum_over_steps(r, tau / (1.0 + tau), [a, b], stage)
}

/// P(fewer steps in a time t = τ α than the next order takes).
#[must_use]
pub fn p_fewer(r: f64, tau: f64, stage: Stage) -> f64 {
    let mut walk = Walk::begin(r, tau / (1.0 + tau));
    let mut sum = 0.0;
    for _ in stage.done..stage.k {
        sum += walk.value;
        walk.advance();
        walk.shrink(&mut sum);
    }
    sum * libm::exp(walk.ln_scale)
}

/// Σ_j P(N = j) C(j), where C(j) = Σ_{n=1..j} Π_{k<n−1} (b + k)/(a + b + k) of j events are orders before the customer has left.
fn sum_over_events(r: f64, z: f64, a: f64, b: f64) -> f64 {
    sum_over_steps(r, z, [a, b], Stage { k: 1, done: 0 })
}

/// The same where every k-th step is an order.
fn sum_over_steps(r: f64, z: f64, [a, b]: [f64; 2], stage: Stage) -> f64 {
    let mut walk = Walk::begin(r, z);
    let (mut sum, mut stays, mut orders, mut placed, mut left) = (0.0, 1.0, 0.0, 0.0, stage.k - stage.done);
    loop {
        let bound = walk.ratio().max(z);
        walk.advance();
        left -= 1;
        if left == 0 {
            left = stage.k;
            orders += stays;
            stays *= (b + placed) / (a + b + placed);
            placed += 1.0;
        }
        let term = walk.value * orders;
        sum += term;
        // C grows at most linearly, which the square accounts for.
        if bound < 1.0 && orders > 0.0 && term <= 1e-16 * sum * (1.0 - bound) * (1.0 - bound) {
            return sum * libm::exp(walk.ln_scale);
        }
        walk.shrink(&mut sum);
    }
}

/// E[(1 − (1 + p τ)^−r)/p] over p ~ Beta(a, b): the trapezoidal rule in ln(p/(1 − p)), which converges exponentially there;
/// the tails, where the integrand is an exponential, are summed as geometric series.
fn integral_over_dropout(r: f64, tau: f64, a: f64, b: f64) -> f64 {
    /// e^−40 is below the last bit of a sum.
    const FAR: f64 = 40.0;
    // The logit of p has about this variance where Beta(a, b) is narrow; the rule must see the peak.
    let step = (0.7 * libm::sqrt(1.0 / a + 1.0 / b)).min(0.2);
    let ln_front = libm::log(step) - ln_beta(a, b);
    let expected_given = |p: f64| if p > 0.0 { -libm::expm1(-r * libm::log1p(p * tau)) / p } else { r * tau };
    let low = -FAR - libm::log((r * tau).max(b).max(1.0));
    let steps = ((FAR - low) / step).ceil() as u32;
    let mut sum = 0.0;
    for i in 0..=steps {
        let y = low + f64::from(i) * step;
        // ln p and ln(1 − p) without loss at either end.
        let (ln_p, ln_rest) = (-libm::log1p(libm::exp(-y)), -libm::log1p(libm::exp(y)));
        let weight = libm::exp(a * ln_p + b * ln_rest + ln_front);
        sum += weight * expected_given(libm::exp(ln_p));
    }
    let geometric = |rate: f64, ln_at: f64| libm::exp(ln_at + ln_front - rate * step) / -libm::expm1(-rate * step);
    let high = low + f64::from(steps) * step;
    sum + r * tau * geometric(a, a * low) + expected_given(1.0) * geometric(b, -b * high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probabilities_sum_to_one_and_have_the_mean() {
        for (r, z) in [(0.24, 0.9), (2.5, 0.3), (2000.3, 0.5), (1.0, 0.999)] {
            let p = probabilities(r, z, 1e-15, usize::MAX);
            let total: f64 = p.iter().sum();
            let mean: f64 = p.iter().enumerate().map(|(j, p)| j as f64 * p).sum();
            assert!((total - 1.0).abs() < 1e-11, "r {r} z {z}: {total}");
            assert!((mean / (r * z / (1.0 - z)) - 1.0).abs() < 1e-9, "r {r} z {z}: {mean}");
        }
    }

    #[test]
    fn without_dropout_every_event_is_an_order() {
        for (r, z) in [(0.24, 0.9), (2000.3, 0.5), (5000.0, 0.9)] {
            let expected = r * z / (1.0 - z);
            assert!((sum_over_events(r, z, 1e-13, 5.0) / expected - 1.0).abs() < 1e-9, "r {r} z {z}");
        }
    }

    #[test]
    fn sum_and_integral_agree() {
        for (r, a, b) in [
            (0.24, 0.79, 2.43),
            (2.0, 1.0, 0.3),
            (0.5, 30.0, 2.0),
            (2000.3, 0.8, 2002.0),
            (0.9, 0.004, 6.6),
            (1.0, 1e-5, 1e-5),
            (40.0, 900.0, 7000.0),
        ] {
            for z in [0.3_f64, 0.9, 0.989, 0.999] {
                let (sum, integral) = (sum_over_events(r, z, a, b), integral_over_dropout(r, z / (1.0 - z), a, b));
                assert!((sum / integral - 1.0).abs() < 2e-10, "r {r} a {a} b {b} z {z}: {sum} {integral}");
            }
        }
    }

    #[test]
    fn an_endless_time_is_answered() {
        // In the end a customer has placed 1/p orders, and E[1/p] = (a + b − 1)/(a − 1) for a > 1.
        let forever = orders_expected(0.5, 1e300, 3.0, 2.0);
        assert!((forever - 2.0).abs() < 1e-9, "{forever}");
        assert!(orders_expected(f64::NAN, 1e9, 3.0, 2.0).is_nan());
    }
}
