//! A hash that never changes: buckets on disk are chosen by it, so the standard library's, free to change, will not do.

const MULTIPLIERS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];

/// The two halves of a 128-bit product, folded: every input bit reaches every output bit.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// One more word into a running hash.
pub(crate) fn mix(state: u64, word: u64) -> u64 {
    fold(state ^ MULTIPLIERS[2], word ^ MULTIPLIERS[1]).rotate_left(29) ^ state.wrapping_mul(MULTIPLIERS[0])
}

/// Hash of some bytes under a seed.
pub(crate) fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut state = mix(seed, bytes.len() as u64);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    if !tail.is_empty() {
        let mut last = [0_u8; 8];
        last[..tail.len()].copy_from_slice(tail);
        state = mix(state, u64::from_le_bytes(last));
    }
    fold(state ^ MULTIPLIERS[1], MULTIPLIERS[0])
}

/// [`hash`] for the standard library's maps keyed by text.
#[derive(Default)]
pub(crate) struct StableHasher(u64);

impl std::hash::Hasher for StableHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes, self.0);
    }

    // `str` ends every text with this byte to keep concatenations apart; one text alone needs none.
    fn write_u8(&mut self, _: u8) {}
}

pub(crate) type StableState = std::hash::BuildHasherDefault<StableHasher>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_fixed_for_ever() {
        // Changing these numbers would put customers of existing lakes into other buckets.
        assert_eq!(hash(b"", 0), 0xe054_3559_4dea_5fe0);
        assert_eq!(hash(b"12346", 0), 0x0b2b_4fa3_0f3f_b3a8);
        assert_eq!(hash(b"a customer id of some length", 7), 0xbcf8_33aa_19c7_2a21);
    }

    #[test]
    fn similar_ids_spread_evenly() {
        let mut counts = [0_u32; 16];
        for id in 0..160_000 {
            counts[(hash(format!("C{id:07}").as_bytes(), 0) >> 32) as usize % 16] += 1;
        }
        assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{counts:?}");
    }
}
