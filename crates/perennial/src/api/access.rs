//! People, keys and the audit log over the API.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::system::Body;
use crate::access::{AccessError, Action, Caller, Invite, KeyWish, Role};
use crate::http::{App, BAD_VALUE, CONFLICT, HttpError, NO_SUCH_THING, NOT_ALLOWED, NOT_SIGNED_IN, Needs, Route, TOO_MANY};

const ENTRIES_MAX: u32 = 200;
const KEY_DAYS: i64 = 90;

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/me", Needs::To(Action::CustomersRead), me),
        Route::get("/api/v1/users", Needs::To(Action::UsersManage), users),
        Route::post("/api/v1/users", Needs::To(Action::UsersManage), invite),
        Route::post("/api/v1/users/{id}/role", Needs::To(Action::UsersManage), set_role),
        Route::delete("/api/v1/users/{id}", Needs::To(Action::UsersManage), remove_user),
        Route::get("/api/v1/keys", Needs::To(Action::KeysManage), keys),
        Route::post("/api/v1/keys", Needs::To(Action::KeysManage), make_key),
        Route::delete("/api/v1/keys/{id}", Needs::To(Action::KeysManage), revoke_key),
        Route::get("/api/v1/audit", Needs::To(Action::AuditRead), audit),
    ]
}

impl From<AccessError> for HttpError {
    fn from(error: AccessError) -> Self {
        let said = error.to_string();
        match error {
            AccessError::WrongLogin | AccessError::CodeNeeded => Self::new(NOT_SIGNED_IN, said),
            AccessError::TooMany { wait_seconds } => {
                Self { retry_after_s: Some(u32::try_from(wait_seconds).unwrap_or(u32::MAX)), ..Self::new(TOO_MANY, said) }
            }
            AccessError::Weak(_) => Self::new(BAD_VALUE, said),
            AccessError::NoSuchLink | AccessError::Unknown { .. } => Self::new(NO_SUCH_THING, said),
            AccessError::NotAllowed { .. } => Self::new(NOT_ALLOWED, said),
            AccessError::Refused(_) => Self::new(CONFLICT, said),
            AccessError::Database(_) | AccessError::Audit(_) | AccessError::Policies(_) => Self::failed(said),
        }
    }
}

/// Who asks, and what they may
#[utoipa::path(get, path = "/api/v1/me", tag = "access", responses((status = 200, body = Object)))]
async fn me(State(app): State<Arc<App>>, caller: Caller) -> Json<Value> {
    let may: Vec<&Action> = Action::ALL.iter().filter(|action| app.access.allows(&caller, **action)).collect();
    Json(
        json!({ "actor": caller.actor.text(), "role": caller.actor.role(), "authenticated_by": caller.authenticated_by.name(), "may": may }),
    )
}

/// People
#[utoipa::path(get, path = "/api/v1/users", tag = "access", responses((status = 200, body = Vec<Object>)))]
async fn users(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, HttpError> {
    app.work(move |app| as_json(app.access.list_users(&caller)?)).await
}

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    login: String,
    #[schema(example = "analyst")]
    role: String,
}

/// A link to be sent to the person.
#[derive(Serialize, ToSchema)]
pub struct Link {
    /// Works once, for 24 hours; shown now and never again.
    link: String,
}

/// Invite somebody
#[utoipa::path(post, path = "/api/v1/users", tag = "access", request_body = NewUser, responses((status = 201, body = Link),
    (status = 400, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 409, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn invite(State(app): State<Arc<App>>, caller: Caller, body: Body<NewUser>) -> Result<(StatusCode, Json<Link>), HttpError> {
    let role = role(&body.0.role)?;
    app.work(move |app| {
        let token = app.access.invite(&caller, &Invite { login: &body.0.login, role }, jiff::Timestamp::now())?;
        Ok((StatusCode::CREATED, Json(Link { link: format!("/welcome?token={}", token.as_str()) })))
    })
    .await
}

/// A role to give.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    #[schema(example = "marketer")]
    role: String,
}

/// Give somebody another role
#[utoipa::path(post, path = "/api/v1/users/{id}/role", tag = "access", request_body = NewRole, params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 409, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn set_role(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<NewRole>,
) -> Result<StatusCode, HttpError> {
    let (id, role) = (number(&id)?, role(&body.0.role)?);
    app.work(move |app| Ok(app.access.set_role(&caller, id, role, jiff::Timestamp::now())?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove somebody
///
/// Ends their sessions at once. The last owner stays.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "access", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 409, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn remove_user(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, HttpError> {
    let id = number(&id)?;
    app.work(move |app| Ok(app.access.remove_user(&caller, id, jiff::Timestamp::now())?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// API keys, without their secrets
#[utoipa::path(get, path = "/api/v1/keys", tag = "access", responses((status = 200, body = Vec<Object>)))]
async fn keys(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, HttpError> {
    app.work(move |app| as_json(app.access.list_keys(&caller)?)).await
}

/// What a key may.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedKey {
    #[schema(example = "web shop")]
    name: String,
    #[schema(example = json!(["customers:read", "events:write"]))]
    scopes: Vec<String>,
    /// 1 to 366; 90 by default.
    days: Option<i64>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub struct MadeKey {
    id: String,
    /// Shown now and never again.
    key: String,
}

/// Make an API key
#[utoipa::path(post, path = "/api/v1/keys", tag = "access", request_body = WantedKey, responses((status = 201, body = MadeKey),
    (status = 400, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 409, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn make_key(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Body<WantedKey>,
) -> Result<(StatusCode, Json<MadeKey>), HttpError> {
    let WantedKey { name, scopes, days } = body.0;
    let allowed = || Action::ALL.iter().map(|action| action.name()).collect::<Vec<_>>().join(", ");
    let scope = |text: &String| {
        Action::find(text).ok_or_else(|| HttpError::new(BAD_VALUE, format!("scopes holds {text:?}, allowed are {}", allowed())))
    };
    let scopes: Vec<Action> = scopes.iter().map(scope).collect::<Result<_, _>>()?;
    let days = days.unwrap_or(KEY_DAYS);
    if !(1..=366).contains(&days) {
        return Err(HttpError::new(BAD_VALUE, format!("days is {days}, allowed are 1 to 366")));
    }
    app.work(move |app| {
        let now = jiff::Timestamp::now();
        let ends_at = now + jiff::SignedDuration::from_hours(24 * days);
        let made = app.access.make_key(&caller, &KeyWish { name: &name, scopes: &scopes, ends_at }, now)?;
        Ok((StatusCode::CREATED, Json(MadeKey { id: made.id, key: made.bearer.as_str().to_owned() })))
    })
    .await
}

/// Revoke an API key
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "access", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn revoke_key(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, HttpError> {
    app.work(move |app| Ok(app.access.revoke_key(&caller, &id, jiff::Timestamp::now())?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where to begin in the log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Entries before this number.
    before: Option<i64>,
    /// 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The audit log, newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "access", params(AuditQuery), responses((status = 200, body = Vec<Object>),
    (status = 400, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn audit(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<Query<AuditQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, HttpError> {
    let Query(AuditQuery { before, limit }) = query.map_err(|wrong| HttpError::new(BAD_VALUE, wrong.body_text()))?;
    let limit = limit.unwrap_or(50);
    if !(1..=ENTRIES_MAX).contains(&limit) {
        return Err(HttpError::new(BAD_VALUE, format!("limit is {limit}, allowed are 1 to {ENTRIES_MAX}")));
    }
    app.work(move |app| as_json(app.access.audit_latest(&caller, limit, before)?)).await
}

fn as_json(value: impl Serialize) -> Result<Json<Value>, HttpError> {
    serde_json::to_value(value).map(Json).map_err(HttpError::failed)
}

fn number(id: &str) -> Result<i64, HttpError> {
    id.parse().map_err(|_| HttpError::new(NO_SUCH_THING, format!("there is no user {id:?}")))
}

fn role(text: &str) -> Result<Role, HttpError> {
    let people =
        || Role::ALL.iter().filter(|role| **role != Role::Service).map(|role| role.name()).collect::<Vec<_>>().join(", ");
    let found = Role::find(text).filter(|role| *role != Role::Service);
    found.ok_or_else(|| HttpError::new(BAD_VALUE, format!("role is {text:?}, allowed are {}", people())))
}
