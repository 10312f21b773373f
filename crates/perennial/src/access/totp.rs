//! Is this the code that the person's device shows now?
//!
//! Assumes  the device's clock is at most half a minute off.
//! Input    the shared secret, 20 bytes; a time; six digits.
//! Output   the step of 30 seconds that the digits belong to, so that none is taken twice.
//! Cost     three HMACs.
//! Ref      RFC 6238 (2011), TOTP; RFC 4226 (2005), section 5.3, HOTP; RFC 4648 (2006), section 6, Base32.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;

use crate::audit::bytes::are_same;

pub const STEP_SECONDS: i64 = 30;
/// Steps before and after the present one that are taken too.
const WINDOW: i64 = 1;
pub const SECRET_BYTES: usize = 20;

/// The code of a step.
fn code(secret: &[u8], step: i64) -> String {
    format!("{:06}", truncated(secret, step) % 1_000_000)
}

/// RFC 4226, section 5.3: 31 bits of the HMAC from where its last half-byte says.
fn truncated(secret: &[u8], step: i64) -> u32 {
    let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(secret) else { return 0 };
    mac.update(&step.to_be_bytes());
    let digest: [u8; 20] = mac.finalize().into_bytes().into();
    let from = usize::from(digest[19] & 15);
    u32::from_be_bytes([digest[from], digest[from + 1], digest[from + 2], digest[from + 3]]) & 0x7fff_ffff
}

/// The step whose code this is, later than the last one that was taken. Every step is tried, so the time tells nothing.
#[must_use]
pub fn step_of(secret: &[u8], given: &str, now: Timestamp, last_step: i64) -> Option<i64> {
    let present = now.as_second().div_euclid(STEP_SECONDS);
    let mut found = None;
    for step in present - WINDOW..=present + WINDOW {
        if are_same(code(secret, step).as_bytes(), given.as_bytes()) && step > last_step {
            found = Some(step);
        }
    }
    found
}

/// The secret as authenticators want it typed.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for five in bytes.chunks(5) {
        let bits = five.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte)) << (8 * (5 - five.len()));
        for place in 0..(five.len() * 8).div_ceil(5) {
            text.push(char::from(DIGITS[(bits >> (35 - 5 * place)) as usize & 31]));
        }
    }
    text
}

/// The address that authenticators read from a picture (Key Uri Format of Google Authenticator).
#[must_use]
pub fn address(secret: &[u8], login: &str) -> String {
    let mut name = String::new();
    for byte in login.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    format!("otpauth://totp/Perennial:{name}?secret={}&issuer=Perennial", base32(secret))
}

#[cfg(test)]
pub(super) fn code_at(secret: &[u8], now: Timestamp) -> String {
    code(secret, now.as_second().div_euclid(STEP_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 6238, appendix B, the rows of SHA-1, and RFC 4226, appendix D.
    #[test]
    fn codes_are_those_of_the_rfcs() {
        for (second, eight) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(truncated(SECRET, second / STEP_SECONDS) % 100_000_000, eight, "{second}");
            assert_eq!(code_at(SECRET, at(second)), format!("{:06}", eight % 1_000_000));
        }
        let hotp = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (count, expected) in hotp.into_iter().enumerate() {
            assert_eq!(code(SECRET, count as i64), expected);
        }
    }

    #[test]
    fn a_code_counts_for_one_step_around_and_only_once() {
        let given = code_at(SECRET, at(1_111_111_111));
        let step = 1_111_111_111 / STEP_SECONDS;
        for (second, expected) in [(0, Some(step)), (-30, Some(step)), (30, Some(step)), (-61, None), (61, None)] {
            assert_eq!(step_of(SECRET, &given, at(1_111_111_111 + second), 0), expected, "{second}");
        }
        assert_eq!(step_of(SECRET, &given, at(1_111_111_111), step), None, "a code is not taken twice");
        for wrong in ["", "05047", "0504711", "050472", "abcdef"] {
            assert_eq!(step_of(SECRET, wrong, at(1_111_111_111), 0), None);
        }
    }

    /// RFC 4648, section 10, without the padding.
    #[test]
    fn base32_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert!(
            address(SECRET, "anna+x@example.org").starts_with("otpauth://totp/Perennial:anna%2Bx%40example.org?secret=GEZDGNBV")
        );
    }
}
