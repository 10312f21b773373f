//! A block of customers, turned into rows of every wanted file. Blocks are independent, so threads share nothing.

use super::clock::Moment;
use super::code::{Code, ascii};
use super::dirt::Spoilt;
use super::draw::Purpose;
use super::file::File;
use super::life::Life;
use super::person::Person;
use super::settings::Tables;
use super::sheet::Sheet;
use super::shop::Shop;
use super::{account, browse, opinion, sale, service};

pub const BLOCK_CUSTOMERS: u64 = 1_024;

/// What one customer's rows are written from.
pub struct Story<'a> {
    pub shop: &'a Shop,
    pub person: &'a Person,
    pub life: &'a Life,
    pub customer_id: &'a str,
}

impl Story<'_> {
    pub fn draw(&self, purpose: Purpose) -> super::draw::Draw {
        super::draw::Draw::stream(self.shop.settings.seed, self.person.number, purpose)
    }

    /// Whether something has happened by the last written day.
    pub fn known(&self, moment: Moment) -> bool {
        moment < self.shop.end()
    }

    pub fn utc(&self, moment: Moment) -> i64 {
        self.shop.clock.utc(moment)
    }

    /// UTC seconds of what has happened by the last written day.
    pub fn utc_if_known(&self, moment: Option<Moment>) -> Option<i64> {
        moment.filter(|moment| self.known(*moment)).map(|moment| self.utc(moment))
    }

    pub fn order_code(&self, order: usize) -> Code {
        Code::of(b'O', self.person.number, order)
    }

    /// The customer, unless the order was placed as a guest.
    pub fn customer_of(&self, order: usize) -> Option<&str> {
        (!self.life.orders[order].guest).then_some(self.customer_id)
    }
}

/// The sheets of a block, those that are wanted.
pub struct Sheets(Vec<Option<Sheet>>);

impl Sheets {
    pub fn for_shop(shop: &Shop) -> Self {
        let sheet = |file: File| file.wanted(&shop.settings).then(|| Sheet::of(file, shop.settings.format));
        Self(File::ALL.map(sheet).into_iter().collect())
    }

    #[inline]
    pub fn get(&mut self, file: File) -> Option<&mut Sheet> {
        self.0.get_mut(file as usize)?.as_mut()
    }

    pub fn into_iter(self) -> impl Iterator<Item = (File, Sheet)> {
        File::ALL.into_iter().zip(self.0).filter_map(|(file, sheet)| Some((file, sheet?)))
    }
}

/// Rows of a block of customers, and what is counted over them.
pub struct Block {
    pub sheets: Sheets,
    pub spoilt: Vec<Spoilt>,
    pub totals: Totals,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub customers: u64,
    /// Items less returns of the rows that are not spoilt.
    pub net_revenue_cents: i64,
}

/// Customers `numbers` (from 1) of the shop.
pub fn write(shop: &Shop, numbers: std::ops::Range<u64>) -> Block {
    let mut block = Block { sheets: Sheets::for_shop(shop), spoilt: Vec::new(), totals: Totals::default() };
    let mut life = Life::default();
    for number in numbers {
        let person = Person::draw(shop, number);
        life.live(shop, &person);
        let id = Code::customer(number);
        let story = Story { shop, person: &person, life: &life, customer_id: ascii(&id) };
        account::write(&story, &mut block.sheets);
        sale::write(&story, &mut block);
        if shop.settings.tables == Tables::All {
            account::write_touches(&story, &mut block.sheets);
            browse::write(&story, &mut block.sheets);
            opinion::write(&story, &mut block.sheets);
            service::write(&story, &mut block.sheets);
        }
        block.totals.customers += 1;
    }
    block
}
