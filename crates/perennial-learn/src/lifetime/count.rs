//! How many events does a Poisson process of Gamma-distributed rate show in a time, and how many orders come of them?
//!
//! Assumes  N ~ Poisson(λ t), λ ~ Gamma(r, α), so P(N = j) = Γ(r + j)/(Γ(r) j!) (1 − z)^r z^j with z = t/(α + t).
//! Input    r > 0; 0 ≤ z < 1.
//! Output   the probabilities one after another, or a sum over them; nothing underflows on the way to a value that does not.
//! Cost     a few operations a term; terms up to the mean and about 40/(1 − z) beyond.
//! Ref      Schmittlein, Morrison & Colombo (1987), Management Science 33(1): the NBD; the recursion is P(j+1)/P(j).

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

/// E[C(N)] for C(j) = Σ_{n=1..j} Π_{k<n−1} (b + k)/(a + b + k): each event is an order if no order before it was the last one,
/// and after each order the customer leaves with p ~ Beta(a, b). Every term is positive, so nothing cancels, at a = 1 neither.
#[must_use]
pub fn orders_expected(r: f64, z: f64, a: f64, b: f64) -> f64 {
    if z <= 0.0 {
        return 0.0;
    }
    let mut walk = Walk::begin(r, z);
    let (mut sum, mut stays, mut orders) = (0.0, 1.0, 0.0);
    loop {
        let bound = walk.ratio().max(z);
        walk.advance();
        orders += stays;
        stays *= (b + walk.j - 1.0) / (a + b + walk.j - 1.0);
        let term = walk.value * orders;
        sum += term;
        // C grows at most linearly, which the square accounts for.
        if bound < 1.0 && term <= 1e-16 * sum * (1.0 - bound) * (1.0 - bound) {
            return sum * libm::exp(walk.ln_scale);
        }
        if sum > LARGE {
            sum /= LARGE;
            walk.value /= LARGE;
            walk.ln_scale += libm::log(LARGE);
        }
    }
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
            assert!((orders_expected(r, z, 1e-13, 5.0) / expected - 1.0).abs() < 1e-9, "r {r} z {z}");
        }
    }
}
