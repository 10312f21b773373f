//! Every model that was tried, how it did on the test cut, and what became of it.

use crate::report::chart::{Caption, EstimateRow, estimates};
use crate::report::data::{ModelRow, ModelStatus, ReportData};
use crate::report::language::{Locale, NONE};
use crate::report::view::{Block, Cell, Figure, Section, Table, Tone, heads};
use crate::report::words;

const TASKS: [&str; 4] = ["churn", "value", "outlook", "segment"];

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let mut tasks: Vec<&str> = TASKS.to_vec();
    for model in &data.models {
        if !tasks.contains(&model.task.as_str()) {
            tasks.push(&model.task);
        }
    }
    let mut blocks = vec![];
    for task in tasks {
        let rows: Vec<&ModelRow> = data.models.iter().filter(|model| model.task == task).collect();
        if rows.is_empty() {
            continue;
        }
        blocks.push(Block::Heading(words::task(l, task)));
        blocks.push(Block::Table(table(l, &rows)));
        if let Some(figure) = (task == "churn").then(|| auroc(l, &rows)).flatten() {
            blocks.push(Block::Figures(vec![figure]));
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text(t.models_empty.into()));
    }
    Section { id: super::id(l, "models"), title: t.models_title, lead: t.models_lead.to_owned(), blocks }
}

pub fn title(l: &Locale<'_>, model: &ModelRow) -> String {
    let name = words::model(l, &model.name);
    let name = if model.version > 0 { format!("{name} v{}", model.version) } else { name };
    if model.baseline { words::with_role(&name, l.text.baseline) } else { name }
}

fn status(l: &Locale<'_>, status: ModelStatus) -> Cell {
    match status {
        ModelStatus::Champion => Cell::badge(Tone::Good, l.text.status_champion),
        ModelStatus::Candidate => Cell::badge(Tone::Plain, l.text.status_candidate),
        ModelStatus::Refused => Cell::badge(Tone::Risk, l.text.status_refused),
    }
}

fn table(l: &Locale<'_>, rows: &[&ModelRow]) -> Table {
    let t = l.text;
    // The columns are the metrics of all rows, in the order in which they are first met.
    let mut metrics: Vec<&str> = vec![];
    for metric in rows.iter().flat_map(|row| &row.metrics) {
        if !metrics.contains(&metric.metric.as_str()) {
            metrics.push(&metric.metric);
        }
    }
    let mut head = heads(&[t.model, t.status]);
    head.extend(metrics.iter().flat_map(|slug| heads(&[&format!("#{}", words::metric(l, slug).name)])));
    head.extend(heads(&[t.reason]));
    let body = rows.iter().map(|row| {
        let cells = metrics.iter().map(|slug| {
            let found = row.metrics.iter().find(|metric| metric.metric == *slug);
            Cell::number(found.map_or(NONE.to_owned(), |m| words::metric(l, slug).value(l, m.estimate.value)))
        });
        let reason = row.reason.as_ref().map_or(Cell::text(""), |reason| Cell::phrase(l, reason));
        [Cell::text(title(l, row)), status(l, row.status)].into_iter().chain(cells).chain([reason]).collect()
    });
    Table { caption: t.models_caption.to_owned(), head, rows: body.collect(), ..Table::default() }
}

/// The churn candidates' AUROC with intervals, when two or more have one.
fn auroc(l: &Locale<'_>, rows: &[&ModelRow]) -> Option<Figure> {
    let t = l.text;
    let known = words::metric(l, "auroc");
    let found: Vec<(&ModelRow, crate::report::data::Estimate)> = rows
        .iter()
        .filter_map(|row| Some((*row, row.metrics.iter().find(|metric| metric.metric == "auroc")?.estimate)))
        .filter(|(_, estimate)| estimate.value.is_finite())
        .collect();
    if found.len() < 2 {
        return None;
    }
    let drawn: Vec<EstimateRow> = found
        .iter()
        .map(|(row, estimate)| EstimateRow {
            name: title(l, row),
            class: match row.status {
                ModelStatus::Champion => "main",
                ModelStatus::Candidate => "base",
                ModelStatus::Refused => "risk",
            },
            value: estimate.value,
            interval: estimate.interval,
            note: known.estimate(l, Some(*estimate)),
        })
        .collect();
    let twin = found.iter().map(|(row, e)| vec![Cell::text(title(l, row)), Cell::number(known.estimate(l, Some(*e)))]);
    let has_intervals = found.iter().any(|(_, estimate)| estimate.interval.is_some());
    let note = if has_intervals { format!("{} {}", t.auroc_note, t.auroc_lines) } else { t.auroc_note.to_owned() };
    let id = super::id(l, "fig-auroc");
    Some(Figure {
        title: t.auroc_figure.to_owned(),
        legend: vec![
            ("main", t.status_champion.to_owned()),
            ("base", t.status_candidate.to_owned()),
            ("risk", t.status_refused.to_owned()),
        ],
        chart: estimates(&Caption { id: &id, title: t.auroc_figure, description: &note }, &drawn, &|v| l.decimal(v, 3)),
        note,
        twin: Table {
            caption: t.auroc_figure.to_owned(),
            head: heads(&[t.model, &format!("#{}", known.name)]),
            rows: twin.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    })
}
