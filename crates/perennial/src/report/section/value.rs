//! What customers will spend: predicted, promised as a range, and what came.

use super::calibration;
use crate::report::chart::{Caption, Curve, Interval, UnitPlot, intervals, unit_plot};
use crate::report::data::{LorenzPoint, ReportData, Value};
use crate::report::language::{Locale, NONE, fill};
use crate::report::view::{Block, Cell, Figure, Number, Section, Table, heads, missing};
use crate::report::words;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let horizon = l.days(i64::from(data.value.shown().map_or(data.frame.horizon_days, |value| value.horizon_days)));
    let mut blocks = match data.value.shown() {
        Some(value) => blocks(l, value, &horizon),
        None => missing(l, &data.value).into_iter().collect(),
    };
    if data.overview.lorenz.len() > 1 {
        let lorenz = lorenz(l, &data.overview.lorenz);
        // The curve needs no model, so it stands beside the model's figure or alone.
        match blocks.last_mut() {
            Some(Block::Figures(figures)) => figures.push(lorenz),
            _ => blocks.push(Block::Figures(vec![lorenz])),
        }
    }
    Section { id: super::id(l, "value"), title: t.value_title, lead: fill(t.value_lead, &[("horizon", &horizon)]), blocks }
}

fn blocks(l: &Locale<'_>, v: &Value, horizon: &str) -> Vec<Block> {
    let t = l.text;
    let tested = fill(
        t.value_tested,
        &[("model", &words::model(l, &v.champion)), ("customers", &l.customers(v.test_customers)), ("horizon", horizon)],
    );
    let mut blocks = vec![Block::Numbers(numbers(l, v, horizon)), Block::Text(tested.into())];
    if v.champion == v.baseline {
        blocks.push(Block::Text(t.baseline_answers.into()));
    }
    if !v.metrics.is_empty() {
        blocks.push(Block::Table(super::metrics_table(l, &v.metrics, &v.champion, &v.baseline)));
    }
    if !v.deciles.is_empty() {
        let drift = calibration::over_time(l, ("fig-value-drift", &v.drift), &|cents| l.money_short(cents));
        blocks.push(Block::Figures([deciles(l, v)].into_iter().chain(drift).collect()));
    }
    blocks.extend(calibration::by_kind(l, &v.slices, &|cents| l.money_about(cents)).map(Block::Table));
    blocks
}

fn numbers(l: &Locale<'_>, v: &Value, horizon: &str) -> Vec<Number> {
    let t = l.text;
    let mut numbers = vec![];
    if let Some(total) = v.expected_total_cents {
        let note = fill(t.expected_total_note, &[("horizon", horizon)]);
        numbers.push(Number { label: t.expected_total.to_owned(), value: l.money_about(total), note });
    }
    let ratio = if v.actual_total_cents > 0 { v.predicted_total_cents / v.actual_total_cents as f64 } else { f64::NAN };
    let totals = [("predicted", &*l.money_about(v.predicted_total_cents)), ("actual", &*l.money(v.actual_total_cents))];
    numbers.push(Number { label: t.total_ratio.to_owned(), value: l.decimal(ratio, 2), note: fill(t.total_ratio_note, &totals) });
    let coverage = v.coverage_80.map_or(NONE.to_owned(), |share| l.percent(share, 1));
    numbers.push(Number { label: t.coverage.to_owned(), value: coverage, note: t.coverage_note.to_owned() });
    numbers
}

fn deciles(l: &Locale<'_>, v: &Value) -> Figure {
    let t = l.text;
    let drawn: Vec<Interval> = v
        .deciles
        .iter()
        .enumerate()
        .map(|(index, d)| Interval {
            label: l.int(index as u64 + 1),
            predicted: d.predicted_cents,
            actual: d.actual_cents,
            lo: d.lo80_cents,
            hi: d.hi80_cents,
            note: fill(
                t.decile_point,
                &[
                    ("decile", &l.int(index as u64 + 1)),
                    ("predicted", &l.money_about(d.predicted_cents)),
                    ("actual", &l.money_about(d.actual_cents)),
                    ("lo", &l.money_about(d.lo80_cents)),
                    ("hi", &l.money_about(d.hi80_cents)),
                ],
            ),
        })
        .collect();
    let rows = v.deciles.iter().enumerate().map(|(index, d)| {
        let money =
            [d.predicted_cents, d.actual_cents, d.lo80_cents, d.hi80_cents].map(|cents| Cell::number(l.money_about(cents)));
        let place = [Cell::text(l.int(index as u64 + 1)), Cell::number(l.int(d.customers))];
        place.into_iter().chain(money).collect()
    });
    let number = |name: &str| format!("#{name}");
    let (customers, predicted, actual) = (number(t.customers), number(t.predicted), number(t.actual));
    let (lo, hi) = (number(t.interval_lo), number(t.interval_hi));
    let title = l.with_currency(t.deciles_figure);
    let id = super::id(l, "fig-deciles");
    let caption = Caption { id: &id, title: &title, description: t.deciles_note };
    Figure {
        title: title.clone(),
        note: t.deciles_note.to_owned(),
        legend: vec![("main", t.predicted.to_owned()), ("ink", t.actual.to_owned()), ("band", t.interval_80.to_owned())],
        chart: intervals(&caption, &drawn, &|cents| l.money_short(cents)),
        twin: Table {
            caption: title,
            head: heads(&[t.decile, &customers, &predicted, &actual, &lo, &hi]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}

/// Share of revenue that the richest tenth, fifth … of the customers bring.
pub fn share_of_top(points: &[LorenzPoint], top: f64) -> Option<f64> {
    let cut = 1.0 - top;
    let after = points.iter().position(|p| p.customers >= cut)?;
    let b = points[after];
    let a = points[after.checked_sub(1)?];
    let extent = b.customers - a.customers;
    let part = if extent > 0.0 { (cut - a.customers) / extent } else { 0.0 };
    Some(1.0 - (a.revenue + part * (b.revenue - a.revenue)))
}

fn lorenz(l: &Locale<'_>, points: &[LorenzPoint]) -> Figure {
    let t = l.text;
    let curve = Curve { class: "main", points: points.iter().map(|p| (p.customers, p.revenue)).collect() };
    let plot = UnitPlot { curves: vec![curve], markers: vec![], x_name: t.lorenz_x, y_name: t.lorenz_y, extent: 1.0 };
    let tops = [0.01, 0.05, 0.1, 0.2, 0.5];
    let rows = tops.iter().filter_map(|top| {
        let share = share_of_top(points, *top)?;
        Some(vec![Cell::text(fill(t.lorenz_top, &[("top", &l.percent(*top, 0))])), Cell::number(l.percent(share, 1))])
    });
    let note = match share_of_top(points, 0.1) {
        Some(share) => format!("{} {}", fill(t.lorenz_tenth, &[("share", &l.percent(share, 0))]), t.lorenz_note),
        None => t.lorenz_note.to_owned(),
    };
    let id = super::id(l, "fig-lorenz");
    Figure {
        title: t.lorenz_figure.to_owned(),
        chart: unit_plot(&Caption { id: &id, title: t.lorenz_figure, description: &note }, &plot, &|v| l.percent(v, 0)),
        note,
        legend: vec![("main", t.this_shop.to_owned()), ("diagonal", t.lorenz_equal.to_owned())],
        twin: Table {
            caption: t.lorenz_figure.to_owned(),
            head: heads(&[t.customers, &format!("#{}", t.share_spend)]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}
