//! What every answer has: a request id, the headers a browser must hear, an ETag, compression, a line in the log and a place in the metrics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use futures::FutureExt as _;
use http_body_util::BodyExt;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::App;
use super::guard::Who;
use super::problem::{BAD_REQUEST, Cause, HttpError};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_LENGTH_MAX: usize = 64;
/// Smaller bodies gain nothing.
const COMPRESS_BYTES_MIN: usize = 1 << 10;
/// Larger bodies are streams: they are sent as they come.
const WHOLE_BYTES_MAX: u64 = 8 << 20;

const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The outermost layer.
pub async fn finish(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    app.metrics.begin();
    let id = request_id(request.headers());
    let asked = Asked::of(&request);
    // A bug in one handler answers that request; the others go on.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| HttpError::failed("the handler panicked; this is a bug").into_response());
    response = dress(as_problem(response), &asked).await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown")));
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // What people see of a shop is theirs alone; a browser may keep it to compare, not to show to another.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    if app.is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    let took = started.elapsed();
    app.metrics.end((asked.method_name(), &asked.route), response.status().as_u16(), took);
    log(&app, &id, &asked, &response, took);
    response
}

/// What an extractor refuses with a line of text is a problem like any other.
fn as_problem(response: Response<Body>) -> Response<Body> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if response.status() != StatusCode::BAD_REQUEST || !kind.starts_with("text/plain") {
        return response;
    }
    HttpError::new(BAD_REQUEST, "the address or the query cannot be read; send it as UTF-8, percent-encoded").into_response()
}

/// What is remembered of a request until its answer.
struct Asked {
    method: Method,
    route: String,
    if_none_match: Option<HeaderValue>,
    accept_encoding: String,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        let encodings = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        Self {
            method: request.method().clone(),
            route,
            if_none_match: request.headers().get(header::IF_NONE_MATCH).cloned(),
            accept_encoding: encodings.unwrap_or_default().to_owned(),
        }
    }

    fn method_name(&self) -> &'static str {
        match self.method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            Method::PATCH => "PATCH",
            _ => "other",
        }
    }
}

/// The caller's id where it is a harmless one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= REQUEST_ID_LENGTH_MAX
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(is_plain).map_or_else(new_id, str::to_owned)
}

fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness an id is only less telling.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// ETag, 304 and compression of answers that are whole.
async fn dress(response: Response<Body>, asked: &Asked) -> Response<Body> {
    let is_whole = response.body().size_hint_upper().is_some_and(|bytes| bytes <= WHOLE_BYTES_MAX);
    if !is_whole {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return HttpError::failed(error).into_response(),
    };
    let is_read = matches!(asked.method, Method::GET | Method::HEAD);
    if is_read && parts.status == StatusCode::OK && !bytes.is_empty() {
        let tag = entity_tag(&bytes);
        let is_known = asked.if_none_match.as_ref().is_some_and(|known| names_tag(known, &tag));
        if let Ok(value) = HeaderValue::from_str(&tag) {
            parts.headers.insert(header::ETAG, value);
        }
        if is_known {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.remove(header::CONTENT_TYPE);
            return Response::from_parts(parts, Body::empty());
        }
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if bytes.len() < COMPRESS_BYTES_MIN || !is_text(kind) || parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some((name, packed)) = compress(&bytes, &asked.accept_encoding) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(packed))
}

/// Weak, because the bytes on the wire depend on the encoding.
fn entity_tag(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hex}\"")
}

fn names_tag(known: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.to_str().is_ok_and(|known| known.trim() == "*" || known.split(',').any(|one| opaque(one) == opaque(tag)))
}

fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/") || kind.ends_with("json") || kind == "image/svg+xml" || kind == "application/javascript"
}

/// The body packed as the caller likes it best, if at all.
fn compress(bytes: &[u8], accepted: &str) -> Option<(&'static str, Vec<u8>)> {
    use std::io::Write;
    let takes = |name: &str| {
        accepted.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            parts.next().is_some_and(|found| found.eq_ignore_ascii_case(name))
                && !parts.any(|q| matches!(q, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    };
    if takes("zstd") {
        return Some(("zstd", zstd::bulk::compress(bytes, 3).ok()?));
    }
    if takes("gzip") {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(5));
        packer.write_all(bytes).ok()?;
        return Some(("gzip", packer.finish().ok()?));
    }
    None
}

/// One line a request, as JSON on stderr. The pattern of the route, not the address: an address holds customers' ids.
fn log(app: &App, id: &str, asked: &Asked, response: &Response<Body>, took: Duration) {
    if !app.logs_requests && response.status().as_u16() < 500 {
        return;
    }
    let who = response.extensions().get::<Who>();
    let mut line = json!({
        "at": crate::shop::now(),
        "level": if response.status().is_server_error() { "error" } else { "info" },
        "request": id,
        "method": asked.method_name(),
        "route": asked.route,
        "status": response.status().as_u16(),
        "ms": (took.as_secs_f64() * 1e6).round() / 1e3,
        "who": who.map(|who| who.0.as_str()),
    });
    if let Some(Cause(cause)) = response.extensions().get() {
        line["cause"] = json!(cause);
    }
    crate::cmd::complain(&line.to_string());
}

trait SizeHintUpper {
    fn size_hint_upper(&self) -> Option<u64>;
}

impl SizeHintUpper for Body {
    fn size_hint_upper(&self) -> Option<u64> {
        hyper::body::Body::size_hint(self).upper()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_kept_if_it_is_harmless() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
            request_id(&headers)
        };
        assert_eq!(with("abc-1.2_X"), "abc-1.2_X");
        for bad in ["a b", "<script>", "", &"x".repeat(65)] {
            let found = with(bad);
            assert!(found != bad && found.len() == 32, "{bad:?} gave {found:?}");
        }
    }

    #[test]
    fn bodies_are_packed_as_the_caller_likes() {
        let body = b"perennial ".repeat(500);
        assert_eq!(compress(&body, "gzip, zstd").map(|(name, _)| name), Some("zstd"));
        assert_eq!(compress(&body, "zstd;q=0, gzip").map(|(name, _)| name), Some("gzip"));
        assert_eq!(compress(&body, "br, identity"), None);
        let (_, packed) = compress(&body, "zstd").unwrap();
        assert_eq!(zstd::bulk::decompress(&packed, body.len()).unwrap(), body);
    }

    #[test]
    fn tags_are_compared_weakly() {
        let tag = entity_tag(b"x");
        assert!(names_tag(&HeaderValue::from_str(&format!("\"y\", {}", tag.trim_start_matches("W/"))).unwrap(), &tag));
        assert!(names_tag(&HeaderValue::from_static("*"), &tag));
        assert!(!names_tag(&HeaderValue::from_static("\"y\""), &tag));
    }
}
