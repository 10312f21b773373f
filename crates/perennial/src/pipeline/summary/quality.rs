//! The quality section: the verdict in the report's words.

use perennial_lake::quality::{Severity as Rule, TableProfile};

use crate::pipeline::quality::QualityGate;
use crate::report::{Balance, ColumnFacts, Phrase, PolicyEffect, Quality, RejectGroup, RuleResult, Severity, TableFacts};
use crate::shop::Shop;

pub fn section(gate: &QualityGate, shop: &Shop) -> Quality {
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
            of: trap.rows,
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
        policies: policies(shop),
        tables: verdict.tables.iter().map(|(name, profile)| table(name, profile)).collect(),
    }
}

/// Cleaning that the settings ask for.
fn policies(shop: &Shop) -> Vec<PolicyEffect> {
    let dropped = shop.settings.cleaning.drop_customers.len() as u64;
    let mut effects = Vec::new();
    if dropped > 0 {
        effects.push(PolicyEffect {
            table: "customers".to_owned(),
            policy: Phrase::both("leave customers out of training and scores", "训练与打分时剔除客户"),
            rows_changed: 0,
            rows_dropped: dropped,
        });
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
