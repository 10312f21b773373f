//! Whatever somebody changes, drops, inserts, swaps or cuts off is found; an untouched log never complains.

use std::io::Cursor;
use std::path::Path;

use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::json;

use super::bytes::{from_hex, hex};
use super::line::{EntryLine, Line, SealLine};
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn connect(shop: &Path) -> Connection {
    let database = Connection::open(shop.join("registry.db")).unwrap();
    database.pragma_update(None, "secure_delete", "ON").unwrap();
    database
}

fn add(database: &mut Connection, key: &Key, entry: &Entry, now: Timestamp) -> Result<Leaf, AuditError> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let leaf = append(&transaction, key, entry, now)?;
    transaction.commit()?;
    Ok(leaf)
}

fn entry(number: i64) -> Entry {
    let action = ["user:invite", "identity:read", "model:promote", "key:make"][number as usize % 4];
    let entry = Entry::done(format!("person:{}", number % 5), action, format!("customer:{number:032x}"));
    let entry = if number % 3 == 0 { entry.with_purpose("报表 for the \"court\"\n") } else { entry };
    let entry = if number % 7 == 0 { entry.with_outcome(Outcome::Refused) } else { entry };
    entry.with_detail(json!({"rows": number, "of": [1.5, "x"]}))
}

/// A log of so many entries, the first of which begins it.
fn log(shop: &Path, entries: i64) -> (Connection, Key) {
    let mut database = connect(shop);
    let key = Key::open(shop, &mut database, at(0)).unwrap();
    let transaction = database.transaction().unwrap();
    for number in 1..entries {
        append(&transaction, &key, &entry(number), at(number)).unwrap();
    }
    transaction.commit().unwrap();
    (database, key)
}

fn exported(database: &Connection, key: &Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(database, &key.public(), &mut bytes).unwrap();
    bytes
}

fn check(bytes: &[u8], key: &Key, marks: &Marks) -> Verdict {
    verify_export(&mut Cursor::new(bytes), &key.public(), marks).unwrap()
}

#[test]
fn an_untouched_log_never_complains() {
    let shop = tempfile::tempdir().unwrap();
    let (mut database, key) = log(shop.path(), 1);
    for number in 1..140 {
        let verdict = verify(&database, &key.public(), &Marks::default()).unwrap();
        assert!(verdict.is_good, "{verdict:?}");
        assert_eq!((verdict.entries, verdict.checkpoints), (number, number / log::CHECKPOINT_EVERY));
        let bytes = exported(&database, &key);
        let offline = check(&bytes, &key, &Marks::default());
        assert!(offline.is_good && offline.hash == verdict.hash, "{offline:?}");
        let older = marks(&mut Cursor::new(&bytes), &key.public()).unwrap();
        let leaf = add(&mut database, &key, &entry(number), at(number)).unwrap();
        assert_eq!(leaf.seq, number + 1);
        assert!(verify(&database, &key.public(), &older).unwrap().is_good);
    }
    // Opened again it is the same log with the same key.
    let again = Key::open(shop.path(), &mut database, at(999)).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(public_key(&shop.path().join(PUBLIC_FILE)).unwrap(), key.public());
    assert_eq!(verify(&database, &again.public(), &Marks::default()).unwrap().entries, 140);
}

/// A log as somebody who has the files and not the key may rewrite it.
#[derive(Clone, PartialEq)]
struct Book {
    entries: Vec<EntryLine>,
    checkpoints: Vec<SealLine>,
    head: Option<SealLine>,
}

impl Book {
    fn read(export: &[u8]) -> Self {
        let mut book = Self { entries: Vec::new(), checkpoints: Vec::new(), head: None };
        for line in std::str::from_utf8(export).unwrap().lines() {
            match serde_json::from_str(line).unwrap() {
                Line::Entry(entry) => book.entries.push(entry),
                Line::Checkpoint(seal) => book.checkpoints.push(seal),
                Line::Head(seal) => book.head = Some(seal),
                _ => {}
            }
        }
        book
    }

    /// Every number right, every hash right; only the signatures cannot be had.
    fn rechain(&mut self) {
        let mut previous = [0; 32];
        for (place, entry) in self.entries.iter_mut().enumerate() {
            entry.seq = place as i64 + 1;
            previous = entry.hash_after(&previous);
            entry.hash = hex(&previous);
        }
        for seal in self.checkpoints.iter_mut().chain(&mut self.head) {
            if let Some(entry) = self.entries.get(seal.seq as usize - 1) {
                seal.hash.clone_from(&entry.hash);
            }
        }
        let last = self.entries.len() as i64;
        self.checkpoints.retain(|seal| seal.seq <= last);
        if let (Some(head), Some(entry)) = (&mut self.head, self.entries.last()) {
            (head.seq, head.hash) = (last, entry.hash.clone());
        }
    }

    fn export(&self, key: &Key) -> Vec<u8> {
        let mut lines = vec![Line::Log { version: line::VERSION, public_key: hex(key.public().as_bytes()) }];
        let mut seals = self.checkpoints.iter().peekable();
        for entry in &self.entries {
            lines.push(Line::Entry(entry.clone()));
            while let Some(seal) = seals.next_if(|seal| seal.seq <= entry.seq) {
                lines.push(Line::Checkpoint(seal.clone()));
            }
        }
        lines.extend(seals.map(|seal| Line::Checkpoint(seal.clone())));
        lines.extend(self.head.clone().map(Line::Head));
        lines.iter().flat_map(|line| format!("{}\n", serde_json::to_string(line).unwrap()).into_bytes()).collect()
    }

    /// Written into tables of the same names; false where the tables cannot hold it, two entries of one number.
    fn fill(&self, database: &Connection) -> bool {
        let bytes = |digits: &str| {
            digits.as_bytes().chunks(2).map(|d| from_hex::<1>(std::str::from_utf8(d).unwrap()).unwrap()[0]).collect::<Vec<u8>>()
        };
        let whole = database.unchecked_transaction().unwrap();
        for e in &self.entries {
            let values = params![e.seq, e.at, e.actor, e.action, e.object, e.purpose, e.outcome, e.detail, bytes(&e.hash)];
            if whole.execute("INSERT INTO audit_entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", values).is_err() {
                return false;
            }
        }
        for seal in &self.checkpoints {
            let values = params![seal.seq, bytes(&seal.hash), bytes(&seal.signature)];
            if whole.execute("INSERT INTO audit_checkpoint VALUES (?1, ?2, ?3)", values).is_err() {
                return false;
            }
        }
        if let Some(seal) = &self.head {
            let values = params![seal.seq, bytes(&seal.hash), bytes(&seal.signature)];
            whole.execute("INSERT INTO audit_head VALUES (1, ?1, ?2, ?3)", values).unwrap();
        }
        whole.commit().unwrap();
        true
    }
}

/// One digit or letter of a text is another, or there is one more.
fn edited(text: &str, random: &mut Pcg64Mcg) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let digits = ['0', '1', 'a', 'b', 'c', 'f'];
    let letter = digits[random.random_range(0..digits.len())];
    if letters.is_empty() {
        letters.push(letter);
    } else {
        let place = random.random_range(0..letters.len());
        letters[place] = letter;
    }
    letters.into_iter().collect()
}

fn edit_entry(entry: &mut EntryLine, random: &mut Pcg64Mcg) {
    let field = match random.random_range(0..9) {
        0 => &mut entry.at,
        1 => &mut entry.actor,
        2 => &mut entry.action,
        3 => &mut entry.object,
        4 => &mut entry.outcome,
        5 => &mut entry.detail,
        6 => &mut entry.hash,
        7 => {
            entry.seq += random.random_range(1..300);
            return;
        }
        _ => {
            entry.purpose = match &entry.purpose {
                Some(_) if random.random_bool(0.5) => None,
                Some(purpose) => Some(edited(purpose, random)),
                None => Some(String::new()),
            };
            return;
        }
    };
    *field = edited(field, random);
}

/// Change the book in one of the ways there are; sometimes with all the skill that needs no key.
fn tamper(book: &mut Book, random: &mut Pcg64Mcg) -> &'static str {
    let count = book.entries.len();
    let place = random.random_range(0..count);
    let how = match random.random_range(0..8) {
        0 | 1 => {
            edit_entry(&mut book.entries[place], random);
            "edit"
        }
        2 => {
            book.entries.remove(place);
            "drop"
        }
        3 => {
            let mut copy = book.entries[random.random_range(0..count)].clone();
            edit_entry(&mut copy, random);
            book.entries.insert(place, copy);
            "insert"
        }
        4 => {
            let other = (place + random.random_range(1..count)) % count;
            book.entries.swap(place, other);
            if random.random_bool(0.5) {
                // Only what they say changes places, and not their numbers.
                let seq = book.entries[place].seq;
                book.entries[place].seq = book.entries[other].seq;
                book.entries[other].seq = seq;
            }
            "swap"
        }
        5 => {
            book.entries.truncate(place);
            book.checkpoints.retain(|seal| seal.seq <= place as i64);
            // The best that can be had: a checkpoint's signature in the place of the head's.
            let last = book.checkpoints.last().cloned();
            match random.random_range(0..3) {
                0 => book.head = None,
                1 => book.head = last,
                _ => {}
            }
            if let Some(head) = book.head.as_ref().filter(|_| random.random_bool(0.5)) {
                book.entries.truncate(head.seq as usize);
            }
            "truncate"
        }
        6 => {
            let gone = random.random_range(0..book.checkpoints.len());
            let seal = &mut book.checkpoints[gone];
            match random.random_range(0..4) {
                0 => seal.seq += random.random_range(1..64),
                1 => seal.hash = edited(&seal.hash, random),
                2 => seal.signature = edited(&seal.signature, random),
                _ => drop(book.checkpoints.remove(gone)),
            }
            "checkpoint"
        }
        _ => {
            let head = book.head.as_mut().unwrap();
            match random.random_range(0..4) {
                0 => head.seq -= random.random_range(1..64),
                1 => head.hash = edited(&head.hash, random),
                2 => head.signature = edited(&head.signature, random),
                _ => book.head = None,
            }
            "head"
        }
    };
    if random.random_bool(0.4) {
        book.rechain();
    }
    how
}

#[test]
fn a_thousand_tamperings_are_found_in_the_database_and_in_the_export() {
    let shop = tempfile::tempdir().unwrap();
    let (database, key) = log(shop.path(), 200);
    let whole = Book::read(&exported(&database, &key));
    let layout: Vec<String> = database
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name LIKE 'audit%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(4);
    let (mut in_database, mut in_export) = (0, 0);
    while in_database < 1_000 || in_export < 1_000 {
        let mut book = whole.clone();
        let how = tamper(&mut book, &mut random);
        if book == whole {
            continue;
        }
        let verdict = check(&book.export(&key), &key, &Marks::default());
        assert!(!verdict.is_good, "{how} in the export went unnoticed");
        in_export += 1;
        let copy = Connection::open_in_memory().unwrap();
        copy.execute_batch(&layout.join(";")).unwrap();
        // In a table the order of the rows is that of their numbers.
        let mut sorted = book.clone();
        sorted.entries.sort_by_key(|entry| entry.seq);
        sorted.checkpoints.sort_by_key(|seal| seal.seq);
        if sorted != whole && book.fill(&copy) {
            let verdict = verify(&copy, &key.public(), &Marks::default()).unwrap();
            assert!(!verdict.is_good, "{how} in the database went unnoticed");
            in_database += 1;
        }
    }
    // The untouched one, by the same road, is good: the tests above find tampering and not their own carpentry.
    let copy = Connection::open_in_memory().unwrap();
    copy.execute_batch(&layout.join(";")).unwrap();
    assert!(whole.fill(&copy));
    assert!(verify(&copy, &key.public(), &Marks::default()).unwrap().is_good);
    assert!(check(&whole.export(&key), &key, &Marks::default()).is_good);
}

#[test]
fn any_byte_of_an_export_counts() {
    let shop = tempfile::tempdir().unwrap();
    let (database, key) = log(shop.path(), 70);
    let bytes = exported(&database, &key);
    let mut random = Pcg64Mcg::seed_from_u64(5);
    for _ in 0..1_000 {
        let place = random.random_range(0..bytes.len());
        let mut changed = bytes.clone();
        changed[place] ^= 1 << random.random_range(0..8);
        assert!(!check(&changed, &key, &Marks::default()).is_good, "a flipped bit at {place} went unnoticed");
        assert!(!check(&bytes[..place], &key, &Marks::default()).is_good, "a cut at {place} went unnoticed");
        let doubled = [&bytes[..], &bytes[place..]].concat();
        assert!(!check(&doubled, &key, &Marks::default()).is_good, "what was added from {place} went unnoticed");
    }
}

#[test]
fn the_first_wrong_entry_is_named() {
    let shop = tempfile::tempdir().unwrap();
    let (database, key) = log(shop.path(), 150);
    let whole = Book::read(&exported(&database, &key));
    let fault = |change: &dyn Fn(&mut Book)| {
        let mut book = whole.clone();
        change(&mut book);
        let fault = check(&book.export(&key), &key, &Marks::default()).fault.unwrap();
        assert!(!fault.what_zh.is_empty());
        (fault.seq, fault.what)
    };
    assert_eq!(fault(&|book| book.entries[41].object.push('x')), (42, "the entry or the one before it was changed"));
    assert_eq!(fault(&|book| drop(book.entries.remove(41))), (42, "the entry is missing"));
    assert_eq!(fault(&|book| book.entries.swap(41, 60)).0, 42);
    assert_eq!(fault(&|book| book.entries.truncate(140)).0, 140);
    let rewritten = |book: &mut Book| {
        book.entries[41].object.push('x');
        book.rechain();
    };
    assert_eq!(fault(&rewritten), (64, "a checkpoint does not vouch for the entry"));
}

#[test]
fn a_log_put_back_to_an_older_day_is_found_beside_a_later_export() {
    let shop = tempfile::tempdir().unwrap();
    let (mut database, key) = log(shop.path(), 100);
    let earlier = exported(&database, &key);
    for number in 100..130 {
        add(&mut database, &key, &entry(number), at(number)).unwrap();
    }
    let later = exported(&database, &key);
    let known = marks(&mut Cursor::new(&later), &key.public()).unwrap();
    // The earlier log is in itself without fault; only the later export tells.
    assert!(check(&earlier, &key, &Marks::default()).is_good);
    let verdict = check(&earlier, &key, &known);
    assert_eq!(verdict.fault.unwrap().seq, 128);
    // Going on another way after being put back is found too.
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(shop.path().join("audit.key"), other.path().join("audit.key")).unwrap();
    let (branch, _) = log(other.path(), 140);
    assert!(verify(&branch, &key.public(), &known).unwrap().is_good, "the same entries give the same log");
    branch
        .execute_batch(
            "DROP TRIGGER audit_entry_is_kept; DELETE FROM audit_entry; DELETE FROM audit_head; DELETE FROM audit_checkpoint",
        )
        .unwrap();
    let mut branch = branch;
    Key::open(other.path(), &mut branch, at(0)).err().expect("a log that was emptied is refused");
    std::fs::remove_file(other.path().join(PUBLIC_FILE)).unwrap();
    Key::open(other.path(), &mut branch, at(1)).unwrap();
    for number in 1..140 {
        add(&mut branch, &key, &entry(number), at(number)).unwrap();
    }
    assert!(verify(&branch, &key.public(), &Marks::default()).unwrap().is_good);
    assert_eq!(verify(&branch, &key.public(), &known).unwrap().fault.unwrap().seq, 64);
    // One line of the export, cut out and kept, is enough.
    let line = later.split_inclusive(|&byte| byte == b'\n').find(|line| line.starts_with(b"{\"kind\":\"head\"")).unwrap();
    let known = marks(&mut Cursor::new(line), &key.public()).unwrap();
    assert_eq!(check(&earlier, &key, &known).fault.unwrap().seq, 130);
}

#[test]
fn nothing_is_added_to_a_log_that_was_cut() {
    for damage in [
        "DELETE FROM audit_entry WHERE seq > 20",
        "UPDATE audit_entry SET hash = zeroblob(32) WHERE seq = 30",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET signature = zeroblob(64)",
        "UPDATE audit_head SET signature = x'00'",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry; DELETE FROM audit_head",
    ] {
        let shop = tempfile::tempdir().unwrap();
        let (mut database, key) = log(shop.path(), 30);
        assert!(database.execute_batch("DELETE FROM audit_entry").is_err(), "the log is only added to");
        assert!(database.execute_batch("UPDATE audit_entry SET actor = 'x'").is_err(), "the log is only added to");
        database.execute_batch("DROP TRIGGER audit_entry_stays; DROP TRIGGER audit_entry_is_kept").unwrap();
        database.execute_batch(damage).unwrap();
        assert!(!verify(&database, &key.public(), &Marks::default()).unwrap().is_good, "{damage}");
        assert!(Key::open(shop.path(), &mut database, at(1)).is_err(), "{damage}");
        if !damage.contains(';') {
            assert!(matches!(add(&mut database, &key, &entry(1), at(1)), Err(AuditError::Broken(_))), "{damage}");
        }
    }
}

#[test]
fn an_entry_that_is_no_text_any_more_is_found() {
    let shop = tempfile::tempdir().unwrap();
    let (database, key) = log(shop.path(), 30);
    database
        .execute_batch("DROP TRIGGER audit_entry_stays; UPDATE audit_entry SET actor = cast(x'ff' AS TEXT) WHERE seq = 7")
        .unwrap();
    let verdict = verify(&database, &key.public(), &Marks::default()).unwrap();
    assert_eq!(verdict.fault.unwrap().seq, 7);
    assert!(export(&database, &key.public(), &mut Vec::new()).is_err());
}

#[test]
fn another_key_is_no_key() {
    let (shop, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut database, key) = log(shop.path(), 3);
    let (_, stranger) = log(other.path(), 3);
    assert!(!verify(&database, &stranger.public(), &Marks::default()).unwrap().is_good);
    assert!(!check(&exported(&database, &key), &stranger, &Marks::default()).is_good);
    assert!(marks(&mut Cursor::new(exported(&database, &key)), &stranger.public()).is_err());
    std::fs::copy(other.path().join("audit.key"), shop.path().join("audit.key")).unwrap();
    assert!(matches!(Key::open(shop.path(), &mut database, at(1)), Err(AuditError::Broken(_))));
    std::fs::remove_file(shop.path().join("audit.key")).unwrap();
    assert!(matches!(Key::open(shop.path(), &mut database, at(1)), Err(AuditError::File { .. })), "a key is not made anew");
}

#[test]
fn the_key_is_the_owners_alone_and_names_customers() {
    let shop = tempfile::tempdir().unwrap();
    let (_, key) = log(shop.path(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(shop.path().join("audit.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let left: Vec<String> = std::fs::read_dir(shop.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("unfinished"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(key.customer("C-17"), key.customer("C-17"));
    assert_ne!(key.customer("C-17"), key.customer("C-18"));
    assert!(!key.customer("C-17").contains("C-17"));
}

#[test]
fn texts_lose_what_names_people_and_have_an_end() {
    let shop = tempfile::tempdir().unwrap();
    let (mut database, key) = log(shop.path(), 1);
    let told = Entry::done("person:1".into(), "identity:read", key.customer("C-17"))
        .with_purpose("asked by anna@example.org")
        .with_detail(json!({"of": ["bob@example.org"], "rows": 12345678}));
    add(&mut database, &key, &told, at(1)).unwrap();
    let kept = latest(&database, 1, None).unwrap().remove(0);
    assert_eq!(kept.purpose.as_deref(), Some("asked by [email]"));
    assert_eq!(kept.detail, r#"{"of":["[email]"],"rows":12345678}"#);
    let long = Entry::done("person:1".into(), "x", "y".repeat(201));
    assert!(matches!(add(&mut database, &key, &long, at(2)), Err(AuditError::TooLong { what: "object", length: 201, .. })));
    assert!(verify(&database, &key.public(), &Marks::default()).unwrap().is_good);
    assert_eq!(latest(&database, 10, Some(2)).unwrap().len(), 1);
}

#[test]
fn change_and_entry_become_true_together() {
    let shop = tempfile::tempdir().unwrap();
    let (mut database, key) = log(shop.path(), 1);
    database.execute_batch("CREATE TABLE thing (id INTEGER PRIMARY KEY)").unwrap();
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    transaction.execute("INSERT INTO thing VALUES (1)", []).unwrap();
    append(&transaction, &key, &entry(1), at(1)).unwrap();
    drop(transaction);
    assert_eq!(verify(&database, &key.public(), &Marks::default()).unwrap().entries, 1);
    assert_eq!(database.query_row("SELECT count(*) FROM thing", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}
