//! The server as its callers see it, through the router and without a network.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::guard::{COOKIE_PLAIN, CSRF_HEADER};
use super::{App, Needs, Parts, router, routes};
use crate::access::{Acceptance, Access, Action, Caller, Invite, KeyWish, Role};
use crate::cmd::Context;
use crate::config::Settings;
use crate::live::{Inbox, Mover, Setup};
use crate::shop::Shop;

const PASSWORD: &str = "correct horse battery staple";

struct Server {
    _folder: tempfile::TempDir,
    app: Arc<App>,
}

/// Who asks: nobody, somebody in a browser, or a program.
enum As<'a> {
    Nobody,
    Session { token: &'a str, csrf: &'a str },
    Key(&'a str),
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("shop");
        Shop::create(&dir, &Settings::default()).expect("a shop");
        let context = Context { shop: dir, json: false, quiet: true, timings: false, lang: None, set: Vec::new() };
        let shop = Arc::new(Shop::open(&context).expect("the shop"));
        let access = Access::open(&shop.dir).expect("access");
        let inbox = Arc::new(Inbox::open(&shop.dir.join("inbox"), shop.lake.clone(), Setup::default()).expect("an inbox"));
        Self { _folder: folder, app: App::new(Parts { shop, access, inbox, is_tls: false }) }
    }

    async fn ask(&self, method: Method, path: &str, who: &As<'_>, body: Option<Value>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        request = match who {
            As::Nobody => request,
            As::Session { token, csrf } => {
                request.header(header::COOKIE, format!("a=b; {COOKIE_PLAIN}={token}")).header(CSRF_HEADER, *csrf)
            }
            As::Key(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
        };
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        router(&self.app).oneshot(request.body(body).expect("a request")).await.expect("an answer")
    }

    /// The owner first, then one of each other role: session token and CSRF token.
    fn people(&self) -> BTreeMap<&'static str, (String, String)> {
        let (access, now) = (&self.app.access, Timestamp::now());
        let mut found = BTreeMap::new();
        let mut come = |token: &str, login: &str, role: Role| {
            let acceptance = Acceptance { token, login, password: PASSWORD, address: "127.0.0.1" };
            let session = access.accept_invitation(&acceptance, now).expect("a session");
            found.insert(role.name(), (session.token.as_str().to_owned(), session.caller.csrf.clone().expect("a token")));
            session.caller
        };
        let link = access.first_owner_link(now).expect("a link").expect("nobody yet");
        let owner = come(link.as_str(), "owner@shop.example", Role::Owner);
        for &role in Role::ALL.iter().filter(|role| !matches!(role, Role::Owner | Role::Service)) {
            let login = format!("{}@shop.example", role.name());
            let link = access.invite(&owner, &Invite { login: &login, role }, now).expect("a link");
            come(link.as_str(), &login, role);
        }
        found
    }

    /// A key for all that a key may do.
    fn wide_key(&self) -> String {
        let matrix = self.app.access.matrix();
        let scopes: Vec<Action> = Action::ALL.iter().copied().filter(|&action| matrix.allows(Role::Service, action)).collect();
        self.key(&scopes)
    }

    fn key(&self, scopes: &[Action]) -> String {
        let now = Timestamp::now();
        let wish = KeyWish { name: "test", scopes, ends_at: now + SignedDuration::from_hours(1) };
        self.app.access.make_key(&Caller::operator(), &wish, now).expect("a key").bearer.as_str().to_owned()
    }
}

async fn json_of(response: Response<Body>) -> Value {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// An address of a route, with something in the place of its parts.
fn address(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "none" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_is_for_those_whom_the_policies_let_and_for_nobody_else() {
    let server = Server::new();
    let people = server.people();
    let key = server.wide_key();
    let narrow = server.key(&[Action::MetricsRead]);
    for route in routes() {
        let path = address(route.path);
        // Whoever leaves is not there for the next route.
        if path.contains("sign-out") {
            continue;
        }
        let (method, body) = (route.method.clone(), (route.method == Method::POST).then(|| json!({})));
        let mut asked: Vec<(String, As<'_>, Option<Role>)> = vec![
            ("nobody".to_owned(), As::Nobody, None),
            ("a narrow key".to_owned(), As::Key(&narrow), None),
            ("service".to_owned(), As::Key(&key), Some(Role::Service)),
        ];
        for &role in Role::ALL.iter().filter(|role| **role != Role::Service) {
            let (token, csrf) = &people[role.name()];
            asked.push((role.name().to_owned(), As::Session { token, csrf }, Some(role)));
        }
        for (name, who, role) in asked {
            let status = server.ask(method.clone(), &path, &who, body.clone()).await.status();
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
            let what = format!("{method} {path} as {name}: {status}");
            match (route.needs, role) {
                (Needs::Nothing { because }, _) => assert!(!because.is_empty() && status != StatusCode::FORBIDDEN, "{what}"),
                (Needs::To(action), Some(role)) if server.app.access.matrix().allows(role, action) => assert!(!refused, "{what}"),
                (Needs::To(_), Some(_)) => assert_eq!(status, StatusCode::FORBIDDEN, "{what}"),
                (Needs::To(_), None) if name == "nobody" => {
                    assert!(status == StatusCode::UNAUTHORIZED || status == StatusCode::SEE_OTHER, "{what}");
                }
                (Needs::To(action), None) => assert!(refused || action == Action::MetricsRead, "{what}"),
            }
            assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{what}");
        }
    }
}

#[tokio::test]
async fn wrong_keys_tokens_and_forged_changes_are_refused() {
    let server = Server::new();
    let people = server.people();
    let key = server.key(&[Action::CustomersRead]);
    let ask = async |who: As<'_>, path: &str| server.ask(Method::GET, path, &who, None).await.status();
    assert_eq!(ask(As::Key(&key), "/api/v1/me").await, StatusCode::OK);
    // One character of the secret, another key's id, none at all.
    let mut wrong = key.clone();
    let last = wrong.pop().expect("a character");
    wrong.push(if last == '0' { '1' } else { '0' });
    let other = server.key(&[Action::CustomersRead]);
    let crossed = format!("{}{}", &other[..12], &key[12..]);
    for bad in [wrong.as_str(), crossed.as_str(), "", "prn_", &"x".repeat(5_000)] {
        assert_eq!(ask(As::Key(bad), "/api/v1/me").await, StatusCode::UNAUTHORIZED, "{bad:.40}");
    }
    let (token, csrf) = &people["owner"];
    let wish = || Some(json!({ "name": "k", "scopes": ["customers:read"] }));
    for (csrf, expected) in
        [(csrf.as_str(), StatusCode::CREATED), ("", StatusCode::FORBIDDEN), (&people["admin"].1, StatusCode::FORBIDDEN)]
    {
        let answer = server.ask(Method::POST, "/api/v1/keys", &As::Session { token, csrf }, wish()).await;
        assert_eq!(answer.status(), expected, "{csrf:.10}");
    }
    let tampered = format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
    assert_eq!(ask(As::Session { token: &tampered, csrf }, "/api/v1/me").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_sent_in_counts_at_once_and_once() {
    let server = Server::new();
    let key = server.wide_key();
    let who = As::Key(&key);
    assert_eq!(server.ask(Method::GET, "/api/v1/customers/C1", &who, None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let order = json!({
        "rows": [{"order_id": "O1", "customer_id": "C1", "ordered_at": "2026-03-01T10:00:00Z", "status": "completed", "currency": "EUR",
            "subtotal_cents": 1250, "discount_cents": 0, "shipping_cents": 0, "tax_cents": 0, "total_cents": 1250}],
        "order_items": [{"order_id": "O1", "line_no": 1, "product_id": "P1", "kind": "product", "quantity": 1, "unit_price_cents": 1250,
            "discount_cents": 0, "total_cents": 1250, "currency": "EUR"}],
    });
    let taken = json_of(server.ask(Method::POST, "/api/v1/ingest/orders", &who, Some(order.clone())).await).await;
    assert_eq!(taken, json!({ "accepted": 2, "duplicates": 0, "rejected": [] }));
    let seen = async || {
        let picture = json_of(server.ask(Method::GET, "/api/v1/customers/C1", &who, None).await).await;
        (picture["orders"].clone(), picture["spent_cents"].clone(), picture["as_of"].clone())
    };
    let expected = (json!(1), json!(1250), json!("2026-03-02"));
    assert_eq!(seen().await, expected);
    let again = json_of(server.ask(Method::POST, "/api/v1/ingest/orders", &who, Some(order)).await).await;
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(2)));
    Mover::new(server.app.inbox.clone()).step().expect("a step");
    assert_eq!(seen().await, expected, "after the move to the lake");
    let wrong =
        json_of(server.ask(Method::POST, "/api/v1/ingest/events", &who, Some(json!({ "rows": [{ "name": "x" }] }))).await).await;
    assert_eq!((wrong["rejected"][0]["at"].clone(), wrong["rejected"][0]["column"].is_string()), (json!(0), true), "{wrong}");
}

#[tokio::test]
async fn who_somebody_is_is_told_for_a_purpose_that_is_written_down() {
    let server = Server::new();
    let people = server.people();
    let (token, csrf) = &people["owner"];
    let who = As::Session { token, csrf };
    let ask = async |body: Value| server.ask(Method::POST, "/api/v1/customers/C1/identity", &who, Some(body)).await;
    assert_eq!(ask(json!({ "purpose": "x" })).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(json!({ "purpose": "answer to ticket 4711" })).await.status(), StatusCode::OK);
    let log = json_of(server.ask(Method::GET, "/api/v1/audit", &who, None).await).await;
    let read = &log[0];
    assert_eq!((&read["action"], &read["purpose"]), (&json!("identity:read"), &json!("answer to ticket 4711")), "{log}");
    assert!(!log.to_string().contains("C1"), "the log names a customer");
}

#[tokio::test]
async fn answers_are_problems_tags_and_ids() {
    let server = Server::new();
    let key = server.wide_key();
    let who = As::Key(&key);
    let missing = server.ask(Method::GET, "/api/v1/nothing", &who, None).await;
    assert_eq!(missing.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert!(missing.headers().contains_key("content-security-policy") && missing.headers()["x-request-id"].len() == 32);
    assert_eq!(json_of(missing).await["code"], "no-such-page");
    for (path, code) in [
        ("/api/v1/customers?limit=0", "bad-value"),
        ("/api/v1/customers?sort=name", "bad-value"),
        ("/api/v1/customers?colour=red", "bad-value"),
        ("/api/v1/customers?p_churn_min=NaN", "bad-value"),
        ("/api/v1/customers", "not-ready"),
        ("/api/v1/models/x/y/1/card", "no-such-thing"),
        ("/api/v1/customers/%ff", "bad-request"),
    ] {
        assert_eq!(json_of(server.ask(Method::GET, path, &who, None).await).await["code"], code, "{path}");
    }
    let body = json!({ "rows": vec![json!({ "name": "x".repeat(1_000) }); 9_000] });
    let large = server.ask(Method::POST, "/api/v1/ingest/events", &who, Some(body)).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let first = server.ask(Method::GET, "/api/v1/models", &who, None).await;
    let tag = first.headers()[header::ETAG].to_str().expect("text").to_owned();
    let request =
        Request::get("/api/v1/models").header(header::AUTHORIZATION, format!("Bearer {key}")).header(header::IF_NONE_MATCH, tag);
    let second = router(&server.app).oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
}

/// The file that programs are generated from: `PERENNIAL_WRITE_REFERENCE=1 cargo test` writes it anew.
#[test]
fn the_description_is_the_one_that_is_kept() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/openapi.json");
    let now = crate::api::description();
    if std::env::var_os("PERENNIAL_WRITE_REFERENCE").is_some() {
        std::fs::write(path, &now).expect("the reference");
    }
    assert!(std::fs::read_to_string(path).unwrap_or_default() == now, "docs/reference/openapi.json is old: write it anew");
    let described: Value = serde_json::from_str(&now).expect("JSON");
    for route in routes().iter().filter(|route| route.path.starts_with("/api/v1/")) {
        let method = route.method.as_str().to_lowercase();
        assert!(described["paths"][route.path][&method].is_object(), "{method} {} is not described", route.path);
    }
}
