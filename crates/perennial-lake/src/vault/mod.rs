//! Direct identifiers, apart from the lake's tables and encrypted under a key per customer.
//!
//! Each customer has a random data key, kept only wrapped by the shop's key. Whoever destroys the wrapped key has erased the
//! person, in every copy of the ledger made later and, for lack of a key, in no readable form anywhere else.

mod key;
mod seal;
mod spool;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use perennial_contract::source::{Identity, IdentityKind};
use rusqlite::{OptionalExtension, Statement, Transaction, params};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

pub use key::KeySource;
use key::{IfMissing, ShopKey, digest, hex, random};
use spool::People;
pub(crate) use spool::Spool;

use crate::lake::LakeError;
use crate::table::ledger::{Ledger, in_words};
use crate::table::parallel;

/// Tables of the vault in the ledger, so that identities become true together with the import that brought them.
pub(crate) const LAYOUT: &str = "
CREATE TABLE vault_key (one INTEGER PRIMARY KEY CHECK (one = 1), key_id BLOB NOT NULL, salt BLOB NOT NULL) STRICT;
CREATE TABLE vault_record (
    customer_id TEXT PRIMARY KEY, key_id BLOB NOT NULL, wrapped_key BLOB NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE vault_email (digest BLOB NOT NULL, customer_id TEXT NOT NULL, PRIMARY KEY (digest, customer_id)) STRICT, WITHOUT ROWID;
CREATE INDEX vault_email_customer ON vault_email (customer_id);
";

/// Name of the key file in the lake's folder where no other source is set.
const DEFAULT_KEY_FILE: &str = "vault.key";

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault was sealed with key {expected}, but {source_name} gives key {given}; give the key it was sealed with")]
    WrongKey { expected: String, given: String, source_name: String },
    #[error("the vault's key cannot be had: {0}")]
    Key(String),
    #[error("the vault's record of customer {customer_id:?} is damaged; restore the lake from a copy")]
    Damaged { customer_id: String },
    #[error("the vault cannot be used: {}", in_words(.0))]
    Ledger(#[from] rusqlite::Error),
}

/// The shop's identities. The key is fetched when first needed.
pub struct Vault {
    ledger: Arc<Ledger>,
    source: KeySource,
    key: Mutex<Option<Arc<ShopKey>>>,
}

/// A stable name for a direct identifier that nobody without the shop's key can trace back or recompute.
#[derive(Clone)]
pub struct Pseudonymiser(Zeroizing<[u8; 32]>);

impl Pseudonymiser {
    /// 32 hexadecimal digits; the same text gives the same name for as long as the shop keeps its key.
    #[must_use]
    pub fn name(&self, text: &str) -> String {
        hex(&digest(&self.0, text.as_bytes())[..16])
    }
}

/// Seals identities and puts them into the ledger, each beside what is known of its customer already.
pub(crate) struct Sealer {
    key: Arc<ShopKey>,
    threads: usize,
    /// The vault has no record yet that would have to be looked for.
    is_empty: bool,
}

/// A record as the ledger keeps it: the wrapped key and the sealed identifiers.
type Stored = (Vec<u8>, Vec<u8>);

struct Record {
    customer_id: String,
    wrapped_key: Vec<u8>,
    sealed: Vec<u8>,
    emails: Vec<[u8; 32]>,
}

type DataKey = Zeroizing<[u8; 32]>;

/// A customer's record in the clear: identifiers by kind.
type Known = Map<String, Value>;

/// The one spelling an address is looked up by.
fn spelled(email: &str) -> String {
    email.trim().to_lowercase()
}

/// What a sealed text is bound to.
fn about(what: &str, customer_id: &str, key_id: &[u8; 8]) -> Vec<u8> {
    [what.as_bytes(), b"|", key_id, b"|", customer_id.as_bytes()].concat()
}

impl Vault {
    pub(crate) fn new(ledger: Arc<Ledger>, lake: &Path, source: Option<&KeySource>) -> Self {
        let source = source.cloned().unwrap_or_else(|| KeySource::File(lake.join(DEFAULT_KEY_FILE)));
        Self { ledger, source, key: Mutex::new(None) }
    }

    /// Fetch the shop's key now. The first key a vault ever sees becomes its key.
    pub fn unlock(&self) -> Result<(), VaultError> {
        self.shop_key().map(|_| ())
    }

    fn shop_key(&self) -> Result<Arc<ShopKey>, VaultError> {
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = held.as_ref() {
            return Ok(key.clone());
        }
        let connection = self.ledger.connection();
        let stored: Option<(Vec<u8>, Vec<u8>)> =
            connection.query_row("SELECT key_id, salt FROM vault_key", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let key = match stored {
            Some((expected, salt)) => {
                let key = ShopKey::load(&self.source, &salt, IfMissing::Refuse)?;
                if key.id[..] != expected[..] {
                    let (expected, given) = (hex(&expected), hex(&key.id));
                    return Err(VaultError::WrongKey { expected, given, source_name: self.source.described() });
                }
                key
            }
            None => {
                let mut salt = [0_u8; 16];
                random(&mut salt)?;
                let key = ShopKey::load(&self.source, &salt, IfMissing::Make)?;
                let is_first =
                    connection.execute("INSERT OR IGNORE INTO vault_key VALUES (1, ?1, ?2)", params![key.id, salt])? == 1;
                if !is_first {
                    // Another process was quicker: its salt holds.
                    drop((connection, held));
                    return self.shop_key();
                }
                key
            }
        };
        let key = Arc::new(key);
        *held = Some(key.clone());
        Ok(key)
    }

    /// What is known about who a customer is, by kind.
    pub fn get(&self, customer_id: &str) -> Result<Vec<Identity>, VaultError> {
        let key = self.shop_key()?;
        let Some((_, known)) = self.open(&key, customer_id)? else { return Ok(Vec::new()) };
        let identities = KINDS.iter().filter_map(|&kind| {
            let value = known.get(kind.name())?.as_str()?.to_owned();
            Some(Identity { customer_id: customer_id.to_owned(), kind, value })
        });
        Ok(identities.collect())
    }

    fn open(&self, key: &ShopKey, customer_id: &str) -> Result<Option<(DataKey, Known)>, VaultError> {
        let stored = stored(&mut self.ledger.connection().prepare(STORED)?, customer_id)?;
        stored.map(|stored| opened(key, customer_id, &stored)).transpose()
    }

    /// Customers whose e-mail address is this one, up to case and surrounding space.
    pub fn find_email(&self, email: &str) -> Result<Vec<String>, VaultError> {
        let key = self.shop_key()?;
        let connection = self.ledger.connection();
        let mut statement = connection.prepare("SELECT customer_id FROM vault_email WHERE digest = ?1 ORDER BY customer_id")?;
        let found = statement.query_map([digest(&key.lookup, spelled(email).as_bytes())], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Destroy a customer's key and record; true if there was one. Nothing can bring it back.
    pub fn erase(&self, customer_id: &str) -> Result<bool, VaultError> {
        let mut connection = self.ledger.connection();
        let transaction = connection.transaction()?;
        let erased = transaction.execute("DELETE FROM vault_record WHERE customer_id = ?1", [customer_id])?;
        transaction.execute("DELETE FROM vault_email WHERE customer_id = ?1", [customer_id])?;
        transaction.commit()?;
        // Pages with the old key may still stand in the write-ahead log: bring them home and empty it.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(erased > 0)
    }

    /// The key of the pseudonyms that stand for people known by a direct identifier only.
    pub fn pseudonym_key(&self) -> Result<[u8; 32], VaultError> {
        Ok(*self.shop_key()?.pseudonym)
    }

    /// Identities as nobody without the shop's key can read them, for a file outside the vault; `about` says which place they belong to.
    pub fn seal_aside(&self, identities: &[Identity], about: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.shop_key()?;
        let mut nonce = [0_u8; 24];
        random(&mut nonce)?;
        let sealed = seal::seal(&key.waiting, &nonce, &spool::plain(identities), about);
        sealed.ok_or_else(|| VaultError::Key("identities of this length cannot be encrypted".to_owned()))
    }

    /// What [`Vault::seal_aside`] sealed for the same place.
    pub fn open_aside(&self, sealed: &[u8], about: &[u8]) -> Result<Vec<Identity>, VaultError> {
        let key = self.shop_key()?;
        let plain = seal::open(&key.waiting, sealed, about);
        let found = plain.and_then(|plain| spool::identities(&plain));
        found.ok_or_else(|| {
            VaultError::Key("identities that wait outside the vault were sealed with another key, or changed".to_owned())
        })
    }

    /// Something that names direct identifiers under the shop's key.
    pub fn pseudonymiser(&self) -> Result<Pseudonymiser, VaultError> {
        Ok(Pseudonymiser(self.shop_key()?.pseudonym.clone()))
    }

    /// What seals these people's identities; needs no key where there are none.
    pub(crate) fn sealer(&self, people: &People, threads: usize) -> Result<Option<Sealer>, VaultError> {
        if people.is_empty() {
            return Ok(None);
        }
        Ok(Some(Sealer { key: self.shop_key()?, threads, is_empty: self.is_empty()? }))
    }

    fn is_empty(&self) -> Result<bool, VaultError> {
        let connection = self.ledger.connection();
        let some: Option<i64> = connection.query_row("SELECT 1 FROM vault_record LIMIT 1", [], |row| row.get(0)).optional()?;
        Ok(some.is_none())
    }
}

const STORED: &str = "SELECT wrapped_key, sealed FROM vault_record WHERE customer_id = ?1";

/// A customer's record; `statement` is [`STORED`].
fn stored(statement: &mut Statement<'_>, customer_id: &str) -> Result<Option<Stored>, VaultError> {
    Ok(statement.query_row([customer_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn opened(key: &ShopKey, customer_id: &str, (wrapped, sealed): &Stored) -> Result<(DataKey, Known), VaultError> {
    let open = || {
        let unwrapped = seal::open(&key.wrapping, wrapped, &about("key", customer_id, &key.id))?;
        let data_key: DataKey = Zeroizing::new(unwrapped.as_slice().try_into().ok()?);
        let plain = seal::open(&data_key, sealed, &about("record", customer_id, &key.id))?;
        Some((data_key, serde_json::from_slice(&plain).ok()?))
    };
    open().ok_or_else(|| VaultError::Damaged { customer_id: customer_id.to_owned() })
}

const KINDS: [IdentityKind; 5] =
    [IdentityKind::Email, IdentityKind::Name, IdentityKind::Phone, IdentityKind::Address, IdentityKind::BirthDate];

fn fresh_key() -> Result<DataKey, VaultError> {
    let mut key = Zeroizing::new([0_u8; 32]);
    random(key.as_mut_slice())?;
    Ok(key)
}

fn sealed_record(key: &ShopKey, customer_id: &str, data_key: &DataKey, known: &Known) -> Result<Record, VaultError> {
    let mut nonces = [[0_u8; 24]; 2];
    random(nonces.as_flattened_mut())?;
    let plain = Zeroizing::new(Value::Object(known.clone()).to_string());
    let emails = known.get(IdentityKind::Email.name()).and_then(Value::as_str);
    let emails = emails.map(|email| digest(&key.lookup, spelled(email).as_bytes())).into_iter().collect();
    let sealed = seal::seal(data_key, &nonces[0], plain.as_bytes(), &about("record", customer_id, &key.id));
    let wrapped = seal::seal(&key.wrapping, &nonces[1], data_key.as_slice(), &about("key", customer_id, &key.id));
    match (wrapped, sealed) {
        (Some(wrapped_key), Some(sealed)) => Ok(Record { customer_id: customer_id.to_owned(), wrapped_key, sealed, emails }),
        _ => Err(VaultError::Key("an identity of this length cannot be encrypted".to_owned())),
    }
}

impl Sealer {
    /// Seal everybody and put the records into the ledger, in the transaction of the import that brought them: batch by batch, so that
    /// millions of people are never in memory at once.
    pub(crate) fn store(&self, people: &mut People, transaction: &Transaction<'_>) -> Result<(), LakeError> {
        loop {
            let batch = people.batch()?;
            if batch.is_empty() {
                return Ok(());
            }
            let mut known = Vec::with_capacity(batch.len());
            let mut statement = transaction.prepare(STORED).map_err(VaultError::from)?;
            for (customer_id, brought) in batch {
                let older = if self.is_empty { None } else { stored(&mut statement, &customer_id)? };
                known.push((customer_id, brought, older));
            }
            let chunks: Vec<_> = known.chunks(256).collect();
            let sealed = parallel::each(&chunks, self.threads, |people| {
                people
                    .iter()
                    .map(|(id, brought, older)| self.seal_one(id, brought, older.as_ref()))
                    .collect::<Result<Vec<_>, _>>()
            })?;
            self.put(sealed.into_iter().flatten().collect(), transaction)?;
        }
    }

    /// A customer's record with what an import brought.
    fn seal_one(&self, customer_id: &str, brought: &Known, older: Option<&Stored>) -> Result<Record, VaultError> {
        let (data_key, mut known) = match older {
            Some(older) => opened(&self.key, customer_id, older)?,
            None => (fresh_key()?, Known::new()),
        };
        known.extend(brought.iter().map(|(kind, value)| (kind.clone(), value.clone())));
        sealed_record(&self.key, customer_id, &data_key, &known)
    }

    fn put(&self, records: Vec<Record>, transaction: &Transaction<'_>) -> Result<(), VaultError> {
        let mut forget = transaction.prepare("DELETE FROM vault_email WHERE customer_id = ?1")?;
        let mut record = transaction.prepare("INSERT OR REPLACE INTO vault_record VALUES (?1, ?2, ?3, ?4)")?;
        let mut emails = Vec::new();
        for Record { customer_id, wrapped_key, sealed, emails: theirs } in records {
            if !self.is_empty {
                forget.execute([&customer_id])?;
            }
            record.execute(params![customer_id, self.key.id, wrapped_key, sealed])?;
            emails.extend(theirs.into_iter().map(|digest| (digest, customer_id.clone())));
        }
        // In the order of the table they go to, whose pages are then visited once a batch.
        emails.sort_unstable();
        let mut email = transaction.prepare("INSERT OR IGNORE INTO vault_email VALUES (?1, ?2)")?;
        for (digest, customer_id) in emails {
            email.execute(params![digest, customer_id])?;
        }
        Ok(())
    }
}
