//! How long do the answers about many customers take?
//! Usage: `outlook_bench [CUSTOMERS] [RUNS] [bg|pareto]`; simulates a shop of two years, fits, and times answers with 1 and 2 threads.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a measurement needs a clock")]

use std::error::Error;
use std::time::Instant;

use perennial_learn::lifetime::outlook::{Ask, ClosedWindow, Customers, Outcomes, Outlook, Settings, Slices};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, Gamma};
use rand_pcg::Pcg64;

const AS_OF: f64 = 730.0;
const HORIZON: i32 = 90;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let customers: usize = args.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let runs: usize = args.next().map_or(Ok(5), |n| n.parse())?;
    let is_pareto = args.next().as_deref() == Some("pareto");
    let lives = lives(customers, is_pareto)?;
    let (before, after) = (window(&lives, AS_OF - f64::from(HORIZON))?, window(&lives, AS_OF)?);
    let begun = Instant::now();
    let outlook = Outlook::fit(after.customers(), &[before], &Settings::default())?;
    println!(
        "{} customers, {:?}, fitted in {:.2} s",
        after.customers().rows(),
        outlook.orders_law(),
        begun.elapsed().as_secs_f64()
    );
    let mut first = None;
    for threads in [1, 2] {
        let mut times: Vec<[f64; 2]> = Vec::new();
        for _ in 0..runs {
            let begun = Instant::now();
            let ask = Ask { spend_horizons_days: &[HORIZON], bands: &[80], threads };
            let answers = outlook.answer(after.customers(), ask)?;
            let answered = begun.elapsed().as_secs_f64();
            let horizons = 0..answers.horizons_days().len();
            let columns: Vec<Vec<f64>> = horizons
                .flat_map(|i| [answers.p_no_order(i), answers.orders_expected(i)])
                .chain(answers.next_order_days())
                .chain([answers.p_alive(), answers.gap_days_mean()])
                .collect();
            times.push([answered, begun.elapsed().as_secs_f64()]);
            let sum: f64 = columns.iter().flatten().filter(|value| value.is_finite()).sum();
            if *first.get_or_insert(sum) != sum {
                return Err("answers differ between threads".into());
            }
        }
        times.sort_by(|a, b| a[1].total_cmp(&b[1]));
        let [answered, with_columns] = times[times.len() / 2];
        println!(
            "{threads} threads: answers {answered:.3} s, with all columns copied out {with_columns:.3} s (median of {runs})"
        );
    }
    Ok(())
}

type Life = Vec<(f64, f64)>;

fn lives(customers: usize, is_pareto: bool) -> Result<Vec<Life>, Box<dyn Error>> {
    let mut random = Pcg64::seed_from_u64(7);
    let (rate, spend, leaving) = (Gamma::new(0.6, 1.0 / 40.0)?, Gamma::new(3.74, 1.0 / 1544.0)?, Gamma::new(0.7, 1.0 / 120.0)?);
    let one = |_| {
        let first = f64::from(random.random_range(0..700_u32));
        let (lambda, nu) = (rate.sample(&mut random), spend.sample(&mut random));
        let (p, until) = if is_pareto {
            let gap: f64 = Exp1.sample(&mut random);
            (0.0, first + gap / leaving.sample(&mut random))
        } else {
            (random.random::<f64>().powi(3), f64::INFINITY)
        };
        let amount = Gamma::new(6.25, 1.0 / nu)?;
        let (mut life, mut at): (Life, f64) = (vec![(first, amount.sample(&mut random))], first);
        loop {
            let gap: f64 = Exp1.sample(&mut random);
            at += gap / lambda;
            if at > (AS_OF + f64::from(HORIZON)).min(until) {
                return Ok(life);
            }
            if life[life.len() - 1].0 < at.floor() {
                life.push((at.floor(), amount.sample(&mut random)));
            }
            if random.random::<f64>() < p {
                return Ok(life);
            }
        }
    };
    (0..customers).map(one).collect()
}

fn window(lives: &[Life], day: f64) -> Result<ClosedWindow, Box<dyn Error>> {
    let (mut columns, mut outcomes): ([Vec<f64>; 4], [Vec<f64>; 3]) = Default::default();
    for life in lives {
        let known = &life[..life.partition_point(|order| order.0 < day)];
        let (Some(first), Some(last)) = (known.first(), known.last()) else { continue };
        let x = known.len() as f64 - 1.0;
        let mean = known[1..].iter().map(|order| order.1).sum::<f64>() / x;
        columns.iter_mut().zip([x, last.0 - first.0, day - first.0, mean]).for_each(|(column, value)| column.push(value));
        let after: Vec<_> = life.iter().filter(|order| order.0 >= day && order.0 < day + f64::from(HORIZON)).collect();
        let next = after.first().map_or(f64::NAN, |order| order.0 - day);
        let values = [after.len() as f64, after.iter().map(|order| order.1).sum(), next];
        outcomes.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    let ([x, t_x, t, means], [orders, spend_cents, next]) = (&columns, &outcomes);
    let customers = Customers::from_slices(Slices { x, t_x, t, repeat_spend_cents_mean: means })?;
    Ok(ClosedWindow::of(customers, HORIZON, Outcomes { orders, spend_cents, next_order_days: Some(next) })?)
}
