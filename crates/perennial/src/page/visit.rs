//! One visit of a page: who, in which language, and the page that they get.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse};

use super::fields::Fields;
use super::menu;
use super::style;
use super::view::{Block, Document, Form, Tone};
use crate::access::{Action, Actor, Caller};
use crate::http::{App, COOKIE_PLAIN, COOKIE_TLS, HttpError, NOT_SIGNED_IN};
use crate::report::{FeatureWords, Language, Locale};

/// The language that somebody chose on a page.
const LANGUAGE_COOKIE: &str = "perennial_language";
const LANGUAGE_FIELD: &str = "lang";

pub type Answer = Result<Response<Body>, HttpError>;

pub struct Visit {
    pub app: Arc<App>,
    pub language: Language,
    pub caller: Option<Caller>,
    pub path: String,
    pub query: Fields,
    /// Whether the language was chosen just now, and is to be remembered.
    is_choice: bool,
}

static NO_WORDS: BTreeMap<String, FeatureWords> = BTreeMap::new();

impl Visit {
    pub fn of_parts(app: &Arc<App>, uri: &Uri, headers: &HeaderMap, caller: Option<Caller>) -> Self {
        let query = uri.query().and_then(Fields::parse).unwrap_or_default();
        let chosen = known(query.get(LANGUAGE_FIELD));
        let fallback = || known(&app.shop.settings.shop.language).unwrap_or(Language::En);
        let language = chosen.or_else(|| remembered(headers)).or_else(|| accepted(headers)).unwrap_or_else(fallback);
        Self { app: app.clone(), language, caller, path: uri.path().to_owned(), query, is_choice: chosen.is_some() }
    }

    /// The same visit under another caller: their session was renewed while it was answered.
    pub fn renewed(visit: &Self, caller: Caller) -> Self {
        Self {
            app: visit.app.clone(),
            language: visit.language,
            caller: Some(caller),
            path: visit.path.clone(),
            query: visit.query.clone(),
            is_choice: visit.is_choice,
        }
    }

    /// The words of the visitor's language.
    pub fn of<'a>(&self, en: &'a str, zh: &'a str) -> &'a str {
        self.language.of(en, zh)
    }

    pub fn locale(&self) -> Locale<'_> {
        Locale::new(self.language, &self.app.shop.settings.shop.currency, &NO_WORDS)
    }

    pub fn may(&self, action: Action) -> bool {
        self.caller.as_ref().is_some_and(|caller| self.app.access.allows(caller, action))
    }

    /// Who visits; guarded routes always know.
    pub fn caller(&self) -> Result<&Caller, HttpError> {
        self.caller.as_ref().ok_or_else(|| HttpError::new(NOT_SIGNED_IN, "sign in first"))
    }

    /// A form that changes something.
    pub fn form(&self, action: impl Into<String>, submit: &str) -> Form {
        let csrf = self.caller.as_ref().and_then(|caller| caller.csrf.clone());
        let (action, submit) = (action.into(), submit.to_owned());
        Form { class: "card", method: "post", action, csrf, fields: Vec::new(), submit, is_grave: false }
    }

    /// Work that blocks, on a thread for it.
    pub async fn work(self, work: impl FnOnce(&Self) -> Answer + Send + 'static) -> Answer {
        let app = self.app.clone();
        app.work(move |_| work(&self)).await
    }

    pub fn page(&self, title: &str, blocks: Vec<Block>) -> Answer {
        self.page_as(StatusCode::OK, title, blocks)
    }

    pub fn page_as(&self, status: StatusCode, title: &str, mut blocks: Vec<Block>) -> Answer {
        if self.query.get("done") == "1" {
            let done = self.of("Done. It is written in the audit log.", "已完成，并已写入审计日志。");
            blocks.insert(0, Block::Note(Tone::Good, done.to_owned()));
        }
        let other = if self.language == Language::En { Language::Zh } else { Language::En };
        let person = self.caller.as_ref().and_then(|caller| match &caller.actor {
            Actor::Person { name, .. } => Some(name.as_str()),
            _ => None,
        });
        let document = Document {
            language: self.language,
            other,
            other_href: format!("?{}", self.query.with(LANGUAGE_FIELD, other.prefix(), &["done"])),
            title: title.to_owned(),
            shop: &self.app.shop.settings.shop.name,
            style: style::address(),
            menu: menu::items(self),
            person,
            csrf: self.caller.as_ref().and_then(|caller| caller.csrf.as_deref()).unwrap_or_default(),
            blocks,
            version: env!("CARGO_PKG_VERSION"),
        };
        let html = document.render().map_err(HttpError::failed)?;
        let mut response = (status, Html(html)).into_response();
        response.headers_mut().append(header::VARY, HeaderValue::from_static("cookie, accept-language"));
        if self.is_choice {
            let secure = if self.app.is_secure() { "; Secure" } else { "" };
            let prefix = self.language.prefix();
            let cookie = format!("{LANGUAGE_COOKIE}={prefix}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}");
            set_cookie(&mut response, &cookie)?;
        }
        Ok(response)
    }

    /// A page with something that is shown once: nobody keeps it.
    pub fn page_once(&self, title: &str, blocks: Vec<Block>) -> Answer {
        let mut response = self.page(title, blocks)?;
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    /// The session's cookie; without a token the browser forgets it.
    pub fn keep_session(&self, response: &mut Response<Body>, token: Option<&str>) -> Result<(), HttpError> {
        let (name, secure) = if self.app.is_secure() { (COOKIE_TLS, "; Secure") } else { (COOKIE_PLAIN, "") };
        let value = token.unwrap_or_default();
        let over = if token.is_none() { "; Max-Age=0" } else { "" };
        set_cookie(response, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{over}"))
    }
}

fn set_cookie(response: &mut Response<Body>, cookie: &str) -> Result<(), HttpError> {
    let value = HeaderValue::from_str(cookie).map_err(HttpError::failed)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

/// Go there, with a new request.
pub fn see_other(address: &str) -> Answer {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(address).map_err(HttpError::failed)?);
    Ok(response)
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self::of_parts(app, &parts.uri, &parts.headers, parts.extensions.get().cloned()))
    }
}

/// A language by its tag or its beginning.
fn known(tag: &str) -> Option<Language> {
    let first = tag.trim().split(['-', '_']).next().unwrap_or_default();
    Language::ALL.into_iter().find(|language| language.prefix().eq_ignore_ascii_case(first))
}

fn remembered(headers: &HeaderMap) -> Option<Language> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == LANGUAGE_COOKIE).and_then(|(_, tag)| known(tag))
}

/// The language that the browser likes best of those we speak.
fn accepted(headers: &HeaderMap) -> Option<Language> {
    let liked = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let ranked = liked.split(',').filter_map(|one| {
        let (tag, weight) = one.split_once(";q=").unwrap_or((one, "1"));
        Some((known(tag)?, weight.trim().parse::<f64>().ok().filter(|weight| *weight > 0.0)?))
    });
    // The first of those liked alike.
    ranked.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_liking_is_followed() {
        let of = |liked: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(liked).unwrap());
            accepted(&headers)
        };
        assert_eq!(of("zh-CN,zh;q=0.9,en;q=0.8"), Some(Language::Zh));
        assert_eq!(of("de,en;q=0.5,zh;q=0.7"), Some(Language::Zh));
        assert_eq!(of("en-GB,zh"), Some(Language::En));
        assert_eq!(of("fr, en;q=0"), None);
    }
}
