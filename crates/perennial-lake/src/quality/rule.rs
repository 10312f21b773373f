//! The rules of the gate: what was asked, what was found, in both languages.

use perennial_contract::Entity;
use perennial_contract::engine::{Engine, EngineError, Snapshot, Who};
use serde::Serialize;

use super::profile::TableProfile;
use super::relation::Relations;
use super::{QualityError, QualitySettings, Severity, Tables};
use crate::lake::{ImportRecord, Lake};

/// One rule and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub name: String,
    pub table: String,
    pub severity: Severity,
    pub passed: bool,
    /// Rows (or days, or cents) that break it, of how many.
    pub count: u64,
    pub of: u64,
    pub finding: String,
    pub finding_zh: String,
}

impl Answer {
    /// The table in brackets; nothing for a rule that names none.
    pub(super) fn of_table(&self, open: &str, close: &str) -> String {
        if self.table.is_empty() { String::new() } else { format!("{open}{}{close}", self.table) }
    }
}

/// What a rule counted.
struct Count<'a> {
    table: Entity,
    count: u64,
    of: u64,
    passed: bool,
    words: (&'a str, &'a str),
}

pub struct Asked<'a> {
    pub settings: &'a QualitySettings,
    pub tables: &'a Tables,
    pub relations: &'a Relations,
    pub imports: &'a [ImportRecord],
}

impl Asked<'_> {
    /// Every built-in rule that is not off.
    #[must_use]
    pub fn answers(&self) -> Vec<Answer> {
        let s = self.settings;
        let mut answers = Vec::new();
        let rules: [(&str, Severity, Vec<Count<'_>>); 9] = [
            ("rejects", s.rejects, self.rejects()),
            ("duplicate_lines", s.duplicate_lines, self.duplicate_lines()),
            ("duplicate_customers", s.duplicate_customers, self.duplicate_customers()),
            ("guests", s.guests, self.guests()),
            ("silent_days", s.silent_days, self.silent_days()),
            ("references", s.references, self.references()),
            ("outliers", s.outliers, self.outliers()),
            ("partial_month", s.partial_month, self.partial_month()),
            ("future", s.future, self.future()),
        ];
        for (name, severity, counts) in rules {
            if severity != Severity::Off {
                answers.extend(counts.into_iter().map(|count| answer(name, severity, count)));
            }
        }
        answers
    }

    fn rejects(&self) -> Vec<Count<'static>> {
        let with_rejects = self.tables.iter().filter(|(_, profile)| profile.rejected > 0);
        with_rejects
            .map(|(&table, profile)| {
                let of = profile.rows + profile.rejected;
                let passed = profile.rejected as f64 <= self.settings.reject_share_max * of as f64;
                let words = (
                    "of the rows that came in were rejected; `rejects` holds each with its reason",
                    "行被拒收；`rejects` 表中有每行及原因",
                );
                Count { table, count: profile.rejected, of, passed, words }
            })
            .collect()
    }

    fn duplicate_lines(&self) -> Vec<Count<'static>> {
        let Some(profile) = self.tables.get(&Entity::OrderItems) else { return Vec::new() };
        let words = (
            "lines repeat another line of the same order exactly; kept unless cleaning.duplicate_lines is \"drop\"",
            "条明细与同一订单的另一条完全相同；除非 cleaning.duplicate_lines 设为 \"drop\"，否则保留",
        );
        vec![Count {
            table: Entity::OrderItems,
            count: profile.duplicates,
            of: profile.rows,
            passed: profile.duplicates == 0,
            words,
        }]
    }

    fn duplicate_customers(&self) -> Vec<Count<'static>> {
        let r = self.relations;
        let words = (
            "customers have another's history to the cent (three days or more): perhaps one person under two ids",
            "位客户的历史与他人分毫不差（至少三天）：可能是同一人的两个编号",
        );
        vec![Count {
            table: Entity::OrderItems,
            count: r.customers_copied,
            of: r.customers,
            passed: r.customers_copied == 0,
            words,
        }]
    }

    fn guests(&self) -> Vec<Count<'static>> {
        let r = self.relations;
        let passed = r.orders_of_guests as f64 <= self.settings.guest_share_max * r.orders as f64;
        let words = ("orders belong to nobody; they count in revenue and are not scored", "笔订单没有客户；计入收入，但不打分");
        vec![Count { table: Entity::Orders, count: r.orders_of_guests, of: r.orders, passed, words }]
    }

    fn silent_days(&self) -> Vec<Count<'static>> {
        let Some(profile) = self.tables.get(&Entity::Orders) else { return Vec::new() };
        let passed = profile.silent_days_max <= u64::from(self.settings.silent_days_max);
        let of = profile.last_day.zip(profile.first_day).map_or(0, |(last, first)| (last - first + 1) as u64);
        let words = (
            "days in a row without an order is the longest silence: is a piece of the export missing?",
            "天是连续无订单的最长时段：导出是否缺了一段？",
        );
        vec![Count { table: Entity::Orders, count: profile.silent_days_max, of, passed, words }]
    }

    fn references(&self) -> Vec<Count<'static>> {
        let r = self.relations;
        let found = [
            (
                Entity::Orders,
                r.orders_without_lines,
                r.orders,
                (
                    "orders state an amount and have no line, and nothing of it counts as revenue or spend; import their order_items too",
                    "笔订单有金额而无明细，其金额不计入收入与消费；请一并导入 order_items",
                ),
            ),
            (
                Entity::OrderItems,
                r.lines_without_order,
                r.lines,
                ("lines belong to an order that is not there", "条明细所属订单不存在"),
            ),
            (
                Entity::OrderItems,
                r.lines_without_product,
                r.lines,
                ("lines name a product that is not there", "条明细的商品不存在"),
            ),
            (
                Entity::Returns,
                r.returns_without_order,
                r.returns,
                ("returns name an order that is not there", "笔退货所属订单不存在"),
            ),
        ];
        found.into_iter().map(|(table, count, of, words)| Count { table, count, of, passed: count == 0, words }).collect()
    }

    fn outliers(&self) -> Vec<Count<'static>> {
        const MEASURES: [&str; 2] = ["quantity", "total_cents"];
        let Some(profile) = self.tables.get(&Entity::OrderItems) else { return Vec::new() };
        let far =
            profile.columns.iter().filter(|column| MEASURES.contains(&column.name.as_str())).map(|column| column.outliers).max();
        let count = far.unwrap_or(0);
        // Retail amounts are skewed; a few far-out lines are normal, every twentieth is not.
        let words = (
            "lines lie more than three interquartile ranges out, by quantity or amount (wholesale buyers, typing errors)",
            "条明细的数量或金额超出三倍四分位距（批发客户或录入错误）",
        );
        vec![Count { table: Entity::OrderItems, count, of: profile.rows, passed: count * 20 <= profile.rows, words }]
    }

    fn partial_month(&self) -> Vec<Count<'static>> {
        let Some(last) = self.tables.get(&Entity::Orders).and_then(|profile| profile.last_day) else { return Vec::new() };
        let (year, month, day) = last.ymd();
        let days_in_month =
            (28..=31).rev().find(|&day| perennial_contract::Day::from_ymd(year, month, day).is_some()).unwrap_or(31);
        let words = (
            "days of the last month are covered: it is cut off, do not compare it with the others",
            "天是最后一个月已覆盖的天数：该月不完整，勿与其他月份比较",
        );
        // The last days may simply have no order.
        vec![Count {
            table: Entity::Orders,
            count: u64::from(day),
            of: u64::from(days_in_month),
            passed: day + 2 >= days_in_month,
            words,
        }]
    }

    fn future(&self) -> Vec<Count<'static>> {
        let imported_us = self.imports.iter().map(|import| import.imported_at_us).max().unwrap_or(i64::MAX);
        let today = imported_us.div_euclid(86_400_000_000);
        let words = (
            "table ends after the day it was imported: dates are wrong, or day and month are swapped",
            "张表的日期晚于导入之日：日期有误，或日月颠倒",
        );
        let late = |profile: &TableProfile| profile.last_day.is_some_and(|day| i64::from(day.0) > today + 1);
        let found = self
            .tables
            .iter()
            .filter(|(entity, _)| matches!(entity, Entity::Orders | Entity::OrderItems | Entity::Returns | Entity::Events));
        found
            .map(|(&table, profile)| Count { table, count: u64::from(late(profile)), of: 1, passed: !late(profile), words })
            .collect()
    }
}

fn answer(name: &str, severity: Severity, count: Count<'_>) -> Answer {
    Answer {
        name: name.to_owned(),
        table: count.table.name().to_owned(),
        severity,
        passed: count.passed,
        count: count.count,
        of: count.of,
        finding: format!("{} of {} {}", count.count, count.of, count.words.0),
        finding_zh: format!("{} / {} {}", count.count, count.of, count.words.1),
    }
}

/// The lake's net revenue against what the files stated, import by import, to the cent.
pub fn reconciliation(imports: &[ImportRecord], relations: &Relations, severity: Severity) -> Answer {
    let money = imports.iter().map(|import| &import.money);
    let parts = money.flat_map(|m| [m.loaded_cents, -m.repeated_cents, -m.unchanged_cents, -m.superseded_cents]);
    let arrived: i128 = parts.map(i128::from).sum();
    let net = i128::from(relations.net_revenue_cents());
    let unbalanced = imports.iter().filter(|import| !super::is_balanced(import)).count() as u64;
    let passed = unbalanced == 0 && arrived == net;
    Answer {
        name: "reconciliation".to_owned(),
        table: Entity::OrderItems.name().to_owned(),
        severity,
        passed,
        count: if arrived == net { unbalanced } else { u64::try_from(arrived.abs_diff(net)).unwrap_or(u64::MAX) },
        of: imports.len() as u64,
        finding: format!(
            "net revenue in the lake is {net} minor units, the imports brought {arrived}; {unbalanced} of {} imports do not balance with their files",
            imports.len()
        ),
        finding_zh: format!(
            "数据湖净收入为 {net} 分，各次导入合计 {arrived} 分；{} 次导入中有 {unbalanced} 次与文件不符",
            imports.len()
        ),
    }
}

/// A shop without orders has nothing to learn from.
pub fn no_orders() -> Answer {
    Answer {
        name: "orders".to_owned(),
        table: Entity::Orders.name().to_owned(),
        severity: Severity::Error,
        passed: false,
        count: 0,
        of: 0,
        finding: "no orders yet; import the shop's files first (`perennial import`)".to_owned(),
        finding_zh: "还没有订单；请先导入店铺文件（`perennial import`）".to_owned(),
    }
}

/// Whether the customers that the cleaning leaves out are customers: a mistyped id would leave nobody out.
pub fn dropped_customers(lake: &Lake, at: &Snapshot, ids: &[String]) -> Result<Option<Answer>, QualityError> {
    if ids.is_empty() {
        return Ok(None);
    }
    let literals: Vec<String> = ids.iter().map(|id| format!("'{}'", id.replace('\'', "''"))).collect();
    let sql = format!(
        "SELECT customer_id FROM customers WHERE customer_id IN ({0}) UNION SELECT customer_id FROM orders WHERE customer_id IN ({0})",
        literals.join(", ")
    );
    let found = lake.engine().query(at, &sql, None, &Who::Everyone)?;
    let found = found.texts("customer_id").map_err(|error| EngineError::Storage(error.to_string()))?;
    let unknown: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !found.iter().any(|known| known == Some(*id))).collect();
    let named = unknown.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let words = if unknown.is_empty() {
        (
            "customers of cleaning.drop_customers are unknown here".to_owned(),
            "个 cleaning.drop_customers 中的客户不存在".to_owned(),
        )
    } else {
        (
            format!("customers of cleaning.drop_customers are unknown here, so they leave nobody out: {named}"),
            format!("个 cleaning.drop_customers 中的客户不存在，因而未剔除任何人：{named}"),
        )
    };
    let count = Count {
        table: Entity::Customers,
        count: unknown.len() as u64,
        of: ids.len() as u64,
        passed: unknown.is_empty(),
        words: (&words.0, &words.1),
    };
    Ok(Some(answer("dropped_customers", Severity::Warning, count)))
}

/// A rule of the shop's own: `name: severity: SELECT count(*) …`; it passes when the count is 0.
pub fn own(lake: &Lake, at: &Snapshot, text: &str) -> Result<Answer, QualityError> {
    let wrong = |problem: String| QualityError::Rule { rule: text.chars().take(80).collect(), problem };
    let mut parts = text.splitn(3, ':').map(str::trim);
    let (Some(name), Some(severity), Some(sql)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("expected \"name: severity: SELECT count(*) …\"".to_owned()));
    };
    let severity = match severity {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        other => return Err(wrong(format!("severity is {other:?}, allowed are error and warning"))),
    };
    let table = lake.engine().query(at, sql, None, &Who::Everyone).map_err(|error| wrong(error.to_string()))?;
    let column = table.names().next().map(str::to_owned).unwrap_or_default();
    let count = table.i64s(&column).ok().filter(|counts| counts.len() == 1).map(|counts| counts[0]);
    let Some(count) = count.and_then(|count| u64::try_from(count).ok()) else {
        return Err(wrong("the query must give one whole number: how many rows are bad".to_owned()));
    };
    Ok(Answer {
        name: name.to_owned(),
        table: String::new(),
        severity,
        passed: count == 0,
        count,
        of: count,
        finding: format!("{count} bad rows by the shop's own rule"),
        finding_zh: format!("按店铺自定规则有 {count} 行不合格"),
    })
}
