//! Why there is no outlook, in two languages.

use perennial_contract::estimator::FitError;
use perennial_contract::table::TableError;

use crate::words::Words;

/// What the data or the question lack.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Fewer than two customers with an order.
    #[error(
        "{0} customers with an order, at least 2 are needed: one customer's past says nothing about the spread over customers; wait for more history"
    )]
    TooFew(usize),
    /// Nobody has ordered again.
    #[error(
        "none of {0} customers has ordered again, at least 1 must: without a repeat there is no order rate to go by; wait for more history, \
         or check that orders of one person carry one customer id"
    )]
    NoRepeats(usize),
    #[error(
        "every customer's age is 0 days, so there is no time in which anybody could have ordered again; choose a later as-of day"
    )]
    NoTime,
    #[error("row {row}: {column} is {value}, allowed are {allowed}")]
    Row { row: usize, column: &'static str, value: f64, allowed: &'static str, allowed_zh: &'static str },
    #[error("{column} has {len} rows where x has {rows}; give one value a customer")]
    Length { column: &'static str, len: usize, rows: usize },
    #[error("horizon is {0} days, allowed are whole numbers from 1 to 3650")]
    Horizon(i32),
    #[error("{count} horizons, allowed are 1 to {max}")]
    Horizons { count: usize, max: usize },
    #[error("no answer for {days} days, the outlook was fitted for {}; add the horizon to its settings", listed(.known))]
    NotAsked { days: i32, known: Vec<i32> },
    #[error("interval of {0}%, allowed are whole numbers from 1 to 99")]
    Band(u32),
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Refusal {
    /// The sentence in both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        let zh = match self {
            Self::TooFew(customers) => {
                format!("有订单的客户仅 {customers} 位，至少需要 2 位：单个客户的历史无法说明客户之间的差异；请等待更多历史数据")
            }
            Self::NoRepeats(customers) => format!(
                "{customers} 位客户均未复购，至少需要 1 位：没有复购就没有下单频率可依；请等待更多历史数据，或检查同一人的订单是否使用同一客户编号"
            ),
            Self::NoTime => "所有客户的时长均为 0 天，没有可供复购的时间；请选择更晚的基准日".to_owned(),
            Self::Row { row, column, value, allowed_zh, .. } => {
                format!("第 {row} 行：{column} 为 {value}，允许的值为{allowed_zh}")
            }
            Self::Length { column, len, rows } => format!("{column} 有 {len} 行，而 x 有 {rows} 行；每位客户须有一个值"),
            Self::Horizon(days) => format!("预测期为 {days} 天，允许 1 至 3650 的整数"),
            Self::Horizons { count, max } => format!("共 {count} 个预测期，允许 1 至 {max} 个"),
            Self::NotAsked { days, known } => {
                format!("没有 {days} 天的答案，模型所含预测期为 {}；请在设置中加入该预测期", listed(known))
            }
            Self::Band(percent) => format!("区间为 {percent}%，允许 1 至 99 的整数"),
            Self::Table(error) => format!("无法读取数据表：{error}"),
        };
        Words::of(self.to_string(), zh)
    }
}

impl From<Refusal> for FitError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Table(error) => Self::Table(error),
            other => Self::Refused(other.to_string()),
        }
    }
}

fn listed(days: &[i32]) -> String {
    days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
