//! Deliberate dirt: lines spoilt in the ways files really are, with a list of which and how.

use super::draw::Draw;
use super::file::File;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// The line stands there twice.
    Duplicate,
    /// 30 February.
    BadDate,
    NegativePrice,
    MissingOrder,
    MissingProduct,
    /// A word where a number should be.
    BadQuantity,
    /// Another currency than the shop's.
    OtherCurrency,
}

/// One spoilt line; `row` counts from 1 within the block, later within the file.
pub struct Spoilt {
    pub file: File,
    pub row: u64,
    pub spoil: Spoil,
}

pub const BAD_DATE: &str = "2025-02-30T10:00:00Z";
pub const BAD_QUANTITY: &str = "several";

const OF_ITEMS: [Spoil; 7] = [
    Spoil::Duplicate,
    Spoil::BadDate,
    Spoil::NegativePrice,
    Spoil::MissingOrder,
    Spoil::MissingProduct,
    Spoil::BadQuantity,
    Spoil::OtherCurrency,
];
const OF_ORDERS: [Spoil; 4] = [Spoil::Duplicate, Spoil::BadDate, Spoil::MissingOrder, Spoil::OtherCurrency];

impl Spoil {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::BadDate => "bad_date",
            Self::NegativePrice => "negative_price",
            Self::MissingOrder => "missing_order_id",
            Self::MissingProduct => "missing_product_id",
            Self::BadQuantity => "bad_quantity",
            Self::OtherCurrency => "other_currency",
        }
    }

    /// The column at fault; none for a duplicate.
    pub const fn column(self) -> Option<&'static str> {
        Some(match self {
            Self::Duplicate => return None,
            Self::BadDate => "ordered_at",
            Self::NegativePrice => "unit_price_cents",
            Self::MissingOrder => "order_id",
            Self::MissingProduct => "product_id",
            Self::BadQuantity => "quantity",
            Self::OtherCurrency => "currency",
        })
    }

    /// Whether and how the next line of `file` is spoilt.
    pub fn draw(draw: &mut Draw, share: f64, file: File) -> Option<Self> {
        let kinds: &[Self] = if file == File::OrderItems { &OF_ITEMS } else { &OF_ORDERS };
        (share > 0.0 && draw.chance(share)).then(|| *draw.pick(kinds))
    }
}

/// A currency that is not the shop's.
pub fn other_currency(currency: &str) -> &'static str {
    if currency == "JPY" { "KRW" } else { "JPY" }
}
