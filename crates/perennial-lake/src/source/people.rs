//! What calls tell about customers, the latest word of each.

use perennial_contract::{Day, Entity};

use super::names::Names;
use super::rows::Value;
use super::sink::Sink;

/// Anonymous ids kept for a customer; the first ones, which are the ones before they were known.
const ANONYMOUS_MAX: usize = 32;
const ROWS_AT_ONCE: usize = 8_192;

#[derive(Debug, Default)]
pub struct Person {
    pub country: String,
    pub region: String,
    pub gender: String,
    pub channel: String,
    pub birth_year: Option<i64>,
    pub created: Option<(i64, Day)>,
    anonymous: Vec<String>,
}

impl Person {
    /// Remember an anonymous id they were seen under; whether it is a new one.
    fn meet(&mut self, anonymous: &str) -> bool {
        let is_new =
            !anonymous.is_empty() && self.anonymous.len() < ANONYMOUS_MAX && !self.anonymous.iter().any(|id| id == anonymous);
        if is_new {
            self.anonymous.push(anonymous.to_owned());
        }
        is_new
    }
}

#[derive(Default)]
pub struct People {
    ids: Names,
    people: Vec<Person>,
    /// Bytes of the anonymous ids.
    anonymous_bytes: usize,
    emitted: usize,
}

impl People {
    /// Remember an anonymous id a customer was seen under.
    pub fn meet(&mut self, customer: &str, anonymous: &str) {
        if self.of(customer).meet(anonymous) {
            self.anonymous_bytes += anonymous.len() + size_of::<String>();
        }
    }

    /// Memory held, near enough; countries and the like are short.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ids.bytes() + self.people.capacity() * (size_of::<Person>() + 32) + self.anonymous_bytes
    }

    pub fn of(&mut self, id: &str) -> &mut Person {
        let (number, is_new) = self.ids.number(id);
        if is_new {
            self.people.push(Person::default());
        }
        &mut self.people[number as usize]
    }

    /// Write the next customers; false when all are written.
    pub fn emit(&mut self, out: &mut Sink) -> bool {
        let until = (self.emitted + ROWS_AT_ONCE).min(self.people.len());
        for number in self.emitted..until {
            let person = &self.people[number];
            out.push(
                Entity::Customers,
                &[
                    Value::Text(self.ids.name(number as u32)),
                    if person.anonymous.is_empty() { Value::Null } else { Value::Texts(person.anonymous.clone()) },
                    person.created.map_or(Value::Null, |(instant, _)| Value::Instant(instant)),
                    person.created.map_or(Value::Null, |(_, day)| Value::Day(day)),
                    Value::text(&person.country),
                    Value::text(&person.region),
                    person.birth_year.map_or(Value::Null, Value::Whole),
                    Value::text(&person.gender),
                    Value::text(&person.channel),
                    Value::Null,
                ],
            );
        }
        self.emitted = until;
        until < self.people.len()
    }
}
