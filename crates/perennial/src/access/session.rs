//! Sessions: a token in a cookie, its hash in the table; they end when unused, when old, and whenever rights change.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use super::caller::{Actor, AuthenticatedBy, Caller};
use super::token::{Token, csrf, kept, token};
use super::{Access, AccessError, Action, Role, as_text, moment, seconds};
use crate::audit::Entry;

/// A session that nobody used for so long is over.
const IDLE_SECONDS: i64 = 3_600;
/// A session is over after so long in any case.
const WHOLE_SECONDS: i64 = 12 * 3_600;
/// The table learns at most so often that a session is used.
const SEEN_EVERY_SECONDS: i64 = 60;
/// Sessions of one person at a time; the one unused longest gives way.
const SESSIONS_MAX: i64 = 20;

/// A session that begins. The token is nowhere else.
pub struct NewSession {
    pub token: Token,
    pub caller: Caller,
}

/// One session as its person sees it.
#[derive(Clone, Debug, Serialize)]
pub struct SessionRow {
    pub id: i64,
    pub is_this_one: bool,
    pub address: String,
    #[serde(serialize_with = "as_text")]
    pub made_at: Timestamp,
    #[serde(serialize_with = "as_text")]
    pub seen_at: Timestamp,
}

/// Whom a session is for.
pub(super) struct Person<'a> {
    pub user_id: i64,
    pub login: &'a str,
    pub role: Role,
    pub authenticated_by: AuthenticatedBy,
    pub address: &'a str,
}

impl Access {
    /// Who has this session, if it is one and not over.
    pub fn by_session(&self, token: &str, now: Timestamp) -> Result<Option<Caller>, AccessError> {
        let Some(hash) = kept(token) else { return Ok(None) };
        let now = seconds(now);
        let found = {
            let database = self.reading();
            let mut query = database.prepare(
                "SELECT s.id, s.user_id, s.authenticated_by, s.seen_at, u.login, u.role \
                 FROM access_session s JOIN access_user u ON u.id = s.user_id \
                 WHERE s.hash = ?1 AND s.ends_at > ?2 AND s.seen_at > ?3 AND u.removed_at IS NULL",
            )?;
            let found = query.query_row(params![hash, now, now - IDLE_SECONDS], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, i64>(3)?,
                    row.get(4)?,
                    row.get::<_, String>(5)?,
                ))
            });
            found.optional()?
        };
        let Some((id, user_id, way, seen_at, name, role)) = found else { return Ok(None) };
        // A word that we do not know gives nobody any right.
        let (Some(role), Some(authenticated_by)) = (Role::find(&role), AuthenticatedBy::find(&way)) else { return Ok(None) };
        if now - seen_at >= SEEN_EVERY_SECONDS {
            self.note("UPDATE access_session SET seen_at = ?2 WHERE id = ?1 AND seen_at < ?2", params![id, now])?;
        }
        let actor = Actor::Person { user_id, name, role };
        Ok(Some(Caller { actor, csrf: Some(csrf(token)), session_id: Some(id), authenticated_by }))
    }

    /// End the session of this request.
    pub fn sign_out(&self, caller: &Caller, now: Timestamp) -> Result<(), AccessError> {
        let Some(id) = caller.session_id else { return Ok(()) };
        self.with_audit(now, |transaction| {
            transaction.execute("DELETE FROM access_session WHERE id = ?1", [id])?;
            Ok(((), Entry::done(caller.actor.text(), "session:end", format!("session:{id}"))))
        })
    }

    /// The sessions of the person who asks, the one used last first.
    pub fn list_sessions(&self, caller: &Caller, now: Timestamp) -> Result<Vec<SessionRow>, AccessError> {
        let (now, database) = (seconds(now), self.reading());
        let mut query = database.prepare(
            "SELECT id, address, made_at, seen_at FROM access_session WHERE user_id = ?1 AND ends_at > ?2 AND seen_at > ?3 \
             ORDER BY seen_at DESC, id DESC",
        )?;
        let rows = query.query_map(params![caller.user_id(), now, now - IDLE_SECONDS], |row| {
            let id = row.get(0)?;
            let (made_at, seen_at) = (moment(row.get(2)?), moment(row.get(3)?));
            Ok(SessionRow { id, is_this_one: caller.session_id == Some(id), address: row.get(1)?, made_at, seen_at })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// End a session: one's own, or anybody's for who manages people.
    pub fn end_session(&self, caller: &Caller, id: i64, now: Timestamp) -> Result<(), AccessError> {
        self.with_audit(now, |transaction| {
            let unknown = || AccessError::Unknown { what: "session", id: id.to_string() };
            let of = "SELECT user_id FROM access_session WHERE id = ?1";
            let user_id: i64 = transaction.query_row(of, [id], |row| row.get(0)).optional()?.ok_or_else(unknown)?;
            if caller.user_id() != Some(user_id) && !self.allows(caller, Action::UsersManage) {
                // Whether somebody else has such a session is nobody's business.
                return Err(unknown());
            }
            transaction.execute("DELETE FROM access_session WHERE id = ?1", [id])?;
            Ok(((), Entry::done(caller.actor.text(), "session:end", format!("session:{id}"))))
        })
    }
}

/// Begin a session inside the transaction of what led to it.
pub(super) fn begin(transaction: &Transaction, person: &Person, now: Timestamp) -> Result<NewSession, AccessError> {
    let at = seconds(now);
    transaction.execute("DELETE FROM access_session WHERE ends_at <= ?1 OR seen_at <= ?2", params![at, at - IDLE_SECONDS])?;
    transaction.execute(
        "DELETE FROM access_session WHERE id IN \
         (SELECT id FROM access_session WHERE user_id = ?1 ORDER BY seen_at DESC, id DESC LIMIT -1 OFFSET ?2)",
        params![person.user_id, SESSIONS_MAX - 1],
    )?;
    let token = token()?;
    transaction.execute(
        "INSERT INTO access_session (hash, user_id, authenticated_by, address, made_at, seen_at, ends_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
        params![kept(&token), person.user_id, person.authenticated_by.name(), person.address, at, at + WHOLE_SECONDS],
    )?;
    let actor = Actor::Person { user_id: person.user_id, name: person.login.to_owned(), role: person.role };
    let caller = Caller {
        actor,
        csrf: Some(csrf(&token)),
        session_id: Some(transaction.last_insert_rowid()),
        authenticated_by: person.authenticated_by,
    };
    Ok(NewSession { token, caller })
}

/// A new token in the place of the caller's, and an end to all other sessions of theirs.
pub(super) fn rotate(
    transaction: &Transaction,
    caller: &Caller,
    authenticated_by: AuthenticatedBy,
    now: Timestamp,
) -> Result<NewSession, AccessError> {
    let Actor::Person { user_id, name, role } = &caller.actor else {
        return Err(AccessError::Refused("only people have sessions".to_owned()));
    };
    let of = "SELECT address FROM access_session WHERE id = ?1 AND user_id = ?2";
    let address: Option<String> = transaction.query_row(of, params![caller.session_id, user_id], |row| row.get(0)).optional()?;
    end_all(transaction, *user_id)?;
    let address = address.unwrap_or_default();
    begin(transaction, &Person { user_id: *user_id, login: name, role: *role, authenticated_by, address: &address }, now)
}

/// End every session of a person.
pub(super) fn end_all(transaction: &Transaction, user_id: i64) -> Result<usize, AccessError> {
    Ok(transaction.execute("DELETE FROM access_session WHERE user_id = ?1", [user_id])?)
}
