//! The shop's key: where it comes from, and the keys derived from it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::VaultError;

/// Where the shop's key comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file with 64 hexadecimal digits; made, readable by its owner only, while the vault is still empty.
    File(PathBuf),
    /// Derived from a passphrase with Argon2id.
    Passphrase(Zeroizing<String>),
    /// Name of an environment variable with 64 hexadecimal digits.
    Env(String),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.described())
    }
}

impl KeySource {
    /// The source in words, without the secret.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::File(path) => format!("the key file {}", path.display()),
            Self::Passphrase(_) => "the passphrase".to_owned(),
            Self::Env(name) => format!("the environment variable {name}"),
        }
    }
}

/// Whether a key may be made where there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Make,
    Refuse,
}

/// Argon2id with 64 MiB and three passes, the second recommendation of RFC 9106, section 4, at one lane.
const ARGON2_MEMORY_KIB: u32 = 65_536;
const ARGON2_PASSES: u32 = 3;

/// The shop's key and what is derived from it. Wiped from memory when dropped.
pub(crate) struct ShopKey {
    pub wrapping: Zeroizing<[u8; 32]>,
    pub lookup: Zeroizing<[u8; 32]>,
    pub pseudonym: Zeroizing<[u8; 32]>,
    /// Of identities that wait outside the vault.
    pub waiting: Zeroizing<[u8; 32]>,
    pub id: [u8; 8],
}

impl ShopKey {
    /// Get the key from its source. `salt` is the vault's, for passphrases.
    pub(crate) fn load(source: &KeySource, salt: &[u8], if_missing: IfMissing) -> Result<Self, VaultError> {
        let master = match source {
            KeySource::File(path) => from_file(path, if_missing)?,
            KeySource::Env(name) => {
                let digits = std::env::var(name).map(Zeroizing::new).map_err(|_| {
                    VaultError::Key(format!(
                        "the environment variable {name} is not set; set it to the key's 64 hexadecimal digits"
                    ))
                })?;
                from_hex(&digits, &source.described())?
            }
            KeySource::Passphrase(passphrase) => from_passphrase(passphrase, salt)?,
        };
        let mut id = [0; 8];
        id.copy_from_slice(&derive(&master, b"perennial vault key id")[..8]);
        Ok(Self {
            wrapping: derive(&master, b"perennial vault wrapping"),
            lookup: derive(&master, b"perennial vault lookup"),
            pseudonym: derive(&master, b"perennial vault pseudonym"),
            waiting: derive(&master, b"perennial vault waiting"),
            id,
        })
    }
}

/// Random bytes from the operating system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes).map_err(|e| VaultError::Key(format!("the operating system gives no random bytes: {e}")))
}

/// HMAC-SHA-256.
pub(crate) fn digest(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // An HMAC key may have any length, so this cannot fail; an empty digest would be refused by everything that compares it.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn derive(master: &[u8; 32], label: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(digest(master, label))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str, source: &str) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let digits = digits.trim().as_bytes();
    let wrong = || VaultError::Key(format!("{source} holds no key; a key is 64 hexadecimal digits"));
    let (pairs, []) = digits.as_chunks::<2>() else { return Err(wrong()) };
    let mut key = Zeroizing::new([0_u8; 32]);
    if pairs.len() != key.len() {
        return Err(wrong());
    }
    for (byte, pair) in key.iter_mut().zip(pairs) {
        let digit = |b: u8| char::from(b).to_digit(16).ok_or_else(wrong);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Ok(key)
}

fn from_file(path: &Path, if_missing: IfMissing) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(digits) => from_hex(&digits, &format!("the key file {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match if_missing {
            IfMissing::Make => make_file(path),
            IfMissing::Refuse => Err(VaultError::Key(format!(
                "the key file {} is gone; without it identities cannot be read, so put it back from a copy",
                path.display()
            ))),
        },
        Err(error) => Err(VaultError::Key(format!("the key file {} cannot be read: {error}", path.display()))),
    }
}

fn make_file(path: &Path) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut key = Zeroizing::new([0_u8; 32]);
    random(key.as_mut_slice())?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let digits = Zeroizing::new(hex(key.as_slice()));
    let write = || -> std::io::Result<()> {
        let mut file = options.open(path)?;
        writeln!(file, "{}", digits.as_str())?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(key),
        // Another process made it this instant.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => from_file(path, IfMissing::Refuse),
        Err(error) => Err(VaultError::Key(format!("the key file {} cannot be made: {error}", path.display()))),
    }
}

fn from_passphrase(passphrase: &str, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut key = Zeroizing::new([0_u8; 32]);
    let derive = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(32)).and_then(|params| {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
            passphrase.as_bytes(),
            salt,
            key.as_mut_slice(),
        )
    });
    derive.map_err(|e| VaultError::Key(format!("no key can be derived from the passphrase: {e}")))?;
    Ok(key)
}
