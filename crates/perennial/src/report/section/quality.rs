//! The quality verdict: may these data be learned from, what was refused, and does the money add up?

use crate::report::chart::spark;
use crate::report::data::{Quality, ReportData, RuleResult, Severity, TableFacts};
use crate::report::language::{Locale, NONE, fill};
use crate::report::view::{Block, Cell, Notice, Section, Table, Tone, Words, heads, missing};

/// Columns of a table beyond these are counted, not listed.
const COLUMNS_MAX: usize = 40;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let blocks = match data.quality.shown() {
        None => missing(l, &data.quality).into_iter().collect(),
        Some(q) => blocks(l, q),
    };
    Section { id: super::id(l, "quality"), title: t.quality_title, lead: t.quality_lead.to_owned(), blocks }
}

fn blocks(l: &Locale<'_>, q: &Quality) -> Vec<Block> {
    let t = l.text;
    let mut blocks = vec![Block::Notice(verdict(l, q))];
    if !q.rules.is_empty() {
        blocks.push(Block::Table(rules(l, &q.rules)));
    }
    if let Some(b) = &q.reconciliation {
        let tone = if b.balanced { Tone::Good } else { Tone::Risk };
        let says = if b.balanced { t.balanced } else { t.not_balanced };
        let money = |name: &str, amount: &str| vec![Cell::text(name), Cell::number(l.amount(amount))];
        let mut sum = money(t.loaded, &b.loaded);
        sum.push(Cell::badge(tone, says));
        let mut rows = vec![money(t.stated, &b.stated), money(t.rejected_money, &b.rejected), money(t.rounding, &b.rounding)];
        rows.iter_mut().for_each(|row| row.push(Cell::text("")));
        rows.push(sum);
        let head = heads(&[t.reconciliation, &format!("#{}", t.amount), t.verdict]);
        blocks.push(Block::Table(Table { caption: t.reconciliation_caption.to_owned(), head, rows, ..Table::default() }));
    }
    blocks.push(Block::Heading(t.rejects.to_owned()));
    if q.rejects.is_empty() {
        blocks.push(Block::Text(t.no_rejects.into()));
    } else {
        let rows = q.rejects.iter().map(|g| vec![Cell::phrase(l, &g.reason), Cell::code(&g.table), Cell::number(l.int(g.rows))]);
        let head = heads(&[t.reason, t.table, &format!("#{}", t.rows)]);
        blocks.push(Block::Table(Table {
            caption: t.rejects_caption.to_owned(),
            head,
            rows: rows.collect(),
            ..Table::default()
        }));
    }
    blocks.push(Block::Heading(t.policies.to_owned()));
    if q.policies.is_empty() {
        blocks.push(Block::Text(t.no_policies.into()));
    } else {
        let rows = q.policies.iter().map(|p| {
            let counts = [Cell::number(l.int(p.rows_changed)), Cell::number(l.int(p.rows_dropped))];
            [Cell::phrase(l, &p.policy), Cell::code(&p.table)].into_iter().chain(counts).collect()
        });
        let head = heads(&[t.policy, t.table, &format!("#{}", t.rows_changed), &format!("#{}", t.rows_dropped)]);
        blocks.push(Block::Table(Table {
            caption: t.policies_caption.to_owned(),
            head,
            rows: rows.collect(),
            ..Table::default()
        }));
    }
    if !q.tables.is_empty() {
        blocks.push(Block::Heading(t.tables.to_owned()));
        blocks.push(Block::Table(tables(l, &q.tables)));
        blocks.extend(q.tables.iter().filter(|table| !table.columns.is_empty()).map(|table| Block::Table(profile(l, table))));
    }
    blocks
}

fn verdict(l: &Locale<'_>, q: &Quality) -> Notice {
    let t = l.text;
    let broken = |severity: Severity| q.rules.iter().filter(|r| !r.passed && r.severity == severity).count() as u64;
    let (errors, warnings) = (broken(Severity::Error), broken(Severity::Warning));
    let values = [("errors", &*l.int(errors)), ("warnings", &*l.int(warnings)), ("rules", &*l.int(q.rules.len() as u64))];
    let counted = fill(t.gate_counts, &values);
    let (tone, title, text) = match (q.open, &q.overridden) {
        (true, _) if warnings > 0 => (Tone::Watch, t.gate_open, counted),
        (true, _) => (Tone::Good, t.gate_open, counted),
        (false, Some(why)) => (Tone::Risk, t.gate_overridden, format!("{counted} {}", fill(t.gate_why, &[("why", why)]))),
        (false, None) => (Tone::Risk, t.gate_shut, counted),
    };
    Notice { tone, title: title.to_owned(), text: Words::from(text) }
}

fn rules(l: &Locale<'_>, rules: &[RuleResult]) -> Table {
    let t = l.text;
    let mut sorted: Vec<&RuleResult> = rules.iter().collect();
    sorted.sort_by_key(|rule| (rule.passed, rule.severity));
    let rows = sorted.into_iter().map(|rule| {
        let state = match (rule.passed, rule.severity) {
            (true, _) => Cell::badge(Tone::Good, t.passed),
            (false, Severity::Error) => Cell::badge(Tone::Risk, t.severity_error),
            (false, Severity::Warning) => Cell::badge(Tone::Watch, t.severity_warning),
            (false, Severity::Info) => Cell::badge(Tone::Plain, t.severity_info),
        };
        let share = match (rule.count, rule.of) {
            (_, 0) => NONE.to_owned(),
            (1.., of) if rule.count as f64 / (of as f64) < 0.00005 => format!("<{}", l.percent(0.0001, 2)),
            (count, of) => l.percent(count as f64 / of as f64, 2),
        };
        vec![
            Cell::code(&rule.name),
            state,
            Cell::code(&rule.table),
            Cell::phrase(l, &rule.finding),
            Cell::number(l.int(rule.count)),
            Cell::number(share),
        ]
    });
    let head = heads(&[t.rule, t.verdict, t.table, t.finding, &format!("#{}", t.rows), &format!("#{}", t.share)]);
    Table { caption: t.rules_caption.to_owned(), head, rows: rows.collect(), ..Table::default() }
}

fn tables(l: &Locale<'_>, tables: &[TableFacts]) -> Table {
    let t = l.text;
    let rows = tables.iter().map(|table| {
        let period = match (table.first_day, table.last_day) {
            (Some(first), Some(last)) => format!("{} – {}", l.day(first), l.day(last)),
            _ => NONE.to_owned(),
        };
        let counts = [table.rows, table.rejected, table.duplicates, table.outliers].map(|n| Cell::number(l.int(n)));
        let holes = Cell::number(if table.first_day.is_some() { l.int(table.days_without_rows) } else { NONE.to_owned() });
        [Cell::code(&table.name)].into_iter().chain(counts).chain([Cell::text(period), holes]).collect()
    });
    let count = |name: &str| format!("#{name}");
    let (rows_head, rejected, duplicates) = (count(t.rows), count(t.rejected), count(t.duplicates));
    let (outliers, holes) = (count(t.outliers), count(t.days_without_rows));
    let head = heads(&[t.table, &rows_head, &rejected, &duplicates, &outliers, t.period, &holes]);
    Table { caption: t.tables_caption.to_owned(), head, rows: rows.collect(), ..Table::default() }
}

fn profile(l: &Locale<'_>, table: &TableFacts) -> Table {
    let t = l.text;
    let or_none = |text: &Option<String>| Cell::number(text.clone().unwrap_or_else(|| NONE.to_owned()));
    let rows = table.columns.iter().take(COLUMNS_MAX).map(|column| {
        let nulls = if table.rows > 0 { l.percent(column.nulls as f64 / table.rows as f64, 1) } else { NONE.to_owned() };
        let distinct = column
            .distinct
            .map_or(NONE.to_owned(), |n| format!("{}{}", if column.distinct_approximate { "≈ " } else { "" }, l.int(n)));
        let shape = if column.histogram.len() > 1 {
            Cell::chart(spark(&column.histogram.iter().map(|n| *n as f64).collect::<Vec<_>>()))
        } else {
            Cell::text("")
        };
        let counts = [Cell::number(nulls), Cell::number(distinct)];
        let values = [or_none(&column.min), or_none(&column.median), or_none(&column.max), shape];
        [Cell::code(&column.name)].into_iter().chain(counts).chain(values).collect()
    });
    let number = |name: &str| format!("#{name}");
    let (nulls, distinct) = (number(t.nulls), number(t.distinct));
    let (min, median, max) = (number(t.smallest), number(t.median), number(t.largest));
    Table {
        caption: fill(t.profile_caption, &[("table", &table.name)]),
        head: heads(&[t.column, &nulls, &distinct, &min, &median, &max, t.shape]),
        rows: rows.collect(),
        fold: Some(fill(t.profile_fold, &[("table", &table.name), ("n", &l.int(table.columns.len() as u64))])),
        class: "",
    }
}
