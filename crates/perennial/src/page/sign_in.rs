//! Coming in and going out.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use super::fields::Fields;
use super::view::{Block, Field, Tone};
use super::visit::{Answer, Visit, see_other};
use crate::access::{AccessError, Action, SignIn};
use crate::http::{FORGED, HttpError, Needs, Peer, Route};

const OPEN: Needs =
    Needs::Nothing { because: "nobody has a session before they sign in; tries are throttled by name and address" };

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/sign-in", OPEN, show),
        Route::post("/sign-in", OPEN, sign_in),
        Route::post("/sign-out", Needs::To(Action::SelfManage), sign_out),
    ]
}

async fn show(visit: Visit) -> Answer {
    let to = target(visit.query.get("to")).to_owned();
    if visit.caller.is_some() {
        return see_other(&to);
    }
    visit.page(visit.of("Sign in", "登录"), vec![form(&visit, "", &to)])
}

/// Only an address of this server, and one that a header can hold: a link must not lead elsewhere after the password.
fn target(to: &str) -> &str {
    let is_ours = to.starts_with('/') && !to.starts_with("//") && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { to } else { "/" }
}

fn form(visit: &Visit, login: &str, to: &str) -> Block {
    let code = Field::line("code", visit.of("Code of the second factor", "双因素验证码"));
    let hint = visit.of(
        "Six digits of your device, or one of the codes on paper. Leave it empty if you have none.",
        "设备上的六位数字，或一个备用码。未启用双因素验证时请留空。",
    );
    let mut login_field = Field::line("login", visit.of("Login name", "登录名")).with_value(login).required();
    login_field.autocomplete = "username";
    let mut code = code.with_hint(hint);
    code.autocomplete = "one-time-code";
    let form = visit.form("/sign-in", visit.of("Sign in", "登录"));
    Block::Form(
        form.with(login_field)
            .with(Field::password("password", visit.of("Password", "密码"), "current-password"))
            .with(code)
            .with(Field::hidden("to", to)),
    )
}

/// A form without a session has no token, so where it comes from is all there is to go by.
pub fn demand_from_here(headers: &HeaderMap) -> Result<(), HttpError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site_is_ours = text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let host = text("host").unwrap_or_default();
    let origin_is_ours =
        text("origin").is_none_or(|origin| origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)));
    if site_is_ours && origin_is_ours {
        return Ok(());
    }
    Err(HttpError::new(FORGED, "the form was sent from another site; open the page here and send it again"))
}

async fn sign_in(visit: Visit, Peer(address): Peer, headers: HeaderMap, fields: Fields) -> Answer {
    demand_from_here(&headers)?;
    let to = target(fields.get("to")).to_owned();
    visit
        .work(move |visit| {
            let wish = SignIn {
                login: fields.get("login"),
                password: fields.get("password"),
                code: fields.given("code"),
                address: &address.to_string(),
            };
            match visit.app.access.sign_in(&wish, Timestamp::now()) {
                Ok(session) => {
                    let mut response = see_other(&to)?;
                    visit.keep_session(&mut response, Some(&session.token))?;
                    Ok(response)
                }
                Err(error) => turned_away(visit, error, &fields, &to),
            }
        })
        .await
}

fn turned_away(visit: &Visit, error: AccessError, fields: &Fields, to: &str) -> Answer {
    let (status, said) = match &error {
        AccessError::WrongLogin => (
            StatusCode::UNAUTHORIZED,
            visit.of("The login name, the password or the code is wrong.", "登录名、密码或验证码有误。").to_owned(),
        ),
        AccessError::CodeNeeded => {
            (StatusCode::UNAUTHORIZED, visit.of("A code of the second factor is needed too.", "还需要双因素验证码。").to_owned())
        }
        AccessError::TooMany { wait_seconds } => (StatusCode::TOO_MANY_REQUESTS, too_many(visit, *wait_seconds)),
        _ => return Err(error.into()),
    };
    let blocks = vec![Block::Note(Tone::Bad, said), form(visit, fields.get("login"), to)];
    let mut response = visit.page_as(status, visit.of("Sign in", "登录"), blocks)?;
    if let AccessError::TooMany { wait_seconds } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_seconds));
    }
    Ok(response)
}

pub fn too_many(visit: &Visit, seconds: u64) -> String {
    match visit.language {
        crate::report::Language::En => format!("Too many tries. Wait {seconds} s and try again."),
        crate::report::Language::Zh => format!("尝试次数过多，请等待 {seconds} 秒后再试。"),
    }
}

async fn sign_out(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            visit.app.access.sign_out(visit.caller()?, Timestamp::now())?;
            let mut response = see_other("/sign-in")?;
            visit.keep_session(&mut response, None)?;
            Ok(response)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_of_this_server() {
        for (to, expected) in [
            ("/customers?stage=active", "/customers?stage=active"),
            ("//elsewhere.example", "/"),
            ("/\\elsewhere.example", "/"),
            ("https://elsewhere.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(target(to), expected);
        }
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let check = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("shop.example:8787"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            demand_from_here(&headers).is_ok()
        };
        assert!(check(&[]) && check(&[("origin", "http://shop.example:8787"), ("sec-fetch-site", "same-origin")]));
        for origin in ["null", "http://shop.example", "http://elsewhere.example:8787"] {
            assert!(!check(&[("origin", origin)]), "{origin}");
        }
        assert!(!check(&[("sec-fetch-site", "cross-site")]) && !check(&[("sec-fetch-site", "same-site")]));
    }
}
