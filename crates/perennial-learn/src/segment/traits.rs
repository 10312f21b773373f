//! The features segments are built on and described with, and the words for being high or low in them.

use perennial_contract::estimator::column;

/// One feature a person can picture.
#[derive(Clone, Copy, Debug)]
pub struct Trait {
    pub column: &'static str,
    /// Whether k-means measures distance in it; the others only describe.
    pub measures: bool,
    /// English and Chinese: more of it, less of it.
    pub more: (&'static str, &'static str),
    pub less: (&'static str, &'static str),
}

const fn measure(column: &'static str, more: (&'static str, &'static str), less: (&'static str, &'static str)) -> Trait {
    Trait { column, measures: true, more, less }
}

const fn describe(column: &'static str, more: (&'static str, &'static str), less: (&'static str, &'static str)) -> Trait {
    Trait { column, measures: false, more, less }
}

/// Whichever of these a shop's table has.
pub const TRAITS: &[Trait] = &[
    measure(column::DAYS_SINCE_LAST_ORDER, ("long gone quiet", "久未下单"), ("ordered lately", "近期下单")),
    measure(column::ORDERS, ("order often", "下单频繁"), ("ordered seldom", "下单很少")),
    measure(column::SPEND_CENTS, ("spend much", "消费高"), ("spend little", "消费低")),
    measure(column::T, ("customers for long", "老客户"), ("came recently", "新近到来")),
    measure("order_cents_mean", ("large baskets", "客单价高"), ("small baskets", "客单价低")),
    describe("gap_days_mean", ("long pauses between orders", "间隔较长"), ("short pauses between orders", "间隔较短")),
    describe("discount_cents_share", ("buy on discount", "偏好折扣"), ("pay the full price", "少用折扣")),
    describe("return_cents_share", ("send much back", "退货较多"), ("send little back", "退货较少")),
    describe("sessions_30d", ("browse a lot", "浏览活跃"), ("browse little", "浏览较少")),
    describe("categories_distinct_all", ("buy across categories", "品类广"), ("buy from few categories", "品类集中")),
];
