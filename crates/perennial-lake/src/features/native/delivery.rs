//! The group `delivery` in one pass; `delivery.sql` is the definition.

use super::Cell;
use super::history::Known;

const DAY_US: i64 = 86_400_000_000;

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let (mut delivered, mut promised, mut late, mut overdue, mut days) = (0_i64, 0_i64, 0_i64, 0_i64, 0_i64);
    for order in known.orders {
        match order.delivered_us.filter(|&at_us| known.has_passed(Some(at_us))) {
            Some(at_us) => {
                delivered += 1;
                promised += i64::from(order.promised_us.is_some());
                late += i64::from(order.promised_us.is_some_and(|promised_us| at_us > promised_us));
                days += at_us.div_euclid(DAY_US) - order.ordered_us.div_euclid(DAY_US);
            }
            None => overdue += i64::from(known.has_passed(order.promised_us)),
        }
    }
    out.extend([
        Cell::whole(delivered),
        Cell::whole(late),
        Cell::ratio(late, promised),
        Cell::whole(overdue),
        Cell::ratio(days, delivered),
    ]);
}
