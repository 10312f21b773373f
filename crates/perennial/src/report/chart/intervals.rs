//! Intervals: what was predicted, the range promised, and what came.

use super::Label;
use super::canvas::{Canvas, Caption, Markup, Rect, WIDTH};
use super::scale::{Area, Scale, range_with_zero, ticks};

pub struct Interval {
    pub label: String,
    pub predicted: f64,
    pub actual: f64,
    pub lo: f64,
    pub hi: f64,
    pub note: String,
}

pub fn intervals(caption: &Caption<'_>, rows: &[Interval], label: Label<'_>) -> Markup {
    const HEIGHT: f64 = 280.0;
    let mut canvas = Canvas::new(WIDTH, HEIGHT, caption);
    let (lo, hi) = range_with_zero(rows.iter().flat_map(|row| [row.predicted, row.actual, row.lo, row.hi]));
    let values = ticks(lo, hi, 5);
    let labels: Vec<String> = values.iter().map(|value| label(*value)).collect();
    let area = Area::for_labels(WIDTH, HEIGHT, &labels);
    let (bottom, top) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(1.0));
    let y = Scale { lo: bottom, hi: top, from: area.bottom, to: area.top };
    area.draw_value_axis(&mut canvas, &y, &values, label);
    let slot = (area.right - area.left) / rows.len().max(1) as f64;
    let width = (slot * 0.5).min(26.0);
    let middle = |index: usize| area.left + slot * (index as f64 + 0.5);
    for (index, row) in rows.iter().enumerate() {
        let centre = middle(index);
        if row.lo.is_finite() && row.hi.is_finite() {
            let (high, low) = (y.at(row.hi), y.at(row.lo));
            let rect = Rect { x: centre - width / 2.0, y: high.min(low), width, height: (low - high).abs().max(1.0) };
            canvas.rect("band", rect, &row.note);
        }
        if row.predicted.is_finite() {
            let at = y.at(row.predicted);
            canvas.line("line main", (centre - width / 2.0, at), (centre + width / 2.0, at));
        }
        if row.actual.is_finite() {
            canvas.circle("dot ink", (centre, y.at(row.actual)), 3.6, &row.note);
        }
    }
    let places: Vec<f64> = (0..rows.len()).map(middle).collect();
    area.draw_labels(&mut canvas, &places, &rows.iter().map(|row| row.label.as_str()).collect::<Vec<_>>());
    canvas.finish()
}
