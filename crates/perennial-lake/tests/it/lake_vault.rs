//! The vault: identities come back only with the key, and stand nowhere in the clear.

use std::path::{Path, PathBuf};

use perennial_contract::Entity;
use perennial_contract::source::{Batch, Identity, IdentityKind};
use perennial_lake::lake::{Lake, LakeError};
use perennial_lake::vault::{KeySource, VaultError};

use crate::lake_fixture::*;

fn identity(customer_id: &str, kind: IdentityKind, value: &str) -> Identity {
    Identity { customer_id: customer_id.into(), kind, value: value.into() }
}

fn with(identities: Vec<Identity>) -> Batch {
    Batch { identities, ..sparse(Entity::Customers, &["c1", "c2"]) }
}

fn ann() -> Vec<Identity> {
    vec![
        identity("c1", IdentityKind::Email, " Ann.Marker@Example.org "),
        identity("c1", IdentityKind::Name, "Ann Markersson"),
        identity("c2", IdentityKind::Phone, "+44-markerphone"),
    ]
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn identities_come_back_and_can_be_found_by_address() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![with(ann())]).unwrap();
    let lake = {
        drop(lake);
        open(dir.path())
    };
    assert_eq!(lake.vault().get("c1").unwrap(), ann()[..2]);
    assert_eq!(lake.vault().get("nobody").unwrap(), []);
    assert_eq!(lake.vault().find_email("ann.marker@example.ORG").unwrap(), ["c1"]);
    // A later import adds to the record and corrects it.
    let later = vec![identity("c1", IdentityKind::Email, "ann@new.org"), identity("c1", IdentityKind::Phone, "1")];
    import(&lake, "b", vec![with(later)]).unwrap();
    let values: Vec<String> = lake.vault().get("c1").unwrap().into_iter().map(|i| i.value).collect();
    assert_eq!(values, ["ann@new.org", "Ann Markersson", "1"]);
    assert_eq!(lake.vault().find_email("ann.marker@example.org").unwrap(), [""; 0]);
    assert_eq!(lake.vault().find_email("ann@new.org").unwrap(), ["c1"]);
}

#[test]
fn nothing_stands_in_the_clear() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![with(ann())]).unwrap();
    // Looked at while the ledger is open, so that its write-ahead log is there too.
    let all = files(dir.path());
    assert!(all.iter().any(|path| path.ends_with("ledger.db-wal")));
    for path in all {
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        for secret in [&b"marker"[..], b"example.org"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
        }
    }
}

#[test]
fn erasing_destroys_one_customer_only() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![with(ann())]).unwrap();
    let record = |dir: &Path| {
        let ledger = rusqlite::Connection::open(dir.join("ledger.db")).unwrap();
        ledger.query_row("SELECT wrapped_key FROM vault_record WHERE customer_id = 'c1'", [], |row| row.get::<_, Vec<u8>>(0))
    };
    let wrapped = record(dir.path()).unwrap();
    assert!(lake.vault().erase("c1").unwrap());
    assert!(!lake.vault().erase("c1").unwrap());
    assert_eq!(lake.vault().get("c1").unwrap(), []);
    assert_eq!(lake.vault().find_email("ann.marker@example.org").unwrap(), [""; 0]);
    assert_eq!(lake.vault().get("c2").unwrap(), ann()[2..]);
    for path in files(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(wrapped.len()).any(|window| window == wrapped), "the key is still in {}", path.display());
    }
}

#[test]
fn a_wrong_or_missing_key_is_said_and_imports_nothing() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![with(ann())]).unwrap();
    drop(lake);
    let other = dir.path().join("other.key");
    std::fs::write(&other, "ab".repeat(32)).unwrap();
    let wrong = Lake::open(dir.path(), &shop(), Some(&KeySource::File(other))).unwrap();
    let error = wrong.vault().get("c1").unwrap_err().to_string();
    assert!(error.starts_with("the vault was sealed with key ") && error.contains("other.key gives key "), "{error}");
    let before = wrong.snapshot().unwrap();
    assert!(matches!(import(&wrong, "b", vec![with(ann())]), Err(LakeError::Vault(VaultError::WrongKey { .. }))));
    assert_eq!(wrong.snapshot().unwrap(), before);
    // Without identities no key is needed.
    import(&wrong, "c", vec![batch(&[line("c1", "o1", 1, 1, 1)])]).unwrap();
    let gone = KeySource::File(dir.path().join("gone.key"));
    let gone = Lake::open(dir.path(), &shop(), Some(&gone)).unwrap().vault().get("c1").unwrap_err().to_string();
    assert!(gone.contains("gone.key is gone"), "{gone}");
    let unset = KeySource::Env("PERENNIAL_TEST_NO_SUCH_VARIABLE".into());
    let unset = Lake::open(dir.path(), &shop(), Some(&unset)).unwrap().vault().get("c1").unwrap_err().to_string();
    assert!(unset.contains("PERENNIAL_TEST_NO_SUCH_VARIABLE is not set"), "{unset}");
    std::fs::write(dir.path().join("bad.key"), "xyz").unwrap();
    let bad = KeySource::File(dir.path().join("bad.key"));
    let bad = Lake::open(dir.path(), &shop(), Some(&bad)).unwrap().vault().get("c1").unwrap_err().to_string();
    assert!(bad.contains("64 hexadecimal digits"), "{bad}");
}

#[test]
fn a_passphrase_opens_what_it_sealed() {
    let dir = folder();
    drop(create(dir.path()));
    let source = |text: &str| KeySource::Passphrase(zeroize::Zeroizing::new(text.to_owned()));
    let lake = Lake::open(dir.path(), &shop(), Some(&source("correct horse"))).unwrap();
    import(&lake, "a", vec![with(ann())]).unwrap();
    let name = lake.vault().pseudonymiser().unwrap().name("ann@example.org");
    drop(lake);
    let lake = Lake::open(dir.path(), &shop(), Some(&source("correct horse"))).unwrap();
    assert_eq!(lake.vault().get("c1").unwrap(), ann()[..2]);
    assert_eq!(lake.vault().pseudonymiser().unwrap().name("ann@example.org"), name);
    assert_eq!(name.len(), 32);
    let wrong = Lake::open(dir.path(), &shop(), Some(&source("battery staple"))).unwrap();
    assert!(matches!(wrong.vault().unlock(), Err(VaultError::WrongKey { .. })));
    assert!(!dir.path().join("vault.key").exists());
}

#[cfg(unix)]
#[test]
fn the_key_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    let lake = create(dir.path());
    lake.vault().unlock().unwrap();
    let mode = std::fs::metadata(dir.path().join("vault.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_record_moved_to_another_customer_does_not_open() {
    let dir = folder();
    let lake = create(dir.path());
    import(&lake, "a", vec![with(ann())]).unwrap();
    let ledger = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    ledger.execute("UPDATE vault_record SET customer_id = 'c7' WHERE customer_id = 'c2'", []).unwrap();
    assert!(matches!(lake.vault().get("c7"), Err(VaultError::Damaged { .. })));
}
