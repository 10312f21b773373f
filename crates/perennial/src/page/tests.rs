//! The pages through the router, as a browser asks for them, on a small simulated shop.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use clap::Parser as _;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::fields::encoded;
use crate::access::{Acceptance, Access, Invite, Role};
use crate::cmd::{CommandLine, Context};
use crate::http::{App, COOKIE_PLAIN, Parts, router};
use crate::live::{Inbox, Setup};
use crate::shop::Shop;

const PASSWORD: &str = "a long walk by the sea";

/// A page as a browser has it.
struct Seen {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    html: String,
}

impl Seen {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The session's token that was set.
    fn session(&self) -> String {
        let prefix = format!("{COOKIE_PLAIN}=");
        let cookies = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let cookie = cookies.into_iter().find_map(|cookie| cookie.strip_prefix(&prefix)).expect("a session's cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }
}

struct House {
    _folder: tempfile::TempDir,
    app: Arc<App>,
    link: String,
}

/// Somebody with a session.
struct Guest {
    token: String,
    csrf: String,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("demo");
        let line = ["perennial", "demo", "--quiet", "--customers", "300", "--dir", dir.to_str().unwrap()];
        CommandLine::parse_from(line).run().expect("a demo shop");
        let context = Context { shop: dir.join("shop"), json: false, quiet: true, timings: false, lang: None, set: Vec::new() };
        let shop = Arc::new(Shop::open(&context).unwrap());
        let access = Access::open(&shop.dir).unwrap();
        let link = access.first_owner_link(jiff::Timestamp::now()).unwrap().unwrap().as_str().to_owned();
        let inbox = Arc::new(Inbox::open(&shop.dir.join("inbox"), shop.lake.clone(), Setup::default()).unwrap());
        let app = App::new(Parts { shop, access, inbox, is_tls: false });
        Self { _folder: folder, app, link }
    }

    fn ask(&self, request: Request<Body>) -> Seen {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let response = router(&self.app).oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            Seen { status: parts.status, headers: parts.headers, html: String::from_utf8(bytes.to_vec()).unwrap() }
        })
    }

    fn get(&self, path: &str, guest: Option<&Guest>) -> Seen {
        let mut request = Request::get(path).header(header::ACCEPT, "text/html").header(header::HOST, "shop.example");
        if let Some(guest) = guest {
            request = request.header(header::COOKIE, format!("{COOKIE_PLAIN}={}", guest.token));
        }
        self.ask(request.body(Body::empty()).unwrap())
    }

    fn post(&self, path: &str, guest: Option<&Guest>, fields: &[(&str, &str)]) -> Seen {
        let mut request = Request::post(path)
            .header(header::ACCEPT, "text/html")
            .header(header::HOST, "shop.example")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(guest) = guest {
            request = request.header(header::COOKIE, format!("{COOKIE_PLAIN}={}", guest.token));
        }
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        self.ask(request.body(Body::from(body.join("&"))).unwrap())
    }

    fn owner(&self) -> Guest {
        self.accepted(&self.link, "olga@example.org")
    }

    fn accepted(&self, token: &str, login: &str) -> Guest {
        let acceptance = Acceptance { token, login, password: PASSWORD, address: "192.0.2.7" };
        let session = self.app.access.accept_invitation(&acceptance, jiff::Timestamp::now()).unwrap();
        Guest { token: session.token.as_str().to_owned(), csrf: session.caller.csrf.unwrap() }
    }

    fn join(&self, owner: &Guest, role: Role) -> Guest {
        let now = jiff::Timestamp::now();
        let caller = self.app.access.by_session(&owner.token, now).unwrap().unwrap();
        let login = format!("{}@example.org", role.name());
        let token = self.app.access.invite(&caller, &Invite { login: &login, role }, now).unwrap();
        self.accepted(&token, &login)
    }
}

#[test]
fn the_owners_link_makes_one_owner_who_can_sign_in_and_out() {
    let house = House::new();
    let page = house.get(&format!("/welcome?token={}", house.link), None);
    assert!(
        page.status == StatusCode::OK && page.html.contains("no owner yet") && page.html.contains("name=\"again\""),
        "{}",
        page.html
    );
    let accept = |password: &str, again: &str| {
        let fields = [("token", house.link.as_str()), ("login", "olga@example.org"), ("password", password), ("again", again)];
        house.post("/welcome", None, &fields)
    };
    for (password, again, sentence) in [("short", "short", "at least 12 characters"), (PASSWORD, "another", "differ")] {
        let page = accept(password, again);
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.html.contains(sentence) && !page.html.contains(password), "{}", page.html);
    }
    let came = accept(PASSWORD, PASSWORD);
    assert_eq!((came.status, came.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/"));
    let owner = Guest { token: came.session(), csrf: String::new() };
    assert_eq!(house.get("/", Some(&owner)).status, StatusCode::OK);
    assert_eq!(accept(PASSWORD, PASSWORD).status, StatusCode::GONE);
    assert_eq!(house.get(&format!("/welcome?token={}", house.link), None).status, StatusCode::GONE);

    let guarded = house.get("/customers?stage=active", None);
    assert_eq!(guarded.status, StatusCode::SEE_OTHER);
    let to = guarded.header(header::LOCATION).to_owned();
    let form = house.get(&to, None);
    assert!(form.html.contains("value=\"/customers?stage=active\""), "{}", form.html);
    let sign_in = |password: &str| {
        house.post("/sign-in", None, &[("login", "Olga@example.org"), ("password", password), ("code", ""), ("to", "/models")])
    };
    let wrong = sign_in("not the password");
    assert!(wrong.status == StatusCode::UNAUTHORIZED && wrong.html.contains("role=\"alert\""), "{}", wrong.html);
    let came = sign_in(PASSWORD);
    assert_eq!((came.status, came.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/models"));
    let token = came.session();
    let csrf = house.app.access.by_session(&token, jiff::Timestamp::now()).unwrap().unwrap().csrf.unwrap();
    let guest = Guest { token, csrf };
    let csrf = guest.csrf.clone();
    assert_eq!(house.post("/sign-out", Some(&guest), &[]).status, StatusCode::FORBIDDEN, "no token, no change");
    assert_eq!(house.post("/sign-out", Some(&guest), &[("csrf", &csrf)]).status, StatusCode::SEE_OTHER);
    assert_eq!(house.get("/", Some(&guest)).status, StatusCode::SEE_OTHER, "the session is over");
}

#[test]
fn forms_without_a_session_must_come_from_here() {
    let house = House::new();
    for (name, value) in [("origin", "https://elsewhere.example"), ("sec-fetch-site", "cross-site")] {
        for path in ["/sign-in", "/welcome"] {
            let request = Request::post(path)
                .header(header::ACCEPT, "text/html")
                .header(header::HOST, "shop.example")
                .header(name, value)
                .body(Body::from("login=a"))
                .unwrap();
            let page = house.ask(request);
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {name}");
            assert!(page.header(header::CONTENT_TYPE).starts_with("text/html") && page.html.contains("<h1>"), "{}", page.html);
        }
    }
}

/// Some customer of the score file.
fn somebody(house: &House) -> String {
    let book = house.app.book().unwrap();
    book.row(0)["customer_id"].as_str().unwrap().to_owned()
}

fn pages(house: &House) -> Vec<String> {
    let mut pages: Vec<String> = [
        "/",
        "/customers",
        "/customers?sort=-orders_all&churn_from=0",
        "/segments",
        "/models",
        "/imports",
        "/audit",
        "/people",
        "/account",
        "/settings",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.push(format!("/customers/{}", encoded(&somebody(house))));
    let rows = house.app.shop.registry.list().unwrap();
    pages.extend(rows.iter().map(super::models::card_address));
    pages
}

#[test]
fn every_page_is_shown_to_the_owner_in_both_languages() {
    let house = House::new();
    let owner = house.owner();
    for page in pages(&house) {
        for (tag, prefix) in [("en", "en"), ("zh-Hans", "zh")] {
            let joint = if page.contains('?') { '&' } else { '?' };
            let seen = house.get(&format!("{page}{joint}lang={prefix}"), Some(&owner));
            assert_eq!(seen.status, StatusCode::OK, "{page}: {}", seen.html);
            assert!(seen.html.contains(&format!("<html lang=\"{tag}\">")), "{page}");
            for banned in [" style=", "<script", "javascript:", "onclick"] {
                assert!(!seen.html.contains(banned), "{page} has {banned}");
            }
            assert_eq!(seen.html.matches("<h1>").count(), 1, "{page}");
            every_label_finds_its_field(&page, &seen.html);
        }
    }
    let unknown = house.get("/customers/nobody-of-this-id?lang=zh", Some(&owner));
    assert!(unknown.status == StatusCode::NOT_FOUND && unknown.html.contains("没有此客户"), "{}", unknown.html);
    let sheet = house.get(super::style::address(), None);
    assert!(sheet.status == StatusCode::OK && sheet.header(header::CACHE_CONTROL).contains("immutable"));
}

/// Ids stand once, and every label names one.
fn every_label_finds_its_field(page: &str, html: &str) {
    let values = |attribute: &str| {
        let mark = format!(" {attribute}=\"");
        html.split(&mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ids = values("id");
    let once: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(once.len(), ids.len(), "{page} repeats an id: {ids:?}");
    for target in values("for") {
        assert!(once.contains(&target), "{page}: a label for {target}, which is not there");
    }
}

#[test]
fn a_menu_and_its_pages_go_by_role() {
    let house = House::new();
    let owner = house.owner();
    let paths = ["/customers", "/segments", "/models", "/imports", "/people", "/audit", "/settings"];
    for (role, allowed) in [
        (Role::Marketer, &["/customers", "/segments"][..]),
        (Role::Auditor, &["/models", "/imports", "/audit", "/settings"]),
        (Role::PrivacyOfficer, &["/customers", "/segments", "/audit", "/settings"]),
        (Role::Analyst, &["/customers", "/segments", "/models", "/imports", "/settings"]),
    ] {
        let guest = house.join(&owner, role);
        let home = house.get("/", Some(&guest));
        assert_eq!(home.status, StatusCode::OK, "{role}");
        for path in paths {
            let is_allowed = allowed.contains(&path);
            let seen = house.get(path, Some(&guest));
            let expected = if is_allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(seen.status, expected, "{role} at {path}");
            assert_eq!(home.html.contains(&format!("<li><a href=\"{path}\"")), is_allowed, "{role}: the menu and {path}");
            assert!(seen.html.contains("<h1>"), "{role} at {path} sees a page");
        }
    }
}

#[test]
fn who_a_customer_is_takes_a_right_and_a_purpose() {
    let house = House::new();
    let owner = house.owner();
    let analyst = house.join(&owner, Role::Analyst);
    let (id, officer) = (somebody(&house), house.join(&owner, Role::PrivacyOfficer));
    let (page, form) = (format!("/customers/{}", encoded(&id)), format!("/customers/{}/identity", encoded(&id)));
    let ask =
        |guest: &Guest, purpose: &str| house.post(&form, Some(guest), &[("csrf", guest.csrf.as_str()), ("purpose", purpose)]);
    assert!(!house.get(&page, Some(&analyst)).html.contains("/identity"));
    assert_eq!(ask(&analyst, "answer to ticket 4711").status, StatusCode::FORBIDDEN);
    assert!(house.get(&page, Some(&officer)).html.contains("/identity"));
    assert_eq!(ask(&officer, "why not").status, StatusCode::BAD_REQUEST);
    let told = ask(&officer, "answer to ticket 4711");
    assert_eq!((told.status, told.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
    let log = house.get("/audit", Some(&officer));
    assert!(
        log.html.contains("identity:read") && log.html.contains("answer to ticket 4711") && !log.html.contains(&id),
        "{}",
        log.html
    );
}

#[test]
fn people_keys_and_models_change_by_forms() {
    let house = House::new();
    let owner = house.owner();
    let post = |path: &str, fields: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> = [("csrf", owner.csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        house.post(path, Some(&owner), &all)
    };
    let invited = post("/people/invite", &[("login", "ana@example.org"), ("role", "marketer")]);
    assert!(invited.status == StatusCode::OK && invited.html.contains("/welcome?token="), "{}", invited.html);
    assert_eq!(post("/people/invite", &[("login", "x y"), ("role", "marketer")]).status, StatusCode::CONFLICT);
    let made = post("/keys", &[("name", "web shop"), ("scope", "customers:read"), ("days", "30")]);
    assert!(made.html.contains("prn_") && made.header(header::CACHE_CONTROL) == "no-store", "{}", made.html);
    let listed = house.get("/people", Some(&owner));
    assert!(listed.html.contains("web shop") && !listed.html.contains("prn_"));
    assert_eq!(post("/keys", &[("name", "web shop"), ("days", "30")]).status, StatusCode::CONFLICT, "no scope");

    assert_eq!(post("/models/segment/promote", &[("model", "kmeans@1")]).status, StatusCode::BAD_REQUEST, "no reason");
    let promoted = post("/models/segment/promote", &[("model", "kmeans@1"), ("why", "finer groups")]);
    assert_eq!((promoted.status, promoted.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/models?done=1"));
    let champion = house.app.shop.registry.champion(perennial_contract::estimator::Task::Segment).unwrap().unwrap();
    assert_eq!((champion.name.as_str(), champion.override_why.as_deref().unwrap_or("")), ("kmeans", ""));
    let back = post("/models/segment/rollback", &[("why", "it was better before")]);
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert_eq!(
        post("/models/churn/promote", &[("model", "bgnbd@1"), ("why", "I insist")]).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    let wrong =
        post("/account/password", &[("old", "not it at all"), ("new", "another long walk"), ("again", "another long walk")]);
    assert!(
        wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.html.contains("present password is wrong"),
        "{}",
        wrong.html
    );
    let factor = post("/account/second-factor", &[]);
    assert!(factor.status == StatusCode::OK && factor.html.contains("otpauth://totp/"), "{}", factor.html);
    let changed = post("/account/password", &[("old", PASSWORD), ("new", "another long walk"), ("again", "another long walk")]);
    assert_eq!(changed.status, StatusCode::SEE_OTHER);
    assert_ne!(changed.session(), owner.token);
    assert_eq!(house.get("/account", Some(&owner)).status, StatusCode::SEE_OTHER, "the old token is over");
}

#[test]
fn problems_stay_data_for_programs() {
    let house = House::new();
    let program =
        |path: &str| house.ask(Request::get(path).header(header::ACCEPT, "application/json").body(Body::empty()).unwrap());
    assert_eq!(program("/nowhere").header(header::CONTENT_TYPE), "application/problem+json");
    let api = house.get("/api/v1/nowhere", None);
    assert_eq!((api.status, api.header(header::CONTENT_TYPE)), (StatusCode::NOT_FOUND, "application/problem+json"));
    let page = house.get("/nowhere?lang=zh", None);
    assert!(page.status == StatusCode::NOT_FOUND && page.html.contains("没有此页面"), "{}", page.html);
}

#[test]
fn only_these_pages_are_open() {
    let open: Vec<String> = super::routes()
        .iter()
        .filter(|route| matches!(route.needs, crate::http::Needs::Nothing { .. }))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let expected = [
        "GET /static/perennial.css",
        "GET /static/perennial.svg",
        "GET /sign-in",
        "POST /sign-in",
        "GET /welcome",
        "POST /welcome",
    ];
    assert_eq!(open, expected);
}
