//! What the reader should know today, in sentences made from the data: who is leaving, what is at stake, what was refused.
//!
//! A sentence is written only where its numbers exist and carry it; the order is that of what a person would act on.

use super::data::{ModelStatus, MonthFacts, Quality, ReportData, RuleResult, Season, Section, SegmentFacts, Severity};
use super::language::{Locale, fill};
use super::section::{hindsight as told_hindsight, model_title};
use super::view::{Finding, Notice, Tone, Words};
use super::words;

pub fn findings(l: &Locale<'_>, data: &ReportData) -> Vec<Finding> {
    let all = [
        gate(l, data),
        hindsight(l, data),
        leaving(l, data),
        season(l, data),
        money_at_risk(l, data),
        expected(l, data),
        leading_segment(l, data),
        moved(l, data),
        concentration(l, data),
        repeat(l, data),
        trend(l, data),
        refused(l, data),
    ];
    let mut found: Vec<Finding> = all.into_iter().flatten().collect();
    if found.is_empty() {
        found.push(Finding { tone: Tone::Plain, text: l.text.nothing_found.to_owned() });
    }
    found
}

/// The broken rules that shut the gate: those of the highest severity.
fn shutting(quality: &Quality) -> Vec<&RuleResult> {
    quality.rules.iter().filter(|rule| !rule.passed && rule.severity == Severity::Error).collect()
}

fn gate(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let quality = data.quality.shown().filter(|quality| !quality.open)?;
    let broken = l.noun(l.text.noun_broken, shutting(quality).len() as u64);
    let text = match &quality.overridden {
        Some(why) => fill(l.text.finding_overridden, &[("broken", &broken), ("why", why)]),
        None => fill(l.text.finding_shut, &[("broken", &broken)]),
    };
    Some(Finding { tone: Tone::Risk, text })
}

fn leaving(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let churn = data.churn.shown().filter(|churn| churn.today.customers > 0)?;
    let text = fill(
        l.text.finding_leaving,
        &[
            ("customers", &l.customers(churn.today.customers)),
            ("look_back", &l.days(i64::from(data.frame.look_back_days))),
            ("leavers", &l.decimal(churn.today.leavers_expected, 0)),
            ("share", &l.percent(churn.today.leavers_expected / churn.today.customers as f64, 0)),
            ("within", l.phrase(&data.frame.within)),
        ],
    );
    Some(Finding { tone: Tone::Risk, text })
}

/// Scores of a past day by models that know what came after it.
fn hindsight(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let text = told_hindsight(l, l.text.finding_hindsight, (data.frame.as_of, data.frame.hindsight.as_ref()?));
    Some(Finding { tone: Tone::Risk, text })
}

/// The weeks ahead are no weeks such as the models were judged on.
fn season(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let Season { ahead, judged, is_known } = data.frame.season?;
    let sentence = match (is_known, ahead.share > judged.share) {
        (true, _) => l.text.finding_season_known,
        (false, true) => l.text.finding_season_up,
        (false, false) => l.text.finding_season_down,
    };
    let values = [
        ("horizon", &*l.days(i64::from(data.frame.horizon_days))),
        ("ahead", &*l.percent(ahead.share, 1)),
        ("ahead_from", &*l.day(ahead.from)),
        ("judged", &*l.percent(judged.share, 1)),
        ("judged_from", &*l.day(judged.from)),
    ];
    Some(Finding { tone: Tone::Watch, text: fill(sentence, &values) })
}

fn money_at_risk(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let churn = data.churn.shown().filter(|churn| churn.today.at_risk_cents > 0.0)?;
    let money = l.money_about(churn.today.at_risk_cents);
    let listed = data.at_risk.shown().filter(|list| !list.customers.is_empty());
    let Some(list) = listed else {
        return Some(Finding { tone: Tone::Risk, text: fill(l.text.finding_money, &[("money", &money)]) });
    };
    let shown: f64 = list.customers.iter().map(|c| c.p_churn * c.usual_spend_cents).sum();
    let values = [
        ("money", &*money),
        ("customers", &*l.customers(list.customers.len() as u64)),
        ("share", &*l.percent(shown / churn.today.at_risk_cents, 0)),
    ];
    Some(Finding { tone: Tone::Risk, text: fill(l.text.finding_money_listed, &values) })
}

fn expected(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let value = data.value.shown()?;
    let total = value.expected_total_cents.filter(|total| total.is_finite())?;
    let horizon = l.days(i64::from(value.horizon_days));
    let money = l.money_about(total);
    if value.actual_total_cents <= 0 {
        return Some(Finding {
            tone: Tone::Plain,
            text: fill(l.text.finding_expected, &[("horizon", &horizon), ("money", &money)]),
        });
    }
    let ratio = value.predicted_total_cents / value.actual_total_cents as f64;
    let sentence = if ratio >= 1.0 { l.text.finding_expected_over } else { l.text.finding_expected_under };
    let off = l.percent((ratio - 1.0).abs(), 0);
    let tone = if (ratio - 1.0).abs() > 0.15 { Tone::Watch } else { Tone::Plain };
    Some(Finding { tone, text: fill(sentence, &[("horizon", &horizon), ("money", &money), ("off", &off)]) })
}

/// The group that has brought most so far.
fn leading_segment(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let segments = data.segments.shown()?;
    let customers: u64 = segments.rfm.iter().map(|s| s.customers).sum();
    let brought = |s: &SegmentFacts| s.spend_cents.max(0) as f64;
    let spend: f64 = segments.rfm.iter().map(brought).sum();
    let top =
        segments.rfm.iter().max_by(|a, b| brought(a).total_cmp(&brought(b))).filter(|top| brought(top) > 0.0 && customers > 0)?;
    let values = [
        ("segment", &*words::segment(l, &top.name)),
        ("customers", &*l.percent(top.customers as f64 / customers as f64, 0)),
        ("spend", &*l.percent(brought(top) / spend, 0)),
    ];
    Some(Finding { tone: Tone::Plain, text: fill(l.text.finding_segment, &values) })
}

/// The largest move down between two groups since the earlier day.
fn moved(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let migration = data.segments.shown()?.migration.as_ref()?;
    let cells = migration.counts.iter().enumerate().flat_map(|(i, row)| row.iter().enumerate().map(move |(j, n)| (i, j, *n)));
    let (i, j, n) = cells.filter(|(i, j, n)| j > i && *n > 0).max_by_key(|(i, j, n)| (*n, usize::MAX - i, usize::MAX - j))?;
    let name = |k: usize| migration.names.get(k).map(|name| words::segment(l, name));
    let silent = migration.silent.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    let values = [
        ("from", &*l.day(migration.from)),
        ("customers", &*l.customers(n)),
        ("silent", &*l.int(silent)),
        ("a", &*name(i)?),
        ("b", &*name(j)?),
    ];
    // Who places no order drifts down as time passes; that is said, and only what is more than that is news.
    let (tone, sentence) = match silent == n {
        true => (Tone::Plain, l.text.finding_drifted),
        false => (Tone::Watch, l.text.finding_moved),
    };
    Some(Finding { tone, text: fill(sentence, &values) })
}

fn concentration(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let share = super::section::share_of_top(&data.overview.lorenz, 0.1)?;
    Some(Finding { tone: Tone::Plain, text: fill(l.text.finding_top, &[("share", &l.percent(share, 0))]) })
}

fn repeat(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let o = &data.overview;
    if o.customers == 0 {
        return None;
    }
    let share = o.customers_repeat as f64 / o.customers as f64;
    let tone = if share < 0.1 { Tone::Watch } else { Tone::Plain };
    let values = [("share", &*l.percent(share, 1)), ("repeat", &*l.int(o.customers_repeat)), ("customers", &*l.int(o.customers))];
    Some(Finding { tone, text: fill(l.text.finding_repeat, &values) })
}

/// The last three whole months beside the same three of the year before, else beside the three before them.
fn trend(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let months: Vec<&MonthFacts> = data.overview.months.iter().filter(|m| m.complete).collect();
    let last = months.len().checked_sub(3)?;
    let sum = |from: usize| months[from..from + 3].iter().map(|m| m.net_revenue_cents).sum::<i64>();
    let (before, words_up, words_down) = match (months.len().checked_sub(15), months.len().checked_sub(6)) {
        (Some(year_ago), _) => (sum(year_ago), l.text.finding_year_up, l.text.finding_year_down),
        (None, Some(earlier)) => (sum(earlier), l.text.finding_quarter_up, l.text.finding_quarter_down),
        (None, None) => return None,
    };
    if before <= 0 {
        return None;
    }
    let change = sum(last) as f64 / before as f64 - 1.0;
    let (tone, sentence) = if change >= 0.0 { (Tone::Good, words_up) } else { (Tone::Watch, words_down) };
    let values = [("change", &*l.percent(change.abs(), 0)), ("money", &*l.money(sum(last)))];
    Some(Finding { tone, text: fill(sentence, &values) })
}

fn refused(l: &Locale<'_>, data: &ReportData) -> Option<Finding> {
    let refused = data.models.iter().filter(|model| model.status == ModelStatus::Refused).count() as u64;
    if refused == 0 {
        return None;
    }
    let values = [("n", &*l.int(refused)), ("all", &*l.int(data.models.len() as u64))];
    Some(Finding { tone: Tone::Watch, text: fill(l.text.finding_refused, &values) })
}

/// Everything a gate said no to, with the reason: the quality gate, whole parts, single models.
pub fn refusals(l: &Locale<'_>, data: &ReportData) -> Vec<Notice> {
    let t = l.text;
    let mut found = vec![];
    if let Some(quality) = data.quality.shown().filter(|quality| !quality.open) {
        let rules = shutting(quality).into_iter().map(|rule| l.phrase(&rule.finding)).collect::<Vec<_>>();
        let title = if quality.overridden.is_some() { t.gate_overridden } else { t.gate_shut };
        found.push(Notice { tone: Tone::Risk, title: title.to_owned(), text: Words::from(rules.join(t.list_comma)) });
    }
    let mut part = |title: &str, reason: Option<&super::data::Phrase>| {
        if let Some(reason) = reason {
            found.push(Notice { tone: Tone::Risk, title: title.to_owned(), text: Words::of(l, reason) });
        }
    };
    part(t.quality_title, refusal(&data.quality));
    part(t.segments_title, refusal(&data.segments));
    part(t.clusters, data.segments.shown().and_then(|s| refusal(&s.clusters)));
    part(t.churn_title, refusal(&data.churn));
    part(t.value_title, refusal(&data.value));
    part(t.people_title, refusal(&data.at_risk));
    for model in data.models.iter().filter(|model| model.status == ModelStatus::Refused) {
        let title = format!("{} · {}", words::task(l, &model.task), model_title(l, model));
        let text = model.reason.as_ref().map_or(Words::from(t.no_reason), |reason| Words::of(l, reason));
        found.push(Notice { tone: Tone::Watch, title, text });
    }
    together(l, found)
}

/// One notice a reason: what was refused for the same reason stands in its title.
fn together(l: &Locale<'_>, notices: Vec<Notice>) -> Vec<Notice> {
    let mut kept: Vec<Notice> = vec![];
    for notice in notices {
        match kept.iter_mut().find(|known| known.text.text == notice.text.text) {
            Some(known) => known.title = [&*known.title, &*notice.title].join(l.text.list_comma),
            None => kept.push(notice),
        }
    }
    kept
}

fn refusal<T>(section: &Section<T>) -> Option<&super::data::Phrase> {
    match section {
        Section::Refused(reason) => Some(reason),
        Section::Shown(_) | Section::Absent(_) => None,
    }
}
