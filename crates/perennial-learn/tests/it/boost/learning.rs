//! Data whose right answer is known by construction.

use perennial_learn::learner::boost::{BoostParams, Booster, Column, Examples, Matrix, Monotone, Objective};
use rand::RngExt;

use super::{RUN, fit, margins, mixed, numbers, params, rng};

#[test]
fn exclusive_or_needs_two_questions_and_is_learned() {
    // 0.8 of the rows on one corner pair, so that the first question has something to go by.
    let a: Vec<f32> = (0..1000).map(|row| (row % 10 < 6) as u8 as f32).collect();
    let b: Vec<f32> = (0..1000).map(|row| (row % 7 < 4) as u8 as f32).collect();
    let label: Vec<f32> = a.iter().zip(&b).map(|(a, b)| (a != b) as u8 as f32).collect();
    let matrix = numbers(vec![a, b]);
    let model = fit(&matrix, &label, &BoostParams { trees: 100, learning_rate: 0.3, ..params(Objective::Logistic) });
    for (margin, label) in margins(&model, &matrix).iter().zip(&label) {
        let p = model.objective().mean(*margin);
        assert!((p - f64::from(*label)).abs() < 0.01, "{p} for {label}");
    }
}

#[test]
fn one_tree_on_squared_error_gives_the_means_of_its_leaves() {
    let x: Vec<f32> = (0..100).map(|row| row as f32).collect();
    let label: Vec<f32> = (0..100).map(|row| if row < 30 { 1.0 } else { 5.0 }).collect();
    let weight: Vec<f32> = (0..100).map(|row| if row % 2 == 0 { 3.0 } else { 1.0 }).collect();
    let matrix = numbers(vec![x]);
    let settings = BoostParams { trees: 1, learning_rate: 1.0, leaves: 2, ..params(Objective::SquaredError) };
    let examples = Examples { matrix: &matrix, label: &label, weight: Some(&weight) };
    let model = Booster::fit(&examples, None, &settings, &RUN).unwrap();
    for (margin, label) in margins(&model, &matrix).iter().zip(&label) {
        assert!((margin - f64::from(*label)).abs() < 1e-4, "{margin} for {label}");
    }
    let threshold = &model.to_json()["trees"][0]["nodes"][0]["rule"]["at_most"]["threshold"];
    assert_eq!(threshold.as_f64(), Some(29.5));
}

#[test]
fn missing_values_take_the_side_they_belong_to() {
    for missing_is_high in [true, false] {
        let x: Vec<f32> = (0..300).map(|row| if row % 3 == 0 { f32::NAN } else { (row % 100) as f32 }).collect();
        let label: Vec<f32> = x.iter().map(|x| if x.is_nan() { missing_is_high } else { *x >= 50.0 } as u8 as f32).collect();
        let matrix = numbers(vec![x]);
        let settings = BoostParams { trees: 1, learning_rate: 1.0, leaves: 2, ..params(Objective::SquaredError) };
        let model = fit(&matrix, &label, &settings);
        for (margin, label) in margins(&model, &matrix).iter().zip(&label) {
            assert!((margin - f64::from(*label)).abs() < 1e-4, "{margin} for {label}");
        }
    }
}

#[test]
fn being_missing_at_all_is_a_question() {
    let mut rng = rng(3);
    let x: Vec<f32> = (0..400).map(|_| if rng.random::<f32>() < 0.4 { f32::NAN } else { rng.random() }).collect();
    let label: Vec<f32> = x.iter().map(|x| x.is_nan() as u8 as f32).collect();
    let matrix = numbers(vec![x]);
    let model = fit(&matrix, &label, &BoostParams { trees: 1, learning_rate: 1.0, leaves: 2, ..params(Objective::SquaredError) });
    assert!(margins(&model, &matrix).iter().zip(&label).all(|(margin, label)| (margin - f64::from(*label)).abs() < 1e-4));
    let infinite = margins(&model, &numbers(vec![vec![f32::INFINITY, f32::NEG_INFINITY, f32::NAN]]));
    assert!(infinite[0] < 0.01 && infinite[1] < 0.01 && infinite[2] > 0.99, "{infinite:?}");
}

#[test]
fn one_question_parts_a_set_of_categories_from_the_others() {
    let matrix = mixed(3000, 5);
    let Column::Category(codes) = &matrix.columns()[2] else { unreachable!("the third column of mixed") };
    let label: Vec<f32> = codes.iter().map(|code| (*code == 0 || *code == 3) as u8 as f32).collect();
    let settings = BoostParams { trees: 1, learning_rate: 1.0, leaves: 2, ..params(Objective::SquaredError) };
    let model = fit(&matrix, &label, &settings);
    assert!(margins(&model, &matrix).iter().zip(&label).all(|(margin, label)| (margin - f64::from(*label)).abs() < 1e-4));
    // Codes 5 (any other) and 6 (missing) were never seen: they follow the side with more training rows.
    let unseen = Column::Category(vec![5, 6]);
    let columns = vec![Column::Number(vec![0.5; 2]), Column::Number(vec![0.5; 2]), unseen];
    let unseen = margins(&model, &Matrix::new((**matrix.schema()).clone(), columns).unwrap());
    assert!(unseen.iter().all(|margin| margin.abs() < 1e-4), "{unseen:?}");
}

#[test]
fn monotone_features_never_bend_the_wrong_way() {
    let mut rng = rng(11);
    let rows = 4000;
    let x: Vec<f32> = (0..rows).map(|_| rng.random()).collect();
    let z: Vec<f32> = (0..rows).map(|_| rng.random()).collect();
    let label: Vec<f32> = (0..rows).map(|row| (x[row] * 6.0).sin() * (1.0 + z[row]) + rng.random::<f32>()).collect();
    let matrix = numbers(vec![x, z]);
    for (monotone, sign) in [(Monotone::Rising, 1.0), (Monotone::Falling, -1.0)] {
        let mut settings = BoostParams { trees: 60, leaves: 16, ..params(Objective::SquaredError) };
        settings.monotone.insert("f0".to_owned(), monotone);
        let free = fit(&matrix, &label, &BoostParams { monotone: Default::default(), ..settings.clone() });
        let bound = fit(&matrix, &label, &settings);
        let mut free_bends = 0;
        for z in [0.05, 0.3, 0.55, 0.9] {
            let grid = numbers(vec![(0..500).map(|step| step as f32 / 500.0).collect(), vec![z; 500]]);
            let wrong = |pair: &[f64]| (pair[1] - pair[0]) * sign < 0.0;
            assert!(!margins(&bound, &grid).windows(2).any(wrong), "bends at z = {z}");
            free_bends += margins(&free, &grid).windows(2).filter(|pair| wrong(pair)).count();
        }
        assert!(free_bends > 0, "the data gives a free booster no reason to bend");
    }
}

#[test]
fn log_link_losses_find_the_means_of_groups() {
    let group: Vec<f32> = (0..4000).map(|row| (row % 4) as f32).collect();
    let mut rng = rng(2);
    let label: Vec<f32> = group
        .iter()
        .map(|group| if rng.random::<f32>() < 0.5 { 0.0 } else { (group + 1.0) * 20.0 * rng.random::<f32>() })
        .collect();
    let matrix = numbers(vec![group.clone()]);
    for objective in [Objective::Tweedie { power: 1.5 }, Objective::Poisson, Objective::SquaredError] {
        let model = fit(&matrix, &label, &BoostParams { trees: 200, ..params(objective) });
        let found = margins(&model, &numbers(vec![vec![0.0, 1.0, 2.0, 3.0]]));
        for (at, margin) in found.iter().enumerate() {
            let of_group: Vec<f32> = label.iter().zip(&group).filter(|pair| *pair.1 == at as f32).map(|pair| *pair.0).collect();
            let mean = f64::from(of_group.iter().sum::<f32>()) / of_group.len() as f64;
            let predicted = objective.mean(*margin);
            assert!((predicted / mean - 1.0).abs() < 0.01, "{objective:?} group {at}: {predicted} for {mean}");
        }
    }
}

#[test]
fn quantiles_cover_the_share_they_say() {
    let mut rng = rng(4);
    let x: Vec<f32> = (0..8000).map(|_| rng.random()).collect();
    let label: Vec<f32> = x.iter().map(|x| 10.0 * x + (1.0 + 5.0 * x) * rng.random::<f32>()).collect();
    let matrix = numbers(vec![x.clone()]);
    for level in [0.1, 0.5, 0.9] {
        let model =
            fit(&matrix, &label, &BoostParams { trees: 100, min_child_rows: 50, ..params(Objective::Quantile { level }) });
        let found = margins(&model, &matrix);
        for half in [0.0..0.5, 0.5..1.0] {
            let rows: Vec<usize> = (0..x.len()).filter(|row| half.contains(&x[*row])).collect();
            let below = rows.iter().filter(|row| f64::from(label[**row]) <= found[**row]).count() as f64 / rows.len() as f64;
            assert!((below - level).abs() < 0.02, "level {level} on {half:?}: {below}");
        }
    }
}

#[test]
fn a_row_of_weight_two_is_two_rows() {
    let mut rng = rng(9);
    // Few values, so that the cuts do not depend on how often each stands there.
    let columns: Vec<Vec<f32>> = (0..3).map(|_| (0..600).map(|_| rng.random_range(0..20) as f32).collect()).collect();
    let label: Vec<f32> = (0..600).map(|row| columns[0][row] + columns[1][row] * columns[2][row] + rng.random::<f32>()).collect();
    let weight: Vec<f32> = (0..600).map(|row| if row % 3 == 0 { 2.0 } else { 1.0 }).collect();
    let twice: Vec<usize> = (0..600).chain((0..600).filter(|row| row % 3 == 0)).collect();
    let pick = |values: &[f32]| twice.iter().map(|row| values[*row]).collect::<Vec<f32>>();
    let (matrix, doubled) = (numbers(columns.clone()), numbers(columns.iter().map(|column| pick(column)).collect()));
    // One row is enough for a leaf, so that only weights decide.
    let settings = BoostParams { trees: 5, min_child_rows: 1, min_child_weight: 20.0, ..params(Objective::SquaredError) };
    let examples = Examples { matrix: &matrix, label: &label, weight: Some(&weight) };
    let weighted = margins(&Booster::fit(&examples, None, &settings, &RUN).unwrap(), &matrix);
    let plain = margins(&fit(&doubled, &pick(&label), &settings), &matrix);
    let unweighted = margins(&fit(&matrix, &label, &settings), &matrix);
    // Rounding of the derivatives differs; it is below a thousandth of the label's range.
    let gap = |other: &[f64]| weighted.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap(&plain) < 0.1, "gap {}", gap(&plain));
    assert!(gap(&unweighted) > 1.0, "weights change nothing: {}", gap(&unweighted));
}

#[test]
fn early_stopping_keeps_the_trees_with_the_least_validation_loss() {
    let mut rng = rng(8);
    let mut noise = |rows: usize| {
        let x: Vec<f32> = (0..rows).map(|_| rng.random()).collect();
        let label: Vec<f32> = x.iter().map(|x| (rng.random::<f32>() < 0.2 + 0.6 * x) as u8 as f32).collect();
        (numbers(vec![x, (0..rows).map(|_| rng.random()).collect()]), label)
    };
    let ((train, label), (valid, valid_label)) = (noise(600), noise(600));
    let settings = BoostParams { trees: 400, early_stopping_trees: 20, ..params(Objective::Logistic) };
    let valid = Examples { matrix: &valid, label: &valid_label, weight: None };
    let stopped = Booster::fit(&Examples { matrix: &train, label: &label, weight: None }, Some(&valid), &settings, &RUN).unwrap();
    assert!((1..200).contains(&stopped.trees()), "{} trees", stopped.trees());
    let loss = |model: &Booster| {
        let margins = margins(model, valid.matrix);
        margins.iter().zip(valid.label).map(|(f, y)| f.exp().ln_1p() - f * f64::from(*y)).sum::<f64>()
    };
    let all = fit(&train, &label, &settings);
    assert_eq!(all.trees(), 400);
    assert!(loss(&stopped) < loss(&all));
    let more = BoostParams { trees: stopped.trees() + 1, early_stopping_trees: 0, ..settings };
    assert!(loss(&stopped) <= loss(&fit(&train, &label, &more)));
}
