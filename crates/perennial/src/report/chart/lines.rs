//! Lines over months, and the small line that stands in a table cell.

use super::Label;
use super::canvas::{Canvas, Caption, Markup, WIDTH, number, polyline};
use super::scale::{Area, Scale, range_with_zero, ticks};

pub struct Line<'a> {
    /// Class of the line: `main`, `base` or `risk`.
    pub class: &'a str,
    pub name: &'a str,
    pub values: Vec<f64>,
}

/// Lines over shared places. The first one is filled down to 0.
pub fn lines(caption: &Caption<'_>, places: &[String], series: &[Line<'_>], label: Label<'_>) -> Markup {
    const HEIGHT: f64 = 230.0;
    let mut canvas = Canvas::new(WIDTH, HEIGHT, caption);
    let (lo, hi) = range_with_zero(series.iter().flat_map(|line| line.values.iter().copied()));
    let values = ticks(lo, hi, 4);
    let labels: Vec<String> = values.iter().map(|value| label(*value)).collect();
    let area = Area::for_labels(WIDTH, HEIGHT, &labels);
    let (bottom, top) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(1.0));
    let y = Scale { lo: bottom, hi: top, from: area.bottom, to: area.top };
    let x = Scale { lo: 0.0, hi: places.len().saturating_sub(1) as f64, from: area.left + 6.0, to: area.right - 6.0 };
    area.draw_value_axis(&mut canvas, &y, &values, label);
    for (index, line) in series.iter().enumerate() {
        let points: Vec<(f64, f64)> = line.values.iter().enumerate().map(|(i, v)| (x.at(i as f64), y.at(*v))).collect();
        let d = polyline(&points);
        if let (0, Some((first, _)), Some((last, _))) = (index, points.first(), points.last()) {
            let zero = number(y.at(0.0));
            canvas.path("wash", &format!("{d}L{} {zero}L{} {zero}Z", number(*last), number(*first)), "");
        }
        canvas.path(&format!("line {}", line.class), &d, "");
        for ((at, value), place) in points.iter().zip(&line.values).zip(places).filter(|((_, v), _)| v.is_finite()) {
            canvas.circle(&format!("dot {}", line.class), *at, 2.4, &format!("{place} · {}: {}", line.name, label(*value)));
        }
    }
    let marks: Vec<f64> = (0..places.len()).map(|index| x.at(index as f64)).collect();
    area.draw_labels(&mut canvas, &marks, &places.iter().map(String::as_str).collect::<Vec<_>>());
    canvas.finish()
}

/// The shape of a series in the height of a text line. It repeats numbers that stand beside it, so readers are not told of it.
pub fn spark(values: &[f64]) -> Markup {
    let (lo, hi) = range_with_zero(values.iter().copied());
    let x = Scale { lo: 0.0, hi: values.len().saturating_sub(1) as f64, from: 1.0, to: 79.0 };
    let y = Scale { lo, hi, from: 17.0, to: 2.0 };
    let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, v)| (x.at(i as f64), y.at(*v))).collect();
    let d = polyline(&points);
    Markup(format!("<svg class=\"spark\" viewBox=\"0 0 80 19\" aria-hidden=\"true\"><path class=\"line main\" d=\"{d}\"/></svg>"))
}
