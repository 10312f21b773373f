//! When will a customer order next, after recalibration?
//!
//! Assumes  the law's chances F(t), and for each closed window the map G of what they were worth there.
//! Input    the wait of a living customer, P(alive), and the windows by rising horizon.
//! Output   P(next order within t) = G_k(F(t)), k the first window at least t long (or the last), and its inverse. It never falls: where a
//!          longer window says less than a shorter one, the shorter one's word stands.
//! Cost     two binary searches a window.
//! Ref      see `recalibration`.

use super::living::Wait;
use super::model::Window;
use super::recalibration::Local;

pub(super) struct Calendar<'a> {
    wait: &'a Wait,
    p_alive: f64,
    pages: Vec<Page<'a>>,
}

/// From the horizon of the window before to this one's.
struct Page<'a> {
    days: f64,
    local: Local<'a>,
    /// What the windows before have reached.
    floor: f64,
}

impl<'a> Calendar<'a> {
    pub fn of(wait: &'a Wait, p_alive: f64, windows: &'a [Window]) -> Self {
        let mut floor: f64 = 0.0;
        let page = |window: &'a Window| {
            let days = f64::from(window.horizon_days());
            let reached = p_alive * wait.p_order(days);
            let local = window.next_order.at(reached);
            let page = Page { days, local, floor };
            floor = floor.max(local.chance(reached));
            page
        };
        let pages = windows.iter().map(page).collect();
        Self { wait, p_alive, pages }
    }

    /// P(next order within `t` days).
    pub fn p_order(&self, t: f64) -> f64 {
        let law = self.p_alive * self.wait.p_order(t);
        match self.pages.iter().find(|page| page.days >= t).or(self.pages.last()) {
            Some(page) => page.local.chance(law).max(page.floor),
            None => law,
        }
    }

    /// The day by which an order comes with chance `p`; `None` where none is expected within ten years.
    pub fn days_until(&self, p: f64) -> Option<f64> {
        let by_law = |chance: f64| self.wait.days_until(chance / self.p_alive);
        let mut from = 0.0;
        for (i, page) in self.pages.iter().enumerate() {
            // Where a window says at once what the one before had not reached, the day is the first after that one's.
            let days = by_law(page.local.law_chance(p)).map(|days| if i > 0 && days <= from { from.next_up() } else { days });
            if i + 1 == self.pages.len() || days.is_some_and(|days| days <= page.days) {
                return days;
            }
            from = page.days;
        }
        by_law(p)
    }
}
