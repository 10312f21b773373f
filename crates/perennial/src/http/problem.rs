//! What a caller hears when a request cannot be answered: RFC 9457 problem details with a stable code.
//!
//! The sentence is for whoever asked; causes that speak of files, queries or bugs go to the log and never out.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every answer of 400 and above, as `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Where the kind of problem is explained, relative to this server.
    #[schema(example = "/api/problems#customer-unknown")]
    pub r#type: String,
    /// The same for every problem of the kind.
    pub title: String,
    pub status: u16,
    /// Stable name of the kind, for programs.
    #[schema(example = "customer-unknown")]
    pub code: String,
    /// What is wrong here, and what to do next.
    pub detail: String,
}

/// A kind of problem: its status, its stable code and its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub const $name: Kind = Kind { status: StatusCode::$status, code: $code, title: $title };)*
        /// Every kind there is, for the reference page.
        pub const KINDS: &[Kind] = &[$($name),*];
    };
}

kinds! {
    BAD_REQUEST = BAD_REQUEST, "bad-request", "the request cannot be read";
    BAD_VALUE = BAD_REQUEST, "bad-value", "a value is not allowed";
    NOT_SIGNED_IN = UNAUTHORIZED, "not-signed-in", "sign in or send an API key";
    NOT_ALLOWED = FORBIDDEN, "not-allowed", "the caller may not do this";
    FORGED = FORBIDDEN, "forged", "the request does not come from this server's own pages";
    NO_SUCH_PAGE = NOT_FOUND, "no-such-page", "nothing is at this address";
    CUSTOMER_UNKNOWN = NOT_FOUND, "customer-unknown", "no such customer";
    NO_SUCH_THING = NOT_FOUND, "no-such-thing", "what was asked for does not exist";
    WRONG_METHOD = METHOD_NOT_ALLOWED, "wrong-method", "this address does not take the method";
    TOO_SLOW = REQUEST_TIMEOUT, "too-slow", "the request did not arrive in time";
    CONFLICT = CONFLICT, "conflict", "the state of the shop does not allow it";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "too-large", "the request is too large";
    WRONG_TYPE = UNSUPPORTED_MEDIA_TYPE, "wrong-type", "the body is of another type";
    GATE_SHUT = UNPROCESSABLE_ENTITY, "gate-shut", "a gate refused";
    TOO_MANY = TOO_MANY_REQUESTS, "too-many-requests", "too many requests; wait a little";
    FAILED = INTERNAL_SERVER_ERROR, "failed", "the server failed to answer";
    BUSY = SERVICE_UNAVAILABLE, "busy", "the server is busy; ask again";
    NOT_READY = SERVICE_UNAVAILABLE, "not-ready", "the shop cannot answer yet";
}

/// A problem on its way out, with the cause that stays inside.
#[derive(Debug)]
pub struct HttpError {
    pub kind: Kind,
    pub detail: String,
    /// For the log only.
    pub cause: Option<String>,
    pub retry_after_s: Option<u32>,
}

impl HttpError {
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), cause: None, retry_after_s: None }
    }

    #[must_use]
    pub fn customer_unknown() -> Self {
        Self::new(
            CUSTOMER_UNKNOWN,
            "no customer of this id has bought before the day asked about; ids are those of the shop's own files",
        )
    }

    /// The server's own failure: the caller learns that it happened and no more.
    #[must_use]
    pub fn failed(cause: impl std::fmt::Display) -> Self {
        let detail = "the failure is in the server's log under this request's id";
        Self { cause: Some(cause.to_string()), ..Self::new(FAILED, detail) }
    }

    #[must_use]
    pub fn busy(retry_after_s: u32) -> Self {
        let detail = "more requests are at work than the server takes at once";
        Self { retry_after_s: Some(retry_after_s), ..Self::new(BUSY, detail) }
    }

    #[must_use]
    pub fn problem(&self) -> Problem {
        let Kind { status, code, title } = self.kind;
        Problem {
            r#type: format!("/api/problems#{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: self.detail.clone(),
        }
    }
}

impl From<anyhow::Error> for HttpError {
    fn from(error: anyhow::Error) -> Self {
        if let Some(usage) = error.downcast_ref::<crate::cmd::UsageError>() {
            return Self::new(BAD_VALUE, usage.to_string());
        }
        if let Some(crate::registry::RegistryError::Gate(why)) = error.downcast_ref() {
            return Self::new(GATE_SHUT, why.clone());
        }
        if let Some(crate::registry::RegistryError::NotPossible(why)) = error.downcast_ref() {
            return Self::new(CONFLICT, why.clone());
        }
        Self::failed(format!("{error:#}"))
    }
}

/// Carried beside the answer, for the log.
#[derive(Clone, Debug)]
pub struct Cause(pub String);

impl IntoResponse for HttpError {
    fn into_response(self) -> Response<Body> {
        let body = serde_json::to_vec_pretty(&self.problem()).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.kind.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self.problem());
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}
