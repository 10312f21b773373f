//! Bars with their names above them, so that long names and narrow screens get along; and the signed bar of one reason.

use super::canvas::{Anchor, Canvas, Caption, Markup, Rect, WIDTH, number};
use super::scale::Scale;

/// One row: a name, its value in words at the right, and one or two marks on a shared scale.
pub struct Bar {
    pub name: String,
    pub value: String,
    pub marks: Vec<BarMark>,
}

pub struct BarMark {
    /// `main`, `base` or `risk`.
    pub class: &'static str,
    /// 0 or above; the longest of the chart fills the width.
    pub length: f64,
    pub note: String,
}

pub fn bars(caption: &Caption<'_>, rows: &[Bar]) -> Markup {
    let row_height = |row: &Bar| 27.0 + 10.0 * row.marks.len() as f64;
    let height: f64 = rows.iter().map(row_height).sum::<f64>() + 4.0;
    let mut canvas = Canvas::new(WIDTH, height.max(20.0), caption);
    let longest = rows.iter().flat_map(|row| &row.marks).map(|mark| mark.length).filter(|l| l.is_finite()).fold(0.0, f64::max);
    let x = Scale { lo: 0.0, hi: longest, from: 0.0, to: WIDTH - 2.0 };
    let mut top = 0.0;
    for row in rows {
        canvas.text("bar-name", (0.0, top + 14.0), Anchor::Start, &row.name);
        canvas.text("bar-value", (WIDTH, top + 14.0), Anchor::End, &row.value);
        canvas.line("grid", (0.0, top + 19.5), (WIDTH, top + 19.5));
        for (index, mark) in row.marks.iter().enumerate().filter(|(_, mark)| mark.length.is_finite()) {
            let rect = Rect { x: 0.0, y: top + 19.0 + 10.0 * index as f64, width: x.at(mark.length).max(1.5), height: 8.0 };
            canvas.rect(mark.class, rect, &mark.note);
        }
        top += row_height(row);
    }
    canvas.finish()
}

/// A contribution beside its words: to the right of the middle what speaks for leaving, to the left what speaks for staying.
/// `share` is −1..1 of the largest contribution shown. The number stands beside it, so readers are not told of the bar.
pub fn signed_bar(share: f64) -> Markup {
    let share = if share.is_finite() { share.clamp(-1.0, 1.0) } else { 0.0 };
    let length = (share.abs() * 49.0).max(1.0);
    let (class, x) = if share < 0.0 { ("good", 50.0 - length) } else { ("risk", 50.0) };
    Markup(format!(
        "<svg class=\"signed\" viewBox=\"0 0 100 10\" aria-hidden=\"true\"><path class=\"axis\" d=\"M50 0V10\"/>\
         <rect class=\"{class}\" x=\"{}\" y=\"1.5\" width=\"{}\" height=\"7\" rx=\"1.5\"/></svg>",
        number(x),
        number(length)
    ))
}
