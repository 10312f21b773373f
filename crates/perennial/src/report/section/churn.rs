//! Who is leaving, and how far the numbers can be trusted.

use super::calibration;
use crate::report::chart::{Bar, BarMark, Caption, Column, Curve, Marker, Spacing, UnitPlot, bars, columns, unit_plot};
use crate::report::data::{Churn, GainPoint, ReportData};
use crate::report::language::{Locale, fill};
use crate::report::view::{Block, Cell, Figure, Number, Section, Table, heads, missing};
use crate::report::words;

/// Features drawn.
const FEATURES_MAX: usize = 12;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let blocks = match data.churn.shown() {
        Some(churn) => blocks(l, churn),
        None => missing(l, &data.churn).into_iter().collect(),
    };
    let lead = fill(t.churn_lead, &[("within", l.phrase(&data.frame.within))]);
    Section { id: super::id(l, "churn"), title: t.churn_title, lead, blocks }
}

fn blocks(l: &Locale<'_>, c: &Churn) -> Vec<Block> {
    let t = l.text;
    let mut figures = vec![];
    if !c.reliability.is_empty() {
        figures.push(reliability(l, c));
    }
    if !c.gain.is_empty() {
        figures.push(gain(l, c));
    }
    figures.extend(calibration::over_time(l, ("fig-churn-drift", &c.drift), &share_label(l)));
    if c.scores.iter().any(|n| *n > 0) {
        figures.push(scores(l, c));
    }
    if !c.importance.is_empty() {
        figures.push(importance(l, c));
    }
    let tested = fill(
        t.churn_tested,
        &[
            ("model", &words::model(l, &c.champion)),
            ("customers", &l.customers(c.test_customers)),
            ("rate", &l.percent(c.base_rate, 1)),
        ],
    );
    let mut blocks = vec![Block::Numbers(numbers(l, c)), Block::Text(tested.into())];
    if c.champion == c.baseline {
        blocks.push(Block::Text(t.baseline_answers.into()));
    }
    if !c.metrics.is_empty() {
        blocks.push(Block::Table(super::metrics_table(l, &c.metrics, &c.champion, &c.baseline)));
    }
    blocks.push(Block::Figures(figures));
    blocks.extend(calibration::by_kind(l, &c.slices, &|v| l.percent(v, 1)).map(Block::Table));
    blocks
}

fn numbers(l: &Locale<'_>, c: &Churn) -> Vec<Number> {
    let (t, today) = (l.text, &c.today);
    let share = if today.customers > 0 { today.leavers_expected / today.customers as f64 } else { f64::NAN };
    let of = fill(t.leavers_note, &[("share", &l.percent(share, 1)), ("n", &l.int(today.customers))]);
    let part = if today.usual_spend_cents > 0.0 { today.at_risk_cents / today.usual_spend_cents } else { f64::NAN };
    let usual = fill(t.at_risk_note, &[("share", &l.percent(part, 0)), ("usual", &l.money_about(today.usual_spend_cents))]);
    vec![
        Number { label: t.leavers.to_owned(), value: l.decimal(today.leavers_expected, 0), note: of },
        Number { label: t.at_risk_money.to_owned(), value: l.money_about(today.at_risk_cents), note: usual },
    ]
}

fn share_label<'a>(l: &'a Locale<'a>) -> impl Fn(f64) -> String + 'a {
    |v| l.percent(v, 0)
}

fn reliability(l: &Locale<'_>, c: &Churn) -> Figure {
    let t = l.text;
    let largest = c.reliability.iter().map(|bin| bin.customers).max().unwrap_or(1).max(1) as f64;
    let points: Vec<(f64, f64)> = c.reliability.iter().map(|bin| (bin.predicted, bin.observed)).collect();
    let markers = c.reliability.iter().map(|bin| Marker {
        class: "main",
        at: (bin.predicted, bin.observed),
        weight: bin.customers as f64 / largest * 0.4,
        note: fill(
            t.reliability_point,
            &[
                ("predicted", &l.percent(bin.predicted, 1)),
                ("observed", &l.percent(bin.observed, 1)),
                ("customers", &l.customers(bin.customers)),
            ],
        ),
    });
    let extent = points.iter().flat_map(|(a, b)| [*a, *b]).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let rows = c.reliability.iter().enumerate().map(|(index, bin)| {
        let shares = [Cell::number(l.percent(bin.predicted, 1)), Cell::number(l.percent(bin.observed, 1))];
        let place = [Cell::text(l.int(index as u64 + 1)), Cell::number(l.int(bin.customers))];
        place.into_iter().chain(shares).collect()
    });
    let id = super::id(l, "fig-reliability");
    let (predicted, observed, customers) = (format!("#{}", t.predicted), format!("#{}", t.observed), format!("#{}", t.customers));
    let plot = UnitPlot {
        curves: vec![Curve { class: "thin main", points }],
        markers: markers.collect(),
        x_name: t.predicted,
        y_name: t.observed,
        extent,
    };
    Figure {
        title: t.reliability_figure.to_owned(),
        note: t.reliability_note.to_owned(),
        legend: vec![],
        chart: unit_plot(
            &Caption { id: &id, title: t.reliability_figure, description: t.reliability_note },
            &plot,
            &share_label(l),
        ),
        twin: Table {
            caption: t.reliability_figure.to_owned(),
            head: heads(&[t.bin, &customers, &predicted, &observed]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}

/// Captured share at a contacted share, between the given points.
fn captured(points: &[GainPoint], contacted: f64) -> Option<f64> {
    let after = points.iter().position(|p| p.contacted >= contacted)?;
    let b = points[after];
    let a = after.checked_sub(1).map_or(GainPoint { contacted: 0.0, captured: 0.0 }, |i| points[i]);
    let extent = b.contacted - a.contacted;
    let part = if extent > 0.0 { (contacted - a.contacted) / extent } else { 1.0 };
    Some(a.captured + part * (b.captured - a.captured))
}

fn gain(l: &Locale<'_>, c: &Churn) -> Figure {
    let t = l.text;
    let points = |curve: &[GainPoint]| curve.iter().map(|p| (p.contacted, p.captured)).collect::<Vec<_>>();
    let mut curves = vec![];
    let mut legend = vec![("main", words::with_role(&words::model(l, &c.champion), t.status_champion))];
    if !c.gain_baseline.is_empty() {
        curves.push(Curve { class: "base", points: points(&c.gain_baseline) });
        legend.push(("base", words::with_role(&words::model(l, &c.baseline), t.baseline)));
    }
    curves.push(Curve { class: "main", points: points(&c.gain) });
    legend.push(("diagonal", t.at_random.to_owned()));
    let markers = captured(&c.gain, 0.1).into_iter().map(|share| Marker {
        class: "ink",
        at: (0.1, share),
        weight: 0.2,
        note: fill(t.gain_point, &[("captured", &l.percent(share, 1)), ("lift", &l.decimal(share * 10.0, 2))]),
    });
    let plot = UnitPlot { curves, markers: markers.collect(), x_name: t.contacted, y_name: t.captured, extent: 1.0 };
    let rows = (1..=10).map(|tenth| {
        let at = f64::from(tenth) / 10.0;
        let write = |curve: &[GainPoint]| Cell::number(captured(curve, at).map_or(String::new(), |share| l.percent(share, 1)));
        let baseline = (!c.gain_baseline.is_empty()).then(|| write(&c.gain_baseline));
        [Cell::text(l.percent(at, 0)), write(&c.gain)].into_iter().chain(baseline).collect()
    });
    let id = super::id(l, "fig-gain");
    let (ours, theirs) = (format!("#{}", t.status_champion), format!("#{}", t.baseline));
    let head = [t.contacted, &ours, &theirs];
    let columns = if c.gain_baseline.is_empty() { 2 } else { 3 };
    Figure {
        title: t.gain_figure.to_owned(),
        note: t.gain_note.to_owned(),
        legend,
        chart: unit_plot(&Caption { id: &id, title: t.gain_figure, description: t.gain_note }, &plot, &share_label(l)),
        twin: Table {
            caption: t.gain_figure.to_owned(),
            head: heads(&head[..columns]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}

fn scores(l: &Locale<'_>, c: &Churn) -> Figure {
    let t = l.text;
    let bins = c.scores.len() as f64;
    let edge = |index: usize| l.percent(index as f64 / bins, 0);
    let drawn: Vec<Column> = c
        .scores
        .iter()
        .enumerate()
        .map(|(index, n)| Column {
            label: edge(index),
            value: *n as f64,
            note: format!("{} – {}: {}", edge(index), edge(index + 1), l.customers(*n)),
            pale: false,
        })
        .collect();
    let rows = c
        .scores
        .iter()
        .enumerate()
        .map(|(index, n)| vec![Cell::text(format!("{} – {}", edge(index), edge(index + 1))), Cell::number(l.int(*n))]);
    let id = super::id(l, "fig-scores");
    let caption = Caption { id: &id, title: t.scores_figure, description: t.scores_note };
    Figure {
        title: t.scores_figure.to_owned(),
        note: t.scores_note.to_owned(),
        legend: vec![],
        chart: columns(&caption, &drawn, Spacing::Touching, &|v| l.short(v)),
        twin: Table {
            caption: t.scores_figure.to_owned(),
            head: heads(&[t.p_churn, &format!("#{}", t.customers)]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}

fn importance(l: &Locale<'_>, c: &Churn) -> Figure {
    let t = l.text;
    let top = || c.importance.iter().take(FEATURES_MAX);
    let drawn: Vec<Bar> = top()
        .map(|i| {
            let value = l.decimal(i.mean_abs, 2);
            let mark = BarMark { class: "main", length: i.mean_abs, note: format!("{}: {value}", i.feature) };
            Bar { name: l.feature(&i.feature), value, marks: vec![mark] }
        })
        .collect();
    let rows =
        top().map(|i| vec![Cell::text(l.feature(&i.feature)), Cell::code(&i.feature), Cell::number(l.decimal(i.mean_abs, 4))]);
    let id = super::id(l, "fig-importance");
    Figure {
        title: t.importance_figure.to_owned(),
        note: t.importance_note.to_owned(),
        legend: vec![],
        chart: bars(&Caption { id: &id, title: t.importance_figure, description: t.importance_note }, &drawn),
        twin: Table {
            caption: t.importance_figure.to_owned(),
            head: heads(&[t.feature, t.column, &format!("#{}", t.mean_abs)]),
            rows: rows.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}
