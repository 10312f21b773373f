//! Customers drawn from the models themselves, so that the truth is known.

use perennial_learn::lifetime::bgnbd::{BgNbdParameters, History};
use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Distribution, Exp1, Gamma};
use rand_pcg::Pcg64;

/// One drawn customer: the history until T, and the number of orders in the horizon after T.
pub struct Drawn {
    pub seen: History,
    pub orders_after: u32,
}

/// `n` customers of ages up to `t_max`; whole days if `on_days`, where orders of one day are one occasion.
pub fn customers(n: usize, truth: &BgNbdParameters, ages: std::ops::RangeInclusive<u32>, horizon: f64) -> Vec<Drawn> {
    let mut random = Pcg64::seed_from_u64(20_050_501);
    let rate = Gamma::new(truth.r, 1.0 / truth.alpha).expect("a Gamma");
    let dropout = Beta::new(truth.a, truth.b).expect("a Beta");
    (0..n)
        .map(|_| {
            let (lambda, p) = (rate.sample(&mut random), dropout.sample(&mut random));
            let t = f64::from(random.random_range(ages.clone()));
            let (mut at, mut seen, mut orders_after) = (0.0, History { x: 0.0, t_x: 0.0, t }, 0);
            loop {
                let gap: f64 = Exp1.sample(&mut random);
                at += gap / lambda;
                if at > t + horizon {
                    break;
                }
                if at <= t {
                    seen.x += 1.0;
                    seen.t_x = at;
                } else {
                    orders_after += 1;
                }
                if random.random::<f64>() < p {
                    break;
                }
            }
            Drawn { seen, orders_after }
        })
        .collect()
}

/// Repeat orders and mean spend of `n` customers.
pub fn spenders(n: usize, p: f64, q: f64, v: f64) -> (Vec<f64>, Vec<f64>) {
    let mut random = Pcg64::seed_from_u64(20_130_201);
    let rate = Gamma::new(q, 1.0 / v).expect("a Gamma");
    (0..n)
        .map(|i| {
            let (x, nu) = ((i % 7 + 1) as f64, rate.sample(&mut random));
            let total = Gamma::new(p * x, 1.0 / nu).expect("a Gamma").sample(&mut random);
            (x, total / x)
        })
        .unzip()
}
