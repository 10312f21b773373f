//! The groups `reviews`, `support` and `surveys` in one pass; the SQL files of the same names are the definitions.

use super::Cell;
use super::history::{Known, SurveyKind};

pub(super) fn reviews<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let mut ratings = known.reviews.iter().map(|review| review.rating);
    let count = known.reviews.len() as i64;
    out.extend([
        Cell::whole(count),
        Cell::ratio(ratings.clone().fold(0, i64::wrapping_add), count),
        Cell::Whole(ratings.clone().min()),
        Cell::Whole(ratings.next_back()),
        known.days_since_last(known.reviews, |review| review.day),
    ]);
}

pub(super) fn support<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let closed = known.tickets.iter().filter(|ticket| known.has_passed(ticket.closed_us));
    let csats: Vec<i64> = closed.clone().filter_map(|ticket| ticket.csat).collect();
    out.extend([
        Cell::whole(known.tickets.len() as i64),
        Cell::whole(known.since(known.tickets, 90, |ticket| ticket.day).len() as i64),
        Cell::whole((known.tickets.len() - closed.count()) as i64),
        Cell::ratio(csats.iter().copied().fold(0, i64::wrapping_add), csats.len() as i64),
        known.days_since_last(known.tickets, |ticket| ticket.day),
    ]);
}

pub(super) fn surveys<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let scores = |kind| known.surveys.iter().filter(move |survey| survey.kind == kind).map(|survey| survey.score);
    out.extend([
        Cell::whole(known.surveys.len() as i64),
        Cell::Whole(scores(SurveyKind::Nps).next_back()),
        Cell::ratio(scores(SurveyKind::Csat).fold(0, i64::wrapping_add), scores(SurveyKind::Csat).count() as i64),
    ]);
}
