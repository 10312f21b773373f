//! Columns: a value per month, or the counts of a histogram.

use super::Label;
use super::canvas::{Canvas, Caption, Markup, Rect, WIDTH};
use super::scale::{Area, Scale, range_with_zero, ticks};

pub struct Column {
    /// Under the column; thinned where there is no room.
    pub label: String,
    pub value: f64,
    /// What the column says when pointed at.
    pub note: String,
    /// Drawn pale: not comparable with the others.
    pub pale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Separate things: months.
    Apart,
    /// Neighbouring bins of one scale: labels stand at the left edges, the last at the right one.
    Touching,
}

pub fn columns(caption: &Caption<'_>, columns: &[Column], spacing: Spacing, label: Label<'_>) -> Markup {
    const HEIGHT: f64 = 230.0;
    let mut canvas = Canvas::new(WIDTH, HEIGHT, caption);
    let (lo, hi) = range_with_zero(columns.iter().map(|column| column.value));
    let values = ticks(lo, hi, 4);
    let labels: Vec<String> = values.iter().map(|value| label(*value)).collect();
    let area = Area::for_labels(WIDTH, HEIGHT, &labels);
    let first = values.first().copied().unwrap_or(0.0);
    let y = Scale { lo: first, hi: values.last().copied().unwrap_or(1.0), from: area.bottom, to: area.top };
    area.draw_value_axis(&mut canvas, &y, &values, label);
    let slot = (area.right - area.left) / columns.len().max(1) as f64;
    let width = match spacing {
        Spacing::Apart => (slot * 0.72).min(44.0),
        Spacing::Touching => (slot - 1.0).max(0.5),
    };
    let left = |index: usize| area.left + slot * index as f64;
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| column.value.is_finite()) {
        let (zero, tip) = (y.at(0.0), y.at(column.value));
        let class = match (column.pale, column.value < 0.0) {
            (true, _) => "pale",
            (false, true) => "risk",
            (false, false) => "main",
        };
        let x = left(index) + (slot - width) / 2.0;
        canvas.rect(class, Rect { x, y: zero.min(tip), width, height: (zero - tip).abs() }, &column.note);
    }
    let names: Vec<&str> = columns.iter().map(|column| column.label.as_str()).collect();
    let places: Vec<f64> = match spacing {
        Spacing::Apart => (0..columns.len()).map(|index| left(index) + slot / 2.0).collect(),
        Spacing::Touching => (0..columns.len()).map(left).collect(),
    };
    area.draw_labels(&mut canvas, &places, &names);
    canvas.finish()
}
