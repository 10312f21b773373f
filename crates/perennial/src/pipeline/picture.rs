//! One customer's whole picture, from the same SQL, models and code as the score file.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::{Task, column};
use perennial_contract::{Day, Entity, Table};

use perennial_lake::features::Store;
use perennial_learn::lifetime::outlook::stage::Stage;
use perennial_learn::lifetime::outlook::{BANDS, Customers};
use perennial_learn::words::Words;

use super::as_of_or_default;
use super::dataset::features_in;
use super::group_words::group_words;
use super::leaving::Leaving;
use super::score::{Champion, ELIGIBLE, champions, score_features};
use super::words::feature_words;
use crate::report::{CustomerPicture, FeatureValue, FeatureWords, HorizonPicture, OutlookPicture, PastOrder, Phrase, Reason};
use crate::shop::Shop;

/// Reasons and orders shown.
const REASONS_MAX: usize = 8;
const ORDERS_MAX: usize = 5;

/// What a picture is made from: the lake alone, or with rows beside it that it has not taken in yet.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub shop: &'a Shop,
    pub store: &'a dyn Store,
    pub at: &'a Snapshot,
    pub as_of: Day,
    pub champions: &'a BTreeMap<Task, Champion>,
}

/// The customer as of a day.
pub fn picture(shop: &Shop, id: &str, as_of: Option<Day>) -> Result<CustomerPicture> {
    let at = shop.lake.snapshot()?;
    let as_of = as_of_or_default(shop, &at, as_of)?;
    let champions = champions(shop)?;
    let found = picture_in(&Asked { shop, store: &*shop.lake, at: &at, as_of, champions: &champions }, id)?;
    found.ok_or_else(|| anyhow!("no customer {id:?} with a purchase before {as_of}; ids are those of the shop's own files"))
}

/// The customer as of a day by models that are loaded already; `None` for one who has not bought before it.
pub fn picture_in(asked: &Asked<'_>, id: &str) -> Result<Option<CustomerPicture>> {
    let &Asked { shop, store, at, as_of, champions } = asked;
    let who = Who::One(id.to_owned());
    let rows = features_in(shop, (store, at), as_of, &who)?;
    let features = rows.table.clone();
    if features.rows() == 0 {
        return Ok(None);
    }
    let scored = score_features(shop, champions, rows, as_of)?;
    let one =
        |name: &str| -> Result<Option<f64>> { Ok(scored.table.f64s(name)?.first().copied().filter(|value| value.is_finite())) };
    let cents = |name: &str| -> Result<Option<i64>> { Ok(one(name)?.map(|cents| cents as i64)) };
    let segment = scored.table.texts(column::SEGMENT)?;
    let eligible = one(ELIGIBLE)?.map(|flag| flag > 0.5);
    let silent_days = features.f64s(column::DAYS_SINCE_LAST_ORDER)?.first().copied().unwrap_or(0.0) as i64;
    let explained = champions.get(&Task::Churn).map(|champion| reasons(champion, &features)).transpose()?.flatten();
    let (bias, reasons, rest) = explained.map_or((None, Vec::new(), None), |e| (Some(e.bias), e.reasons, Some(e.rest)));
    let words = words_of(&reasons)?;
    let mut groups = champions.get(&Task::Segment).map_or_else(|| Ok(BTreeMap::new()), |c| group_words(c.model.as_ref()))?;
    groups.retain(|key, _| segment.is_valid(0) && key == segment.value(0));
    let orders = past_orders((store, at), as_of, &who)?;
    let fact = |name: &str| -> Result<i64> { Ok(features.f64s(name)?.first().copied().unwrap_or(0.0) as i64) };
    let age = |name: &str| -> Result<Option<Day>> { Ok(features.f64s(name)?.first().map(|&days| as_of.plus(-(days as i32)))) };
    Ok(Some(CustomerPicture {
        customer_id: id.to_owned(),
        as_of,
        horizon_days: champions.get(&Task::Value).or(champions.values().next()).map_or(0, |champion| champion.row.horizon_days),
        currency: shop.settings.shop.currency.clone(),
        segment: segment.is_valid(0).then(|| segment.value(0).to_owned()),
        eligible,
        churn_window_days: one(column::CHURN_WINDOW_DAYS)?.map(|days| days as i64),
        not_eligible: champions.get(&Task::Churn).filter(|_| eligible == Some(false)).map(|c| {
            let Words { en, zh } = Leaving::of_row(&c.row).not_eligible(silent_days);
            Phrase::both(en, zh)
        }),
        p_churn: one(column::P_CHURN)?,
        spend_cents: cents(column::SPEND)?,
        spend_cents_lo80: cents(column::SPEND_LO80)?,
        spend_cents_hi80: cents(column::SPEND_HI80)?,
        not_scored: not_scored(champions),
        outlook: champions.get(&Task::Outlook).map(|champion| outlook(champion, &scored.table, &features)).transpose()?,
        hindsight: scored.hindsight().into_iter().map(str::to_owned).collect(),
        trained_as_of: scored.trained_as_of.clone(),
        orders: fact(column::ORDERS)? as u64,
        spent_cents: fact(column::SPEND_CENTS)?,
        first_order_on: age(column::T)?,
        last_order_on: age(column::DAYS_SINCE_LAST_ORDER)?,
        last_orders: orders,
        reasons,
        bias,
        rest,
        words,
        groups,
    }))
}

/// The score file's columns, and the intervals that it leaves out.
fn outlook(champion: &Champion, scores: &Table, row: &Table) -> Result<OutlookPicture> {
    let model = champion.outlook()?;
    let customers = Customers::from_table(row).map_err(|refusal| anyhow!("{refusal}"))?;
    let factors = model.money().factors(row)?.pop().ok_or_else(|| anyhow!("no row to tell of; this is a bug"))?;
    let told = model.tell(row, &BANDS).map_err(|refusal| anyhow!("{refusal}"))?.pop().flatten();
    let one = |name: &str| -> Result<Option<f64>> { Ok(scores.f64s(name)?.first().copied().filter(|value| value.is_finite())) };
    let cents = |name: &str| -> Result<Option<i64>> { Ok(one(name)?.map(|cents| cents as i64)) };
    let key = scores.texts(column::STAGE)?;
    let stage = Stage::ALL.into_iter().find(|stage| stage.key() == key.value(0)).unwrap_or(Stage::Prospect);
    let mut horizons = Vec::new();
    for days in column::OUTLOOK_HORIZONS_DAYS {
        let spend = told.as_ref().and_then(|told| told.spend.iter().find(|spend| spend.horizon_days == days));
        let band = |percent: u32| {
            let band = spend?.bands.iter().find(|band| band.percent == percent)?;
            Some((band.lo_cents.round() as i64, band.hi_cents.round() as i64))
        };
        let times = |factor: f64, band: Option<(f64, f64)>| {
            // A loss on every sale turns the ends of an interval around.
            let (lo, hi) = band.filter(|_| factor.is_finite()).map(|(lo, hi)| (factor * lo, factor * hi))?;
            Some((lo.min(hi).round() as i64, lo.max(hi).round() as i64))
        };
        let exact = |percent: u32| {
            let band = spend?.bands.iter().find(|band| band.percent == percent)?;
            Some((band.lo_cents, band.hi_cents))
        };
        let counts = model.outlook().orders_bands(&customers, days, &BANDS);
        let orders = |at: usize| {
            let (lo, hi) = (counts[at].lo[0], counts[at].hi[0]);
            (lo.is_finite() && hi.is_finite()).then_some((lo as u64, hi as u64))
        };
        horizons.push(HorizonPicture {
            days,
            orders_50: orders(0),
            orders_80: orders(1),
            orders_95: orders(2),
            gross_cents: cents(&format!("gross_cents_{days}d"))?,
            gross_cents_50: times(factors.gross, exact(50)),
            gross_cents_80: times(factors.gross, exact(80)),
            gross_cents_95: times(factors.gross, exact(95)),
            margin_cents: cents(&format!("margin_cents_{days}d"))?,
            margin_cents_50: times(factors.margin, exact(50)),
            margin_cents_80: times(factors.margin, exact(80)),
            margin_cents_95: times(factors.margin, exact(95)),
            is_extrapolated: model.outlook().is_extrapolated(days),
            p_no_order: one(&format!("p_no_order_{days}d"))?,
            orders_expected: one(&format!("orders_expected_{days}d"))?,
            spend_cents: cents(&format!("spend_cents_{days}d"))?,
            spend_cents_50: band(50),
            spend_cents_80: cents(&format!("spend_cents_{days}d_lo80"))?.zip(cents(&format!("spend_cents_{days}d_hi80"))?),
            spend_cents_95: band(95),
        });
    }
    let [q10, q50, q90] = column::NEXT_ORDER_DAYS;
    let both = |words: Words| Phrase::both(words.en, words.zh);
    Ok(OutlookPicture {
        stage: stage.key().to_owned(),
        stage_name: both(stage.name()),
        stage_meaning: both(stage.meaning()),
        p_alive: one(column::P_ALIVE)?,
        gap_days_mean: one(column::GAP_DAYS_MEAN)?,
        next_order_days: [one(q10)?, one(q50)?, one(q90)?],
        horizons,
    })
}

fn not_scored(champions: &BTreeMap<Task, Champion>) -> Option<Phrase> {
    let missing: Vec<&str> =
        [Task::Churn, Task::Value].iter().filter(|task| !champions.contains_key(task)).map(|task| task.name()).collect();
    (!missing.is_empty()).then(|| {
        Phrase::both(
            format!("no model may answer for {}; `perennial models` says why", missing.join(" and ")),
            format!("没有模型可以回答 {}；原因见 `perennial models`", missing.join("、")),
        )
    })
}

/// The largest contributions of a row, with what is left over.
pub struct Explained {
    pub bias: f64,
    pub reasons: Vec<Reason>,
    pub rest: f64,
}

fn reasons(champion: &Champion, row: &Table) -> Result<Option<Explained>> {
    Ok(explain_rows(champion, row)?.and_then(|mut rows| rows.pop()))
}

/// Exact additive contributions of every row to the log-odds, largest first; `None` for models without them.
pub fn explain_rows(champion: &Champion, rows: &Table) -> Result<Option<Vec<Explained>>> {
    let rows = &champion.rows(rows)?;
    let Some(contributions) = champion.model.scorer().explain(rows)? else { return Ok(None) };
    let seen = champion.model.inputs(rows)?;
    let width = contributions.features.len();
    let mut explained = Vec::with_capacity(rows.rows());
    for row in 0..rows.rows() {
        let values = &contributions.values[row * width..(row + 1) * width];
        let mut order: Vec<usize> = (0..width).filter(|&feature| values[feature] != 0.0).collect();
        order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()).then(a.cmp(&b)));
        let rest = order.iter().skip(REASONS_MAX).map(|&feature| values[feature]).sum();
        let mut reasons = Vec::new();
        for &feature in order.iter().take(REASONS_MAX) {
            let name = &contributions.features[feature];
            reasons.push(Reason {
                feature: name.clone(),
                value: feature_value(&seen, name, row)?,
                contribution: values[feature],
            });
        }
        explained.push(Explained { bias: contributions.bias, reasons, rest });
    }
    Ok(Some(explained))
}

fn feature_value(rows: &Table, name: &str, row: usize) -> Result<Option<FeatureValue>> {
    let Ok(array) = rows.column(name) else { return Ok(None) };
    if array.is_null(row) {
        return Ok(None);
    }
    let one = rows.slice(row, 1);
    Ok(Some(match array.data_type() {
        DataType::Boolean => FeatureValue::Flag(one.f64s(name)?[0] > 0.5),
        kind if kind.is_numeric() => FeatureValue::Number(one.f64s(name)?[0]),
        _ => FeatureValue::Text(one.texts(name)?.value(0).to_owned()),
    }))
}

fn words_of(reasons: &[Reason]) -> Result<BTreeMap<String, FeatureWords>> {
    let all = feature_words()?;
    Ok(reasons.iter().filter_map(|reason| Some((reason.feature.clone(), all.get(&reason.feature)?.clone()))).collect())
}

/// The newest orders, from their lines.
fn past_orders((store, at): (&dyn Store, &Snapshot), as_of: Day, who: &Who) -> Result<Vec<PastOrder>> {
    let mut orders: BTreeMap<(Day, String), PastOrder> = BTreeMap::new();
    let columns = ["customer_id", "order_id", "ordered_on", "quantity", "total_cents"];
    for bucket in store.scan(at, Entity::OrderItems, &columns, who)? {
        for batch in bucket {
            add_lines(&batch?, as_of, &mut orders);
        }
    }
    Ok(orders.into_values().rev().take(ORDERS_MAX).collect())
}

fn add_lines(batch: &RecordBatch, as_of: Day, orders: &mut BTreeMap<(Day, String), PastOrder>) {
    let (ids, days) = (batch["order_id"].as_string::<i32>(), batch["ordered_on"].as_primitive::<Date32Type>());
    let (quantities, totals) = (batch["quantity"].as_primitive::<Int64Type>(), batch["total_cents"].as_primitive::<Int64Type>());
    for row in (0..batch.num_rows()).filter(|&row| days.value(row) < as_of.0) {
        let on = Day(days.value(row));
        let order = orders.entry((on, ids.value(row).to_owned())).or_insert_with(|| PastOrder {
            order_id: ids.value(row).to_owned(),
            on,
            total_cents: 0,
            items: 0,
        });
        order.total_cents += totals.value(row);
        order.items += quantities.value(row).max(0) as u64;
    }
}
