//! From values to coordinates, and the round numbers an axis shows.

use super::Label;
use super::canvas::{Anchor, Canvas, text_width};

/// A linear map; a range without extent maps to its start.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub lo: f64,
    pub hi: f64,
    pub from: f64,
    pub to: f64,
}

impl Scale {
    pub fn at(&self, value: f64) -> f64 {
        let extent = self.hi - self.lo;
        if extent > 0.0 { self.from + (value - self.lo) / extent * (self.to - self.from) } else { self.from }
    }
}

/// Round numbers (1, 2 or 5 times a power of ten) that cover `lo..=hi`, ascending; always two or more.
pub fn ticks(lo: f64, hi: f64, wanted: usize) -> Vec<f64> {
    let (lo, hi) = if lo.is_finite() && hi.is_finite() && hi > lo { (lo, hi) } else { (0.0, 1.0) };
    let raw = (hi - lo) / wanted.max(1) as f64;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * magnitude).find(|step| *step >= raw * 0.999).unwrap_or(magnitude * 10.0);
    let (first, last) = ((lo / step + 1e-9).floor() as i64, (hi / step - 1e-9).ceil() as i64);
    (first..=last.max(first + 1)).map(|k| k as f64 * step).collect()
}

/// Least and greatest finite value, with 0 among them.
pub fn range_with_zero(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.filter(|v| v.is_finite()).fold((0.0, 0.0), |(lo, hi), v| (v.min(lo), v.max(hi)))
}

/// The rectangle in which values are drawn, and its two scales.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Area {
    /// Room for the labels of a value axis, on a sheet of the given size.
    pub fn for_labels(width: f64, height: f64, labels: &[String]) -> Self {
        let widest = labels.iter().map(|label| text_width(label)).fold(0.0, f64::max);
        Self { left: widest + 10.0, right: width - 6.0, top: 12.0, bottom: height - 26.0 }
    }

    /// Horizontal grid lines with their labels; the line of 0 is stronger.
    pub fn draw_value_axis(&self, canvas: &mut Canvas, y: &Scale, values: &[f64], label: Label<'_>) {
        for value in values {
            let at = y.at(*value);
            canvas.line(if *value == 0.0 { "axis" } else { "grid" }, (self.left, at), (self.right, at));
            canvas.text("tick", (self.left - 7.0, at + 4.0), Anchor::End, &label(*value));
        }
    }

    /// Labels under the area at the given places, thinned so that none touches the next.
    pub fn draw_labels(&self, canvas: &mut Canvas, places: &[f64], labels: &[&str]) {
        let widest = labels.iter().map(|label| text_width(label)).fold(0.0, f64::max) + 12.0;
        let room = places.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min).max(0.1);
        let step = ((widest / room).ceil() as usize).max(1);
        let mut end = f64::NEG_INFINITY;
        for (place, label) in places.iter().zip(labels).step_by(step) {
            let half = text_width(label) / 2.0;
            let at = place.clamp(half.min(self.right), (self.right + 6.0 - half).max(half));
            if at - half >= end + 6.0 {
                canvas.text("tick", (at, self.bottom + 18.0), Anchor::Middle, label);
                end = at + half;
            }
        }
    }
}
