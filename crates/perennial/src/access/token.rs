//! Secrets that are given out once and kept only as their hash: cookies of sessions, one-time links, API keys.
//!
//! They have 256 random bits, so nobody guesses one, and a plain SHA-256 protects them as well as a slow hash would.

use zeroize::Zeroizing;

use super::AccessError;
use crate::audit::bytes::{Hash, from_hex, hex, keyed, random, sha256};

/// A secret as it is given out: 64 hexadecimal digits.
pub type Token = Zeroizing<String>;

pub fn token() -> Result<Token, AccessError> {
    Ok(Zeroizing::new(hex(&*Zeroizing::new(random::<32>()?))))
}

/// What is kept of a token; none where the text is no token at all.
#[must_use]
pub fn kept(token: &str) -> Option<Hash> {
    let secret = Zeroizing::new(from_hex::<32>(token)?);
    Some(sha256(&[b"perennial token", &*secret]))
}

/// The text that forms of a session send along. It is made from the session's token, so it is kept nowhere and ends with it.
#[must_use]
pub fn csrf(token: &str) -> String {
    hex(&*keyed(token.as_bytes(), b"perennial csrf"))
}
