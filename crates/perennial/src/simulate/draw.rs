//! Random draws that are the same bytes on every machine and at any thread count.
//!
//! Each customer has an own stream per purpose, so that asking for click events does not change anybody's orders.
//! Logarithms and powers come from `libm`, whose results do not depend on the platform's C library.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What a stream of draws is for; streams of different purposes never share a draw.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    Shop,
    Person,
    Orders,
    Opinion,
    Service,
    Browsing,
    Identity,
    Dirt,
}

#[derive(Clone, Debug)]
pub struct Draw(Pcg64Mcg);

/// The finaliser of splitmix64 (Steele, Lea & Flood 2014): neighbouring inputs give unrelated outputs.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draw {
    pub fn stream(seed: u64, number: u64, purpose: Purpose) -> Self {
        Self(Pcg64Mcg::seed_from_u64(mix(mix(seed) ^ mix(number.wrapping_mul(16) + purpose as u64))))
    }

    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1).
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n; the bias of one part in 2⁶⁴/n does not matter here. 0 for n = 0.
    #[inline]
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    #[inline]
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    pub fn pick_word(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }

    /// Uniform in [low, high).
    #[inline]
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Exponential with mean 1.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Standard normal (Marsaglia's polar method).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * libm::log(s) / s).sqrt();
            }
        }
    }

    /// Gamma with the given shape and scale 1 (Marsaglia & Tsang 2000, ACM TOMS 26(3)).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(1.0 - self.unit(), 1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            if libm::log(1.0 - self.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }

    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        if x + y > 0.0 { x / (x + y) } else { a / (a + b) }
    }

    /// Poisson by multiplication (Knuth), for means up to a few dozen.
    pub fn poisson(&mut self, mean: f64) -> usize {
        let (limit, mut product, mut count) = (libm::exp(-mean.clamp(0.0, 500.0)), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// An index with probability proportional to its step in `cumulative` (ascending, last is the total).
    #[inline]
    pub fn index(&mut self, cumulative: &[f32]) -> usize {
        let at = self.unit() as f32 * cumulative.last().copied().unwrap_or(0.0);
        cumulative.iter().position(|&c| at < c).unwrap_or(cumulative.len().saturating_sub(1))
    }
}

/// Turn weights into running totals, the form [`Draw::index`] reads.
pub fn accumulate(weights: &mut [f32]) {
    let mut total = 0.0;
    for weight in weights {
        total += *weight;
        *weight = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_variance(draws: &[f64]) -> (f64, f64) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut draw = Draw::stream(7, 1, Purpose::Person);
        let mut check = |name: &str, wanted: (f64, f64), sample: &mut dyn FnMut(&mut Draw) -> f64| {
            let draws: Vec<f64> = (0..200_000).map(|_| sample(&mut draw)).collect();
            let (mean, variance) = mean_and_variance(&draws);
            assert!((mean - wanted.0).abs() < 0.01 * (1.0 + wanted.0), "{name}: mean {mean}, wanted {}", wanted.0);
            assert!((variance - wanted.1).abs() < 0.03 * (1.0 + wanted.1), "{name}: variance {variance}, wanted {}", wanted.1);
        };
        check("unit", (0.5, 1.0 / 12.0), &mut Draw::unit);
        check("exponential", (1.0, 1.0), &mut Draw::exponential);
        check("normal", (0.0, 1.0), &mut Draw::normal);
        check("gamma(.5)", (0.5, 0.5), &mut |d| d.gamma(0.5));
        check("gamma(4)", (4.0, 4.0), &mut |d| d.gamma(4.0));
        check("beta(2, 6)", (0.25, 0.020_833), &mut |d| d.beta(2.0, 6.0));
        check("poisson(3)", (3.0, 3.0), &mut |d| d.poisson(3.0) as f64);
    }

    #[test]
    fn streams_of_neighbours_and_purposes_differ() {
        let first = |seed, number, purpose| Draw::stream(seed, number, purpose).bits();
        let a = first(1, 1, Purpose::Orders);
        assert_eq!(a, first(1, 1, Purpose::Orders));
        assert_ne!(a, first(1, 2, Purpose::Orders));
        assert_ne!(a, first(2, 1, Purpose::Orders));
        assert_ne!(a, first(1, 1, Purpose::Browsing));
    }
}
