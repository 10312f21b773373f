//! What a training run looks at: horizon, look-back and cut-offs, chosen from the shop's own past and said in words.

use anyhow::{Result, bail};
use perennial_contract::Day;
use perennial_contract::engine::Snapshot;
use perennial_contract::estimator::Task;
use perennial_learn::split::{self, Density, Span};
use perennial_learn::words::Words;
use serde::{Deserialize, Serialize};

use super::history::History;
use super::leaving::{self, Leaving};
use crate::cmd::UsageError;
use crate::registry::Row;
use crate::shop::Shop;

/// The windows of one training run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub as_of: Day,
    pub horizon_days: i32,
    pub horizon_reason: Words,
    pub look_back_days: i32,
    pub look_back_reason: Words,
    pub leaving: Leaving,
    /// As-of days to learn from, the last one also calibrates; ascending. Empty when the past is too short.
    pub train: Vec<Day>,
    pub test: Option<Day>,
    /// As-of days the served model is fitted on again, one window later than `train`.
    pub serve: Vec<Day>,
    /// Why nothing can be learned about the future, if so.
    pub refusal: Option<Words>,
}

/// What the metrics of a filed model call its windows.
pub const FACT: &str = "plan";

/// The windows a model has learned from and was judged on, as the registry keeps them with it. Nothing is learned from, and nothing judged
/// on, where the plan was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    pub horizon_days: i32,
    pub horizon_reason: Words,
    pub look_back_days: i32,
    pub look_back_reason: Words,
    /// Learned from before it was judged.
    pub train: Vec<Day>,
    pub test: Option<Day>,
    /// Learned from by the model that answers.
    pub serve: Vec<Day>,
}

impl Windows {
    pub fn of_row(row: &Row) -> Self {
        let unknown = || Words::of("as the model that answers was trained", "与作答模型训练时相同");
        serde_json::from_value(row.metrics[FACT].clone()).unwrap_or_else(|_| Self {
            horizon_days: row.horizon_days,
            horizon_reason: unknown(),
            look_back_days: row.look_back_days,
            look_back_reason: unknown(),
            train: Vec::new(),
            test: None,
            serve: Vec::new(),
        })
    }
}

impl Plan {
    /// What of the plan is kept with a model.
    pub fn windows(&self) -> Windows {
        let learns = self.refusal.is_none();
        let cuts = |days: &[Day]| if learns { days.to_vec() } else { Vec::new() };
        Windows {
            horizon_days: self.horizon_days,
            horizon_reason: self.horizon_reason.clone(),
            look_back_days: self.look_back_days,
            look_back_reason: self.look_back_reason.clone(),
            train: cuts(&self.train),
            test: self.test.filter(|_| learns),
            serve: cuts(&self.serve),
        }
    }

    /// The plan with the windows of a model: those it was trained by, whatever would be chosen as of this plan's day.
    pub fn trained_by(self, row: &Row) -> Self {
        let Windows { horizon_days, horizon_reason, look_back_days, look_back_reason, train, test, serve } = Windows::of_row(row);
        let leaving = match row.metrics.get(leaving::FACT) {
            Some(_) => Leaving::of_row(row),
            None => Leaving { horizon_days, look_back_days, ..self.leaving },
        };
        Self { horizon_days, horizon_reason, look_back_days, look_back_reason, leaving, train, test, serve, ..self }
    }

    pub fn make(shop: &Shop, history: &History, as_of: Day) -> Self {
        let settings = &shop.settings.learn;
        let first = history.overview.first_day.unwrap_or(as_of);
        let span_days = as_of - first;
        let gaps: Vec<i32> = history.gaps.iter().flat_map(|(&gap, &count)| std::iter::repeat_n(gap, count as usize)).collect();
        let chosen = split::defaults(&gaps, span_days);
        let by_setting = |name: &str| Words::of(format!("set by {name}"), format!("由设置 {name} 指定"));
        let (horizon_days, horizon_reason) = match settings.horizon_days {
            0 => (chosen.horizon_days, chosen.reason.clone()),
            days => (days as i32, by_setting("learn.horizon_days")),
        };
        let (look_back_days, look_back_reason) = match settings.look_back_days {
            0 if chosen.lookback_days < horizon_days => {
                (horizon_days, Words::of("no shorter than the horizon".to_owned(), "不短于预测期".to_owned()))
            }
            0 => (chosen.lookback_days, chosen.reason),
            days => (days.min(36_500) as i32, by_setting("learn.look_back_days")),
        };
        let span = Span { first, as_of, horizon_days };
        let density = Density { cuts_max: settings.cuts_max.max(1) as usize, ..Density::for_horizon(horizon_days) };
        let planned = split::plan(span, density, 1);
        let (fold, serve) = match &planned {
            Ok(plan) => (plan.folds.first().cloned(), plan.serve.clone()),
            Err(_) => (None, Vec::new()),
        };
        let refusal = too_few_repeats(history, u64::from(shop.settings.gate.repeat_customers_min))
            .or_else(|| planned.err().map(|error| Words::of(error.to_string(), too_short_zh(&error))));
        let known_by = fold.as_ref().map_or(as_of, |fold| fold.test);
        let leaving = Leaving::of_settings(settings, (horizon_days, look_back_days), history, known_by);
        Self {
            as_of,
            horizon_days,
            horizon_reason,
            look_back_days,
            look_back_reason,
            leaving,
            train: fold.as_ref().map(|fold| fold.train.clone()).unwrap_or_default(),
            test: fold.map(|fold| fold.test),
            serve,
            refusal,
        }
    }

    /// The plan in words.
    #[must_use]
    pub fn text(&self, is_zh: bool) -> String {
        let days = |cuts: &[Day]| cuts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let pick = |words: &Words| if is_zh { words.zh.clone() } else { words.en.clone() };
        let test = self.test.map_or_else(|| "–".to_owned(), |day| day.to_string());
        let (horizon, back) = (self.horizon_days, self.look_back_days);
        if is_zh {
            format!(
                "截至 {}；预测期 {horizon} 天，回看期 {back} 天（{}）\n流失：{}\n训练截点：{}；检验截点：{test}",
                self.as_of,
                pick(&self.horizon_reason),
                pick(&self.leaving.words()),
                days(&self.train)
            )
        } else {
            format!(
                "as of {}; horizon {horizon} days, look-back {back} days ({})\nleft: {}\nlearned from cut-offs {}; judged on {test}",
                self.as_of,
                pick(&self.horizon_reason),
                pick(&self.leaving.words()),
                days(&self.train)
            )
        }
    }
}

fn too_few_repeats(history: &History, needed: u64) -> Option<Words> {
    let repeat = history.overview.customers_repeat;
    let (again, all) = (history.customers_ordered_again, history.customers_ordered);
    (repeat < needed).then(|| {
        Words::of(
            format!("too few customers came back to learn who will: {again} of {all} bought twice, {repeat} of them on different days, and at least {needed} such customers are needed (gate.repeat_customers_min)"),
            format!("回头客太少，无法学习谁会回来：{all} 位客户中 {again} 位购买过至少两次，其中 {repeat} 位在不同日期；这样的客户至少需要 {needed} 位（gate.repeat_customers_min）"),
        )
    })
}

fn too_short_zh(error: &split::TooShort) -> String {
    format!(
        "数据只有 {} 天，预测期 {} 天至少需要 {} 天（历史、训练窗口、检验窗口）；请导入更多数据或缩短 learn.horizon_days",
        error.days, error.horizon_days, error.needed
    )
}

/// How long after the last sale a question may be asked.
const DAYS_BEYOND_DATA_MAX: i32 = 366;

/// The day a question is asked about: the one given, else the day after the last sale.
pub fn as_of_or_default(shop: &Shop, at: &Snapshot, as_of: Option<Day>) -> Result<Day> {
    let Some((first, last)) = shop.sale_days(at)? else {
        bail!("the shop has no orders yet; import some with `perennial import --shop {} PATH…`", shop.dir.display())
    };
    let next = last.plus(1);
    let day = as_of.unwrap_or(next);
    // Before the first order nothing is known; long after the last one everybody would seem to have left.
    if day <= first || day > next.plus(DAYS_BEYOND_DATA_MAX) {
        let latest = next.plus(DAYS_BEYOND_DATA_MAX);
        return Err(UsageError(format!(
            "as-of day {day} is outside the data: orders go from {first} to {last}; give a day from {} to {latest}, {next} for everything there is",
            first.plus(1)
        ))
        .into());
    }
    Ok(day)
}

/// Tasks that look ahead; the others describe today.
#[must_use]
pub fn looks_ahead(task: Task) -> bool {
    matches!(task, Task::Churn | Task::Value)
}
