//! Where in their life with the shop is a customer?
//!
//! Assumes  the declared rules below; they are words for people, not a model, and nothing is learned.
//! Input    facts (orders, days since the first and last one, own mean gap, the last gap), the shop's usual gap and P(no order in the horizon).
//! Output   one [`Stage`]: that of the first rule that holds.
//! Cost     none.
//! Ref      the table in docs/models/outlook.md, which is this file in words.

use serde::{Deserialize, Serialize};

use crate::words::Words;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Prospect,
    New,
    Active,
    Loyal,
    WonBack,
    Cooling,
    AtRisk,
    Dormant,
    Churned,
}

impl Stage {
    pub const ALL: [Self; 9] = [
        Self::Prospect,
        Self::New,
        Self::Active,
        Self::Loyal,
        Self::WonBack,
        Self::Cooling,
        Self::AtRisk,
        Self::Dormant,
        Self::Churned,
    ];

    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Prospect => "prospect",
            Self::New => "new",
            Self::Active => "active",
            Self::Loyal => "loyal",
            Self::WonBack => "won_back",
            Self::Cooling => "cooling",
            Self::AtRisk => "at_risk",
            Self::Dormant => "dormant",
            Self::Churned => "churned",
        }
    }

    /// How good for the shop: from those who buy often to those who are gone.
    #[must_use]
    pub const fn rank(self) -> i32 {
        match self {
            Self::Loyal => 4,
            Self::Active | Self::WonBack => 3,
            Self::New => 2,
            Self::Prospect | Self::Cooling => 1,
            Self::AtRisk => 0,
            Self::Dormant => -1,
            Self::Churned => -2,
        }
    }

    #[must_use]
    pub fn name(self) -> Words {
        let (en, zh) = match self {
            Self::Prospect => ("Prospect", "潜在客户"),
            Self::New => ("New", "新客户"),
            Self::Active => ("Active", "活跃"),
            Self::Loyal => ("Loyal", "忠诚"),
            Self::WonBack => ("Won back", "已挽回"),
            Self::Cooling => ("Cooling", "降温"),
            Self::AtRisk => ("At risk", "有流失风险"),
            Self::Dormant => ("Dormant", "沉睡"),
            Self::Churned => ("Churned", "已流失"),
        };
        Words::of(en, zh)
    }

    /// The rule in words.
    #[must_use]
    pub fn meaning(self) -> Words {
        let (en, zh) = match self {
            Self::Prospect => ("has not ordered yet", "尚未下单"),
            Self::New => ("one order, and less than a usual gap ago", "仅一次下单，且未超过常见间隔"),
            Self::Active => ("orders at the usual pace", "按正常节奏下单"),
            Self::Loyal => ("orders at the usual pace, and often before", "按正常节奏下单，且历史订单多"),
            Self::WonBack => ("back after a gap that looked like the end", "在看似流失的长间隔后回归"),
            Self::Cooling => ("a little overdue, and an order is not certain", "略微超过应下单时间，且未必会下单"),
            Self::AtRisk => ("well overdue, and may not order", "明显超过应下单时间，可能不再下单"),
            Self::Dormant => ("silent for several gaps, and an order is unlikely", "已沉默数个间隔，再次下单可能性低"),
            Self::Churned => ("silent for many gaps, and an order is very unlikely", "已沉默许多个间隔，再次下单可能性极低"),
        };
        Words::of(en, zh)
    }
}

/// What is known of a customer.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Days with an order; 0 for a prospect.
    pub orders: f64,
    pub days_since_first_order: f64,
    pub days_since_last_order: f64,
    /// The customer's own; `None` without a repeat.
    pub gap_days_mean: Option<f64>,
    /// Between the last order and the one before; `None` without a repeat.
    pub gap_days_last: Option<f64>,
    /// P(no order in the horizon) by the outlook; `None` where there is none, and then silence alone decides.
    pub p_no_order: Option<f64>,
}

/// The declared thresholds. A gap counts from `gap_days_usual`: with few orders a customer's own mean says little, so the shop's usual gap
/// stands beside it like one more gap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRules {
    /// The shop's usual gap between orders, days.
    pub gap_days_usual: f64,
    /// From so many orders on a customer is loyal.
    pub loyal_orders: f64,
    /// Silence in gaps from which a customer is cooling, at risk, dormant, churned.
    pub silent_gaps: [f64; 4],
    /// P(no order) that each of them needs beside it: who will all but surely order is late, and no more.
    pub p_no_order: [f64; 4],
    /// A last gap of so many usual gaps was an absence.
    pub absent_gaps: f64,
}

impl StageRules {
    #[must_use]
    pub const fn usual(gap_days_usual: f64) -> Self {
        Self {
            gap_days_usual,
            loyal_orders: 5.0,
            silent_gaps: [1.25, 2.0, 3.0, 5.0],
            p_no_order: [0.1, 0.3, 0.8, 0.95],
            absent_gaps: 3.0,
        }
    }

    /// Whether the thresholds are numbers that rise; the reason where not.
    pub(super) fn check(&self) -> Result<(), String> {
        let numbers = [self.gap_days_usual, self.loyal_orders, self.absent_gaps].into_iter().chain(self.silent_gaps);
        let is_sound = numbers.chain(self.p_no_order).all(|number| number.is_finite() && number >= 0.0);
        if is_sound && self.silent_gaps.is_sorted() && self.p_no_order.is_sorted() {
            return Ok(());
        }
        Err("the thresholds of the stages must be finite, rising and at least 0".to_owned())
    }

    /// The first rule that holds, from the surest.
    #[must_use]
    pub fn stage(&self, facts: &Facts) -> Stage {
        if facts.orders.is_nan() || facts.orders < 1.0 {
            return Stage::Prospect;
        }
        let gap = self.gap_days(facts);
        let silent = facts.days_since_last_order / gap;
        let p_no_order = facts.p_no_order.unwrap_or(1.0);
        let late = [Stage::Cooling, Stage::AtRisk, Stage::Dormant, Stage::Churned];
        let rules = late.into_iter().zip(self.silent_gaps.into_iter().zip(self.p_no_order));
        if let Some((stage, _)) = rules.rev().find(|(_, (gaps, p))| silent >= *gaps && p_no_order >= *p) {
            return stage;
        }
        if facts.orders < 2.0 {
            return Stage::New;
        }
        // The absence itself is part of the customer's own mean, so it is measured against the shop's usual gap alone.
        if facts.gap_days_last.is_some_and(|last| last >= self.absent_gaps * self.gap_days_usual) {
            return Stage::WonBack;
        }
        if facts.orders >= self.loyal_orders { Stage::Loyal } else { Stage::Active }
    }

    /// The gap a customer is measured by, days: own gaps and one usual gap, averaged.
    fn gap_days(&self, facts: &Facts) -> f64 {
        let usual = self.gap_days_usual.max(1.0);
        match facts.gap_days_mean {
            Some(own) if own.is_finite() => {
                let gaps = (facts.orders - 1.0).max(1.0);
                ((gaps * own + usual) / (gaps + 1.0)).max(1.0)
            }
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: Facts = Facts {
        orders: 1.0,
        days_since_first_order: 10.0,
        days_since_last_order: 10.0,
        gap_days_mean: None,
        gap_days_last: None,
        p_no_order: Some(0.5),
    };
    const REGULAR: Facts = Facts {
        orders: 9.0,
        days_since_first_order: 250.0,
        days_since_last_order: 10.0,
        gap_days_mean: Some(30.0),
        gap_days_last: Some(30.0),
        p_no_order: Some(0.1),
    };

    #[test]
    fn every_stage_has_a_customer() {
        let rules = StageRules::usual(30.0);
        let silent = |days: f64, p| Facts { days_since_last_order: days, p_no_order: Some(p), ..REGULAR };
        let cases = [
            (Facts { orders: 0.0, ..ONCE }, Stage::Prospect),
            (ONCE, Stage::New),
            (Facts { orders: 3.0, ..REGULAR }, Stage::Active),
            (REGULAR, Stage::Loyal),
            (Facts { gap_days_last: Some(120.0), ..REGULAR }, Stage::WonBack),
            (silent(45.0, 0.3), Stage::Cooling),
            (silent(70.0, 0.6), Stage::AtRisk),
            (silent(100.0, 0.85), Stage::Dormant),
            (silent(300.0, 0.97), Stage::Churned),
            // A long silence of somebody likely to order is a risk, not an end; of somebody sure to order it is neither.
            (silent(300.0, 0.5), Stage::AtRisk),
            (silent(70.0, 0.2), Stage::Cooling),
            (silent(70.0, 0.05), Stage::Loyal),
            (Facts { days_since_last_order: 300.0, p_no_order: None, ..ONCE }, Stage::Churned),
        ];
        for (facts, stage) in cases {
            assert_eq!(rules.stage(&facts), stage, "{facts:?}");
        }
        let reached: std::collections::BTreeSet<_> = cases.iter().map(|case| case.1).collect();
        assert_eq!(reached.len(), Stage::ALL.len());
    }

    #[test]
    fn names_and_keys_are_distinct_in_both_languages() {
        let count = |name: fn(Stage) -> String| Stage::ALL.map(name).into_iter().collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(
            [count(|s| s.key().to_owned()), count(|s| s.name().en), count(|s| s.name().zh), count(|s| s.meaning().zh)],
            [9; 4]
        );
        assert_eq!(serde_json::to_string(&Stage::WonBack).unwrap(), "\"won_back\"");
    }
}
