//! A group's SQL on the engine, and its rows laid beside the customers they belong to.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, is_null, kernels::zip::zip, take};
use arrow::datatypes::{DataType, Float64Type};
use perennial_contract::engine::{AsOf, Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Table};

use super::FeatureError;
use super::group::{Absent, FeatureKind, Group};
use super::store::{Store, day_start_us};

/// One moment of one store: what every query of a table of features shares.
pub(super) struct Moment<'a> {
    pub store: &'a dyn Store,
    pub at: &'a Snapshot,
    pub as_of: AsOf,
    pub who: &'a Who,
}

/// Named columns, in order.
pub(super) type Columns = Vec<(String, ArrayRef)>;

/// `$as_of` is left to the engine; `$as_of_at`, the instant at which that day begins in the shop's zone, becomes a literal here,
/// because engines know no zone.
fn bound(moment: &Moment, query: String) -> Result<String, FeatureError> {
    if !query.contains("$as_of_at") {
        return Ok(query);
    }
    let start_us = day_start_us(moment.store.zone(), moment.as_of.day())?;
    let day = Day(start_us.div_euclid(86_400_000_000) as i32);
    let second = start_us.rem_euclid(86_400_000_000) / 1_000_000;
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    Ok(query.replace("$as_of_at", &format!("CAST('{day}T{time}Z' AS TIMESTAMP)")))
}

/// The group's rows, one per customer, sorted by customer.
pub(super) fn rows(moment: &Moment, group: &Group) -> Result<Table, FeatureError> {
    let sql = bound(moment, group.query())?;
    let answer = moment.store.engine().query(moment.at, &sql, Some(moment.as_of), moment.who);
    let table = answer.map_err(|cause| FeatureError::Query { group: group.name.to_string(), cause })?;
    if !table.has(column::CUSTOMER_ID) {
        return Err(own(group, "gives no column customer_id".to_owned(), "select it, and group by it"));
    }
    let ids = table.texts(column::CUSTOMER_ID)?;
    let mut order: Vec<u32> = (0..ids.len() as u32).filter(|&row| ids.is_valid(row as usize)).collect();
    order.sort_unstable_by_key(|&row| ids.value(row as usize));
    if let Some(pair) = order.windows(2).find(|pair| ids.value(pair[0] as usize) == ids.value(pair[1] as usize)) {
        let problem = format!("gives customer {:?} more than one row", ids.value(pair[0] as usize));
        return Err(own(group, problem, "group by customer_id, so that every customer has one row"));
    }
    Ok(table.take(&order)?)
}

/// The group's features for `customers` (sorted): those without a row get the declared zero, or null.
pub(super) fn aligned(moment: &Moment, group: &Group, customers: &StringArray) -> Result<Columns, FeatureError> {
    let table = rows(moment, group)?;
    let ids = table.texts(column::CUSTOMER_ID)?;
    let mut at = 0;
    let wanted = customers.iter().map(|customer| {
        let customer = customer.unwrap_or_default();
        while at < ids.len() && ids.value(at) < customer {
            at += 1;
        }
        (at < ids.len() && ids.value(at) == customer).then_some(at as u32)
    });
    let wanted: UInt32Array = wanted.collect();
    let declared = group.features()?;
    let schema = table.batch().schema_ref();
    let mut columns = Columns::new();
    for (field, array) in schema.fields().iter().zip(table.batch().columns()) {
        if field.name() == column::CUSTOMER_ID {
            continue;
        }
        let plain = plain(array).ok_or_else(|| {
            let problem = format!("column {:?} is {}", field.name(), field.data_type());
            own(group, problem, "cast it: a feature is a whole number, a float, a boolean or a text")
        })?;
        let mut laid = take(&plain, &wanted, None)?;
        let absent = declared.iter().find(|feature| feature.name == field.name()).map(|feature| feature.absent);
        if absent == Some(Absent::Zero) {
            laid = zip(&is_null(&wanted)?, &zero(laid.data_type()), &laid)?;
        }
        columns.push((field.name().clone(), laid));
    }
    if columns.is_empty() {
        return Err(own(group, "gives no column besides customer_id".to_owned(), "select at least one feature"));
    }
    Ok(columns)
}

/// What every customer has in a group whose tables are empty. Equal columns share their memory.
pub(super) fn absent(group: &Group, rows: usize) -> Result<Columns, FeatureError> {
    let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; rows]));
    let mut made: Vec<((FeatureKind, Absent), ArrayRef)> = Vec::new();
    let mut columns = Columns::new();
    for feature in group.features()? {
        let wanted = (feature.kind, feature.absent);
        if !made.iter().any(|(kind, _)| *kind == wanted) {
            let data_type = feature.kind.data_type();
            let array = if feature.absent == Absent::Null { new_null_array(&data_type, rows) } else { cast(&zeros, &data_type)? };
            made.push((wanted, array));
        }
        columns.extend(
            made.iter().filter(|(kind, _)| *kind == wanted).map(|(_, array)| (feature.name.to_owned(), Arc::clone(array))),
        );
    }
    Ok(columns)
}

/// The column as one of the four kinds of feature; floats that are no number become null.
fn plain(array: &ArrayRef) -> Option<ArrayRef> {
    let is = array.data_type();
    let to = match is {
        DataType::Boolean => DataType::Boolean,
        DataType::Null => DataType::Float64,
        DataType::UInt64 => DataType::Float64,
        is if is.is_integer() => DataType::Int64,
        is if is.is_numeric() => DataType::Float64,
        is if is.is_string() => DataType::Utf8,
        DataType::Dictionary(_, values) if values.is_string() => DataType::Utf8,
        _ => return None,
    };
    let array = cast(array, &to).ok()?;
    if to != DataType::Float64 {
        return Some(array);
    }
    let floats = array.as_primitive::<Float64Type>();
    if floats.iter().flatten().all(f64::is_finite) {
        return Some(array);
    }
    Some(Arc::new(floats.iter().map(|value| value.filter(|v| v.is_finite())).collect::<Float64Array>()))
}

fn zero(data_type: &DataType) -> arrow::array::Scalar<ArrayRef> {
    let zero: ArrayRef = match data_type {
        DataType::Float64 => Arc::new(Float64Array::from(vec![0.0])),
        _ => Arc::new(Int64Array::from(vec![0])),
    };
    arrow::array::Scalar::new(zero)
}

fn own(group: &Group, problem: String, advice: &'static str) -> FeatureError {
    FeatureError::Own { file: format!("{}.sql", group.name), problem, advice }
}
