//! One's own account: password, second factor, sessions.

use axum::extract::Path;
use axum::http::StatusCode;
use jiff::Timestamp;

use super::fields::Fields;
use super::people::time;
use super::sign_in::too_many;
use super::view::{Block, Cell, Field, Form, Head, Table, Tone};
use super::visit::{Answer, Visit, see_other};
use crate::access::{AccessError, Action, PasswordChange};
use crate::http::{HttpError, NO_SUCH_THING, Needs, Peer, Route};
use crate::report::Language;

const OWN: Needs = Needs::To(Action::SelfManage);

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/account", OWN, show),
        Route::post("/account/password", OWN, change_password),
        Route::post("/account/second-factor", OWN, start),
        Route::post("/account/second-factor/confirm", OWN, confirm),
        Route::post("/account/second-factor/stop", OWN, stop),
        Route::post("/account/sessions/{id}/end", OWN, end),
    ]
}

async fn show(visit: Visit) -> Answer {
    visit.work(|visit| visit.page(title(visit), blocks(visit)?)).await
}

fn title(visit: &Visit) -> &str {
    visit.of("Your account", "我的账户")
}

fn blocks(visit: &Visit) -> Result<Vec<Block>, HttpError> {
    let caller = visit.caller()?;
    let role = caller.actor.role().map_or("", |role| visit.of(role.title(), role.title_zh()));
    let name = match &caller.actor {
        crate::access::Actor::Person { name, .. } => name.clone(),
        other => other.text(),
    };
    let mut blocks = vec![
        Block::Facts(vec![
            (visit.of("Login name", "登录名").to_owned(), vec![name]),
            (visit.of("Role", "角色").to_owned(), vec![role.to_owned()]),
        ]),
        Block::Heading(visit.of("Password", "密码").to_owned()),
        Block::Form(password_form(visit)),
        Block::Heading(visit.of("Second factor", "双因素验证").to_owned()),
    ];
    let has_one = visit.app.access.has_second_factor(caller)?;
    let said = if has_one {
        visit.of("You have one: signing in needs a code of your device.", "已启用：登录时需要设备上的验证码。")
    } else {
        visit.of("You have none. With one, a stolen password alone lets nobody in.", "尚未启用。启用后，仅凭被盗的密码无法登录。")
    };
    blocks.push(Block::Text(said.to_owned()));
    let begin =
        if has_one { visit.of("Use another device", "更换设备") } else { visit.of("Set up a device", "设置设备") };
    blocks.push(Block::Form(visit.form("/account/second-factor", begin)));
    if has_one {
        blocks.push(Block::Form(
            visit.form("/account/second-factor/stop", visit.of("Go without a second factor", "停用双因素验证")).grave(),
        ));
    }
    blocks.push(Block::Heading(visit.of("Sessions", "会话").to_owned()));
    blocks.push(Block::Table(sessions(visit)?));
    Ok(blocks)
}

fn password_form(visit: &Visit) -> Form {
    let hint = visit.of("At least 12 characters. Your other sessions end.", "至少 12 个字符；您的其他会话将结束。");
    visit
        .form("/account/password", visit.of("Change the password", "修改密码"))
        .with(Field::password("old", visit.of("Present password", "当前密码"), "current-password"))
        .with(Field::password("new", visit.of("New password", "新密码"), "new-password").with_hint(hint))
        .with(Field::password("again", visit.of("The new password again", "再次输入新密码"), "new-password"))
}

fn sessions(visit: &Visit) -> Result<Table, HttpError> {
    let sessions = visit.app.access.list_sessions(visit.caller()?, Timestamp::now())?;
    let rows = sessions.into_iter().map(|session| {
        let this = if session.is_this_one { visit.of("this one", "当前会话") } else { "" };
        let end = Form { class: "row", ..visit.form(format!("/account/sessions/{}/end", session.id), visit.of("End", "结束")) };
        vec![
            Cell::Text(session.address),
            Cell::When(time(session.made_at)),
            Cell::When(time(session.seen_at)),
            Cell::Text(this.to_owned()),
            Cell::Forms(vec![end.grave()]),
        ]
    });
    Ok(Table {
        caption: visit.of("Where you are signed in", "您已登录的位置").to_owned(),
        heads: vec![
            Head::text(visit.of("Address", "地址")),
            Head::text(visit.of("Since", "开始时间")),
            Head::text(visit.of("Last used", "最近使用")),
            Head::text(visit.of("Which", "说明")),
            Head::text(visit.of("End", "结束")),
        ],
        rows: rows.collect(),
        empty: visit.of("None.", "无。").to_owned(),
    })
}

/// The account with what went wrong on top.
fn wrong(visit: &Visit, said: String) -> Answer {
    let mut blocks = blocks(visit)?;
    blocks.insert(0, Block::Note(Tone::Bad, said));
    visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, title(visit), blocks)
}

/// What people can set right themselves, as a sentence; anything else is an error.
fn said(visit: &Visit, error: AccessError, wrong_login: &str) -> Result<String, HttpError> {
    Ok(match (error, visit.language) {
        (AccessError::WrongLogin, _) => wrong_login.to_owned(),
        (AccessError::TooMany { wait_seconds }, _) => too_many(visit, wait_seconds),
        (AccessError::Weak(weakness), Language::Zh) => format!("{}。", weakness.title_zh()),
        (AccessError::Weak(weakness), Language::En) => crate::report::words::capital(&format!("{weakness}.")),
        (error, _) => return Err(error.into()),
    })
}

async fn change_password(visit: Visit, Peer(address): Peer, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            if fields.get("new") != fields.get("again") {
                return wrong(visit, visit.of("The two new passwords differ.", "两次输入的新密码不一致。").to_owned());
            }
            let change = PasswordChange { old: fields.get("old"), new: fields.get("new"), address: &address.to_string() };
            match visit.app.access.change_password(visit.caller()?, &change, Timestamp::now()) {
                Ok(session) => {
                    let mut response = see_other("/account?done=1")?;
                    visit.keep_session(&mut response, Some(&session.token))?;
                    Ok(response)
                }
                Err(error) => {
                    let wrong_login = visit.of("The present password is wrong.", "当前密码有误。");
                    wrong(visit, said(visit, error, wrong_login)?)
                }
            }
        })
        .await
}

async fn start(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let factor = visit.app.access.start_totp(visit.caller()?, Timestamp::now())?;
            let lead = visit.of(
                "Put this into your authenticator app, then give the code that it shows. Nothing changes until then.",
                "请将其录入验证器应用，再输入应用显示的验证码；在此之前不会有任何变化。",
            );
            let blocks = vec![
                Block::Text(lead.to_owned()),
                Block::Secret(visit.of("Secret", "密钥").to_owned(), factor.secret.as_str().to_owned()),
                Block::Secret(
                    visit.of("The same as an address", "同一内容的地址形式").to_owned(),
                    factor.address.as_str().to_owned(),
                ),
                Block::Form(confirm_form(visit)),
            ];
            visit.page_once(visit.of("Second factor", "双因素验证"), blocks)
        })
        .await
}

fn confirm_form(visit: &Visit) -> Form {
    let mut code = Field::line("code", visit.of("Code that the device shows", "设备显示的验证码")).required();
    code.autocomplete = "one-time-code";
    visit.form("/account/second-factor/confirm", visit.of("Confirm", "确认")).with(code)
}

async fn confirm(visit: Visit, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let confirmed = match visit.app.access.confirm_totp(visit.caller()?, fields.get("code"), Timestamp::now()) {
                Ok(confirmed) => confirmed,
                Err(error) => {
                    let said = said(visit, error, visit.of("The code is wrong; give the one shown now.", "验证码有误，请输入当前显示的验证码。"))?;
                    let blocks = vec![Block::Note(Tone::Bad, said), Block::Form(confirm_form(visit))];
                    return visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, visit.of("Second factor", "双因素验证"), blocks);
                }
            };
            let lead = visit.of(
                "The device works. Keep these codes on paper: each lets you in once where the device is lost. They are never shown again.",
                "设备可用。请将下列备用码抄录保存：设备丢失时每个可登录一次，且不再显示。",
            );
            // The session goes on under a new token, so forms of this page need the new caller.
            let renewed = Visit::renewed(visit, confirmed.session.caller.clone());
            let links = vec![("/account".to_owned(), visit.of("Back to your account", "返回账户").to_owned())];
            let blocks = vec![Block::Note(Tone::Good, lead.to_owned()), Block::Verbatim(confirmed.recovery_codes.join("\n")), Block::Links(links)];
            let mut response = renewed.page_once(visit.of("Codes for a lost device", "备用码"), blocks)?;
            visit.keep_session(&mut response, Some(&confirmed.session.token))?;
            Ok(response)
        })
        .await
}

async fn stop(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let caller = visit.caller()?;
            let unknown = || HttpError::new(NO_SUCH_THING, "only people have a second factor");
            visit.app.access.stop_totp(caller, caller.user_id().ok_or_else(unknown)?, Timestamp::now())?;
            // All sessions of theirs have ended, this one too.
            see_other("/sign-in")
        })
        .await
}

async fn end(visit: Visit, Path(id): Path<String>) -> Answer {
    visit
        .work(move |visit| {
            let number = id.parse().map_err(|_| HttpError::new(NO_SUCH_THING, format!("there is no session {id:?}")))?;
            visit.app.access.end_session(visit.caller()?, number, Timestamp::now())?;
            see_other("/account?done=1")
        })
        .await
}
