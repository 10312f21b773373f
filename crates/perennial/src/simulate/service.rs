//! Conversations with the shop's support: likelier after a bad order, in the customer's language.

use super::block::{Sheets, Story};
use super::clock::Moment;
use super::code::Code;
use super::draw::{Draw, Purpose};
use super::file::File;
use super::words::speech::{TALKS, Talk};

const TICKET_SHARE: f64 = 0.015;
const TICKET_SHARE_AFTER_BAD: f64 = 0.22;
const MESSAGES_MAX: usize = 8;

struct Ticket<'a> {
    number: usize,
    order: usize,
    talk: &'a Talk,
    opened_at: Moment,
    /// Whether the customer is content in the end; decides the last message and the rating.
    content: bool,
}

pub fn write(story: &Story, sheets: &mut Sheets) {
    let mut draw = story.draw(Purpose::Service);
    let mut tickets = 0;
    for (number, order) in story.life.orders.iter().enumerate() {
        let share = if order.experience < 0.5 { TICKET_SHARE_AFTER_BAD } else { TICKET_SHARE };
        if order.cancelled || !draw.chance(share) {
            continue;
        }
        let late = order.delivered_at > order.promised_at;
        let talk = match (late, order.experience < 0.5) {
            (true, _) => &TALKS[0],
            (false, true) => &TALKS[1 + draw.below(2)],
            (false, false) => draw.pick(&TALKS[2..]),
        };
        let opened_at = if late { order.promised_at } else { order.delivered_at }.plus_days(0.2 + draw.exponential());
        let content = draw.chance(0.25 + 0.6 * order.experience);
        talk_rows(story, &Ticket { number: tickets, order: number, talk, opened_at, content }, (sheets, &mut draw));
        tickets += 1;
    }
}

fn talk_rows(story: &Story, ticket: &Ticket, (sheets, draw): (&mut Sheets, &mut Draw)) {
    let language = story.person.language;
    let opening = draw.pick(&ticket.talk.opening).get(language);
    let answer = draw.pick(&ticket.talk.answer).get(language);
    let last = if ticket.content { ticket.talk.glad } else { ticket.talk.angry }.get(language);
    let rounds = 1 + usize::from(draw.chance(0.3));
    let mut at = ticket.opened_at;
    let mut sent = vec![(at, "customer", opening)];
    for _ in 0..rounds {
        at = at.plus_days(0.02 + 0.3 * draw.exponential());
        sent.push((at, "agent", answer));
        at = at.plus_days(0.01 + 0.4 * draw.exponential());
        sent.push((at, "customer", last));
    }
    let csat = draw.chance(0.5).then(|| if ticket.content { 4 + draw.below(2) } else { 1 + draw.below(2) } as i64);
    let channel = draw.pick_word(&["email", "chat", "phone"]);
    if !story.known(ticket.opened_at) {
        return;
    }
    let id = Code::of(b'K', story.person.number, ticket.number);
    if let Some(sheet) = sheets.get(File::Tickets) {
        let closed_at = story.utc_if_known(Some(at.plus(600)));
        sheet.word(id.as_str());
        sheet.word_or_null(story.customer_of(ticket.order));
        sheet.instant(story.utc(ticket.opened_at));
        sheet.instant_or_null(closed_at);
        sheet.word(channel);
        sheet.word(ticket.talk.topic);
        sheet.whole_or_null(csat.filter(|_| closed_at.is_some()));
        sheet.end_row();
    }
    let Some(sheet) = sheets.get(File::Messages) else { return };
    for (number, (at, sender, template)) in sent.into_iter().enumerate().filter(|(_, (at, ..))| story.known(*at)) {
        sheet.word(Code::of(b'M', story.person.number, ticket.number * MESSAGES_MAX + number).as_str());
        sheet.word(id.as_str());
        sheet.word_or_null(story.customer_of(ticket.order));
        sheet.instant(story.utc(at));
        sheet.word(sender);
        sheet.text(&fill(story, ticket.order, template));
        sheet.word(language.code());
        sheet.end_row();
    }
}

fn fill(story: &Story, order: usize, template: &str) -> String {
    let product = story.life.items.get(story.life.orders[order].items.start);
    let name = product.map_or("", |item| story.shop.assortment.products[item.product as usize].name_in(story.person.language));
    template.replace("{order}", story.order_code(order).as_str()).replace("{product}", name)
}
