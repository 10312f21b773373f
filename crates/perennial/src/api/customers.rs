//! Customers: one's whole picture as of now, lists by score, and who somebody is, for those who may know.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use perennial_contract::engine::Who;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::book;
use crate::access::{Action, Caller};
use crate::audit::Entry;
use crate::http::{App, BAD_VALUE, HttpError, NOT_READY, Needs, Route};
use crate::pipeline::{Asked, picture_in};

const LIMIT_MAX: usize = 200;
const LIMIT: usize = 50;
/// Shorter purposes say nothing.
const PURPOSE_CHARS_MIN: usize = 10;
const PURPOSE_CHARS_MAX: usize = 500;

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/customers", Needs::To(Action::CustomersRead), list),
        Route::get("/api/v1/customers/{id}", Needs::To(Action::CustomersRead), show),
        Route::post("/api/v1/customers/{id}/identity", Needs::To(Action::IdentityRead), identity),
    ]
}

/// Filters and order of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Key of a segment.
    segment: Option<String>,
    /// Key of a stage.
    stage: Option<String>,
    p_churn_min: Option<f64>,
    p_churn_max: Option<f64>,
    /// Minor units of the shop's currency.
    spend_cents_min: Option<f64>,
    spend_cents_max: Option<f64>,
    /// `customer_id`, or a column of the scores; with `-` before it, the largest first.
    #[param(example = "-p_churn")]
    sort: Option<String>,
    /// 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next` of the answer before.
    cursor: Option<String>,
}

/// A page of customers.
#[derive(Serialize, ToSchema)]
pub struct CustomerList {
    /// State of the shop when this day begins.
    as_of: String,
    /// All that pass the filters.
    count: usize,
    /// Rows of the score file; money in minor units. `null` where no model may answer.
    #[schema(value_type = Vec<Object>)]
    customers: Vec<Value>,
    /// Cursor of the next page; none on the last.
    next: Option<String>,
}

/// List customers
///
/// Customers of the newest score file, filtered and sorted. Scores of this list are those of the last `score` or `run`; the picture of
/// one customer is as of now.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(ListQuery), responses(
    (status = 200, body = CustomerList), (status = 400, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 503, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<CustomerList>, HttpError> {
    let Query(query) = query.map_err(|wrong| HttpError::new(BAD_VALUE, wrong.body_text()))?;
    let query = wanted(query)?;
    app.work(move |app| {
        let book = app.book()?;
        let page = book.page(&query)?;
        Ok(Json(CustomerList { as_of: book.as_of.clone(), count: page.count, customers: page.customers, next: page.next }))
    })
    .await
}

fn wanted(query: ListQuery) -> Result<book::Query, HttpError> {
    let wrong =
        |name: &str, value: &str, allowed: &str| HttpError::new(BAD_VALUE, format!("{name} is {value:?}, allowed are {allowed}"));
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(wrong("limit", &limit.to_string(), "whole numbers from 1 to 200"));
    }
    let asked = query.sort.as_deref().unwrap_or("customer_id");
    let (descending, name) = asked.strip_prefix('-').map_or((false, asked), |name| (true, name));
    let sort = book::SORTS.into_iter().find(|sort| *sort == name);
    if sort.is_none() && (name != "customer_id" || descending) {
        return Err(wrong(
            "sort",
            asked,
            &format!("customer_id and {}, each but the first also with - before it", book::SORTS.join(", ")),
        ));
    }
    let mut bounds = Vec::new();
    for (column, lo, hi) in
        [("p_churn", query.p_churn_min, query.p_churn_max), ("spend_cents", query.spend_cents_min, query.spend_cents_max)]
    {
        if lo.or(hi).is_some() {
            bounds.push((column, lo.unwrap_or(f64::NEG_INFINITY), hi.unwrap_or(f64::INFINITY)));
        }
    }
    if bounds.iter().any(|(_, lo, hi)| lo.is_nan() || hi.is_nan()) {
        return Err(HttpError::new(BAD_VALUE, "a bound is not a number; give numbers"));
    }
    Ok(book::Query { segment: query.segment, stage: query.stage, bounds, sort, descending, cursor: query.cursor, limit })
}

/// One customer's picture
///
/// Scores with intervals, the reasons behind the chance of leaving, the outlook of 30 to 365 days and the last orders: from the lake and
/// every event taken in until now, by the models that answer.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers", params(("id" = String, Path, description = "The shop's own id")),
    responses((status = 200, body = Object, description = "The same as `perennial customer ID --json`"),
    (status = 404, body = crate::http::Problem, content_type = "application/problem+json"),
    (status = 503, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Value>, HttpError> {
    app.work(move |app| {
        let store = app.inbox.union(&Who::One(id.clone())).map_err(HttpError::failed)?;
        let at = store.at().clone();
        let ready = app.answers.ready(&app.shop, &at)?;
        let as_of =
            ready.as_of.ok_or_else(|| HttpError::new(NOT_READY, "the shop has no orders yet; import some or send them in"))?;
        let asked = Asked { shop: &app.shop, store: &store, at: &at, as_of, champions: &ready.champions };
        let picture = picture_in(&asked, &id)?.ok_or_else(HttpError::customer_unknown)?;
        Ok(Json(serde_json::to_value(&picture).map_err(HttpError::failed)?))
    })
    .await
}

/// Why somebody wants to know who a customer is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// In words, 10 to 500 characters; it is written into the audit log.
    #[schema(example = "answer to ticket 4711", min_length = 10, max_length = 500)]
    purpose: String,
}

/// Who a customer is.
#[derive(Serialize, ToSchema)]
pub struct IdentityList {
    customer_id: String,
    /// Empty where the shop's files told nothing.
    identities: Vec<IdentityField>,
}

#[derive(Serialize, ToSchema)]
pub struct IdentityField {
    #[schema(example = "email")]
    pub kind: String,
    pub value: String,
}

/// Who a customer is
///
/// Opens the vault for one customer. The read and its purpose are in the audit log before the answer leaves.
#[utoipa::path(post, path = "/api/v1/customers/{id}/identity", tag = "customers", request_body = Purpose,
    params(("id" = String, Path, description = "The shop's own id")),
    responses((status = 200, body = IdentityList), (status = 400, body = crate::http::Problem, content_type = "application/problem+json")))]
async fn identity(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: super::system::Body<Purpose>,
) -> Result<Json<IdentityList>, HttpError> {
    app.work(move |app| {
        let identities = identities(app, &caller, &id, &body.0.purpose)?;
        Ok(Json(IdentityList { customer_id: id, identities }))
    })
    .await
}

/// Open the vault for one customer, after the read and its purpose are in the audit log.
pub fn identities(app: &App, caller: &Caller, id: &str, purpose: &str) -> Result<Vec<IdentityField>, HttpError> {
    let purpose = purpose.trim();
    if !(PURPOSE_CHARS_MIN..=PURPOSE_CHARS_MAX).contains(&purpose.chars().count()) {
        return Err(HttpError::new(BAD_VALUE, "purpose must have 10 to 500 characters: say what the identity is needed for"));
    }
    let entry = Entry::done(caller.actor.text(), "identity:read", app.access.audit_key().customer(id)).with_purpose(purpose);
    app.access.audit(&entry, jiff::Timestamp::now()).map_err(HttpError::failed)?;
    let found = app.shop.lake.vault().get(id).map_err(HttpError::failed)?;
    Ok(found.into_iter().map(|one| IdentityField { kind: one.kind.name().to_owned(), value: one.value }).collect())
}
