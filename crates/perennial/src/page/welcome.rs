//! Where a one-time link leads: the shop's first owner, or somebody who was invited, says who they are.

use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::fields::Fields;
use super::sign_in::demand_from_here;
use super::view::{Block, Field, Tone};
use super::visit::{Answer, Visit, see_other};
use crate::access::{Acceptance, AccessError, Invited};
use crate::http::{Needs, Peer, Route};
use crate::report::Language;

const OPEN: Needs =
    Needs::Nothing { because: "who follows a one-time link has no account yet; the token of 256 random bits is the right" };

pub fn routes() -> Vec<Route> {
    vec![Route::get("/welcome", OPEN, show), Route::post("/welcome", OPEN, accept)]
}

async fn show(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let token = visit.query.get("token");
            match visit.app.access.invited(token, Timestamp::now()) {
                Ok(invited) => visit.page(title(visit), form(visit, (token, ""), &invited)),
                Err(AccessError::NoSuchLink) => no_such_link(visit),
                Err(error) => Err(error.into()),
            }
        })
        .await
}

fn title(visit: &Visit) -> &str {
    visit.of("Welcome", "欢迎")
}

fn no_such_link(visit: &Visit) -> Answer {
    let said = visit.of(
        "This link was used already, has expired or was never given out. Ask for another; while the shop has no owner, each start of the server prints a new one.",
        "此链接已被使用、已过期或并不存在。请另索取一个；店铺尚无所有者时，服务器每次启动都会打印新的链接。",
    );
    let links = Block::Links(vec![("/sign-in".to_owned(), visit.of("Sign in", "登录").to_owned())]);
    visit.page_as(StatusCode::GONE, title(visit), vec![Block::Note(Tone::Bad, said.to_owned()), links])
}

fn form(visit: &Visit, (token, login): (&str, &str), invited: &Invited) -> Vec<Block> {
    let role = visit.of(invited.role.title(), invited.role.title_zh());
    let lead = match (&invited.login, visit.language) {
        (None, Language::En) => "This shop has no owner yet: you become it. Choose a login name and a password.".to_owned(),
        (None, Language::Zh) => "此店铺尚无所有者，您将成为所有者。请设定登录名与密码。".to_owned(),
        (Some(_), Language::En) => format!("You are invited to this shop as: {role}. Choose a password."),
        (Some(_), Language::Zh) => format!("您受邀加入此店铺，角色为：{role}。请设定密码。"),
    };
    let mut name = Field::line("login", visit.of("Login name", "登录名")).required();
    name.autocomplete = "username";
    name = match &invited.login {
        Some(login) => Field { is_fixed: true, ..name.with_value(login) },
        None => name.with_value(login).with_hint(visit.of(
            "At least 3 characters without a space, as anna@example.org.",
            "至少 3 个字符，不含空格，例如 anna@example.org。",
        )),
    };
    let first = Field::password("password", visit.of("Password", "密码"), "new-password")
        .with_hint(visit.of("At least 12 characters. A sentence is a good one.", "至少 12 个字符，一句话即是好密码。"));
    let form = visit.form("/welcome", visit.of("Come in", "进入"));
    vec![
        Block::Text(lead),
        Block::Form(
            form.with(name)
                .with(first)
                .with(Field::password("again", visit.of("The same password again", "再次输入密码"), "new-password"))
                .with(Field::hidden("token", token)),
        ),
    ]
}

async fn accept(visit: Visit, Peer(address): Peer, headers: HeaderMap, fields: Fields) -> Answer {
    demand_from_here(&headers)?;
    visit
        .work(move |visit| {
            let (token, login, password) = (fields.get("token"), fields.get("login"), fields.get("password"));
            let now = Timestamp::now();
            let acceptance = Acceptance { token, login, password, address: &address.to_string() };
            let accepted = if password == fields.get("again") {
                visit.app.access.accept_invitation(&acceptance, now).map_err(|error| (said(visit, &error), error))
            } else {
                // The link stays good; only the form is sent again.
                let differ = visit.of("The two passwords differ.", "两次输入的密码不一致。").to_owned();
                Err((differ, AccessError::Refused("passwords differ".to_owned())))
            };
            let (sentence, error) = match accepted {
                Ok(session) => {
                    let mut response = see_other("/")?;
                    visit.keep_session(&mut response, Some(&session.token))?;
                    return Ok(response);
                }
                Err(refusal) => refusal,
            };
            if !matches!(error, AccessError::Weak(_) | AccessError::Refused(_) | AccessError::NoSuchLink) {
                return Err(error.into());
            }
            let Ok(invited) = visit.app.access.invited(token, now) else { return no_such_link(visit) };
            let mut blocks = form(visit, (token, login), &invited);
            blocks.insert(0, Block::Note(Tone::Bad, sentence));
            visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, title(visit), blocks)
        })
        .await
}

/// What is wrong, in the visitor's language.
pub fn said(visit: &Visit, error: &AccessError) -> String {
    let sentence = match (error, visit.language) {
        (AccessError::Weak(weakness), Language::Zh) => format!("{}。", weakness.title_zh()),
        (AccessError::NoSuchLink, Language::Zh) => "登录名与邀请不符。".to_owned(),
        (AccessError::Refused(_), Language::Zh) => "登录名不可用：须为 3 至 254 字节、不含空格，且尚无人使用。".to_owned(),
        (error, _) => format!("{error}."),
    };
    crate::report::words::capital(&sentence)
}
