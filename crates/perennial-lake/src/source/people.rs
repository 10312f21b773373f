//! What calls tell about customers, the latest word of each.

use std::num::NonZeroU32;

use perennial_contract::{Day, Entity};

use super::names::Names;
use super::rows::Value;
use super::sink::Sink;

/// Anonymous ids kept for a customer; the first ones, which are the ones before they were known.
const ANONYMOUS_MAX: usize = 32;
const ROWS_AT_ONCE: usize = 8_192;

/// What is known of a customer; texts by their numbers in [`People::words`].
#[derive(Debug, Default)]
struct Person {
    /// Country, region, gender, channel, as in [`Trait`].
    traits: [Option<NonZeroU32>; 4],
    birth_year: Option<i64>,
    created: Option<(i64, Day)>,
    /// One above the place of the last meeting in [`People::met`].
    met: u32,
}

/// A text that is known of a customer.
#[derive(Clone, Copy, Debug)]
pub enum Trait {
    Country,
    Region,
    Gender,
    Channel,
}

/// An anonymous id a customer was seen under, and one above the place of their meeting before.
struct Meeting {
    anonymous: u32,
    before: u32,
}

#[derive(Default)]
pub struct People {
    ids: Names,
    people: Vec<Person>,
    /// Countries and the like, which many share; numbers in [`Person::traits`] are one above theirs.
    words: Names,
    anonymous: Names,
    met: Vec<Meeting>,
    emitted: usize,
}

impl People {
    /// Remember an anonymous id a customer was seen under.
    pub fn meet(&mut self, customer: &str, anonymous: &str) {
        let person = self.number(customer);
        if anonymous.is_empty() {
            return;
        }
        let known = self.meetings(person);
        if known.len() < ANONYMOUS_MAX && !known.contains(&anonymous) {
            let anonymous = self.anonymous.number(anonymous).0;
            self.met.push(Meeting { anonymous, before: self.people[person].met });
            self.people[person].met = self.met.len() as u32;
        }
    }

    /// The anonymous ids of a customer, the first one first.
    fn meetings(&self, person: usize) -> Vec<&str> {
        let last = |place: u32| self.met.get((place as usize).wrapping_sub(1));
        let chain = std::iter::successors(last(self.people[person].met), |meeting| last(meeting.before));
        let mut ids: Vec<&str> = chain.map(|meeting| self.anonymous.name(meeting.anonymous)).collect();
        ids.reverse();
        ids
    }

    /// The latest word on a customer; an empty one says nothing.
    pub fn tell(&mut self, customer: &str, what: Trait, value: &str) {
        let person = self.number(customer);
        if !value.is_empty() {
            self.people[person].traits[what as usize] = NonZeroU32::new(self.words.number(value).0 + 1);
        }
    }

    /// The year of birth and the time of the account, where they are known.
    pub fn tell_times(&mut self, customer: &str, birth_year: Option<i64>, created: Option<(i64, Day)>) {
        let person = self.number(customer);
        let person = &mut self.people[person];
        person.birth_year = birth_year.or(person.birth_year);
        person.created = created.or(person.created);
    }

    /// Memory held, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let names = self.ids.bytes() + self.words.bytes() + self.anonymous.bytes();
        names + self.people.capacity() * size_of::<Person>() + self.met.capacity() * size_of::<Meeting>()
    }

    fn number(&mut self, id: &str) -> usize {
        let (number, is_new) = self.ids.number(id);
        if is_new {
            self.people.push(Person::default());
        }
        number as usize
    }

    /// Write the next customers; false when all are written.
    pub fn emit(&mut self, out: &mut Sink) -> bool {
        let until = (self.emitted + ROWS_AT_ONCE).min(self.people.len());
        for number in self.emitted..until {
            let person = &self.people[number];
            let word = |what: Trait| match person.traits[what as usize] {
                Some(word) => Value::text(self.words.name(word.get() - 1)),
                None => Value::Null,
            };
            let anonymous: Vec<String> = self.meetings(number).into_iter().map(str::to_owned).collect();
            out.push(
                Entity::Customers,
                &[
                    Value::Text(self.ids.name(number as u32)),
                    if anonymous.is_empty() { Value::Null } else { Value::Texts(anonymous) },
                    person.created.map_or(Value::Null, |(instant, _)| Value::Instant(instant)),
                    person.created.map_or(Value::Null, |(_, day)| Value::Day(day)),
                    word(Trait::Country),
                    word(Trait::Region),
                    person.birth_year.map_or(Value::Null, Value::Whole),
                    word(Trait::Gender),
                    word(Trait::Channel),
                    Value::Null,
                ],
            );
        }
        self.emitted = until;
        until < self.people.len()
    }
}
