//! API keys of programs: made, shown once, revoked.

use axum::extract::Path;
use jiff::{SignedDuration, Timestamp};

use super::fields::Fields;
use super::people::time;
use super::view::{Block, Cell, Choice, Field, Form, Head, Input, Table, Tone};
use super::visit::{Answer, Visit, see_other};
use crate::access::{Action, KeyWish, Role};
use crate::http::{BAD_VALUE, HttpError, Needs, Route};

const DAYS: &str = "90";
const DAYS_MAX: i64 = 366;

pub fn routes() -> Vec<Route> {
    let manage = Needs::To(Action::KeysManage);
    vec![Route::post("/keys", manage, make), Route::post("/keys/{id}/revoke", manage, revoke)]
}

/// The keys there are and the form that makes one, for the page of people.
pub fn blocks(visit: &Visit) -> Result<Vec<Block>, HttpError> {
    if !visit.may(Action::KeysManage) {
        return Ok(Vec::new());
    }
    let now = Timestamp::now();
    let keys = visit.app.access.list_keys(visit.caller()?)?;
    let rows = keys.into_iter().map(|key| {
        let (tone, standing) = match key.revoked_at {
            Some(at) => (Tone::Bad, format!("{} {}", visit.of("revoked", "已撤销"), time(at))),
            None if key.ends_at <= now => (Tone::Watch, visit.of("over", "已过期").to_owned()),
            None => (Tone::Good, format!("{} {}", visit.of("until", "有效至"), time(key.ends_at))),
        };
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
        let form = Form { class: "row", ..visit.form(format!("/keys/{}/revoke", key.id), visit.of("Revoke", "撤销")) }.grave();
        vec![
            Cell::Text(key.name),
            Cell::Code(key.id),
            Cell::Text(scopes.join(", ")),
            Cell::Tag(tone, standing),
            Cell::When(key.used_on.unwrap_or_default()),
            Cell::Forms(if key.revoked_at.is_none() { vec![form] } else { Vec::new() }),
        ]
    });
    let table = Table {
        caption: visit.of("Keys, the newest first", "密钥，由新到旧").to_owned(),
        heads: vec![
            Head::text(visit.of("Name", "名称")),
            Head::text(visit.of("Id", "编号")),
            Head::text(visit.of("Scopes", "权限范围")),
            Head::text(visit.of("Standing", "状态")),
            Head::text(visit.of("Last used", "最近使用")),
            Head::text(visit.of("Revoke", "撤销")),
        ],
        rows: rows.collect(),
        empty: visit.of("No program has a key yet.", "尚无程序持有密钥。").to_owned(),
    };
    Ok(vec![Block::Table(table), Block::Form(form(visit))])
}

/// Only scopes that this person may give and a service may have.
fn form(visit: &Visit) -> Form {
    let given =
        Action::ALL.iter().filter(|action| visit.may(**action) && visit.app.access.matrix().allows(Role::Service, **action));
    let choices = given.map(|action| Choice {
        value: action.name().to_owned(),
        text: format!("{} ({})", visit.of(action.title(), action.title_zh()), action.name()),
        is_chosen: false,
    });
    let scopes = Field::new("scope", visit.of("What it may", "允许的操作"), Input::Checks(choices.collect()));
    let form = visit.form("/keys", visit.of("Make a key", "生成密钥"));
    form.with(Field::line("name", visit.of("What it is for", "用途名称")).required()).with(scopes).with(
        Field::new("days", visit.of("Days it is good for, 366 at most", "有效天数，至多 366"), Input::Line("number"))
            .with_value(DAYS)
            .required(),
    )
}

async fn make(visit: Visit, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let unknown = |text: &str| HttpError::new(BAD_VALUE, format!("scope is {text:?}, allowed are those of the list"));
            let scopes: Vec<Action> =
                fields.all("scope").map(|text| Action::find(text).ok_or_else(|| unknown(text))).collect::<Result<_, _>>()?;
            let days = fields.get("days").trim().parse::<i64>().ok().filter(|days| (1..=DAYS_MAX).contains(days));
            let days = days.ok_or_else(|| {
                HttpError::new(BAD_VALUE, format!("days is {:?}, allowed are 1 to {DAYS_MAX}", fields.get("days")))
            })?;
            let now = Timestamp::now();
            let wish =
                KeyWish { name: fields.get("name"), scopes: &scopes, ends_at: now + SignedDuration::from_hours(24 * days) };
            let made = visit.app.access.make_key(visit.caller()?, &wish, now)?;
            let said = visit.of("Copy the key now: it is never shown again.", "请立即复制：密钥不再显示。");
            let blocks = vec![
                Block::Note(Tone::Watch, said.to_owned()),
                Block::Secret(fields.get("name").trim().to_owned(), made.bearer.as_str().to_owned()),
                Block::Links(vec![("/people".to_owned(), visit.of("Back to keys", "返回密钥").to_owned())]),
            ];
            visit.page_once(visit.of("New API key", "新的 API 密钥"), blocks)
        })
        .await
}

async fn revoke(visit: Visit, Path(id): Path<String>) -> Answer {
    visit
        .work(move |visit| {
            visit.app.access.revoke_key(visit.caller()?, &id, Timestamp::now())?;
            see_other("/people?done=1")
        })
        .await
}
