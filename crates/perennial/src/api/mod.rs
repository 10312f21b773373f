//! The API: one file a resource, each with its types, its docs and its handlers. [`routes`] is the whole of it.

mod access;
mod book;
mod customers;
mod exports;
mod ingest;
mod models;
mod openapi;
mod segments;
mod shop;
mod system;

pub use book::{Book, Page as BookPage, Query as BookQuery, SORTS, Shelf};
pub use customers::identities;
pub use models::{card_of, let_answer, let_answer_again};
#[cfg(test)]
pub use openapi::description;
pub use shop::first_rejects;

use crate::http::Route;

/// Every route, in the order of the docs.
#[must_use]
pub fn routes() -> Vec<Route> {
    let rooms = [
        customers::routes(),
        segments::routes(),
        ingest::routes(),
        models::routes(),
        shop::routes(),
        exports::routes(),
        access::routes(),
        system::routes(),
        openapi::routes(),
    ];
    rooms.into_iter().flatten().collect()
}
