//! A first look over a tracker's calls, for what only later ones tell: whose an anonymous visitor was, which orders were called off
//! and which were changed.
//!
//! Holds two ids for each anonymous visitor and the changed orders; the calls themselves are read again afterwards.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::bounds::KEY_BYTES_MAX;
use super::call::{ORDER_IDS, id_text};
use super::drive::holds_too_much;
use super::event_names::canonical;
use super::limits::Limits;
use super::names::Names;
use super::problem::Problem;
use super::sniff::Sniffed;

/// More than one customer was seen under an anonymous id: a device that people share, whose visits are nobody's.
const SEVERAL: u32 = u32::MAX;

#[derive(Default)]
pub struct Ahead {
    anonymous: Names,
    customers: Names,
    /// For each anonymous id the number of its customer.
    owners: Vec<u32>,
    cancelled: Names,
    /// The last word on orders that were changed.
    updates: HashMap<String, Map<String, Json>>,
    /// Bytes of the lines in `updates`.
    update_bytes: usize,
}

/// In memory a JSON object is about this many times as long as its text.
const JSON_FACTOR: usize = 24;

/// As much of a call as is needed here.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(rename = "userId")]
    user: Option<Json>,
    #[serde(rename = "user_id")]
    user_too: Option<Json>,
    #[serde(rename = "anonymousId")]
    anonymous: Option<Json>,
    #[serde(rename = "anonymous_id")]
    anonymous_too: Option<Json>,
    #[serde(rename = "previousId")]
    previous: Option<Json>,
}

fn id(values: [Option<Json>; 3]) -> String {
    let found = values.into_iter().flatten().find_map(|value| match value {
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    });
    found.unwrap_or_default()
}

impl Ahead {
    pub fn of(files: &[Sniffed], limits: &Limits) -> Result<Self, Problem> {
        let mut ahead = Self::default();
        for file in files {
            let mut records = file.records(limits)?;
            while records.advance()? {
                if records.fault().is_none() {
                    ahead.note(records.record().cell(0));
                }
                if ahead.bytes() > limits.held_bytes_max {
                    return Err(holds_too_much(limits));
                }
            }
        }
        Ok(ahead)
    }

    /// Memory held, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let names = self.anonymous.bytes() + self.customers.bytes() + self.cancelled.bytes();
        names + self.owners.capacity() * size_of::<u32>() + self.update_bytes * JSON_FACTOR
    }

    fn note(&mut self, line: &str) {
        // A line that cannot be read is judged when its turn comes.
        let Ok(glance) = serde_json::from_str::<Glance<'_>>(line) else { return };
        if let Some(event) = glance.event.as_deref() {
            match canonical(event).as_ref() {
                "order_cancelled" => self.order(line, |ahead, id, _| {
                    ahead.cancelled.number(&id);
                }),
                "order_updated" => self.order(line, |ahead, id, properties| {
                    ahead.update_bytes += line.len();
                    ahead.updates.insert(id, properties);
                }),
                _ => {}
            }
        }
        let customer = id([glance.user, glance.user_too, None]);
        let anonymous = id([glance.anonymous, glance.anonymous_too, glance.previous]);
        let is_id = |id: &str| !id.is_empty() && id.len() <= KEY_BYTES_MAX;
        if is_id(&customer) && is_id(&anonymous) {
            let customer = self.customers.number(&customer).0;
            let (number, is_new) = self.anonymous.number(&anonymous);
            if is_new {
                self.owners.push(customer);
            } else if self.owners[number as usize] != customer {
                self.owners[number as usize] = SEVERAL;
            }
        }
    }

    fn order(&mut self, line: &str, keep: impl FnOnce(&mut Self, String, Map<String, Json>)) {
        let Ok(mut call) = serde_json::from_str::<Map<String, Json>>(line) else { return };
        if let Some(Json::Object(properties)) = call.remove("properties") {
            let id = id_text(&properties, &ORDER_IDS);
            if !id.is_empty() && id.len() <= KEY_BYTES_MAX {
                keep(self, id, properties);
            }
        }
    }

    /// The user id of the one person seen under an anonymous id.
    #[must_use]
    pub fn owner(&self, anonymous: &str) -> Option<&str> {
        let owner = self.owners[self.anonymous.find(anonymous)? as usize];
        (owner != SEVERAL).then(|| self.customers.name(owner))
    }

    #[must_use]
    pub fn is_cancelled(&self, order: &str) -> bool {
        self.cancelled.find(order).is_some()
    }

    /// What an order became: members of its last change stand in the place of those it was completed with.
    pub fn update(&self, order: &str, properties: &mut Map<String, Json>) {
        for (name, value) in self.updates.get(order).into_iter().flatten() {
            properties.insert(name.clone(), value.clone());
        }
    }
}
