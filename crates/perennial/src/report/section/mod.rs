//! The report's sections, one file each: data in, blocks out.

mod calibration;
mod churn;
mod cohorts;
mod frame;
mod method;
mod models;
mod outlook;
mod overview;
mod people;
mod quality;
mod segments;
mod value;

pub use frame::hindsight;
pub use models::title as model_title;
pub use people::{reason_words, signed};
pub use value::share_of_top;

use super::data::{MetricRow, ReportData};
use super::language::Locale;
use super::view::{Cell, Section, Table, Tone, heads};
use super::words::{self, Better};

/// Every section, in reading order.
pub fn all(l: &Locale<'_>, data: &ReportData) -> Vec<Section> {
    vec![
        overview::section(l, data),
        people::section(l, data),
        segments::section(l, data),
        churn::section(l, data),
        value::section(l, data),
        outlook::section(l, data),
        cohorts::section(l, data),
        models::section(l, data),
        frame::section(l, data),
        quality::section(l, data),
        method::section(l, data),
    ]
}

fn id(l: &Locale<'_>, name: &str) -> String {
    format!("{}-{name}", l.language.prefix())
}

/// The champion beside the baseline, metric by metric, with 95% intervals.
fn metrics_table(l: &Locale<'_>, rows: &[MetricRow], champion: &str, baseline: &str) -> Table {
    if champion == baseline || rows.iter().all(|row| row.baseline.is_none()) {
        return lonely_table(l, rows, champion, baseline);
    }
    let (champion, baseline) = (words::model(l, champion), words::model(l, baseline));
    let head = [
        l.text.metric.to_owned(),
        format!("#{}", words::with_role(&champion, l.text.status_champion)),
        format!("#{}", words::with_role(&baseline, l.text.baseline)),
        format!("#{}", l.text.difference),
        l.text.verdict.to_owned(),
    ];
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows = rows
        .iter()
        .map(|row| {
            let known = words::metric(l, &row.metric);
            let write = |estimate: Option<super::data::Estimate>| Cell::number(known.estimate(l, estimate));
            vec![
                Cell::text(known.name.clone()),
                write(Some(row.champion)),
                write(row.baseline),
                write(row.difference),
                verdict(l, row, known.better),
            ]
        })
        .collect();
    Table { caption: l.text.metrics_caption.to_owned(), head: heads(&head), rows, ..Table::default() }
}

/// One model's metrics: the baseline answers itself, or there is none to stand beside the champion.
fn lonely_table(l: &Locale<'_>, rows: &[MetricRow], champion: &str, baseline: &str) -> Table {
    let role = if champion == baseline { l.text.baseline } else { l.text.status_champion };
    let head = [l.text.metric.to_owned(), format!("#{}", words::with_role(&words::model(l, champion), role))];
    let row = |row: &MetricRow| {
        let known = words::metric(l, &row.metric);
        vec![Cell::text(known.name.clone()), Cell::number(known.estimate(l, Some(row.champion)))]
    };
    Table {
        caption: l.text.models_caption.to_owned(),
        head: heads(&[&*head[0], &*head[1]]),
        rows: rows.iter().map(row).collect(),
        ..Table::default()
    }
}

/// Better, worse, or not to be told apart: only a difference whose interval leaves out 0 is called one.
fn verdict(l: &Locale<'_>, row: &MetricRow, better: Better) -> Cell {
    let sure = row.difference.and_then(|d| d.interval).filter(|(lo, hi)| *lo > 0.0 || *hi < 0.0);
    match (sure, better) {
        (_, Better::Target) | (None, _) if row.difference.is_none() || better == Better::Target => Cell::text(""),
        (None, _) => Cell::badge(Tone::Plain, l.text.verdict_same),
        (Some((lo, _)), _) if (lo > 0.0) == (better == Better::Higher) => Cell::badge(Tone::Good, l.text.verdict_better),
        (Some(_), _) => Cell::badge(Tone::Risk, l.text.verdict_worse),
    }
}
