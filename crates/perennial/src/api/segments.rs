//! Segments and stages: how many customers, what they are worth, how many are leaving.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::Action;
use crate::http::{App, HttpError, Needs, Route};

pub fn routes() -> Vec<Route> {
    vec![Route::get("/api/v1/segments", Needs::To(Action::SegmentsRead), list)]
}

/// Groups of the newest score file.
#[derive(Serialize, ToSchema)]
pub struct Groups {
    as_of: String,
    customers: usize,
    /// By segment. `GET /api/v1/customers?segment=KEY` lists the members.
    #[schema(value_type = Vec<Object>)]
    segments: Vec<Value>,
    /// By stage of life with the shop.
    #[schema(value_type = Vec<Object>)]
    stages: Vec<Value>,
}

/// List segments and stages
///
/// Sizes, mean chance of leaving of those asked about, expected and past spend in minor units.
#[utoipa::path(get, path = "/api/v1/segments", tag = "segments", responses((status = 200, body = Groups),
    (status = 503, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn list(State(app): State<Arc<App>>) -> Result<Json<Groups>, HttpError> {
    app.work(|app| {
        let book = app.book()?;
        let (segments, stages) = (book.groups("segment"), book.groups("stage"));
        Ok(Json(Groups { as_of: book.as_of.clone(), customers: book.len(), segments, stages }))
    })
    .await
}
