//! Who belongs together, what sets each group apart, and who has moved.

use crate::report::chart::{Bar, BarMark, Caption, Flows, bars, flows};
use crate::report::data::{Clusters, Migration, ReportData, SegmentFacts, Segments};
use crate::report::language::{Locale, NONE, fill};
use crate::report::view::{Block, Cell, Figure, Group, Section, Table, Words, heads, missing};
use crate::report::words;

/// Traits named on a card.
const TRAITS_MAX: usize = 3;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let blocks = match data.segments.shown() {
        Some(segments) => blocks(l, segments, data.frame.look_back_days),
        None => missing(l, &data.segments).into_iter().collect(),
    };
    Section { id: super::id(l, "segments"), title: t.segments_title, lead: t.segments_lead.to_owned(), blocks }
}

fn blocks(l: &Locale<'_>, segments: &Segments, look_back_days: i32) -> Vec<Block> {
    let t = l.text;
    let mut blocks = vec![Block::Heading(t.rfm_groups.to_owned())];
    if segments.rfm.is_empty() {
        blocks.push(Block::Text(t.segments_empty.into()));
    } else {
        blocks.push(Block::Text(t.rfm_how.into()));
        blocks.push(Block::Groups(groups(l, &segments.rfm, |facts| words::segment(l, &facts.name))));
        let mut figures = vec![shares(l, &segments.rfm)];
        figures.extend(leaving(l, &segments.rfm, look_back_days));
        figures.extend(segments.migration.as_ref().filter(|m| moved(m) > 0).map(|m| migration(l, m)));
        blocks.push(Block::Figures(figures));
    }
    blocks.push(Block::Heading(t.clusters.to_owned()));
    match segments.clusters.shown() {
        Some(clusters) => blocks.extend(cluster_blocks(l, clusters)),
        None => blocks.extend(missing(l, &segments.clusters)),
    }
    blocks
}

fn cluster_blocks(l: &Locale<'_>, clusters: &Clusters) -> Vec<Block> {
    let t = l.text;
    let stability = clusters.stability.map_or(NONE.to_owned(), |s| l.decimal(s, 2));
    let quality = fill(t.clusters_quality, &[("silhouette", &l.decimal(clusters.silhouette, 2)), ("stability", &stability)]);
    let named = |facts: &SegmentFacts| words::segment(l, &facts.name);
    vec![
        Block::Text(Words::of(l, &clusters.chosen_because)),
        Block::Groups(groups(l, &clusters.groups, named)),
        Block::Text(quality.into()),
    ]
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn totals(rows: &[SegmentFacts]) -> (f64, f64) {
    (rows.iter().map(|s| s.customers as f64).sum(), rows.iter().map(|s| s.spend_cents.max(0) as f64).sum())
}

fn groups(l: &Locale<'_>, rows: &[SegmentFacts], name: impl Fn(&SegmentFacts) -> String) -> Vec<Group> {
    let t = l.text;
    let (customers, spend) = totals(rows);
    let is_asked = churn_answers(rows);
    rows.iter()
        .filter(|facts| facts.customers > 0)
        .map(|facts| {
            let of_customers = share(facts.customers as f64, customers).map_or(NONE.to_owned(), |s| l.percent(s, 1));
            let of_spend = share(facts.spend_cents.max(0) as f64, spend).map_or(NONE.to_owned(), |s| l.percent(s, 1));
            let mut lines = vec![(t.orders_each.to_owned(), l.decimal(facts.orders_mean, 1))];
            let once = [("n", &*l.int(facts.customers_once)), ("of", &*l.int(facts.customers))];
            lines.push((t.once.to_owned(), fill(t.once_value, &once)));
            let each = facts.spend_cents as f64 / facts.customers as f64;
            lines.push((t.spend_each.to_owned(), l.money_about(each)));
            if let Some(days) = facts.days_since_last_order_median {
                lines.push((t.last_order.to_owned(), fill(t.days_ago, &[("days", &l.days(days.round() as i64))])));
            }
            if is_asked {
                lines.push((t.p_churn_active.to_owned(), leaves(l, facts, 0)));
            }
            Group {
                name: name(facts),
                size: l.customers(facts.customers),
                share: fill(t.group_share, &[("customers", &of_customers), ("spend", &of_spend)]),
                description: describe(l, facts),
                facts: lines,
            }
        })
        .collect()
}

/// The usual sentence of a fixed name; where the name itself says what sets a group apart, its means.
fn describe(l: &Locale<'_>, facts: &SegmentFacts) -> Words {
    let known = words::segment_description(l, &facts.name);
    let traits: Vec<String> = facts.traits.iter().take(TRAITS_MAX).map(|found| words::trait_sentence(l, found)).collect();
    let is_named_by_traits = l.groups.contains_key(&facts.name);
    Words::from(match known {
        Some(known) if !is_named_by_traits || traits.is_empty() => known,
        None if traits.is_empty() => l.text.no_traits.to_owned(),
        _ => fill(l.text.group_means, &[("traits", &traits.join(l.text.list_comma))]),
    })
}

fn shares(l: &Locale<'_>, rows: &[SegmentFacts]) -> Figure {
    let t = l.text;
    let (customers, spend) = totals(rows);
    let of = |facts: &SegmentFacts| {
        let a = share(facts.customers as f64, customers).unwrap_or(0.0);
        (a, share(facts.spend_cents.max(0) as f64, spend).unwrap_or(0.0))
    };
    let drawn: Vec<Bar> = rows
        .iter()
        .filter(|facts| facts.customers > 0)
        .map(|facts| {
            let (a, b) = of(facts);
            let (a_text, b_text) = (l.percent(a, 1), l.percent(b, 1));
            Bar {
                name: words::segment(l, &facts.name),
                value: format!("{a_text} · {b_text}"),
                marks: vec![
                    BarMark { class: "base", length: a, note: format!("{}: {a_text}", t.share_customers) },
                    BarMark { class: "main", length: b, note: format!("{}: {b_text}", t.share_spend) },
                ],
            }
        })
        .collect();
    let table = rows.iter().map(|facts| {
        let (a, b) = of(facts);
        let shares = [Cell::number(l.percent(a, 1)), Cell::number(l.percent(b, 1))];
        let counts = [Cell::number(l.int(facts.customers)), Cell::number(l.money(facts.spend_cents))];
        [Cell::text(words::segment(l, &facts.name))].into_iter().chain(counts).chain(shares).collect()
    });
    let id = super::id(l, "fig-shares");
    let number = |name: &str| format!("#{name}");
    let head = [t.segment.to_owned(), number(t.customers), number(t.spend), number(t.share_customers), number(t.share_spend)];
    Figure {
        title: t.shares_figure.to_owned(),
        note: t.shares_figure_note.to_owned(),
        legend: vec![("base", t.share_customers.to_owned()), ("main", t.share_spend.to_owned())],
        chart: bars(&Caption { id: &id, title: t.shares_figure, description: t.shares_figure_note }, &drawn),
        twin: Table {
            caption: t.shares_figure.to_owned(),
            head: heads(&head.iter().map(String::as_str).collect::<Vec<_>>()),
            rows: table.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    }
}

fn churn_answers(rows: &[SegmentFacts]) -> bool {
    rows.iter().any(|facts| facts.p_churn_mean.is_some())
}

/// The mean probability of leaving of a group's active customers, or that it has none.
fn leaves(l: &Locale<'_>, facts: &SegmentFacts, places: usize) -> String {
    facts.p_churn_mean.map_or_else(|| l.text.nobody_active.to_owned(), |p| l.percent(p, places))
}

/// Mean probability of leaving, group by group, where a churn model answers.
fn leaving(l: &Locale<'_>, rows: &[SegmentFacts], look_back_days: i32) -> Option<Figure> {
    let t = l.text;
    if !churn_answers(rows) {
        return None;
    }
    let bar = |facts: &SegmentFacts| {
        let (name, value) = (words::segment(l, &facts.name), leaves(l, facts, 0));
        let mark = |p: f64| BarMark { class: "risk", length: p, note: format!("{name}: {value}") };
        Bar { marks: facts.p_churn_mean.map(mark).into_iter().collect(), name, value }
    };
    let drawn: Vec<Bar> = rows.iter().filter(|facts| facts.customers > 0).map(bar).collect();
    let table = rows.iter().filter(|facts| facts.customers > 0).map(|facts| {
        let numbers = [l.int(facts.customers_active), leaves(l, facts, 1)].map(Cell::number);
        [Cell::text(words::segment(l, &facts.name))].into_iter().chain(numbers).collect()
    });
    let note = fill(t.leaving_figure_note, &[("look_back", &l.days(i64::from(look_back_days)))]);
    let id = super::id(l, "fig-leaving");
    Some(Figure {
        title: t.leaving_figure.to_owned(),
        chart: bars(&Caption { id: &id, title: t.leaving_figure, description: &note }, &drawn),
        note,
        legend: vec![],
        twin: Table {
            caption: t.leaving_figure.to_owned(),
            head: heads(&[t.segment, &format!("#{}", t.active_customers), &format!("#{}", t.p_churn)]),
            rows: table.collect(),
            fold: Some(t.as_table.to_owned()),
            class: "",
        },
        wide: false,
    })
}

fn moved(m: &Migration) -> u64 {
    m.counts.iter().flatten().sum::<u64>() + m.arrivals.iter().sum::<u64>()
}

fn migration(l: &Locale<'_>, m: &Migration) -> Figure {
    let t = l.text;
    let to: Vec<String> = m.names.iter().map(|name| words::segment(l, name)).collect();
    let mut from = to.clone();
    let mut counts = m.counts.clone();
    counts.resize(to.len(), Vec::new());
    if m.arrivals.iter().any(|n| *n > 0) {
        from.push(t.arrivals.to_owned());
        counts.push(m.arrivals.clone());
    }
    let days = [("from", &*l.day(m.from)), ("to", &*l.day(m.to))];
    let (title, note) = (fill(t.migration_figure, &days), fill(t.migration_note, &days));
    let id = super::id(l, "fig-migration");
    let say = |i: usize, j: usize, n: u64| {
        let name = |names: &[String], k: usize| names.get(k).cloned().unwrap_or_default();
        format!("{} → {}: {}", name(&from, i), name(&to, j), l.customers(n))
    };
    // Best first.
    let ranks: Vec<i32> = (0..to.len() as i32).map(|place| -place).collect();
    let caption = Caption { id: &id, title: &title, description: &note };
    let chart = flows(&caption, &Flows { from: &from, to: &to, ranks: &ranks, counts: &counts }, &say);
    let mut head = heads(&[t.from_to]);
    head.extend(to.iter().flat_map(|name| heads(&[&format!("#{name}")])));
    let rows = from.iter().zip(&counts).map(|(name, row)| {
        let cells = (0..to.len()).map(|j| Cell::number(l.int(row.get(j).copied().unwrap_or(0))));
        std::iter::once(Cell::text(name.clone())).chain(cells).collect()
    });
    let twin = Table { caption: title.clone(), head, rows: rows.collect(), fold: Some(t.as_table.to_owned()), class: "" };
    let legend = vec![
        ("good", t.moved_up.to_owned()),
        ("risk", t.moved_down.to_owned()),
        ("stay", t.stayed.to_owned()),
        ("base", t.arrivals.to_owned()),
    ];
    Figure { title, note, legend, chart, twin, wide: true }
}
