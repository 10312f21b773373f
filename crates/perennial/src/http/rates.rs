//! How fast may one caller ask? A token bucket for each key, session or address.
//!
//! Assumes  one server; a caller is a key, a person or, for nobody, an address.
//! Input    requests a second that a caller may send for long; ten times as many at once.
//! Output   a refusal that says when to come again.
//! Cost     one look into a map; full buckets are forgotten.
//! Ref      Turner (1986), IEEE Communications 24(10), 8-15 (the leaky bucket).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::problem::{HttpError, TOO_MANY};
use crate::access::Caller;

/// Callers remembered; beyond them the full buckets go.
const CALLERS_MAX: usize = 100_000;
const BURST_SECONDS: f64 = 10.0;

pub struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Rates {
    /// 0 lets everybody ask as fast as they like.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), buckets: Mutex::default() }
    }

    pub fn take(&self, caller: Option<&Caller>, address: IpAddr) -> Result<(), HttpError> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let who = caller.map_or_else(|| address.to_string(), |caller| caller.actor.text());
        self.take_at(who, Instant::now()).map_err(|wait_s| {
            let detail = format!("at most {} requests a second for long; wait {wait_s} s", self.per_second);
            HttpError { retry_after_s: Some(wait_s), ..HttpError::new(TOO_MANY, detail) }
        })
    }

    fn take_at(&self, who: String, now: Instant) -> Result<(), u32> {
        let most = self.per_second * BURST_SECONDS;
        let refilled =
            |bucket: &Bucket| (bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * self.per_second).min(most);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS_MAX {
            buckets.retain(|_, bucket| refilled(bucket) < most);
        }
        let bucket = buckets.entry(who).or_insert(Bucket { tokens: most, at: now });
        let tokens = refilled(bucket);
        if tokens < 1.0 {
            return Err(((1.0 - tokens) / self.per_second).ceil().max(1.0) as u32);
        }
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_pace_holds() {
        let rates = Rates::new(2);
        let start = Instant::now();
        let take = |who: &str, after_ms: u64| rates.take_at(who.to_owned(), start + Duration::from_millis(after_ms));
        assert!((0..20).all(|_| take("a", 0).is_ok()));
        assert_eq!((take("a", 0), take("a", 400)), (Err(1), Err(1)));
        assert_eq!((take("a", 500), take("a", 500), take("b", 500)), (Ok(()), Err(1), Ok(())));
    }
}
