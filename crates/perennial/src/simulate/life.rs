//! One customer's life with the shop: orders, campaigns and the end.
//!
//! Question How does this customer come, buy, answer messages and leave?
//! Assumes  orders are Poisson with the customer's own rate in shop time; a treated message multiplies the rate for 14 days;
//!          after an order the customer leaves with the own probability, larger after a bad experience; other reasons end it too.
//! Input    a [`Person`], the [`Shop`].
//! Output   [`Life`]: orders with items, touches and the last day, up to the end of the truth's horizon.
//! Cost     O(orders + campaigns).
//! Ref      Fader, Hardie & Lee (2005), Marketing Science 24(2), section 3 (the BG/NBD story), with the additions above.

use super::aftermath;
use super::basket::{self, Item, Sums};
use super::campaign::{Assignment, Campaign, Channel, EFFECT_DAYS, WELCOME_OFFER, WELCOME_PERCENT};
use super::clock::Moment;
use super::draw::{Draw, Purpose, mix};
use super::person::Person;
use super::shop::Shop;

pub struct Order {
    pub at: Moment,
    pub guest: bool,
    pub cancelled: bool,
    /// Positions in [`Life::items`]; none for a cancelled order.
    pub items: std::ops::Range<usize>,
    pub sums: Sums,
    pub coupon: Coupon,
    pub shipped_at: Moment,
    pub delivered_at: Moment,
    pub promised_at: Moment,
    /// 0 to 1: how it went, from the customer's own disposition, the products and the delivery.
    pub experience: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coupon {
    None,
    Welcome,
    /// Of the campaign with this position in the shop's plan.
    Campaign(usize),
}

pub struct Touch {
    pub campaign: usize,
    pub holdout: bool,
    pub propensity: f64,
    pub sent_at: Moment,
    pub delivered_at: Option<Moment>,
    pub opened_at: Option<Moment>,
    pub clicked_at: Option<Moment>,
    pub redeemed_at: Option<Moment>,
}

/// Buffers are reused from customer to customer.
#[derive(Default)]
pub struct Life {
    pub orders: Vec<Order>,
    pub items: Vec<Item>,
    pub touches: Vec<Touch>,
    /// When the customer was lost, if that happened before the end of the horizon.
    pub left_at: Option<Moment>,
}

/// A message at work: until when in shop time, and by how much it multiplies the rate.
struct Boost {
    until: f64,
    factor: f64,
    touch: usize,
}

struct Walk<'a> {
    shop: &'a Shop,
    person: &'a Person,
    life: &'a mut Life,
    draw: Draw,
    /// Shop time reached.
    now: f64,
    /// Shop time at which other reasons end the relationship.
    end_of_life: f64,
    alive: bool,
    boost: Option<Boost>,
    next_campaign: usize,
}

impl Life {
    /// Replace the content by the life of `person`.
    pub fn live(&mut self, shop: &Shop, person: &Person) {
        self.orders.clear();
        self.items.clear();
        self.touches.clear();
        self.left_at = None;
        let draw = Draw::stream(shop.settings.seed, person.number, Purpose::Orders);
        let at = |moment| shop.season.at(person.rhythm, moment);
        let mut walk = Walk {
            shop,
            person,
            life: self,
            draw,
            now: at(person.joined_at),
            end_of_life: at(person.leaves_at),
            alive: !person.never_buys,
            boost: None,
            next_campaign: 0,
        };
        walk.skip_campaigns_before_joining();
        walk.run();
    }
}

impl Walk<'_> {
    fn skip_campaigns_before_joining(&mut self) {
        let joined_at = self.person.joined_at;
        self.next_campaign = self.shop.campaigns.partition_point(|campaign| self.sent_at(campaign) < joined_at);
    }

    /// Messages go out over the first hour; each customer has a fixed place in the queue.
    fn sent_at(&self, campaign: &Campaign) -> Moment {
        campaign.starts_at.plus((mix(self.person.number) % 3_600) as i64)
    }

    fn run(&mut self) {
        let length = self.shop.season.length(self.person.rhythm);
        // Most make their account while ordering, some come back later to buy for the first time.
        let mut wait = if self.draw.chance(0.7) { Wait::Days(0.004) } else { Wait::Days(12.0 * self.draw.exponential()) };
        while self.now < length {
            if !self.alive {
                wait = Wait::Forever;
            }
            match self.advance(&mut wait, length) {
                Step::Order => {
                    self.order();
                    wait = Wait::Exposure(self.draw.exponential());
                }
                Step::Campaign => self.campaign(),
                Step::BoostEnds => self.boost = None,
                Step::Leaves => self.leave(self.person.leaves_at),
                Step::End => return,
            }
        }
    }

    /// Move to whatever comes first, using up the wait for the next order on the way.
    fn advance(&mut self, wait: &mut Wait, length: f64) -> Step {
        let season = &self.shop.season;
        let campaign = self.shop.campaigns.get(self.next_campaign);
        let campaign = campaign.map_or(f64::INFINITY, |c| season.at(self.person.rhythm, self.sent_at(c)));
        let boost = self.boost.as_ref().map_or(f64::INFINITY, |boost| boost.until);
        let leaves = if self.alive && self.end_of_life < length { self.end_of_life } else { f64::INFINITY };
        let rate = self.person.rate * self.boost.as_ref().map_or(1.0, |boost| boost.factor);
        let order = match *wait {
            Wait::Days(days) => self.now + days,
            Wait::Exposure(exposure) => self.now + exposure / rate,
            Wait::Forever => f64::INFINITY,
        };
        let (mut at, mut step) = (length, Step::End);
        for (other, kind) in [(order, Step::Order), (boost, Step::BoostEnds), (campaign, Step::Campaign), (leaves, Step::Leaves)]
        {
            if other < at {
                (at, step) = (other, kind);
            }
        }
        let at = at.max(self.now);
        match wait {
            Wait::Days(days) => *days -= at - self.now,
            Wait::Exposure(exposure) => *exposure -= (at - self.now) * rate,
            Wait::Forever => {}
        }
        self.now = at;
        step
    }

    fn leave(&mut self, at: Moment) {
        self.alive = false;
        self.life.left_at = Some(at);
    }

    fn order(&mut self) {
        let Some(at) = self.shop.season.moment(self.person.rhythm, self.now) else { return };
        let at = at.max(self.person.joined_at.plus(60));
        let (guest, cancelled) = (self.draw.chance(self.person.guest_share), self.draw.chance(0.012));
        let start = self.life.items.len();
        basket::fill(&mut self.life.items, self.shop, self.person, at, &mut self.draw);
        let (coupon, percent) = self.coupon(at, start, guest);
        let items = &mut self.life.items[start..];
        let sums = basket::settle(items, percent, self.person.country);
        let parcel = aftermath::deliver(at, self.person, &mut self.draw);
        let experience = aftermath::experience(items, &parcel, (self.shop, self.person), &mut self.draw);
        if cancelled {
            self.life.items.truncate(start);
        } else {
            aftermath::send_back(items, (parcel.delivered_at, experience), (self.shop, self.person), &mut self.draw);
        }
        let items = start..self.life.items.len();
        let aftermath::Parcel { shipped_at, delivered_at, promised_at } = parcel;
        self.life.orders.push(Order {
            at,
            guest,
            cancelled,
            items,
            sums,
            coupon,
            shipped_at,
            delivered_at,
            promised_at,
            experience,
        });
        let leave_share = self.person.leave_share * aftermath::leave_factor(experience);
        if self.draw.chance(leave_share) {
            self.leave(at);
        }
    }

    /// The coupon an order uses, and what it takes off.
    fn coupon(&mut self, at: Moment, first_item: usize, guest: bool) -> (Coupon, i64) {
        let coupon_use = self.person.facts().coupon_use;
        if let (Some(boost), false) = (&self.boost, guest) {
            let touch = &mut self.life.touches[boost.touch];
            if let Some(offer) = &self.shop.campaigns[touch.campaign].offer {
                let spend: i64 = self.life.items[first_item..].iter().map(Item::total_cents).sum();
                if touch.redeemed_at.is_none() && spend >= offer.min_spend_cents && self.draw.chance(coupon_use) {
                    touch.redeemed_at = Some(at);
                    return (Coupon::Campaign(touch.campaign), offer.percent);
                }
            }
        }
        let newcomer = self.life.orders.is_empty() && !guest;
        if newcomer && self.draw.chance(0.45 * coupon_use) { (Coupon::Welcome, WELCOME_PERCENT) } else { (Coupon::None, 0) }
    }

    /// The next campaign is sent: is this customer in the audience, and treated or held out?
    fn campaign(&mut self) {
        let number = self.next_campaign;
        self.next_campaign += 1;
        let campaign = &self.shop.campaigns[number];
        let sent_at = self.sent_at(campaign);
        let consent = match campaign.channel {
            Channel::Email => self.person.email,
            Channel::Sms => self.person.sms,
        };
        if !consent.holds_at(sent_at) || !self.draw.chance(campaign.audience) {
            return;
        }
        let propensity = match campaign.assignment {
            Assignment::Even(share) => share,
            Assignment::Lapsed { lapsed, recent } => {
                if self.ordered_since(sent_at.plus_days(-90.0)) {
                    recent
                } else {
                    lapsed
                }
            }
        };
        let holdout = !self.draw.chance(propensity);
        let mut touch = Touch {
            campaign: number,
            holdout,
            propensity,
            sent_at,
            delivered_at: None,
            opened_at: None,
            clicked_at: None,
            redeemed_at: None,
        };
        if !holdout {
            self.deliver_message(&mut touch);
            let until = self.shop.season.at(self.person.rhythm, sent_at.plus_days(f64::from(EFFECT_DAYS)));
            let factor = effect(self.person, campaign);
            self.boost = Some(Boost { until, factor, touch: self.life.touches.len() });
        }
        self.life.touches.push(touch);
    }

    /// What the shop can see at that moment: an order under the customer's own name.
    fn ordered_since(&self, since: Moment) -> bool {
        self.life.orders.iter().rev().take_while(|order| order.at >= since).any(|order| !order.guest && !order.cancelled)
    }

    fn deliver_message(&mut self, touch: &mut Touch) {
        let draw = &mut self.draw;
        let delivered_at = touch.sent_at.plus(5 + (draw.exponential() * 40.0) as i64);
        touch.delivered_at = draw.chance(0.98).then_some(delivered_at);
        let interest = if self.alive { 0.32 + 0.25 * self.person.response.clamp(-0.5, 1.5) } else { 0.06 };
        if touch.delivered_at.is_some() && draw.chance(interest) {
            let opened_at = delivered_at.plus(60 + (draw.exponential() * 20_000.0) as i64);
            touch.opened_at = Some(opened_at);
            if draw.chance(0.35) {
                touch.clicked_at = Some(opened_at.plus(5 + (draw.exponential() * 60.0) as i64));
            }
        }
    }
}

/// By how much a treated message multiplies the order rate.
pub fn effect(person: &Person, campaign: &Campaign) -> f64 {
    (1.0 + person.response * campaign.strength).max(0.2)
}

enum Wait {
    /// A fixed time, in days of shop time.
    Days(f64),
    /// An amount of rate × time.
    Exposure(f64),
    Forever,
}

#[derive(Clone, Copy)]
enum Step {
    Order,
    Campaign,
    BoostEnds,
    Leaves,
    End,
}

pub fn coupon_code(shop: &Shop, coupon: Coupon) -> Option<&str> {
    match coupon {
        Coupon::None => None,
        Coupon::Welcome => Some(WELCOME_OFFER),
        Coupon::Campaign(number) => shop.campaigns.get(number)?.offer.as_ref().map(|offer| offer.id.as_str()),
    }
}
