//! The group `categories` in one pass; `categories.sql` is the definition.

use super::Cell;
use super::history::Known;

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    // (category, in the last 90 days), one a line; sorting brings equal categories together.
    let mut lines: Vec<(u32, bool)> = Vec::with_capacity(known.items.len());
    for item in known.items.iter().filter(|item| item.is_product) {
        if let Some(category) = known.products.category(item.product, known.as_of_us) {
            lines.push((category, known.as_of - item.day <= 90));
        }
    }
    lines.sort_unstable();
    let (mut top, mut top_lines, mut squares, mut categories, mut categories_90d) = (None, 0_i64, 0_i64, 0_i64, 0_i64);
    for run in lines.chunk_by(|a, b| a.0 == b.0) {
        let count = run.len() as i64;
        if count > top_lines {
            top = known.products.categories.get(run[0].0 as usize).map(String::as_str);
            top_lines = count;
        }
        squares += count * count;
        categories += 1;
        categories_90d += i64::from(run[run.len() - 1].1);
    }
    let all = lines.len() as i64;
    out.extend([
        Cell::Text(top),
        Cell::ratio(top_lines, all),
        Cell::ratio(squares, all * all),
        Cell::whole(categories),
        Cell::whole(categories_90d),
    ]);
}
