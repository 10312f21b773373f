//! The group `sessions` in one pass; `sessions.sql` is the definition.

use super::Cell;
use super::history::{EventName, Known};

#[derive(Clone, Copy, Default)]
struct Visit {
    last_day: Option<i32>,
    added: bool,
    ordered: bool,
}

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let mut visits = vec![Visit::default(); if known.events.is_empty() { 0 } else { known.sessions }];
    for event in known.events {
        let Some(visit) = event.session.and_then(|session| visits.get_mut(session as usize)) else { continue };
        visit.last_day = Some(event.day);
        visit.added |= event.name == EventName::ProductAdded;
        visit.ordered |= event.name == EventName::OrderCompleted;
    }
    let sessions = |window, wanted: &dyn Fn(&Visit) -> bool| {
        let recent = |visit: &&Visit| visit.last_day.is_some_and(|day| known.as_of - day <= window) && wanted(visit);
        Cell::whole(visits.iter().filter(recent).count() as i64)
    };
    let events = |window, name| {
        let recent = known.since(known.events, window, |event| event.day);
        recent.iter().filter(|event| event.name == name).count() as i64
    };
    let abandoned = |visit: &Visit| visit.added && !visit.ordered;
    let (views, adds) = (events(90, EventName::ProductViewed), events(90, EventName::ProductAdded));
    let checkouts = events(90, EventName::CheckoutStarted);
    out.extend([
        sessions(30, &|_| true),
        sessions(90, &|_| true),
        Cell::whole(events(30, EventName::ProductViewed)),
        Cell::whole(views),
        Cell::whole(events(30, EventName::ProductAdded)),
        Cell::whole(adds),
        Cell::whole(events(30, EventName::CheckoutStarted)),
        Cell::whole(checkouts),
        Cell::whole(events(90, EventName::ProductsSearched)),
        sessions(30, &abandoned),
        sessions(90, &abandoned),
        Cell::ratio(adds, views),
        Cell::ratio(checkouts, adds),
        known.days_since_last(known.events, |event| event.day),
    ]);
}
