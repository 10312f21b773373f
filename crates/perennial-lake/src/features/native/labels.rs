//! What came after the as-of day: the outcomes models learn.

use perennial_contract::estimator::column;

use super::super::group::FeatureKind;
use super::Cell;
use super::history::MoneyDay;

pub(in super::super) const COLUMNS: [(&str, FeatureKind); 5] = [
    (column::LABEL_CHURN, FeatureKind::Whole),
    (column::LABEL_ORDERS, FeatureKind::Whole),
    (column::LABEL_SPEND_CENTS, FeatureKind::Whole),
    (column::LABEL_NEXT_ORDER_DAYS, FeatureKind::Whole),
    (column::LABEL_SOLD_CENTS, FeatureKind::Whole),
];

/// `days` are those of the horizon, the as-of day included.
pub(super) fn cells(as_of: i32, days: &[MoneyDay], out: &mut Vec<Cell>) {
    let orders = days.iter().filter(|day| day.bought).count() as i64;
    let spend_cents = days.iter().fold(0_i64, |sum, day| sum.wrapping_add(day.net_cents));
    let sold_cents = days.iter().fold(0_i64, |sum, day| sum.wrapping_add(day.sold_cents));
    let next = days.iter().find(|day| day.bought).map(|day| i64::from(day.day) - i64::from(as_of));
    out.extend([
        Cell::whole(i64::from(orders == 0)),
        Cell::whole(orders),
        Cell::whole(spend_cents),
        Cell::Whole(next),
        Cell::whole(sold_cents),
    ]);
}
