//! How numbers, days, money and names are written in each language.

use std::collections::BTreeMap;

use perennial_contract::Day;
use perennial_contract::money::{amount_text, minor_digits};
use serde::{Deserialize, Serialize};

use super::data::{FeatureValue, FeatureWords, GroupWords, Phrase, Unit};
use super::text::{EN, Text, ZH};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    En,
    Zh,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// Begins every id of this language's half of the page.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The words of this language.
    pub const fn of<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    pub const fn text(self) -> &'static Text {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }
}

/// Where a number is missing or not finite.
pub const NONE: &str = "–";

/// One language, one currency, and the words for this shop's features.
pub struct Locale<'a> {
    pub language: Language,
    pub text: &'static Text,
    currency: &'a str,
    digits: u32,
    words: &'a BTreeMap<String, FeatureWords>,
    pub groups: &'a BTreeMap<String, GroupWords>,
}

static NO_GROUPS: BTreeMap<String, GroupWords> = BTreeMap::new();

impl<'a> Locale<'a> {
    pub fn new(language: Language, currency: &'a str, words: &'a BTreeMap<String, FeatureWords>) -> Self {
        Self { language, text: language.text(), currency, digits: minor_digits(currency), words, groups: &NO_GROUPS }
    }

    /// With the names of the groups that a model found by itself.
    pub fn naming(self, groups: &'a BTreeMap<String, GroupWords>) -> Self {
        Self { groups, ..self }
    }

    /// A title with the currency of its figure's money axis.
    pub fn with_currency(&self, title: &str) -> String {
        fill(title, &[("currency", self.currency)])
    }

    pub fn is_zh(&self) -> bool {
        self.language == Language::Zh
    }

    pub fn int(&self, value: u64) -> String {
        grouped(&value.to_string())
    }

    /// A number with so many decimals, a true minus sign and thousands separators.
    pub fn decimal(&self, value: f64, places: usize) -> String {
        if !value.is_finite() {
            return NONE.to_owned();
        }
        let digits = format!("{:.places$}", value.abs());
        let (whole, fraction) = digits.split_once('.').map_or((digits.as_str(), ""), |(whole, fraction)| (whole, fraction));
        let point = if fraction.is_empty() { "" } else { "." };
        let zero = digits.bytes().all(|b| b == b'0' || b == b'.');
        let sign = if value < 0.0 && !zero { "−" } else { "" };
        format!("{sign}{}{point}{fraction}", grouped(whole))
    }

    pub fn percent(&self, share: f64, places: usize) -> String {
        if share.is_finite() { format!("{}%", self.decimal(share * 100.0, places)) } else { NONE.to_owned() }
    }

    /// Exact money: `GBP 9,747,747.93`.
    pub fn money(&self, cents: i64) -> String {
        let sign = if cents < 0 { "−" } else { "" };
        format!("{}\u{a0}{sign}{}", self.currency, self.major(cents.unsigned_abs()))
    }

    /// An estimate of money: whole major units from 100 up, exact below.
    pub fn money_about(&self, cents: f64) -> String {
        if cents.is_finite() { format!("{}\u{a0}{}", self.currency, self.amount_about(cents)) } else { NONE.to_owned() }
    }

    /// The same without the currency, for the ends of a range; 0 is 0.
    pub fn amount_about(&self, cents: f64) -> String {
        let major = cents / 10_f64.powi(self.digits as i32);
        let places = if major.abs() < 100.0 && major != 0.0 { self.digits as usize } else { 0 };
        self.decimal(major, places)
    }

    /// Money on an axis, without its currency: `1.2M`, `350k`; in Chinese by ten thousands: `120万`, `1.2亿`.
    pub fn money_short(&self, cents: f64) -> String {
        self.short(cents / 10_f64.powi(self.digits as i32))
    }

    /// A number on an axis.
    pub fn short(&self, value: f64) -> String {
        const EN_STEPS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
        const ZH_STEPS: [(f64, &str); 3] = [(1e12, "万亿"), (1e8, "亿"), (1e4, "万")];
        let steps: &[(f64, &str)] = if self.is_zh() { &ZH_STEPS } else { &EN_STEPS };
        let (unit, suffix) = steps.iter().copied().find(|(unit, _)| value.abs() >= *unit).unwrap_or((1.0, ""));
        let scaled = value / unit;
        let places = (0..3).find(|places| is_whole(scaled * 10_f64.powi(*places))).unwrap_or(2) as usize;
        format!("{}{suffix}", self.decimal(scaled, places))
    }

    /// An exact amount that came as decimal text in major units: grouped, with a true minus sign.
    pub fn amount(&self, text: &str) -> String {
        let text = &*amount_text(text, self.digits);
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("−", digits));
        let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
        format!("{}\u{a0}{sign}{}{rest}", self.currency, grouped(whole))
    }

    fn major(&self, cents: u64) -> String {
        let digits = format!("{cents:0>width$}", width = self.digits as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.digits as usize);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{point}{fraction}", grouped(whole))
    }

    pub fn day(&self, day: Day) -> String {
        let (year, month, date) = day.ymd();
        if self.is_zh() { format!("{year}年{month}月{date}日") } else { format!("{date} {} {year}", month_name(month)) }
    }

    pub fn month(&self, day: Day) -> String {
        let (year, month, _) = day.ymd();
        if self.is_zh() { format!("{year}年{month}月") } else { format!("{} {year}", month_name(month)) }
    }

    /// A count with its noun; the catalogue gives `one|many` where the language tells them apart.
    pub fn noun(&self, forms: &str, count: u64) -> String {
        let form = match forms.split_once('|') {
            Some((one, _)) if count == 1 => one,
            Some((_, many)) => many,
            None => forms,
        };
        form.replace("{n}", &self.int(count))
    }

    pub fn customers(&self, count: u64) -> String {
        self.noun(self.text.noun_customers, count)
    }

    pub fn days(&self, count: i64) -> String {
        let words = self.noun(self.text.noun_days, count.unsigned_abs());
        if count < 0 { format!("−{words}") } else { words }
    }

    /// A phrase in this language, or in English where it has no Chinese.
    pub fn phrase<'p>(&self, phrase: &'p Phrase) -> &'p str {
        match (&phrase.zh, self.language) {
            (Some(zh), Language::Zh) => zh,
            _ => &phrase.en,
        }
    }

    /// A feature in plain words; one nobody described is shown as its name, with spaces.
    pub fn feature(&self, name: &str) -> String {
        match (self.words.get(name), self.language) {
            (Some(words), Language::En) => words.en.clone(),
            (Some(words), Language::Zh) => words.zh.clone(),
            (None, _) => name.replace('_', " "),
        }
    }

    pub fn feature_value(&self, name: &str, value: Option<&FeatureValue>) -> String {
        let unit = self.words.get(name).map_or(Unit::Plain, |words| words.unit);
        match value {
            None => self.text.value_missing.to_owned(),
            Some(FeatureValue::Flag(flag)) => if *flag { self.text.yes } else { self.text.no }.to_owned(),
            Some(FeatureValue::Text(text)) => text.clone(),
            Some(FeatureValue::Number(number)) => self.measure(unit, *number),
        }
    }

    /// A number in its unit.
    pub fn measure(&self, unit: Unit, value: f64) -> String {
        let places = match value.abs() {
            v if is_whole(v) || v >= 100.0 => 0,
            v if v >= 1.0 => 1,
            _ => 2,
        };
        match unit {
            Unit::Cents => self.money_about(value),
            Unit::Share => self.percent(value, 0),
            // A tenth of a day says nothing beside ten days.
            Unit::Days if (is_whole(value) || value.abs() >= 10.0) && value.abs() < 1e9 => self.days(value.round() as i64),
            Unit::Days => fill(self.text.unit_days, &[("n", &self.decimal(value, 1))]),
            Unit::Count | Unit::Plain => self.decimal(value, places),
        }
    }

    pub fn unit(&self, feature: &str) -> Unit {
        self.words.get(feature).map_or(Unit::Plain, |words| words.unit)
    }
}

/// A sentence with its named holes filled.
pub fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(key, _)| *key == name) {
            Some((_, value)) => out.push_str(value),
            // A hole without a value is a fault of the catalogue; it stays visible, and a test looks for it.
            None => out.push_str(&format!("{{{name}}}")),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-9
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn month_name(month: u32) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.get(month.saturating_sub(1) as usize).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, currency: &str, write: impl Fn(&Locale<'_>) -> String) -> String {
        let words = BTreeMap::new();
        write(&Locale::new(language, currency, &words))
    }

    #[test]
    fn money_is_exact_and_follows_the_currency() {
        let money = |currency, cents| check(Language::En, currency, |l| l.money(cents));
        assert_eq!(money("GBP", 974_774_793), "GBP\u{a0}9,747,747.93");
        assert_eq!(money("GBP", -5), "GBP\u{a0}−0.05");
        assert_eq!(money("JPY", 1_234), "JPY\u{a0}1,234");
        assert_eq!(money("KWD", 1_234), "KWD\u{a0}1.234");
        assert_eq!(money("GBP", i64::MIN), "GBP\u{a0}−92,233,720,368,547,758.08");
    }

    #[test]
    fn amounts_from_text_keep_every_digit() {
        let amount = |text| check(Language::En, "GBP", |l| l.amount(text));
        assert_eq!(amount("9747747.934"), "GBP\u{a0}9,747,747.934");
        assert_eq!(amount("-1000"), "GBP\u{a0}−1,000.00");
        assert_eq!(amount(""), "GBP\u{a0}");
    }

    #[test]
    fn short_numbers_count_by_thousands_or_ten_thousands() {
        let short = |language, v| check(language, "CNY", |l| l.short(v));
        assert_eq!(short(Language::En, 1_200_000.0), "1.2M");
        assert_eq!(short(Language::Zh, 1_200_000.0), "120万");
        assert_eq!(short(Language::Zh, 150_000_000.0), "1.5亿");
        assert_eq!(short(Language::En, -2_500.0), "−2.5k");
        assert_eq!(short(Language::En, 0.0), "0");
        assert_eq!(short(Language::En, f64::NAN), NONE);
    }

    #[test]
    fn days_months_percentages_and_nouns() {
        let day = Day::from_ymd(2011, 12, 9).expect("a day");
        assert_eq!(check(Language::En, "GBP", |l| l.day(day)), "9 Dec 2011");
        assert_eq!(check(Language::Zh, "GBP", |l| l.day(day)), "2011年12月9日");
        assert_eq!(check(Language::Zh, "GBP", |l| l.month(day)), "2011年12月");
        assert_eq!(check(Language::En, "GBP", |l| l.percent(0.1234, 1)), "12.3%");
        assert_eq!(check(Language::En, "GBP", |l| l.customers(1)), "1 customer");
        assert_eq!(check(Language::En, "GBP", |l| l.customers(4372)), "4,372 customers");
        assert_eq!(check(Language::Zh, "GBP", |l| l.customers(4372)), "4,372 位客户");
        assert_eq!(check(Language::En, "GBP", |l| l.decimal(-0.001, 2)), "0.00");
    }

    #[test]
    fn holes_are_filled_by_name_and_values_are_never_read_as_patterns() {
        assert_eq!(fill("{a} of {b}", &[("b", "{a}"), ("a", "1")]), "1 of {a}");
        assert_eq!(fill("{c} {", &[]), "{c} {");
    }
}
