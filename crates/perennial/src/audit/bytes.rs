//! Bytes that keep a secret or prove something: random ones, their digits, keyed digests, comparison without a clock.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::AuditError;

/// What a SHA-256 gives.
pub type Hash = [u8; 32];

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], AuditError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| AuditError::Key(format!("the operating system gives no random bytes: {error}")))?;
    Ok(bytes)
}

#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that lower-case hexadecimal digits stand for, if there are exactly so many.
#[must_use]
pub fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect();
    bytes?.try_into().ok()
}

#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// HMAC-SHA-256.
#[must_use]
pub fn keyed(key: &[u8], message: &[u8]) -> Zeroizing<Hash> {
    // An HMAC key may have any length, so this cannot fail.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return Zeroizing::new([0; 32]) };
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Whether two secrets are the same, in a time that tells nothing but their lengths.
#[must_use]
pub fn are_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && std::hint::black_box(left.iter().zip(right).fold(0, |odd, (l, r)| odd | (l ^ r))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_go_there_and_back() {
        let bytes: [u8; 4] = [0, 0x7f, 0xa5, 0xff];
        assert_eq!(hex(&bytes), "007fa5ff");
        assert_eq!(from_hex("007fa5ff"), Some(bytes));
        for wrong in ["", "007fa5f", "007fa5f", "007fa5fg", "007FA5FF", "007fa5ff00", "００7fa5"] {
            assert_eq!(from_hex::<4>(wrong), None, "{wrong}");
        }
    }

    /// RFC 4231, section 4.3, test case 2.
    #[test]
    fn keyed_digests_are_those_of_the_rfc() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&*keyed(b"Jefe", b"what do ya want for nothing?")), expected);
    }

    #[test]
    fn secrets_are_compared_whole() {
        assert!(are_same(b"secret", b"secret"));
        for other in [&b"secreT"[..], b"Secret", b"secre", b"secret ", b""] {
            assert!(!are_same(b"secret", other));
        }
    }
}
