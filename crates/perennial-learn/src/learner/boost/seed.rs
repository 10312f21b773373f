//! Random numbers by place instead of by order: row 7 of tree 3 gets the same one on any thread.

/// A stream of random words addressed by index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

impl Seed {
    pub fn of(seed: u64) -> Self {
        Self(mix(seed ^ 0x9e37_79b9_7f4a_7c15))
    }

    /// An independent stream.
    pub fn child(self, index: u64) -> Self {
        Self(mix(self.0 ^ mix(index.wrapping_add(0x632b_e59b_d9b4_e019))))
    }

    #[inline]
    pub fn at(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// `fraction` of the features, at least one, in their order.
    pub fn sample(self, features: &[usize], fraction: f64) -> Vec<usize> {
        let wanted = ((features.len() as f64 * fraction).round() as usize).clamp(1, features.len().max(1));
        let mut drawn = features.to_vec();
        drawn.sort_by_key(|feature| self.at(*feature as u64));
        drawn.truncate(wanted);
        drawn.sort_unstable();
        drawn
    }

    /// Uniform in `0.0..1.0`.
    pub fn share(self, index: u64) -> f64 {
        (self.at(index) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA).
#[inline]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
