//! Is this the password? Passwords are kept as Argon2id hashes in PHC strings, and few are hashed at a time.
//!
//! Assumes  a password is Unicode text and compared as it was typed, byte for byte.
//! Input    a password; the string kept of it.
//! Output   whether they belong together; a refusal with its reason for a password that is too easily guessed.
//! Cost     19 MiB and two passes a hashing, about 30 ms; at most two at once, more wait, and beyond eight waiting are turned away.
//! Ref      RFC 9106 (2021), Argon2; OWASP Password Storage Cheat Sheet (m = 19 MiB, t = 2, p = 1); NIST SP 800-63B, 5.1.1.2.

use std::sync::{Condvar, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};

use super::AccessError;
use crate::audit::bytes::{are_same, random};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

const CHARACTERS_MIN: usize = 12;
const CHARACTERS_MAX: usize = 128;

/// Hashings at the same time: they cost memory and a core each.
const AT_ONCE_MAX: usize = 2;
const WAITING_MAX: usize = 8;

/// The commonest of twelve characters and more, in lower case, and the stems that are repeated to get there.
const COMMONEST: [&str; 30] = [
    "password1234",
    "passwordpassword",
    "password12345",
    "password123456",
    "administrator",
    "administrator1",
    "changeme1234",
    "changemechangeme",
    "letmeinletmein",
    "welcome12345",
    "welcomewelcome",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertyqwerty",
    "qwerty123456",
    "qwerty1234567",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "zaq12wsxcde3",
    "iloveyou1234",
    "iloveyouiloveyou",
    "monkeymonkey",
    "dragondragon",
    "football1234",
    "superman1234",
    "trustno1trustno1",
    "woaini1314520",
    "5201314520131",
    "correcthorsebatterystaple",
];

/// Why a password cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("a password has at least {CHARACTERS_MIN} characters")]
    Short,
    #[error("a password has at most {CHARACTERS_MAX} characters")]
    Long,
    #[error("the password is the login name or holds it; take another")]
    Login,
    #[error("the password is one of those tried first; take another")]
    Common,
}

impl Weakness {
    #[must_use]
    pub const fn title_zh(self) -> &'static str {
        match self {
            Self::Short => "密码至少 12 个字符",
            Self::Long => "密码至多 128 个字符",
            Self::Login => "密码不得是或包含登录名，请换一个",
            Self::Common => "该密码过于常见，请换一个",
        }
    }
}

/// Refuse what is guessed first.
pub fn consider(password: &str, login: &str) -> Result<(), Weakness> {
    let characters = password.chars().count();
    if characters < CHARACTERS_MIN {
        return Err(Weakness::Short);
    }
    if characters > CHARACTERS_MAX {
        return Err(Weakness::Long);
    }
    let (lower, login) = (password.to_lowercase(), login.trim().to_lowercase());
    let own = login.split('@').next().unwrap_or_default();
    if lower == login || (own.chars().count() >= 4 && lower.contains(own)) {
        return Err(Weakness::Login);
    }
    if COMMONEST.contains(&lower.as_str()) || is_pattern(&lower) {
        return Err(Weakness::Common);
    }
    Ok(())
}

/// One or two letters over and over, or a run up or down.
fn is_pattern(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let is_repeated = |period: usize| letters.iter().zip(&letters[period..]).all(|(one, other)| one == other);
    // 1234567890123: a digit after nine is nought.
    let is_run = |step: i64| {
        letters.windows(2).all(|pair| {
            let (from, to) = (i64::from(u32::from(pair[0])), i64::from(u32::from(pair[1])));
            from + step == to
                || (pair[0] == '9' && pair[1] == '0' && step == 1)
                || (pair[0] == '0' && pair[1] == '9' && step == -1)
        })
    };
    is_repeated(1) || is_repeated(2) || is_run(1) || is_run(-1)
}

/// Lets few hashings through at once.
#[derive(Default)]
pub struct Hasher {
    /// Running and waiting.
    count: Mutex<(usize, usize)>,
    freed: Condvar,
}

impl Hasher {
    /// The string to keep of a password.
    pub fn hash(&self, password: &str) -> Result<String, AccessError> {
        let salt = random::<SALT_BYTES>()?;
        let hash = self.digest(password, &salt, (MEMORY_KIB, PASSES, LANES))?;
        Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}", encoded(&salt), encoded(&hash)))
    }

    /// Whether `kept` was made of this password. Where nothing is kept it takes as long and is never so.
    pub fn is_it(&self, password: &str, kept: Option<&str>) -> Result<bool, AccessError> {
        let Some((costs, salt, hash)) = kept.and_then(parsed) else {
            self.digest(password, &[0; SALT_BYTES], (MEMORY_KIB, PASSES, LANES))?;
            return Ok(false);
        };
        Ok(are_same(&self.digest(password, &salt, costs)?, &hash))
    }

    fn digest(
        &self,
        password: &str,
        salt: &[u8],
        (memory, passes, lanes): (u32, u32, u32),
    ) -> Result<[u8; HASH_BYTES], AccessError> {
        // A password of a megabyte is no password; hashing it would only cost.
        if password.chars().take(CHARACTERS_MAX + 1).count() > CHARACTERS_MAX {
            return Err(AccessError::WrongLogin);
        }
        let _turn = self.turn()?;
        let mut hash = [0; HASH_BYTES];
        let made = Params::new(memory, passes, lanes, Some(HASH_BYTES)).and_then(|params| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(password.as_bytes(), salt, &mut hash)
        });
        made.map_err(|error| AccessError::Refused(format!("the password cannot be hashed: {error}")))?;
        Ok(hash)
    }

    fn turn(&self) -> Result<Turn<'_>, AccessError> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if count.0 >= AT_ONCE_MAX && count.1 >= WAITING_MAX {
            return Err(AccessError::TooMany { wait_seconds: 1 });
        }
        count.1 += 1;
        while count.0 >= AT_ONCE_MAX {
            count = self.freed.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        count.1 -= 1;
        count.0 += 1;
        Ok(Turn(self))
    }
}

/// One of the few hashings that run; given back when dropped.
struct Turn<'a>(&'a Hasher);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
        self.0.freed.notify_one();
    }
}

type Costs = (u32, u32, u32);

/// Costs, salt and hash of a PHC string as we write it; none for anything else.
fn parsed(kept: &str) -> Option<(Costs, Vec<u8>, Vec<u8>)> {
    let mut parts = kept.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, decoded(parts.next()?)?, decoded(parts.next()?)?);
    let mut costs = costs.split(',').zip(["m=", "t=", "p="]).map(|(cost, name)| cost.strip_prefix(name)?.parse::<u32>().ok());
    let costs = (costs.next()??, costs.next()??, costs.next()??);
    // What somebody wrote into the database must not make a sign-in cost a gigabyte.
    let is_ours = costs.0 <= MEMORY_KIB * 16 && costs.1 <= 16 && costs.2 <= 4;
    (is_ours && hash.len() == HASH_BYTES && parts.next().is_none()).then_some((costs, salt, hash))
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 without padding, as PHC strings have it.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        bits = bits << 6 | DIGITS.iter().position(|&digit| digit == byte)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_belongs_to_its_string_and_to_no_other() {
        let hasher = Hasher::default();
        let kept = hasher.hash("a long walk by the sea").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(hasher.is_it("a long walk by the sea", Some(&kept)).unwrap());
        assert!(!hasher.is_it("a long walk by the seA", Some(&kept)).unwrap());
        assert!(!hasher.is_it("a long walk by the sea", None).unwrap());
        assert!(!hasher.is_it("a long walk by the sea", Some("$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAA")).unwrap());
        assert_ne!(kept, hasher.hash("a long walk by the sea").unwrap(), "every string has its own salt");
    }

    /// The reference implementation's own test (phc-winner-argon2, test.c): password "password", salt "somesalt", m = 2¹⁶, t = 2, p = 1.
    #[test]
    fn a_string_made_elsewhere_is_understood() {
        let kept = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(Hasher::default().is_it("password", Some(kept)).unwrap());
        assert!(!Hasher::default().is_it("differentpassword", Some(kept)).unwrap());
    }

    #[test]
    fn base64_goes_there_and_back() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob", b"fooba", b"foobar", &[255, 0, 254]] {
            assert_eq!(decoded(&encoded(bytes)).unwrap(), bytes);
        }
        assert_eq!((encoded(b"fooba"), decoded("Zm9v*")), ("Zm9vYmE".to_owned(), None));
    }

    #[test]
    fn weak_passwords_are_refused() {
        for (password, expected) in [
            ("short of it", Err(Weakness::Short)),
            ("elevenchars", Err(Weakness::Short)),
            ("twelve chars", Ok(())),
            ("十二个汉字组成的一个密码吧", Ok(())),
            ("Anna.Berg@example.org", Err(Weakness::Login)),
            ("xx-anna.berg-xx", Err(Weakness::Login)),
            ("PasswordPassword", Err(Weakness::Common)),
            ("aaaaaaaaaaaaaa", Err(Weakness::Common)),
            ("abababababab", Err(Weakness::Common)),
            ("123456789012", Err(Weakness::Common)),
            ("210987654321", Err(Weakness::Common)),
            ("abcdefghijklmn", Err(Weakness::Common)),
        ] {
            assert_eq!(consider(password, "anna.berg@example.org"), expected, "{password}");
        }
        for weakness in [Weakness::Short, Weakness::Long, Weakness::Login, Weakness::Common] {
            assert!(!weakness.title_zh().is_ascii(), "{weakness}");
        }
        assert_eq!(consider(&"long ".repeat(26), "a@b.example"), Err(Weakness::Long));
        assert!(Hasher::default().hash(&"x".repeat(129)).is_err());
    }

    #[test]
    fn few_hash_at_once_and_a_crowd_is_turned_away() {
        let hasher = Hasher::default();
        let turns: Vec<Turn> = (0..AT_ONCE_MAX).map(|_| hasher.turn().unwrap()).collect();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..WAITING_MAX).map(|_| scope.spawn(|| drop(hasher.turn().unwrap()))).collect();
            while hasher.count.lock().unwrap().1 < WAITING_MAX {
                std::thread::yield_now();
            }
            assert!(matches!(hasher.turn(), Err(AccessError::TooMany { .. })));
            drop(turns);
            waiting.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(*hasher.count.lock().unwrap(), (0, 0));
    }
}
