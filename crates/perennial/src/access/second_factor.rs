//! A person's second factor: a device that shows codes, and ten codes on paper for the day it is lost.
//!
//! The device's secret is kept nowhere: it is made from the shop's key and a salt, so a copy of the database alone gives no code.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;
use zeroize::Zeroizing;

use super::caller::{AuthenticatedBy, Caller};
use super::session::{self, NewSession};
use super::totp::{SECRET_BYTES, address, base32, step_of};
use super::user::owner_only;
use super::{Access, AccessError, Action, Actor};
use crate::audit::Entry;
use crate::audit::bytes::{Hash, random};

const RECOVERY_CODES: usize = 10;

/// What a device has to be told, once.
pub struct SecondFactor {
    pub secret: Zeroizing<String>,
    /// The same as an `otpauth:` address.
    pub address: Zeroizing<String>,
}

/// The device works: the session goes on under a new token, and these codes stand in for the device.
pub struct Confirmed {
    pub session: NewSession,
    pub recovery_codes: Vec<String>,
}

/// What was shown beside the password.
pub(super) enum Factor {
    None,
    Step(i64),
    Recovery(Hash),
}

impl Access {
    fn secret(&self, salt: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.named(b"second factor", salt)[..SECRET_BYTES].to_vec())
    }

    /// A code on paper as it is kept: under the key, for it is shorter than a token.
    fn recovery_hash(&self, user_id: i64, code: &str) -> Hash {
        let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        *self.key.named(b"recovery code", format!("{user_id} {}", letters.to_ascii_uppercase()).as_bytes())
    }

    /// What a code is, if it is one of this person's.
    pub(super) fn factor(
        &self,
        user_id: i64,
        salt: &[u8],
        (code, last_step): (&str, i64),
        now: Timestamp,
    ) -> Result<Option<Factor>, AccessError> {
        if let Some(step) = step_of(&self.secret(salt), code.trim(), now, last_step) {
            return Ok(Some(Factor::Step(step)));
        }
        let hash = self.recovery_hash(user_id, code);
        let of = "SELECT 1 FROM access_recovery WHERE user_id = ?1 AND hash = ?2";
        let is_one = self.reading().prepare(of)?.exists(params![user_id, hash])?;
        Ok(is_one.then_some(Factor::Recovery(hash)))
    }

    /// Whether the person who asks has one.
    pub fn has_second_factor(&self, caller: &Caller) -> Result<bool, AccessError> {
        let (user_id, _) = self.own(caller)?;
        let of = "SELECT 1 FROM access_user WHERE id = ?1 AND removed_at IS NULL AND totp_salt IS NOT NULL";
        Ok(self.reading().prepare(of)?.exists([user_id])?)
    }

    /// Begin to have a second factor. Nothing changes until a code of it was shown.
    pub fn start_totp(&self, caller: &Caller, now: Timestamp) -> Result<SecondFactor, AccessError> {
        let (user_id, name) = self.own(caller)?;
        let salt = random::<16>()?;
        self.with_audit(now, |transaction| {
            let to = "UPDATE access_user SET totp_salt_pending = ?2 WHERE id = ?1 AND removed_at IS NULL \
                      AND (totp_salt IS NULL OR ?3)";
            // Who came in without the device they have cannot put another in its place.
            let has_shown = caller.authenticated_by == AuthenticatedBy::PasswordAndCode;
            if transaction.execute(to, params![user_id, salt, has_shown])? != 1 {
                return Err(AccessError::Refused("sign in with a code of the present second factor first".to_owned()));
            }
            Ok(((), Entry::done(caller.actor.text(), "second_factor:start", format!("person:{user_id}"))))
        })?;
        let secret = self.secret(&salt);
        Ok(SecondFactor { secret: Zeroizing::new(base32(&secret)), address: Zeroizing::new(address(&secret, name)) })
    }

    /// Have the second factor from now on, if `code` is one of it. All other sessions end.
    pub fn confirm_totp(&self, caller: &Caller, code: &str, now: Timestamp) -> Result<Confirmed, AccessError> {
        let (user_id, _) = self.own(caller)?;
        self.throttle.take(&format!("second factor of {user_id}"), "", now)?;
        let recovery_codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>, _>>()?;
        let session = self.with_audit(now, |transaction| {
            let of = "SELECT totp_salt_pending FROM access_user WHERE id = ?1 AND removed_at IS NULL";
            let salt: Option<Vec<u8>> = transaction.query_row(of, [user_id], |row| row.get(0)).optional()?.flatten();
            let salt = salt.ok_or_else(|| AccessError::Refused("no second factor was begun; begin again".to_owned()))?;
            let step = step_of(&self.secret(&salt), code.trim(), now, 0).ok_or(AccessError::WrongLogin)?;
            transaction.execute(
                "UPDATE access_user SET totp_salt = totp_salt_pending, totp_salt_pending = NULL, totp_step = ?2 WHERE id = ?1",
                params![user_id, step],
            )?;
            transaction.execute("DELETE FROM access_recovery WHERE user_id = ?1", [user_id])?;
            for code in &recovery_codes {
                transaction.execute(
                    "INSERT INTO access_recovery (user_id, hash) VALUES (?1, ?2)",
                    params![user_id, self.recovery_hash(user_id, code)],
                )?;
            }
            let session = session::rotate(transaction, caller, AuthenticatedBy::PasswordAndCode, now)?;
            let entry = Entry::done(caller.actor.text(), "second_factor:confirm", format!("person:{user_id}"));
            Ok::<_, AccessError>((session, entry.with_detail(json!({ "recovery_codes": recovery_codes.len() }))))
        })?;
        self.throttle.give_back(&format!("second factor of {user_id}"), "");
        Ok(Confirmed { session, recovery_codes })
    }

    /// Take a person's second factor away: one's own after showing it, or, where the device is lost, somebody's by who manages people.
    pub fn stop_totp(&self, caller: &Caller, user_id: i64, now: Timestamp) -> Result<(), AccessError> {
        if caller.user_id() == Some(user_id) {
            self.demand(caller, Action::SelfManage)?;
            if caller.authenticated_by != AuthenticatedBy::PasswordAndCode {
                return Err(AccessError::Refused("sign in with a code of the second factor first".to_owned()));
            }
        } else {
            self.demand(caller, Action::UsersManage)?;
        }
        self.with_audit(now, |transaction| {
            if caller.user_id() != Some(user_id) {
                owner_only(transaction, caller, user_id)?;
            }
            let to = "UPDATE access_user SET totp_salt = NULL, totp_salt_pending = NULL WHERE id = ?1 AND removed_at IS NULL";
            if transaction.execute(to, [user_id])? != 1 {
                return Err(AccessError::Unknown { what: "person", id: user_id.to_string() });
            }
            transaction.execute("DELETE FROM access_recovery WHERE user_id = ?1", [user_id])?;
            session::end_all(transaction, user_id)?;
            Ok(((), Entry::done(caller.actor.text(), "second_factor:stop", format!("person:{user_id}"))))
        })
    }

    /// The person who asks for something of their own.
    pub(super) fn own<'a>(&self, caller: &'a Caller) -> Result<(i64, &'a str), AccessError> {
        self.demand(caller, Action::SelfManage)?;
        match &caller.actor {
            Actor::Person { user_id, name, .. } => Ok((*user_id, name)),
            _ => Err(AccessError::Refused("only people have a password and a second factor".to_owned())),
        }
    }
}

/// Use the factor up; false where somebody was quicker.
pub(super) fn take(transaction: &Transaction, user_id: i64, factor: &Factor) -> Result<bool, AccessError> {
    let taken = match factor {
        Factor::None => 1,
        Factor::Step(step) => transaction
            .execute("UPDATE access_user SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2", params![user_id, step])?,
        Factor::Recovery(hash) => {
            transaction.execute("DELETE FROM access_recovery WHERE user_id = ?1 AND hash = ?2", params![user_id, hash])?
        }
    };
    Ok(taken == 1)
}

/// Eighty random bits in four groups of letters and digits.
fn recovery_code() -> Result<String, AccessError> {
    let letters = base32(&random::<10>()?);
    Ok([&letters[..4], &letters[4..8], &letters[8..12], &letters[12..]].join("-"))
}
