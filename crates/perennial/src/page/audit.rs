//! The audit log, newest first.

use super::view::{Block, Cell, Head, Table, Tone};
use super::visit::{Answer, Visit};
use crate::access::Action;
use crate::audit::{Kept, Outcome};
use crate::http::{BAD_VALUE, HttpError, Needs, Route};

const ENTRIES: u32 = 50;

pub fn routes() -> Vec<Route> {
    vec![Route::get("/audit", Needs::To(Action::AuditRead), show)]
}

async fn show(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let wrong = |text: &str| HttpError::new(BAD_VALUE, format!("before is {text:?}, allowed is the number of an entry"));
            let before = visit.query.given("before").map(|text| text.parse::<i64>().map_err(|_| wrong(text))).transpose()?;
            let entries = visit.app.access.audit_latest(visit.caller()?, ENTRIES, before)?;
            let older = entries.last().filter(|last| last.seq > 1).map(|last| last.seq);
            let lead = visit.of(
                "Every change and every look at an identity, each chained to the one before. `perennial audit verify` checks the chain.",
                "每项变更与每次身份查看均有记录，且环环相扣；`perennial audit verify` 可校验整条链。",
            );
            let mut blocks = vec![Block::Text(lead.to_owned()), Block::Table(table(visit, entries))];
            let mut links = Vec::new();
            if before.is_some() {
                links.push(("/audit".to_owned(), visit.of("Newest", "最新").to_owned()));
            }
            links.extend(older.map(|seq| (format!("/audit?before={seq}"), visit.of("Older", "更早").to_owned())));
            blocks.push(Block::Links(links));
            visit.page(visit.of("Audit log", "审计日志"), blocks)
        })
        .await
}

fn table(visit: &Visit, entries: Vec<Kept>) -> Table {
    let rows = entries.into_iter().map(|entry| {
        let found = Outcome::ALL.into_iter().find(|outcome| outcome.name() == entry.outcome);
        let outcome =
            found.map_or_else(|| entry.outcome.clone(), |outcome| visit.of(outcome.name(), outcome.title_zh()).to_owned());
        let tone = match found {
            Some(Outcome::Done) => Tone::Plain,
            Some(Outcome::Refused) => Tone::Watch,
            _ => Tone::Bad,
        };
        vec![
            Cell::Text(entry.seq.to_string()),
            Cell::When(super::people::written(&entry.at)),
            Cell::Text(entry.actor),
            Cell::Code(entry.action),
            Cell::Code(entry.object),
            Cell::Tag(tone, outcome),
            Cell::Text(entry.purpose.unwrap_or_default()),
            Cell::Code(entry.detail),
        ]
    });
    Table {
        caption: visit.of("The newest first", "由新到旧").to_owned(),
        heads: vec![
            Head::text(visit.of("No.", "序号")),
            Head::text(visit.of("When", "时间")),
            Head::text(visit.of("Who", "操作者")),
            Head::text(visit.of("What", "操作")),
            Head::text(visit.of("To what", "对象")),
            Head::text(visit.of("Outcome", "结果")),
            Head::text(visit.of("Purpose", "目的")),
            Head::text(visit.of("Detail", "详情")),
        ],
        rows: rows.collect(),
        empty: visit.of("There is no entry here.", "此处没有记录。").to_owned(),
    }
}
