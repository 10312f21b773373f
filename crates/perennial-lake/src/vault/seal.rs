//! Sealing: authenticated encryption bound to whose data it is.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// First byte of everything sealed, so that another scheme can stand beside this one some day.
const SCHEME: u8 = 1;
const NONCE: usize = 24;

/// Encrypt under a key; `about` is not hidden but must be the same when it is opened.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; NONCE], plain: &[u8], about: &[u8]) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let sealed = cipher.encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad: about }).ok()?;
    let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
    out.push(SCHEME);
    out.extend_from_slice(nonce);
    out.extend_from_slice(&sealed);
    Some(out)
}

/// Decrypt; `None` if key, text or `about` is not the one it was sealed with.
pub(crate) fn open(key: &[u8; 32], sealed: &[u8], about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (&scheme, rest) = sealed.split_first()?;
    let (nonce, text) = rest.split_first_chunk::<NONCE>()?;
    if scheme != SCHEME {
        return None;
    }
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: about }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_as_it_was() -> Result<(), &'static str> {
        let key = [7; 32];
        let sealed = seal(&key, &[9; 24], b"ann@example.org", b"c1").ok_or("not sealed")?;
        assert_eq!(open(&key, &sealed, b"c1").map(|p| p.to_vec()), Some(b"ann@example.org".to_vec()));
        assert!(open(&key, &sealed, b"c2").is_none());
        assert!(open(&[8; 32], &sealed, b"c1").is_none());
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(open(&key, &bent, b"c1").is_none(), "byte {i}");
        }
        for cut in 0..sealed.len() {
            assert!(open(&key, &sealed[..cut], b"c1").is_none(), "cut at {cut}");
        }
        Ok(())
    }
}
