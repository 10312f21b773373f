//! Simulated shops of known laws: histories as of any day and what came after, on whole days.

use perennial_learn::lifetime::outlook::{ClosedWindow, Customers, Outcomes, Slices};
use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Distribution, Exp1, Gamma};
use rand_pcg::Pcg64;

/// How customers leave.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    AfterOrder { a: f64, b: f64 },
    AnyTime { s: f64, beta: f64 },
}

#[derive(Clone, Copy, Debug)]
pub struct Truth {
    pub r: f64,
    pub alpha: f64,
    pub leave: Leave,
    /// Gamma-Gamma p, q, v; cents.
    pub spend: [f64; 3],
}

pub const BG: Truth = Truth { r: 0.6, alpha: 40.0, leave: Leave::AfterOrder { a: 0.8, b: 2.6 }, spend: [6.25, 3.74, 1544.0] };
pub const PARETO: Truth = Truth { r: 0.6, alpha: 50.0, leave: Leave::AnyTime { s: 0.7, beta: 120.0 }, spend: [3.0, 4.5, 4000.0] };

/// Order days of a customer, with cents.
pub type Life = Vec<(f64, f64)>;

/// `n` customers who first order on days 0 to `last_first`, followed until `until`.
pub fn lives(n: usize, truth: &Truth, [last_first, until]: [u32; 2], seed: u64) -> Vec<Life> {
    let mut random = Pcg64::seed_from_u64(seed);
    let gamma = |shape: f64, rate: f64, random: &mut Pcg64| Gamma::new(shape, 1.0 / rate).expect("a Gamma").sample(random);
    (0..n)
        .map(|_| {
            let first = f64::from(random.random_range(0..=last_first));
            let rate = gamma(truth.r, truth.alpha, &mut random);
            let (p, until) = match truth.leave {
                Leave::AfterOrder { a, b } => (Beta::new(a, b).expect("a Beta").sample(&mut random), f64::from(until)),
                Leave::AnyTime { s, beta } => {
                    let leaves: f64 = Exp1.sample(&mut random);
                    (0.0, f64::from(until).min(first + leaves / gamma(s, beta, &mut random)))
                }
            };
            let [p_spend, q, v] = truth.spend;
            let nu = gamma(q, v, &mut random);
            let amount = |random: &mut Pcg64| gamma(p_spend, nu, random).round().max(1.0);
            let mut life = vec![(first, amount(&mut random))];
            let mut at = first;
            loop {
                let gap: f64 = Exp1.sample(&mut random);
                at += gap / rate;
                if at > until {
                    return life;
                }
                let (day, cents) = (at.floor(), amount(&mut random));
                // Orders of one day are one.
                match life.last_mut() {
                    Some(last) if last.0 == day => last.1 += cents,
                    _ => life.push((day, cents)),
                }
                if random.random::<f64>() < p {
                    return life;
                }
            }
        })
        .collect()
}

/// Everybody with an order before `day`, and what they did in the `horizon` days from it on.
pub fn window(lives: &[Life], day: f64, horizon: i32) -> ClosedWindow {
    let (mut columns, mut outcomes): ([Vec<f64>; 4], [Vec<f64>; 3]) = Default::default();
    for life in lives {
        let known: Vec<_> = life.iter().take_while(|(at, _)| *at < day).collect();
        let Some(&&(first, _)) = known.first() else { continue };
        let x = known.len() as f64 - 1.0;
        let mean = known[1..].iter().map(|(_, cents)| cents).sum::<f64>() / x;
        let values = [x, known[known.len() - 1].0 - first, day - first, mean];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        let after: Vec<_> = life.iter().filter(|(at, _)| *at >= day && *at < day + f64::from(horizon)).collect();
        let next = after.first().map_or(f64::NAN, |(at, _)| at - day);
        let values = [after.len() as f64, after.iter().map(|(_, cents)| cents).sum(), next];
        outcomes.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    let [x, t_x, t, means] = &columns;
    let [orders, spend_cents, next] = &outcomes;
    let customers = Customers::from_slices(Slices { x, t_x, t, repeat_spend_cents_mean: means }).expect("sound rows");
    ClosedWindow::of(customers, horizon, Outcomes { orders, spend_cents, next_order_days: Some(next) }).expect("sound outcomes")
}
