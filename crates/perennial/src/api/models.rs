//! Models: who answers, who was refused and why, cards, promotion and rollback.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use perennial_contract::estimator::Task;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::system::Body;
use crate::access::{Action, Caller};
use crate::audit::Entry;
use crate::http::{App, BAD_VALUE, HttpError, NO_SUCH_THING, Needs, Route};
use crate::registry::{Row, Status};
use crate::shop::now;

/// What the audit log takes of a purpose.
const WHY_BYTES_MAX: usize = 1_000;

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/models", Needs::To(Action::ModelsRead), list),
        Route::get("/api/v1/models/history", Needs::To(Action::ModelsRead), history),
        Route::get("/api/v1/models/{task}/{name}/{version}/card", Needs::To(Action::ModelsRead), card),
        Route::post("/api/v1/models/{task}/promote", Needs::To(Action::ModelsPromote), promote),
        Route::post("/api/v1/models/{task}/rollback", Needs::To(Action::ModelsPromote), rollback),
    ]
}

/// List models
///
/// Every model that was ever filed, the newest first within a task: champions, candidates, and the refused with the reason.
#[utoipa::path(get, path = "/api/v1/models", tag = "models",
    responses((status = 200, body = Vec<Object>, description = "The same as `perennial models --json`")))]
async fn list(State(app): State<Arc<App>>) -> Result<Json<Value>, HttpError> {
    app.work(|app| {
        let rows = app.shop.registry.list().map_err(anyhow::Error::from)?;
        Ok(Json(serde_json::to_value(rows).map_err(HttpError::failed)?))
    })
    .await
}

/// Who answered when
#[utoipa::path(get, path = "/api/v1/models/history", tag = "models",
    responses((status = 200, body = Vec<Object>, description = "Promotions and rollbacks, oldest first")))]
async fn history(State(app): State<Arc<App>>) -> Result<Json<Value>, HttpError> {
    app.work(|app| {
        let changes = app.shop.registry.history().map_err(anyhow::Error::from)?;
        Ok(Json(serde_json::to_value(changes).map_err(HttpError::failed)?))
    })
    .await
}

fn task(name: &str) -> Result<Task, HttpError> {
    let names = || Task::ALL.iter().map(|task| task.name()).collect::<Vec<_>>().join(", ");
    let found = Task::ALL.iter().copied().find(|task| task.name() == name);
    found.ok_or_else(|| HttpError::new(NO_SUCH_THING, format!("no task {name:?}; there are {}", names())))
}

/// A model's card
#[utoipa::path(get, path = "/api/v1/models/{task}/{name}/{version}/card", tag = "models",
    params(("task" = String, Path, example = "churn"), ("name" = String, Path, example = "boost_churn"), ("version" = i64, Path, example = 1)),
    responses((status = 200, body = String, content_type = "text/markdown", description = "Data, period, features, metrics by kind of customer, limits"),
    (status = 404, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn card(
    State(app): State<Arc<App>>,
    Path((task_name, name, version)): Path<(String, String, String)>,
) -> Result<Response, HttpError> {
    app.work(move |app| {
        let (_, text) = card_of(app, &task_name, &name, &version)?;
        let unknown =
            || HttpError::new(NO_SUCH_THING, format!("no card of {name}@{version} for {task_name}; it was never fitted"));
        let text = text.ok_or_else(unknown)?;
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8"));
        Ok(([kind], text).into_response())
    })
    .await
}

/// A model and its card, where it was fitted.
pub fn card_of(app: &App, task_name: &str, name: &str, version: &str) -> Result<(Row, Option<String>), HttpError> {
    let task = task(task_name)?;
    let unknown = || HttpError::new(NO_SUCH_THING, format!("no model {name}@{version} for {task}; see the list of models"));
    let rows = app.shop.registry.list().map_err(anyhow::Error::from)?;
    let row = rows.into_iter().find(|row| row.task == task && row.name == name && row.version.to_string() == version);
    let row = row.ok_or_else(unknown)?;
    let text = app.shop.registry.card(&row);
    Ok((row, text))
}

/// Who is to answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// A name (its newest version) or `name@version`.
    #[schema(example = "boost_churn@3")]
    model: String,
    /// Why a refused model is to answer all the same; it is recorded.
    why: Option<String>,
}

/// Let a candidate answer
///
/// A refused model needs `why`. The change and its entry in the audit log are one transaction.
#[utoipa::path(post, path = "/api/v1/models/{task}/promote", tag = "models", request_body = Promotion,
    params(("task" = String, Path, example = "churn")),
    responses((status = 200, body = Object, description = "The champion"),
    (status = 404, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 409, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 422, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn promote(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<Promotion>,
) -> Result<Json<Value>, HttpError> {
    let Promotion { model, why } = body.0;
    app.work(move |app| {
        let row = let_answer(app, &caller, (&name, &model), why.as_deref())?;
        Ok(Json(serde_json::to_value(row).map_err(HttpError::failed)?))
    })
    .await
}

/// Let a model answer; the change and its entry in the audit log are one. A reason counts as an override where a gate refused it.
pub fn let_answer(app: &App, caller: &Caller, (name, model): (&str, &str), why: Option<&str>) -> Result<Row, HttpError> {
    let (task, why) = (task(name)?, proper(why)?);
    let rows = app.shop.registry.list().map_err(anyhow::Error::from)?;
    // The newest of a name comes first.
    let is_it = |row: &&Row| row.task == task && (row.name == model || format!("{}@{}", row.name, row.version) == model);
    let is_refused = rows.iter().find(is_it).is_some_and(|row| row.status == Status::Refused);
    let entry = Entry::done(caller.actor.text(), "models:promote", format!("model:{task}/{model}"));
    let entry = match why {
        Some(why) => entry.with_purpose(why).with_detail(json!({ "override": is_refused })),
        None => entry,
    };
    let key = app.access.audit_key();
    let noted = crate::registry::Noted { key: &key, entry: &entry };
    let overriding = why.filter(|_| is_refused);
    Ok(app.shop.registry.promote_noted(task, model, overriding, (&now(), Some(noted))).map_err(anyhow::Error::from)?)
}

/// Let the model answer that did before.
pub fn let_answer_again(app: &App, caller: &Caller, name: &str, why: Option<&str>) -> Result<Row, HttpError> {
    let (task, why) = (task(name)?, proper(why)?);
    let entry = Entry::done(caller.actor.text(), "models:rollback", format!("task:{task}"));
    let entry = match why {
        Some(why) => entry.with_purpose(why),
        None => entry,
    };
    let key = app.access.audit_key();
    let noted = crate::registry::Noted { key: &key, entry: &entry };
    Ok(app.shop.registry.rollback_noted(task, (&now(), Some(noted))).map_err(anyhow::Error::from)?)
}

fn proper(why: Option<&str>) -> Result<Option<&str>, HttpError> {
    let why = why.map(str::trim);
    if why.is_some_and(|why| why.is_empty() || why.len() > WHY_BYTES_MAX) {
        return Err(HttpError::new(BAD_VALUE, "why must have 1 to 1000 bytes: it is recorded"));
    }
    Ok(why)
}

/// Back to who answered before
#[utoipa::path(post, path = "/api/v1/models/{task}/rollback", tag = "models", params(("task" = String, Path, example = "churn")),
    responses((status = 200, body = Object, description = "The champion"),
    (status = 404, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 409, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn rollback(State(app): State<Arc<App>>, caller: Caller, Path(name): Path<String>) -> Result<Json<Value>, HttpError> {
    app.work(move |app| {
        let row = let_answer_again(app, &caller, &name, None)?;
        Ok(Json(serde_json::to_value(row).map_err(HttpError::failed)?))
    })
    .await
}
