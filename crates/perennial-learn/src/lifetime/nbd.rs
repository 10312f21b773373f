//! NBD: how likely is the data if nobody ever drops out? What the lifetime models must beat to show that customers do.
//!
//! Assumes  orders are Poisson(λ) for all of T, λ ~ Gamma(r, α); t_x then says nothing about the parameters.
//! Input    the sums over customers in [`Purchases`].
//! Output   log-likelihood with derivatives by (r, α), on the scale of the other models' (densities of the order times); its maximum.
//! Cost     one term for every k below the largest x, and one for every distinct T.
//! Ref      Ehrenberg (1959), Applied Statistics 8(1): the NBD; the likelihood is the limit a → 0 of Fader, Hardie & Lee (2005), eq. (6).

use super::bgnbd::History;
use super::letters::LN_FAR;
use super::purchases::Purchases;
use crate::optim::{self, Point, Search};

/// With whole x every ratio of Γ is a product, and its logarithm a sum over k < x.
pub(super) fn evaluate(data: &Purchases, &[r, alpha]: &[f64; 2]) -> Point<2> {
    let mut point = Point { value: 0.0, gradient: [0.0; 2], hessian: [[0.0; 2]; 2] };
    for (k, &above) in data.above.iter().enumerate() {
        let by_r = 1.0 / (r + k as f64);
        point.value += above * libm::log(r + k as f64);
        point.gradient[0] += above * by_r;
        point.hessian[0][0] -= above * by_r * by_r;
    }
    // r ln α − (r + x) ln(α + T), the first part spread over the ages so that large α cancels exactly.
    for &(age, customers, repeats) in &data.at_age {
        let t = data.ages[age as usize];
        let (ln_age, inverse, ln_share) = (libm::log(alpha + t), 1.0 / (alpha + t), -libm::log1p(t / alpha));
        point.value += customers * r * ln_share - repeats * ln_age;
        point.gradient[0] += customers * ln_share;
        point.gradient[1] += customers * r * t / alpha * inverse - repeats * inverse;
        point.hessian[0][1] += customers * t / alpha * inverse;
        point.hessian[1][1] += repeats * inverse * inverse - customers * r * t / alpha * inverse * (1.0 / alpha + inverse);
    }
    point.hessian[1][0] = point.hessian[0][1];
    point
}

/// One customer's part, by (r, α).
pub(super) fn customer(&[r, alpha]: &[f64; 2], seen: &History) -> Point<2> {
    let History { x, t, .. } = *seen;
    let (since, inverse) = (libm::log1p(t / alpha), 1.0 / (alpha + t));
    let share = t / alpha * inverse;
    let mut point = Point::constant(-r * since - x * libm::log(alpha + t));
    point.gradient = [-since, r * share - x * inverse];
    point.hessian = [[0.0, share], [share, x * inverse * inverse - r * share * (1.0 / alpha + inverse)]];
    for k in 0..x as usize {
        let rate = r + k as f64;
        point.value += libm::log(rate);
        point.gradient[0] += 1.0 / rate;
        point.hessian[0][0] -= 1.0 / (rate * rate);
    }
    point
}

/// The largest log-likelihood without dropout, from this r; `None` where there is no maximum either.
pub(super) fn maximum(data: &Purchases, r: f64) -> Option<f64> {
    letters_at_maximum(data, r).map(|(_, value)| value)
}

/// (r, α) there, and the value.
pub(super) fn letters_at_maximum(data: &Purchases, r: f64) -> Option<([f64; 2], f64)> {
    let (rate, unit) = data.scales();
    let search = Search { start: [r, r / rate].map(libm::log), low: [-LN_FAR, unit - LN_FAR], high: [LN_FAR, unit + LN_FAR] };
    let found = optim::maximise(&search, |theta| {
        let letters = theta.map(libm::exp);
        evaluate(data, &letters).on_log_scale(&letters)
    });
    found.ok().map(|found| (found.at.map(libm::exp), found.value))
}
