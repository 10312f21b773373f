//! API keys of the shop's programs: shown once, kept as a hash, good for their scopes and their time.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::caller::{Actor, AuthenticatedBy, Caller};
use super::token::{Token, kept, token};
use super::{Access, AccessError, Action, Role, as_text, as_text_if_any, moment, seconds};
use crate::audit::Entry;
use crate::audit::bytes::{are_same, hex, random};

/// What every key begins with, so that one that lies about is known for what it is.
const PREFIX: &str = "prn_";
const ID_BYTES: usize = 8;
const NAME_BYTES_MAX: usize = 100;
const DAYS_MAX: i64 = 366;

/// What a key should be.
pub struct KeyWish<'a> {
    pub name: &'a str,
    pub scopes: &'a [Action],
    pub ends_at: Timestamp,
}

/// A key that was made. `bearer` is shown now and never again.
pub struct NewKey {
    pub id: String,
    pub bearer: Token,
}

/// A key as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub scopes: Vec<Action>,
    pub made_by: String,
    #[serde(serialize_with = "as_text")]
    pub made_at: Timestamp,
    #[serde(serialize_with = "as_text")]
    pub ends_at: Timestamp,
    /// The day it was last used, in UTC.
    pub used_on: Option<String>,
    #[serde(serialize_with = "as_text_if_any")]
    pub revoked_at: Option<Timestamp>,
}

impl Access {
    /// Who has this key, if it is one, not revoked and not over.
    pub fn by_key(&self, bearer: &str, now: Timestamp) -> Result<Option<Caller>, AccessError> {
        let parts = bearer.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let Some((id, hash)) = parts.and_then(|(id, secret)| Some((id, kept(secret)?))) else { return Ok(None) };
        let found = {
            let database = self.reading();
            let mut query = database.prepare(
                "SELECT name, hash, scopes, used_on FROM access_key WHERE id = ?1 AND ends_at > ?2 AND revoked_at IS NULL",
            )?;
            let found = query.query_row(params![id, seconds(now)], |row| {
                Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, String>(2)?, row.get::<_, Option<String>>(3)?))
            });
            found.optional()?
        };
        let Some((name, expected, scopes, used_on)) = found else { return Ok(None) };
        if !are_same(&expected, &hash) {
            return Ok(None);
        }
        let today = TimeZone::UTC.to_datetime(now).date().to_string();
        if used_on.as_deref() != Some(&today) {
            self.note("UPDATE access_key SET used_on = ?2 WHERE id = ?1", params![id, today])?;
        }
        let actor = Actor::Key { key_id: id.to_owned(), name, scopes: scopes_of(&scopes) };
        Ok(Some(Caller { actor, csrf: None, session_id: None, authenticated_by: AuthenticatedBy::ApiKey }))
    }

    /// Make a key. Nobody gives a program what they may not do themselves, or what no service may.
    pub fn make_key(&self, caller: &Caller, wish: &KeyWish, now: Timestamp) -> Result<NewKey, AccessError> {
        self.demand(caller, Action::KeysManage)?;
        let name = wish.name.trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(AccessError::Refused(format!("a key's name has 1 to {NAME_BYTES_MAX} bytes; say what it is for")));
        }
        let days = (seconds(wish.ends_at) - seconds(now)) as f64 / 86_400.0;
        if days <= 0.0 || days > DAYS_MAX as f64 {
            return Err(AccessError::Refused(format!(
                "the key would end {}, allowed is a time from now to {DAYS_MAX} days on",
                wish.ends_at
            )));
        }
        let scopes: Vec<Action> = Action::ALL.iter().copied().filter(|action| wish.scopes.contains(action)).collect();
        if scopes.is_empty() {
            return Err(AccessError::Refused("a key without scopes can do nothing; name at least one".to_owned()));
        }
        for &scope in &scopes {
            self.demand(caller, scope)?;
            if !self.matrix.allows(Role::Service, scope) {
                return Err(AccessError::Refused(format!(
                    "no key can have the scope {scope}: the policies give it to no service"
                )));
            }
        }
        let (id, secret) = (hex(&random::<ID_BYTES>()?), token()?);
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        self.with_audit(now, |transaction| {
            transaction.execute(
                "INSERT INTO access_key (id, name, hash, scopes, made_by, made_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![id, name, kept(&secret), names.join(" "), caller.actor.text(), seconds(now), seconds(wish.ends_at)],
            )?;
            let entry = Entry::done(caller.actor.text(), "key:make", format!("key:{id}"));
            Ok::<_, AccessError>(((), entry.with_detail(json!({ "scopes": names, "ends_at": wish.ends_at.to_string() }))))
        })?;
        let bearer = Zeroizing::new(format!("{PREFIX}{id}_{}", secret.as_str()));
        Ok(NewKey { id, bearer })
    }

    /// End a key now.
    pub fn revoke_key(&self, caller: &Caller, id: &str, now: Timestamp) -> Result<(), AccessError> {
        self.demand(caller, Action::KeysManage)?;
        self.with_audit(now, |transaction| {
            let to = "UPDATE access_key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
            if transaction.execute(to, params![id, seconds(now)])? != 1 {
                return Err(AccessError::Unknown { what: "key in use with the id", id: id.to_owned() });
            }
            Ok(((), Entry::done(caller.actor.text(), "key:revoke", format!("key:{id}"))))
        })
    }

    /// All keys, the newest first; also those that are over.
    pub fn list_keys(&self, caller: &Caller) -> Result<Vec<KeyRow>, AccessError> {
        self.demand(caller, Action::KeysManage)?;
        let database = self.reading();
        let mut query = database.prepare(
            "SELECT id, name, scopes, made_by, made_at, ends_at, used_on, revoked_at FROM access_key ORDER BY made_at DESC, id",
        )?;
        let rows = query.query_map([], |row| {
            Ok(KeyRow {
                id: row.get(0)?,
                name: row.get(1)?,
                scopes: scopes_of(&row.get::<_, String>(2)?),
                made_by: row.get(3)?,
                made_at: moment(row.get(4)?),
                ends_at: moment(row.get(5)?),
                used_on: row.get(6)?,
                revoked_at: row.get::<_, Option<i64>>(7)?.map(moment),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A word that is no action any more gives no right.
fn scopes_of(text: &str) -> Vec<Action> {
    text.split(' ').filter_map(Action::find).collect()
}
