//! One customer: scores with intervals, reasons in words, the outlook and the last orders; and who they are, for those who may know.

use axum::extract::Path;
use perennial_contract::engine::Who;

use super::fields::{Fields, encoded};
use super::view::{Block, Cell, Field, Head, Table, Tone};
use super::visit::{Answer, Visit};
use crate::access::Action;
use crate::api::identities;
use crate::http::{HttpError, NOT_READY, Needs, Route};
use crate::pipeline::{Asked, picture_in};
use crate::report::{CustomerPicture, HorizonPicture, Locale, NONE};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/customers/{id}", Needs::To(Action::CustomersRead), show),
        Route::post("/customers/{id}/identity", Needs::To(Action::IdentityRead), identity),
    ]
}

async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    visit
        .work(move |visit| {
            let app = &visit.app;
            let store = app.inbox.union(&Who::One(id.clone())).map_err(HttpError::failed)?;
            let at = store.at().clone();
            let ready = app.answers.ready(&app.shop, &at)?;
            let as_of = ready
                .as_of
                .ok_or_else(|| HttpError::new(NOT_READY, "the shop has no orders yet; import some or send them in"))?;
            let asked = Asked { shop: &app.shop, store: &store, at: &at, as_of, champions: &ready.champions };
            let picture = picture_in(&asked, &id)?.ok_or_else(HttpError::customer_unknown)?;
            let mut blocks = told(visit, &picture);
            if visit.may(Action::IdentityRead) {
                blocks.push(Block::Heading(visit.of("Who this is", "客户身份").to_owned()));
                blocks.push(Block::Form(identity_form(visit, &id, "")));
            }
            let title = format!("{} {id}", visit.of("Customer", "客户"));
            visit.page(&title, blocks)
        })
        .await
}

fn told(visit: &Visit, picture: &CustomerPicture) -> Vec<Block> {
    let l = Locale::new(visit.language, &picture.currency, &picture.words).naming(&picture.groups);
    let as_of = format!("{} {}", visit.of("As of", "截至"), l.day(picture.as_of));
    let mut blocks = vec![Block::Text(as_of)];
    if !picture.hindsight.is_empty() {
        let said = visit.of(
            "Hindsight: some of these models were trained as of a later day and have seen what came.",
            "事后之见：部分模型训练截至更晚的日期，已见过其后发生的事。",
        );
        blocks.push(Block::Note(Tone::Watch, said.to_owned()));
    }
    let mut facts: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in picture.told_facts(visit.language) {
        match facts.last_mut().filter(|_| name.is_empty()) {
            Some((_, values)) => values.push(value),
            None => facts.push((name, vec![value])),
        }
    }
    blocks.push(Block::Facts(facts));
    blocks.push(Block::Heading(visit.of("Why this chance of leaving", "流失概率的原因").to_owned()));
    if picture.reasons.is_empty() {
        blocks.push(Block::Text(
            visit
                .of("The model that answers gives no reasons, or none answers.", "作答的模型不给出原因，或尚无模型作答。")
                .to_owned(),
        ));
    } else {
        blocks.push(Block::Table(reasons(visit, &l, picture)));
    }
    if let Some(outlook) = &picture.outlook {
        blocks.push(Block::Heading(visit.of("Outlook", "展望").to_owned()));
        blocks.push(Block::Table(horizons(visit, &l, &outlook.horizons)));
    }
    blocks.push(Block::Heading(visit.of("Last orders", "最近订单").to_owned()));
    blocks.push(Block::Table(orders(visit, &l, picture)));
    blocks
}

fn reasons(visit: &Visit, l: &Locale<'_>, picture: &CustomerPicture) -> Table {
    let rows = picture.told_reasons(visit.language);
    let largest = rows.iter().map(|(_, part)| part.abs()).filter(|part| part.is_finite()).fold(0.0, f64::max);
    let share = |part: f64| if largest > 0.0 && part.is_finite() { part / largest } else { 0.0 };
    let signed = |part: f64| {
        let text = l.decimal(part, 2);
        if text.starts_with('−') { text } else { format!("+{text}") }
    };
    Table {
        caption: visit
            .of(
                "Parts of the log-odds of leaving, before calibration; to the right raises the chance",
                "流失对数几率的组成（校准前）；向右为提高概率",
            )
            .to_owned(),
        heads: vec![
            Head::text(visit.of("What is known", "已知情况")),
            Head::number(visit.of("Part", "贡献")),
            Head::text(visit.of("As a bar", "图示")),
        ],
        rows: rows
            .into_iter()
            .map(|(words, part)| vec![Cell::Text(words), Cell::Number(signed(part)), Cell::bar(share(part))])
            .collect(),
        empty: String::new(),
    }
}

fn horizons(visit: &Visit, l: &Locale<'_>, horizons: &[HorizonPicture]) -> Table {
    let percent = |p: Option<f64>| p.map_or_else(|| NONE.to_owned(), |p| l.percent(p, 0));
    let money = |mean: Option<i64>, band: Option<(i64, i64)>| match (mean, band) {
        (Some(mean), Some((lo, hi))) => {
            format!("{} ({} – {})", l.money_about(mean as f64), l.amount_about(lo as f64), l.amount_about(hi as f64))
        }
        (Some(mean), None) => l.money_about(mean as f64),
        (None, _) => NONE.to_owned(),
    };
    let rows = horizons.iter().map(|h| {
        let orders = match (h.orders_expected, h.orders_80) {
            (Some(mean), Some((lo, hi))) => format!("{} ({} – {})", l.decimal(mean, 2), l.int(lo), l.int(hi)),
            (Some(mean), None) => l.decimal(mean, 2),
            (None, _) => NONE.to_owned(),
        };
        let mark = if h.is_extrapolated { "*" } else { "" };
        vec![
            Cell::When(format!("{}{mark}", l.days(h.days.into()))),
            Cell::Number(percent(h.p_no_order)),
            Cell::Number(orders),
            Cell::Number(money(h.spend_cents, h.spend_cents_80)),
            Cell::Number(money(h.gross_cents, h.gross_cents_80)),
            Cell::Number(money(h.margin_cents, h.margin_cents_80)),
        ]
    });
    Table {
        caption: visit
            .of(
                "By horizon, with 80% intervals; * is longer than every window that has closed",
                "按预测期，括号内为 80% 区间；* 表示长于所有已结束的窗口",
            )
            .to_owned(),
        heads: vec![
            Head::text(visit.of("In", "期限")),
            Head::number(visit.of("No order", "不下单")),
            Head::number(visit.of("Orders", "订单数")),
            Head::number(visit.of("Spend, net", "净消费")),
            Head::number(visit.of("Before returns", "退货前")),
            Head::number(visit.of("Margin", "毛利")),
        ],
        rows: rows.collect(),
        empty: String::new(),
    }
}

fn orders(visit: &Visit, l: &Locale<'_>, picture: &CustomerPicture) -> Table {
    let rows = picture.last_orders.iter().map(|order| {
        vec![
            Cell::Text(order.order_id.clone()),
            Cell::When(l.day(order.on)),
            Cell::Number(l.int(order.items)),
            Cell::Number(l.money(order.total_cents)),
        ]
    });
    Table {
        caption: visit.of("The newest first", "由新到旧").to_owned(),
        heads: vec![
            Head::text(visit.of("Order", "订单")),
            Head::text(visit.of("Day", "日期")),
            Head::number(visit.of("Items", "件数")),
            Head::number(visit.of("Total", "金额")),
        ],
        rows: rows.collect(),
        empty: visit.of("No orders are known.", "没有订单记录。").to_owned(),
    }
}

fn identity_form(visit: &Visit, id: &str, purpose: &str) -> super::view::Form {
    let hint = visit.of(
        "In words, at least 10 characters, as: answer to ticket 4711. It is written into the audit log.",
        "请用文字说明，至少 10 个字符，例如：回复工单 4711 的咨询。内容将写入审计日志。",
    );
    let mut field =
        Field::line("purpose", visit.of("What it is needed for", "用途")).with_hint(hint).with_value(purpose).required();
    field.autocomplete = "off";
    visit.form(format!("/customers/{}/identity", encoded(id)), visit.of("Show who this is", "显示身份")).with(field)
}

async fn identity(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    visit
        .work(move |visit| {
            let found = identities(&visit.app, visit.caller()?, &id, fields.get("purpose"))?;
            let rows = found.into_iter().map(|one| vec![Cell::Text(one.kind), Cell::Text(one.value)]);
            let table = Table {
                caption: visit.of("What the shop's files told", "店铺文件中的记载").to_owned(),
                heads: vec![Head::text(visit.of("Kind", "类别")), Head::text(visit.of("Value", "内容"))],
                rows: rows.collect(),
                empty: visit
                    .of("The shop's files told nothing about who this is.", "店铺文件中没有此客户的身份信息。")
                    .to_owned(),
            };
            let noted = visit.of("This look and its purpose are in the audit log.", "本次查看及其用途已写入审计日志。");
            let back = (format!("/customers/{}", encoded(&id)), visit.of("Back to the customer", "返回客户").to_owned());
            let blocks = vec![Block::Note(Tone::Watch, noted.to_owned()), Block::Table(table), Block::Links(vec![back])];
            visit.page_once(&format!("{} {id}", visit.of("Who is customer", "客户身份")), blocks)
        })
        .await
}
