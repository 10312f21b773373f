//! The quality section: the verdict in the report's words.

use perennial_lake::quality::{Severity as Rule, TableProfile, Verdict};

use crate::pipeline::quality::QualityGate;
use crate::pipeline::score::Scored;
use crate::report::{Balance, ColumnFacts, Phrase, PolicyEffect, Quality, RejectGroup, RuleResult, Severity, TableFacts};
use crate::shop::Shop;

pub fn section(gate: &QualityGate, shop: &Shop, scored: &Scored) -> Quality {
    let verdict = &gate.verdict;
    let mut rules: Vec<RuleResult> = verdict
        .rules
        .iter()
        .map(|answer| RuleResult {
            name: answer.name.clone(),
            table: answer.table.clone(),
            severity: if answer.severity == Rule::Error { Severity::Error } else { Severity::Warning },
            passed: answer.passed,
            count: answer.count,
            of: answer.of,
            finding: Phrase::both(answer.finding.clone(), answer.finding_zh.clone()),
        })
        .collect();
    for trap in &verdict.traps {
        rules.push(RuleResult {
            name: trap.format.clone(),
            table: String::new(),
            severity: Severity::Info,
            passed: true,
            count: trap.rows,
            of: trap.of,
            finding: Phrase::both(format!("{} {}", trap.rows, trap.what), format!("{} {}", trap.rows, trap.what_zh)),
        });
    }
    rules.sort_by_key(|rule| (rule.passed, rule.severity));
    Quality {
        open: verdict.is_open(),
        overridden: gate.override_why.clone(),
        rules,
        rejects: verdict
            .rejects
            .iter()
            .map(|group| RejectGroup {
                table: group.table.clone(),
                reason: Phrase::from(group.reason.as_str()),
                rows: group.rows,
            })
            .collect(),
        reconciliation: verdict.reconciliation.as_ref().map(|balance| Balance {
            stated: balance.stated.clone(),
            rejected: balance.rejected.clone(),
            rounding: balance.rounding.clone(),
            loaded: balance.loaded.clone(),
            balanced: balance.balanced,
        }),
        policies: policies(shop, verdict, scored),
        tables: verdict.tables.iter().map(|(name, profile)| table(name, profile)).collect(),
    }
}

/// Cleaning that the settings ask for, with what it changed.
fn policies(shop: &Shop, verdict: &Verdict, scored: &Scored) -> Vec<PolicyEffect> {
    let cleaning = &shop.settings.cleaning;
    let effect = |table: &str, policy: Phrase, (rows_changed, rows_dropped): (u64, u64)| PolicyEffect {
        table: table.to_owned(),
        policy,
        rows_changed,
        rows_dropped,
    };
    let mut effects = Vec::new();
    if cleaning.duplicate_lines == "drop" {
        let policy = Phrase::both("drop lines that repeat another line of their order", "删除与同一订单另一条完全相同的明细");
        effects.push(effect("order_items", policy, (0, verdict.cleaning.lines_dropped)));
    }
    if cleaning.line_cents_max > 0 {
        let policy = Phrase::both("cap the amount of a line (winsorise)", "对明细金额封顶（缩尾）");
        effects.push(effect("order_items", policy, (verdict.cleaning.lines_capped, 0)));
    }
    if !cleaning.drop_customers.is_empty() {
        let policy = Phrase::both("leave customers out of training and scores", "训练与打分时剔除客户");
        effects.push(effect("customers", policy, (0, scored.customers_dropped)));
    }
    if cleaning.fill == "zero" {
        let policy = Phrase::both("take features without a value as zero (cells)", "无值的特征按零处理（单元格数）");
        effects.push(effect("features", policy, (scored.cells_filled, 0)));
    }
    effects
}

fn table(name: &str, profile: &TableProfile) -> TableFacts {
    TableFacts {
        name: name.to_owned(),
        rows: profile.rows,
        rejected: profile.rejected,
        duplicates: profile.duplicates,
        outliers: profile.outliers,
        first_day: profile.first_day,
        last_day: profile.last_day,
        days_without_rows: profile.days_without_rows,
        columns: profile
            .columns
            .iter()
            .map(|column| ColumnFacts {
                name: column.name.clone(),
                nulls: column.nulls,
                distinct: Some(column.distinct),
                distinct_approximate: !column.distinct_is_exact,
                min: column.min.clone(),
                median: column.quantiles.map(|q| q[2].to_string()),
                max: column.max.clone(),
                histogram: column.histogram.clone(),
            })
            .collect(),
    }
}
