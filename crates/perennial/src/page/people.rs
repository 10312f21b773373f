//! The shop's people: who they are, what they may, invitations; and below them the API keys of programs.

use axum::extract::Path;
use jiff::Timestamp;

use super::fields::Fields;
use super::view::{Block, Cell, Choice, Field, Form, Head, Input, Table, Tone};
use super::visit::{Answer, Visit, see_other};
use crate::access::{Action, Invite, Role, UserRow};
use crate::http::{BAD_VALUE, HttpError, NO_SUCH_THING, Needs, Route};

const MANAGE: Needs = Needs::To(Action::UsersManage);

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/people", MANAGE, list),
        Route::post("/people/invite", MANAGE, invite),
        Route::post("/people/{id}/role", MANAGE, set_role),
        Route::post("/people/{id}/remove", MANAGE, remove),
        Route::post("/people/{id}/second-factor", MANAGE, stop_second_factor),
    ]
}

/// A time as it is shown.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The same of a time that was kept as a text.
pub fn written(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| at.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

async fn list(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let users = visit.app.access.list_users(visit.caller()?)?;
            let mut blocks = vec![Block::Table(table(visit, &users))];
            blocks.push(Block::Heading(visit.of("Invite somebody", "邀请人员").to_owned()));
            let mut login = Field::line("login", visit.of("Login name", "登录名")).required();
            login.autocomplete = "off";
            let roles = Field::new("role", visit.of("Role", "角色"), Input::Choice(roles(visit, Role::Analyst)));
            let form = visit.form("/people/invite", visit.of("Make a link", "生成邀请链接"));
            blocks.push(Block::Form(form.with(login).with(roles)));
            blocks.push(Block::Heading(visit.of("API keys", "API 密钥").to_owned()));
            blocks.extend(super::keys::blocks(visit)?);
            visit.page(visit.of("People and keys", "人员与密钥"), blocks)
        })
        .await
}

fn roles(visit: &Visit, chosen: Role) -> Vec<Choice> {
    let of_people = Role::ALL.iter().filter(|role| **role != Role::Service);
    of_people
        .map(|role| Choice {
            value: role.name().to_owned(),
            text: visit.of(role.title(), role.title_zh()).to_owned(),
            is_chosen: *role == chosen,
        })
        .collect()
}

fn table(visit: &Visit, users: &[UserRow]) -> Table {
    let me = visit.caller.as_ref().and_then(crate::access::Caller::user_id);
    let rows = users.iter().map(|user| {
        let id = user.id.to_string();
        let row_form = |what: &str, submit: &str| Form { class: "row", ..visit.form(format!("/people/{id}/{what}"), submit) };
        let label = format!("{} {}", visit.of("Role of", "角色："), user.login);
        let role = Field::new("role", &label, Input::Choice(roles(visit, user.role))).in_row(&id);
        let mut forms = vec![row_form("remove", visit.of("Remove", "移除")).grave()];
        if user.has_second_factor && me != Some(user.id) {
            forms.push(row_form("second-factor", visit.of("Take second factor away", "解除双因素")).grave());
        }
        vec![
            Cell::Text(user.login.clone()),
            Cell::Forms(vec![row_form("role", visit.of("Give role", "授予角色")).with(role)]),
            Cell::Text(if user.has_second_factor { visit.of("yes", "有") } else { visit.of("no", "无") }.to_owned()),
            Cell::When(user.seen_at.map_or_else(String::new, time)),
            Cell::When(time(user.made_at)),
            Cell::Forms(forms),
        ]
    });
    Table {
        caption: visit.of("People; another role ends their sessions", "人员列表；更改角色会结束其会话").to_owned(),
        heads: vec![
            Head::text(visit.of("Login name", "登录名")),
            Head::text(visit.of("Role", "角色")),
            Head::text(visit.of("Second factor", "双因素")),
            Head::text(visit.of("Last seen", "最近使用")),
            Head::text(visit.of("Since", "加入时间")),
            Head::text(visit.of("Remove", "移除")),
        ],
        rows: rows.collect(),
        empty: visit.of("Nobody is here.", "没有人员。").to_owned(),
    }
}

fn role(text: &str) -> Result<Role, HttpError> {
    Role::find(text).ok_or_else(|| HttpError::new(BAD_VALUE, format!("role is {text:?}, allowed are those of the list")))
}

fn number(id: &str) -> Result<i64, HttpError> {
    id.parse().map_err(|_| HttpError::new(NO_SUCH_THING, format!("there is no person {id:?}")))
}

async fn invite(visit: Visit, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let invite = Invite { login: fields.get("login"), role: role(fields.get("role"))? };
            let token = visit.app.access.invite(visit.caller()?, &invite, Timestamp::now())?;
            let said = visit.of(
                "Send this link to the person, behind this server's address. It works once, for 24 hours, and is never shown again.",
                "请将此链接（前面加上本服务器地址）发送给对方。仅可使用一次，24 小时内有效，且不再显示。",
            );
            let blocks = vec![
                Block::Note(Tone::Watch, said.to_owned()),
                Block::Secret(fields.get("login").trim().to_owned(), format!("/welcome?token={}", token.as_str())),
                Block::Links(vec![("/people".to_owned(), visit.of("Back to people", "返回人员").to_owned())]),
            ];
            visit.page_once(visit.of("Invitation", "邀请"), blocks)
        })
        .await
}

async fn set_role(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let role = role(fields.get("role"))?;
            visit.app.access.set_role(visit.caller()?, number(&id)?, role, Timestamp::now())?;
            see_other("/people?done=1")
        })
        .await
}

async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    visit
        .work(move |visit| {
            visit.app.access.remove_user(visit.caller()?, number(&id)?, Timestamp::now())?;
            see_other("/people?done=1")
        })
        .await
}

async fn stop_second_factor(visit: Visit, Path(id): Path<String>) -> Answer {
    visit
        .work(move |visit| {
            visit.app.access.stop_totp(visit.caller()?, number(&id)?, Timestamp::now())?;
            see_other("/people?done=1")
        })
        .await
}
