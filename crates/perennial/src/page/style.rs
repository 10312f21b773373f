//! The one stylesheet and the icon, with names that change when they do.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use sha2::{Digest, Sha256};

use crate::http::{Needs, Route};

const OPEN: Needs = Needs::Nothing { because: "the sign-in form needs its looks; a stylesheet holds nothing of a shop" };

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M16 30V14" stroke="#2f7d67" stroke-width="3" fill="none"/><path d="M16 18C8 18 4 13 4 6c8 0 12 4 12 12zM16 14c0-7 4-11 12-11 0 7-4 11-12 11z" fill="#2f7d67"/></svg>"##;

/// The colours are the report's, so that both are one thing to the eye.
static STYLE: LazyLock<String> = LazyLock::new(|| {
    let (light, dark) = (include_str!("../../templates/report/light.css"), include_str!("../../templates/report/dark.css"));
    let rules = include_str!("../../templates/page/perennial.css");
    format!(":root {{\n{light}}}\n@media (prefers-color-scheme: dark) {{ :root {{\n{dark}}} }}\n{rules}")
});

static ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let hash = Sha256::digest(STYLE.as_bytes());
    let hex: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("/static/perennial.css?v={hex}")
});

pub fn address() -> &'static str {
    &ADDRESS
}

pub fn routes() -> Vec<Route> {
    vec![Route::get("/static/perennial.css", OPEN, style), Route::get("/static/perennial.svg", OPEN, icon)]
}

const FOR_LONG: (header::HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")), FOR_LONG], STYLE.as_str())
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), FOR_LONG], ICON)
}
