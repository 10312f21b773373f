//! Answers about many customers, kept once for equal histories.
//!
//! Assumes  `Outlook::answer` has filled them.
//! Input    row numbers of the customers asked about.
//! Output   columns [rows], NaN where there is no answer; or one customer with words for what is absent.
//! Cost     a copy a column.
//! Ref      none.

use serde::Serialize;

use super::answer::{Gathered, NEXT_ORDER_CHANCES};
use super::model::Outlook;
use super::walk::Walked;
use crate::parallel;

/// In a record: P(alive), mean gap, the next order's days, then P(no order) and E[orders] for every horizon.
const GAP: usize = 1;
const NEXT: usize = 2;
const HORIZONS: usize = NEXT + NEXT_ORDER_CHANCES.len();
const NO_ANSWER: u32 = u32::MAX;

#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    horizons_days: Vec<i32>,
    is_extrapolated: Vec<bool>,
    /// A column for each number of a record, a value for each distinct history.
    histories: Vec<Vec<f64>>,
    /// Which record a row has.
    of: Vec<u32>,
    pub(super) spend: Vec<Spend>,
}

/// Spend in one horizon, minor units, one value a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Spend {
    pub horizon_days: i32,
    /// Beyond every closed window: the intervals are widened, and nothing has been measured.
    pub is_extrapolated: bool,
    /// The mean. Spend is skewed and often 0, so it may lie outside of an interval.
    pub expected: Vec<f64>,
    pub median: Vec<f64>,
    pub bands: Vec<Band>,
}

/// An interval that holds `percent` of the outcomes, an outcome that lies on an atom counted by its share (see docs/models/outlook.md).
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    pub percent: u32,
    pub lo: Vec<f64>,
    pub hi: Vec<f64>,
}

impl Spend {
    pub(super) fn empty(horizon_days: i32, is_extrapolated: bool, percents: &[u32], rows: usize) -> Self {
        let nothing = || vec![f64::NAN; rows];
        let bands = percents.iter().map(|&percent| Band { percent, lo: nothing(), hi: nothing() }).collect();
        Self { horizon_days, is_extrapolated, expected: nothing(), median: nothing(), bands }
    }
}

impl Answers {
    pub(super) fn empty(outlook: &Outlook, rows: usize) -> Self {
        let horizons_days = outlook.horizons_days().to_vec();
        let is_extrapolated = horizons_days.iter().map(|days| outlook.is_extrapolated(*days)).collect();
        let histories = vec![Vec::new(); Self::stride(horizons_days.len())];
        Self { horizons_days, is_extrapolated, histories, of: vec![NO_ANSWER; rows], spend: Vec::new() }
    }

    pub(super) const fn stride(horizons: usize) -> usize {
        HORIZONS + 2 * horizons
    }

    /// Where in a record the expected orders of a horizon stand.
    pub(super) const fn orders_at(horizon: usize) -> usize {
        HORIZONS + 2 * horizon + 1
    }

    /// What the tasks gathered, sorted into columns, each by one thread.
    pub(super) fn fill(&mut self, walked: &Walked<Gathered>, threads: usize) {
        let counts = walked.done.iter().flat_map(|gathered| &gathered.rows).zip(0_u32..);
        let of = counts.flat_map(|(count, at)| std::iter::repeat_n(at, *count as usize));
        walked.rows.iter().zip(of).for_each(|(row, of)| self.of[*row as usize] = of);
        let stride = self.histories.len();
        parallel::each(threads, self.histories.iter_mut().enumerate().collect(), |(at, column)| {
            for gathered in &walked.done {
                column.extend(gathered.histories.iter().skip(at).step_by(stride));
            }
        });
        // Mean, median and ends of every spend question stand one after another.
        let columns = self.spend.iter_mut().flat_map(|spend| {
            let ends = spend.bands.iter_mut().flat_map(|band| [&mut band.lo, &mut band.hi]);
            [&mut spend.expected, &mut spend.median].into_iter().chain(ends)
        });
        let columns: Vec<_> = columns.enumerate().collect();
        let width = columns.len();
        parallel::each(threads, columns, |(at, column)| {
            let values = walked.done.iter().flat_map(|gathered| gathered.spend.iter().skip(at).step_by(width));
            walked.rows.iter().zip(values).for_each(|(row, value)| column[*row as usize] = *value);
        });
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.of.len()
    }

    #[must_use]
    pub fn horizons_days(&self) -> &[i32] {
        &self.horizons_days
    }

    /// By horizon, whether it is longer than every closed window.
    #[must_use]
    pub fn is_extrapolated(&self) -> &[bool] {
        &self.is_extrapolated
    }

    /// P(alive) by the law of orders: not whether an order will come, and no churn score (see docs/models/bgnbd.md). NaN also where the law
    /// knows no leaving.
    #[must_use]
    pub fn p_alive(&self) -> Vec<f64> {
        self.column(0)
    }

    /// Mean of the customer's own gaps so far, days; NaN without a repeat.
    #[must_use]
    pub fn gap_days_mean(&self) -> Vec<f64> {
        self.column(GAP)
    }

    /// Days from the as-of day until the next order has come with chances 0.1, 0.5 and 0.9; NaN where it is not expected within ten years.
    #[must_use]
    pub fn next_order_days(&self) -> [Vec<f64>; 3] {
        [0, 1, 2].map(|i| self.column(NEXT + i))
    }

    /// P(no order within the horizon), by index of [`Self::horizons_days`].
    #[must_use]
    pub fn p_no_order(&self, horizon: usize) -> Vec<f64> {
        self.column(HORIZONS + 2 * horizon)
    }

    /// E[orders within the horizon], by index of [`Self::horizons_days`].
    #[must_use]
    pub fn orders_expected(&self, horizon: usize) -> Vec<f64> {
        self.column(Self::orders_at(horizon))
    }

    #[must_use]
    pub fn spend(&self) -> &[Spend] {
        &self.spend
    }

    fn column(&self, at: usize) -> Vec<f64> {
        let column = &self.histories[at];
        self.of.iter().map(|of| column.get(*of as usize).copied().unwrap_or(f64::NAN)).collect()
    }

    /// One customer; `None` for a row without an order.
    #[must_use]
    pub fn customer(&self, row: usize) -> Option<CustomerOutlook> {
        let of = *self.of.get(row)? as usize;
        let record: Vec<f64> = self.histories.iter().map(|column| column.get(of).copied()).collect::<Option<_>>()?;
        let told = |value: f64| value.is_finite().then_some(value);
        let horizon = |(i, days): (usize, &i32)| HorizonOutlook {
            horizon_days: *days,
            is_extrapolated: self.is_extrapolated[i],
            p_no_order: record[HORIZONS + 2 * i],
            orders_expected: record[Self::orders_at(i)],
        };
        let spend = |spend: &Spend| {
            let band = |band: &Band| BandOutlook { percent: band.percent, lo_cents: band.lo[row], hi_cents: band.hi[row] };
            Some(SpendOutlook {
                horizon_days: spend.horizon_days,
                is_extrapolated: spend.is_extrapolated,
                expected_cents: told(spend.expected[row])?,
                median_cents: told(spend.median[row])?,
                bands: spend.bands.iter().map(band).collect(),
            })
        };
        Some(CustomerOutlook {
            p_alive: told(record[0]),
            gap_days_mean: told(record[GAP]),
            next_order_days: std::array::from_fn(|i| told(record[NEXT + i])),
            horizons: self.horizons_days.iter().enumerate().map(horizon).collect(),
            spend: self.spend.iter().filter_map(spend).collect(),
        })
    }
}

/// What one customer is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CustomerOutlook {
    /// By the law of orders; no churn score. None where the law knows no leaving.
    pub p_alive: Option<f64>,
    /// None without a repeat.
    pub gap_days_mean: Option<f64>,
    /// With chances 0.1, 0.5 and 0.9; None: not expected within ten years.
    pub next_order_days: [Option<f64>; 3],
    pub horizons: Vec<HorizonOutlook>,
    pub spend: Vec<SpendOutlook>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HorizonOutlook {
    pub horizon_days: i32,
    pub is_extrapolated: bool,
    pub p_no_order: f64,
    pub orders_expected: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpendOutlook {
    pub horizon_days: i32,
    pub is_extrapolated: bool,
    pub expected_cents: f64,
    pub median_cents: f64,
    pub bands: Vec<BandOutlook>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BandOutlook {
    pub percent: u32,
    pub lo_cents: f64,
    pub hi_cents: f64,
}
