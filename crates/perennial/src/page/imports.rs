//! Imports, and the rows that could not be used.

use perennial_lake::lake::ImportRecord;
use serde_json::Value;

use super::view::{Block, Cell, Head, Table, Tone};
use super::visit::{Answer, Visit};
use crate::access::Action;
use crate::api::first_rejects;
use crate::http::{Needs, Route};
use crate::report::{Language, Locale};

/// More than these are read in the API or the lake, not by eye.
const REJECTS_SHOWN: usize = 200;

const IMPORTS_SHOWN: usize = 20;

pub fn routes() -> Vec<Route> {
    vec![Route::get("/imports", Needs::To(Action::ImportsRead), show)]
}

async fn show(visit: Visit) -> Answer {
    visit
        .work(|visit| {
            let l = visit.locale();
            let imports = visit.app.shop.lake.imports().map_err(anyhow::Error::from)?;
            let told = l.int(imports.len() as u64);
            let mut blocks = vec![Block::Text(match visit.language {
                Language::En => {
                    format!("{told} imports so far, those of live rows among them; the newest {IMPORTS_SHOWN} at most are here.")
                }
                Language::Zh => format!("迄今共 {told} 次导入（含实时数据），此处至多列出最新的 {IMPORTS_SHOWN} 次。"),
            })];
            if imports.is_empty() {
                let said = visit.of(
                    "Nothing has been imported yet; `perennial import` does.",
                    "尚未导入任何数据；请运行 `perennial import`。",
                );
                blocks = vec![Block::Note(Tone::Plain, said.to_owned())];
            }
            blocks.extend(imports.iter().rev().take(IMPORTS_SHOWN).map(|import| Block::Table(table(visit, &l, import))));
            let rejects = first_rejects(&visit.app, REJECTS_SHOWN)?;
            blocks.push(Block::Heading(visit.of("Rows that could not be used", "无法使用的数据行").to_owned()));
            blocks.push(Block::Table(reject_table(visit, &l, &rejects)));
            visit.page(visit.of("Imports", "导入"), blocks)
        })
        .await
}

fn table(visit: &Visit, l: &Locale<'_>, import: &ImportRecord) -> Table {
    let at = jiff::Timestamp::from_microsecond(import.imported_at_us).map(super::people::time).unwrap_or_default();
    let files: Vec<&str> = import.files.iter().map(|file| file.name.as_str()).collect();
    let (batch, files) = (&import.batch_id, files.join(", "));
    let rows = import.tables.iter().map(|(entity, count)| {
        let counts = [count.added, count.replaced, count.unchanged, count.rejected];
        let name = Cell::Text(entity.name().to_owned());
        std::iter::once(name).chain(counts.into_iter().map(|count| Cell::Number(l.int(count)))).collect()
    });
    Table {
        caption: format!("{at} · {} {batch} · {files}", visit.of("batch", "批次")),
        heads: vec![
            Head::text(visit.of("Table", "表")),
            Head::number(visit.of("Added", "新增")),
            Head::number(visit.of("Replaced", "替换")),
            Head::number(visit.of("Unchanged", "未变")),
            Head::number(visit.of("Rejected", "被拒")),
        ],
        rows: rows.collect(),
        empty: visit.of("This import brought no rows.", "此次导入没有数据行。").to_owned(),
    }
}

fn reject_table(visit: &Visit, l: &Locale<'_>, rejects: &[Value]) -> Table {
    let rows = rejects.iter().map(|reject| {
        let text = |name: &str| Cell::Text(reject[name].as_str().unwrap_or_default().to_owned());
        let row = reject["row"].as_u64().map_or_else(String::new, |row| l.int(row));
        vec![
            text("reason"),
            text("table"),
            text("file"),
            Cell::Number(row),
            text("column"),
            Cell::Code(reject["value"].as_str().unwrap_or_default().to_owned()),
        ]
    });
    Table {
        caption: visit.of("The first 200; values of direct identifiers are blank", "前 200 行；直接标识符的值留空").to_owned(),
        heads: vec![
            Head::text(visit.of("Reason", "原因")),
            Head::text(visit.of("Table", "表")),
            Head::text(visit.of("File", "文件")),
            Head::number(visit.of("Row", "行")),
            Head::text(visit.of("Column", "列")),
            Head::text(visit.of("Value", "值")),
        ],
        rows: rows.collect(),
        empty: visit.of("None: every row could be used.", "没有：所有数据行均可使用。").to_owned(),
    }
}
