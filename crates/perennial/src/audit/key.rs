//! The log's key: `audit.key` signs, `audit.pub` is what a checker needs, and customers are named under a key made from it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::AuditError;
use super::bytes::{Hash, from_hex, hex, keyed, random};

/// The secret half, 64 hexadecimal digits, readable by its owner only.
const SECRET_FILE: &str = "audit.key";
/// The public half, 64 hexadecimal digits. It is written once the log has its first entry, so where it stands a log must stand.
pub const PUBLIC_FILE: &str = "audit.pub";

/// What a signature vouches for; a checkpoint can never stand in for the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    Head,
    Checkpoint,
}

impl Seal {
    fn message(self, seq: i64, hash: &Hash) -> Vec<u8> {
        let about: &[u8] = match self {
            Self::Head => b"perennial audit head 1",
            Self::Checkpoint => b"perennial audit checkpoint 1",
        };
        [about, &seq.to_be_bytes(), hash].concat()
    }

    /// Whether the key's owner vouched for this entry.
    pub fn is_good(self, public: &VerifyingKey, (seq, hash): (i64, &Hash), signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        public.verify_strict(&self.message(seq, hash), &signature).is_ok()
    }
}

/// The shop's key of the audit log.
pub struct Key {
    signing: SigningKey,
    /// From this customers' names and the second factors of people are made.
    secret: Zeroizing<[u8; 32]>,
    pub(super) shop: PathBuf,
}

impl Key {
    /// The shop's key. It is made where there is none and no log yet.
    pub(super) fn load(shop: &Path, has_log: bool) -> Result<Self, AuditError> {
        let path = shop.join(SECRET_FILE);
        let digits = match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(digits) => digits,
            Err(error) if error.kind() == ErrorKind::NotFound && !has_log => make(&path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let problem = "the key of the audit log is gone; put it back from a copy".to_owned();
                return Err(AuditError::File { path, problem });
            }
            Err(error) => return Err(AuditError::File { path, problem: format!("cannot be read: {error}") }),
        };
        let Some(secret) = from_hex(digits.trim()).map(Zeroizing::new) else {
            return Err(AuditError::File { path, problem: "is no key; a key is 64 hexadecimal digits".to_owned() });
        };
        Ok(Self { signing: SigningKey::from_bytes(&secret), secret, shop: shop.to_owned() })
    }

    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    pub(super) fn seal(&self, seal: Seal, seq: i64, hash: &Hash) -> [u8; 64] {
        self.signing.sign(&seal.message(seq, hash)).to_bytes()
    }

    /// A customer as the log names them: the same for the same id, and traced back by nobody without the key.
    #[must_use]
    pub fn customer(&self, customer_id: &str) -> String {
        format!("customer:{}", hex(&self.named(b"customer", customer_id.as_bytes())[..16]))
    }

    /// Another secret made from the key, for one use and one thing.
    #[must_use]
    pub fn named(&self, use_of_it: &[u8], thing: &[u8]) -> Zeroizing<Hash> {
        let key = keyed(&*self.secret, &[&b"perennial audit "[..], use_of_it].concat());
        keyed(&*key, thing)
    }

    /// Put the public half beside the secret one.
    pub(super) fn publish(&self) -> Result<(), AuditError> {
        let path = self.shop.join(PUBLIC_FILE);
        let digits = hex(self.public().as_bytes());
        match fs::read_to_string(&path) {
            Ok(there) if there.trim() == digits => return Ok(()),
            Ok(_) => {
                let problem = format!("is not the public half of {SECRET_FILE}; put both back from one copy");
                return Err(AuditError::File { path, problem });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(AuditError::File { path, problem: format!("cannot be read: {error}") }),
        }
        let unfinished = write(&path, &digits, 0o644)?;
        fs::rename(unfinished, &path).and_then(|()| sync(&self.shop)).map_err(|error| unwritten(&path, &error))
    }
}

/// The public key in a file.
pub fn public_key(path: &Path) -> Result<VerifyingKey, AuditError> {
    let wrong = |problem: String| AuditError::File { path: path.to_owned(), problem };
    let digits = fs::read_to_string(path).map_err(|error| wrong(format!("the public key cannot be read: {error}")))?;
    let key = from_hex(digits.trim()).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    key.ok_or_else(|| wrong("is no public key of an audit log; one is 64 hexadecimal digits".to_owned()))
}

/// Make the key under a name of its own and then link it to its place: whoever comes second finds the first one's.
fn make(path: &Path) -> Result<Zeroizing<String>, AuditError> {
    let digits = Zeroizing::new(hex(&*Zeroizing::new(random::<32>()?)));
    let unfinished = write(path, &digits, 0o600)?;
    let linked = fs::hard_link(&unfinished, path);
    let removed = fs::remove_file(&unfinished);
    match linked {
        Ok(()) => {
            removed.and_then(|()| sync(path.parent().unwrap_or(Path::new(".")))).map_err(|error| unwritten(path, &error))?
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unwritten(path, &error)),
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unwritten(path, &error))
}

/// A file beside `path` with one line, safely on the disk.
fn write(path: &Path, line: &str, mode: u32) -> Result<PathBuf, AuditError> {
    let unfinished = path.with_extension(format!("unfinished-{}", hex(&random::<8>()?)));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let written = options.open(&unfinished).and_then(|mut file| {
        writeln!(file, "{line}")?;
        file.sync_all()
    });
    written.map_err(|error| unwritten(path, &error))?;
    Ok(unfinished)
}

fn sync(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn unwritten(path: &Path, error: &std::io::Error) -> AuditError {
    AuditError::File { path: path.to_owned(), problem: format!("cannot be made: {error}") }
}
