//! Browsing: the steps before each order, and visits that end without one.
//!
//! Names follow the Segment e-commerce spec in snake case. Visits come at a pace of the customer's own, in proportion to the
//! order rate; once the customer is lost, next to none do.

use std::fmt::Write as _;

use super::account::anonymous_id;
use super::basket::Item;
use super::block::{Sheets, Story};
use super::clock::{DAY_SECONDS, Moment};
use super::code::Code;
use super::draw::{Draw, Purpose};
use super::file::File;
use super::life::{Coupon, coupon_code};
use super::settings::Events;
use super::sheet::Sheet;
use super::words::goods::CATEGORIES;

/// Visits without an order, per order the customer would place.
const VISITS_PER_ORDER_LIGHT: f64 = 0.5;
const VISITS_PER_ORDER_FULL: f64 = 3.0;
const VISITS_AFTER_LEAVING: f64 = 0.04;
const VISITS_MAX: f64 = 400.0;

struct Browser<'a> {
    story: &'a Story<'a>,
    sheet: &'a mut Sheet,
    draw: Draw,
    events: usize,
    sessions: usize,
    detail: Events,
    properties: String,
}

/// One visit: who is known to be there, on which device, and how far the clock has come.
struct Session<'a> {
    customer_id: Option<&'a str>,
    anonymous_id: Code,
    id: Code,
    at: Moment,
}

/// What an event is about.
#[derive(Clone, Copy)]
struct About {
    name: &'static str,
    product: Option<u32>,
    /// Whether `Browser::properties` holds a JSON object for it.
    properties: bool,
}

const fn plain(name: &'static str) -> About {
    About { name, product: None, properties: false }
}

const fn of_product(name: &'static str, product: u32) -> About {
    About { name, product: Some(product), properties: false }
}

const fn with_properties(name: &'static str) -> About {
    About { name, product: None, properties: true }
}

pub fn write(story: &Story, sheets: &mut Sheets) {
    let Some(sheet) = sheets.get(File::Events) else { return };
    let detail = story.shop.settings.events;
    let draw = story.draw(Purpose::Browsing);
    let mut browser = Browser { story, sheet, draw, events: 0, sessions: 0, detail, properties: String::new() };
    for number in 0..story.life.orders.len() {
        browser.order(number);
    }
    browser.visits();
    if detail == Events::Full {
        browser.mail();
    }
}

impl<'a> Browser<'a> {
    fn event(&mut self, session: &mut Session, about: About) {
        if self.story.known(session.at) {
            let sheet = &mut *self.sheet;
            sheet.word(Code::of(b'E', self.story.person.number, self.events).as_str());
            sheet.word_or_null(session.customer_id);
            sheet.word(session.anonymous_id.as_str());
            sheet.word(session.id.as_str());
            sheet.instant(self.story.utc(session.at));
            sheet.word(about.name);
            sheet.word_or_null(about.product.map(|product| self.story.shop.assortment.products[product as usize].id.as_str()));
            if about.properties {
                sheet.text(&self.properties);
            } else {
                sheet.null();
            }
            sheet.end_row();
        }
        self.events += 1;
        session.at = session.at.plus(4 + (self.draw.exponential() * 25.0) as i64);
    }

    fn session(&mut self, at: Moment, customer_id: Option<&'a str>) -> Session<'a> {
        let device = usize::from(self.draw.chance(0.3));
        let number = self.story.person.number;
        self.sessions += 1;
        Session { customer_id, anonymous_id: anonymous_id(number, device), id: Code::of(b'S', number, self.sessions), at }
    }

    /// The session that ends in an order: it begins some minutes before, and `order_completed` falls on the order's moment.
    fn order(&mut self, number: usize) {
        let (story, order) = (self.story, &self.story.life.orders[number]);
        let start = order.at.plus(-(300 + (self.draw.unit() * 900.0) as i64)).max(story.person.joined_at);
        if !story.known(order.at) || order.cancelled {
            return;
        }
        let mut session = self.session(start, story.customer_of(number));
        let items = &story.life.items[order.items.clone()];
        match self.detail {
            Events::Full => self.way_to_order(&mut session, items),
            _ => {
                for item in items.iter().take(1) {
                    self.event(&mut session, of_product("product_viewed", item.product));
                    self.event(&mut session, of_product("product_added", item.product));
                }
            }
        }
        if let (Events::Full, Some(code)) = (self.detail, coupon_code(story.shop, order.coupon)) {
            self.properties.clear();
            let _ = write!(self.properties, r#"{{"coupon":"{code}","automatic":{}}}"#, order.coupon == Coupon::Welcome);
            self.event(&mut session, with_properties("coupon_applied"));
        }
        if self.detail == Events::Full {
            self.event(&mut session, plain("checkout_step_completed"));
            self.event(&mut session, plain("payment_info_entered"));
        }
        session.at = order.at;
        self.properties.clear();
        let (id, total) = (story.order_code(number), order.sums.total_cents());
        let _ = write!(self.properties, r#"{{"order_id":"{}","total_cents":{total}}}"#, id.as_str());
        self.event(&mut session, with_properties("order_completed"));
        self.refunds(items, &mut session, number);
    }

    fn way_to_order(&mut self, session: &mut Session, items: &[Item]) {
        self.event(session, plain("session_started"));
        for item in items {
            self.browse(session);
            self.event(session, of_product("product_viewed", item.product));
            self.event(session, of_product("product_added", item.product));
            if self.draw.chance(0.08) {
                let other = self.some_product();
                self.event(session, of_product("product_added", other));
                self.event(session, of_product("product_removed", other));
            }
        }
        self.event(session, plain("cart_viewed"));
        self.event(session, plain("checkout_started"));
    }

    fn refunds(&mut self, items: &[Item], session: &mut Session, number: usize) {
        if self.detail != Events::Full {
            return;
        }
        for back in items.iter().filter_map(|item| item.returned) {
            session.at = back.at;
            self.properties.clear();
            let id = self.story.order_code(number);
            let _ = write!(self.properties, r#"{{"order_id":"{}","total_cents":{}}}"#, id.as_str(), back.amount_cents);
            self.event(session, with_properties("order_refunded"));
        }
    }

    /// A list or a search, then a product or two out of it.
    fn browse(&mut self, session: &mut Session) {
        let category = self.draw.index(&self.story.person.tastes_cumulative);
        self.properties.clear();
        if self.draw.chance(0.3) {
            let thing = self.draw.pick(&CATEGORIES[category].things).get(self.story.person.language);
            let _ = write!(self.properties, r#"{{"query":"{thing}"}}"#);
            self.event(session, with_properties("products_searched"));
        } else {
            let _ = write!(self.properties, r#"{{"category":"{}"}}"#, CATEGORIES[category].path[1]);
            self.event(session, with_properties("product_list_viewed"));
        }
        for _ in 0..self.draw.poisson(1.2) {
            let product = self.product_of(category);
            self.event(session, of_product("product_viewed", product));
        }
    }

    fn product_of(&mut self, category: usize) -> u32 {
        let tier = self.draw.index(&self.story.person.tiers_cumulative);
        self.story.shop.assortment.choose(&mut self.draw, category, tier)
    }

    fn some_product(&mut self) -> u32 {
        let category = self.draw.index(&self.story.person.tastes_cumulative);
        self.product_of(category)
    }

    /// Visits without an order, spread over the time as a customer; a few stragglers afterwards.
    fn visits(&mut self) {
        let (story, end) = (self.story, self.story.shop.end());
        let (joined, per_order) = (
            story.person.joined_at,
            match self.detail {
                Events::Full => VISITS_PER_ORDER_FULL,
                _ => VISITS_PER_ORDER_LIGHT,
            },
        );
        let left =
            if story.person.never_buys { joined.plus(30 * DAY_SECONDS) } else { story.life.left_at.unwrap_or(end).min(end) };
        let a_day = per_order * story.person.rate.max(1.0 / 365.0) / DAY_SECONDS as f64;
        for (from, until, pace) in [(joined, left, 1.0), (left, end, VISITS_AFTER_LEAVING)] {
            let seconds = (until.0 - from.0).max(0) as f64;
            let count = self.draw.poisson((seconds * a_day * pace).min(VISITS_MAX));
            for _ in 0..count {
                let at = from.plus((self.draw.unit() * seconds) as i64);
                self.visit(at);
            }
        }
    }

    fn visit(&mut self, at: Moment) {
        let signed_in = self.draw.chance(0.8);
        let mut session = self.session(at, signed_in.then_some(self.story.customer_id));
        if self.detail == Events::Light {
            let product = self.some_product();
            self.event(&mut session, of_product("product_viewed", product));
            return;
        }
        self.event(&mut session, plain("session_started"));
        if self.draw.chance(0.1) {
            self.event(&mut session, plain("promotion_viewed"));
            if self.draw.chance(0.3) {
                self.event(&mut session, plain("promotion_clicked"));
            }
        }
        self.browse(&mut session);
        if self.draw.chance(0.2) {
            let product = self.some_product();
            let name = if self.draw.chance(0.35) { "product_added_to_wishlist" } else { "product_added" };
            self.event(&mut session, of_product(name, product));
            if name == "product_added" {
                self.event(&mut session, plain("cart_viewed"));
                if self.draw.chance(0.3) {
                    self.event(&mut session, plain("checkout_started"));
                }
            }
        }
    }

    /// What the mail program reports back.
    fn mail(&mut self) {
        let story = self.story;
        for touch in &story.life.touches {
            for (at, name) in [(touch.opened_at, "email_opened"), (touch.clicked_at, "email_link_clicked")] {
                let Some(at) = at else { continue };
                let mut session = self.session(at, Some(story.customer_id));
                self.properties.clear();
                let _ = write!(self.properties, r#"{{"campaign_id":"{}"}}"#, story.shop.campaigns[touch.campaign].id);
                self.event(&mut session, with_properties(name));
            }
        }
        if let Some(at) = story.person.email.withdrawn_at {
            let mut session = self.session(at, Some(story.customer_id));
            self.event(&mut session, plain("unsubscribed"));
        }
    }
}
