//! The server itself: is it alive, can it answer, what does it count; and the words of problems.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::access::Action;
use crate::http::{App, BAD_REQUEST, Gauge, HttpError, KINDS, NOT_READY, Needs, Route};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/healthz",
            Needs::Nothing { because: "an orchestrator asks before anybody signs in; it says only that the process answers" },
            healthz,
        ),
        Route::get(
            "/readyz",
            Needs::Nothing { because: "a load balancer asks without a key; it says only whether the shop can answer" },
            readyz,
        ),
        Route::get("/metrics", Needs::To(Action::MetricsRead), metrics),
        Route::get("/api/problems", Needs::Nothing { because: "the words of error codes hold nothing of a shop" }, problems),
    ]
}

/// A JSON body; where it cannot be read the caller learns why and where.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        use axum::extract::rejection::JsonRejection;
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(HttpError::new(crate::http::WRONG_TYPE, "send the body as application/json"))
            }
            Err(wrong) => Err(HttpError::new(BAD_REQUEST, wrong.body_text())),
        }
    }
}

/// Alive.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
}

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "system", responses((status = 200, body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Can the shop answer?
#[utoipa::path(get, path = "/readyz", tag = "system", responses((status = 200, body = Health),
    (status = 503, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>, HttpError> {
    app.work(|app| {
        app.shop.lake.snapshot().map_err(anyhow::Error::from)?;
        app.shop.registry.revision().map_err(anyhow::Error::from)?;
        if app.inbox.gauges().is_stopped {
            return Err(HttpError::new(NOT_READY, "the inbox has stopped taking rows; see the server's log"));
        }
        Ok(Json(Health { status: "ready" }))
    })
    .await
}

/// What the server counts, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "system",
    responses((status = 200, body = String, content_type = "text/plain", description = "Text exposition format 0.0.4")))]
async fn metrics(State(app): State<Arc<App>>) -> Result<Response, HttpError> {
    app.work(|app| {
        let text = app.metrics.text(&gauges(app)?);
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
        Ok(([kind], text).into_response())
    })
    .await
}

fn gauges(app: &App) -> Result<Vec<Gauge>, HttpError> {
    let inbox = app.inbox.gauges();
    let one = |name, help, value: f64| Gauge { name, help, values: vec![(String::new(), value)] };
    let at = app.shop.lake.snapshot().map_err(anyhow::Error::from)?;
    let ready = app.answers.ready(&app.shop, &at)?;
    let age = ready.champions.iter().filter_map(|(task, champion)| {
        let trained: perennial_contract::Day = champion.row.as_of.parse().ok()?;
        Some((format!("task=\"{}\"", task.name()), f64::from(ready.as_of? - trained)))
    });
    Ok(vec![
        Gauge {
            name: "perennial_model_age_days",
            help: "Days from the day a champion was trained as of to the day answers are as of.",
            values: age.collect(),
        },
        one("perennial_inbox_rows_waiting", "Rows taken in that are not in the lake yet.", inbox.rows_waiting as f64),
        one("perennial_inbox_bytes_waiting", "Bytes of the inbox on disk.", inbox.bytes_waiting as f64),
        one(
            "perennial_inbox_oldest_seconds",
            "How long the oldest waiting row has waited.",
            inbox.oldest_age_us.unwrap_or(0) as f64 / 1e6,
        ),
        one("perennial_inbox_rows_accepted", "Rows accepted since the start.", inbox.rows_accepted as f64),
        one("perennial_inbox_rows_duplicate", "Rows whose key was here already, since the start.", inbox.rows_duplicate as f64),
        one("perennial_inbox_rows_rejected", "Rows rejected since the start.", inbox.rows_rejected as f64),
        one("perennial_inbox_rows_moved", "Rows moved to the lake since the start.", inbox.rows_moved as f64),
        one("perennial_inbox_stopped", "1 when nothing more is taken in.", f64::from(u8::from(inbox.is_stopped))),
    ])
}

/// What each code of a problem means.
async fn problems() -> Html<String> {
    let rows = KINDS.iter().map(|kind| {
        format!("<dt id=\"{0}\"><code>{0}</code> ({1})</dt><dd>{2}</dd>", kind.code, kind.status.as_u16(), kind.title)
    });
    let rows: String = rows.collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title><h1>Problems</h1><dl>{rows}</dl></html>"
    ))
}
