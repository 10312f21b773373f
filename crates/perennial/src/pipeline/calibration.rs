//! Is a forecast right for every kind of customer, and was it right at earlier days too?

use std::collections::BTreeMap;

use anyhow::Result;
use perennial_contract::estimator::{Model, Run, column};
use perennial_contract::{Day, Table};
use perennial_learn::catalog::Entry;
use perennial_learn::parallel;
use serde_json::Value;

use super::contest::judge;
use super::evaluate::Judged;
use super::material::Origin;
use crate::report::{CalibrationPoint, CalibrationSlice};

/// Groups told of a kind; the rest stand together.
const GROUPS_MAX: usize = 8;
/// Of a group: fewer say nothing.
const CUSTOMERS_MIN: usize = 30;
/// Of the normal law: chance stays within it in 99 of 100 cases.
const DEVIATIONS: f64 = 2.576;
/// Rows an origin is learned from, at most, newest windows first.
const LESSON_ROWS_MAX: usize = 2_500;
/// Days told before the test window, the newest.
const POINTS_MAX: usize = 4;

/// A way to part customers: every row's group, `None` where it is not known.
pub struct Kind {
    by: &'static str,
    groups: Vec<Option<String>>,
}

/// Segment, country, quarter of the first order, how many orders. Segments are those of today's customers, by the model given.
pub fn kinds(test: &Table, rfm: Option<&dyn Model>) -> Result<Vec<Kind>> {
    let mut kinds = Vec::new();
    if test.rows() == 0 {
        return Ok(kinds);
    }
    if let Some(rfm) = rfm {
        let segments = rfm.scorer().score(test)?.texts(column::SEGMENT)?;
        kinds.push(Kind { by: "segment", groups: segments.iter().map(|key| key.map(str::to_owned)).collect() });
    }
    if test.has("country") {
        let countries = test.texts("country")?;
        kinds.push(Kind { by: "country", groups: countries.iter().map(|name| name.map(str::to_owned)).collect() });
    }
    let (days, ages, orders) = (test.days(column::AS_OF)?, test.f64s(column::T)?, test.f64s(column::ORDERS)?);
    let quarter = |(day, age): (Option<Day>, f64)| {
        let (year, month, _) = day.filter(|_| age.is_finite())?.plus(-(age as i32)).ymd();
        Some(format!("{year} Q{}", (month - 1) / 3 + 1))
    };
    kinds.push(Kind { by: "cohort", groups: days.into_iter().zip(ages).map(quarter).collect() });
    let often = |orders: f64| match orders {
        0.0..=1.0 => Some("1".to_owned()),
        2.0..=3.0 => Some("2–3".to_owned()),
        4.0.. => Some("4+".to_owned()),
        _ => None,
    };
    kinds.push(Kind { by: "orders", groups: orders.into_iter().map(often).collect() });
    Ok(kinds)
}

/// Predicted beside observed for every group of every kind that parts the customers at all.
pub fn slices(judged: &Judged, kinds: &[Kind]) -> Vec<CalibrationSlice> {
    let mut slices = Vec::new();
    for Kind { by, groups } in kinds {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, group) in groups.iter().enumerate() {
            members.entry(group.as_deref().unwrap_or_default()).or_default().push(row);
        }
        let is_told = told(&members);
        let mut others = Vec::new();
        let mut of_kind = Vec::new();
        for (group, rows) in members {
            match is_told.contains(&group) {
                true => of_kind.push(slice(judged, by, (group, &rows))),
                false => others.extend(rows),
            }
        }
        if others.len() >= CUSTOMERS_MIN {
            of_kind.push(slice(judged, by, ("", &others)));
        }
        if of_kind.len() > 1 {
            slices.extend(of_kind);
        }
    }
    slices
}

/// The largest groups that are known and large enough.
fn told<'a>(members: &BTreeMap<&'a str, Vec<usize>>) -> Vec<&'a str> {
    let mut large: Vec<(&str, usize)> = members.iter().map(|(group, rows)| (*group, rows.len())).collect();
    large.retain(|(group, customers)| !group.is_empty() && *customers >= CUSTOMERS_MIN);
    large.sort_by_key(|&(group, customers)| (std::cmp::Reverse(customers), group));
    large.truncate(GROUPS_MAX);
    large.into_iter().map(|(group, _)| group).collect()
}

fn slice(judged: &Judged, by: &str, (group, rows): (&str, &[usize])) -> CalibrationSlice {
    let (predicted, observed, error) = compared(judged, rows);
    CalibrationSlice { by: by.to_owned(), group: group.to_owned(), customers: rows.len() as u64, predicted, observed, error }
}

/// Means of what was forecast and of what came, and how far apart chance alone may put them.
fn compared(judged: &Judged, rows: &[usize]) -> (f64, f64, f64) {
    let n = rows.len().max(1) as f64;
    let mean = |value: &dyn Fn(usize) -> f64| rows.iter().map(|&row| value(row)).sum::<f64>() / n;
    match judged {
        Judged::Churn { churned, p_churn: p } => {
            let variance = mean(&|row| p[row] * (1.0 - p[row]));
            (mean(&|row| p[row]), mean(&|row| f64::from(u8::from(churned[row]))), DEVIATIONS * (variance / n).sqrt())
        }
        Judged::Value { actual, spend, .. } => {
            let (predicted, observed) = (mean(&|row| spend[row]), mean(&|row| actual[row]));
            let variance = mean(&|row| (actual[row] - spend[row] - observed + predicted).powi(2));
            (predicted, observed, DEVIATIONS * (variance / n).sqrt())
        }
    }
}

/// What was forecast for the customers of a day and what came.
pub fn compared_on(day: Day, judged: &Judged) -> CalibrationPoint {
    let rows: Vec<usize> = (0..judged.rows()).collect();
    let (predicted, observed, error) = compared(judged, &rows);
    CalibrationPoint { from: day, customers: rows.len() as u64, predicted, observed, error }
}

/// The same recipe at every day before the test window: learned from windows closed by then, judged on the one that began. Ascending;
/// days whose past cannot carry the recipe are left out.
pub fn drift(entry: &Entry, origins: &[Origin], (run, test): (&Run, Option<Day>)) -> Result<Vec<CalibrationPoint>> {
    // Days so long ago have no year before them to tell their season by.
    let one = Run { threads: 1, season: None, ..run.clone() };
    let before = origins.iter().take_while(|origin| test.is_none_or(|test| origin.day < test)).count();
    let origins = &origins[..before];
    let newest = before.saturating_sub(POINTS_MAX);
    let points = parallel::map(run.threads, origins[newest..].iter().collect(), |at: &Origin| point(entry, origins, at, &one));
    Ok(points.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn point(entry: &Entry, origins: &[Origin], at: &Origin, run: &Run) -> Result<Option<CalibrationPoint>> {
    let mut lessons: Vec<Table> = Vec::new();
    let mut rows = 0;
    for origin in origins.iter().rev().filter(|origin| origin.day.plus(run.horizon_days) <= at.day) {
        // Lifetime models learn from everybody as of the last day, also from those the label is not about.
        let table = if lessons.is_empty() { &origin.everybody } else { &origin.active };
        rows += origin.active.rows();
        if rows > LESSON_ROWS_MAX && !lessons.is_empty() {
            break;
        }
        lessons.push(table.clone());
    }
    lessons.reverse();
    let Ok(fitted) = (entry.fit)(&Value::Null, &Table::concat(&lessons)?, run) else { return Ok(None) };
    let judged = judge(entry.task, fitted.model.as_ref(), &at.active, 1)?;
    Ok((judged.rows() >= CUSTOMERS_MIN).then(|| compared_on(at.day, &judged)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_compared_and_small_ones_stand_together() {
        let groups: Vec<Option<String>> = (0..200)
            .map(|row| {
                (row < 190).then(|| {
                    if row < 100 {
                        "A".to_owned()
                    } else if row < 160 {
                        "B".to_owned()
                    } else {
                        format!("C{row}")
                    }
                })
            })
            .collect();
        let p_churn = vec![0.5; 200];
        let churned = (0..200).map(|row| row < 100 || row % 2 == 0).collect();
        let judged = Judged::Churn { churned, p_churn };
        let found = slices(&judged, &[Kind { by: "country", groups }]);
        let told: Vec<(&str, u64)> = found.iter().map(|slice| (slice.group.as_str(), slice.customers)).collect();
        assert_eq!(told, [("A", 100), ("B", 60), ("", 40)]);
        assert!((found[0].observed - found[0].predicted).abs() > found[0].error, "everybody of A left");
        assert!((found[1].observed - found[1].predicted).abs() < found[1].error, "of B as many as were told");
        // One group parts nobody.
        let alone = Kind { by: "country", groups: vec![Some("A".to_owned()); 200] };
        assert!(slices(&judged, &[alone]).is_empty());
    }
}
