//! Models: who answers, who waits, who was refused and why; cards; promotion and rollback with a reason.

use axum::extract::Path;
use perennial_contract::estimator::Task;

use super::fields::Fields;
use super::view::{Block, Cell, Field, Form, Head, Table, Tone};
use super::visit::{Answer, Visit, see_other};
use crate::access::Action;
use crate::api::{card_of, let_answer, let_answer_again};
use crate::http::{BAD_VALUE, HttpError, Needs, Route};
use crate::registry::{Row, Status};
use crate::report::{Language, Locale, words};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/models", Needs::To(Action::ModelsRead), list),
        Route::get("/models/{task}/{name}/{version}", Needs::To(Action::ModelsRead), card),
        Route::post("/models/{task}/promote", Needs::To(Action::ModelsPromote), promote),
        Route::post("/models/{task}/rollback", Needs::To(Action::ModelsPromote), rollback),
    ]
}

pub fn card_address(row: &Row) -> String {
    format!("/models/{}/{}/{}", row.task.name(), row.name, row.version)
}

/// Why a model stands where it does, in the visitor's language where it was told in it.
pub fn reason(visit: &Visit, row: &Row) -> String {
    let zh = row.metrics["reason_zh"].as_str().filter(|_| visit.language == Language::Zh);
    zh.unwrap_or(&row.reason).to_owned()
}

async fn list(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let rows = visit.app.shop.registry.list().map_err(anyhow::Error::from)?;
            let l = visit.locale();
            let mut blocks = Vec::new();
            for &task in Task::ALL {
                let of_task: Vec<&Row> = rows.iter().filter(|row| row.task == task).collect();
                blocks.push(Block::Heading(words::task(&l, task.name())));
                blocks.push(Block::Table(table(visit, &l, &of_task)));
                if visit.may(Action::ModelsPromote) && of_task.iter().any(|row| row.status == Status::Champion) {
                    blocks.push(Block::Form(rollback_form(visit, task)));
                }
            }
            blocks.push(Block::Heading(visit.of("Who answered when", "作答记录").to_owned()));
            blocks.push(Block::Table(history(visit, &l)?));
            visit.page(visit.of("Models", "模型"), blocks)
        })
        .await
}

fn table(visit: &Visit, l: &Locale<'_>, rows: &[&Row]) -> Table {
    let cells = rows.iter().map(|row| {
        let (tone, word) = status(visit, row.status);
        let mut why = reason(visit, row);
        if let Some(given) = &row.override_why {
            why = format!("{why} {}{given}", visit.of("Answers by override: ", "经人工放行而作答："));
        }
        let forms = if visit.may(Action::ModelsPromote) && row.status != Status::Champion && row.checksum.is_some() {
            vec![promote_form(visit, row)]
        } else {
            Vec::new()
        };
        vec![
            Cell::Link(card_address(row), format!("{} · {}@{}", words::model(l, &row.name), row.name, row.version)),
            Cell::Tag(tone, word.to_owned()),
            Cell::When(row.as_of.parse().map_or_else(|_| row.as_of.clone(), |day| l.day(day))),
            Cell::Text(metrics(l, row)),
            Cell::Text(why),
            Cell::Forms(forms),
        ]
    });
    Table {
        caption: visit.of("The newest first", "由新到旧").to_owned(),
        heads: vec![
            Head::text(visit.of("Model", "模型")),
            Head::text(visit.of("Standing", "状态")),
            Head::text(visit.of("Trained as of", "训练截至")),
            Head::text(visit.of("On its test window", "检验窗口表现")),
            Head::text(visit.of("Why", "原因")),
            Head::text(visit.of("Let it answer, for a reason", "改由其作答（须填理由）")),
        ],
        rows: cells.collect(),
        empty: visit
            .of("No model was trained for this yet; `perennial train` does.", "尚未训练过模型；请运行 `perennial train`。")
            .to_owned(),
    }
}

fn status(visit: &Visit, status: Status) -> (Tone, &str) {
    match status {
        Status::Champion => (Tone::Good, visit.of("answers", "作答中")),
        Status::Candidate => (Tone::Plain, visit.of("candidate", "候选")),
        Status::Refused => (Tone::Bad, visit.of("refused", "已拒绝")),
    }
}

/// Three numbers at most; the card has all.
fn metrics(l: &Locale<'_>, row: &Row) -> String {
    const SHOWN: [&str; 8] = ["auroc", "brier", "ece", "mae_cents", "total_ratio", "coverage_80", "silhouette", "stability"];
    let told = SHOWN.iter().filter_map(|slug| {
        let metric = words::metric(l, slug);
        let value = row.metrics["test"][slug].as_f64()?;
        Some(format!("{}{}{}", metric.name, l.text.colon, metric.value(l, value)))
    });
    told.take(3).collect::<Vec<_>>().join(l.text.list_comma)
}

fn promote_form(visit: &Visit, row: &Row) -> Form {
    let which = format!("{}@{}", row.name, row.version);
    let place = format!("{}-{}-{}", row.task.name(), row.name, row.version);
    let label = format!("{} {which}", visit.of("Reason for", "理由："));
    let form = visit.form(format!("/models/{}/promote", row.task.name()), visit.of("Promote", "启用"));
    let form = Form { class: "row", ..form };
    let form = if row.status == Status::Refused { form.grave() } else { form };
    form.with(Field::hidden("model", &which)).with(Field::line("why", &label).required().in_row(&place))
}

fn rollback_form(visit: &Visit, task: Task) -> Form {
    let label = visit.of("Why go back to who answered before", "恢复上一个作答模型的理由");
    let form =
        Form { class: "filter", ..visit.form(format!("/models/{}/rollback", task.name()), visit.of("Roll back", "回退")) };
    let field = Field::line("why", label).required();
    form.grave().with(Field { id: format!("why-back-{}", task.name()), ..field })
}

fn history(visit: &Visit, l: &Locale<'_>) -> Result<Table, HttpError> {
    let changes = visit.app.shop.registry.history().map_err(anyhow::Error::from)?;
    let rows = changes.into_iter().rev().map(|change| {
        let action = match change.action.as_str() {
            "promote" => visit.of("promoted", "启用"),
            "rollback" => visit.of("rolled back to", "回退至"),
            other => other,
        };
        let action = action.to_owned();
        vec![
            Cell::When(super::people::written(&change.at)),
            Cell::Text(words::task(l, &change.task)),
            Cell::Text(action),
            Cell::Text(change.model),
            Cell::Text(change.why),
        ]
    });
    Ok(Table {
        caption: visit.of("Promotions and rollbacks, the newest first", "启用与回退记录，由新到旧").to_owned(),
        heads: vec![
            Head::text(visit.of("When", "时间")),
            Head::text(visit.of("Task", "任务")),
            Head::text(visit.of("What", "操作")),
            Head::text(visit.of("Model", "模型")),
            Head::text(visit.of("Why", "理由")),
        ],
        rows: rows.collect(),
        empty: visit.of("Nobody has answered yet.", "尚无记录。").to_owned(),
    })
}

async fn card(visit: Visit, Path((task, name, version)): Path<(String, String, String)>) -> Answer {
    visit
        .work(move |visit| {
            let (row, text) = card_of(&visit.app, &task, &name, &version)?;
            let (tone, word) = status(visit, row.status);
            let why = reason(visit, &row);
            let mut blocks = vec![Block::Note(
                tone,
                if why.is_empty() { word.to_owned() } else { format!("{word}{}{why}", visit.of(": ", "：")) },
            )];
            blocks.push(text.map_or_else(
                || {
                    Block::Text(
                        visit.of("There is no card: the model was never fitted.", "没有模型卡：该模型从未拟合。").to_owned(),
                    )
                },
                Block::Verbatim,
            ));
            blocks.push(Block::Links(vec![("/models".to_owned(), visit.of("All models", "所有模型").to_owned())]));
            visit.page(&format!("{name}@{version}"), blocks)
        })
        .await
}

fn why(fields: &Fields) -> Result<String, HttpError> {
    let none = || HttpError::new(BAD_VALUE, "say why: the reason is recorded");
    fields.given("why").map(str::to_owned).ok_or_else(none)
}

async fn promote(visit: Visit, Path(task): Path<String>, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let_answer(&visit.app, visit.caller()?, (&task, fields.get("model")), Some(&why(&fields)?))?;
            see_other("/models?done=1")
        })
        .await
}

async fn rollback(visit: Visit, Path(task): Path<String>, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let_answer_again(&visit.app, visit.caller()?, &task, Some(&why(&fields)?))?;
            see_other("/models?done=1")
        })
        .await
}
