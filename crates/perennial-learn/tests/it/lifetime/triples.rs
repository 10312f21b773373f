use perennial_contract::Day;
use perennial_learn::lifetime::bgnbd;
use perennial_learn::lifetime::triples::Triples;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::check::near;
use super::data;

fn day(date: &str) -> Option<Day> {
    let number: i32 = date.parse().ok()?;
    Day::from_ymd(number / 10_000, (number / 100 % 100) as u32, (number % 100) as u32)
}

/// The master's 69,659 orders: 23,570 customers with 24,337 repeat days until 1997-09-30, whose BG/NBD in weeks has this maximum
/// (scipy; the data set's own notes).
#[test]
fn the_cdnow_master_gives_its_known_histories() {
    let Some(text) = data::text("cdnow", "CDNOW_master.txt.gz") else { return };
    let orders: Vec<(&str, Day)> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.split_whitespace();
            Some((cells.next()?, day(cells.next()?)?))
        })
        .collect();
    assert_eq!(orders.len(), 69_659);
    let as_of = Day::from_ymd(1997, 9, 30).expect("a day");
    let is = Triples::of(orders.iter().copied(), as_of);
    assert_eq!((is.customer.len(), is.x.iter().sum::<f64>()), (23_570, 24_337.0));
    assert_eq!(is, Triples::of(orders.iter().rev().copied(), as_of));
    let found = bgnbd::fit(&is.purchases(7.0).expect("sound rows"), 2).expect("a fit");
    near(found.log_likelihood, -95_368.44, 0.01);
    for (is, expected) in [(found.parameters.r, 0.2516), (found.parameters.alpha, 4.789), (found.parameters.a, 0.7234)] {
        near(is / expected, 1.0, 1e-3);
    }
}

proptest! {
    /// Whatever the orders, the histories are those of the definition.
    #[test]
    fn histories_are_those_of_the_definition(orders in proptest::collection::vec((0..6_usize, -20..20_i32), 0..60), as_of in -25..25_i32) {
        // Of which some differ only behind the eight bytes that a first look compares.
        const NAMES: [&str; 6] = ["id-123456789", "id-123456780", "id-12345678", "id-1", "id-2\0", "id-2"];
        let is = Triples::of(orders.iter().map(|(name, day)| (NAMES[*name], Day(*day))), Day(as_of));
        prop_assert!(is.customer.is_sorted());
        for (name, label) in NAMES.iter().enumerate() {
            let mut days: Vec<i32> = orders.iter().filter(|(n, day)| *n == name && *day <= as_of).map(|(_, day)| *day).collect();
            days.sort_unstable();
            days.dedup();
            let at = is.customer.iter().position(|customer| customer == label);
            let row = at.map(|at| (is.x[at], is.t_x[at], is.t[at]));
            let of = |first: i32, last: i32| (days.len() as f64 - 1.0, f64::from(last - first), f64::from(as_of - first));
            prop_assert_eq!(row, days.first().zip(days.last()).map(|(first, last)| of(*first, *last)));
        }
    }
}
