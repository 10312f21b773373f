//! Random small shops with every awkward thing in them, and the same shops with another future.

use std::collections::BTreeMap;

use perennial_contract::{Day, Entity};

use crate::features_store::{Memory, Row, Value};

/// SplitMix64: a few lines that give the same shop for the same seed everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.unsigned_abs()) as i64
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.roll(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as i64) as usize]
    }
}

/// The as-of day the shops are made around: 1999-06-15.
pub const AS_OF: Day = Day(10_757);
pub const ZONE: &str = "Asia/Shanghai";
const DAY_US: i64 = 86_400_000_000;
const ZONE_US: i64 = 8 * 3_600_000_000;

#[derive(Clone, Debug, Default)]
pub struct Shop(pub BTreeMap<Entity, Vec<Row>>);

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// The instant of an hour of a local day.
fn instant(day: i64, dice: &mut Dice) -> i64 {
    day * DAY_US + dice.roll(24) * 3_600_000_000 - ZONE_US
}

fn start_us() -> i64 {
    i64::from(AS_OF.0) * DAY_US - ZONE_US
}

impl Shop {
    pub fn store(&self) -> Memory {
        Memory::new(ZONE, &self.0)
    }

    /// Few customers, many coincidences: same-day orders, returns without orders, guests, nothing but zeros, both sides of the day.
    pub fn random(dice: &mut Dice) -> Self {
        let mut shop = Self::default();
        shop.add_products(dice);
        shop.add_customers(dice);
        for serial in 0..dice.roll(40) {
            shop.add(dice, serial, -430, 60);
        }
        shop
    }

    /// The same past with another future: rows of the as-of day and later are dropped, changed and added, and what past rows learn
    /// later (delivered, opened, closed …) is drawn again.
    pub fn with_another_future(&self, dice: &mut Dice) -> Self {
        let mut shop = Self::default();
        for (&entity, rows) in &self.0 {
            for row in rows {
                if let Some(row) = another_future(entity, row, dice) {
                    shop.0.entry(entity).or_default().push(row);
                }
            }
        }
        for serial in 1_000..1_000 + dice.roll(25) {
            shop.add(dice, serial, 0, 60);
        }
        for product in 0..3 {
            let from = start_us() + dice.roll(30) * DAY_US;
            let row =
                [("product_id", text(format!("late{product}"))), ("category", text("toys")), ("valid_from", Value::Whole(from))];
            shop.0.entry(Entity::Products).or_default().push(row.into());
        }
        shop
    }

    fn add_products(&mut self, dice: &mut Dice) {
        for product in 0..6 {
            let mut row = Row::from([("product_id", text(format!("p{product}")))]);
            if !dice.one_in(4) {
                row.insert("category", text(dice.pick(&["books", "games", "Ärzte", "玩具"])));
            }
            if !dice.one_in(3) {
                row.insert("cost_cents", Value::Whole(dice.roll(900)));
            }
            if dice.one_in(2) {
                row.insert("valid_from", Value::Whole(start_us() - 3_600_000_000 * (dice.roll(200) - 100)));
            }
            self.0.entry(Entity::Products).or_default().push(row);
        }
    }

    fn add_customers(&mut self, dice: &mut Dice) {
        for customer in 0..7 {
            let mut row = Row::from([("customer_id", text(format!("c{customer}")))]);
            if dice.one_in(2) {
                row.insert("country", text(dice.pick(&["NL", "CN"])));
                row.insert("birth_year", Value::Whole(1940 + dice.roll(60)));
            }
            if dice.one_in(2) {
                row.insert("created_on", Value::Whole(i64::from(AS_OF.0) - 20 + dice.roll(40)));
            }
            self.0.entry(Entity::Customers).or_default().push(row);
        }
    }

    /// A few rows of one kind on one random day, `from` to `to` days from the as-of day.
    fn add(&mut self, dice: &mut Dice, serial: i64, from: i64, to: i64) {
        let on = i64::from(AS_OF.0) + if dice.one_in(4) { dice.roll(6) - 3 } else { from + dice.roll(to - from) };
        let on = on.max(i64::from(AS_OF.0) + from);
        let customer = (!dice.one_in(8)).then(|| text(format!("c{}", dice.roll(9))));
        let at = Value::Whole(instant(on, dice));
        match dice.roll(8) {
            0..=2 => self.add_order(dice, serial, customer, (on, at)),
            3 => self.add_return(dice, serial, customer, (on, at)),
            4 | 5 => self.add_events(dice, serial, customer, on),
            6 => self.add_contact(dice, serial, customer, (on, at)),
            _ => self.add_voice(dice, serial, customer, (on, at)),
        }
    }

    fn push(&mut self, entity: Entity, customer: Option<Value>, cells: Vec<(&'static str, Value)>) {
        let mut row: Row = cells.into_iter().collect();
        if let Some(customer) = customer {
            row.insert("customer_id", customer);
        }
        self.0.entry(entity).or_default().push(row);
    }

    fn add_order(&mut self, dice: &mut Dice, serial: i64, customer: Option<Value>, (on, at): (i64, Value)) {
        let id = text(format!("o{serial}"));
        let status = text(dice.pick(&["paid", "paid", "cancelled", "shipped"]));
        let mut order =
            vec![("order_id", id.clone()), ("ordered_at", at.clone()), ("ordered_on", Value::Whole(on)), ("status", status)];
        if dice.one_in(3) {
            order.push(("coupon_codes", Value::Texts(vec!["WELCOME".to_owned()])));
        }
        if dice.one_in(2) {
            order.push(("promised_at", Value::Whole(instant(on + dice.roll(10), dice))));
        }
        if dice.one_in(2) {
            order.push(("delivered_at", Value::Whole(instant(on + dice.roll(14), dice))));
        }
        self.push(Entity::Orders, customer.clone(), order);
        for line in 0..dice.roll(4) {
            let price = if dice.one_in(4) { 0 } else { dice.roll(5_000) };
            let (quantity, discount) = (1 + dice.roll(3), if dice.one_in(3) { dice.roll(price + 1) } else { 0 });
            let cells = vec![
                ("order_id", id.clone()),
                ("line_no", Value::Whole(line)),
                ("ordered_at", at.clone()),
                ("ordered_on", Value::Whole(on)),
                ("product_id", text(format!("p{}", dice.roll(9)))),
                ("kind", text(dice.pick(&["product", "product", "product", "charge", "cancelled"]))),
                ("quantity", Value::Whole(quantity)),
                ("unit_price_cents", Value::Whole(price)),
                ("discount_cents", Value::Whole(discount)),
                ("total_cents", Value::Whole(price * quantity - discount)),
            ];
            self.push(Entity::OrderItems, customer.clone(), cells);
        }
    }

    fn add_return(&mut self, dice: &mut Dice, serial: i64, customer: Option<Value>, (on, at): (i64, Value)) {
        let cells = vec![
            ("return_id", text(format!("r{serial}"))),
            ("returned_at", at),
            ("returned_on", Value::Whole(on)),
            ("quantity", Value::Whole(1 + dice.roll(2))),
            ("amount_cents", Value::Whole(dice.roll(3_000))),
        ];
        self.push(Entity::Returns, customer, cells);
    }

    fn add_events(&mut self, dice: &mut Dice, serial: i64, customer: Option<Value>, on: i64) {
        const NAMES: [&str; 6] =
            ["product_viewed", "product_added", "checkout_started", "order_completed", "products_searched", "cart_viewed"];
        for event in 0..1 + dice.roll(6) {
            let on = on + i64::from(dice.one_in(5));
            let mut cells = vec![
                ("event_id", text(format!("e{serial}-{event}"))),
                ("occurred_at", Value::Whole(instant(on, dice))),
                ("occurred_on", Value::Whole(on)),
                ("name", text(dice.pick(&NAMES))),
            ];
            if !dice.one_in(4) {
                cells.push(("session_id", text(format!("s{}", dice.roll(6)))));
            }
            self.push(Entity::Events, customer.clone(), cells);
        }
    }

    fn add_contact(&mut self, dice: &mut Dice, serial: i64, customer: Option<Value>, (on, at): (i64, Value)) {
        let customer = customer.or_else(|| Some(text("c0")));
        let mut cells = vec![("touch_id", text(format!("t{serial}"))), ("campaign_id", text("spring")), ("sent_at", at)];
        cells.extend([("sent_on", Value::Whole(on)), ("holdout", Value::Flag(dice.one_in(4)))]);
        for outcome in ["opened_at", "clicked_at", "redeemed_at"] {
            if dice.one_in(2) {
                cells.push((outcome, Value::Whole(instant(on + dice.roll(8), dice))));
            }
        }
        self.push(Entity::Touches, customer, cells);
    }

    fn add_voice(&mut self, dice: &mut Dice, serial: i64, customer: Option<Value>, (on, at): (i64, Value)) {
        match dice.roll(3) {
            0 => {
                let cells = [("review_id", text(format!("v{serial}"))), ("reviewed_at", at), ("reviewed_on", Value::Whole(on))];
                let rating = ("rating", Value::Whole(1 + dice.roll(5)));
                self.push(Entity::Reviews, customer, cells.into_iter().chain([rating]).collect());
            }
            1 => {
                let mut cells =
                    vec![("ticket_id", text(format!("k{serial}"))), ("opened_at", at), ("opened_on", Value::Whole(on))];
                if dice.one_in(2) {
                    cells.push(("closed_at", Value::Whole(instant(on + dice.roll(9), dice))));
                    cells.push(("csat", Value::Whole(1 + dice.roll(5))));
                }
                self.push(Entity::Tickets, customer, cells);
            }
            _ => {
                let customer = customer.or_else(|| Some(text("c0")));
                let kind = text(dice.pick(&["nps", "csat", "ces"]));
                let cells =
                    vec![("response_id", text(format!("q{serial}"))), ("answered_at", at), ("answered_on", Value::Whole(on))];
                let score = [("kind", kind), ("score", Value::Whole(dice.roll(11)))];
                self.push(Entity::Surveys, customer, cells.into_iter().chain(score).collect());
            }
        }
    }
}

fn whole(row: &Row, column: &str) -> Option<i64> {
    match row.get(column) {
        Some(Value::Whole(value)) => Some(*value),
        _ => None,
    }
}

/// The row in another future, `None` where it does not come to be.
fn another_future(entity: Entity, row: &Row, dice: &mut Dice) -> Option<Row> {
    let mut row = row.clone();
    let day = entity.day().or_else(|| (entity == Entity::Customers).then(|| "created_on".to_owned()));
    let day = day.and_then(|day| whole(&row, &day));
    let known_late = entity == Entity::Products && whole(&row, "valid_from").is_some_and(|from| from >= start_us());
    if day.is_some_and(|day| day >= i64::from(AS_OF.0)) || known_late {
        if dice.one_in(2) {
            return None;
        }
        for (column, other) in [("total_cents", 7_777), ("amount_cents", 1), ("rating", 1), ("birth_year", 1900), ("score", 3)] {
            row.entry(column).and_modify(|value| *value = Value::Whole(other));
        }
        row.entry("category").and_modify(|value| *value = text("other"));
        return Some(row);
    }
    for later in ["delivered_at", "opened_at", "clicked_at", "redeemed_at", "closed_at"] {
        let is_key_time = entity.time() == Some(later);
        if !is_key_time && whole(&row, later).is_none_or(|at| at >= start_us()) && entity.column(later).is_some() {
            row.remove(later);
            if dice.one_in(2) {
                row.insert(later, Value::Whole(start_us() + dice.roll(50) * 3_600_000_000));
                if later == "closed_at" {
                    row.insert("csat", Value::Whole(1 + dice.roll(5)));
                }
            }
        }
    }
    Some(row)
}
