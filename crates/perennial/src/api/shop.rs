//! The shop: its imports and their rejects, and the newest report.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use perennial_contract::Entity;
use perennial_contract::engine::Who;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::access::Action;
use crate::http::{App, HttpError, NO_SUCH_THING, Needs, Route};

const REJECTS_MAX: usize = 1_000;

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/shop", Needs::To(Action::QualityRead), shop),
        Route::get("/api/v1/imports", Needs::To(Action::ImportsRead), imports),
        Route::get("/api/v1/rejects", Needs::To(Action::ImportsRead), rejects),
        Route::get("/report", Needs::To(Action::ReportRead), report),
    ]
}

/// The shop at a glance.
#[derive(Serialize, ToSchema)]
pub struct ShopFacts {
    name: String,
    zone: String,
    currency: String,
    /// Rows of each canonical table, without those that wait in the inbox.
    #[schema(value_type = Object)]
    rows: Value,
    /// Rows that were taken in and are not in the lake yet; answers count them already.
    rows_waiting: u64,
    /// The day that pictures are as of; none before the first order.
    as_of: Option<String>,
    /// Task to model, as `name@version`.
    #[schema(value_type = Object)]
    champions: Value,
}

/// The shop at a glance
#[utoipa::path(get, path = "/api/v1/shop", tag = "shop", responses((status = 200, body = ShopFacts)))]
async fn shop(State(app): State<Arc<App>>) -> Result<Json<ShopFacts>, HttpError> {
    app.work(|app| {
        let at = app.shop.lake.snapshot().map_err(anyhow::Error::from)?;
        let mut rows = serde_json::Map::new();
        for &entity in Entity::ALL {
            rows.insert(entity.name().to_owned(), json!(app.shop.lake.rows(&at, entity).map_err(anyhow::Error::from)?));
        }
        let ready = app.answers.ready(&app.shop, &at)?;
        let champions =
            ready.champions.iter().map(|(task, c)| (task.name().to_owned(), json!(format!("{}@{}", c.row.name, c.row.version))));
        let facts = &app.shop.settings.shop;
        Ok(Json(ShopFacts {
            name: facts.name.clone(),
            zone: facts.zone.clone(),
            currency: facts.currency.clone(),
            rows: Value::Object(rows),
            rows_waiting: app.inbox.gauges().rows_waiting,
            as_of: ready.as_of.map(|day| day.to_string()),
            champions: Value::Object(champions.collect()),
        }))
    })
    .await
}

/// Every import, oldest first
#[utoipa::path(get, path = "/api/v1/imports", tag = "shop",
    responses((status = 200, body = Vec<Object>, description = "Files, time, and rows added, replaced, unchanged and rejected by table")))]
async fn imports(State(app): State<Arc<App>>) -> Result<Json<Value>, HttpError> {
    app.work(|app| {
        let imports = app.shop.lake.imports().map_err(anyhow::Error::from)?;
        let shown = imports.into_iter().map(|import| {
            let tables: serde_json::Map<String, Value> =
                import.tables.iter().map(|(entity, count)| (entity.name().to_owned(), json!(count))).collect();
            let at = jiff::Timestamp::from_microsecond(import.imported_at_us).map(|at| at.to_string()).ok();
            json!({ "batch_id": import.batch_id, "format": import.format, "at": at, "files": import.files, "tables": tables,
                "loaded_cents": import.money.loaded_cents })
        });
        Ok(Json(shown.collect()))
    })
    .await
}

/// Rows that could not be used
///
/// The first 1,000, with file, row, column, value and reason. Values of direct identifiers are blank.
#[utoipa::path(get, path = "/api/v1/rejects", tag = "shop", responses((status = 200, body = Vec<Object>)))]
async fn rejects(State(app): State<Arc<App>>) -> Result<Json<Value>, HttpError> {
    app.work(|app| Ok(Json(Value::Array(first_rejects(app, REJECTS_MAX)?)))).await
}

/// The first rows that could not be used.
pub fn first_rejects(app: &App, count_max: usize) -> Result<Vec<Value>, HttpError> {
    let at = app.shop.lake.snapshot().map_err(anyhow::Error::from)?;
    let columns = ["batch_id", "table", "file", "row", "column", "value", "reason"];
    let mut shown = Vec::new();
    for bucket in app.shop.lake.scan(&at, Entity::Rejects, &columns, &Who::Everyone).map_err(anyhow::Error::from)? {
        for batch in bucket {
            let batch = batch.map_err(anyhow::Error::from)?;
            for row in 0..batch.num_rows().min(count_max - shown.len()) {
                let mut reject = serde_json::Map::new();
                for name in columns {
                    let array = &batch[name];
                    let value = match array.as_string_opt::<i32>() {
                        _ if array.is_null(row) => Value::Null,
                        Some(texts) => json!(texts.value(row)),
                        None => json!(array.as_primitive::<Int64Type>().value(row)),
                    };
                    reject.insert(name.to_owned(), value);
                }
                shown.push(Value::Object(reject));
            }
        }
    }
    Ok(shown)
}

/// The newest report, as the page that `perennial report` writes. It carries its own styles, so it has a policy of its own.
async fn report(State(app): State<Arc<App>>) -> Result<Response, HttpError> {
    app.work(|app| {
        let none = || HttpError::new(NO_SUCH_THING, "there is no report yet; `perennial run` or `perennial report` writes one");
        let page = std::fs::read(app.shop.dir.join("report.html")).map_err(|_| none())?;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"),
            ),
        ];
        Ok((headers, page).into_response())
    })
    .await
}
