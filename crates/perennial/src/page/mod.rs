//! The pages people look at: plain HTML and forms that need no script, in both languages.
//!
//! `visit` (who, in which language) → a file per page, which chooses blocks of `view` → the template. A handler asks the same rooms
//! the API asks; nothing is computed here.

mod account;
mod audit;
mod customer;
mod customers;
mod error;
mod fields;
mod home;
mod imports;
mod keys;
mod menu;
mod models;
mod people;
mod segments;
mod settings;
mod sign_in;
mod style;
#[cfg(test)]
mod tests;
mod view;
mod visit;
mod welcome;

pub use error::for_people;

use crate::http::Route;

/// Every page and every form.
#[must_use]
pub fn routes() -> Vec<Route> {
    let pages = [
        style::routes(),
        sign_in::routes(),
        welcome::routes(),
        home::routes(),
        customers::routes(),
        customer::routes(),
        segments::routes(),
        models::routes(),
        imports::routes(),
        audit::routes(),
        people::routes(),
        keys::routes(),
        account::routes(),
        settings::routes(),
    ];
    pages.into_iter().flatten().collect()
}
