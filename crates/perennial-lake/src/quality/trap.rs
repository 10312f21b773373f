//! Traps that files of a known format are known for, and how many rows fell under each: so that nobody is surprised by a number.

use serde::Serialize;

use super::relation::Relations;
use crate::lake::ImportRecord;

#[derive(Clone, Debug, Serialize)]
pub struct Trap {
    pub format: String,
    pub rows: u64,
    /// Of how many.
    pub of: u64,
    pub what: String,
    pub what_zh: String,
}

/// What each format's rows are checked for: how many, of how many.
type Check = (&'static str, fn(&Relations) -> (u64, u64), &'static str, &'static str);

const CANCELLED: &str = "lines of cancelled, failed or unpaid orders are no sale; no sum of money takes them in";
const CANCELLED_ZH: &str = "条已取消、失败或未付款订单的明细不算销售；不计入任何金额";

const CHECKS: &[Check] = &[
    (
        "online-retail",
        |r| (r.returns_by_cancellation, r.returns),
        "returns are cancellation lines (C invoices)",
        "笔退货是取消明细（C 开头的发票）",
    ),
    (
        "online-retail",
        |r| (r.returns - r.returns_by_cancellation, r.returns),
        "returns are stock or bad-debt adjustments, not goods that came back",
        "笔退货是库存或坏账调整，并非退回的商品",
    ),
    ("online-retail", |r| (r.orders_of_guests, r.sales()), "invoices that are sales have no customer", "张销售发票没有客户"),
    (
        "online-retail",
        |r| (r.orders_adjusting, r.orders),
        "invoices only correct the stock (no amount, no customer) and are no sale",
        "张发票仅为库存更正（无金额、无客户），不算销售",
    ),
    (
        "online-retail",
        |r| (r.lines_of_charges, r.lines),
        "lines are charges, not products (POST, M, BANK CHARGES …)",
        "条明细是费用而非商品（POST、M、BANK CHARGES 等）",
    ),
    (
        "online-retail",
        |r| (r.lines_of_zero, r.lines),
        "lines have no value (samples, stock corrections)",
        "条明细金额为零（样品、库存更正）",
    ),
    (
        "online-retail",
        |r| (r.lines_below_zero, r.lines),
        "lines are below zero (bad-debt corrections)",
        "条明细金额为负（坏账更正）",
    ),
    ("cdnow", |r| (r.lines_of_zero, r.lines), "purchases of 0 are kept as orders", "笔金额为零的购买仍计为订单"),
    (
        "olist",
        |r| (r.orders, r.orders),
        "orders carry one customer_id each; the person is customer_unique_id",
        "笔订单各有一个 customer_id；真正的客户是 customer_unique_id",
    ),
    (
        "completejourney",
        |r| (if r.lines < 2 * r.orders { r.orders } else { 0 }, r.orders),
        "baskets hold fewer than two lines on average: a sample of lines, so no basket rules",
        "个购物篮平均不足两条明细：这是明细抽样，不宜做购物篮分析",
    ),
    ("olist", |r| (r.lines_cancelled, r.lines), CANCELLED, CANCELLED_ZH),
    ("shopify-orders", |r| (r.lines_cancelled, r.lines), CANCELLED, CANCELLED_ZH),
    ("woocommerce", |r| (r.lines_cancelled, r.lines), CANCELLED, CANCELLED_ZH),
    ("segment", |r| (r.lines_cancelled, r.lines), CANCELLED, CANCELLED_ZH),
    ("perennial", |r| (r.lines_cancelled, r.lines), CANCELLED, CANCELLED_ZH),
    ("csv", |r| (r.lines_cancelled, r.lines), CANCELLED, CANCELLED_ZH),
    ("shopify-orders", |r| (r.orders_of_guests, r.sales()), "orders have no customer", "笔订单没有客户"),
    ("woocommerce", |r| (r.orders_of_guests, r.sales()), "orders have no customer", "笔订单没有客户"),
];

/// The traps of the formats that were imported, those with rows.
#[must_use]
pub fn known(imports: &[ImportRecord], relations: &Relations) -> Vec<Trap> {
    let is_imported = |format: &str| imports.iter().any(|import| import.format == format);
    let checks = CHECKS.iter().filter(|check| is_imported(check.0));
    let traps = checks.map(|&(format, count, what, what_zh)| Trap {
        format: format.to_owned(),
        rows: count(relations).0,
        of: count(relations).1,
        what: what.to_owned(),
        what_zh: what_zh.to_owned(),
    });
    traps.filter(|trap| trap.rows > 0).collect()
}
