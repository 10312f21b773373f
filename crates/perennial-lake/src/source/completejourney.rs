//! dunnhumby, The Complete Journey: households, their baskets, demographics, campaigns and coupons.
//!
//! - `sales_value` is what the shop earned on a line, a manufacturer's coupon included; `retail_disc` and `coupon_match_disc`
//!   are what the shop took off the shelf price.
//! - A campaign's household is a touch sent on the day the campaign starts; its first redemption is the touch's, and every
//!   redemption is a `coupon_applied` event.
//! - Lines of quantity 0 are rejected with what they state. Promotions (what stood where in the shop) are not imported.

use std::collections::{BTreeMap, HashMap};

use perennial_contract::money::Decimal;
use perennial_contract::{Day, Entity};

use super::ReadOptions;
use super::book::{Book, Order};
use super::cell::{DecimalMark, decimal, whole};
use super::columns::{Columns, Names as Wanted};
use super::drive::Reader;
use super::moment::{Clock, DateFormat};
use super::names::Names;
use super::plan::at;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sink::Sink;
use super::sniff::Sniffed;

/// A file of the set, in the order they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Products,
    Demographics,
    CampaignDates,
    Redemptions,
    Campaigns,
    Coupons,
    Transactions,
    Promotions,
}

const PARTS: [(Part, &[&str]); 8] = [
    (Part::Transactions, &["household_id", "basket_id", "product_id", "quantity", "sales_value"]),
    (Part::Redemptions, &["household_id", "coupon_upc", "campaign_id", "redemption_date"]),
    (Part::Coupons, &["coupon_upc", "product_id", "campaign_id"]),
    (Part::Campaigns, &["campaign_id", "household_id"]),
    (Part::CampaignDates, &["campaign_id", "campaign_type", "start_date", "end_date"]),
    (Part::Products, &["product_id", "department", "product_category"]),
    (Part::Demographics, &["household_id", "income", "household_size"]),
    (Part::Promotions, &["product_id", "display_location", "mailer_location"]),
];

const COLUMNS: &[Wanted] = &[
    ("household_id", &[]),
    ("basket_id", &[]),
    ("product_id", &[]),
    ("quantity", &[]),
    ("sales_value", &[]),
    ("retail_disc", &[]),
    ("coupon_match_disc", &[]),
    ("transaction_timestamp", &[]),
    ("coupon_upc", &[]),
    ("campaign_id", &[]),
    ("redemption_date", &[]),
    ("campaign_type", &[]),
    ("start_date", &[]),
    ("end_date", &[]),
    ("department", &[]),
    ("brand", &[]),
    ("product_category", &[]),
    ("product_type", &[]),
    ("package_size", &[]),
];

const DEMOGRAPHICS: [&str; 7] =
    ["age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"];

#[derive(Clone, Copy)]
struct Period {
    from: (i64, Day),
    to: (i64, Day),
}

pub struct CompleteJourney {
    clock: Clock,
    currency: String,
    digits: u32,
    part: Part,
    columns: Columns,
    header: Vec<String>,
    book: Book,
    attributes: HashMap<u32, String>,
    campaigns: BTreeMap<String, Period>,
    /// First redemption by (campaign, household), and how often each coupon was redeemed by a household on a day.
    redeemed: HashMap<(String, String), i64>,
    redemptions: HashMap<String, u32>,
    offers: Names,
    customers_out: usize,
}

fn part_of(file: &Sniffed) -> Option<Part> {
    PARTS.iter().find(|(_, columns)| file.has(columns)).map(|(part, _)| *part)
}

pub fn detect(files: &[Sniffed]) -> bool {
    files.iter().any(|file| part_of(file) == Some(Part::Transactions)) && files.iter().all(|file| part_of(file).is_some())
}

/// The files that are read, in the order in which they are.
pub fn ordered(mut files: Vec<Sniffed>) -> Result<Vec<Sniffed>, Problem> {
    if let Some(file) = files.iter().find(|file| part_of(file).is_none()) {
        return Err(Problem::refused(format!("{} is no file of the Complete Journey", file.name), "leave it out"));
    }
    let has = |part: Part| files.iter().any(|file| part_of(file) == Some(part));
    if !has(Part::Transactions) {
        return Err(Problem::refused("the file of transactions is missing", "import the folder with all files of the set"));
    }
    if (has(Part::Campaigns) || has(Part::Coupons)) && !has(Part::CampaignDates) {
        return Err(Problem::refused(
            "the file of campaign descriptions is missing",
            "import the folder with all files of the set",
        ));
    }
    files.retain(|file| part_of(file) != Some(Part::Promotions));
    files.sort_by_key(part_of);
    Ok(files)
}

impl CompleteJourney {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            currency: options.currency.clone(),
            digits: perennial_contract::money::minor_digits(&options.currency),
            part: Part::Transactions,
            columns: Columns::default(),
            header: Vec::new(),
            book: Book::default(),
            attributes: HashMap::new(),
            campaigns: BTreeMap::new(),
            redeemed: HashMap::new(),
            redemptions: HashMap::new(),
            offers: Names::default(),
            customers_out: 0,
        })
    }

    fn bad(&self, name: &str, reason: &'static str) -> Bad {
        Bad { entity: self.entity(), cell: self.columns.cell(name), reason: reason.into(), part: None }
    }

    fn text<'a>(&self, name: &str, record: &Record<'a>) -> Result<&'a str, Bad> {
        match self.columns.text(name, record) {
            "" => Err(self.bad(name, "is missing")),
            text => Ok(text),
        }
    }

    fn time(&mut self, name: &str, record: &Record<'_>) -> Result<(i64, Day), Bad> {
        let text = self.text(name, record)?;
        self.clock.read(text, &DateFormat::Iso).map_err(|reason| self.bad(name, reason))
    }

    fn line(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let amount = |name: &str| decimal(self.columns.text(name, record), DecimalMark::Point);
        let sales = amount("sales_value").ok_or_else(|| self.bad("sales_value", "is not an amount"))?;
        out.state(sales);
        let discount = amount("retail_disc").zip(amount("coupon_match_disc").or(Some(Decimal::ZERO)));
        let discount = discount.and_then(|(retail, matched)| retail.plus(matched)?.to_minor(self.digits));
        let discount = discount.ok_or_else(|| self.bad("retail_disc", "is not an amount"))?.0;
        let quantity = whole(self.columns.text("quantity", record), DecimalMark::Point);
        let quantity =
            quantity.filter(|quantity| *quantity > 0).ok_or_else(|| self.bad("quantity", "is not a whole number above 0"))?;
        let time = self.time("transaction_timestamp", record)?;
        let (household, basket, product) =
            (self.text("household_id", record)?, self.text("basket_id", record)?, self.text("product_id", record)?);
        if sales.units < 0 {
            return Err(self.bad("sales_value", "is below 0"));
        }
        let cents = out.load(sales).ok_or_else(|| self.bad("sales_value", "is too large an amount"))?;
        let owner = self.book.customer(household);
        let order = self.book.order(basket, || Order::new(owner, time, "completed"));
        order.lines += 1;
        order.subtotal += cents + discount;
        order.discount += discount;
        let number = order.lines;
        out.push(
            Entity::OrderItems,
            &[
                Value::Text(household),
                Value::Text(basket),
                Value::Whole(i64::from(number)),
                Value::Instant(time.0),
                Value::Day(time.1),
                Value::Text(product),
                Value::Text("product"),
                Value::Whole(quantity),
                Value::Whole((cents + discount) / quantity),
                Value::Whole(discount),
                Value::Whole(cents),
                Value::Text(&self.currency),
            ],
        );
        Ok(())
    }

    fn product(&self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let text = |name: &str| self.columns.text(name, record);
        let path: Vec<_> = ["department", "product_category", "product_type"]
            .iter()
            .map(|name| text(name))
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
            .collect();
        let mut row = vec![Value::Null; Entity::Products.columns().len()];
        row[0] = Value::Text(self.text("product_id", record)?);
        let name = [text("product_type"), text("package_size")].join(" ");
        row[at(Entity::Products, "name")] = Value::text(name.trim());
        row[at(Entity::Products, "brand")] = Value::text(text("brand"));
        row[at(Entity::Products, "category")] = Value::text(text("department"));
        row[at(Entity::Products, "category_path")] = if path.is_empty() { Value::Null } else { Value::Texts(path) };
        out.push(Entity::Products, &row);
        Ok(())
    }

    fn household(&mut self, record: &Record<'_>) -> Result<(), Bad> {
        let id = self.text("household_id", record)?;
        let number = self.book.customers.number(id).0;
        let mut attributes = serde_json::Map::new();
        for name in DEMOGRAPHICS {
            let cell = super::sniff::position(&self.header, &[name]);
            let text = cell.map_or("", |cell| record.cell(cell));
            if !text.is_empty() {
                attributes.insert(name.to_owned(), text.into());
            }
        }
        self.attributes.insert(number, serde_json::Value::Object(attributes).to_string());
        Ok(())
    }

    fn campaign(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let (from, to) = (self.time("start_date", record)?, self.time("end_date", record)?);
        let id = self.text("campaign_id", record)?;
        self.campaigns.insert(id.to_owned(), Period { from, to });
        let name = self.columns.text("campaign_type", record);
        out.push(
            Entity::Campaigns,
            &[Value::Text(id), Value::text(name), Value::Text("mail"), Value::Instant(from.0), Value::Instant(to.0)],
        );
        Ok(())
    }

    fn redemption(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let (instant, day) = self.time("redemption_date", record)?;
        let (household, coupon, campaign) =
            (self.text("household_id", record)?, self.text("coupon_upc", record)?, self.text("campaign_id", record)?);
        self.book.customer(household);
        let first = self.redeemed.entry((campaign.to_owned(), household.to_owned())).or_insert(instant);
        *first = instant.min(*first);
        let key = format!("{campaign}-{household}-{coupon}-{day}");
        let nth = self.redemptions.entry(key.clone()).or_default();
        *nth += 1;
        let id = format!("{key}-{nth}");
        let properties = serde_json::json!({ "coupon_id": coupon, "campaign_id": campaign }).to_string();
        out.push(
            Entity::Events,
            &[
                Value::Text(household),
                Value::Text(&id),
                Value::Null,
                Value::Null,
                Value::Instant(instant),
                Value::Day(day),
                Value::Text("coupon_applied"),
                Value::Null,
                Value::Text(&properties),
            ],
        );
        Ok(())
    }

    fn touch(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let (household, campaign) = (self.text("household_id", record)?, self.text("campaign_id", record)?);
        let period =
            *self.campaigns.get(campaign).ok_or_else(|| self.bad("campaign_id", "is no campaign of the descriptions"))?;
        self.book.customer(household);
        let redeemed = self.redeemed.get(&(campaign.to_owned(), household.to_owned())).copied();
        let id = format!("{campaign}-{household}");
        let mut row = vec![Value::Null; Entity::Touches.columns().len()];
        let mut set = |name: &str, value| {
            if let Some(column) = Entity::Touches.columns().iter().position(|column| column.name == name) {
                row[column] = value;
            }
        };
        set("customer_id", Value::Text(household));
        set("touch_id", Value::Text(&id));
        set("campaign_id", Value::Text(campaign));
        set("channel", Value::Text("mail"));
        set("holdout", Value::Flag(false));
        set("sent_at", Value::Instant(period.from.0));
        set("sent_on", Value::Day(period.from.1));
        set("redeemed_at", redeemed.map_or(Value::Null, Value::Instant));
        out.push(Entity::Touches, &row);
        Ok(())
    }

    fn coupon(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let (coupon, campaign) = (self.text("coupon_upc", record)?, self.text("campaign_id", record)?);
        let period =
            *self.campaigns.get(campaign).ok_or_else(|| self.bad("campaign_id", "is no campaign of the descriptions"))?;
        let id = format!("{campaign}-{coupon}");
        // A coupon stands there once for every product it is good for.
        if self.offers.number(&id).1 {
            out.push(
                Entity::Offers,
                &[
                    Value::Text(&id),
                    Value::Text(campaign),
                    Value::Text("coupon"),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Instant(period.from.0),
                    Value::Instant(period.to.0),
                ],
            );
        }
        Ok(())
    }
}

impl Reader for CompleteJourney {
    fn start(&mut self, file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        self.part = part_of(file).unwrap_or(Part::Promotions);
        self.columns = Columns::find(header, COLUMNS);
        self.header = header.to_vec();
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        match self.part {
            Part::Products => self.product(record, out),
            Part::Demographics => self.household(record),
            Part::CampaignDates => self.campaign(record, out),
            Part::Redemptions => self.redemption(record, out),
            Part::Campaigns => self.touch(record, out),
            Part::Coupons => self.coupon(record, out),
            Part::Transactions => self.line(record, out),
            Part::Promotions => Ok(()),
        }
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        if self.book.emit(&self.currency, Value::Text("store"), out) {
            return Ok(true);
        }
        let until = (self.customers_out + 8_192).min(self.book.customers.len());
        for number in self.customers_out as u32..until as u32 {
            let mut row = vec![Value::Null; Entity::Customers.columns().len()];
            row[0] = Value::Text(self.book.customers.name(number));
            if let Some(attributes) = self.attributes.get(&number) {
                row[at(Entity::Customers, "attributes")] = Value::Text(attributes);
            }
            out.push(Entity::Customers, &row);
        }
        self.customers_out = until;
        Ok(until < self.book.customers.len())
    }

    fn entity(&self) -> Entity {
        match self.part {
            Part::Products | Part::Promotions => Entity::Products,
            Part::Demographics => Entity::Customers,
            Part::CampaignDates => Entity::Campaigns,
            Part::Redemptions => Entity::Events,
            Part::Campaigns => Entity::Touches,
            Part::Coupons => Entity::Offers,
            Part::Transactions => Entity::OrderItems,
        }
    }
}
