//! Rows about the customer: the account, what it allows, and the messages it was sent.

use super::block::{Sheets, Story};
use super::campaign::Channel;
use super::code::Code;
use super::draw::{Purpose, mix};
use super::file::File;
use super::person::Consent;
use super::words::people::{COUNTRIES, full_name};

pub fn write(story: &Story, sheets: &mut Sheets) {
    customer_row(story, sheets);
    let person = story.person;
    consent_row(story, Channel::Email, person.email, sheets);
    consent_row(story, Channel::Sms, person.sms, sheets);
}

/// The browser a customer is known by before signing in.
pub fn anonymous_id(customer: u64, device: usize) -> Code {
    Code::of(b'A', customer, device)
}

fn customer_row(story: &Story, sheets: &mut Sheets) {
    let Some(sheet) = sheets.get(File::Customers) else { return };
    let (person, mut draw) = (story.person, story.draw(Purpose::Identity));
    let devices = [anonymous_id(person.number, 0), anonymous_id(person.number, 1)];
    sheet.word(story.customer_id);
    sheet.words(&[devices[0].as_str(), devices[1].as_str()]);
    sheet.instant(story.utc(person.joined_at));
    sheet.word(COUNTRIES[person.country].code);
    sheet.word(person.region);
    sheet.whole_or_null(person.birth_year);
    sheet.word_or_null(person.gender);
    sheet.word(person.acquisition_channel);
    let (name, given, family) = full_name(person.language, draw.below(1 << 16), draw.below(1 << 16));
    let domain = draw.pick_word(&["example.com", "example.org", "example.net"]);
    let number = person.number;
    sheet.word(&format!("{}.{}{number}@{domain}", given.to_ascii_lowercase(), family.to_ascii_lowercase()));
    sheet.text(&name);
    // +999 is a country code nobody has.
    if draw.chance(0.8) {
        sheet.word(&format!("+999{:09}", number * 15 % 1_000_000_000));
    } else {
        sheet.null();
    }
    sheet.end_row();
}

/// The latest word on one purpose and channel.
fn consent_row(story: &Story, channel: Channel, consent: Consent, sheets: &mut Sheets) {
    let Some(sheet) = sheets.get(File::Consents) else { return };
    let withdrawn_at = consent.withdrawn_at.filter(|moment| story.known(*moment));
    let state = match (consent.granted, withdrawn_at) {
        (false, _) => "denied",
        (true, None) => "granted",
        (true, Some(_)) => "withdrawn",
    };
    sheet.word(story.customer_id);
    sheet.word("marketing");
    sheet.word(channel.name());
    sheet.word(state);
    sheet.instant(story.utc(withdrawn_at.unwrap_or(story.person.joined_at)));
    sheet.word(if withdrawn_at.is_some() { "unsubscribe_link" } else { "signup_form" });
    sheet.end_row();
}

pub fn write_touches(story: &Story, sheets: &mut Sheets) {
    let Some(sheet) = sheets.get(File::Touches) else { return };
    for touch in story.life.touches.iter().filter(|touch| story.known(touch.sent_at)) {
        let campaign = &story.shop.campaigns[touch.campaign];
        sheet.word(Code::of(b'T', story.person.number, touch.campaign).as_str());
        sheet.word(story.customer_id);
        sheet.word(&campaign.id);
        sheet.word_or_null(campaign.offer.as_ref().map(|offer| offer.id.as_str()));
        sheet.word(campaign.channel.name());
        sheet.word(match (touch.holdout, mix(story.person.number ^ touch.campaign as u64) & 1) {
            (true, _) => "holdout",
            (false, 0) => "subject_a",
            (false, _) => "subject_b",
        });
        sheet.flag(touch.holdout);
        sheet.float(touch.propensity);
        sheet.instant(story.utc(touch.sent_at));
        for moment in [touch.delivered_at, touch.opened_at, touch.clicked_at, touch.redeemed_at] {
            sheet.instant_or_null(story.utc_if_known(moment));
        }
        sheet.whole(if touch.holdout { 0 } else { campaign.channel.cost_cents() });
        sheet.end_row();
    }
}
