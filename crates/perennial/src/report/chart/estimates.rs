//! Estimates with their intervals, one row per model: who is better, and by more than noise?

use super::Label;
use super::canvas::{Anchor, Canvas, Caption, Markup, WIDTH};
use super::scale::{Scale, ticks};

pub struct EstimateRow {
    pub name: String,
    pub class: &'static str,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    pub note: String,
}

pub fn estimates(caption: &Caption<'_>, rows: &[EstimateRow], label: Label<'_>) -> Markup {
    const ROW: f64 = 38.0;
    let rows: Vec<&EstimateRow> = rows.iter().filter(|row| row.value.is_finite()).collect();
    let height = ROW * rows.len() as f64 + 34.0;
    let mut canvas = Canvas::new(WIDTH, height, caption);
    let ends = rows.iter().flat_map(|row| {
        let (lo, hi) = row.interval.unwrap_or((row.value, row.value));
        [row.value, lo, hi]
    });
    let (lo, hi) = ends.filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let values = if hi > lo { ticks(lo, hi, 4) } else { ticks(lo - 0.05, lo + 0.05, 4) };
    let (first, last) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(1.0));
    let x = Scale { lo: first, hi: last, from: 16.0, to: WIDTH - 20.0 };
    let bottom = height - 22.0;
    for value in &values {
        canvas.line("grid", (x.at(*value), 4.0), (x.at(*value), bottom));
        canvas.text("tick", (x.at(*value), height - 5.0), Anchor::Middle, &label(*value));
    }
    for (index, row) in rows.iter().enumerate() {
        let y = ROW * index as f64 + 28.0;
        canvas.text("bar-name", (0.0, y - 12.0), Anchor::Start, &row.name);
        if let Some((lo, hi)) = row.interval.filter(|(lo, hi)| lo.is_finite() && hi.is_finite()) {
            canvas.line(&format!("whisker {}", row.class), (x.at(lo), y), (x.at(hi), y));
        }
        canvas.circle(&format!("dot {}", row.class), (x.at(row.value), y), 4.6, &row.note);
    }
    canvas.finish()
}
