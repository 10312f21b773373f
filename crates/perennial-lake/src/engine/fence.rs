//! What a query over its as-of day cannot do: see rows of that day or later, or depend on when it runs.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, ScalarValue, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility, when};
use datafusion::prelude::{DataFrame, col, lit};
use perennial_contract::entity::Kind;
use perennial_contract::{Day, Entity};

/// The as-of day and the instant at which it begins in the shop's zone.
pub(super) struct Fence {
    pub day: Day,
    pub start_us: i64,
}

impl Fence {
    /// A table as it was known when the day began.
    pub(super) fn before(&self, entity: Entity, rows: DataFrame) -> Result<DataFrame, DataFusionError> {
        let start = || lit(ScalarValue::TimestampMicrosecond(Some(self.start_us), Some("UTC".into())));
        let known = match entity.known_from() {
            None => rows,
            Some(from) => {
                let edge = if from.kind == Kind::Date { lit(ScalarValue::Date32(Some(self.day.0))) } else { start() };
                let before = col(from.name).lt(edge);
                rows.filter(if from.nullable { col(from.name).is_null().or(before) } else { before })?
            }
        };
        // Without where a row came from: two imports of the same facts must give the same features.
        let columns = entity.columns().iter().map(|column| match entity.learned_at(column.name) {
            None => Ok(col(column.name)),
            Some(at) => Ok(when(col(at).lt(start()), col(column.name)).end()?.alias(column.name)),
        });
        known.select(columns.collect::<Result<Vec<Expr>, DataFusionError>>()?)
    }
}

/// Refuse functions such as `random()` and `now()`.
pub(super) fn same_any_time(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    let of_expression = |expression: &Expr| {
        if let Expr::ScalarFunction(call) = expression
            && call.func.signature().volatility != Volatility::Immutable
        {
            return plan_err!(
                "{}() gives another answer each time it runs, and a feature must not; use $as_of for the day",
                call.func.name()
            );
        }
        Ok(TreeNodeRecursion::Continue)
    };
    plan.apply_with_subqueries(|node| node.apply_expressions(|expression| expression.apply(of_expression))).map(|_| ())
}
