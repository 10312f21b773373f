//! Campaigns with a randomised holdout: who may be written to, who is left out by chance, and with what probability.

use perennial_contract::Day;

use super::clock::Moment;
use super::settings::Settings;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Email,
    Sms,
}

impl Channel {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    pub const fn cost_cents(self) -> i64 {
        match self {
            Self::Email => 1,
            Self::Sms => 6,
        }
    }
}

/// How the chance of being treated is set. It is written down at the moment of sending, as it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Assignment {
    /// Everybody in the audience with the same probability.
    Even(f64),
    /// More often those who have not ordered for 90 days.
    Lapsed { lapsed: f64, recent: f64 },
}

#[derive(Clone, Debug)]
pub struct Offer {
    /// The coupon code is the id: what an order used can be looked up.
    pub id: String,
    pub percent: i64,
    pub min_spend_cents: i64,
}

#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: String,
    pub name: String,
    pub channel: Channel,
    pub starts_at: Moment,
    pub ends_at: Moment,
    pub offer: Option<Offer>,
    /// Share of those with consent who are in the audience at all.
    pub audience: f64,
    pub assignment: Assignment,
    /// Multiplies the customer's own response.
    pub strength: f64,
}

/// How long a message works.
pub const EFFECT_DAYS: i32 = 14;
const EVERY_DAYS: i32 = 45;
pub const WELCOME_OFFER: &str = "WELCOME10";
pub const WELCOME_PERCENT: i64 = 10;

struct Form {
    words: &'static str,
    channel: Channel,
    percent: i64,
    min_spend_cents: i64,
    audience: f64,
    assignment: Assignment,
    strength: f64,
}

/// Campaigns take turns through these forms.
const FORMS: [Form; 4] = [
    Form {
        words: "offer",
        channel: Channel::Email,
        percent: 10,
        min_spend_cents: 0,
        audience: 0.5,
        assignment: Assignment::Even(0.8),
        strength: 1.0,
    },
    Form {
        words: "newsletter",
        channel: Channel::Email,
        percent: 0,
        min_spend_cents: 0,
        audience: 0.6,
        assignment: Assignment::Even(0.9),
        strength: 0.3,
    },
    Form {
        words: "we miss you",
        channel: Channel::Email,
        percent: 20,
        min_spend_cents: 3_000,
        audience: 0.4,
        assignment: Assignment::Lapsed { lapsed: 0.85, recent: 0.5 },
        strength: 1.4,
    },
    Form {
        words: "flash sale",
        channel: Channel::Sms,
        percent: 15,
        min_spend_cents: 2_000,
        audience: 0.6,
        assignment: Assignment::Even(0.7),
        strength: 1.2,
    },
];

/// The shop's campaigns from opening to the end of the horizon, one about every six weeks, never two at a time.
pub fn plan(settings: &Settings) -> Vec<Campaign> {
    let last = settings.end().plus(settings.horizon_days);
    let starts = (0..).map(|n| settings.first_day.plus(20 + n * EVERY_DAYS)).take_while(|day| *day < last);
    starts.zip(FORMS.iter().cycle()).enumerate().map(|(number, (day, form))| one(number + 1, day, form)).collect()
}

fn one(number: usize, day: Day, form: &Form) -> Campaign {
    let (year, month, _) = day.ymd();
    let season = match month {
        12 | 1 | 2 => "Winter",
        3..=5 => "Spring",
        6..=8 => "Summer",
        _ => "Autumn",
    };
    let offer = (form.percent > 0).then(|| Offer {
        id: format!("{}{}-{number:02}", season.to_uppercase(), form.percent),
        percent: form.percent,
        min_spend_cents: form.min_spend_cents,
    });
    Campaign {
        id: format!("K{number:03}"),
        name: format!("{season} {year} {}", form.words),
        channel: form.channel,
        starts_at: Moment::of(day, 9 * 3_600),
        ends_at: Moment::of(day.plus(EFFECT_DAYS), 9 * 3_600),
        offer,
        audience: form.audience,
        assignment: form.assignment,
        strength: form.strength,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn campaigns_never_overlap() {
        let plan = plan(&Settings::default());
        assert!(plan.len() > 10);
        for pair in plan.windows(2) {
            assert!(pair[0].ends_at.plus(3_600) < pair[1].starts_at, "{} and {}", pair[0].id, pair[1].id);
        }
    }
}
