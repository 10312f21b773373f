//! The shop's past in numbers that need no model: months, cohorts, gaps between purchases. One pass over each table.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::{Day, Entity};
use perennial_lake::lake::Lake;
use perennial_learn::survival::kaplan_meier;
use perennial_learn::survival::subjects::Lives;

use super::seasonal::Activity;
use crate::report::{Cohort, Cohorts, MonthFacts, Overview, Phrase, SecondOrders};

/// Months of a customer's life that the curve of second orders shows.
const MONTHS_WATCHED: i32 = 18;

/// Months since year 0, so that months can be subtracted.
type Month = i32;

/// What the past says about the rhythm of the shop.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub overview: Overview,
    /// Customers with more than one order, cancelled and same-day ones included, of all who ever ordered.
    pub customers_ordered_again: u64,
    pub customers_ordered: u64,
    /// How many gaps of so many days between two purchase days of one customer.
    pub gaps: BTreeMap<i32, u64>,
    /// Purchase days of every customer, ascending, one customer after another, and where each customer's end.
    purchases: Vec<i32>,
    ends: Vec<usize>,
    /// Customers by month of their first purchase, and how many bought in each later month.
    cohorts: BTreeMap<Month, BTreeMap<Month, u64>>,
}

/// Days in a row without a purchase that are no chance where purchases are daily.
const HOLE_DAYS_MIN: usize = 14;

#[derive(Default)]
struct MonthSums {
    sales_cents: i64,
    returned_cents: i64,
    orders: u64,
    active: u64,
    first: u64,
}

#[derive(Default)]
struct Pass {
    history: History,
    months: BTreeMap<Month, MonthSums>,
    /// Purchase days and orders of the customer at hand; rows come sorted by customer and time.
    days: Vec<i32>,
    orders: u64,
}

impl History {
    /// Facts before `as_of`, everybody's when `None`.
    pub fn read(lake: &Lake, at: &Snapshot, as_of: Option<Day>) -> Result<Self> {
        let end = as_of.map_or(i32::MAX, |day| day.0);
        let mut pass = Pass::default();
        for bucket in lake.scan(at, Entity::Orders, &["customer_id", "ordered_on", "status"], &Who::Everyone)? {
            let mut customer: Option<String> = None;
            for batch in bucket {
                pass.orders(&batch?, end, &mut customer)?;
            }
            pass.close_customer();
        }
        for bucket in lake.scan(at, Entity::OrderItems, &["customer_id", "ordered_on", "total_cents"], &Who::Everyone)? {
            for batch in bucket {
                pass.amounts(&batch?, end, &Amounts { day: "ordered_on", cents: "total_cents", are_returns: false })?;
            }
        }
        for bucket in lake.scan(at, Entity::Returns, &["customer_id", "returned_on", "amount_cents"], &Who::Everyone)? {
            for batch in bucket {
                pass.amounts(&batch?, end, &Amounts { day: "returned_on", cents: "amount_cents", are_returns: true })?;
            }
        }
        Ok(pass.finish())
    }

    /// Customers by their purchase days, ascending, and nothing else.
    #[cfg(test)]
    pub fn of_purchases(customers: &[Vec<i32>]) -> Self {
        let mut history = Self::default();
        for days in customers {
            history.purchases.extend_from_slice(days);
            history.ends.push(history.purchases.len());
        }
        history.overview.first_day = history.purchases.iter().min().map(|&day| Day(day));
        history
    }

    /// The data end with a day's sales: a month is whole only if they reach its end, whatever was cancelled or sent back later.
    pub fn end_with_sales(&mut self, last_sale: Day) {
        let overview = &mut self.overview;
        overview.last_day = overview.last_day.map(|last| last.min(last_sale));
        for month in &mut overview.months {
            let is_begun = overview.first_day.is_some_and(|first| first <= month.month);
            month.complete = is_begun && month_start(month_of(month.month.0) + 1) <= last_sale.plus(1);
        }
    }

    /// The smallest gap that at least the share `q` of all gaps do not exceed.
    #[must_use]
    pub fn gap_quantile(&self, q: f64) -> Option<i32> {
        let total: u64 = self.gaps.values().sum();
        let target = (q * total as f64).ceil() as u64;
        let mut seen = 0;
        self.gaps.iter().find_map(|(&gap, &count)| {
            seen += count;
            (seen >= target).then_some(gap)
        })
    }

    /// Customers whose purchase days before a day say that they are `wanted`.
    #[must_use]
    pub fn count(&self, before: Day, wanted: impl Fn(&[i32]) -> bool) -> usize {
        self.purchase_days(before).filter(|days| !days.is_empty() && wanted(days)).count()
    }

    /// The median of the gaps between two purchase days of one customer, both before a day.
    #[must_use]
    pub fn typical_gap(&self, before: Day) -> Option<i32> {
        let mut gaps: Vec<i32> = Vec::new();
        self.purchase_days(before).for_each(|days| gaps.extend(days.windows(2).map(|pair| pair[1] - pair[0])));
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied()
    }

    /// For each of so many weeks from a day on: customers with a purchase in the look-back before its first day, those of them who buy
    /// within the horizon, and their purchase days in it.
    #[must_use]
    pub fn activity(&self, (first, weeks): (Day, usize), (horizon, look_back): (i32, i32)) -> Vec<Activity> {
        let mut counted = vec![Activity::default(); weeks];
        for days in self.purchase_days(Day(i32::MAX)) {
            let [Some(&begin), Some(&end)] = [days.first(), days.last()] else { continue };
            // Weeks that begin after the first purchase and within the look-back of the last.
            let from = ((begin - first.0).div_euclid(7) + 1).clamp(0, weeks as i32) as usize;
            let to = ((end + look_back - first.0).div_euclid(7) + 1).clamp(from as i32, weeks as i32) as usize;
            let (mut before, mut recent, mut ahead) = (0, 0, 0);
            for (week, counted) in (from..to).zip(&mut counted[from..to]) {
                let on = first.0 + 7 * week as i32;
                let pass = |at: &mut usize, day: i32| *at += days[*at..].iter().take_while(|&&found| found < day).count();
                pass(&mut before, on);
                pass(&mut recent, on - look_back);
                pass(&mut ahead, on + horizon);
                if recent == before {
                    continue;
                }
                let cell = Activity::cell(on - days[before - 1], before - recent, look_back);
                let purchases = (ahead - before) as f64;
                counted.active[cell] += 1.0;
                counted.again[cell] += f64::min(purchases, 1.0);
                counted.purchases[cell] += purchases;
            }
        }
        counted
    }

    /// Whether some two weeks in a row of these days brought no purchase at all, in a shop that sells nearly every day: a hole in the
    /// data, which tells of no season.
    #[must_use]
    pub fn has_hole(&self, from: Day, days: i32) -> bool {
        let end = from.0 + days;
        let Some(&first) = self.purchases.iter().min().filter(|&&first| first < end) else { return false };
        let mut sold = vec![false; (end - first) as usize];
        self.purchases.iter().filter(|&&day| day < end).for_each(|&day| sold[(day - first) as usize] = true);
        let window = &sold[(from.0.max(first) - first) as usize..];
        let hole = window.split(|sold| *sold).map(<[bool]>::len).max().unwrap_or(0);
        let silent = sold.iter().filter(|sold| !**sold).count();
        hole >= HOLE_DAYS_MIN && (silent - hole) * 10 < sold.len() - hole
    }

    fn purchase_days(&self, before: Day) -> impl Iterator<Item = &[i32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(move |(start, &end)| {
            let days = &self.purchases[start..end];
            &days[..days.partition_point(|&day| day < before.0)]
        })
    }

    /// How soon a second purchase day comes, by quarter of the first, as of a day: one less Kaplan-Meier's share of those still waiting.
    #[must_use]
    pub fn second_orders(&self, as_of: Day) -> Vec<SecondOrders> {
        let mut quarters: BTreeMap<i32, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
        let mut start = 0;
        for &end in &self.ends {
            let days = &self.purchases[start..end];
            start = end;
            let Some(&first) = days.first() else { continue };
            let (waits, ended) = quarters.entry(month_of(first).div_euclid(3)).or_default();
            waits.push(f64::from(days.get(1).map_or(as_of.0, |&second| second) - first));
            ended.push(if days.len() > 1 { 1.0 } else { 0.0 });
        }
        let curve = |(quarter, (waits, ended)): (i32, (Vec<f64>, Vec<f64>))| {
            let first = month_start(3 * quarter);
            let (customers, watched) = (waits.len() as u64, as_of - first);
            let curve = kaplan_meier::fit(&Lives::new(waits, &ended).ok()?);
            let share = (1..=MONTHS_WATCHED).take_while(|month| month * 30 <= watched);
            let share = share.map(|month| 1.0 - curve.survival(f64::from(month * 30))).collect();
            Some(SecondOrders { quarter: first, customers, share })
        };
        quarters.into_iter().filter_map(curve).collect()
    }

    /// Monthly cohorts over whole months.
    #[must_use]
    pub fn cohort_table(&self) -> Option<Cohorts> {
        let last_day = self.overview.last_day?;
        let last_month = month_of(last_day.0);
        // The last month counts when the data reach its end.
        let last_whole = if month_start(last_month + 1).plus(-1) <= last_day { last_month } else { last_month - 1 };
        let mut rows = Vec::new();
        for (&first, later) in &self.cohorts {
            let active = (first + 1..=last_whole).map(|month| later.get(&month).copied().unwrap_or(0)).collect();
            rows.push(Cohort { month: month_start(first), customers: later.get(&first).copied().unwrap_or(0), active });
        }
        let note = Phrase::both(
            "The first cohort holds everybody who already was a customer when the data begin.",
            "第一个群组包含数据开始之前就已是客户的人。",
        );
        (!rows.is_empty()).then_some(Cohorts { rows, note: Some(note) })
    }
}

struct Amounts {
    day: &'static str,
    cents: &'static str,
    are_returns: bool,
}

impl Pass {
    fn orders(&mut self, batch: &RecordBatch, end: i32, customer: &mut Option<String>) -> Result<()> {
        let ids = texts(batch, "customer_id")?;
        let days = days(batch, "ordered_on")?;
        let statuses = texts(batch, "status")?;
        for row in 0..batch.num_rows() {
            let day = days.value(row);
            // Called off, or a correction of the stock: no sale. Those after the last sale still tell who has ordered at all.
            let is_sale = !matches!(statuses.value(row), "cancelled" | "adjustment");
            let is_known = day < end;
            if is_known {
                self.history.overview.orders += u64::from(is_sale);
                self.history.overview.orders_no_sale += u64::from(!is_sale);
                self.month(day).orders += u64::from(is_sale);
                self.cover(day);
            }
            if ids.is_null(row) || (!is_known && is_sale) {
                self.history.overview.orders_guest += u64::from(ids.is_null(row) && is_known && is_sale);
                continue;
            }
            if customer.as_deref() != Some(ids.value(row)) {
                self.close_customer();
                *customer = Some(ids.value(row).to_owned());
            }
            self.orders += 1;
            if is_known && statuses.value(row) != "cancelled" && self.days.last() != Some(&day) {
                self.days.push(day);
            }
        }
        Ok(())
    }

    /// The customer at hand is complete: count gaps, months and cohort.
    fn close_customer(&mut self) {
        let orders = std::mem::take(&mut self.orders);
        self.history.customers_ordered += u64::from(orders > 0);
        self.history.customers_ordered_again += u64::from(orders > 1);
        let mut days = std::mem::take(&mut self.days);
        days.sort_unstable();
        days.dedup();
        let Some(&first_day) = days.first() else { return };
        let overview = &mut self.history.overview;
        overview.customers += 1;
        overview.customers_repeat += u64::from(days.len() > 1);
        self.history.purchases.extend_from_slice(&days);
        self.history.ends.push(self.history.purchases.len());
        for pair in days.windows(2) {
            *self.history.gaps.entry(pair[1] - pair[0]).or_default() += 1;
        }
        let first = month_of(first_day);
        let mut months: Vec<Month> = days.iter().map(|&day| month_of(day)).collect();
        months.dedup();
        for month in months {
            let sums = self.months.entry(month).or_default();
            sums.active += 1;
            sums.first += u64::from(month == first);
            *self.history.cohorts.entry(first).or_default().entry(month).or_default() += 1;
        }
        days.clear();
        self.days = days;
    }

    fn amounts(&mut self, batch: &RecordBatch, end: i32, columns: &Amounts) -> Result<()> {
        let ids = texts(batch, "customer_id")?;
        let days = days(batch, columns.day)?;
        let cents = batch.column_by_name(columns.cents).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let cents = cents.ok_or_else(|| anyhow!("column {} is not there", columns.cents))?;
        for row in 0..batch.num_rows() {
            let (day, amount) = (days.value(row), cents.value(row));
            if day >= end {
                continue;
            }
            self.cover(day);
            let overview = &mut self.history.overview;
            let signed = if columns.are_returns { -amount } else { amount };
            overview.net_revenue_cents += signed;
            overview.guest_revenue_cents += if ids.is_null(row) { signed } else { 0 };
            if columns.are_returns {
                overview.returns += 1;
                overview.returned_cents += amount;
                self.month(day).returned_cents += amount;
            } else {
                overview.lines += 1;
                overview.sales_cents += amount;
                self.month(day).sales_cents += amount;
            }
        }
        Ok(())
    }

    fn month(&mut self, day: i32) -> &mut MonthSums {
        self.months.entry(month_of(day)).or_default()
    }

    fn cover(&mut self, day: i32) {
        let overview = &mut self.history.overview;
        overview.first_day = Some(overview.first_day.map_or(Day(day), |first| first.min(Day(day))));
        overview.last_day = Some(overview.last_day.map_or(Day(day), |last| last.max(Day(day))));
    }

    fn finish(mut self) -> History {
        let overview = &mut self.history.overview;
        if let (Some(first), Some(last)) = (overview.first_day, overview.last_day) {
            for month in month_of(first.0)..=month_of(last.0) {
                let sums = self.months.remove(&month).unwrap_or_default();
                let (start, end) = (month_start(month), month_start(month + 1));
                overview.months.push(MonthFacts {
                    month: start,
                    net_revenue_cents: sums.sales_cents - sums.returned_cents,
                    orders: sums.orders,
                    customers_active: sums.active,
                    customers_first: sums.first,
                    complete: first <= start && end.plus(-1) <= last,
                });
            }
        }
        self.history
    }
}

fn month_of(day: i32) -> Month {
    let (year, month, _) = Day(day).ymd();
    year * 12 + month as i32 - 1
}

fn month_start(month: Month) -> Day {
    Day::from_ymd(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1).unwrap_or_default()
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| anyhow!("column {name} is not there"))
}

fn days<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::PrimitiveArray<Date32Type>> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<Date32Type>())
        .ok_or_else(|| anyhow!("column {name} is not there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_told_from_a_quiet_season() {
        let days = |sells: &dyn Fn(i32) -> bool| History::of_purchases(&[(0..800).filter(|&day| sells(day)).collect()]);
        let whole = days(&|_| true);
        let hole = days(&|day| !(500..520).contains(&day));
        let quiet = days(&|day| day % 100 < 70);
        assert_eq!([&whole, &hole, &quiet].map(|history| history.has_hole(Day(450), 90)), [false, true, false]);
        assert!(!hole.has_hole(Day(530), 90) && !hole.has_hole(Day(400), 90));
    }
}
