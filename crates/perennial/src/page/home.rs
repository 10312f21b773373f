//! The first page: what the shop is, who answers, and what needs attention.

use perennial_contract::estimator::Task;
use perennial_contract::{Day, Entity};

use super::view::{Block, Cell, Head, Table, Tone};
use super::visit::{Answer, Visit};
use crate::access::Action;
use crate::http::{Needs, Ready, Route};
use crate::registry::{Row, Status};
use crate::report::{Locale, words};

pub fn routes() -> Vec<Route> {
    vec![Route::get("/", Needs::To(Action::ReportRead), show)]
}

async fn show(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let app = &visit.app;
            let at = app.shop.lake.snapshot().map_err(anyhow::Error::from)?;
            let ready = app.answers.ready(&app.shop, &at)?;
            let l = visit.locale();
            let count = |entity| app.shop.lake.rows(&at, entity).map_err(anyhow::Error::from);
            let as_of = ready.as_of.map_or_else(|| visit.of("no orders yet", "尚无订单").to_owned(), |day| l.day(day));
            let mut blocks = vec![Block::Numbers(vec![
                (visit.of("customers", "客户").to_owned(), l.int(count(Entity::Customers)?)),
                (visit.of("orders", "订单").to_owned(), l.int(count(Entity::Orders)?)),
                (visit.of("events", "事件").to_owned(), l.int(count(Entity::Events)?)),
                (visit.of("answers are as of", "作答截至").to_owned(), as_of),
            ])];
            let rows = app.shop.registry.list().map_err(anyhow::Error::from)?;
            blocks.push(Block::Heading(visit.of("What needs attention", "需要关注").to_owned()));
            let found = attention(visit, &ready, (count(Entity::Orders)?, count(Entity::Rejects)?), &rows);
            blocks.push(if found.is_empty() {
                Block::Note(Tone::Good, visit.of("Nothing. All is as it should be.", "没有。一切正常。").to_owned())
            } else {
                Block::Items(found)
            });
            if visit.may(Action::ModelsRead) {
                blocks.push(Block::Heading(visit.of("Who answers", "由谁作答").to_owned()));
                blocks.push(Block::Table(champions(visit, &ready)));
            }
            visit.page(&app.shop.settings.shop.name, blocks)
        })
        .await
}

type Item = (String, Option<(String, String)>);

fn attention(visit: &Visit, ready: &Ready, (orders, rejects): (u64, u64), rows: &[Row]) -> Vec<Item> {
    let l = visit.locale();
    let link = |action, href: &str, en: &str, zh: &str| visit.may(action).then(|| (href.to_owned(), visit.of(en, zh).to_owned()));
    let mut found: Vec<Item> = Vec::new();
    if orders == 0 {
        let said = visit.of(
            "There are no orders yet. Import some with `perennial import`, or send them in over the API.",
            "还没有订单。请用 `perennial import` 导入，或经 API 写入。",
        );
        found.push((said.to_owned(), link(Action::ImportsRead, "/imports", "Imports", "导入")));
    }
    for task in Task::ALL.iter().filter(|task| !ready.champions.contains_key(task)) {
        let name = words::task(&l, task.name());
        let why = newest_reason(visit, *task, rows);
        let said = if visit.language == crate::report::Language::En {
            format!("Nobody answers \"{name}\": {why}")
        } else {
            format!("“{name}”没有模型作答：{why}")
        };
        found.push((said, link(Action::ModelsRead, "/models", "Models", "模型")));
    }
    found.extend(
        old_models(visit, &l, ready).into_iter().map(|said| (said, link(Action::ModelsRead, "/models", "Models", "模型"))),
    );
    if rejects > 0 {
        let said = visit.of("rows of imports could not be used.", "行导入数据无法使用。");
        found.push((format!("{} {said}", l.int(rejects)), link(Action::ImportsRead, "/imports#rejects", "Look at them", "查看")));
    }
    let inbox = visit.app.inbox.gauges();
    if inbox.is_stopped {
        let said =
            visit.of("The inbox has stopped taking rows; see the server's log.", "收件箱已停止接收数据，请查看服务器日志。");
        found.push((said.to_owned(), None));
    }
    if inbox.rows_waiting > 0 {
        let said = visit.of(
            "rows that came in live wait to be moved to the lake; answers count them already.",
            "行实时数据等待移入数据湖；作答时已计入。",
        );
        found.push((format!("{} {said}", l.int(inbox.rows_waiting)), None));
    }
    found
}

fn newest_reason(visit: &Visit, task: Task, rows: &[Row]) -> String {
    let none = || {
        visit
            .of("no model was trained for it yet; `perennial train` does.", "尚未训练过模型；请运行 `perennial train`。")
            .to_owned()
    };
    let newest = rows.iter().find(|row| row.task == task && row.status == Status::Refused && !row.reason.is_empty());
    newest.map_or_else(none, |row| super::models::reason(visit, row))
}

fn old_models(visit: &Visit, l: &Locale<'_>, ready: &Ready) -> Vec<String> {
    let aged = ready.champions.iter().filter_map(|(task, champion)| {
        let trained: Day = champion.row.as_of.parse().ok()?;
        let age = ready.as_of? - trained;
        (age > champion.row.horizon_days).then(|| (words::task(l, task.name()), age, champion.row.horizon_days))
    });
    aged.map(|(task, age, horizon)| match visit.language {
        crate::report::Language::En => format!(
            "The model of \"{task}\" was trained {} before the day it answers about, longer than its horizon of {}: train again.",
            l.days(age.into()),
            l.days(horizon.into())
        ),
        crate::report::Language::Zh => {
            format!(
                "“{task}”的模型训练于作答日之前 {}，已超过其 {}的预测期：请重新训练。",
                l.days(age.into()),
                l.days(horizon.into())
            )
        }
    })
    .collect()
}

fn champions(visit: &Visit, ready: &Ready) -> Table {
    let l = visit.locale();
    let rows = ready.champions.iter().map(|(task, champion)| {
        let row = &champion.row;
        vec![
            Cell::Text(words::task(&l, task.name())),
            Cell::Link(
                super::models::card_address(row),
                format!("{} · {}@{}", words::model(&l, &row.name), row.name, row.version),
            ),
            Cell::When(row.as_of.parse().map_or_else(|_| row.as_of.clone(), |day| l.day(day))),
            Cell::Number(l.days(row.horizon_days.into())),
        ]
    });
    Table {
        caption: visit.of("The model that answers each task", "各任务当前作答的模型").to_owned(),
        heads: vec![
            Head::text(visit.of("Task", "任务")),
            Head::text(visit.of("Model", "模型")),
            Head::text(visit.of("Trained as of", "训练截至")),
            Head::number(visit.of("Horizon", "预测期")),
        ],
        rows: rows.collect(),
        empty: visit.of("No model answers yet.", "尚无模型作答。").to_owned(),
    }
}
