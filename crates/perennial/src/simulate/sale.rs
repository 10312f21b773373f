//! Rows of orders, their lines, what came back, and the truth about them.

use super::basket::{Item, Return};
use super::block::{Block, Story};
use super::clock::{DAY_SECONDS, Moment};
use super::code::Code;
use super::dirt::{BAD_DATE, BAD_QUANTITY, Spoil, Spoilt, other_currency};
use super::draw::{Draw, Purpose, mix};
use super::file::File;
use super::life::{Order, coupon_code};

const CHANNELS: [&str; 3] = ["web", "app", "mobile_web"];

pub fn write(story: &Story, block: &mut Block) {
    let mut dirt = story.draw(Purpose::Dirt);
    let (mut future_orders, mut future_spend_cents) = (0, 0);
    for (number, order) in story.life.orders.iter().enumerate() {
        if story.known(order.at) {
            order_row(story, (number, order), block, &mut dirt);
            guest_row(story, number, block);
        } else if !order.guest && !order.cancelled {
            future_orders += 1;
        }
        for (line, item) in story.life.items[order.items.clone()].iter().enumerate() {
            if story.known(order.at) {
                item_row(story, (number, line), block, &mut dirt);
            } else if !order.guest {
                future_spend_cents += item.total_cents();
            }
            let Some(back) = &item.returned else { continue };
            if story.known(back.at) {
                return_row(story, (number, line), (item, back), block);
            } else if !order.guest && back.at < story.shop.end().plus(i64::from(story.shop.settings.horizon_days) * DAY_SECONDS) {
                future_spend_cents -= back.amount_cents;
            }
        }
    }
    truth_row(story, (future_orders, future_spend_cents), block);
}

fn status(story: &Story, order: &Order) -> &'static str {
    if order.cancelled {
        "cancelled"
    } else if story.known(order.delivered_at) {
        "completed"
    } else if story.known(order.shipped_at) {
        "shipped"
    } else {
        "processing"
    }
}

fn order_row(story: &Story, (number, order): (usize, &Order), block: &mut Block, dirt: &mut Draw) {
    let Some(sheet) = block.sheets.get(File::Orders) else { return };
    let settings = &story.shop.settings;
    let spoil = Spoil::draw(dirt, settings.dirt, File::Orders);
    let mark = sheet.mark();
    match spoil {
        Some(Spoil::MissingOrder) => sheet.null(),
        _ => sheet.word(story.order_code(number).as_str()),
    }
    sheet.word_or_null(story.customer_of(number));
    match spoil {
        Some(Spoil::BadDate) => sheet.word(BAD_DATE),
        _ => sheet.instant(story.utc(order.at)),
    }
    sheet.word(status(story, order));
    match spoil {
        Some(Spoil::OtherCurrency) => sheet.word(other_currency(&settings.currency)),
        _ => sheet.word(&settings.currency),
    }
    let sums = &order.sums;
    for cents in [sums.subtotal_cents, sums.discount_cents, sums.shipping_cents, sums.tax_cents, sums.total_cents()] {
        sheet.whole(cents);
    }
    sheet.word(CHANNELS[(mix(story.person.number ^ (number as u64 / 4)) % 3) as usize]);
    match coupon_code(story.shop, order.coupon) {
        Some(code) => sheet.words(&[code]),
        None => sheet.words(&[]),
    }
    let arrives = !order.cancelled;
    sheet.instant_or_null(story.utc_if_known(Some(order.delivered_at).filter(|_| arrives)));
    sheet.instant_or_null(arrives.then(|| story.utc(order.promised_at)));
    sheet.end_row();
    note_spoilt(block, File::Orders, spoil, mark);
}

/// Put a spoilt line on the list; a duplicate is written once more.
fn note_spoilt(block: &mut Block, file: File, spoil: Option<Spoil>, mark: usize) {
    let (Some(spoil), Some(sheet)) = (spoil, block.sheets.get(file)) else { return };
    if spoil == Spoil::Duplicate {
        sheet.repeat_since(mark);
    }
    let row = sheet.rows;
    block.spoilt.push(Spoilt { file, row, spoil });
}

fn item_row(story: &Story, (number, line): (usize, usize), block: &mut Block, dirt: &mut Draw) {
    let Some(sheet) = block.sheets.get(File::OrderItems) else { return };
    let (settings, order) = (&story.shop.settings, &story.life.orders[number]);
    let item = &story.life.items[order.items.start + line];
    let spoil = Spoil::draw(dirt, settings.dirt, File::OrderItems);
    let mark = sheet.mark();
    match spoil {
        Some(Spoil::MissingOrder) => sheet.null(),
        _ => sheet.word(story.order_code(number).as_str()),
    }
    sheet.whole(line as i64 + 1);
    sheet.word_or_null(story.customer_of(number));
    match spoil {
        Some(Spoil::BadDate) => sheet.word(BAD_DATE),
        _ => sheet.instant(story.utc(order.at)),
    }
    match spoil {
        Some(Spoil::MissingProduct) => sheet.null(),
        _ => sheet.word(&story.shop.assortment.products[item.product as usize].id),
    }
    sheet.word("product");
    match spoil {
        Some(Spoil::BadQuantity) => sheet.word(BAD_QUANTITY),
        _ => sheet.whole(item.quantity),
    }
    let sign = if spoil == Some(Spoil::NegativePrice) { -1 } else { 1 };
    sheet.whole(sign * item.unit_price_cents);
    sheet.whole(item.discount_cents);
    sheet.whole(item.total_cents());
    match spoil {
        Some(Spoil::OtherCurrency) => sheet.word(other_currency(&settings.currency)),
        _ => sheet.word(&settings.currency),
    }
    sheet.end_row();
    if matches!(spoil, None | Some(Spoil::Duplicate)) {
        block.totals.net_revenue_cents += item.total_cents();
    }
    note_spoilt(block, File::OrderItems, spoil, mark);
}

fn return_row(story: &Story, (number, line): (usize, usize), (item, back): (&Item, &Return), block: &mut Block) {
    let Some(sheet) = block.sheets.get(File::Returns) else { return };
    sheet.word(Code::of(b'R', story.person.number, number * 64 + line).as_str());
    sheet.word_or_null(story.customer_of(number));
    sheet.word(story.order_code(number).as_str());
    sheet.whole(line as i64 + 1);
    sheet.word(&story.shop.assortment.products[item.product as usize].id);
    sheet.instant(story.utc(back.at));
    sheet.whole(back.quantity);
    sheet.whole(back.amount_cents);
    sheet.word(&story.shop.settings.currency);
    sheet.word(back.reason);
    sheet.end_row();
    block.totals.net_revenue_cents -= back.amount_cents;
}

/// Who a guest really was.
fn guest_row(story: &Story, number: usize, block: &mut Block) {
    if let (None, Some(sheet)) = (story.customer_of(number), block.sheets.get(File::TruthGuests)) {
        sheet.word(story.order_code(number).as_str());
        sheet.word(story.customer_id);
        sheet.end_row();
    }
}

fn truth_row(story: &Story, (future_orders, future_spend_cents): (i64, i64), block: &mut Block) {
    let Some(sheet) = block.sheets.get(File::Truth) else { return };
    let person = story.person;
    let left_at = story.life.left_at;
    sheet.word(story.customer_id);
    sheet.word(person.facts().slug);
    sheet.float(if person.never_buys { 0.0 } else { person.rate * 365.25 });
    sheet.float(person.leave_share);
    sheet.instant_or_null(left_at.map(|moment| story.utc(moment)));
    let buys = !person.never_buys && story.known(first_order(story));
    sheet.flag(buys && left_at.is_none_or(|moment| !story.known(moment)));
    sheet.float(person.spend_cents_mean(story.shop).round());
    for trait_value in [person.response, person.satisfaction, person.return_factor, person.guest_share] {
        sheet.float(trait_value);
    }
    sheet.whole(future_orders);
    sheet.whole(future_spend_cents);
    for taste in person.tastes {
        sheet.float(f64::from(taste));
    }
    sheet.end_row();
}

/// The moment of the first order, or one after all simulated time.
fn first_order(story: &Story) -> Moment {
    story.life.orders.first().map_or(Moment(i64::MAX), |order| order.at)
}
