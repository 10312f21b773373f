use perennial_contract::estimator::Run;
use perennial_learn::survival::hazard::{self, HazardParams};
use perennial_learn::survival::{cox, flat};

use super::data::{self, near};

const RUN: Run = Run { seed: 3, threads: 1, horizon_days: 1, season: None };

/// Hazards that cross: `a` hurts early and helps late. Cox can tell only one ratio; the periods see both.
#[test]
fn crossing_hazards_are_found_where_proportional_ones_cannot_be() {
    let subjects = data::lives(20_000, 8.0, 0.0, |x, e| {
        // Cumulative hazard: r t up to 1, then r + (t − 1)/r.
        let r = libm::exp(1.2 * x[0]);
        if e <= r { e / r } else { 1.0 + (e - r) * r }
    });
    let rows: Vec<u32> = (0..20_000).collect();
    let (learned, judged) = rows.split_at(15_000);
    let model = hazard::fit(&subjects, learned, &HazardParams::default(), &RUN).expect("a fit");
    assert!(model.ends.len() == 20 && model.share_kept == 1.0);
    let curves = model.survival(&subjects, judged).expect("curves");
    let cox = cox::fit(&subjects, 2).expect("a fit");
    let truth = |x: &[f64], t: f64| {
        let r = libm::exp(1.2 * x[0]);
        libm::exp(-if t <= 1.0 { r * t } else { r + (t - 1.0) / r })
    };
    let (mut ours, mut proportional, mut cells) = (0.0, 0.0, 0.0);
    for (row, curve) in judged.iter().zip(curves.chunks(model.ends.len())) {
        assert!(curve.windows(2).all(|pair| pair[0] >= pair[1]) && curve.iter().all(|s| (0.0..=1.0).contains(s)));
        let x = subjects.row(*row as usize);
        for (end, survival) in model.ends.iter().zip(curve).take(19) {
            ours += (survival - truth(x, *end)).abs();
            proportional += (cox.survival(x, *end) - truth(x, *end)).abs();
            cells += 1.0;
        }
    }
    let (ours, proportional) = (ours / cells, proportional / cells);
    println!("mean absolute error of survival: {ours:.4}, Cox {proportional:.4}");
    assert!(ours < 0.03 && ours < 0.5 * proportional, "{ours} beside {proportional}");
}

#[test]
fn threads_change_no_bit_and_the_flat_fit_judges_on_rows_it_has_not_seen() {
    let Some(table) = data::table("rossi.csv", ["week", "arrest"]) else { return };
    let subjects = perennial_learn::survival::subjects::Subjects::from_table(&table).expect("sound rows");
    let rows: Vec<u32> = (0..432).collect();
    let bits = |threads: usize| {
        let model = hazard::fit(&subjects, &rows, &HazardParams::default(), &Run { threads, ..RUN }).expect("a fit");
        model.hazards(&subjects, &rows).expect("hazards").iter().map(|hazard| hazard.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(1), bits(2));
    let summary = flat::hazard(&table).expect("a fit");
    let held_out = &summary.extra["held_out"];
    assert_eq!((summary.rows, held_out["rows"].as_u64()), (346, Some(86)));
    println!("held out: {held_out}");
    assert!(held_out["concordance"].as_f64().expect("pairs") > 0.5);
    let periods = summary.extra["periods"].as_array().expect("periods");
    // The mean curve of the held-out rows ends near Kaplan-Meier's share at week 52: 318 of 432 were never arrested.
    let last = periods.last().expect("a period");
    assert_eq!(last["until"].as_f64(), Some(52.0));
    near(last["survival_mean"].as_f64().expect("a number"), 318.0 / 432.0, 0.05);
}
