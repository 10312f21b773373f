//! What an outlook promises besides coverage: one answer whoever is beside, the same bytes, sound files, and refusals in words.

use perennial_learn::lifetime::outlook::{
    Answers, Ask, BANDS, Basis, ClosedWindow, Customers, LawName, Outcomes, Outlook, Refusal, Settings, Slices,
};
use serde_json::json;

use super::shop::{BG, PARETO, Truth, lives, window};

const DAY: f64 = 600.0;
const ASK: Ask<'_> = Ask { spend_horizons_days: &[30, 365], bands: &BANDS, threads: 2 };

fn fitted(customers: usize, truth: &Truth, threads: usize) -> (Outlook, Customers) {
    let lives = lives(customers, truth, [590, 600], 3);
    let closed = [window(&lives, DAY - 30.0, 30), window(&lives, DAY - 91.0, 91)];
    let now = window(&lives, DAY, 1).customers().clone();
    let outlook = Outlook::fit(&now, &closed, &Settings { threads, ..Settings::default() }).expect("a fit");
    (outlook, now)
}

fn customers(x: &[f64], t_x: &[f64], t: &[f64], means: &[f64]) -> Result<Customers, Refusal> {
    Customers::from_slices(Slices { x, t_x, t, repeat_spend_cents_mean: means })
}

#[test]
fn threads_and_a_file_change_no_bit() {
    for truth in [BG, PARETO] {
        let (outlook, now) = fitted(30_000, &truth, 1);
        let (other, _) = fitted(30_000, &truth, 3);
        let text = outlook.to_json().to_string();
        assert_eq!(text, other.to_json().to_string());
        let read = Outlook::load(&serde_json::from_str(&text).expect("JSON")).expect("a sound file");
        assert_eq!(read.to_json().to_string(), text);
        let answers = |outlook: &Outlook, threads| outlook.answer(&now, Ask { threads, ..ASK }).expect("answers");
        let bits = |answers: &Answers| format!("{:?}", (0..answers.rows()).map(|row| answers.customer(row)).collect::<Vec<_>>());
        let first = bits(&answers(&outlook, 1));
        assert!(first == bits(&answers(&read, 2)) && first == bits(&answers(&outlook, 5)));
    }
}

#[test]
fn one_customer_alone_is_told_the_same_and_what_is_told_makes_sense() {
    for truth in [BG, PARETO] {
        let (outlook, _) = fitted(5000, &truth, 2);
        let x = [0.0, 3.0, 40.0, 2.0, f64::NAN, 1.0];
        let t_x = [0.0, 80.0, 390.0, 11.0, f64::NAN, 10.0];
        let t = [500.0, 90.0, 400.0, 580.0, f64::NAN, 10.0];
        let means = [f64::NAN, 2500.0, 900.0, f64::NAN, f64::NAN, -20.0];
        let all = outlook.answer(&customers(&x, &t_x, &t, &means).expect("sound rows"), ASK).expect("answers");
        for row in 0..x.len() {
            let one = customers(&x[row..=row], &t_x[row..=row], &t[row..=row], &means[row..=row]).expect("a sound row");
            let alone = outlook.answer(&one, ASK).expect("an answer").customer(0);
            assert_eq!(alone, all.customer(row), "row {row}");
            assert_eq!(alone.is_none(), x[row].is_nan());
            let Some(told) = alone else { continue };
            assert!(told.horizons.is_sorted_by(|a, b| a.p_no_order >= b.p_no_order && a.orders_expected <= b.orders_expected));
            for horizon in &told.horizons {
                assert!((0.0..=1.0).contains(&horizon.p_no_order) && horizon.orders_expected >= 1.0 - horizon.p_no_order - 1e-12);
                assert_eq!(horizon.is_extrapolated, horizon.horizon_days > 91);
                for (days, chance) in told.next_order_days.iter().zip([0.1, 0.5, 0.9]) {
                    let comes = days.is_some_and(|days| days <= f64::from(horizon.horizon_days));
                    assert!(comes == (1.0 - horizon.p_no_order >= chance - 1e-9), "{told:?}");
                }
            }
            for spend in &told.spend {
                let ends: Vec<f64> = spend.bands.iter().rev().map(|band| band.lo_cents).chain([spend.median_cents]).collect();
                assert!(ends.is_sorted() && ends[0] >= 0.0, "{spend:?}");
                let ends: Vec<f64> =
                    [spend.median_cents].into_iter().chain(spend.bands.iter().map(|band| band.hi_cents)).collect();
                assert!(ends.is_sorted() && ends.iter().all(|end| end.is_finite()), "{spend:?}");
            }
        }
        // A busy customer is expected soon, one who was silent for 19 months is not.
        let days = all.next_order_days()[1].clone();
        assert!(days[2] < 40.0 && (days[3].is_nan() || days[3] >= 365.0), "{days:?}");
    }
}

#[test]
fn a_shop_that_carries_no_model_is_told_a_wide_rate() {
    let (x, t_x): (Vec<f64>, Vec<f64>) = (0..60).map(|i| if i % 10 == 0 { (1.0, 40.0) } else { (0.0, 0.0) }).unzip();
    let now = customers(&x, &t_x, &[200.0; 60], &[2000.0; 60]).expect("sound rows");
    let outlook = Outlook::fit(&now, &[], &Settings::default()).expect("a fallback");
    assert_eq!((outlook.orders_law().name(), outlook.orders_law().basis()), (LawName::Nbd, Basis::Rate));
    assert_eq!(outlook.spend_law().map(|law| law.basis()), Some(Basis::Rate));
    let told = outlook.answer(&now, ASK).expect("answers").customer(0).expect("an answer");
    assert!(told.p_alive.is_none() && told.horizons.iter().all(|horizon| horizon.is_extrapolated));
    // 6 orders in 60 · 200 days.
    let orders: f64 = outlook.answer(&now, ASK).expect("answers").orders_expected(4).iter().sum();
    assert!((orders / (365.0 * 60.0 * 6.0 / 12_000.0) - 1.0).abs() < 0.3, "{orders}");
}

#[test]
fn what_cannot_be_answered_is_refused_in_both_languages() {
    let fit = |x: &[f64], t_x: &[f64], t: &[f64]| {
        let means = vec![f64::NAN; x.len()];
        customers(x, t_x, t, &means).and_then(|now| Outlook::fit(&now, &[], &Settings::default())).map(|_| ()).unwrap_err()
    };
    let nan = f64::NAN;
    let cases = [
        (fit(&[], &[], &[]), "0 customers", "0 位"),
        (fit(&[2.0], &[5.0], &[9.0]), "1 customers", "1 位"),
        (fit(&[0.0; 9], &[0.0; 9], &[50.0; 9]), "none of 9 customers", "9 位客户均未复购"),
        (fit(&[0.0; 9], &[0.0; 9], &[0.0; 9]), "age is 0", "0 天"),
        (fit(&[12.0, 1.0], &[9.0, 1.0], &[9.0, 5.0]), "row 1: x is 12", "第 1 行：x 为 12"),
        (fit(&[1.0, 1.0], &[1.0, 7.0], &[9.0, 5.0]), "row 2: t_x is 7", "第 2 行：t_x 为 7"),
        (fit(&[nan, 1.0], &[0.0, 1.0], &[9.0, 5.0]), "row 1: x is NaN", "第 1 行"),
        (fit(&[1.5, 1.0], &[2.0, 1.0], &[9.0, 5.0]), "row 1: x is 1.5", "整数"),
        (fit(&[1.0, 1.0], &[2.0, 1.0], &[9.0, f64::INFINITY]), "row 2: t is inf", "第 2 行"),
        (fit(&[1.0, 1.0], &[2.0], &[9.0, 5.0]), "t_x has 1 rows where x has 2", "t_x 有 1 行"),
    ];
    for (refusal, en, zh) in cases {
        let words = refusal.words();
        assert!(words.en.contains(en) && words.zh.contains(zh), "{words:?}");
        assert!(perennial_contract::estimator::FitError::from(refusal).to_string().contains(en));
    }
    let (outlook, now) = fitted(2000, &BG, 1);
    let refused = |ask| outlook.answer(&now, ask).map(|_| ()).unwrap_err().to_string();
    assert!(refused(Ask { spend_horizons_days: &[31], ..ASK }).contains("30, 60, 90, 180, 365"));
    assert!(refused(Ask { bands: &[100], ..ASK }).contains("1 to 99"));
    assert!(matches!(
        Outlook::fit(&now, &[], &Settings { horizons_days: vec![0], ..Settings::default() }),
        Err(Refusal::Horizon(0))
    ));
    let outcomes = Outcomes { orders: &[0.0], spend_cents: &[0.0], next_order_days: None };
    assert!(matches!(ClosedWindow::of(now, 30, outcomes), Err(Refusal::Length { .. })));
}

#[test]
fn a_file_that_no_fit_wrote_is_refused() {
    let (outlook, _) = fitted(2000, &PARETO, 1);
    let sound = outlook.to_json();
    assert!(Outlook::load(&sound).is_ok());
    let spoilt: [(&str, serde_json::Value); 10] = [
        ("/horizons_days", json!([60, 30])),
        ("/horizons_days", json!([])),
        ("/horizons_days/0", json!(-3)),
        ("/laws/orders/letters/r", json!(-1.0)),
        ("/laws/orders/name", json!("oracle")),
        ("/laws/spend/q", json!(0.5)),
        ("/windows/0/horizon_days", json!(4000)),
        ("/windows/0/more_orders", json!(1e9)),
        ("/windows/0/next_order/0/pits/4", json!(2.0)),
        ("/windows/0/spend/0/pits", json!([0.0, 1.0])),
    ];
    for (at, value) in spoilt {
        let mut json = sound.clone();
        *json.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value.clone();
        assert!(Outlook::load(&json).is_err(), "{at} = {value}");
    }
    for at in ["", "/laws", "/laws/orders", "/laws/spend", "/windows/0", "/windows/0/next_order/0"] {
        let mut json = sound.clone();
        json.pointer_mut(at).and_then(|part| part.as_object_mut()).expect("an object").insert("more".to_owned(), json!(1));
        assert!(Outlook::load(&json).is_err(), "an unknown field in {at:?}");
    }
}
