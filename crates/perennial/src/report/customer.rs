//! One customer's whole picture: JSON for programs, lines of text for a terminal.

use std::collections::BTreeMap;

use perennial_contract::Day;
use serde::{Deserialize, Serialize};

use super::data::{FeatureWords, GroupWords, Phrase, Reason};
use super::language::{Language, Locale, NONE, fill};
use super::section::{reason_words, signed};
use super::words;

/// What is known and expected of one customer. Scores are the score file's, bit for bit; `None` where the gate refused the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CustomerPicture {
    pub customer_id: String,
    pub as_of: Day,
    /// 0 where no model answers.
    pub horizon_days: i32,
    pub currency: String,
    pub segment: Option<String>,
    /// Whether churn is asked about this customer: the score file's `eligible`. `None` where no churn model answers.
    pub eligible: Option<bool>,
    /// Days from the as-of day on in which an order keeps this customer.
    pub churn_window_days: Option<i64>,
    /// How to read `p_churn` where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_eligible: Option<Phrase>,
    pub p_churn: Option<f64>,
    /// Expected net spend in the horizon, minor units, with its 80% interval.
    pub spend_cents: Option<i64>,
    pub spend_cents_lo80: Option<i64>,
    pub spend_cents_hi80: Option<i64>,
    /// Why a score is missing.
    pub not_scored: Option<Phrase>,
    /// What comes next; absent where no outlook answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<OutlookPicture>,
    /// Tasks whose model was trained as of a later day than `as_of`, and has thus seen what came.
    #[serde(default)]
    pub hindsight: Vec<String>,
    /// Task to the day its model was trained as of.
    #[serde(default)]
    pub trained_as_of: BTreeMap<String, Day>,
    pub orders: u64,
    pub spent_cents: i64,
    pub first_order_on: Option<Day>,
    pub last_order_on: Option<Day>,
    /// Newest first.
    pub last_orders: Vec<PastOrder>,
    /// Largest first; together with `bias` and `rest` they sum to the log-odds of `p_churn`, before calibration.
    pub reasons: Vec<Reason>,
    pub bias: Option<f64>,
    /// Sum of the contributions that are not listed.
    pub rest: Option<f64>,
    /// Plain words for the features of `reasons`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, FeatureWords>,
    /// Name and description of `segment`, where a model found that group by itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, GroupWords>,
}

/// The outlook's columns of the score file, bit for bit, and the intervals that the file leaves out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutlookPicture {
    /// Key of the stage, its name and its rule.
    pub stage: String,
    pub stage_name: Phrase,
    pub stage_meaning: Phrase,
    /// By the law of orders; no churn score.
    pub p_alive: Option<f64>,
    pub gap_days_mean: Option<f64>,
    /// With chances 0.1, 0.5 and 0.9; `None`: not expected.
    pub next_order_days: [Option<f64>; 3],
    pub horizons: Vec<HorizonPicture>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HorizonPicture {
    pub days: i32,
    /// Longer than every window that has closed.
    pub is_extrapolated: bool,
    pub p_no_order: Option<f64>,
    pub orders_expected: Option<f64>,
    /// Fewest and most orders of the 50%, 80% and 95% intervals.
    pub orders_50: Option<(u64, u64)>,
    pub orders_80: Option<(u64, u64)>,
    pub orders_95: Option<(u64, u64)>,
    /// Minor units, net of returns.
    pub spend_cents: Option<i64>,
    /// Lower and upper ends of the 50%, 80% and 95% intervals.
    pub spend_cents_50: Option<(i64, i64)>,
    pub spend_cents_80: Option<(i64, i64)>,
    pub spend_cents_95: Option<(i64, i64)>,
    /// The same before returns.
    pub gross_cents: Option<i64>,
    pub gross_cents_50: Option<(i64, i64)>,
    pub gross_cents_80: Option<(i64, i64)>,
    pub gross_cents_95: Option<(i64, i64)>,
    /// What the net spend leaves after the cost of the goods, where it is known.
    pub margin_cents: Option<i64>,
    pub margin_cents_50: Option<(i64, i64)>,
    pub margin_cents_80: Option<(i64, i64)>,
    pub margin_cents_95: Option<(i64, i64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PastOrder {
    pub order_id: String,
    pub on: Day,
    pub total_cents: i64,
    /// Units ordered.
    pub items: u64,
}

/// Half the width of a signed bar, in characters.
const BAR: usize = 12;

impl CustomerPicture {
    /// The picture as lines of text. Control characters of ids and values are replaced: data must not drive the terminal.
    pub fn lines(&self, language: Language) -> Vec<String> {
        let l = Locale::new(language, &self.currency, &self.words).naming(&self.groups);
        let t = l.text;
        let mut lines = vec![fill(t.customer_heading, &[("id", &self.customer_id), ("as_of", &l.day(self.as_of))])];
        lines.push("─".repeat(width(&lines[0]).min(100)));
        let facts = self.facts(&l, meter);
        let margin = facts.iter().map(|(name, _)| width(name)).max().unwrap_or(0) + 2;
        lines.extend(facts.iter().map(|(name, value)| format!("{}{value}", padded(name, margin))));
        if !self.last_orders.is_empty() {
            lines.extend([String::new(), t.customer_orders.to_owned()]);
            lines.extend(self.order_lines(&l));
        }
        if !self.reasons.is_empty() {
            lines.extend([String::new(), t.customer_reasons.to_owned()]);
            lines.extend(self.reason_lines(&l));
        } else if self.p_churn.is_some() && self.bias.is_none() {
            lines.extend([String::new(), t.customer_no_reasons.to_owned()]);
        }
        lines.iter().map(|line| printable(line).trim_end().to_owned()).collect()
    }

    /// The facts of the lines for a page, without what a terminal draws; a nameless one goes on about the one before.
    pub fn told_facts(&self, language: Language) -> Vec<(String, String)> {
        let l = Locale::new(language, &self.currency, &self.words).naming(&self.groups);
        let facts = self.facts(&l, |_| String::new());
        facts.into_iter().map(|(name, value)| (name, value.replace("  ", " · "))).collect()
    }

    /// Parts of the log-odds in words: where everybody starts, the reasons, and the rest.
    pub fn told_reasons(&self, language: Language) -> Vec<(String, f64)> {
        self.reason_rows(&Locale::new(language, &self.currency, &self.words))
    }

    fn reason_rows(&self, l: &Locale<'_>) -> Vec<(String, f64)> {
        let mut rows: Vec<(String, f64)> = vec![];
        rows.extend(self.bias.map(|bias| (l.text.customer_start.to_owned(), bias)));
        rows.extend(self.reasons.iter().map(|reason| (reason_words(l, reason), reason.contribution)));
        rows.extend(self.rest.map(|rest| (l.text.customer_rest.to_owned(), rest)));
        rows
    }

    fn facts(&self, l: &Locale<'_>, meter: impl Fn(f64) -> String) -> Vec<(String, String)> {
        let t = l.text;
        let none = || match &self.not_scored {
            Some(reason) => fill(t.not_scored, &[("reason", l.phrase(reason))]),
            None => NONE.to_owned(),
        };
        let segment = self.segment.as_deref().map_or_else(|| NONE.to_owned(), |name| words::segment(l, name));
        let churn = self.p_churn.map_or_else(none, |p| format!("{}  {}", l.percent(p, 1), meter(p)).trim_end().to_owned());
        let spend = match (self.spend_cents, self.spend_cents_lo80, self.spend_cents_hi80) {
            (Some(spend), Some(lo), Some(hi)) => {
                let range = fill(t.customer_interval, &[("lo", &l.money_about(lo as f64)), ("hi", &l.money_about(hi as f64))]);
                let raised = if hi > spend { String::new() } else { t.interval_raised.to_owned() };
                format!("{}  {range}{raised}", l.money_about(spend as f64))
            }
            (Some(spend), _, _) => l.money_about(spend as f64),
            (None, _, _) => none(),
        };
        let so_far = match (self.first_order_on, self.last_order_on) {
            (Some(first), Some(last)) => {
                let pattern = if self.orders == 1 { t.customer_once } else { t.customer_so_far_value };
                let orders = l.int(self.orders);
                let spent = l.money(self.spent_cents);
                fill(pattern, &[("spend", &spent), ("orders", &orders), ("first", &l.day(first)), ("last", &l.day(last))])
            }
            _ => t.customer_no_orders.to_owned(),
        };
        let mut facts = vec![(t.customer_segment.to_owned(), segment)];
        let description = self.segment.as_deref().and_then(|name| words::segment_description(l, name));
        facts.extend(description.map(|sentence| (String::new(), sentence)));
        // Without a model that answers there is no horizon to name.
        let named = |pattern: &str, bare: &str, days: i64| match days {
            0 => bare.to_owned(),
            days => fill(pattern, &[("horizon", &l.days(days))]),
        };
        let horizon = i64::from(self.horizon_days);
        facts.push((named(t.customer_churn, t.customer_churn_bare, self.churn_window_days.unwrap_or(horizon)), churn));
        facts.extend(self.not_eligible.as_ref().map(|note| (String::new(), format!("↑ {}", l.phrase(note)))));
        facts.extend([(named(t.customer_spend, t.customer_spend_bare, horizon), spend), (t.customer_so_far.to_owned(), so_far)]);
        facts.extend(self.outlook.iter().flat_map(|outlook| outlook.facts(l, self.as_of)));
        facts
    }

    fn order_lines(&self, l: &Locale<'_>) -> Vec<String> {
        let money: Vec<String> = self.last_orders.iter().map(|order| l.money(order.total_cents)).collect();
        let days: Vec<String> = self.last_orders.iter().map(|order| l.day(order.on)).collect();
        let items: Vec<String> = self.last_orders.iter().map(|order| l.noun(l.text.noun_items, order.items)).collect();
        let widest = |column: &[String]| column.iter().map(|text| width(text)).max().unwrap_or(0);
        let (day_width, money_width, item_width) = (widest(&days), widest(&money), widest(&items));
        let cells = days.iter().zip(&money).zip(&items).zip(&self.last_orders);
        cells
            .map(|(((day, money), items), order)| {
                let money = format!("{}{money}", " ".repeat(money_width - width(money)));
                let values = [
                    ("day", &*padded(day, day_width)),
                    ("total", &*money),
                    ("items", &*padded(items, item_width)),
                    ("id", &*order.order_id),
                ];
                format!("  {}", fill(l.text.customer_order_line, &values))
            })
            .collect()
    }

    fn reason_lines(&self, l: &Locale<'_>) -> Vec<String> {
        let rows = self.reason_rows(l);
        let largest = rows.iter().map(|(_, c)| c.abs()).filter(|c| c.is_finite()).fold(0.0, f64::max);
        let mut lines: Vec<String> = rows
            .iter()
            .map(|(words, c)| {
                let share = if largest > 0.0 && c.is_finite() { c / largest } else { 0.0 };
                format!("  {:>7}  {}  {words}", signed(l, *c), bar(share))
            })
            .collect();
        if self.bias.is_some() && self.rest.is_some() {
            let sum: f64 = rows.iter().map(|(_, c)| c).sum();
            lines.push(format!("  {:>7}  {}  {}", signed(l, sum), " ".repeat(2 * BAR + 1), l.text.customer_sum));
        }
        lines
    }
}

/// The horizon whose spend is told in full: a quarter.
const SPEND_DAYS: i32 = 90;

impl OutlookPicture {
    fn facts(&self, l: &Locale<'_>, as_of: Day) -> Vec<(String, String)> {
        let t = l.text;
        let stage = format!("{}{}{}", l.phrase(&self.stage_name), t.colon, l.phrase(&self.stage_meaning));
        let by = |days: Option<f64>| {
            days.map_or_else(|| t.customer_next_never.to_owned(), |days| l.day(as_of.plus(days.ceil() as i32)))
        };
        let [q10, q50, q90] = self.next_order_days.map(by);
        let next = fill(t.customer_next_days, &[("q10", &q10), ("q50", &q50), ("q90", &q90)]);
        // An answer beyond every window that has closed is marked.
        let name = |h: &HorizonPicture| format!("{}{}", l.days(i64::from(h.days)), if h.is_extrapolated { "*" } else { "" });
        let each = |value: &dyn Fn(&HorizonPicture) -> Option<String>| {
            let told = self.horizons.iter().filter_map(|h| Some(format!("{}{}{}", name(h), t.colon, value(h)?)));
            told.collect::<Vec<_>>().join(t.list_comma)
        };
        let silent = each(&|h| h.p_no_order.map(|p| l.percent(p, 0)));
        let orders = each(&|h| {
            let mean = l.decimal(h.orders_expected?, 2);
            Some(h.orders_80.map_or(mean.clone(), |(lo, hi)| format!("{mean} ({}–{})", l.int(lo), l.int(hi))))
        });
        let mut facts = vec![
            (t.customer_stage.to_owned(), stage),
            (t.customer_next.to_owned(), next),
            (t.customer_silent.to_owned(), silent),
            (t.customer_orders_expected.to_owned(), orders),
        ];
        if self.horizons.iter().any(|h| h.is_extrapolated) {
            facts.push((String::new(), format!("* {}", t.extrapolated)));
        }
        let quarter = self.horizons.iter().find(|h| h.days == SPEND_DAYS);
        if let Some((horizon, spend)) = quarter.and_then(|h| Some((h, h.spend_cents?)))
            && let (Some(half), Some(most), Some(nearly)) =
                (horizon.spend_cents_50, horizon.spend_cents_80, horizon.spend_cents_95)
        {
            let ends = [half.0, half.1, most.0, most.1, nearly.0, nearly.1].map(|cents| l.money_about(cents as f64));
            let names = ["lo50", "hi50", "lo80", "hi80", "lo95", "hi95"];
            let spend = l.money_about(spend as f64);
            let mut values = vec![("spend", &*spend)];
            values.extend(names.into_iter().zip(ends.iter().map(String::as_str)));
            let name = fill(t.customer_spend_bands, &[("days", &l.days(i64::from(horizon.days)))]);
            facts.push((name, fill(t.customer_bands, &values)));
            if let Some(gross) = horizon.gross_cents {
                let margin = horizon.margin_cents.map_or_else(
                    || t.customer_no_cost.to_owned(),
                    |cents| fill(t.customer_margin, &[("margin", &l.money_about(cents as f64))]),
                );
                let before = fill(t.customer_gross, &[("gross", &l.money_about(gross as f64))]);
                facts.push((String::new(), format!("{before}{}{margin}", t.list_comma)));
            }
        }
        facts.push((String::new(), t.customer_two_views.to_owned()));
        if let Some(p) = self.p_alive {
            facts.push((t.customer_alive.to_owned(), fill(t.customer_alive_note, &[("p", &l.percent(p, 0))])));
        }
        facts
    }
}

/// A share of the widest bar, to the left of the middle when negative.
fn bar(share: f64) -> String {
    let length = (share.abs().min(1.0) * BAR as f64).round() as usize;
    let (left, right) = if share < 0.0 { (length, 0) } else { (0, length) };
    format!("{}{}│{}{}", " ".repeat(BAR - left), "█".repeat(left), "█".repeat(right), " ".repeat(BAR - right))
}

fn meter(p: f64) -> String {
    let filled = if p.is_finite() { (p.clamp(0.0, 1.0) * 20.0).round() as usize } else { 0 };
    format!("{}{}", "█".repeat(filled), "░".repeat(20 - filled))
}

/// Columns a text takes in a terminal: East Asian wide characters take two.
fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c as u32, 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x20000..=0x3fffd)
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }).collect()
}
