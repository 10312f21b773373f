//! One-time links: the first one makes the owner, the others bring in whom somebody invited.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::caller::{AuthenticatedBy, Caller};
use super::session::{self, NewSession, Person};
use super::token::{Token, kept, token};
use super::user::{known, proper, spelled};
use super::{Access, AccessError, Action, Role, moment, password, seconds};
use crate::audit::Entry;

/// A link is good for a day.
const SECONDS: i64 = 24 * 3_600;

/// Whom to invite.
pub struct Invite<'a> {
    pub login: &'a str,
    pub role: Role,
}

/// What somebody who follows a link says.
pub struct Acceptance<'a> {
    pub token: &'a str,
    /// The name they are invited by; the first owner chooses it.
    pub login: &'a str,
    pub password: &'a str,
    pub address: &'a str,
}

/// An invitation that is still good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    id: i64,
    /// The name it was made for; none where it is for the first owner.
    pub login: Option<String>,
    pub role: Role,
    pub ends_at: Timestamp,
}

impl Access {
    /// While nobody is in the shop: the token that makes its owner, in the place of the one given before.
    pub fn first_owner_link(&self, now: Timestamp) -> Result<Option<Token>, AccessError> {
        if has_people(&self.reading())? {
            return Ok(None);
        }
        let token = token()?;
        let by = Caller::system().actor.text();
        let made = self.with_audit(now, |transaction| {
            if has_people(transaction)? {
                return Err(AccessError::NoSuchLink);
            }
            transaction.execute("DELETE FROM access_invitation WHERE login IS NULL", [])?;
            transaction.execute(
                "INSERT INTO access_invitation (hash, login, role, made_by, made_at, ends_at) VALUES (?1, NULL, ?2, ?3, ?4, ?5)",
                params![kept(&token), Role::Owner.name(), by, seconds(now), seconds(now) + SECONDS],
            )?;
            let id = transaction.last_insert_rowid();
            let entry = Entry::done(by.clone(), "user:invite", format!("invitation:{id}"));
            Ok(((), entry.with_detail(json!({ "role": Role::Owner }))))
        });
        match made {
            Ok(()) => Ok(Some(token)),
            Err(AccessError::NoSuchLink) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A token that lets somebody in under this name and role; it replaces one given for the name before.
    pub fn invite(&self, caller: &Caller, invite: &Invite, now: Timestamp) -> Result<Token, AccessError> {
        self.demand(caller, Action::UsersManage)?;
        self.may_give(caller, invite.role)?;
        let login = proper(invite.login)?;
        let token = token()?;
        self.with_audit(now, |transaction| {
            if is_taken(transaction, login)? {
                return Err(AccessError::Refused(format!("{login} is one of the shop's people already")));
            }
            let mut others = transaction.prepare("SELECT id, login FROM access_invitation WHERE login IS NOT NULL")?;
            let others = others.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
            for other in others.collect::<Result<Vec<_>, _>>()? {
                if spelled(&other.1) == spelled(login) {
                    transaction.execute("DELETE FROM access_invitation WHERE id = ?1", [other.0])?;
                }
            }
            transaction.execute(
                "INSERT INTO access_invitation (hash, login, role, made_by, made_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![kept(&token), login, invite.role.name(), caller.actor.text(), seconds(now), seconds(now) + SECONDS],
            )?;
            let id = transaction.last_insert_rowid();
            let entry = Entry::done(caller.actor.text(), "user:invite", format!("invitation:{id}"));
            Ok(((), entry.with_detail(json!({ "role": invite.role }))))
        })?;
        Ok(token)
    }

    /// What a token invites to, for the page that it leads to.
    pub fn invited(&self, token: &str, now: Timestamp) -> Result<Invited, AccessError> {
        invited(&self.reading(), token, now)
    }

    /// Make the person, use the token up, and begin their first session.
    pub fn accept_invitation(&self, acceptance: &Acceptance, now: Timestamp) -> Result<NewSession, AccessError> {
        // Before the hashing, so that a stranger's token costs nothing.
        let first = self.invited(acceptance.token, now)?;
        let login = proper(acceptance.login)?;
        if first.login.as_deref().is_some_and(|name| spelled(name) != spelled(login)) {
            return Err(AccessError::NoSuchLink);
        }
        password::consider(acceptance.password, login)?;
        let hash = self.hasher.hash(acceptance.password)?;
        self.with_audit(now, |transaction| {
            // Once more inside the transaction: of two who follow a link at once, one comes in.
            let invitation = invited(transaction, acceptance.token, now)?;
            if invitation != first || (invitation.login.is_none() && has_people(transaction)?) {
                return Err(AccessError::NoSuchLink);
            }
            if is_taken(transaction, login)? {
                return Err(AccessError::Refused(format!("{login} is one of the shop's people already")));
            }
            transaction.execute("DELETE FROM access_invitation WHERE id = ?1", [invitation.id])?;
            transaction.execute(
                "INSERT INTO access_user (login, spelled, password, role, made_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![login, spelled(login), hash, invitation.role.name(), seconds(now)],
            )?;
            let person = Person {
                user_id: transaction.last_insert_rowid(),
                login,
                role: invitation.role,
                authenticated_by: AuthenticatedBy::Invitation,
                address: acceptance.address,
            };
            let session = session::begin(transaction, &person, now)?;
            let entry = Entry::done(session.caller.actor.text(), "user:accept", format!("invitation:{}", invitation.id));
            Ok((session, entry.with_detail(json!({ "role": invitation.role }))))
        })
    }
}

fn invited(database: &Connection, token: &str, now: Timestamp) -> Result<Invited, AccessError> {
    let hash = kept(token).ok_or(AccessError::NoSuchLink)?;
    let of = "SELECT id, login, role, ends_at FROM access_invitation WHERE hash = ?1 AND ends_at > ?2";
    let found = database
        .query_row(of, params![hash, seconds(now)], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?)));
    let (id, login, role, ends_at) = found.optional()?.ok_or(AccessError::NoSuchLink)?;
    Ok(Invited { id, login, role: known(&role)?, ends_at: moment(ends_at) })
}

fn has_people(database: &Connection) -> Result<bool, AccessError> {
    Ok(database.prepare("SELECT 1 FROM access_user WHERE removed_at IS NULL")?.exists([])?)
}

fn is_taken(database: &Connection, login: &str) -> Result<bool, AccessError> {
    let of = "SELECT 1 FROM access_user WHERE spelled = ?1 AND removed_at IS NULL";
    Ok(database.prepare(of)?.exists([spelled(login)])?)
}
