//! Shifted-beta-geometric: how long will subscribers stay, who renew or cancel at the end of every period?
//!
//! Assumes  at the end of every period a subscriber cancels with θ, which never changes for one and is Beta(α, β) over all.
//! Input    `period` [n] the period a subscriber cancelled in, or the last one seen; `event` [n] 1 cancelled, 0 still there; `count` [n].
//! Output   α, β with standard errors; S(t), E[renewals in h periods], P(no renewal).
//! Cost     one term for every period up to the longest.
//! Ref      Fader & Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21(1): eq. (5), (6), (7).

use perennial_contract::Table;
use perennial_contract::estimator::FitError;
use serde::{Deserialize, Serialize};

use super::forecast::answered;
use super::letters::{self, Escape, Fit, LN_FAR, Letters, letters};
use crate::optim::{Point, Search};

/// Longer than this is no number of renewals.
const PERIODS_MAX: f64 = 100_000.0;
/// From fewer cancellations no spread of chances can be estimated.
const EVENTS_MIN: f64 = 30.0;

/// The paper's two letters; none has a unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SbgParameters {
    pub alpha: f64,
    pub beta: f64,
}

letters!(SbgParameters, "sbg", [alpha, beta]);

pub type SbgFit = Fit<SbgParameters>;

/// Subscribers, counted by period.
#[derive(Clone, Debug)]
pub struct Subscribers {
    rows: usize,
    cancelled: f64,
    /// `renewed[k]` subscribers renewed more than k times.
    renewed: Vec<f64>,
    /// `decided[k]` subscribers decided more than k times, for or against.
    decided: Vec<f64>,
}

impl Subscribers {
    /// One row a subscriber, or `count` of them.
    pub fn from_slices(period: &[f64], event: &[f64], count: &[f64]) -> Result<Self, FitError> {
        check(period, event)?;
        let longest = period.iter().fold(0.0_f64, |max, &t| max.max(t)) as usize;
        let (mut renewed, mut decided) = (vec![0.0; longest + 1], vec![0.0; longest + 1]);
        let mut cancelled = 0.0;
        for (row, ((&period, &event), &count)) in period.iter().zip(event).zip(count).enumerate() {
            if !(count >= 0.0 && count.is_finite()) {
                return Err(FitError::Refused(format!("row {}: count is {count}, allowed are numbers from 0", row + 1)));
            }
            cancelled += event * count;
            renewed[(period - event) as usize] += count;
            decided[period as usize] += count;
        }
        // Counts of exactly k become counts of more than k.
        let more = |mut counts: Vec<f64>| {
            for k in (1..counts.len()).rev() {
                counts[k - 1] += counts[k];
            }
            counts.split_off(1)
        };
        Ok(Self { rows: period.len(), cancelled, renewed: more(renewed), decided: more(decided) })
    }
}

fn check(period: &[f64], event: &[f64]) -> Result<(), FitError> {
    for (row, (&period, &event)) in period.iter().zip(event).enumerate() {
        let say = |what: String| Err(FitError::Refused(format!("row {}: {what}", row + 1)));
        if event != 0.0 && event != 1.0 {
            return say(format!("event is {event}, allowed are 1 (cancelled) and 0 (still there)"));
        }
        if !(event..=PERIODS_MAX).contains(&period) || period.fract() != 0.0 {
            return say(format!("period is {period}, allowed are whole numbers from {event} to {PERIODS_MAX}"));
        }
    }
    Ok(())
}

impl SbgParameters {
    /// P(still there after t more periods), for one who has renewed `age` times.
    #[must_use]
    pub fn survival(&self, age: f64, t: f64) -> f64 {
        let (mut stays, mut k) = (1.0, 0.0);
        while k < t {
            stays *= (self.beta + age + k) / (self.alpha + self.beta + age + k);
            k += 1.0;
        }
        stays
    }

    /// E[renewals in the next t periods] of a subscriber who has renewed `age` times: Σ S over them.
    #[must_use]
    pub fn renewals_expected(&self, age: f64, t: f64) -> f64 {
        let (mut stays, mut sum, mut k) = (1.0, 0.0, 0.0);
        while k < t {
            stays *= (self.beta + age + k) / (self.alpha + self.beta + age + k);
            sum += stays;
            k += 1.0;
        }
        sum
    }

    #[must_use]
    pub fn log_likelihood(&self, data: &Subscribers) -> f64 {
        evaluate(data, &[self.alpha, self.beta]).value
    }
}

/// One who cancelled is gone. One still there renews next time, or leaves without a renewal.
pub(super) fn predict(is: &SbgParameters, table: &Table, horizon: f64) -> Result<Table, FitError> {
    let (period, event) = (table.f64s("period")?, table.f64s("event")?);
    check(&period, &event)?;
    let answer = |(period, event): (&f64, &f64)| {
        if *event == 1.0 {
            return [0.0, 0.0, 1.0];
        }
        let leaves_next = if horizon < 1.0 { 1.0 } else { is.alpha / (is.alpha + is.beta + period) };
        [1.0, is.renewals_expected(*period, horizon), leaves_next]
    };
    answered(&period.iter().zip(&event).map(answer).collect::<Vec<_>>())
}

/// Maximum likelihood.
pub fn fit(data: &Subscribers) -> Result<SbgFit, FitError> {
    if data.cancelled < EVENTS_MIN {
        return Err(FitError::Refused(format!(
            "{} subscribers cancelled; the shifted-beta-geometric model needs at least {EVENTS_MIN}; wait for more periods",
            data.cancelled
        )));
    }
    let searches = [[1.0, 2.0], [0.5, 5.0]].map(|start: [f64; 2]| Search {
        start: start.map(libm::log),
        low: [-LN_FAR; 2],
        high: [LN_FAR; 2],
    });
    letters::maximise(SbgParameters::NAMES, &searches, |letters| evaluate(data, letters), why)?.fit(data.rows)
}

fn why(escape: Escape) -> &'static str {
    if escape.is_up {
        "alpha and beta grow without bound: one chance of cancelling suits all periods, so its spread cannot be estimated"
    } else {
        "alpha or beta shrinks to 0: subscribers seem to leave either at once or never"
    }
}

/// Σ over cancelled ln B(α + 1, β + t − 1) + Σ over the rest ln B(α, β + t), less ln B(α, β) each; with whole t sums of ln(… + k).
fn evaluate(data: &Subscribers, &[alpha, beta]: &[f64; 2]) -> Point<2> {
    let mut point = Point::constant(data.cancelled * libm::log(alpha));
    point.gradient[0] = data.cancelled / alpha;
    point.hessian[0][0] = -data.cancelled / (alpha * alpha);
    for (k, (renewed, decided)) in data.renewed.iter().zip(&data.decided).enumerate() {
        let (by_b, by_ab) = (1.0 / (beta + k as f64), 1.0 / (alpha + beta + k as f64));
        // ln(β + k) of those who renewed, less ln(α + β + k) of all who decided.
        point.value += (renewed - decided) * libm::log(beta + k as f64) - decided * libm::log1p(alpha * by_b);
        point.gradient[0] -= decided * by_ab;
        point.gradient[1] += renewed * by_b - decided * by_ab;
        let bend = decided * by_ab * by_ab;
        point.hessian[0][0] += bend;
        point.hessian[0][1] += bend;
        point.hessian[1][1] += bend - renewed * by_b * by_b;
    }
    point.hessian[1][0] = point.hessian[0][1];
    point
}
