//! Customers drawn from the models themselves, so that the truth is known.

use perennial_learn::lifetime::bgnbd::{BgNbdParameters, History};
use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Distribution, Exp1, Gamma};
use rand_pcg::Pcg64;

/// One drawn customer: the history until T, and the number of orders in the horizon after T.
pub struct Drawn {
    pub seen: History,
    pub orders_after: u32,
    /// Whether the customer had not left at T.
    pub is_alive: bool,
    /// Σ ln of the gaps between orders.
    pub litt: f64,
}

/// How one customer will buy and leave.
pub struct Life {
    /// A gap is k steps of a Poisson process of this rate.
    pub rate: f64,
    pub k: u32,
    /// The chance to leave after an order …
    pub p: f64,
    /// … and after the first one.
    pub p_first: f64,
    /// Age at which the customer leaves in any case.
    pub until: f64,
}

/// `n` customers of these ages, each with a life of its own.
pub fn lives(
    n: usize,
    ages: std::ops::RangeInclusive<u32>,
    horizon: f64,
    mut life: impl FnMut(&mut Pcg64) -> Life,
) -> Vec<Drawn> {
    let mut random = Pcg64::seed_from_u64(20_160_501);
    (0..n)
        .map(|_| {
            let Life { rate, k, p, p_first, until } = life(&mut random);
            let t = f64::from(random.random_range(ages.clone()));
            let (mut at, mut litt, mut seen, mut orders_after) = (0.0, 0.0, History { x: 0.0, t_x: 0.0, t }, 0);
            let mut is_here = random.random::<f64>() >= p_first;
            let mut is_alive = is_here && until > t;
            while is_here {
                let gap = (0..k).map(|_| -> f64 { Exp1.sample(&mut random) }).sum::<f64>() / rate;
                at += gap;
                if at > until.min(t + horizon) {
                    break;
                }
                is_here = random.random::<f64>() >= p;
                if at <= t {
                    litt += gap.ln();
                    seen.x += 1.0;
                    seen.t_x = at;
                    is_alive &= is_here;
                } else {
                    orders_after += 1;
                }
            }
            Drawn { seen, orders_after, is_alive, litt }
        })
        .collect()
}

pub fn gamma(random: &mut Pcg64, shape: f64, rate: f64) -> f64 {
    Gamma::new(shape, 1.0 / rate).expect("a Gamma").sample(random)
}

pub fn beta(random: &mut Pcg64, a: f64, b: f64) -> f64 {
    Beta::new(a, b).expect("a Beta").sample(random)
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
            let (mut at, mut is_alive, mut seen, mut orders_after) = (0.0, true, History { x: 0.0, t_x: 0.0, t }, 0);
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
                    is_alive = at > t;
                    break;
                }
            }
            Drawn { seen, orders_after, is_alive, litt: 0.0 }
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
