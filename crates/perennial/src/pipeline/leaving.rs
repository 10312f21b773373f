//! Who can leave and what leaving means: the shop's rule, the same for learning, judging, scoring and one customer.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Float64Array, Int64Array};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Table};
use perennial_learn::words::Words;
use serde::{Deserialize, Serialize};

use super::history::History;
use crate::config::Learn;
use crate::registry::Row;

/// The rule as the registry keeps it with every model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaving {
    /// Nobody is asked about for longer.
    pub horizon_days: i32,
    /// A customer is active, and can leave, who ordered in so many days before.
    pub look_back_days: i32,
    pub definition: Definition,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Definition {
    /// No order in the horizon.
    Window,
    /// No order in so many of the customer's own gaps between orders, the horizon at most.
    Personal {
        gaps: u32,
        /// Counts as one gap of everybody's, so that one order, or two, do not make a rhythm.
        typical_gap_days: f64,
    },
    /// No order in the horizon, by models of when the next one comes.
    Survival,
}

/// What the metrics of a filed model call the rule.
pub const FACT: &str = "leaving";
/// A window shorter than this would be over before anybody could act.
const WINDOW_DAYS_MIN: f64 = 7.0;
/// Of a shop in which nobody has returned yet.
const TYPICAL_GAP_DAYS: f64 = 91.0;

impl Leaving {
    /// The rule of the settings; what is typical of the shop is known by `before`.
    pub fn of_settings(learn: &Learn, (horizon_days, look_back_days): (i32, i32), history: &History, before: Day) -> Self {
        let definition = match learn.churn_definition.as_str() {
            "personal" => Definition::Personal {
                gaps: learn.churn_gaps,
                typical_gap_days: history.typical_gap(before).map_or(TYPICAL_GAP_DAYS, f64::from),
            },
            "survival" => Definition::Survival,
            _ => Definition::Window,
        };
        Self { horizon_days, look_back_days, definition }
    }

    /// The rule that a filed model has learned by.
    pub fn of_row(row: &Row) -> Self {
        let definition = serde_json::from_value(row.metrics[FACT].clone()).unwrap_or(Definition::Window);
        Self { horizon_days: row.horizon_days, look_back_days: row.look_back_days, definition }
    }

    /// The customers the question is asked about.
    pub fn eligible(&self, features: &Table) -> Result<Vec<bool>> {
        let since = features.f64s(column::DAYS_SINCE_LAST_ORDER)?;
        let patience = self.patience(features)?;
        Ok((0..since.len())
            .map(|row| {
                since[row] <= f64::from(self.look_back_days) && patience.as_ref().is_none_or(|days| since[row] < days[row])
            })
            .collect())
    }

    /// Whether a customer is among them: purchase days, ascending, before the day `on`.
    pub fn is_eligible(&self, days: &[i32], on: i32) -> bool {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return false };
        let repeats = days.len() as f64 - 1.0;
        let patience = self.definition.patience(repeats, f64::from(last - first)).unwrap_or(f64::INFINITY);
        on - last <= self.look_back_days && f64::from(on - last) < patience
    }

    /// In how many days from the as-of day on an order keeps a customer.
    pub fn window_days(&self, features: &Table) -> Result<Int64Array> {
        let days = self.windows(features)?;
        Ok((0..features.rows())
            .map(|row| days.as_ref().map_or(i64::from(self.horizon_days), |days| days[row] as i64))
            .collect::<Vec<_>>()
            .into())
    }

    /// Features with what the rule adds to them.
    pub fn seen_by_models(&self, features: &Table) -> Result<Table> {
        match self.windows(features)? {
            Some(days) => Ok(features.with(column::CHURN_WINDOW_DAYS, Arc::new(Float64Array::from(days)))?),
            None => Ok(features.clone()),
        }
    }

    /// Labelled rows as the rule sees them.
    pub fn labelled(&self, rows: &Table) -> Result<Table> {
        let Some(windows) = self.windows(rows)? else { return Ok(rows.clone()) };
        let next = rows.f64s(column::LABEL_NEXT_ORDER_DAYS)?;
        let left = |(next, window): (f64, &f64)| i64::from(next.is_nan() || next >= *window);
        let labels: Int64Array = next.into_iter().zip(&windows).map(left).collect();
        Ok(self.seen_by_models(rows)?.with(column::LABEL_CHURN, Arc::new(labels))?)
    }

    /// In how many days from the as-of day on an order keeps a customer; `None` where that is the horizon for everybody.
    fn windows(&self, features: &Table) -> Result<Option<Vec<f64>>> {
        let most = f64::from(self.horizon_days);
        let days = self.patience(features)?;
        Ok(days.map(|days| days.into_iter().map(|days| days.round().clamp(WINDOW_DAYS_MIN.min(most), most)).collect()))
    }

    /// Silence in days after which a customer has left by their own rhythm.
    fn patience(&self, features: &Table) -> Result<Option<Vec<f64>>> {
        if !matches!(self.definition, Definition::Personal { .. }) {
            return Ok(None);
        }
        let (x, t_x) = (features.f64s(column::X)?, features.f64s(column::T_X)?);
        Ok(x.into_iter().zip(t_x).map(|(x, t_x)| self.definition.patience(x, t_x)).collect())
    }

    pub fn words(&self) -> Words {
        let Self { horizon_days: horizon, look_back_days: back, definition } = self;
        match definition {
            Definition::Window => Words::of(
                format!("no order in the next {horizon} days, asked of customers with an order in the {back} days before"),
                format!("未来 {horizon} 天内无订单；仅针对此前 {back} 天内下过单的客户"),
            ),
            Definition::Personal { gaps, typical_gap_days } => Words::of(
                format!(
                    "no order in {gaps} of the customer's own gaps, {horizon} days at most, asked of customers with an order in the {back} days before who are not silent for longer than that already; the shop's typical gap of {typical_gap_days:.0} days counts as one of everybody's"
                ),
                format!(
                    "在客户自身购买间隔的 {gaps} 倍时间内（最长 {horizon} 天）无订单；仅针对此前 {back} 天内下过单且沉默未超过该时长的客户；店铺典型间隔 {typical_gap_days:.0} 天计作每位客户的一次间隔"
                ),
            ),
            Definition::Survival => Words::of(
                format!(
                    "no order in the next {horizon} days, by when the next order comes, asked of customers with an order in the {back} days before"
                ),
                format!("按下一单到来的时间推算，未来 {horizon} 天内无订单；仅针对此前 {back} 天内下过单的客户"),
            ),
        }
    }

    /// In which time an order keeps a customer, to end a sentence with.
    pub fn within(&self) -> Words {
        let horizon = self.horizon_days;
        match self.definition {
            Definition::Personal { gaps, .. } => Words::of(
                format!("in the next {gaps} of their own gaps between orders ({horizon} days at most)"),
                format!("在自身购买间隔的 {gaps} 倍时间内（最长 {horizon} 天）"),
            ),
            _ => Words::of(format!("in the next {horizon} days"), format!("在未来 {horizon} 天内")),
        }
    }

    /// Why a customer is not asked about.
    pub fn not_eligible(&self, silent_days: i64) -> Words {
        let back = self.look_back_days;
        match self.definition {
            Definition::Personal { gaps, .. } if silent_days <= i64::from(back) => Words::of(
                format!(
                    "silent for {silent_days} days, longer than {gaps} of their own gaps between orders: by that rule they have left already, so read this as no forecast"
                ),
                format!("已 {silent_days} 天未购买，超过自身购买间隔的 {gaps} 倍：按该规则已流失，该数值不作预测之用"),
            ),
            _ => Words::of(
                format!(
                    "silent for {silent_days} days, longer than the look-back of {back}: the models have not learned about such customers, so read neither this nor their spend in the horizon as a forecast"
                ),
                format!(
                    "已 {silent_days} 天未购买，超过 {back} 天的回看期：模型未学习过这类客户，该数值与预测期消费均不作预测之用"
                ),
            ),
        }
    }
}

impl Definition {
    /// Silence in days after which a customer with so many repeats in so many days has left by their own rhythm.
    fn patience(&self, repeats: f64, t_x: f64) -> Option<f64> {
        let Self::Personal { gaps, typical_gap_days } = self else { return None };
        let own = if repeats >= 0.0 && t_x >= 0.0 { (t_x + typical_gap_days) / (repeats + 1.0) } else { *typical_gap_days };
        Some(f64::from(*gaps) * own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x, t_x, days since the last order, days to the next.
    type History = (f64, f64, f64, Option<f64>);

    fn table(rows: &[History]) -> Table {
        let column = |value: fn(&History) -> Option<f64>| -> arrow::array::ArrayRef {
            Arc::new(rows.iter().map(value).collect::<Float64Array>())
        };
        Table::from_columns(vec![
            (column::X, column(|row| Some(row.0))),
            (column::T_X, column(|row| Some(row.1))),
            (column::DAYS_SINCE_LAST_ORDER, column(|row| Some(row.2))),
            (column::LABEL_NEXT_ORDER_DAYS, column(|row| row.3)),
            (column::LABEL_CHURN, column(|row| Some(f64::from(u8::from(row.3.is_none()))))),
        ])
        .unwrap()
    }

    const RULE: Leaving =
        Leaving { horizon_days: 60, look_back_days: 100, definition: Definition::Personal { gaps: 2, typical_gap_days: 20.0 } };

    #[test]
    fn a_personal_window_is_so_many_own_gaps_within_the_horizon() {
        // Own gaps: 20 (one order), (40 + 20) / 5 = 12, (380 + 20) / 4 = 100, (1 + 20) / 21 = 1.
        let rows = table(&[
            (0.0, 0.0, 39.0, Some(39.0)),
            (4.0, 40.0, 24.0, Some(24.0)),
            (3.0, 380.0, 90.0, None),
            (20.0, 1.0, 1.0, Some(7.0)),
        ]);
        let seen = RULE.labelled(&rows).unwrap();
        assert_eq!(seen.f64s(column::CHURN_WINDOW_DAYS).unwrap(), [40.0, 24.0, 60.0, 7.0]);
        // A next order on day n is the n-th day after the first of the window, which is day 0.
        assert_eq!(seen.f64s(column::LABEL_CHURN).unwrap(), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(RULE.eligible(&rows).unwrap(), [true, false, true, true]);
        // From purchase days the rule says the same.
        assert!(RULE.is_eligible(&[0], 39) && !RULE.is_eligible(&[0], 40));
        assert!(!RULE.is_eligible(&[0, 10, 20, 30, 40], 64) && RULE.is_eligible(&[0, 10, 20, 30, 40], 63));
        assert!(!RULE.is_eligible(&[0, 100, 200, 380], 481) && !RULE.is_eligible(&[], 1));
    }

    #[test]
    fn without_a_personal_window_nothing_is_added() {
        let rule = Leaving { definition: Definition::Window, ..RULE };
        let rows = table(&[(0.0, 0.0, 100.0, None), (0.0, 0.0, 101.0, Some(3.0))]);
        assert_eq!(rule.labelled(&rows).unwrap().batch(), rows.batch());
        assert_eq!(rule.eligible(&rows).unwrap(), [true, false]);
    }
}
