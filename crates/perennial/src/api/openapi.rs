//! The API as OpenAPI 3.1, made from the handlers, and a page to read it.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{access, customers, exports, ingest, models, segments, shop, system};
use crate::http::{Needs, Route};

pub fn routes() -> Vec<Route> {
    let because = "the shape of the API is the same for every shop and holds nothing of one";
    vec![
        Route::get("/api/openapi.json", Needs::Nothing { because }, openapi),
        Route::get("/api/docs", Needs::Nothing { because }, docs),
    ]
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Perennial", description = "What a shop's customers will do next, live. Money is whole minor units of the shop's currency; days are the shop's own.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        customers::list, customers::show, customers::identity, segments::list, ingest::take, models::list, models::history, models::card,
        models::promote, models::rollback, shop::shop, shop::imports, shop::rejects, exports::export, access::me, access::users, access::invite,
        access::set_role, access::remove_user, access::keys, access::make_key, access::revoke_key, access::audit, system::healthz,
        system::readyz, system::metrics
    ),
    components(schemas(crate::http::Problem)),
    modifiers(&Guarded)
)]
struct Api;

/// Every path but those that anybody may ask needs a key, and answers 401, 403, 429 and 500 as problems.
struct Guarded;

impl Modify for Guarded {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("key", key);
        let open = ["/healthz", "/readyz"];
        for (path, item) in &mut api.paths.paths {
            let is_open = open.contains(&path.as_str());
            let operations = [&mut item.get, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().filter_map(Option::as_mut) {
                if !is_open {
                    operation.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
                }
                let statuses: &[&str] =
                    if is_open { &["429", "500", "503"] } else { &["401", "403", "413", "429", "500", "503"] };
                for status in statuses {
                    operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| problem(status).into());
                }
            }
        }
    }
}

fn problem(status: &str) -> utoipa::openapi::Response {
    let title = match status {
        "401" => "No key, no session, or a wrong one",
        "403" => "The caller may not do this",
        "413" => "The body is too large",
        "429" => "Too many requests; Retry-After says when to come again",
        "503" => "Too much to do; Retry-After says when to come again",
        _ => "The server failed",
    };
    let schema = utoipa::openapi::Ref::from_schema_name("Problem");
    let content = utoipa::openapi::ContentBuilder::new().schema(Some(schema)).build();
    utoipa::openapi::ResponseBuilder::new().description(title).content("application/problem+json", content).build()
}

/// The whole description, as it is served and kept as `docs/reference/openapi.json`.
#[must_use]
pub fn description() -> String {
    let mut text = Api::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], description()).into_response()
}

/// The description as a page without scripts.
async fn docs() -> Html<String> {
    let api = Api::openapi();
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Perennial API</title>\
         <h1>Perennial API</h1><p>Send <code>Authorization: Bearer KEY</code>. Errors are <a href=\"/api/problems\">problems</a>. \
         The same for programs: <a href=\"/api/openapi.json\">openapi.json</a>.</p>",
    );
    for (path, item) in &api.paths.paths {
        for (method, operation) in [("GET", &item.get), ("POST", &item.post), ("DELETE", &item.delete)] {
            let Some(operation) = operation else { continue };
            let text = |text: &Option<String>| escape(text.as_deref().unwrap_or_default());
            let _ = write!(
                out,
                "<h2>{}</h2><p><code>{method} {}</code></p><p>{}</p>",
                text(&operation.summary),
                escape(path),
                text(&operation.description)
            );
            for parameter in operation.parameters.iter().flatten() {
                let utoipa::openapi::RefOr::T(parameter) = parameter else { continue };
                let _ = write!(out, "<p><code>{}</code> {}</p>", escape(&parameter.name), text(&parameter.description));
            }
        }
    }
    out.push_str("</html>");
    Html(out)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
