//! Rows that belong to the shop and not to a customer: goods, campaigns, offers.

use super::block::Sheets;
use super::campaign::{WELCOME_OFFER, WELCOME_PERCENT};
use super::clock::Moment;
use super::file::File;
use super::shop::Shop;
use super::words::goods::CATEGORIES;

pub fn write(shop: &Shop) -> Sheets {
    let mut sheets = Sheets::for_shop(shop);
    product_rows(shop, &mut sheets);
    campaign_rows(shop, &mut sheets);
    offer_rows(shop, &mut sheets);
    sheets
}

fn product_rows(shop: &Shop, sheets: &mut Sheets) {
    for product in &shop.assortment.products {
        let category = &CATEGORIES[product.category];
        if let Some(sheet) = sheets.get(File::Products) {
            sheet.word(&product.id);
            sheet.text(&product.name);
            sheet.text(product.brand);
            sheet.words(&category.path);
            sheet.text(category.path[1]);
            sheet.whole(product.price_cents);
            sheet.whole(product.cost_cents);
            sheet.text(&format!("{} by {}. {}，{}出品。", product.name, product.brand, product.name_zh, product.brand));
            sheet.end_row();
        }
        if let Some(sheet) = sheets.get(File::TruthProducts) {
            sheet.word(&product.id);
            sheet.float(product.quality);
            sheet.float(product.return_share);
            sheet.float(f64::from(product.popularity));
            sheet.end_row();
        }
    }
}

fn campaign_rows(shop: &Shop, sheets: &mut Sheets) {
    let Some(sheet) = sheets.get(File::Campaigns) else { return };
    for campaign in shop.campaigns.iter().filter(|campaign| campaign.starts_at < shop.end()) {
        sheet.word(&campaign.id);
        sheet.text(&campaign.name);
        sheet.word(campaign.channel.name());
        sheet.instant(shop.clock.utc(campaign.starts_at));
        sheet.instant(shop.clock.utc(campaign.ends_at));
        sheet.end_row();
    }
}

fn offer_rows(shop: &Shop, sheets: &mut Sheets) {
    let Some(sheet) = sheets.get(File::Offers) else { return };
    let opening = shop.clock.utc(Moment::of(shop.settings.first_day, 0));
    sheet.word(WELCOME_OFFER);
    sheet.null();
    sheet.word("percent");
    sheet.float(WELCOME_PERCENT as f64);
    sheet.whole(0);
    sheet.instant(opening);
    sheet.null();
    sheet.end_row();
    for campaign in shop.campaigns.iter().filter(|campaign| campaign.starts_at < shop.end()) {
        let Some(offer) = &campaign.offer else { continue };
        sheet.word(&offer.id);
        sheet.word(&campaign.id);
        sheet.word("percent");
        sheet.float(offer.percent as f64);
        sheet.whole(offer.min_spend_cents);
        sheet.instant(shop.clock.utc(campaign.starts_at));
        sheet.instant(shop.clock.utc(campaign.ends_at));
        sheet.end_row();
    }
}
