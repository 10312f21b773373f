use perennial_contract::estimator::FitError;
use perennial_learn::lifetime::bgbb::{BgBbParameters, fit};
use perennial_learn::lifetime::bgnbd::History;
use perennial_learn::lifetime::flat;
use perennial_learn::lifetime::forecast::Forecast;
use rand::{RngExt, SeedableRng};

use super::check::{forecasts_hold, near, purchases, recovers, refuses_hostile_rows};
use super::data;
use super::simulate::{Drawn, beta};

/// Fader, Hardie & Shang's estimates on the donations.
const DONATIONS: BgBbParameters = BgBbParameters { alpha: 1.204, beta: 0.750, gamma: 0.657, delta: 2.783 };

/// x, t_x, n of 11,104 donors of 1995 over the next six years, one row each.
fn donors() -> Option<[Vec<f64>; 3]> {
    let text = data::text("survival", "donations.csv")?;
    let mut columns = [Vec::new(), Vec::new(), Vec::new()];
    for line in text.lines().skip(1) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().expect("a number")).collect();
        for (column, value) in columns.iter_mut().zip(&cells) {
            column.extend(std::iter::repeat_n(*value, cells[3] as usize));
        }
    }
    Some(columns)
}

fn drawn(n: usize, is: BgBbParameters, horizon: u32) -> Vec<Drawn> {
    let mut random = rand_pcg::Pcg64::seed_from_u64(20_100_801);
    (0..n)
        .map(|i| {
            let (p, theta) = (beta(&mut random, is.alpha, is.beta), beta(&mut random, is.gamma, is.delta));
            let opportunities = 4 + (i % 12) as u32;
            let mut seen = History { x: 0.0, t_x: 0.0, t: f64::from(opportunities) };
            let (mut orders_after, mut is_here, mut is_alive) = (0, true, false);
            for opportunity in 1..=opportunities + horizon {
                is_here = is_here && random.random::<f64>() >= theta;
                // Alive, as the paper has it, is to be there at the next opportunity.
                is_alive |= is_here && opportunity == opportunities + 1;
                if is_here && random.random::<f64>() < p {
                    if opportunity <= opportunities {
                        seen.x += 1.0;
                        seen.t_x = f64::from(opportunity);
                    } else {
                        orders_after += 1;
                    }
                }
            }
            Drawn { seen, orders_after, is_alive, litt: 0.0 }
        })
        .collect()
}

/// Published: Fader, Hardie & Shang (2010), tables 3 to 6; the sum over donors is that of lifetimes' tests, 12884.2.
#[test]
fn donations_give_the_published_fit_and_forecasts() {
    let Some([x, t_x, n]) = donors() else { return };
    assert_eq!(x.len(), 11_104);
    let found = flat::bgbb(&data::table(&[("x", &x), ("t_x", &t_x), ("n", &n)])).expect("a fit");
    let published =
        [("alpha", DONATIONS.alpha), ("beta", DONATIONS.beta), ("gamma", DONATIONS.gamma), ("delta", DONATIONS.delta)];
    for (letter, expected) in published {
        near(found.parameters[letter].as_f64().expect("a number"), expected, 1e-3);
    }
    for (x, t_x, expected) in [(0.0, 0.0, 0.11), (2.0, 4.0, 0.59), (6.0, 6.0, 0.93)] {
        near(DONATIONS.p_alive(&History { x, t_x, t: 6.0 }), expected, 5e-3);
    }
    let total: f64 = x.iter().zip(&t_x).map(|(&x, &t_x)| DONATIONS.orders_expected_after(&History { x, t_x, t: 6.0 }, 5.0)).sum();
    near(total, 12_884.2, 12.0);
}

/// The mean over all is the mean of a new customer: E[X(n + m)] = E[X(n)] + Σ over histories of P(history) E[X(n, n + m) | history].
#[test]
fn conditional_forecasts_add_up_to_the_unconditional_one() {
    let is = BgBbParameters { alpha: 0.7, beta: 2.0, gamma: 0.4, delta: 1.5 };
    let (mut after, mut chance) = (0.0, 0.0);
    // All 2^5 sequences of five opportunities.
    for orders in 0..32_u32 {
        let last = 32 - orders.leading_zeros();
        let seen = History { x: f64::from(orders.count_ones()), t_x: f64::from(last), t: 5.0 };
        let p = is.log_likelihood(&purchases(&[seen])).exp();
        chance += p;
        after += p * is.orders_expected_after(&seen, 7.0);
    }
    near(chance, 1.0, 1e-13);
    near(after, is.orders_expected(12.0) - is.orders_expected(5.0), 1e-13);
}

#[test]
fn simulated_parameters_come_back_and_threads_change_no_bit() {
    for truth in [DONATIONS, BgBbParameters { alpha: 0.8, beta: 3.0, gamma: 1.5, delta: 12.0 }] {
        let histories: Vec<_> = drawn(60_000, truth, 0).iter().map(|c| c.seen).collect();
        let data = purchases(&histories);
        let found = fit(&data, 1).expect("a fit");
        assert_eq!(Ok(found), fit(&data, 2).map_err(|e| e.to_string()));
        recovers(&found, &truth, 0.3);
        assert!(found.log_likelihood >= truth.log_likelihood(&data));
    }
}

#[test]
fn forecasts_hold_in_simulation() {
    forecasts_hold(&DONATIONS, &drawn(200_000, DONATIONS, 5), 5.0);
}

#[test]
fn hostile_rows_are_refused() {
    refuses_hostile_rows(fit);
    let why = |x: f64, t_x: f64, n: f64| {
        let table = data::table(&[("x", &[x]), ("t_x", &[t_x]), ("n", &[n])]);
        flat::bgbb(&table).map(|_| ()).expect_err("a refusal").to_string()
    };
    assert_eq!(why(1.0, 1.0, 2.5), "row 1: n is 2.5, allowed are whole numbers from 0 to 10000");
    assert_eq!(why(3.0, 2.0, 6.0), "row 1: t_x is 2, allowed are whole numbers from x = 3 to n = 6");
    assert!(why(1.0, 1.5, 6.0).starts_with("row 1: t_x is 1.5"));
    assert!(why(f64::NAN, 1.0, 6.0).starts_with("row 1: "));
}

/// Nobody leaves: a Beta-binomial.
#[test]
fn customers_who_never_leave_have_no_maximum() {
    let mut random = rand_pcg::Pcg64::seed_from_u64(3);
    let histories: Vec<_> = (0..5_000)
        .map(|_| {
            let (p, mut seen) = (beta(&mut random, 1.0, 2.0), History { x: 0.0, t_x: 0.0, t: 8.0 });
            for opportunity in 1..=8_u32 {
                if random.random::<f64>() < p {
                    seen.x += 1.0;
                    seen.t_x = f64::from(opportunity);
                }
            }
            seen
        })
        .collect();
    let refused = fit(&purchases(&histories), 1);
    assert!(matches!(&refused, Err(FitError::NoMaximum(_))), "{refused:?}");
}
