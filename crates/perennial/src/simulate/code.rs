//! Ids that look like a shop's: unique by construction, and telling nothing about the customer behind an order.

/// An id of one letter and ten characters, kept on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    bytes: [u8; 11],
}

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BITS: u32 = 50;
const MASK: u64 = (1 << BITS) - 1;
/// Bits of the running number below the customer's.
const WITHIN_BITS: u32 = 24;

impl Code {
    /// The `within`-th id of a customer under a prefix. Multiplying by odd numbers and folding the high half into the low
    /// one are bijections on 50 bits, so different inputs never meet.
    pub fn of(prefix: u8, customer: u64, within: usize) -> Self {
        let mut n = ((customer << WITHIN_BITS) | (within as u64 & ((1 << WITHIN_BITS) - 1))) & MASK;
        for factor in [0x2_4e3f_1b58_9a6d_u64, 0x1_d8c6_4f0b_3e29_u64] {
            n = n.wrapping_mul(factor) & MASK;
            n ^= n >> (BITS / 2);
        }
        let mut bytes = [prefix; 11];
        for byte in bytes[1..].iter_mut().rev() {
            *byte = LETTERS[(n & 31) as usize];
            n >>= 5;
        }
        Self { bytes }
    }

    /// `C` and the customer's number in eight digits.
    pub fn customer(number: u64) -> [u8; 9] {
        let (mut bytes, mut rest) = ([b'C'; 9], number);
        for byte in bytes[1..].iter_mut().rev() {
            *byte = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        bytes
    }

    pub fn as_str(&self) -> &str {
        ascii(&self.bytes)
    }
}

/// The bytes are letters and digits by construction.
pub fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_never_meet() {
        let mut codes: Vec<_> = (1..500).flat_map(|customer| (0..200).map(move |n| Code::of(b'O', customer, n).bytes)).collect();
        codes.extend((0..50).map(|n| Code::of(b'O', 50_000_000, n).bytes));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn customer_numbers_keep_their_order_as_text() {
        assert_eq!(ascii(&Code::customer(42)), "C00000042");
        assert!(Code::customer(9) < Code::customer(10));
    }
}
