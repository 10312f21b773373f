//! Whom to call first: customers likely to leave who spend well, each with the model's reasons.

use crate::report::chart::signed_bar;
use crate::report::data::{AtRisk, Reason, ReportData, RiskCustomer};
use crate::report::language::{Locale, fill};
use crate::report::view::{Block, People, Person, ReasonLine, Section, Tone, missing};
use crate::report::words;

/// Customers and reasons shown; the score file has them all.
const CUSTOMERS_MAX: usize = 24;
const CUSTOMERS_OPEN: usize = 6;
const REASONS_MAX: usize = 5;

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let t = l.text;
    let blocks = match data.at_risk.shown() {
        Some(list) if !list.customers.is_empty() => {
            let shown = &list.customers[..list.customers.len().min(CUSTOMERS_MAX)];
            let mut first = people(l, shown);
            let more = first.split_off(first.len().min(CUSTOMERS_OPEN));
            let fold = fill(t.people_more, &[("n", &l.int(more.len() as u64))]);
            let brief = !list.explains;
            vec![Block::Text(note(l, list).into()), Block::People(People { first, more, fold, brief })]
        }
        Some(_) => vec![Block::Text(t.people_empty.into())],
        None => missing(l, &data.at_risk).into_iter().collect(),
    };
    let lead = fill(t.people_lead, &[("horizon", &l.days(i64::from(data.frame.horizon_days)))]);
    Section { id: super::id(l, "people"), title: t.people_title, lead, blocks }
}

/// How to read the reasons, or that this model has none.
fn note(l: &Locale<'_>, list: &AtRisk) -> String {
    match list.explains {
        true => l.text.people_note.to_owned(),
        false => fill(l.text.people_no_reasons, &[("model", &words::model(l, &list.model))]),
    }
}

/// Alarm only where leaving is likelier than staying: these lists are ordered by money, so their heads may well be safe.
fn tone(p_churn: f64) -> Tone {
    match p_churn {
        p if p >= 0.5 => Tone::Risk,
        p if p >= 0.25 => Tone::Watch,
        _ => Tone::Plain,
    }
}

fn people(l: &Locale<'_>, customers: &[RiskCustomer]) -> Vec<Person> {
    let t = l.text;
    let reasons = customers.iter().flat_map(|c| c.reasons.iter().take(REASONS_MAX));
    // One scale for the whole list, so that bars can be compared from customer to customer.
    let largest = reasons.map(|r| r.contribution.abs()).filter(|c| c.is_finite()).fold(0.0, f64::max);
    customers
        .iter()
        .map(|c| {
            let ago = fill(t.days_ago, &[("days", &l.days(c.days_since_last_order))]);
            let mut facts = vec![
                (t.last_order.to_owned(), ago),
                (t.orders_so_far.to_owned(), l.int(c.orders)),
                (t.usual_spend.to_owned(), l.money_about(c.usual_spend_cents)),
            ];
            if let Some(range) = &c.expected {
                let (lo, hi) = (l.amount_about(range.lo80_cents), l.amount_about(range.hi80_cents));
                let values = [("value", &*l.money_about(range.expected_cents)), ("lo", &lo), ("hi", &hi)];
                let raised = range.hi80_cents <= range.expected_cents;
                let note = if raised { t.interval_raised_short.to_owned() } else { String::new() };
                facts.push((t.expected_spend.to_owned(), fill(t.range_80, &values) + &note));
            }
            Person {
                customer_id: c.customer_id.clone(),
                segment: c.segment.as_deref().map_or(String::new(), |name| words::segment(l, name)),
                stake: fill(t.stake, &[("p", &l.percent(c.p_churn, 0))]),
                tone: tone(c.p_churn),
                facts,
                reasons: c.reasons.iter().take(REASONS_MAX).map(|reason| line(l, reason, largest)).collect(),
            }
        })
        .collect()
}

fn line(l: &Locale<'_>, reason: &Reason, largest: f64) -> ReasonLine {
    ReasonLine {
        words: reason_words(l, reason),
        bar: signed_bar(if largest > 0.0 { reason.contribution / largest } else { 0.0 }),
        contribution: signed(l, reason.contribution),
    }
}

/// `days since the last order: 83 days`.
pub fn reason_words(l: &Locale<'_>, reason: &Reason) -> String {
    let value = l.feature_value(&reason.feature, reason.value.as_ref());
    format!("{}{}{value}", l.feature(&reason.feature), l.text.colon)
}

/// `+0.83`, `−0.20`.
pub fn signed(l: &Locale<'_>, contribution: f64) -> String {
    let text = l.decimal(contribution, 2);
    if contribution.is_finite() && !text.starts_with('−') { format!("+{text}") } else { text }
}
