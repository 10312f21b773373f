//! What follows an order: the parcel, how it was received, what comes back.

use super::basket::{Item, Return};
use super::clock::{DAY_SECONDS, Moment};
use super::draw::Draw;
use super::person::Person;
use super::shop::Shop;
use super::words::people::COUNTRIES;

pub struct Parcel {
    pub shipped_at: Moment,
    pub delivered_at: Moment,
    pub promised_at: Moment,
}

impl Parcel {
    pub fn days_late(&self) -> f64 {
        ((self.delivered_at.0 - self.promised_at.0) as f64 / DAY_SECONDS as f64).max(0.0)
    }
}

const LATE_SHARE: f64 = 0.06;
const RETURN_DAYS_MAX: f64 = 30.0;
const RETURN_REASONS: [&str; 5] = ["does_not_fit", "not_as_described", "damaged", "changed_mind", "arrived_late"];

pub fn deliver(ordered_at: Moment, person: &Person, draw: &mut Draw) -> Parcel {
    let least = COUNTRIES[person.country].delivery_days;
    let shipped_at = ordered_at.plus_days(0.3 + draw.unit());
    let delay = if draw.chance(LATE_SHARE) { draw.between(4.0, 9.0) } else { 0.0 };
    let delivered_at = shipped_at.plus_days(least + 0.5 * draw.exponential().min(4.0) + delay);
    let promised_at = Moment::of(ordered_at.day().plus(least.ceil() as i32 + 3), 20 * 3_600);
    Parcel { shipped_at, delivered_at, promised_at }
}

/// How the order went, 0 to 1.
pub fn experience(items: &[Item], parcel: &Parcel, (shop, person): (&Shop, &Person), draw: &mut Draw) -> f64 {
    let quality: f64 = items.iter().map(|item| shop.assortment.products[item.product as usize].quality).sum();
    let quality = if items.is_empty() { 0.5 } else { quality / items.len() as f64 };
    let late = 0.06 * parcel.days_late().min(6.0);
    (0.12 + 0.50 * person.satisfaction + 0.34 * quality + 0.10 * draw.normal() - late).clamp(0.0, 1.0)
}

/// A bad experience makes leaving likelier, a good one less so.
pub fn leave_factor(experience: f64) -> f64 {
    if experience < 0.5 {
        2.5
    } else if experience < 0.62 {
        1.3
    } else {
        0.85
    }
}

/// Decide which lines come back, when and for how much.
pub fn send_back(
    items: &mut [Item],
    (delivered_at, experience): (Moment, f64),
    (shop, person): (&Shop, &Person),
    draw: &mut Draw,
) {
    let displeased = if experience < 0.5 { 1.8 } else { 1.0 };
    for item in items {
        let share = shop.assortment.products[item.product as usize].return_share * person.return_factor * displeased;
        if !draw.chance(share.min(0.8)) {
            continue;
        }
        let days = (1.0 + 8.0 * draw.exponential()).min(RETURN_DAYS_MAX);
        let quantity = if draw.chance(0.8) { item.quantity } else { 1 };
        item.returned = Some(Return {
            at: delivered_at.plus_days(days),
            quantity,
            // For a part of the line: its share of what was paid, rounded down; the whole line: all of it.
            amount_cents: item.total_cents() * quantity / item.quantity,
            reason: draw.pick_word(&RETURN_REASONS),
        });
    }
}
