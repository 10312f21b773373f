//! Who asks, and how we know.

use super::{Action, Role};
use crate::audit::bytes::are_same;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody of the shop's people, signed in.
    Person { user_id: i64, name: String, role: Role },
    /// A program with an API key, in the role of a service, within its scopes.
    Key { key_id: String, name: String, scopes: Vec<Action> },
    /// Somebody at the command line of the shop's own machine, who has its files anyway.
    Operator,
    /// The server itself.
    System,
}

impl Actor {
    /// As the audit log names them.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Person { user_id, .. } => format!("person:{user_id}"),
            Self::Key { key_id, .. } => format!("key:{key_id}"),
            Self::Operator => "operator".to_owned(),
            Self::System => "system".to_owned(),
        }
    }

    /// The role the policies are asked about; operator and server are beyond them.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::Person { role, .. } => Some(*role),
            Self::Key { .. } => Some(Role::Service),
            Self::Operator | Self::System => None,
        }
    }
}

/// How we know who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticatedBy {
    Password,
    /// A password and a code of the second factor.
    PasswordAndCode,
    /// A one-time link that was followed just now.
    Invitation,
    ApiKey,
    /// The machine itself.
    Machine,
}

impl AuthenticatedBy {
    pub const ALL: [Self; 5] = [Self::Password, Self::PasswordAndCode, Self::Invitation, Self::ApiKey, Self::Machine];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndCode => "password_and_code",
            Self::Invitation => "invitation",
            Self::ApiKey => "api_key",
            Self::Machine => "machine",
        }
    }

    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == text)
    }
}

/// Who asks, in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub actor: Actor,
    /// What a form of this session must send along; none where no browser sends cookies by itself.
    pub csrf: Option<String>,
    pub session_id: Option<i64>,
    pub authenticated_by: AuthenticatedBy,
}

impl Caller {
    /// Somebody at the command line.
    #[must_use]
    pub const fn operator() -> Self {
        Self { actor: Actor::Operator, csrf: None, session_id: None, authenticated_by: AuthenticatedBy::Machine }
    }

    /// The server itself.
    #[must_use]
    pub const fn system() -> Self {
        Self { actor: Actor::System, csrf: None, session_id: None, authenticated_by: AuthenticatedBy::Machine }
    }

    /// Whether a form came from a page of this session.
    #[must_use]
    pub fn sent(&self, csrf: &str) -> bool {
        self.csrf.as_ref().is_some_and(|ours| are_same(ours.as_bytes(), csrf.as_bytes()))
    }

    /// The person's number, where it is one.
    #[must_use]
    pub const fn user_id(&self) -> Option<i64> {
        match self.actor {
            Actor::Person { user_id, .. } => Some(user_id),
            _ => None,
        }
    }
}
