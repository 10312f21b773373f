//! Segments and stages: how many customers, what they are worth, how many are leaving.

use serde_json::Value;

use super::fields::encoded;
use super::view::{Block, Cell, Head, Table, Tone};
use super::visit::{Answer, Visit};
use crate::access::Action;
use crate::http::{Needs, Route};
use crate::report::{Locale, NONE, words};

pub fn routes() -> Vec<Route> {
    vec![Route::get("/segments", Needs::To(Action::SegmentsRead), show)]
}

/// Where there is no score file yet.
pub fn nothing_scored(visit: &Visit) -> Block {
    let said = visit.of(
        "Nothing has been scored yet. `perennial run` imports, trains and scores; this page then shows everybody.",
        "尚未评分。运行 `perennial run` 完成导入、训练与评分后，此页即显示所有客户。",
    );
    Block::Note(Tone::Plain, said.to_owned())
}

async fn show(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let title = visit.of("Segments", "分群");
            let Some(book) = visit.app.book_if_any()? else { return visit.page(title, vec![nothing_scored(visit)]) };
            let groups = visit.app.group_words()?;
            let l = visit.locale().naming(&groups);
            let as_of = book.as_of.parse().map_or_else(|_| book.as_of.clone(), |day| l.day(day));
            let said = format!("{} · {} {as_of}", l.customers(book.len() as u64), visit.of("as of", "截至"));
            let segments = table(visit, &l, "segment", book.groups("segment"));
            let stages = table(visit, &l, "stage", book.groups("stage"));
            let blocks = vec![
                Block::Text(said),
                Block::Table(segments),
                Block::Heading(visit.of("Stages of life with the shop", "所处阶段").to_owned()),
                Block::Table(stages),
            ];
            visit.page(title, blocks)
        })
        .await
}

fn table(visit: &Visit, l: &Locale<'_>, column: &str, mut groups: Vec<Value>) -> Table {
    groups.sort_by_key(|group| std::cmp::Reverse(group["customers"].as_u64()));
    let all: f64 = groups.iter().filter_map(|group| group["customers"].as_f64()).sum();
    let rows = groups.iter().map(|group| {
        let key = group["key"].as_str().unwrap_or_default();
        let name = match column {
            _ if key.is_empty() => visit.of("without", "未归入").to_owned(),
            "segment" => words::segment(l, key),
            _ => super::customers::stage_name(l, key),
        };
        let first = if key.is_empty() || !visit.may(Action::CustomersRead) {
            Cell::Text(name)
        } else {
            Cell::Link(format!("/customers?{column}={}", encoded(key)), name)
        };
        let count = |name: &str| group[name].as_u64().unwrap_or(0);
        let money = |name: &str| Cell::Number(l.money_about(group[name].as_f64().unwrap_or(f64::NAN)));
        vec![
            first,
            Cell::Number(l.int(count("customers"))),
            Cell::Number(l.percent(count("customers") as f64 / all, 1)),
            Cell::Number(l.int(count("eligible"))),
            Cell::Number(group["p_churn_mean"].as_f64().map_or_else(|| NONE.to_owned(), |p| l.percent(p, 1))),
            money("spend_cents"),
            money("spend_cents_all"),
            Cell::Text(if column == "segment" {
                words::segment_description(l, key).unwrap_or_default()
            } else {
                super::customers::stage_meaning(l, key)
            }),
        ]
    });
    Table {
        caption: visit
            .of(
                "Sizes, mean chance of leaving of those asked about, expected and past spend",
                "规模、预测对象的平均流失概率、预期与累计消费",
            )
            .to_owned(),
        heads: vec![
            Head::text(if column == "segment" { visit.of("Segment", "分群") } else { visit.of("Stage", "阶段") }),
            Head::number(visit.of("Customers", "客户")),
            Head::number(visit.of("Share", "占比")),
            Head::number(visit.of("Asked about leaving", "流失预测对象")),
            Head::number(visit.of("Mean chance of leaving", "平均流失概率")),
            Head::number(visit.of("Expected spend", "预期消费")),
            Head::number(visit.of("Spent so far", "累计消费")),
            Head::text(visit.of("Who", "说明")),
        ],
        rows: rows.collect(),
        empty: visit.of("There are no customers to group.", "没有可以分群的客户。").to_owned(),
    }
}
