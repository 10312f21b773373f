//! The outlook: what every customer will do next, learned from the whole past, set right by its last windows, judged on one it has not seen.

use anyhow::Result;
use perennial_contract::engine::Snapshot;
use perennial_contract::estimator::{Run, Task, column};
use perennial_contract::{Day, Table};
use perennial_lake::features::{Sample, Window, lifetime_windows};
use perennial_learn::catalog;
use perennial_learn::lifetime::outlook::{
    Ask, ClosedWindow, Coverage, Customers, Money, Outlook, OutlookModel, Refusal, Settings, Slices,
};
use perennial_learn::words::Words;
use serde_json::{Value, json};

use super::dataset::{cleaned, cleaned_store};
use super::gate::is_outside;
use super::history::History;
use super::plan::Plan;
use crate::config::Gate;
use crate::report::{CoverageRow, MoneyTest, OrdersMatrix, OutlookTest, Promise, RepeatRow, TrackedWeek};
use crate::shop::Shop;

/// Customers a window is learned from: a law is fitted on each, and the recalibration has at most a few hundred numbers.
const LESSON_ROWS_MAX: usize = 5_000;
/// Customers of the window the promises are judged on: a share of 80% is then known to 0.4 points.
const TEST_ROWS_MAX: usize = 10_000;
/// Of all customers, those who must have come back, percent: as for BG/NBD (docs/models/bgnbd.md).
const REPEAT_PERCENT_MIN: u64 = 2;
/// Of a shop's past before a window, days: less says nothing about a rhythm.
const PAST_DAYS_MIN: i32 = 30;
const YEAR_DAYS: i32 = 365;
/// Days of data before the window of a year ago, for it to be learned from.
const SEASON_PAST_DAYS_MIN: i32 = 270;
/// An expected total this many times too high or too low, and further off than chance, is no forecast.
const TOTAL_FACTOR_MAX: f64 = 2.0;
/// Standard deviations of a Poisson count that chance does not reach.
const CHANCE_DEVIATIONS: f64 = 3.0;
/// Intervals that are judged, percent.
const BANDS: [u32; 3] = [50, 80, 95];
/// Repeat orders in the tables of the report; the last row holds all above.
const REPEATS_MAX: usize = 7;
/// Columns of the frequency and recency matrix.
const RECENCY_STEPS: usize = 10;

/// What came of it, as the registry files it.
pub struct Learned {
    pub model: Result<OutlookModel, Words>,
    pub metrics: Value,
    pub reasons: Vec<Words>,
}

/// What an outlook is learned from.
pub struct Lessons<'a> {
    pub shop: &'a Shop,
    pub at: &'a Snapshot,
    pub plan: &'a Plan,
    pub history: &'a History,
    /// Everybody as of the plan's day.
    pub today: &'a Table,
    /// Active customers as of the test day, with every feature and what came.
    pub test: &'a Table,
}

impl Lessons<'_> {
    pub fn learn(&self) -> Result<Learned> {
        let run = Run {
            seed: self.shop.settings.run.seed,
            threads: self.shop.threads(),
            horizon_days: self.plan.horizon_days,
            season: None,
        };
        // What is judged ends with the horizon; longer windows have no say before it.
        let within = |window: &Window| window.days <= self.plan.horizon_days;
        let early: Vec<Window> = self.plan.test.map(|test| self.windows(test)).unwrap_or_default();
        let early: Vec<Window> = early.into_iter().filter(within).collect();
        let late = self.windows(self.plan.as_of);
        let weeks = self.plan.test.map(|test| self.weeks(test)).unwrap_or_default();
        let all: Vec<Window> = late.iter().chain(&early).chain(&weeks).copied().collect();
        let tables = lifetime_windows(&cleaned_store(self.shop), self.at, &all)?;
        let mut tables = tables.iter().map(|table| Ok(cleaned(self.shop, table)?.table)).collect::<Result<Vec<_>>>()?;
        let weekly = tables.split_off(late.len() + early.len());
        let earlier = tables.split_off(late.len());
        let closed = closed(&tables, &late)?;
        if closed.is_empty() {
            return self.file(Err(self.too_short()), None);
        }
        let model = OutlookModel::fit(self.today, &closed, &run);
        let judged = match (&model, self.plan.test) {
            (Ok(_), Some(test)) => self.judge(test, (&earlier, &early), (&weekly, &weeks))?,
            _ => None,
        };
        self.file(model.map_err(|refusal| refusal.words()), judged)
    }

    /// Nothing has closed yet, so no promise could be set right.
    fn too_short(&self) -> Words {
        let first = self.history.overview.first_day.unwrap_or(self.plan.as_of);
        let (days, past, shortest) = (self.plan.as_of - first, PAST_DAYS_MIN, column::OUTLOOK_HORIZONS_DAYS[0]);
        Words::of(
            format!(
                "{days} days of data are too few: a past of {past} days and a closed window of {shortest} are needed; import more or wait"
            ),
            format!("数据只有 {days} 天，过少：至少需要 {past} 天的历史与 {shortest} 天的已结束窗口；请导入更多数据或等待"),
        )
    }

    /// What was never held against what came may not answer.
    fn not_judged(&self) -> Words {
        let horizon = self.plan.horizon_days;
        Words::of(
            format!(
                "there is no window of {horizon} days to judge it on: the data reach back too short a time; wait, or set a shorter learn.horizon_days"
            ),
            format!("没有 {horizon} 天的检验窗口可用：历史数据太短；请等待更多数据，或缩短 learn.horizon_days"),
        )
    }

    /// Where hardly anybody has come back, buying seldom cannot be told from having left, and every answer would be no.
    fn too_few_repeats(&self) -> Option<Words> {
        let (repeat, all) = (self.history.overview.customers_repeat, self.history.overview.customers);
        (repeat * 100 < all * REPEAT_PERCENT_MIN).then(|| {
            Words::of(
                format!("too few customers came back to tell those who buy seldom from those who have left: {repeat} of {all}, and {REPEAT_PERCENT_MIN}% are needed"),
                format!("回头客太少，无法区分少买与流失：{all} 位客户中仅 {repeat} 位，至少需要 {REPEAT_PERCENT_MIN}%"),
            )
        })
    }

    /// Windows that have closed by a day, one for every horizon with enough past before it.
    fn windows(&self, end: Day) -> Vec<Window> {
        let mut horizons: Vec<i32> = column::OUTLOOK_HORIZONS_DAYS.into_iter().chain([self.plan.horizon_days]).collect();
        horizons.sort_unstable();
        horizons.dedup();
        let first = self.history.overview.first_day.unwrap_or(end);
        let a_year_ago = Some(end.plus(-YEAR_DAYS)).filter(|start| *start - first >= SEASON_PAST_DAYS_MIN);
        // The same season a year ago teaches what this one does to a forecast; the last weeks teach what theirs did.
        let is_whole = |start: Day, days: i32| days < YEAR_DAYS && !self.history.has_hole(start, days);
        let start = |days: i32| a_year_ago.filter(|&start| is_whole(start, days)).unwrap_or(end.plus(-days));
        let has_past = |days: &i32| start(*days) - first >= PAST_DAYS_MIN.max(days / 2);
        horizons.into_iter().filter(has_past).map(|days| self.window(start(days), days, LESSON_ROWS_MAX)).collect()
    }

    /// The test window, cut off after every week.
    fn weeks(&self, test: Day) -> Vec<Window> {
        let horizon = self.plan.horizon_days;
        // No more points than a chart can show; the last is the window's end.
        let step = 7 * (horizon / (7 * 26) + 1);
        let mut days: Vec<i32> = (0..).map(|back| horizon - back * step).take_while(|days| *days > 0).collect();
        days.reverse();
        days.into_iter().map(|days| self.window(test, days, TEST_ROWS_MAX)).collect()
    }

    fn window(&self, as_of: Day, days: i32, rows_max: usize) -> Window {
        let customers = self.history.count(as_of, |_| true);
        Window { as_of, days, sample: Sample::of(rows_max, customers) }
    }

    /// The same recipe one horizon earlier, on the window it has not seen.
    fn judge(&self, test: Day, early: Past<'_>, weekly: Past<'_>) -> Result<Option<OutlookTest>> {
        let (Some(table), Some(window)) = (weekly.0.last(), weekly.1.last()) else { return Ok(None) };
        let customers = Customers::from_table(table)?;
        let horizons_days: Vec<i32> = weekly.1.iter().map(|week| week.days).collect();
        let (seed, threads) = (self.shop.settings.run.seed, self.shop.threads());
        let settings = Settings { horizons_days: horizons_days.clone(), seed, threads };
        let Ok(outlook) = Outlook::fit(&customers, &closed(early.0, early.1)?, &settings) else { return Ok(None) };
        let unseen = closed_window(table, window)?;
        let answers = outlook.answer(&customers, Ask { spend_horizons_days: &[], bands: &BANDS, threads })?;
        let mut weeks = Vec::new();
        for (at, (table, &days)) in weekly.0.iter().zip(&horizons_days).enumerate() {
            let expected = answers.orders_expected(at).iter().filter(|orders| orders.is_finite()).sum();
            weeks.push(TrackedWeek { days, expected, actual: table.f64s(column::LABEL_ORDERS)?.iter().sum() });
        }
        let spend = outlook.spend_coverage(&unseen, &BANDS, seed)?.into_iter().map(|coverage| (Promise::Spend, coverage));
        let next_order = BANDS.map(|percent| (Promise::NextOrder, outlook.next_order_coverage(&unseen, percent, seed)));
        let orders = outlook.orders_coverage(&unseen, &BANDS, seed).into_iter().map(|coverage| (Promise::Orders, coverage));
        let money = self.judge_money(&outlook)?;
        // Without a law of amounts nobody's spend was forecast, and there is nothing to say of it.
        let told = spend.chain(next_order).chain(orders).filter(|(_, coverage)| coverage.customers > 0);
        let expected = answers.orders_expected(horizons_days.len() - 1);
        Ok(Some(OutlookTest {
            from: test,
            days: window.days,
            customers: table.rows() as u64,
            coverage: told.map(|(of, coverage)| coverage_row(of, &coverage)).collect(),
            weeks,
            money,
            by_repeats: by_repeats(&table.f64s(column::X)?, &expected, &table.f64s(column::LABEL_ORDERS)?),
        }))
    }

    /// Net and gross spend of the horizon, forecast over what came; `None` where nobody's spend was forecast or none came.
    fn judge_money(&self, outlook: &Outlook) -> Result<Option<MoneyTest>> {
        if self.test.rows() == 0 || outlook.spend_law().is_none() {
            return Ok(None);
        }
        let ask = Ask { spend_horizons_days: &[self.plan.horizon_days], bands: &[], threads: self.shop.threads() };
        let answers = outlook.answer(&Customers::from_table(self.test)?, ask)?;
        let Some(spend) = answers.spend().first() else { return Ok(None) };
        let factors = Money::of(self.test)?.factors(self.test)?;
        let (mut net, mut gross) = (0.0, 0.0);
        for (cents, factors) in spend.expected.iter().zip(&factors).filter(|(cents, _)| cents.is_finite()) {
            net += cents;
            gross += cents * factors.gross;
        }
        let sum = |name: &str| -> Result<f64> { Ok(self.test.f64s(name)?.iter().sum()) };
        let (spent, sold) = (sum(column::LABEL_SPEND_CENTS)?, sum(column::LABEL_SOLD_CENTS)?);
        Ok((spent > 0.0 && sold > 0.0).then(|| MoneyTest { net_ratio: net / spent, gross_ratio: gross / sold }))
    }

    fn file(&self, model: Result<OutlookModel, Words>, judged: Option<OutlookTest>) -> Result<Learned> {
        let mut reasons: Vec<Words> = model.as_ref().err().cloned().into_iter().chain(self.too_few_repeats()).collect();
        if model.is_ok() && judged.is_none() {
            reasons.push(self.not_judged());
        }
        let mut metrics = json!({ "test": {}, "customers": judged.as_ref().map(|judged| judged.customers) });
        if let Some(judged) = &judged {
            for row in &judged.coverage {
                let name = match row.of {
                    Promise::Spend => "coverage",
                    Promise::NextOrder => "next_order_coverage",
                    Promise::Orders => "orders_coverage",
                };
                metrics["test"][format!("{name}_{}", row.percent)] = json!(row.by_pit);
            }
            if let Some(money) = judged.money {
                metrics["test"]["spend_ratio"] = json!(money.net_ratio);
                metrics["test"]["gross_ratio"] = json!(money.gross_ratio);
            }
            if let Some(last) = judged.weeks.last().filter(|last| last.actual > 0.0) {
                metrics["test"]["total_ratio"] = json!(last.expected / last.actual);
            }
            reasons.extend(refusals(&self.shop.settings.gate, judged));
            metrics["judged"] = json!(judged);
        }
        if let Ok(model) = &model {
            metrics["law"] = json!(model.outlook().orders_law().name());
            metrics["matrix"] = json!(matrix(model.outlook(), self.today)?);
            let from = |days: i32| self.windows(self.plan.as_of).into_iter().find(|w| w.days == days).map(|w| w.as_of);
            let horizons = model.outlook().windows().iter().map(|w| {
                let days = w.horizon_days();
                json!({ "horizon_days": days, "customers": w.customers(), "from": from(days) })
            });
            metrics["windows"] = horizons.collect();
        }
        Ok(Learned { model, metrics, reasons })
    }
}

/// Tables and the windows they are of.
type Past<'a> = (&'a [Table], &'a [Window]);

fn closed(tables: &[Table], windows: &[Window]) -> Result<Vec<ClosedWindow>, Refusal> {
    tables.iter().zip(windows).map(|(table, window)| closed_window(table, window)).collect()
}

fn closed_window(table: &Table, window: &Window) -> Result<ClosedWindow, Refusal> {
    ClosedWindow::from_table(table, window.days, Some(&table.f64s(column::LABEL_NEXT_ORDER_DAYS)?))
}

/// Promises that the test window broke.
fn refusals(gate: &Gate, judged: &OutlookTest) -> Vec<Words> {
    let mut reasons = Vec::new();
    let (min, max) = (gate.coverage_min, gate.coverage_max);
    for row in judged.coverage.iter().filter(|row| row.percent == 80) {
        let (what, what_zh) = match row.of {
            Promise::Spend => ("spend", "消费额"),
            Promise::NextOrder => ("next order", "下一单日期"),
            Promise::Orders => ("orders", "订单数"),
        };
        if is_outside(row.by_pit, judged.customers as usize, gate) {
            let (share, min, max) = (100.0 * row.by_pit, 100.0 * min, 100.0 * max);
            reasons.push(Words::of(
                format!("80% intervals of the {what} hold {share:.1}% of the customers, allowed are {min:.0}% to {max:.0}% (gate.coverage_min, gate.coverage_max)"),
                format!("{what_zh}的 80% 区间覆盖了 {share:.1}% 的客户，允许范围 {min:.0}% 至 {max:.0}%（gate.coverage_min, gate.coverage_max）"),
            ));
        }
    }
    if let Some(TrackedWeek { expected, actual, .. }) = judged.weeks.last().copied() {
        let is_far = expected > TOTAL_FACTOR_MAX * actual || actual > TOTAL_FACTOR_MAX * expected;
        if is_far && (expected - actual).abs() > CHANCE_DEVIATIONS * expected.max(actual).sqrt() {
            reasons.push(Words::of(
                format!("{expected:.0} orders were expected in the test window and {actual:.0} came, more than {TOTAL_FACTOR_MAX} times apart and further than chance"),
                format!("检验窗口内预期 {expected:.0} 笔订单，实际 {actual:.0} 笔，相差超过 {TOTAL_FACTOR_MAX} 倍且超出随机波动"),
            ));
        }
    }
    reasons
}

fn coverage_row(of: Promise, coverage: &Coverage) -> CoverageRow {
    let tenths = coverage.tenths.iter().map(|tenth| tenth.by_pit);
    let tenths = tenths.fold((1.0_f64, 0.0_f64), |(low, high), share| (low.min(share), high.max(share)));
    CoverageRow { of, percent: coverage.percent, by_pit: coverage.by_pit, tenths, plain: coverage.plain }
}

fn by_repeats(x: &[f64], expected: &[f64], actual: &[f64]) -> Vec<RepeatRow> {
    let row = |repeats: usize| {
        let is_in = |row: &usize| x[*row].is_finite() && (x[*row] as usize).min(REPEATS_MAX) == repeats;
        let rows: Vec<usize> = (0..x.len()).filter(is_in).collect();
        let mean = |values: &[f64]| rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len().max(1) as f64;
        RepeatRow {
            repeats: repeats as u64,
            or_more: repeats == REPEATS_MAX,
            customers: rows.len() as u64,
            expected: mean(expected),
            actual: mean(actual),
        }
    };
    (0..=REPEATS_MAX).map(row).filter(|row| row.customers > 0).collect()
}

/// Customers as old as the oldest tenth, by how often and how recently they ordered.
fn matrix(outlook: &Outlook, today: &Table) -> Result<OrdersMatrix> {
    let mut ages: Vec<f64> = today.f64s(column::T)?.into_iter().filter(|age| age.is_finite()).collect();
    ages.sort_by(f64::total_cmp);
    let age = ages.get(ages.len() * 9 / 10).copied().unwrap_or(0.0);
    let horizon = outlook.horizons_days().iter().position(|&days| days == 90).unwrap_or(0);
    let silent: Vec<f64> = (0..=RECENCY_STEPS).map(|step| (age * step as f64 / RECENCY_STEPS as f64).round()).collect();
    let cells: Vec<(f64, f64)> = (0..=REPEATS_MAX).flat_map(|x| silent.iter().map(move |&days| (x as f64, days))).collect();
    // Nobody has repeated as old as the first order; somebody who never did last ordered then.
    let is_there = |(x, days): &(f64, f64)| if *x == 0.0 { *days == age } else { age - days >= *x };
    let there: Vec<(f64, f64)> = cells.iter().copied().filter(is_there).collect();
    let x: Vec<f64> = there.iter().map(|cell| cell.0).collect();
    let t_x: Vec<f64> = there.iter().map(|cell| age - cell.1).collect();
    let (t, unknown) = (vec![age; x.len()], vec![f64::NAN; x.len()]);
    let customers = Customers::from_slices(Slices { x: &x, t_x: &t_x, t: &t, repeat_spend_cents_mean: &unknown })?;
    let answers = outlook.answer(&customers, Ask { spend_horizons_days: &[], bands: &BANDS, threads: 1 })?;
    let mut told = answers.orders_expected(horizon).into_iter();
    let rows = cells.chunks(silent.len()).map(|row| {
        row.iter().map(|cell| if is_there(cell) { told.next().filter(|orders| orders.is_finite()) } else { None }).collect()
    });
    Ok(OrdersMatrix {
        days_since_last_order: silent.iter().map(|&days| days as i32).collect(),
        horizon_days: outlook.horizons_days()[horizon],
        orders_expected: rows.collect(),
    })
}

/// The entry under which an outlook is filed.
pub fn entry() -> Option<&'static catalog::Entry> {
    catalog::MODELS.iter().find(|entry| entry.task == Task::Outlook)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expected: f64, actual: f64) -> OutlookTest {
        let weeks = vec![TrackedWeek { days: 60, expected, actual }];
        OutlookTest { from: Day(0), days: 60, customers: 100, coverage: vec![], weeks, money: None, by_repeats: vec![] }
    }

    #[test]
    fn a_total_far_beyond_chance_is_refused() {
        let told = |expected, actual| refusals(&Gate::default(), &judged(expected, actual)).len();
        assert_eq!((told(2_845.0, 3_800.0), told(5.0, 1.0), told(60.0, 15.0), told(15.0, 60.0)), (0, 0, 1, 1));
    }
}
