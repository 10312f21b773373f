//! What a customer is like. Nobody is told: only the traces go to the shop's tables, the traits to the truth file.

use super::clock::Moment;
use super::draw::{Draw, Purpose, accumulate};
use super::product::TIERS;
use super::season::Rhythm;
use super::shop::Shop;
use super::words::Language;
use super::words::goods::CATEGORIES;
use super::words::people::COUNTRIES;

/// A type of customer: a mixture of these makes the shop's heterogeneity.
pub struct Type {
    pub slug: &'static str,
    share: f32,
    rhythm: Rhythm,
    /// Orders a year are Gamma with this shape and mean.
    rate_shape: f64,
    orders_per_year: f64,
    /// Leaving after an order is a coin drawn from Beta(a, b).
    leave_a: f64,
    leave_b: f64,
    /// Mean and spread of what a treated campaign of strength 1 adds to the rate, as a factor less one.
    response: (f64, f64),
    pub coupon_use: f64,
    return_factor: f64,
    spend_factor: f64,
}

pub const TYPES: [Type; 5] = [
    Type {
        slug: "loyal",
        share: 0.12,
        rhythm: Rhythm::Everyday,
        rate_shape: 4.0,
        orders_per_year: 14.0,
        leave_a: 1.0,
        leave_b: 40.0,
        response: (0.10, 0.10),
        coupon_use: 0.35,
        return_factor: 0.8,
        spend_factor: 1.3,
    },
    Type {
        slug: "regular",
        share: 0.33,
        rhythm: Rhythm::Everyday,
        rate_shape: 2.0,
        orders_per_year: 6.0,
        leave_a: 1.0,
        leave_b: 12.0,
        response: (0.35, 0.20),
        coupon_use: 0.5,
        return_factor: 1.0,
        spend_factor: 1.0,
    },
    Type {
        slug: "bargain_hunter",
        share: 0.20,
        rhythm: Rhythm::Everyday,
        rate_shape: 1.5,
        orders_per_year: 5.0,
        leave_a: 1.0,
        leave_b: 9.0,
        response: (1.30, 0.45),
        coupon_use: 0.95,
        return_factor: 1.5,
        spend_factor: 0.8,
    },
    Type {
        slug: "gift_giver",
        share: 0.15,
        rhythm: Rhythm::Gifts,
        rate_shape: 1.5,
        orders_per_year: 3.0,
        leave_a: 1.0,
        leave_b: 10.0,
        response: (0.20, 0.15),
        coupon_use: 0.4,
        return_factor: 0.7,
        spend_factor: 1.4,
    },
    Type {
        slug: "one_off",
        share: 0.20,
        rhythm: Rhythm::Everyday,
        rate_shape: 0.6,
        orders_per_year: 1.2,
        leave_a: 2.0,
        leave_b: 3.0,
        response: (0.02, 0.08),
        coupon_use: 0.5,
        return_factor: 1.1,
        spend_factor: 0.9,
    },
];

/// A few are put off by being written to, whatever their type.
const PUT_OFF_SHARE: f64 = 0.06;
const NEVER_BUYS_SHARE: f64 = 0.06;
/// How alike customers' tastes are: the weight of the shop-wide shares in the Dirichlet.
const TASTE_WEIGHT: f64 = 4.0;
const CATEGORY_SHARE: [f64; 12] = [0.10, 0.10, 0.08, 0.07, 0.07, 0.12, 0.12, 0.08, 0.07, 0.08, 0.06, 0.05];
/// Consent is asked for when the account is made.
const CHANNELS: [&str; 6] = ["organic_search", "paid_search", "social", "referral", "email", "marketplace"];

/// Whether the shop may write to somebody, and since when not any more.
#[derive(Clone, Copy, Debug)]
pub struct Consent {
    pub granted: bool,
    pub withdrawn_at: Option<Moment>,
}

impl Consent {
    pub fn holds_at(&self, moment: Moment) -> bool {
        self.granted && self.withdrawn_at.is_none_or(|withdrawn| moment < withdrawn)
    }
}

pub struct Person {
    pub number: u64,
    pub kind: usize,
    pub rhythm: Rhythm,
    pub joined_at: Moment,
    pub never_buys: bool,
    /// Orders per day of shop time while a customer.
    pub rate: f64,
    /// Chance to leave after an order of ordinary experience.
    pub leave_share: f64,
    /// The moment at which other reasons end the relationship, if nothing did before.
    pub leaves_at: Moment,
    pub tastes: [f32; 12],
    pub tastes_cumulative: [f32; 12],
    pub tiers: [f32; TIERS],
    pub tiers_cumulative: [f32; TIERS],
    pub extra_lines_mean: f64,
    pub response: f64,
    pub satisfaction: f64,
    pub return_factor: f64,
    pub guest_share: f64,
    pub email: Consent,
    pub sms: Consent,
    pub country: usize,
    pub region: &'static str,
    pub language: Language,
    pub birth_year: Option<i64>,
    pub gender: Option<&'static str>,
    pub acquisition_channel: &'static str,
}

impl Person {
    pub fn draw(shop: &Shop, number: u64) -> Self {
        let mut draw = Draw::stream(shop.settings.seed, number, Purpose::Person);
        let draw = &mut draw;
        let shares = TYPES.map(|t| t.share);
        let mut cumulative = shares;
        accumulate(&mut cumulative);
        let kind = draw.index(&cumulative);
        let facts = &TYPES[kind];
        let joined_at = joins(shop, draw);
        let response =
            if draw.chance(PUT_OFF_SHARE) { -0.4 } else { (facts.response.0 + facts.response.1 * draw.normal()).max(-0.5) };
        let country = draw_country(draw);
        let gender = draw_gender(draw);
        let tastes = draw_tastes(draw, gender);
        // The spend level is inverse gamma with mean 1, as in the Gamma-Gamma model; baskets spread around it.
        let spend_level = facts.spend_factor * 4.0 / draw.gamma(5.0).max(0.4);
        let tiers = draw_tiers(spend_level);
        Self {
            number,
            kind,
            rhythm: facts.rhythm,
            joined_at,
            never_buys: draw.chance(NEVER_BUYS_SHARE),
            rate: facts.orders_per_year / 365.25 * draw.gamma(facts.rate_shape) / facts.rate_shape,
            leave_share: draw.beta(facts.leave_a, facts.leave_b),
            leaves_at: joined_at.plus_days((draw.exponential() * 6.0 * 365.25).min(20_000.0)),
            tastes,
            tastes_cumulative: running(tastes),
            tiers,
            tiers_cumulative: running(tiers),
            extra_lines_mean: (0.9 * spend_level).min(12.0),
            response,
            satisfaction: draw.beta(4.6, 2.0),
            return_factor: facts.return_factor * draw.gamma(2.0) / 2.0,
            guest_share: if draw.chance(0.12) { draw.beta(4.0, 4.0) } else { 0.02 },
            email: draw_consent(draw, joined_at, 0.75),
            sms: draw_consent(draw, joined_at, 0.40),
            country,
            region: draw.pick_word(COUNTRIES[country].regions),
            language: if draw.chance(COUNTRIES[country].chinese_share) { Language::Zh } else { Language::En },
            birth_year: draw
                .chance(0.7)
                .then(|| (i64::from(joined_at.day().ymd().0) - 38 - (12.0 * draw.normal()) as i64).clamp(1930, 2007)),
            gender,
            acquisition_channel: draw.pick_word(&CHANNELS),
        }
    }

    pub fn facts(&self) -> &'static Type {
        &TYPES[self.kind]
    }

    /// What an order costs on average at list prices, before any discount.
    pub fn spend_cents_mean(&self, shop: &Shop) -> f64 {
        let mut line = 0.0;
        for (category, &taste) in self.tastes.iter().enumerate() {
            for (tier, &weight) in self.tiers.iter().enumerate() {
                line += f64::from(taste * weight) * shop.assortment.price_cents_mean(category, tier);
            }
        }
        line * super::basket::QUANTITY_MEAN * (1.0 + self.extra_lines_mean)
    }
}

/// The shop grows: twice as many join at the end of a year as at its beginning, and more on busy days.
fn joins(shop: &Shop, draw: &mut Draw) -> Moment {
    let end = shop.season.at_day(Rhythm::Everyday, shop.settings.end());
    loop {
        let time = draw.unit() * end;
        let kept = draw.chance((1.0 + time / end) / 2.0);
        if let (true, Some(moment)) = (kept, shop.season.moment(Rhythm::Everyday, time)) {
            return moment;
        }
    }
}

fn draw_country(draw: &mut Draw) -> usize {
    let mut shares = [0.0; COUNTRIES.len()];
    for (share, country) in shares.iter_mut().zip(&COUNTRIES) {
        *share = country.share;
    }
    accumulate(&mut shares);
    draw.index(&shares)
}

fn draw_gender(draw: &mut Draw) -> Option<&'static str> {
    match draw.unit() {
        u if u < 0.50 => Some("female"),
        u if u < 0.86 => Some("male"),
        u if u < 0.88 => Some("other"),
        _ => None,
    }
}

/// Dirichlet around the shop's shares; fashion follows gender somewhat.
fn draw_tastes(draw: &mut Draw, gender: Option<&str>) -> [f32; 12] {
    let mut tastes = [0.0_f64; 12];
    for ((taste, share), category) in tastes.iter_mut().zip(CATEGORY_SHARE).zip(&CATEGORIES) {
        let tilt = match (category.slug, gender) {
            ("womens" | "beauty", Some("female")) | ("mens" | "electronics", Some("male")) => 1.6,
            ("womens", Some("male")) | ("mens", Some("female")) => 0.4,
            _ => 1.0,
        };
        *taste = draw.gamma(TASTE_WEIGHT * share * tilt) + 1e-9;
    }
    let total: f64 = tastes.iter().sum();
    tastes.map(|taste| (taste / total) as f32)
}

fn draw_tiers(spend_level: f64) -> [f32; TIERS] {
    let weights = [1.0 / spend_level, 1.0, spend_level];
    let total: f64 = weights.iter().sum();
    weights.map(|weight| (weight / total) as f32)
}

fn draw_consent(draw: &mut Draw, joined_at: Moment, share: f64) -> Consent {
    let granted = draw.chance(share);
    let withdrawn_at = draw.chance(0.25).then(|| joined_at.plus_days(draw.exponential().min(20.0) * 400.0));
    Consent { granted, withdrawn_at: if granted { withdrawn_at } else { None } }
}

fn running<const N: usize>(mut weights: [f32; N]) -> [f32; N] {
    accumulate(&mut weights);
    weights
}
