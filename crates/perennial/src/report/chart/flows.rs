//! Flows: how many moved from which group to which, as ribbons between two stacks.

use std::cmp::Ordering;

use super::canvas::{Anchor, Canvas, Caption, Markup, Rect, number};
use super::scale::Scale;

pub struct Flows<'a> {
    /// Groups at the left. One more row than at the right stands for those who were not there before.
    pub from: &'a [String],
    pub to: &'a [String],
    /// How good a group at the right, and the same at the left, is: moves to a higher rank are good, to a lower one a risk.
    pub ranks: &'a [i32],
    /// `counts[i][j]` from `from[i]` to `to[j]`.
    pub counts: &'a [Vec<u64>],
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const GAP: f64 = 9.0;
const NODE: f64 = 10.0;
/// Thinner ribbons are a grey veil over the others.
const THINNEST: f64 = 0.9;

/// Where a group's part of the stack begins, and how far it is used up by ribbons.
struct Stack {
    tops: Vec<f64>,
    heights: Vec<f64>,
    used: Vec<f64>,
}

impl Stack {
    fn new(totals: &[u64], unit: f64) -> Self {
        let heights: Vec<f64> = totals.iter().map(|total| *total as f64 * unit).collect();
        let mut top = 22.0;
        let mut tops = Vec::with_capacity(heights.len());
        for height in &heights {
            tops.push(top);
            top += height + GAP;
        }
        Self { tops, used: vec![0.0; heights.len()], heights }
    }

    fn take(&mut self, index: usize, height: f64) -> f64 {
        let at = self.tops[index] + self.used[index];
        self.used[index] += height;
        at
    }

    /// Heights of the labels: the middle of each part, pushed down where the one above is too near.
    fn labels(&self) -> Vec<f64> {
        let mut last = f64::NEG_INFINITY;
        let middles = self.tops.iter().zip(&self.heights).map(|(top, height)| top + height / 2.0 + 4.0);
        middles
            .map(|y| {
                last = y.max(last + 15.0);
                last
            })
            .collect()
    }
}

/// `label(i, j, count)` says what a ribbon means when pointed at.
pub fn flows(caption: &Caption<'_>, flows: &Flows<'_>, label: &dyn Fn(usize, usize, u64) -> String) -> Markup {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, caption);
    let count = |i: usize, j: usize| flows.counts.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    let (rows, columns) = (flows.from.len(), flows.to.len());
    let from: Vec<u64> = (0..rows).map(|i| (0..columns).map(|j| count(i, j)).sum()).collect();
    let to: Vec<u64> = (0..columns).map(|j| (0..rows).map(|i| count(i, j)).sum()).collect();
    let total: u64 = from.iter().sum();
    let gaps = GAP * rows.max(columns).saturating_sub(1) as f64;
    let unit = Scale { lo: 0.0, hi: total as f64, from: 0.0, to: (HEIGHT - 44.0 - gaps).max(40.0) }.at(1.0);
    let (mut left, mut right) = (Stack::new(&from, unit), Stack::new(&to, unit));
    let (x0, x1) = (176.0, WIDTH - 176.0);
    for i in 0..rows {
        for j in 0..columns {
            let n = count(i, j);
            if n == 0 {
                continue;
            }
            let height = n as f64 * unit;
            let rank = |group: usize| flows.ranks.get(group).copied();
            let class = match rank(i).zip(rank(j)).map(|(before, now)| now.cmp(&before)) {
                None => "ribbon base",
                Some(Ordering::Equal) => "ribbon stay",
                Some(Ordering::Greater) => "ribbon good",
                Some(Ordering::Less) => "ribbon risk",
            };
            // A ribbon keeps its place also when it is too thin to be told from its neighbours and stays undrawn.
            let d = ribbon((x0 + NODE, left.take(i, height)), (x1 - NODE, right.take(j, height)), height);
            if height >= THINNEST {
                canvas.path(class, &d, &label(i, j, n));
            }
        }
    }
    for (stack, names, x, outside) in [(&left, flows.from, x0, Anchor::End), (&right, flows.to, x1 - NODE, Anchor::Start)] {
        let text_x = if outside == Anchor::End { x - 8.0 } else { x + NODE + 8.0 };
        for (index, (name, y)) in names.iter().zip(stack.labels()).enumerate() {
            let height = stack.heights.get(index).copied().unwrap_or(0.0).max(1.0);
            canvas.rect("node", Rect { x, y: stack.tops[index], width: NODE, height }, "");
            canvas.text("bar-name", (text_x, y), outside, name);
        }
    }
    canvas.finish()
}

fn ribbon(from: (f64, f64), to: (f64, f64), height: f64) -> String {
    let (a, b, middle) = (number(from.0), number(to.0), number((from.0 + to.0) / 2.0));
    let (y0, y1, z0, z1) = (number(from.1), number(to.1), number(from.1 + height), number(to.1 + height));
    format!("M{a} {y0}C{middle} {y0} {middle} {y1} {b} {y1}L{b} {z1}C{middle} {z1} {middle} {z0} {a} {z0}Z")
}
