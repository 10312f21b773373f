//! Curves in the unit square or a part of it: reliability with its diagonal, cumulative gain, Lorenz.

use super::Label;
use super::canvas::{Anchor, Canvas, Caption, Markup, WIDTH, polyline};
use super::scale::{Area, Scale, ticks};

pub struct Curve<'a> {
    pub class: &'a str,
    pub points: Vec<(f64, f64)>,
}

/// A dot on the plot with its own size (0..1, by area) and what it says when pointed at.
pub struct Marker<'a> {
    pub class: &'a str,
    pub at: (f64, f64),
    pub weight: f64,
    pub note: String,
}

pub struct UnitPlot<'a> {
    pub curves: Vec<Curve<'a>>,
    pub markers: Vec<Marker<'a>>,
    pub x_name: &'a str,
    pub y_name: &'a str,
    /// Draw both axes up to here; at most 1.
    pub extent: f64,
}

pub fn unit_plot(caption: &Caption<'_>, plot: &UnitPlot<'_>, label: Label<'_>) -> Markup {
    const HEIGHT: f64 = 300.0;
    let mut canvas = Canvas::new(WIDTH, HEIGHT, caption);
    let values = ticks(0.0, if plot.extent > 0.0 { plot.extent.min(1.0) } else { 1.0 }, 5);
    let labels: Vec<String> = values.iter().map(|value| label(*value)).collect();
    let mut area = Area::for_labels(WIDTH, HEIGHT, &labels);
    area.top = 28.0;
    area.bottom = HEIGHT - 42.0;
    let hi = values.last().copied().unwrap_or(1.0);
    let x = Scale { lo: 0.0, hi, from: area.left, to: area.right - 8.0 };
    let y = Scale { lo: 0.0, hi, from: area.bottom, to: area.top };
    area.draw_value_axis(&mut canvas, &y, &values, label);
    for value in &values {
        canvas.text("tick", (x.at(*value), area.bottom + 17.0), Anchor::Middle, &label(*value));
    }
    canvas.text("axis-name", (area.right, HEIGHT - 6.0), Anchor::End, plot.x_name);
    canvas.text("axis-name", (2.0, 12.0), Anchor::Start, plot.y_name);
    canvas.line("diagonal", (x.at(0.0), y.at(0.0)), (x.at(hi), y.at(hi)));
    for curve in &plot.curves {
        let points: Vec<(f64, f64)> = curve.points.iter().map(|(a, b)| (x.at(*a), y.at(*b))).collect();
        canvas.path(&format!("line {}", curve.class), &polyline(&points), "");
    }
    for marker in plot.markers.iter().filter(|marker| marker.at.0.is_finite() && marker.at.1.is_finite()) {
        let radius = 3.0 + 4.0 * marker.weight.clamp(0.0, 1.0).sqrt();
        canvas.circle(&format!("dot {}", marker.class), (x.at(marker.at.0), y.at(marker.at.1)), radius, &marker.note);
    }
    canvas.finish()
}
