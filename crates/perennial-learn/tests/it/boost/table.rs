//! From a feature table to the matrix: which columns count, what a category is, what is refused.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};
use perennial_learn::learner::boost::{Booster, Column, Kind, Matrix, Objective, Schema};

use super::{fit, margins, params};

fn table(rows: usize) -> Table {
    let channel = |row: usize| match row % 10 {
        0..5 => Some("search"),
        5..8 => Some("mail"),
        8 => None,
        // Fewer than ten rows each: too rare for a code of their own.
        _ => [Some("fax"), Some("telex"), Some("pigeon")][row / 10 % 3],
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", Arc::new(StringArray::from((0..rows).map(|row| row.to_string()).collect::<Vec<_>>()))),
        ("as_of", Arc::new(Date32Array::from(vec![9_000; rows]))),
        (
            "orders_all",
            Arc::new(Int64Array::from((0..rows).map(|row| (row % 7 > 0).then_some(row as i64 % 5)).collect::<Vec<_>>())),
        ),
        ("is_guest", Arc::new(BooleanArray::from((0..rows).map(|row| row % 2 == 0).collect::<Vec<_>>()))),
        ("channel", Arc::new(StringArray::from((0..rows).map(channel).collect::<Vec<_>>()))),
        ("label_churn", Arc::new(Int64Array::from(vec![0; rows]))),
    ];
    Table::from_columns(columns).unwrap()
}

#[test]
fn reserved_columns_are_no_features_and_texts_become_codes() {
    let table = table(200);
    let names = Schema::feature_names(&table);
    assert_eq!(names, ["orders_all", "is_guest", "channel"]);
    let schema = Arc::new(Schema::learn(&table, &names).unwrap());
    assert_eq!(schema.features[2].kind, Kind::Category(vec!["search".to_owned(), "mail".to_owned()]));
    let matrix = Matrix::from_table(&table, &schema).unwrap();
    let [Column::Number(orders), Column::Number(guest), Column::Category(channel)] = matrix.columns() else {
        unreachable!("kinds follow the table")
    };
    assert!(orders[0].is_nan() && guest[0] == 1.0 && guest[1] == 0.0);
    assert_eq!(channel[..10], [0, 0, 0, 0, 0, 1, 1, 1, 3, 2]);
}

#[test]
fn a_category_never_seen_counts_as_the_rare_ones() {
    let seen = table(200);
    let schema = Arc::new(Schema::learn(&seen, &["channel".to_owned()]).unwrap());
    let matrix = Matrix::from_table(&seen, &schema).unwrap();
    let label: Vec<f32> = (0..200).map(|row| (row % 10 == 9) as u8 as f32).collect();
    let model = fit(&matrix, &label, &params(Objective::Logistic));
    let score = |channel: Option<&str>| {
        let rows = Table::from_columns(vec![("channel", Arc::new(StringArray::from(vec![channel])) as ArrayRef)]).unwrap();
        margins(&model, &Matrix::from_table(&rows, model.schema()).unwrap())[0]
    };
    assert_eq!(score(Some("drone")).to_bits(), score(Some("fax")).to_bits());
    assert!(score(Some("drone")) > 1.0 && score(Some("mail")) < -1.0 && score(None) < -1.0);
}

#[test]
fn columns_of_no_use_and_foreign_matrices_are_refused() {
    let table = table(200);
    let message = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Schema::learn(&table, &names).unwrap_err().to_string()
    };
    assert!(message(&["as_of"]).contains("expected numeric, boolean or text"));
    assert!(message(&["spend"]).contains("no column \"spend\""));
    let schema = Arc::new(Schema::learn(&table, &["orders_all".to_owned()]).unwrap());
    let matrix = Matrix::from_table(&table, &schema).unwrap();
    let label: Vec<f32> = (0..200).map(|row| (row % 5) as f32).collect();
    let model: Booster = fit(&matrix, &label, &params(Objective::SquaredError));
    let other = super::numbers(vec![vec![1.0; 3]]);
    assert!(model.predict_margin(&other, 1).unwrap_err().to_string().contains("no column \"orders_all\""));
    assert!(model.shap(&other, 1).is_err());
    let no_rows = Table::from_columns(vec![("orders_all", Arc::new(Float64Array::from(Vec::<f64>::new())) as ArrayRef)]).unwrap();
    assert_eq!(model.predict_margin(&Matrix::from_table(&no_rows, model.schema()).unwrap(), 2).unwrap(), Vec::<f64>::new());
    assert_eq!(model.shap(&Matrix::from_table(&no_rows, model.schema()).unwrap(), 2).unwrap().values, Vec::<f64>::new());
}
