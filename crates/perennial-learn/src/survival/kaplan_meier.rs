//! Kaplan-Meier: which share is still there after a time?
//!
//! Assumes  those whose watch ends early are like those still watched.
//! Input    `duration` [n] in any one unit, `event` [n].
//! Output   a step per event time with Greenwood's standard error and a log-log band of 95%; median; restricted mean in the unit of time.
//! Cost     one sort.
//! Ref      Kaplan & Meier (1958), JASA 53, eq. (2b) estimate, (6a) variance (Greenwood 1926), (6e) mean; Kalbfleisch & Prentice (2002), §1.4, band;
//!          Brookmeyer & Crowley (1982), Biometrics 38, interval of the median.

use super::subjects::Lives;

/// 97.5% point of the normal distribution.
pub(super) const Z_95: f64 = 1.959_963_984_540_054;

/// What is known from an event time on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub time: f64,
    /// Rows watched until then, those it happens to included.
    pub at_risk: usize,
    pub events: usize,
    pub survival: f64,
    pub standard_error: f64,
    pub lo95: f64,
    pub hi95: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub steps: Vec<Step>,
    /// First time with at most a half left; none where more than a half stays.
    pub median: Option<f64>,
    pub median_lo95: Option<f64>,
    pub median_hi95: Option<f64>,
    /// Mean time until the event or `until`, whichever is first.
    pub restricted_mean: f64,
    pub restricted_mean_error: f64,
    /// The longest duration.
    pub until: f64,
    pub log_likelihood: f64,
    pub rows: usize,
    pub events: usize,
}

impl Curve {
    /// The share still there after `time`.
    #[must_use]
    pub fn survival(&self, time: f64) -> f64 {
        let passed = self.steps.partition_point(|step| step.time <= time);
        if passed == 0 { 1.0 } else { self.steps[passed - 1].survival }
    }

    /// The first time at which `share` of a step is at most a half, give or take rounding.
    fn first_half(&self, share: impl Fn(&Step) -> f64) -> Option<f64> {
        self.steps.iter().find(|step| share(step) <= 0.5 + 1e-12).map(|step| step.time)
    }
}

/// The curve of these lives.
#[must_use]
pub fn fit(lives: &Lives) -> Curve {
    let order = lives.by_duration();
    let duration = |at: usize| lives.duration()[order[at] as usize];
    let (mut steps, mut survival, mut greenwood, mut log_likelihood) = (Vec::new(), 1.0, 0.0, 0.0);
    let mut at = 0;
    while at < order.len() {
        let time = duration(at);
        let end = at + order[at..].partition_point(|row| lives.duration()[*row as usize] <= time);
        let events = order[at..end].iter().filter(|row| lives.event()[**row as usize]).count();
        if events > 0 {
            let at_risk = order.len() - at;
            let (n, d) = (at_risk as f64, events as f64);
            survival *= (n - d) / n;
            log_likelihood += d * libm::log(d / n);
            if events < at_risk {
                greenwood += d / (n * (n - d));
                log_likelihood += (n - d) * libm::log1p(-d / n);
            }
            steps.push(step((time, at_risk, events), survival, greenwood));
        }
        at = end;
    }
    let until = order.last().map_or(0.0, |row| lives.duration()[*row as usize]);
    let (restricted_mean, restricted_mean_error) = restricted_mean(&steps, until);
    let (rows, events) = (lives.rows(), lives.events());
    let mut curve = Curve {
        steps,
        median: None,
        median_lo95: None,
        median_hi95: None,
        restricted_mean,
        restricted_mean_error,
        until,
        log_likelihood,
        rows,
        events,
    };
    curve.median = curve.first_half(|step| step.survival);
    curve.median_lo95 = curve.first_half(|step| step.lo95);
    curve.median_hi95 = curve.first_half(|step| step.hi95);
    curve
}

/// ln(−ln S) ± 1.96 of its standard error stays within 0..1. Where nobody is left there is nothing to be unsure of.
fn step((time, at_risk, events): (f64, usize, usize), survival: f64, greenwood: f64) -> Step {
    let root = greenwood.sqrt();
    let ln = libm::log(survival);
    let power = |sign: f64| if survival > 0.0 { libm::exp(ln * libm::exp(sign * Z_95 * root / -ln)) } else { 0.0 };
    let standard_error = survival * root;
    Step { time, at_risk, events, survival, standard_error, lo95: power(1.0), hi95: power(-1.0) }
}

/// The area under the curve, and its standard error from the areas to the right of each event.
fn restricted_mean(steps: &[Step], until: f64) -> (f64, f64) {
    let (mut right, mut variance) = (0.0, 0.0);
    let mut end = until;
    for step in steps.iter().rev() {
        right += step.survival * (end - step.time);
        let (n, d) = (step.at_risk as f64, step.events as f64);
        if n > d {
            variance += right * right * d / (n * (n - d));
        }
        end = step.time;
    }
    (right + end, variance.sqrt())
}
