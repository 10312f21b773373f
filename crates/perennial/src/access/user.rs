//! The shop's people: what they are called, what they are, and that somebody always owns the shop.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::json;

use super::caller::{Actor, Caller};
use super::session::{self, NewSession};
use super::{Access, AccessError, Action, Role, as_text, as_text_if_any, moment, password, seconds};
use crate::audit::Entry;

pub(super) const LOGIN_BYTES_MAX: usize = 254;

/// One of the shop's people.
#[derive(Clone, Debug, Serialize)]
pub struct UserRow {
    pub id: i64,
    pub login: String,
    pub role: Role,
    pub has_second_factor: bool,
    #[serde(serialize_with = "as_text")]
    pub made_at: Timestamp,
    /// When a session of theirs was last used, as far as one is still known.
    #[serde(serialize_with = "as_text_if_any")]
    pub seen_at: Option<Timestamp>,
}

pub struct PasswordChange<'a> {
    pub old: &'a str,
    pub new: &'a str,
    pub address: &'a str,
}

/// The one spelling that names are compared by.
pub(super) fn spelled(login: &str) -> String {
    login.trim().to_lowercase()
}

/// A login name as it was given, if it can be one.
pub(super) fn proper(login: &str) -> Result<&str, AccessError> {
    let login = login.trim();
    let is_good = (3..=LOGIN_BYTES_MAX).contains(&login.len()) && !login.chars().any(|c| c.is_whitespace() || c.is_control());
    let told = || {
        AccessError::Refused(format!(
            "a login name has 3 to {LOGIN_BYTES_MAX} bytes and no space, as anna@example.org; this is none"
        ))
    };
    if is_good { Ok(login) } else { Err(told()) }
}

impl Access {
    /// The shop's people, by name.
    pub fn list_users(&self, caller: &Caller) -> Result<Vec<UserRow>, AccessError> {
        self.demand(caller, Action::UsersManage)?;
        let database = self.reading();
        let mut query = database.prepare(
            "SELECT u.id, u.login, u.role, u.totp_salt IS NOT NULL, u.made_at, \
             (SELECT max(s.seen_at) FROM access_session s WHERE s.user_id = u.id) \
             FROM access_user u WHERE u.removed_at IS NULL ORDER BY u.spelled",
        )?;
        let rows = query.query_map([], |row| {
            let who = (row.get(0)?, row.get(1)?, row.get::<_, String>(2)?);
            Ok((who, row.get(3)?, moment(row.get(4)?), row.get::<_, Option<i64>>(5)?.map(moment)))
        })?;
        rows.map(|row| {
            let ((id, login, role), has_second_factor, made_at, seen_at) = row?;
            Ok(UserRow { id, login, role: known(&role)?, has_second_factor, made_at, seen_at })
        })
        .collect()
    }

    /// Give somebody another role. Their sessions end, so that no old right lives on.
    pub fn set_role(&self, caller: &Caller, user_id: i64, role: Role, now: Timestamp) -> Result<(), AccessError> {
        self.demand(caller, Action::UsersManage)?;
        self.may_give(caller, role)?;
        self.with_audit(now, |transaction| {
            let before = owner_only(transaction, caller, user_id)?;
            if before == Role::Owner && role != Role::Owner {
                another_owner(transaction, user_id)?;
            }
            transaction.execute("UPDATE access_user SET role = ?2 WHERE id = ?1", params![user_id, role.name()])?;
            session::end_all(transaction, user_id)?;
            let entry = Entry::done(caller.actor.text(), "user:set_role", format!("person:{user_id}"));
            Ok(((), entry.with_detail(json!({ "from": before, "to": role }))))
        })
    }

    /// Let somebody in no more. The number stays theirs, for the log.
    pub fn remove_user(&self, caller: &Caller, user_id: i64, now: Timestamp) -> Result<(), AccessError> {
        self.demand(caller, Action::UsersManage)?;
        self.with_audit(now, |transaction| {
            let role = owner_only(transaction, caller, user_id)?;
            if role == Role::Owner {
                another_owner(transaction, user_id)?;
            }
            transaction.execute(
                "UPDATE access_user SET removed_at = ?2, password = NULL, totp_salt = NULL, totp_salt_pending = NULL WHERE id = ?1",
                params![user_id, seconds(now)],
            )?;
            transaction.execute("DELETE FROM access_recovery WHERE user_id = ?1", [user_id])?;
            session::end_all(transaction, user_id)?;
            let entry = Entry::done(caller.actor.text(), "user:remove", format!("person:{user_id}"));
            Ok(((), entry.with_detail(json!({ "role": role }))))
        })
    }

    /// Another password for who knows the present one. The session goes on under a new token, all others end.
    pub fn change_password(&self, caller: &Caller, change: &PasswordChange, now: Timestamp) -> Result<NewSession, AccessError> {
        let (user_id, name) = self.own(caller)?;
        self.throttle.take(&spelled(name), change.address, now)?;
        password::consider(change.new, name)?;
        let of = "SELECT password FROM access_user WHERE id = ?1 AND removed_at IS NULL";
        let kept: Option<String> = self.reading().query_row(of, [user_id], |row| row.get(0)).optional()?.flatten();
        if !self.hasher.is_it(change.old, kept.as_deref())? {
            return Err(AccessError::WrongLogin);
        }
        let hash = self.hasher.hash(change.new)?;
        let session = self.with_audit(now, |transaction| {
            let to = "UPDATE access_user SET password = ?2 WHERE id = ?1 AND password IS ?3 AND removed_at IS NULL";
            if transaction.execute(to, params![user_id, hash, kept])? != 1 {
                return Err(AccessError::WrongLogin);
            }
            let session = session::rotate(transaction, caller, caller.authenticated_by, now)?;
            Ok((session, Entry::done(caller.actor.text(), "user:change_password", format!("person:{user_id}"))))
        })?;
        self.throttle.give_back(&spelled(name), change.address);
        Ok(session)
    }

    /// Nobody makes an owner but an owner, and no person is a service.
    pub(super) fn may_give(&self, caller: &Caller, role: Role) -> Result<(), AccessError> {
        match role {
            Role::Service => Err(AccessError::Refused("a person cannot be a service; make an API key for a program".to_owned())),
            Role::Owner if !is_over_owners(caller) => {
                Err(AccessError::Refused("only an owner makes an owner; ask one".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// Owners, and who stands at the machine itself.
fn is_over_owners(caller: &Caller) -> bool {
    match caller.actor {
        Actor::Person { role, .. } => role == Role::Owner,
        Actor::Operator | Actor::System => true,
        Actor::Key { .. } => false,
    }
}

/// Somebody's role, if the caller may change anything of theirs: an owner's is for owners.
pub(super) fn owner_only(transaction: &Transaction, caller: &Caller, user_id: i64) -> Result<Role, AccessError> {
    let of = "SELECT role FROM access_user WHERE id = ?1 AND removed_at IS NULL";
    let role: Option<String> = transaction.query_row(of, [user_id], |row| row.get(0)).optional()?;
    let role = known(&role.ok_or_else(|| AccessError::Unknown { what: "person", id: user_id.to_string() })?)?;
    if role == Role::Owner && !is_over_owners(caller) {
        return Err(AccessError::Refused("only an owner changes an owner; ask one".to_owned()));
    }
    Ok(role)
}

/// Refuse where nobody else owns the shop.
fn another_owner(database: &Connection, user_id: i64) -> Result<(), AccessError> {
    let of = "SELECT count(*) FROM access_user WHERE role = ?1 AND removed_at IS NULL AND id <> ?2";
    match database.query_row(of, params![Role::Owner.name(), user_id], |row| row.get(0))? {
        0_i64 => Err(AccessError::Refused("this is the shop's only owner; make another one first".to_owned())),
        _ => Ok(()),
    }
}

pub(super) fn known(role: &str) -> Result<Role, AccessError> {
    Role::find(role).ok_or_else(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        AccessError::Refused(format!(
            "registry.db has the role {role:?}, known are {}; put it back from a copy",
            names.join(", ")
        ))
    })
}
