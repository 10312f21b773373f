//! What was decided before anything was learned: the day, the horizon, who is asked about.

use perennial_contract::Day;

use crate::report::data::{Frame, Hindsight, ReportData};
use crate::report::language::{Locale, fill};
use crate::report::view::{Block, Cell, Section, Table, heads};
use crate::report::words;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let (t, f) = (l.text, &data.frame);
    let table = Table {
        caption: t.frame_caption.to_owned(),
        head: heads(&[t.decided, t.choice, t.why]),
        rows: rows(l, f),
        ..Table::default()
    };
    let lead = fill(t.frame_lead, &[("within", l.phrase(&f.within)), ("look_back", &l.days(i64::from(f.look_back_days)))]);
    Section { id: super::id(l, "frame"), title: t.frame_title, lead, blocks: vec![Block::Table(table)] }
}

/// What is told of models that know what came after the report's day.
pub fn hindsight(l: &Locale<'_>, pattern: &str, (as_of, found): (Day, &Hindsight)) -> String {
    let tasks: Vec<String> = found.tasks.iter().map(|task| words::task(l, task)).collect();
    let values =
        [("tasks", &*tasks.join(l.text.enumeration_comma)), ("as_of", &*l.day(as_of)), ("trained", &*l.day(found.trained_as_of))];
    fill(pattern, &values)
}

fn rows(l: &Locale<'_>, f: &Frame) -> Vec<Vec<Cell>> {
    let t = l.text;
    let row = |name: &str, value: String, why: Cell| vec![Cell::text(name), Cell::text(value), why];
    let text = |text: String| Cell { class: "words".to_owned(), ..Cell::text(text) };
    let as_of_why = match &f.hindsight {
        Some(found) => hindsight(l, t.as_of_hindsight, (f.as_of, found)),
        None => t.as_of_why.to_owned(),
    };
    let mut rows = vec![
        row(t.as_of, l.day(f.as_of), text(as_of_why)),
        row(t.horizon, l.days(i64::from(f.horizon_days)), Cell::phrase(l, &f.horizon_reason)),
        row(t.look_back, l.days(i64::from(f.look_back_days)), Cell::phrase(l, &f.look_back_reason)),
        vec![Cell::text(t.definition), Cell::phrase(l, &f.leaving), text(t.definition_why.to_owned())],
    ];
    if let Some(gap) = f.gap_days {
        let quantile = |days: f64| l.decimal(days, 0);
        let values = [("q50", &*quantile(gap.q50)), ("q80", &*quantile(gap.q80)), ("q90", &*quantile(gap.q90))];
        rows.push(row(t.gaps, fill(t.gaps_value, &values), text(t.gaps_why.to_owned())));
    }
    let eligible = fill(t.eligible_value, &[("n", &l.int(f.customers_eligible)), ("of", &l.int(f.customers_known))]);
    let look_back = l.days(i64::from(f.look_back_days));
    rows.push(row(t.eligible, eligible, text(fill(t.eligible_why, &[("look_back", &look_back)]))));
    if let Some(rate) = f.base_rate {
        rows.push(row(t.base_rate, l.percent(rate, 1), text(t.base_rate_why.to_owned())));
    }
    if let Some(cut) = f.test_cut {
        let end = cut.plus(f.horizon_days - 1);
        let why = fill(t.test_cut_why, &[("from", &l.day(cut)), ("to", &l.day(end))]);
        rows.push(row(t.test_cut, l.day(cut), text(why)));
    }
    if let (Some(first), Some(last)) = (f.train_cuts.first(), f.train_cuts.last()) {
        let value = fill(
            t.train_cuts_value,
            &[("n", &l.int(f.train_cuts.len() as u64)), ("from", &l.day(*first)), ("to", &l.day(*last))],
        );
        rows.push(row(t.train_cuts, value, text(t.train_cuts_why.to_owned())));
    }
    rows
}
