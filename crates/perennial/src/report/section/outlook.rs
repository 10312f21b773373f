//! What comes next: stages, expected orders and spend, the promises of the intervals, and the law behind them in pictures.

use crate::report::chart::{Bar, BarMark, Caption, Flows, Line, bars, flows, lines};
use crate::report::data::{CoverageRow, MoneyTest, Outlook, OutlookTest, Promise, ReportData};
use crate::report::language::{Locale, NONE, fill};
use crate::report::view::{Block, Cell, Figure, Section, Table, heads, missing};

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let blocks = match data.outlook.shown() {
        Some(outlook) => blocks(l, data, outlook),
        None => missing(l, &data.outlook).into_iter().collect(),
    };
    Section { id: super::id(l, "outlook"), title: t.outlook_title, lead: t.outlook_lead.to_owned(), blocks }
}

/// A window that began so long ago was of the season ahead, a year before.
const YEAR_AGO_DAYS_MIN: i32 = 300;

fn blocks(l: &Locale<'_>, data: &ReportData, outlook: &Outlook) -> Vec<Block> {
    let t = l.text;
    let mut blocks = vec![Block::Table(totals(l, outlook))];
    if let Some(from) = outlook.set_right_from {
        let horizon = l.days(i64::from(data.frame.horizon_days));
        let is_same_season = data.frame.as_of - from >= YEAR_AGO_DAYS_MIN && data.frame.horizon_days < YEAR_AGO_DAYS_MIN;
        let sentence = if is_same_season { t.outlook_of_season } else { t.outlook_of_last };
        blocks.push(Block::Text(fill(sentence, &[("horizon", &horizon), ("from", &l.day(from))]).into()));
    }
    blocks.push(Block::Heading(t.stages.to_owned()));
    let mut figures = vec![stages(l, outlook)];
    figures.extend(migration(l, outlook));
    blocks.push(Block::Figures(figures));
    if let Some(test) = &outlook.test {
        blocks.push(Block::Heading(t.promises.to_owned()));
        blocks.push(Block::Text(promises_lead(l, outlook, test).into()));
        blocks.push(Block::Table(coverage(l, test)));
        blocks.push(Block::Figures(vec![tracking(l, test), by_repeats(l, test)]));
    }
    blocks.push(Block::Heading(t.matrix.to_owned()));
    let horizon = l.days(i64::from(outlook.matrix.horizon_days));
    blocks.push(Block::Text(fill(t.matrix_note, &[("horizon", &horizon)]).into()));
    blocks.push(Block::Table(matrix(l, outlook)));
    if outlook.second_orders.iter().any(|cohort| cohort.share.len() > 1) {
        blocks.push(Block::Figures(vec![second_orders(l, outlook)]));
    }
    blocks
}

fn head_over_numbers(names: &[&str]) -> Vec<String> {
    names.iter().enumerate().map(|(at, name)| if at == 0 { (*name).to_owned() } else { format!("#{name}") }).collect()
}

fn table(caption: &str, head: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    let head = head_over_numbers(head);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    Table { caption: caption.to_owned(), head: heads(&head), rows, ..Table::default() }
}

fn totals(l: &Locale<'_>, outlook: &Outlook) -> Table {
    let t = l.text;
    let rows = outlook.horizons.iter().map(|h| {
        let days = l.days(i64::from(h.days));
        let name = if h.is_extrapolated { format!("{days} ({})", t.extrapolated) } else { days };
        vec![
            Cell::text(name),
            Cell::number(l.decimal(h.buyers_expected, 0)),
            Cell::number(l.decimal(h.orders_expected, 0)),
            Cell::number(l.money_about(h.spend_cents_expected)),
            Cell::number(l.money_about(h.gross_cents_expected)),
            Cell::number(h.margin_cents_expected.map_or(NONE.to_owned(), |cents| l.money_about(cents))),
        ]
    });
    let head = [t.within, t.buyers_expected, t.orders_expected, t.expected_spend, t.gross_expected, t.margin_expected];
    table(t.outlook_totals, &head, rows.collect())
}

fn stages(l: &Locale<'_>, outlook: &Outlook) -> Figure {
    let t = l.text;
    let all: u64 = outlook.stages.iter().map(|stage| stage.customers).sum();
    let known = || outlook.stages.iter().filter(|stage| stage.customers > 0);
    let share = |customers: u64| l.percent(customers as f64 / all.max(1) as f64, 0);
    let drawn: Vec<Bar> = known()
        .map(|stage| Bar {
            name: l.phrase(&stage.name).to_owned(),
            value: format!("{} · {}", l.customers(stage.customers), share(stage.customers)),
            marks: vec![BarMark { class: "main", length: stage.customers as f64, note: l.customers(stage.customers) }],
        })
        .collect();
    let rows = known().map(|stage| {
        vec![
            Cell::text(l.phrase(&stage.name)),
            Cell::phrase(l, &stage.meaning),
            Cell::number(l.int(stage.customers)),
            Cell::number(share(stage.customers)),
            Cell::number(l.money_about(stage.spend_cents_expected)),
        ]
    });
    let id = super::id(l, "fig-stages");
    let number = |name: &str| format!("#{name}");
    let (customers, part, spend) = (number(t.customers), number(t.share), number(t.stage_spend));
    let twin = Table {
        caption: t.stages_figure.to_owned(),
        head: heads(&[t.stage, t.stage_rule, &customers, &part, &spend]),
        rows: rows.collect(),
        ..Table::default()
    };
    Figure {
        title: t.stages_figure.to_owned(),
        note: t.stages_note.to_owned(),
        legend: vec![],
        chart: bars(&Caption { id: &id, title: t.stages_figure, description: t.stages_note }, &drawn),
        twin: Table { fold: Some(t.as_table.to_owned()), ..twin },
        wide: false,
    }
}

fn migration(l: &Locale<'_>, outlook: &Outlook) -> Option<Figure> {
    let t = l.text;
    let moved = outlook.migration.as_ref()?;
    let used: Vec<usize> = (0..outlook.stages.len())
        .filter(|&at| moved.counts[at].iter().sum::<u64>() + moved.counts.iter().map(|row| row[at]).sum::<u64>() > 0)
        .collect();
    let names: Vec<String> = used.iter().map(|&at| l.phrase(&outlook.stages[at].name).to_owned()).collect();
    let counts: Vec<Vec<u64>> = used.iter().map(|&i| used.iter().map(|&j| moved.counts[i][j]).collect()).collect();
    let note = fill(t.stages_moved_note, &[("from", &l.day(moved.from)), ("to", &l.day(moved.to))]);
    let rows = names.iter().zip(&counts).map(|(name, row)| {
        std::iter::once(Cell::text(name.clone())).chain(row.iter().map(|count| Cell::number(l.int(*count)))).collect()
    });
    let mut head = vec![t.stage];
    head.extend(names.iter().map(String::as_str));
    let twin = table(t.stages_moved, &head, rows.collect());
    let id = super::id(l, "fig-stages-moved");
    let caption = Caption { id: &id, title: t.stages_moved, description: &note };
    let ranks: Vec<i32> = used.iter().map(|&at| outlook.stages[at].rank).collect();
    let chart = flows(&caption, &Flows { from: &names, to: &names, ranks: &ranks, counts: &counts }, &|i, j, count| {
        format!("{} → {}{}{}", names[i], names[j], t.colon, l.customers(count))
    });
    Some(Figure {
        title: t.stages_moved.to_owned(),
        note,
        legend: vec![("good", t.moved_up.to_owned()), ("risk", t.moved_down.to_owned()), ("stay", t.stayed_alike.to_owned())],
        chart,
        twin: Table { fold: Some(t.as_table.to_owned()), ..twin },
        wide: false,
    })
}

fn promises_lead(l: &Locale<'_>, outlook: &Outlook, test: &OutlookTest) -> String {
    let values = [
        ("law", &*law(l, &outlook.law)),
        ("customers", &*l.customers(test.customers)),
        ("days", &*l.days(i64::from(test.days))),
        ("from", &*l.day(test.from)),
    ];
    let lead = fill(l.text.promises_lead, &values);
    match test.money {
        Some(MoneyTest { net_ratio, gross_ratio }) => {
            let ratios = [("net", &*l.decimal(net_ratio, 2)), ("gross", &*l.decimal(gross_ratio, 2))];
            format!("{lead} {}", fill(l.text.money_judged, &ratios))
        }
        None => lead,
    }
}

/// The name of a law of orders.
fn law(l: &Locale<'_>, key: &str) -> String {
    match key {
        "bgnbd" => "BG/NBD".to_owned(),
        "mbgnbd" => "MBG/NBD".to_owned(),
        "pareto_nbd" => "Pareto/NBD".to_owned(),
        "nbd" => l.text.law_nbd.to_owned(),
        other => other.to_owned(),
    }
}

fn coverage(l: &Locale<'_>, test: &OutlookTest) -> Table {
    let t = l.text;
    let row = |row: &CoverageRow| {
        let what = match row.of {
            Promise::Spend => t.expected_spend,
            Promise::NextOrder => t.next_order,
            Promise::Orders => t.orders_expected,
        };
        let (low, high) = row.tenths;
        vec![
            Cell::text(format!("{what}, {}%", row.percent)),
            Cell::number(l.percent(row.by_pit, 1)),
            Cell::number(format!("{} – {}", l.percent(low, 0), l.percent(high, 0))),
            Cell::number(l.percent(row.plain, 1)),
        ]
    };
    table(t.promises_caption, &[t.interval, t.held, t.held_tenths, t.held_plain], test.coverage.iter().map(row).collect())
}

fn tracking(l: &Locale<'_>, test: &OutlookTest) -> Figure {
    let t = l.text;
    let places: Vec<String> = test.weeks.iter().map(|week| l.int(week.days.unsigned_abs().into())).collect();
    let series = [
        Line { class: "main", name: t.predicted, values: test.weeks.iter().map(|week| week.expected).collect() },
        Line { class: "base", name: t.actual, values: test.weeks.iter().map(|week| week.actual).collect() },
    ];
    let rows = test.weeks.iter().map(|week| {
        vec![
            Cell::text(l.int(week.days.unsigned_abs().into())),
            Cell::number(l.decimal(week.expected, 0)),
            Cell::number(l.decimal(week.actual, 0)),
        ]
    });
    let id = super::id(l, "fig-tracking");
    let twin = table(t.tracking, &[t.day_of_window, t.predicted, t.actual], rows.collect());
    Figure {
        title: t.tracking.to_owned(),
        note: t.tracking_note.to_owned(),
        legend: vec![("main", t.predicted.to_owned()), ("base", t.actual.to_owned())],
        chart: lines(&Caption { id: &id, title: t.tracking, description: t.tracking_note }, &places, &series, &|v| {
            l.decimal(v, 0)
        }),
        twin: Table { fold: Some(t.as_table.to_owned()), ..twin },
        wide: false,
    }
}

fn by_repeats(l: &Locale<'_>, test: &OutlookTest) -> Figure {
    let t = l.text;
    let name = |repeats: u64, or_more: bool| {
        let pattern = if or_more { t.repeats_or_more } else { t.repeats };
        fill(pattern, &[("n", &l.int(repeats))])
    };
    let drawn: Vec<Bar> = test
        .by_repeats
        .iter()
        .map(|row| {
            let (expected, actual) = (l.decimal(row.expected, 2), l.decimal(row.actual, 2));
            Bar {
                name: format!("{} · {}", name(row.repeats, row.or_more), l.customers(row.customers)),
                value: format!("{expected} / {actual}"),
                marks: vec![
                    BarMark { class: "main", length: row.expected, note: format!("{}{}{expected}", t.predicted, t.colon) },
                    BarMark { class: "base", length: row.actual, note: format!("{}{}{actual}", t.actual, t.colon) },
                ],
            }
        })
        .collect();
    let rows = test.by_repeats.iter().map(|row| {
        vec![
            Cell::text(name(row.repeats, row.or_more)),
            Cell::number(l.int(row.customers)),
            Cell::number(l.decimal(row.expected, 3)),
            Cell::number(l.decimal(row.actual, 3)),
        ]
    });
    let id = super::id(l, "fig-by-repeats");
    let twin = table(t.by_repeats, &[t.repeat_orders, t.customers, t.predicted, t.actual], rows.collect());
    Figure {
        title: t.by_repeats.to_owned(),
        note: t.by_repeats_note.to_owned(),
        legend: vec![("main", t.predicted.to_owned()), ("base", t.actual.to_owned())],
        chart: bars(&Caption { id: &id, title: t.by_repeats, description: t.by_repeats_note }, &drawn),
        twin: Table { fold: Some(t.as_table.to_owned()), ..twin },
        wide: false,
    }
}

fn matrix(l: &Locale<'_>, outlook: &Outlook) -> Table {
    let (t, m) = (l.text, &outlook.matrix);
    let highest = m.orders_expected.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let last = m.orders_expected.len().saturating_sub(1);
    let rows = m.orders_expected.iter().enumerate().map(|(repeats, row)| {
        let pattern = if repeats == last { t.repeats_or_more } else { t.repeats };
        let cells = row.iter().map(|cell| match cell {
            Some(orders) => Cell::heat(l.decimal(*orders, 2), if highest > 0.0 { (orders / highest * 8.0) as usize } else { 0 }),
            None => Cell::text(""),
        });
        std::iter::once(Cell::text(fill(pattern, &[("n", &l.int(repeats as u64))])))
            .chain(std::iter::once(Cell::text("")))
            .chain(cells)
            .collect()
    });
    let days: Vec<String> = m.days_since_last_order.iter().map(|days| l.int(days.unsigned_abs().into())).collect();
    let mut head = vec![t.repeat_orders, t.days_silent];
    head.extend(days.iter().map(String::as_str));
    Table { class: "heat", ..table(t.matrix, &head, rows.collect()) }
}

fn second_orders(l: &Locale<'_>, outlook: &Outlook) -> Figure {
    const CLASSES: [&str; 3] = ["main", "base", "risk"];
    let t = l.text;
    // Three curves can be told apart: the oldest, the middle and the newest with half a year of life.
    let long: Vec<_> = outlook.second_orders.iter().filter(|cohort| cohort.share.len() > 5).collect();
    let long = if long.is_empty() { outlook.second_orders.iter().collect() } else { long };
    let mut picked = vec![0, long.len() / 2, long.len().saturating_sub(1)];
    picked.dedup();
    let shown: Vec<_> = picked.into_iter().filter_map(|at| long.get(at)).zip(CLASSES).collect();
    let months = shown.iter().map(|(cohort, _)| cohort.share.len()).max().unwrap_or(0);
    let names: Vec<String> = shown.iter().map(|(cohort, _)| l.month(cohort.quarter)).collect();
    let series: Vec<Line<'_>> = shown
        .iter()
        .zip(&names)
        .map(|((cohort, class), name)| {
            let value = |month: usize| cohort.share.get(month).copied().unwrap_or(f64::NAN);
            Line { class, name, values: (0..months).map(value).collect() }
        })
        .collect();
    let places: Vec<String> = (1..=months).map(|month| l.int(month as u64)).collect();
    let rows = outlook.second_orders.iter().map(|cohort| {
        let at =
            |month: usize| cohort.share.get(month - 1).map_or_else(|| Cell::text(""), |share| Cell::number(l.percent(*share, 1)));
        vec![Cell::text(l.month(cohort.quarter)), Cell::number(l.int(cohort.customers)), at(1), at(3), at(6), at(12)]
    });
    let after = |months: u64| fill(t.after_months, &[("n", &l.int(months))]);
    let marks = [1, 3, 6, 12].map(after);
    let head = [t.quarter_from, t.customers, &*marks[0], &*marks[1], &*marks[2], &*marks[3]];
    let id = super::id(l, "fig-second-orders");
    let twin = table(t.second_orders, &head, rows.collect());
    Figure {
        title: t.second_orders.to_owned(),
        note: t.second_orders_note.to_owned(),
        legend: shown.iter().zip(&names).map(|((_, class), name)| (*class, name.clone())).collect(),
        chart: lines(&Caption { id: &id, title: t.second_orders, description: t.second_orders_note }, &places, &series, &|v| {
            l.percent(v, 0)
        }),
        twin: Table { fold: Some(t.as_table.to_owned()), ..twin },
        wide: false,
    }
}
