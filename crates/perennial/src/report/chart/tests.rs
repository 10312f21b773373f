use super::canvas::{escape, number};
use super::scale::{Scale, ticks};
use super::*;

fn caption() -> Caption<'static> {
    Caption { id: "c", title: "T < t", description: "d & d" }
}

#[test]
fn ticks_are_round_and_cover_the_range() {
    assert_eq!(ticks(0.0, 97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
    assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
    assert_eq!(ticks(-3.0, 12.0, 4), [-5.0, 0.0, 5.0, 10.0, 15.0]);
    assert_eq!(ticks(f64::NAN, 1.0, 4).first(), Some(&0.0));
    for (lo, hi) in [(0.0, 1e-9), (0.0, 1e15), (5.0, 5.0), (-1.0, -0.5), (0.7, 0.72)] {
        let found = ticks(lo, hi, 4);
        assert!(found.len() >= 2 && found.len() < 12, "{lo}..{hi}: {found:?}");
        if hi > lo {
            assert!(found[0] <= lo + 1e-9 && found[found.len() - 1] >= hi * (1.0 - 1e-9), "{lo}..{hi}: {found:?}");
        }
    }
}

#[test]
fn a_scale_without_extent_does_not_divide_by_zero() {
    let scale = Scale { lo: 3.0, hi: 3.0, from: 10.0, to: 20.0 };
    assert_eq!(scale.at(3.0), 10.0);
    assert_eq!(number(f64::NAN), "0");
    assert_eq!(number(-0.01), "0");
    assert_eq!(number(12.04), "12");
}

#[test]
fn texts_are_escaped_and_control_characters_replaced() {
    assert_eq!(escape("<script>\"'&\u{0}"), "&lt;script&gt;&quot;&#39;&amp;\u{fffd}");
    let drawn = bars(&caption(), &[Bar { name: "<b>".into(), value: "1".into(), marks: vec![] }]).0;
    assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("<b>"));
    assert!(drawn.contains("T &lt; t") && drawn.contains("d &amp; d"));
}

#[test]
fn every_chart_draws_nothing_and_nonsense_without_a_crash() {
    let plain = |v: f64| format!("{v}");
    for values in [vec![], vec![f64::NAN], vec![0.0], vec![-4.0, 2.0], vec![f64::INFINITY, 1e300]] {
        let bars: Vec<Column> =
            values.iter().map(|v| Column { label: "x".into(), value: *v, note: String::new(), pale: false }).collect();
        let places: Vec<String> = values.iter().map(|v| format!("{v}")).collect();
        let intervals_in: Vec<Interval> = values
            .iter()
            .map(|v| Interval { label: "1".into(), predicted: *v, actual: *v, lo: *v, hi: *v, note: String::new() })
            .collect();
        let rows: Vec<EstimateRow> = values
            .iter()
            .map(|v| EstimateRow { name: "m".into(), class: "main", value: *v, interval: None, note: String::new() })
            .collect();
        let curve = Curve { class: "main", points: values.iter().map(|v| (*v, *v)).collect() };
        let plot = UnitPlot { curves: vec![curve], markers: vec![], x_name: "x", y_name: "y", extent: f64::NAN };
        for drawn in [
            columns(&caption(), &bars, Spacing::Apart, &plain),
            columns(&caption(), &bars, Spacing::Touching, &plain),
            lines(&caption(), &places, &[Line { class: "main", name: "n", values: values.clone() }], &plain),
            intervals(&caption(), &intervals_in, &plain),
            estimates(&caption(), &rows, &plain),
            unit_plot(&caption(), &plot, &plain),
        ] {
            assert!(drawn.0.starts_with("<svg") && drawn.0.ends_with("</svg>"));
            assert!(!drawn.0.contains("=\"NaN\"") && !drawn.0.contains("=\"inf\""), "{}", drawn.0);
        }
        assert!(!spark(&values).0.contains("NaN"));
    }
    let empty = flows(&caption(), &Flows { from: &[], to: &[], ranks: &[], counts: &[] }, &|_, _, _| String::new());
    assert!(empty.0.ends_with("</svg>"));
}

#[test]
fn ribbons_are_as_thick_as_their_counts() {
    let names = vec!["A".to_owned(), "B".to_owned()];
    let counts = [vec![3, 1], vec![0, 4]];
    let drawn = flows(&caption(), &Flows { from: &names, to: &names, ranks: &[1, 0], counts: &counts }, &|i, j, n| {
        format!("{i}-{j}-{n}")
    });
    assert_eq!(drawn.0.matches("class=\"ribbon").count(), 3);
    assert_eq!(drawn.0.matches("ribbon risk").count(), 1);
    assert!(drawn.0.contains("0-1-1") && !drawn.0.contains("1-0-0"));
    let better =
        flows(&caption(), &Flows { from: &names, to: &names, ranks: &[0, 1], counts: &counts }, &|_, _, _| String::new());
    assert_eq!((better.0.matches("ribbon good").count(), better.0.matches("ribbon risk").count()), (1, 0));
}
