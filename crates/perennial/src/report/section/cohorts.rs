//! Do customers come back? Monthly cohorts and how many of each bought again.

use crate::report::chart::{Caption, Line, lines};
use crate::report::data::{Cohort, Cohorts, ReportData};
use crate::report::language::{Locale, fill};
use crate::report::view::{Block, Cell, Figure, Section, Table, Words, heads, missing};

/// Newest cohorts and first months shown: two years are what a person can read and compare.
const MONTHS_MAX: usize = 24;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let blocks = match data.cohorts.shown() {
        Some(cohorts) if !cohorts.rows.is_empty() => blocks(l, cohorts),
        Some(_) => vec![Block::Text(t.cohorts_empty.into())],
        None => missing(l, &data.cohorts).into_iter().collect(),
    };
    Section { id: super::id(l, "cohorts"), title: t.cohorts_title, lead: t.cohorts_lead.to_owned(), blocks }
}

fn blocks(l: &Locale<'_>, cohorts: &Cohorts) -> Vec<Block> {
    let t = l.text;
    let hidden = cohorts.rows.len().saturating_sub(MONTHS_MAX);
    let shown = &cohorts.rows[hidden..];
    let mut blocks = vec![Block::Table(triangle(l, shown))];
    if hidden > 0 {
        blocks.push(Block::Text(fill(t.cohorts_hidden, &[("n", &l.int(hidden as u64))]).into()));
    }
    if let Some(note) = &cohorts.note {
        blocks.push(Block::Text(Words::of(l, note)));
    }
    let mean = mean_retention(&cohorts.rows);
    if mean.len() > 1 {
        blocks.push(Block::Figures(vec![mean_figure(l, &mean)]));
    }
    blocks
}

fn rate(cohort: &Cohort, k: usize) -> Option<f64> {
    cohort.active.get(k).filter(|_| cohort.customers > 0).map(|active| *active as f64 / cohort.customers as f64)
}

fn triangle(l: &Locale<'_>, rows: &[Cohort]) -> Table {
    let t = l.text;
    let months = rows.iter().map(|cohort| cohort.active.len()).max().unwrap_or(0).min(MONTHS_MAX);
    // The scale ends at the highest rate of a cohort that is large enough not to be luck.
    let largest = rows.iter().map(|cohort| cohort.customers).max().unwrap_or(0);
    let counted = rows.iter().filter(|cohort| cohort.customers * 20 >= largest);
    let highest = counted.flat_map(|c| (0..months).filter_map(|k| rate(c, k))).fold(0.0, f64::max);
    let mut head = heads(&[t.cohort, &format!("#{}", t.customers)]);
    head.extend((1..=months).flat_map(|k| heads(&[&format!("#{k}")])));
    let body = rows.iter().map(|cohort| {
        let lead = [Cell::text(l.month(cohort.month)), Cell::number(l.int(cohort.customers))];
        let cells = (0..months).map(|k| match rate(cohort, k) {
            Some(rate) => Cell::heat(l.decimal(rate * 100.0, 0), if highest > 0.0 { (rate / highest * 8.0) as usize } else { 0 }),
            None => Cell::text(""),
        });
        lead.into_iter().chain(cells).collect()
    });
    Table { caption: t.triangle_caption.to_owned(), head, rows: body.collect(), fold: None, class: "heat" }
}

/// Month by month over all cohorts old enough: those who bought by those who could have.
fn mean_retention(rows: &[Cohort]) -> Vec<(f64, u64)> {
    let months = rows.iter().map(|cohort| cohort.active.len()).max().unwrap_or(0).min(MONTHS_MAX);
    (0..months)
        .map_while(|k| {
            let old = || rows.iter().filter(move |cohort| cohort.active.len() > k);
            let customers: u64 = old().map(|cohort| cohort.customers).sum();
            let active: u64 = old().map(|cohort| cohort.active[k]).sum();
            (customers > 0).then(|| (active as f64 / customers as f64, customers))
        })
        .collect()
}

fn mean_figure(l: &Locale<'_>, mean: &[(f64, u64)]) -> Figure {
    let t = l.text;
    let places: Vec<String> = (1..=mean.len()).map(|k| l.int(k as u64)).collect();
    let series = [Line { class: "main", name: t.retention, values: mean.iter().map(|(rate, _)| *rate).collect() }];
    let id = super::id(l, "fig-retention");
    let caption = Caption { id: &id, title: t.retention_figure, description: t.retention_figure_note };
    let rows = mean.iter().zip(&places).map(|((rate, customers), place)| {
        vec![Cell::text(place.clone()), Cell::number(l.percent(*rate, 1)), Cell::number(l.int(*customers))]
    });
    Figure {
        title: t.retention_figure.to_owned(),
        note: t.retention_figure_note.to_owned(),
        legend: vec![],
        chart: lines(&caption, &places, &series, &|v| l.percent(v, if v.abs() < 0.0995 && v != 0.0 { 1 } else { 0 })),
        twin: Table {
            caption: t.retention_figure.to_owned(),
            head: heads(&[t.months_after, &format!("#{}", t.retention), &format!("#{}", t.customers)]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}
