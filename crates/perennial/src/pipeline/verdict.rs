//! The quality gate's verdict for a terminal, in either language.

use perennial_contract::money::{Decimal, amount_text, minor_digits};
use perennial_lake::quality::{Balance, CleaningEffect, Severity, Verdict};

use super::quality::FeatureCleaning;
use crate::cmd::Language;

pub fn text(verdict: &Verdict, cleaned: &FeatureCleaning, language: Language) -> String {
    let say = |en: &'static str, zh: &'static str| language.of(en, zh);
    let mut text = String::new();
    if let Some(balance) = &verdict.reconciliation {
        text.push_str(&money(verdict, balance, language));
    }
    text.push_str(say("\ntables\n", "\n数据表\n"));
    let (rows, rejected, repeated) = (say("rows", "行"), say("rejected", "拒收"), say("repeated", "重复"));
    for (name, table) in &verdict.tables {
        let days = table.first_day.zip(table.last_day).map_or(String::new(), |(first, last)| format!("  {first} … {last}"));
        text.push_str(&format!(
            "  {name:<12} {:>10} {rows} {:>8} {rejected} {:>8} {repeated}{days}\n",
            table.rows, table.rejected, table.duplicates
        ));
    }
    text.push_str(&cleaning(&verdict.cleaning, cleaned, language));
    text.push_str(say("\nrules\n", "\n规则\n"));
    for answer in &verdict.rules {
        let mark = match (answer.passed, answer.severity) {
            (true, _) => say("ok     ", "通过"),
            (false, Severity::Error) => say("BROKEN ", "违反"),
            (false, _) => say("warning", "警告"),
        };
        let finding = match language {
            Language::En => &answer.finding,
            Language::Zh => &answer.finding_zh,
        };
        text.push_str(&format!("  {mark} {:<20} {:<12} {finding}\n", answer.name, answer.table));
    }
    for trap in &verdict.traps {
        let (known, what) = match language {
            Language::En => ("known  ", &trap.what),
            Language::Zh => ("已知", &trap.what_zh),
        };
        text.push_str(&format!("  {known} {:<20} {:<12} {} {what}\n", trap.format, "", trap.rows));
    }
    if !verdict.suggested.is_empty() {
        text.push_str(say("\nrules your data suggest (put them into quality.own)\n", "\n数据建议的规则（可写入 quality.own）\n"));
        verdict.suggested.iter().for_each(|rule| text.push_str(&format!("  {rule}\n")));
    }
    text
}

/// Net revenue from the files to the lake.
fn money(verdict: &Verdict, balance: &Balance, language: Language) -> String {
    let Balance { stated, loaded, rejected, rounding, known, balanced } = balance;
    let currency = &verdict.currency;
    let digits = minor_digits(currency);
    let [stated, loaded, rejected, rounding, known] =
        [stated, loaded, rejected, rounding, known].map(|text| amount_text(text, digits));
    // What is there comes first; where files overlap, what they state together is more.
    let held = Decimal { units: i128::from(verdict.net_revenue_cents), scale: digits };
    let mut text = match language {
        Language::En => format!(
            "net revenue: the lake holds {held} {currency}; files state {stated}, loaded {loaded}, rejected {rejected}, rounding {rounding}: {}\n",
            if *balanced { "balanced" } else { "NOT BALANCED" }
        ),
        Language::Zh => format!(
            "净收入：数据湖现有 {held} {currency}；文件合计 {stated}，载入 {loaded}，拒收 {rejected}，舍入 {rounding}：{}\n",
            if *balanced { "相符" } else { "不符" }
        ),
    };
    if known.bytes().any(|digit| matches!(digit, b'1'..=b'9')) {
        text.push_str(&match language {
            Language::En => format!("of what was loaded {known} came again or was replaced since\n"),
            Language::Zh => format!("载入的金额中 {known} 为重复导入或之后被替换\n"),
        });
    }
    text
}

/// What the policies change for whoever learns and scores.
fn cleaning(lines: &CleaningEffect, cleaned: &FeatureCleaning, language: Language) -> String {
    let counts = [
        (lines.lines_dropped, "repeated lines dropped", "条重复明细被删除"),
        (lines.lines_capped, "lines capped", "条明细被封顶"),
        (cleaned.customers_dropped, "customers left out", "位客户被剔除"),
        (cleaned.cells_filled, "cells of features filled with zero", "个特征单元格按零填补"),
    ];
    let counts = counts.iter().filter(|(count, ..)| *count > 0);
    let phrases: Vec<String> = counts.map(|(count, en, zh)| format!("{count} {}", language.of(en, zh))).collect();
    match phrases.is_empty() {
        true => String::new(),
        false => format!(
            "\n{}{}\n",
            language.of("cleaning, for learning and scores only: ", "清洗（仅用于学习与打分）："),
            phrases.join(language.of(", ", "，"))
        ),
    }
}
