//! Signing in: name, password, and the code of a second factor where the person has one.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::caller::AuthenticatedBy;
use super::second_factor::{self, Factor};
use super::session::{self, NewSession, Person};
use super::user::{LOGIN_BYTES_MAX, spelled};
use super::{Access, AccessError, Role};
use crate::audit::bytes::hex;
use crate::audit::{Entry, Outcome};

/// What somebody who wants to come in says.
pub struct SignIn<'a> {
    pub login: &'a str,
    pub password: &'a str,
    /// Six digits, or one of the codes for a lost device.
    pub code: Option<&'a str>,
    /// Where they come from, as the server sees it.
    pub address: &'a str,
}

struct Found {
    id: i64,
    login: String,
    password: Option<String>,
    role: Role,
    salt: Option<Vec<u8>>,
    step: i64,
}

impl Access {
    /// A session for who gives name, password and, where there is a second factor, its code.
    pub fn sign_in(&self, sign_in: &SignIn, now: Timestamp) -> Result<NewSession, AccessError> {
        let name = spelled(sign_in.login);
        if name.len() > LOGIN_BYTES_MAX {
            return Err(AccessError::WrongLogin);
        }
        self.throttle.take(&name, sign_in.address, now)?;
        let found = find(&self.reading(), &name)?;
        // Nobody of that name costs the same hashing.
        let is_theirs = self.hasher.is_it(sign_in.password, found.as_ref().and_then(|found| found.password.as_deref()))?;
        let Some(found) = found.filter(|_| is_theirs) else { return self.turn_away(&name, "password", now) };
        let factor = match (&found.salt, sign_in.code) {
            (None, _) => Factor::None,
            (Some(_), None) => return Err(AccessError::CodeNeeded),
            (Some(salt), Some(code)) => match self.factor(found.id, salt, (code, found.step), now)? {
                Some(factor) => factor,
                None => return self.turn_away(&name, "code", now),
            },
        };
        let session = self.with_audit(now, |transaction| admit(transaction, (&found, sign_in.address), &factor, now));
        match session {
            Ok(session) => {
                self.throttle.give_back(&name, sign_in.address);
                Ok(session)
            }
            Err(AccessError::WrongLogin) => self.turn_away(&name, "code", now),
            Err(error) => Err(error),
        }
    }

    /// The name goes into the log under the key only: people type their passwords into the wrong field.
    fn turn_away(&self, name: &str, what: &str, now: Timestamp) -> Result<NewSession, AccessError> {
        let object = format!("login:{}", hex(&self.key.named(b"login", name.as_bytes())[..16]));
        let entry = Entry::done("nobody".to_owned(), "session:begin", object).with_outcome(Outcome::Refused);
        self.audit(&entry.with_detail(json!({ "wrong": what })), now)?;
        Err(AccessError::WrongLogin)
    }
}

/// Begin the session, if what was found a moment ago still holds and the code was not taken meanwhile.
fn admit(
    transaction: &Transaction,
    (found, address): (&Found, &str),
    factor: &Factor,
    now: Timestamp,
) -> Result<(NewSession, Entry), AccessError> {
    let still = "SELECT count(*) FROM access_user WHERE id = ?1 AND removed_at IS NULL AND password IS ?2 AND role = ?3 AND totp_salt IS ?4";
    let holds: i64 =
        transaction.query_row(still, params![found.id, found.password, found.role.name(), found.salt], |row| row.get(0))?;
    if holds != 1 || !second_factor::take(transaction, found.id, factor)? {
        return Err(AccessError::WrongLogin);
    }
    let authenticated_by = match factor {
        Factor::None => AuthenticatedBy::Password,
        Factor::Step(_) | Factor::Recovery(_) => AuthenticatedBy::PasswordAndCode,
    };
    let person = Person { user_id: found.id, login: &found.login, role: found.role, authenticated_by, address };
    let session = session::begin(transaction, &person, now)?;
    let id = session.caller.session_id.unwrap_or_default();
    let entry = Entry::done(session.caller.actor.text(), "session:begin", format!("session:{id}"));
    let way = if matches!(factor, Factor::Recovery(_)) { "recovery_code" } else { authenticated_by.name() };
    Ok((session, entry.with_detail(json!({ "by": way }))))
}

fn find(database: &rusqlite::Connection, name: &str) -> Result<Option<Found>, AccessError> {
    let mut query = database.prepare(
        "SELECT id, login, password, role, totp_salt, totp_step FROM access_user WHERE spelled = ?1 AND removed_at IS NULL",
    )?;
    let found = query.query_row([name], |row| {
        let role: String = row.get(3)?;
        let found = |role| {
            Ok(Found { id: row.get(0)?, login: row.get(1)?, password: row.get(2)?, role, salt: row.get(4)?, step: row.get(5)? })
        };
        Role::find(&role).map(found).transpose()
    });
    Ok(found.optional()?.flatten())
}
