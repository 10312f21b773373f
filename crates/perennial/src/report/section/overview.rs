//! The shop at a glance: what came in, from how many, month by month.

use crate::report::chart::{Caption, Column, Line, Spacing, columns, lines};
use crate::report::data::{MonthFacts, Overview, ReportData};
use crate::report::language::{Locale, NONE, fill};
use crate::report::view::{Block, Cell, Figure, Notice, Number, Section, Table, Tone, Words, heads};

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let (t, o) = (l.text, &data.overview);
    let mut blocks = vec![Block::Numbers(numbers(l, o))];
    if o.months.is_empty() {
        let text = Words::from(t.overview_empty);
        blocks.push(Block::Notice(Notice { tone: Tone::Plain, title: t.absent_title.to_owned(), text }));
    } else {
        blocks.push(Block::Figures(vec![revenue(l, o), active(l, o)]));
    }
    Section { id: super::id(l, "overview"), title: t.overview_title, lead: t.overview_lead.to_owned(), blocks }
}

fn numbers(l: &Locale<'_>, o: &Overview) -> Vec<Number> {
    let t = l.text;
    let share = |part: u64, whole: u64| if whole > 0 { l.percent(part as f64 / whole as f64, 1) } else { NONE.to_owned() };
    let money_share = |part: i64, whole: i64| {
        if whole > 0 { l.percent(part as f64 / whole as f64, 1) } else { NONE.to_owned() }
    };
    let number = |label: &str, value: String, note: String| Number { label: label.to_owned(), value, note };
    let period = match (o.first_day, o.last_day) {
        (Some(first), Some(last)) => {
            let note = fill(t.period_note, &[("from", &l.day(first)), ("to", &l.day(last))]);
            number(t.period, l.days(i64::from(last - first) + 1), note)
        }
        _ => number(t.period, NONE.to_owned(), String::new()),
    };
    vec![
        number(t.net_revenue, l.money(o.net_revenue_cents), fill(t.net_revenue_note, &[("sales", &l.money(o.sales_cents))])),
        number(
            t.returned,
            l.money(o.returned_cents),
            fill(t.returned_note, &[("share", &money_share(o.returned_cents, o.sales_cents)), ("returns", &l.int(o.returns))]),
        ),
        number(t.customers, l.int(o.customers), fill(t.customers_note, &[("repeat", &share(o.customers_repeat, o.customers))])),
        number(t.orders, l.int(o.orders), orders_note(l, o)),
        number(t.guests, share(o.orders_guest, o.orders), fill(t.guests_note, &[("money", &l.money(o.guest_revenue_cents))])),
        period,
    ]
}

/// Lines, and the orders that are no sale where there are any.
fn orders_note(l: &Locale<'_>, o: &Overview) -> String {
    let mut note = fill(l.text.orders_note, &[("lines", &l.int(o.lines))]);
    if o.orders_no_sale > 0 {
        note += &fill(l.text.orders_no_sale_note, &[("n", &l.int(o.orders_no_sale))]);
    }
    note
}

fn revenue(l: &Locale<'_>, o: &Overview) -> Figure {
    let (t, months) = (l.text, &o.months);
    let bars: Vec<Column> = months
        .iter()
        .map(|m| Column {
            label: l.month(m.month),
            value: m.net_revenue_cents as f64,
            note: format!("{}: {}", l.month(m.month), l.money(m.net_revenue_cents)),
            pale: !m.complete,
        })
        .collect();
    let title = l.with_currency(t.revenue_figure);
    let id = super::id(l, "fig-revenue");
    let caption = Caption { id: &id, title: &title, description: t.revenue_figure_note };
    let mut legend = vec![];
    if months.iter().any(|m| !m.complete) {
        legend = vec![("main", t.month_whole.to_owned()), ("pale", t.month_cut.to_owned())];
    }
    Figure {
        title: title.clone(),
        note: t.revenue_figure_note.to_owned(),
        legend,
        chart: columns(&caption, &bars, Spacing::Apart, &|v| l.money_short(v)),
        twin: month_table(l, o),
        wide: false,
    }
}

fn active(l: &Locale<'_>, o: &Overview) -> Figure {
    let (t, months) = (l.text, &o.months);
    let whole: Vec<&MonthFacts> = months.iter().filter(|m| m.complete).collect();
    let shown: Vec<&MonthFacts> = if whole.len() > 1 { whole } else { months.iter().collect() };
    let places: Vec<String> = shown.iter().map(|m| l.month(m.month)).collect();
    let series = [
        Line { class: "main", name: t.active_customers, values: shown.iter().map(|m| m.customers_active as f64).collect() },
        Line { class: "base", name: t.first_customers, values: shown.iter().map(|m| m.customers_first as f64).collect() },
    ];
    let id = super::id(l, "fig-active");
    let caption = Caption { id: &id, title: t.active_figure, description: t.active_figure_note };
    Figure {
        title: t.active_figure.to_owned(),
        note: t.active_figure_note.to_owned(),
        legend: series.iter().map(|line| (if line.class == "main" { "main" } else { "base" }, line.name.to_owned())).collect(),
        chart: lines(&caption, &places, &series, &|v| l.short(v)),
        twin: month_table(l, o),
        wide: false,
    }
}

fn month_table(l: &Locale<'_>, o: &Overview) -> Table {
    let t = l.text;
    let columns = [t.month, t.net_revenue, t.orders, t.active_customers, t.first_customers];
    let head: Vec<String> =
        columns.iter().enumerate().map(|(i, name)| format!("{}{name}", if i > 0 { "#" } else { "" })).collect();
    let rows = o
        .months
        .iter()
        .map(|m| {
            let name = l.month(m.month);
            let name = if m.complete { name } else { format!("{name} *") };
            vec![
                Cell::text(name),
                Cell::number(l.money(m.net_revenue_cents)),
                Cell::number(l.int(m.orders)),
                Cell::number(l.int(m.customers_active)),
                Cell::number(l.int(m.customers_first)),
            ]
        })
        .collect();
    Table {
        caption: match o.first_day.zip(o.months.first()) {
            // The page holds no more; what lies before is in the totals.
            Some((first, shown)) if first < shown.month => {
                format!("{} {}", t.months_caption, fill(t.months_before, &[("from", &l.day(first))]))
            }
            _ => t.months_caption.to_owned(),
        },
        head: heads(&head.iter().map(String::as_str).collect::<Vec<_>>()),
        rows,
        fold: Some(t.as_table.to_owned()),
        class: "",
    }
}
