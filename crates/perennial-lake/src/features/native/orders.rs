//! The group `orders` in one pass; `orders.sql` is the definition.

use perennial_contract::Day;

use super::Cell;
use super::history::{Known, MoneyDay};

#[derive(Default)]
struct Purchases {
    first: MoneyDay,
    last: MoneyDay,
    count: i64,
    weekend: i64,
    in_window: [i64; WINDOWS.len()],
    sold_cents: i64,
    sold_cents_max: i64,
    gap_last: Option<i64>,
    gap_max: Option<i64>,
    gap_squares: i64,
}

const WINDOWS: [i32; 4] = [30, 90, 180, 365];

/// Monday is 0. Day 0, 1970-01-01, was a Thursday.
fn is_weekend(day: i32) -> bool {
    (i64::from(day) + 3).rem_euclid(7) >= 5
}

fn purchases(known: &Known) -> Purchases {
    let mut all = Purchases { sold_cents_max: i64::MIN, ..Purchases::default() };
    for day in known.days.iter().filter(|day| day.bought) {
        if all.count == 0 {
            all.first = *day;
        } else {
            let gap = i64::from(day.day) - i64::from(all.last.day);
            all.gap_last = Some(gap);
            all.gap_max = all.gap_max.max(Some(gap));
            all.gap_squares = all.gap_squares.wrapping_add(gap.wrapping_mul(gap));
        }
        all.last = *day;
        all.count += 1;
        all.weekend += i64::from(is_weekend(day.day));
        for (count, window) in all.in_window.iter_mut().zip(WINDOWS) {
            *count += i64::from(known.as_of - day.day <= window);
        }
        all.sold_cents = all.sold_cents.wrapping_add(day.sold_cents);
        all.sold_cents_max = all.sold_cents_max.max(day.sold_cents);
    }
    all
}

/// Net spend of all days and of each window.
fn spend(known: &Known) -> (i64, [i64; WINDOWS.len()]) {
    let (mut all, mut in_window) = (0_i64, [0_i64; WINDOWS.len()]);
    for day in known.days {
        all = all.wrapping_add(day.net_cents);
        for (cents, window) in in_window.iter_mut().zip(WINDOWS) {
            if known.as_of - day.day <= window {
                *cents = cents.wrapping_add(day.net_cents);
            }
        }
    }
    (all, in_window)
}

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let all = purchases(known);
    let (spend_cents, spend_in) = spend(known);
    let x = all.count - 1;
    let t_x = i64::from(all.last.day) - i64::from(all.first.day);
    let t = i64::from(known.as_of) - i64::from(all.first.day);
    let since_last = t - t_x;
    let gap_std = (x > 1).then(|| {
        let spread = x.wrapping_mul(all.gap_squares).wrapping_sub(t_x * t_x);
        (spread as f64 / (x * (x - 1)) as f64).sqrt()
    });
    out.extend([Cell::whole(x), Cell::whole(t_x), Cell::whole(t), Cell::whole(since_last), Cell::whole(all.count)]);
    out.extend(all.in_window.map(Cell::whole));
    out.extend([
        Cell::ratio(all.in_window[1], all.in_window[2]),
        Cell::ratio(30 * all.count, t),
        Cell::ratio(all.weekend, all.count),
        Cell::whole(i64::from(Day(all.last.day).ymd().1)),
        Cell::whole(spend_cents),
    ]);
    out.extend(spend_in.map(Cell::whole));
    out.extend([
        if spend_in[2] > 0 { Cell::ratio(spend_in[1], spend_in[2]) } else { Cell::Float(None) },
        Cell::ratio(spend_cents.wrapping_sub(all.first.net_cents), x),
        Cell::ratio(all.sold_cents, all.count),
        Cell::whole(all.sold_cents_max),
        Cell::whole(all.first.sold_cents),
        Cell::whole(all.last.sold_cents),
        Cell::ratio(t_x, x),
        Cell::Whole(all.gap_last),
        Cell::Whole(all.gap_max),
        Cell::Float(gap_std),
        Cell::ratio(since_last.wrapping_mul(x), t_x),
    ]);
}

/// [`super::LIFETIME_COLUMNS`].
pub(super) fn lifetime_cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let all = purchases(known);
    let (spend_cents, _) = spend(known);
    let x = all.count - 1;
    let t_x = i64::from(all.last.day) - i64::from(all.first.day);
    let t = i64::from(known.as_of) - i64::from(all.first.day);
    let repeat_spend = Cell::ratio(spend_cents.wrapping_sub(all.first.net_cents), x);
    out.extend([Cell::whole(x), Cell::whole(t_x), Cell::whole(t), repeat_spend]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturday_and_sunday_are_the_weekend() {
        let week: Vec<_> = (10_959..10_966).map(is_weekend).collect(); // 2000-01-03, a Monday, to 2000-01-09
        assert_eq!(week, [false, false, false, false, false, true, true]);
    }
}
