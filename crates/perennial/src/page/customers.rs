//! The list of customers: found by id, filtered, sorted, page by page, from the same book as the API.

use perennial_contract::money::minor_digits;
use perennial_learn::lifetime::outlook::stage::Stage;
use serde_json::Value;

use super::fields::encoded;
use super::view::{Block, Cell, Choice, Field, Form, Head, Input, Sort, Table};
use super::visit::{Answer, Visit, see_other};
use crate::access::Action;
use crate::api::{Book, BookPage, BookQuery, SORTS};
use crate::http::{BAD_VALUE, HttpError, Needs, Route};
use crate::report::{Locale, NONE, words};

const LIMIT: usize = 50;

/// Columns of the table: how each is sorted by, and its name.
const COLUMNS: [(&str, &str, &str); 8] = [
    ("p_churn", "Chance of leaving", "流失概率"),
    ("spend_cents", "Expected spend", "预期消费"),
    ("", "80% interval", "80% 区间"),
    ("p_alive", "Alive", "仍活跃"),
    ("next_order_days_q50", "Next order in (median)", "下一单（中位）"),
    ("days_since_last_order", "Last order", "距上次下单"),
    ("orders_all", "Orders", "订单"),
    ("spend_cents_all", "Spent so far", "累计消费"),
];

pub fn routes() -> Vec<Route> {
    vec![Route::get("/customers", Needs::To(Action::CustomersRead), list)]
}

async fn list(visit: Visit) -> Answer {
    if let Some(id) = visit.query.given("id") {
        return see_other(&format!("/customers/{}", encoded(id)));
    }
    visit
        .work(|visit| {
            let title = visit.of("Customers", "客户");
            let Some(book) = visit.app.book_if_any()? else {
                return visit.page(title, vec![find(visit), super::segments::nothing_scored(visit)]);
            };
            let groups = visit.app.group_words()?;
            let l = visit.locale().naming(&groups);
            let page = book.page(&wanted(visit)?)?;
            let said = visit.of("customers pass, as scored as of", "位客户符合条件，评分截至");
            let as_of = book.as_of.parse().map_or_else(|_| book.as_of.clone(), |day| l.day(day));
            let mut blocks = vec![find(visit), filter(visit, &l, &book)];
            blocks.push(Block::Text(format!("{} {said} {as_of}", l.int(page.count as u64))));
            let next = page.next.clone();
            blocks.push(Block::Table(table(visit, &l, page)));
            let mut links = Vec::new();
            if visit.query.given("cursor").is_some() {
                links.push((
                    format!("/customers?{}", visit.query.with("cursor", "", &[])),
                    visit.of("First page", "首页").to_owned(),
                ));
            }
            if let Some(next) = next {
                links.push((
                    format!("/customers?{}", visit.query.with("cursor", &next, &[])),
                    visit.of("Next page", "下一页").to_owned(),
                ));
            }
            blocks.push(Block::Links(links));
            visit.page(title, blocks)
        })
        .await
}

fn find(visit: &Visit) -> Block {
    let form = Form { class: "filter", method: "get", csrf: None, ..visit.form("/customers", visit.of("Open", "打开")) };
    Block::Form(form.with(Field::line("id", visit.of("Customer's id", "客户编号")).required()))
}

fn filter(visit: &Visit, l: &Locale<'_>, book: &Book) -> Block {
    let any = || (String::new(), visit.of("all", "全部").to_owned());
    let choices = |name: &str, words: Vec<(String, String)>| {
        let chosen = visit.query.get(name).to_owned();
        let all = std::iter::once(any()).chain(words);
        all.map(|(value, text)| Choice { is_chosen: value == chosen, value, text }).collect()
    };
    let keys = |column: &str| book.groups(column).into_iter().filter_map(|group| group["key"].as_str().map(str::to_owned));
    let segments = keys("segment").filter(|key| !key.is_empty()).map(|key| (key.clone(), words::segment(l, &key))).collect();
    let stages = keys("stage").filter(|key| !key.is_empty()).map(|key| (key.clone(), stage_name(l, &key))).collect();
    let number = |name: &'static str, en: &str, zh: &str| {
        Field::new(name, visit.of(en, zh), Input::Line("number")).with_value(visit.query.get(name))
    };
    let form = Form { class: "filter", method: "get", csrf: None, ..visit.form("/customers", visit.of("Filter", "筛选")) };
    let form = form
        .with(Field::new("segment", visit.of("Segment", "分群"), Input::Choice(choices("segment", segments))))
        .with(Field::new("stage", visit.of("Stage", "阶段"), Input::Choice(choices("stage", stages))))
        .with(number("churn_from", "Leaving from, %", "流失概率下限（%）"))
        .with(number("churn_to", "to, %", "上限（%）"))
        .with(number("spend_from", "Expected spend from", "预期消费下限"))
        .with(number("spend_to", "to", "上限"));
    Block::Form(form.with(Field::hidden("sort", visit.query.get("sort"))))
}

/// A stage's name by its key.
pub fn stage_name(l: &Locale<'_>, key: &str) -> String {
    let stage = Stage::ALL.into_iter().find(|stage| stage.key() == key);
    stage.map_or_else(|| key.to_owned(), |stage| if l.is_zh() { stage.name().zh } else { stage.name().en })
}

/// A stage's rule in words.
pub fn stage_meaning(l: &Locale<'_>, key: &str) -> String {
    let stage = Stage::ALL.into_iter().find(|stage| stage.key() == key);
    stage.map_or_else(String::new, |stage| if l.is_zh() { stage.meaning().zh } else { stage.meaning().en })
}

fn wanted(visit: &Visit) -> Result<BookQuery, HttpError> {
    let query = &visit.query;
    let number = |name: &str, scale: f64| match query.given(name) {
        None => Ok(None),
        Some(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number * scale)),
            _ => Err(HttpError::new(BAD_VALUE, format!("{name} is {text:?}, allowed are numbers"))),
        },
    };
    let minor = 10_f64.powi(minor_digits(&visit.app.shop.settings.shop.currency) as i32);
    let mut bounds = Vec::new();
    for (column, lo, hi) in [
        ("p_churn", number("churn_from", 0.01)?, number("churn_to", 0.01)?),
        ("spend_cents", number("spend_from", minor)?, number("spend_to", minor)?),
    ] {
        if lo.or(hi).is_some() {
            bounds.push((column, lo.unwrap_or(f64::NEG_INFINITY), hi.unwrap_or(f64::INFINITY)));
        }
    }
    let (sort, descending) = sorted(query.get("sort"))?;
    let text = |name: &str| query.given(name).map(str::to_owned);
    let (segment, stage, cursor) = (text("segment"), text("stage"), text("cursor"));
    Ok(BookQuery { segment, stage, bounds, sort, descending, cursor, limit: LIMIT })
}

fn sorted(asked: &str) -> Result<(Option<&'static str>, bool), HttpError> {
    if asked.is_empty() {
        return Ok((None, false));
    }
    let (descending, name) = asked.strip_prefix('-').map_or((false, asked), |name| (true, name));
    let found = SORTS.into_iter().find(|sort| *sort == name);
    let allowed = || HttpError::new(BAD_VALUE, format!("sort is {asked:?}, allowed are {}", SORTS.join(", ")));
    found.ok_or_else(allowed).map(|sort| (Some(sort), descending))
}

fn table(visit: &Visit, l: &Locale<'_>, page: BookPage) -> Table {
    let sort_of = |column: &str| {
        let asked = visit.query.get("sort");
        let (state, next) = match asked.strip_prefix('-') {
            Some(name) if name == column => ("descending", column.to_owned()),
            None if asked == column => ("ascending", format!("-{column}")),
            _ => ("none", format!("-{column}")),
        };
        Sort { href: format!("/customers?{}", visit.query.with("sort", &next, &["cursor"])), state }
    };
    let mut heads = vec![
        Head::text(visit.of("Customer", "客户")),
        Head::text(visit.of("Segment", "分群")),
        Head::text(visit.of("Stage", "阶段")),
    ];
    heads.extend(
        COLUMNS.iter().map(|(column, en, zh)| Head {
            sort: (!column.is_empty()).then(|| sort_of(column)),
            ..Head::number(visit.of(en, zh))
        }),
    );
    Table {
        caption: visit.of("Customers; a heading sorts", "客户列表；点击表头排序").to_owned(),
        heads,
        rows: page.customers.iter().map(|customer| row(l, customer)).collect(),
        empty: visit.of("No customer passes these filters.", "没有符合条件的客户。").to_owned(),
    }
}

fn row(l: &Locale<'_>, customer: &Value) -> Vec<Cell> {
    let text = |name: &str| customer[name].as_str().unwrap_or_default();
    let number =
        |name: &str, write: &dyn Fn(f64) -> String| Cell::Number(customer[name].as_f64().map_or_else(|| NONE.to_owned(), write));
    let interval = match (customer["spend_cents_lo80"].as_f64(), customer["spend_cents_hi80"].as_f64()) {
        (Some(lo), Some(hi)) => format!("{} – {}", l.amount_about(lo), l.amount_about(hi)),
        _ => NONE.to_owned(),
    };
    let named = |key: &str, name: &dyn Fn(&str) -> String| Cell::Text(if key.is_empty() { NONE.to_owned() } else { name(key) });
    let id = text("customer_id");
    vec![
        Cell::Link(format!("/customers/{}", encoded(id)), id.to_owned()),
        named(text("segment"), &|key| words::segment(l, key)),
        named(text("stage"), &|key| stage_name(l, key)),
        number("p_churn", &|p| l.percent(p, 1)),
        number("spend_cents", &|cents| l.money_about(cents)),
        Cell::Number(interval),
        number("p_alive", &|p| l.percent(p, 0)),
        number("next_order_days_q50", &|days| l.days(days.round() as i64)),
        number("days_since_last_order", &|days| l.days(days.round() as i64)),
        number("orders_all", &|count| l.decimal(count, 0)),
        number("spend_cents_all", &|cents| l.money(cents.round() as i64)),
    ]
}
