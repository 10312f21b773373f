//! The whole page: head, findings, refusals and sections, once per language.

use anyhow::Context;
use askama::Template;

use super::data::ReportData;
use super::findings::{findings, refusals};
use super::language::{Language, Locale, fill};
use super::section;
use super::view::{Block, Number, Page};

#[derive(Template)]
#[template(path = "report/page.html")]
struct Document {
    title: String,
    /// Which half is shown before the reader chooses.
    in_chinese: bool,
    pages: Vec<Page>,
}

/// The report as one HTML file.
pub fn render(data: &ReportData) -> anyhow::Result<String> {
    let pages: Vec<Page> = Language::ALL.iter().map(|language| page(data, *language)).collect();
    let in_chinese = data.shop.language == Language::Zh.tag();
    let language = if in_chinese { Language::Zh } else { Language::En };
    let title = fill(language.text().page_title, &[("shop", &data.shop.name)]);
    Document { title, in_chinese, pages }.render().context("the report could not be drawn")
}

fn page(data: &ReportData, language: Language) -> Page {
    let l = Locale::new(language, &data.shop.currency, &data.words).naming(&data.groups);
    let t = l.text;
    Page {
        tag: language.tag(),
        prefix: language.prefix(),
        text: t,
        shop: data.shop.name.clone(),
        kicker: fill(t.kicker, &[("as_of", &l.day(data.frame.as_of))]),
        subtitle: subtitle(&l, data),
        simulated: data.shop.simulated,
        numbers: headline(&l, data),
        findings: findings(&l, data),
        refusals: refusals(&l, data),
        sections: section::all(&l, data),
        colophon: colophon(&l, data),
    }
}

fn subtitle(l: &Locale<'_>, data: &ReportData) -> String {
    let o = &data.overview;
    let (Some(first), Some(last)) = (o.first_day, o.last_day) else {
        return l.text.subtitle_empty.to_owned();
    };
    let forecasts = data.churn.shown().is_some() || data.value.shown().is_some() || data.outlook.shown().is_some();
    fill(
        if forecasts { l.text.subtitle } else { l.text.subtitle_refused },
        &[
            ("customers", &l.customers(o.customers)),
            ("orders", &l.noun(l.text.noun_orders, o.orders)),
            ("from", &l.day(first)),
            ("to", &l.day(last)),
            ("horizon", &l.days(i64::from(data.frame.horizon_days))),
            ("as_of", &l.day(data.frame.as_of)),
        ],
    )
}

/// At most four numbers that a reader takes away.
fn headline(l: &Locale<'_>, data: &ReportData) -> Vec<Number> {
    let (t, o) = (l.text, &data.overview);
    let number = |label: &str, value: String, note: String| Number { label: label.to_owned(), value, note };
    let period = match (o.first_day, o.last_day) {
        (Some(first), Some(last)) => fill(t.period_note, &[("from", &l.day(first)), ("to", &l.day(last))]),
        _ => String::new(),
    };
    let mut numbers = vec![number(t.net_revenue, l.money_about(o.net_revenue_cents as f64), period)];
    if let Some(churn) = data.churn.shown().filter(|churn| churn.today.customers > 0) {
        let share = churn.today.leavers_expected / churn.today.customers as f64;
        let values = [("share", &*l.percent(share, 0)), ("n", &*l.int(churn.today.customers))];
        numbers.push(number(t.leavers, l.decimal(churn.today.leavers_expected, 0), fill(t.leavers_note, &values)));
        let usual = churn.today.usual_spend_cents;
        let part = if usual > 0.0 { churn.today.at_risk_cents / usual } else { f64::NAN };
        let values = [("share", &*l.percent(part, 0)), ("usual", &*l.money_about(usual))];
        numbers.push(number(t.at_risk_money, l.money_about(churn.today.at_risk_cents), fill(t.at_risk_note, &values)));
    } else {
        numbers.push(number(t.customers, l.int(o.customers), String::new()));
        numbers.push(number(t.orders, l.int(o.orders), fill(t.orders_note, &[("lines", &l.int(o.lines))])));
    }
    if let Some((total, days)) = data.value.shown().and_then(|value| Some((value.expected_total_cents?, value.horizon_days))) {
        let horizon = l.days(i64::from(days));
        let note = fill(t.expected_total_note, &[("horizon", &horizon)]);
        numbers.push(number(t.expected_total, l.money_about(total), note));
    }
    numbers
}

fn colophon(l: &Locale<'_>, data: &ReportData) -> String {
    let made = fill(l.text.colophon, &[("version", &data.provenance.version)]);
    match &data.provenance.produced_at {
        Some(at) => format!("{made} {at}"),
        None => made,
    }
}
