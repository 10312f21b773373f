//! Events and orders as they happen. An answer means that they are on disk and that the next score of their customer counts them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use perennial_contract::Entity;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::Action;
use crate::http::{App, BAD_VALUE, BATCH, HttpError, NO_SUCH_THING, NOT_READY, Needs, Route};
use crate::live::{InboxError, Outcome, accepts};

const ROWS_MAX: usize = 10_000;

pub fn routes() -> Vec<Route> {
    vec![Route::post("/api/v1/ingest/{table}", Needs::To(Action::EventsWrite), take).taking(BATCH)]
}

/// Rows of one table.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Objects with the canonical columns; the table's key is the idempotency key. 1 to 10,000.
    #[schema(value_type = Vec<Object>, min_items = 1, max_items = 10_000,
        example = json!([{"event_id": "e-1", "customer_id": "C1", "occurred_at": "2026-11-25T08:00:00Z", "name": "product_viewed", "product_id": "P1"}]))]
    rows: Vec<Value>,
    /// Lines of the orders in `rows`, where the table is `orders`; they become durable in the same moment.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    order_items: Vec<Value>,
}

/// What became of the rows.
#[derive(Serialize, ToSchema)]
pub struct Taken {
    accepted: usize,
    /// Their key was here already: sent twice, or imported.
    duplicates: usize,
    /// Nothing of these was kept.
    rejected: Vec<RejectedRow>,
}

#[derive(Serialize, ToSchema)]
pub struct RejectedRow {
    #[schema(example = "events")]
    table: String,
    /// Its place in the list that was sent, from 0.
    at: usize,
    column: Option<String>,
    reason: String,
}

/// Send in rows
///
/// Takes events, orders, returns, reviews, surveys, tickets, messages and touches with the columns of an import. The same key twice
/// changes nothing. E-mail addresses and phone numbers go to the vault, as in an import.
#[utoipa::path(post, path = "/api/v1/ingest/{table}", tag = "ingest", request_body = Rows,
    params(("table" = String, Path, description = "Name of a canonical table", example = "events")),
    responses((status = 200, body = Taken, description = "Every good row is durable"),
    (status = 400, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 404, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 413, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 503, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn take(
    State(app): State<Arc<App>>,
    Path(table): Path<String>,
    body: super::system::Body<Rows>,
) -> Result<(StatusCode, Json<Taken>), HttpError> {
    let tables = || {
        let names = Entity::ALL.iter().filter(|entity| accepts(**entity)).map(|entity| entity.name());
        format!("no table {table:?} takes rows; there are {}", names.collect::<Vec<_>>().join(", "))
    };
    let entity = Entity::from_name(&table).filter(|entity| accepts(*entity));
    let entity = entity.ok_or_else(|| HttpError::new(NO_SUCH_THING, tables()))?;
    let Rows { rows, order_items } = body.0;
    if !(1..=ROWS_MAX).contains(&(rows.len() + order_items.len())) {
        return Err(HttpError::new(BAD_VALUE, format!("rows has {} rows, allowed are 1 to {ROWS_MAX}", rows.len())));
    }
    if entity != Entity::Orders && !order_items.is_empty() {
        return Err(HttpError::new(BAD_VALUE, "order_items go with orders; send other lines to /api/v1/ingest/order_items"));
    }
    let mut sent = vec![(entity, rows)];
    if !order_items.is_empty() {
        sent.push((Entity::OrderItems, order_items));
    }
    // The inbox has a thread of its own that writes; waiting for it takes no seat from those who read.
    let names: Vec<Entity> = sent.iter().map(|(entity, _)| *entity).collect();
    let inbox = app.inbox.clone();
    let answers = tokio::task::spawn_blocking(move || inbox.append_together(sent)).await.map_err(HttpError::failed)?;
    let answers = answers.map_err(refused)?;
    if let Some(day) = app.inbox.gauges().newest_on {
        app.answers.saw(perennial_contract::Day(day));
    }
    Ok((StatusCode::OK, Json(counted(names.into_iter().zip(answers)))))
}

fn counted(answers: impl Iterator<Item = (Entity, Vec<Outcome>)>) -> Taken {
    let mut taken = Taken { accepted: 0, duplicates: 0, rejected: Vec::new() };
    for (entity, outcomes) in answers {
        for (at, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Accepted => taken.accepted += 1,
                Outcome::Duplicate => taken.duplicates += 1,
                Outcome::Rejected { column, reason } => {
                    taken.rejected.push(RejectedRow { table: entity.name().to_owned(), at, column, reason });
                }
            }
        }
    }
    taken
}

fn refused(error: InboxError) -> HttpError {
    match error {
        InboxError::Stopped(_) => {
            let detail = "nothing more is taken in until the server's disk is seen to and it is started again; what was answered for is safe";
            HttpError { cause: Some(error.to_string()), ..HttpError::new(NOT_READY, detail) }
        }
        InboxError::Full { .. } | InboxError::Unready(_) => HttpError { detail: error.to_string(), ..HttpError::busy(2) },
        other => HttpError::failed(other),
    }
}
