//! Who asks, and may they? Nothing reaches a handler before this has said yes, and no body is read before that.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use tokio::sync::OwnedSemaphorePermit;

use super::App;
use super::problem::{self, HttpError};
use super::route::{BodyMax, Needs};
use crate::access::{Action, Caller};

/// The cookie that names a session. The prefix makes browsers refuse it from other hosts or without TLS.
pub const COOKIE_TLS: &str = "__Host-perennial";
/// Where there is no TLS, on loopback, the prefix is not allowed.
pub const COOKIE_PLAIN: &str = "perennial";
pub const CSRF_HEADER: &str = "x-csrf-token";
/// The field of a form that carries the session's token.
pub const CSRF_FIELD: &str = "csrf";

/// How a route is guarded.
#[derive(Clone)]
pub struct Rule {
    pub app: Arc<App>,
    pub needs: Needs,
    pub body_max: BodyMax,
}

/// Who asked, for the log: a kind and a number, no name.
#[derive(Clone, Debug)]
pub struct Who(pub String);

pub async fn guard(State(rule): State<Rule>, request: Request, next: Next) -> Response<Body> {
    match admit(&rule, request).await {
        Ok((request, who)) => {
            let mut response = next.run(request).await;
            response.extensions_mut().insert(who);
            response
        }
        Err(refusal) => refusal,
    }
}

/// The request with its caller and its body, or the answer that it gets instead.
async fn admit(rule: &Rule, request: Request) -> Result<(Request, Who), Response<Body>> {
    let Rule { app, needs, body_max } = rule;
    let (mut parts, body) = request.into_parts();
    let address = address(&parts, app.behind_proxy);
    let caller = caller(app, &parts.headers).map_err(IntoResponse::into_response)?;
    let who = Who(caller.as_ref().map_or_else(|| "nobody".to_owned(), |caller| caller.actor.text()));
    app.rates.take(caller.as_ref(), address).map_err(IntoResponse::into_response)?;
    let by_session = caller.as_ref().is_some_and(|caller| caller.csrf.is_some());
    if let Needs::To(action) = *needs {
        let Some(caller) = &caller else { return Err(sign_in_first(&parts)) };
        if !app.access.allows(caller, action) {
            return Err(not_allowed(action).into_response());
        }
    }
    let (bytes, held) = read_body(app, body, *body_max, &parts.headers).await.map_err(IntoResponse::into_response)?;
    let is_change = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_change && by_session {
        let is_ours = caller.as_ref().is_some_and(|caller| carries_token(caller, &parts.headers, &bytes));
        if !is_ours {
            return Err(HttpError::new(problem::FORGED, "reload the page and send the form again").into_response());
        }
    }
    parts.extensions.insert(held);
    parts.extensions.insert(Peer(address));
    if let Some(caller) = caller {
        parts.extensions.insert(caller);
    }
    Ok((Request::from_parts(parts, Body::from(bytes)), who))
}

fn not_allowed(action: Action) -> HttpError {
    HttpError::new(problem::NOT_ALLOWED, format!("this needs the right to {action}; an owner or admin can give it"))
}

/// A page sends people to the sign-in form; the API says what is missing.
fn sign_in_first(parts: &Parts) -> Response<Body> {
    if parts.uri.path().starts_with("/api/") || parts.method != Method::GET {
        let detail = "send `Authorization: Bearer KEY` with an API key, or sign in first";
        return HttpError::new(problem::NOT_SIGNED_IN, detail).into_response();
    }
    let to = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let to: String = form_urlencoded(to);
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("/sign-in?to={to}")) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

fn form_urlencoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// A key in the header goes before a session; a key that is wrong is an error, not nobody.
fn caller(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, HttpError> {
    let now = jiff::Timestamp::now();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let key = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        let found = key.map_or(Ok(None), |key| app.access.by_key(key, now)).map_err(HttpError::failed)?;
        let wrong = || HttpError::new(problem::NOT_SIGNED_IN, "the API key is unknown, revoked or has expired");
        return found.ok_or_else(wrong).map(Some);
    }
    let Some(token) = session_token(headers, app.is_secure()) else { return Ok(None) };
    app.access.by_session(token, now).map_err(HttpError::failed)
}

#[must_use]
pub fn session_token(headers: &HeaderMap, is_secure: bool) -> Option<&str> {
    let name = if is_secure { COOKIE_TLS } else { COOKIE_PLAIN };
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, token)| token)
}

/// Whether a change that a browser sends for a session comes from a page of that session.
fn carries_token(caller: &Caller, headers: &HeaderMap, body: &Bytes) -> bool {
    let from_elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if from_elsewhere {
        return false;
    }
    if let Some(token) = headers.get(CSRF_HEADER) {
        return token.to_str().is_ok_and(|token| caller.sent(token));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // Tokens are hexadecimal, so the field needs no decoding.
    let field = |body: &Bytes| {
        let prefix = format!("{CSRF_FIELD}=");
        let mut fields = body.split(|&byte| byte == b'&');
        fields.find_map(|field| field.strip_prefix(prefix.as_bytes()).map(<[u8]>::to_vec))
    };
    kind.starts_with("application/x-www-form-urlencoded")
        && field(body).is_some_and(|token| std::str::from_utf8(&token).is_ok_and(|token| caller.sent(token)))
}

/// The whole body within its limit and its time, taking its bytes from what all bodies may hold together.
async fn read_body(app: &App, body: Body, max: BodyMax, headers: &HeaderMap) -> Result<(Bytes, Held), HttpError> {
    let too_large = || HttpError::new(problem::TOO_LARGE, format!("the body may have {} bytes at most; send it in parts", max.0));
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let wanted = stated.unwrap_or(if hyper::body::Body::size_hint(&body).upper() == Some(0) { 0 } else { max.0 });
    if wanted > max.0 {
        return Err(too_large());
    }
    let room = app
        .body_room
        .clone()
        .try_acquire_many_owned(u32::try_from(wanted).unwrap_or(u32::MAX))
        .map_err(|_| HttpError::busy(1))?;
    let collected = tokio::time::timeout(app.body_timeout, Limited::new(body, max.0).collect()).await;
    match collected {
        Ok(Ok(whole)) => Ok((whole.to_bytes(), Held(Arc::new(room)))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(HttpError::new(problem::BAD_REQUEST, "the body ended before it was whole")),
        Err(_) => {
            let seconds = app.body_timeout.as_secs();
            Err(HttpError::new(problem::TOO_SLOW, format!("the body took longer than {seconds} s; send smaller parts")))
        }
    }
}

/// The address a request came from; behind a proxy the last one it names, which is the one the proxy itself saw.
fn address(parts: &Parts, behind_proxy: bool) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([127, 0, 0, 1]), |info| info.0.ip());
    if !behind_proxy {
        return peer;
    }
    let named = parts.headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    named.and_then(|list| list.rsplit(',').next()?.trim().parse().ok()).unwrap_or(peer)
}

/// The room that a body takes, for as long as its request is there.
#[derive(Clone)]
struct Held(#[expect(dead_code, reason = "it is held, not read")] Arc<OwnedSemaphorePermit>);

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts.extensions.get().copied().ok_or_else(|| HttpError::failed("a request without its guard; this is a bug"))
    }
}

/// The caller of a guarded route.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts.extensions.get().cloned().ok_or_else(|| HttpError::failed("a caller asked of an open route; this is a bug"))
    }
}

/// How long a body may take by default.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(20);
