//! What customers say unasked and asked: reviews and surveys, true to how the order went.

use super::block::{Sheets, Story};
use super::clock::Moment;
use super::code::Code;
use super::draw::{Draw, Purpose};
use super::file::File;
use super::words::speech::{COMMENTS, REVIEWS};

const REVIEW_SHARE: f64 = 0.09;
const SURVEY_SHARE: f64 = 0.07;
/// Nobody buys more kinds of lines than this in one order.
const LINES: usize = 64;

pub fn write(story: &Story, sheets: &mut Sheets) {
    let mut draw = story.draw(Purpose::Opinion);
    for (number, order) in story.life.orders.iter().enumerate() {
        if order.cancelled || !story.known(order.delivered_at) {
            continue;
        }
        for line in 0..order.items.len() {
            if draw.chance(review_share(order.experience)) {
                let at = order.delivered_at.plus_days(0.5 + 6.0 * draw.exponential());
                review_row(story, (number, line), at, (sheets, &mut draw));
            }
        }
        if !order.guest && draw.chance(SURVEY_SHARE) {
            let at = order.delivered_at.plus_days(1.0 + 2.0 * draw.exponential());
            survey_row(story, number, at, (sheets, &mut draw));
        }
    }
}

/// Those who are delighted or angry write more.
fn review_share(experience: f64) -> f64 {
    REVIEW_SHARE * (0.6 + 4.0 * (experience - 0.65).abs())
}

/// Stars from 1 to 5: the order's experience and the product's own quality, and a mood.
fn rating(experience: f64, quality: f64, draw: &mut Draw) -> usize {
    let felt = 0.6 * experience + 0.4 * quality + 0.14 * draw.normal();
    ((1.0 + 6.6 * (felt - 0.17)).round() as i64).clamp(1, 5) as usize
}

fn review_row(story: &Story, (number, line): (usize, usize), at: Moment, (sheets, draw): (&mut Sheets, &mut Draw)) {
    let order = &story.life.orders[number];
    let product = &story.shop.assortment.products[story.life.items[order.items.start + line].product as usize];
    let stars = rating(order.experience, product.quality, draw);
    let text = draw.pick(&REVIEWS[stars - 1]);
    let silent = draw.chance(0.25);
    let (Some(sheet), true) = (sheets.get(File::Reviews), story.known(at)) else { return };
    let language = story.person.language;
    sheet.word(Code::of(b'V', story.person.number, number * LINES + line).as_str());
    sheet.word_or_null(story.customer_of(number));
    sheet.word(&product.id);
    sheet.word(story.order_code(number).as_str());
    sheet.instant(story.utc(at));
    sheet.whole(stars as i64);
    if silent {
        sheet.null();
        sheet.null();
    } else {
        sheet.text(text.title.get(language));
        sheet.text(&text.body.get(language).replace("{product}", product.name_in(language)));
    }
    sheet.word(language.code());
    sheet.end_row();
}

fn survey_row(story: &Story, number: usize, at: Moment, (sheets, draw): (&mut Sheets, &mut Draw)) {
    let order = &story.life.orders[number];
    let felt = (0.7 * order.experience + 0.3 * story.person.satisfaction + 0.08 * draw.normal()).clamp(0.0, 1.0);
    let (kind, score) = match draw.below(10) {
        0..=4 => ("csat", (1.0 + 6.0 * (felt - 0.22)).round().clamp(1.0, 5.0)),
        5..=8 => ("nps", (13.0 * (felt - 0.1)).round().clamp(0.0, 10.0)),
        _ => ("ces", (1.0 + 8.0 * (felt - 0.15)).round().clamp(1.0, 7.0)),
    };
    let mood = usize::from(felt > 0.5) + usize::from(felt > 0.68);
    let comment = draw.chance(0.3).then(|| draw.pick(&COMMENTS[mood]).get(story.person.language));
    let (Some(sheet), true) = (sheets.get(File::Surveys), story.known(at)) else { return };
    sheet.word(Code::of(b'Q', story.person.number, number).as_str());
    sheet.word(story.customer_id);
    sheet.instant(story.utc(at));
    sheet.word(kind);
    sheet.whole(score as i64);
    match comment {
        Some(comment) => sheet.text(comment),
        None => sheet.null(),
    }
    sheet.end_row();
}
