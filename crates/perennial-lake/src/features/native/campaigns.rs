//! The group `campaigns` in one pass; `campaigns.sql` is the definition.

use super::Cell;
use super::history::{Known, Touch};

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let since = |window| known.since(known.touches, window, |touch| touch.day);
    let came_of = |rows: &[Touch], outcome: fn(&Touch) -> Option<i64>| {
        rows.iter().filter(|touch| known.has_passed(outcome(touch))).count() as i64
    };
    let all = known.touches.len() as i64;
    out.extend([
        Cell::whole(all),
        Cell::whole(since(30).len() as i64),
        Cell::whole(since(90).len() as i64),
        Cell::whole(came_of(since(90), |touch| touch.opened_us)),
        Cell::whole(came_of(since(90), |touch| touch.clicked_us)),
        Cell::whole(came_of(known.touches, |touch| touch.redeemed_us)),
        Cell::ratio(came_of(known.touches, |touch| touch.opened_us), all),
        Cell::ratio(came_of(known.touches, |touch| touch.clicked_us), all),
        known.days_since_last(known.touches, |touch| touch.day),
    ]);
}
