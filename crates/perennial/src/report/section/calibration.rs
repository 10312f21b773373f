//! Whether a forecast was right for every kind of customer, and at earlier days.

use crate::report::chart::{Caption, Line, lines};
use crate::report::data::{CalibrationPoint, CalibrationSlice};
use crate::report::language::Locale;
use crate::report::view::{Cell, Figure, Table, Tone, heads};
use crate::report::words;

/// How a mean is written: a share or an amount.
type Write<'a> = &'a dyn Fn(f64) -> String;

/// Predicted beside observed, group by group.
pub fn by_kind(l: &Locale<'_>, slices: &[CalibrationSlice], write: Write<'_>) -> Option<Table> {
    let t = l.text;
    let row = |slice: &CalibrationSlice| {
        let off = slice.predicted - slice.observed;
        let verdict = match off.abs() <= slice.error {
            true => Cell::badge(Tone::Plain, t.within_chance),
            false if off > 0.0 => Cell::badge(Tone::Watch, t.told_too_high),
            false => Cell::badge(Tone::Watch, t.told_too_low),
        };
        let numbers = [l.int(slice.customers), write(slice.predicted), write(slice.observed)].map(Cell::number);
        [Cell::text(kind(l, &slice.by)), Cell::text(group(l, slice))].into_iter().chain(numbers).chain([verdict]).collect()
    };
    let number = |name: &str| format!("#{name}");
    let (customers, predicted, observed) = (number(t.customers), number(t.predicted), number(t.observed));
    (!slices.is_empty()).then(|| Table {
        caption: t.slices_caption.to_owned(),
        head: heads(&[t.kind, t.group, &customers, &predicted, &observed, t.verdict]),
        rows: slices.iter().map(row).collect(),
        ..Table::default()
    })
}

fn kind<'l>(l: &'l Locale<'_>, by: &'l str) -> &'l str {
    match by {
        "segment" => l.text.by_segment,
        "country" => l.text.by_country,
        "cohort" => l.text.by_cohort,
        "orders" => l.text.by_orders,
        other => other,
    }
}

fn group(l: &Locale<'_>, slice: &CalibrationSlice) -> String {
    match (slice.by.as_str(), slice.group.as_str()) {
        (_, "") => l.text.others.to_owned(),
        ("segment", key) => words::segment(l, key),
        (_, name) => name.to_owned(),
    }
}

/// The same recipe at earlier days, what it said and what came.
pub fn over_time(l: &Locale<'_>, (id, drift): (&str, &[CalibrationPoint]), write: Write<'_>) -> Option<Figure> {
    let t = l.text;
    let places: Vec<String> = drift.iter().map(|point| l.day(point.from)).collect();
    let series = [
        Line { class: "main", name: t.predicted, values: drift.iter().map(|point| point.predicted).collect() },
        Line { class: "base", name: t.observed, values: drift.iter().map(|point| point.observed).collect() },
    ];
    let rows = drift.iter().map(|point| {
        let numbers =
            [l.int(point.customers), write(point.predicted), write(point.observed), write(point.error)].map(Cell::number);
        [Cell::text(l.day(point.from))].into_iter().chain(numbers).collect()
    });
    let number = |name: &str| format!("#{name}");
    let (customers, predicted, observed, error) =
        (number(t.customers), number(t.predicted), number(t.observed), number(t.chance_alone));
    let id = super::id(l, id);
    (drift.len() > 1).then(|| Figure {
        title: t.drift_figure.to_owned(),
        note: t.drift_note.to_owned(),
        legend: vec![("main", t.predicted.to_owned()), ("base", t.observed.to_owned())],
        chart: lines(&Caption { id: &id, title: t.drift_figure, description: t.drift_note }, &places, &series, write),
        twin: Table {
            caption: t.drift_figure.to_owned(),
            head: heads(&[t.as_of, &customers, &predicted, &observed, &error]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    })
}
