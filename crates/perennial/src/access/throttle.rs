//! How often may somebody try? A bucket of tries for each name and each network, refilled slowly.
//!
//! Assumes  one process; what was tried before a restart is forgotten.
//! Input    a login name, an address, a time.
//! Output   leave to try, or the seconds to wait.
//! Cost     three look-ups in memory; at most `BUCKETS_MAX` buckets are kept.
//! Ref      NIST SP 800-63B, 5.2.2, at most 100 failed tries in a row; token buckets as in RFC 2697.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::AccessError;

/// How many tries a bucket holds, and how long one takes to come back.
#[derive(Clone, Copy)]
struct Rule {
    tries: i64,
    seconds: i64,
}

/// Somebody who forgot a password, from one place.
const NAME_AND_NETWORK: Rule = Rule { tries: 6, seconds: 30 };
/// Many places that try one name. It is wider, so that a stranger elsewhere does not soon lock the owner of the name out.
const NAME: Rule = Rule { tries: 40, seconds: 60 };
/// One place that tries many names.
const NETWORK: Rule = Rule { tries: 40, seconds: 10 };

const BUCKETS_MAX: usize = 20_000;

/// A bucket is the moment when it will be full again: nothing has to run for it to fill.
#[derive(Clone, Copy)]
struct Bucket {
    full_at: i64,
    rule: Rule,
}

impl Bucket {
    /// Seconds until it is full. A clock put back makes it no emptier than empty.
    fn missing(&self, now: i64) -> i64 {
        (self.full_at - now).clamp(0, self.rule.tries * self.rule.seconds)
    }

    /// Seconds until it holds a try.
    fn wait(&self, now: i64) -> i64 {
        self.missing(now) - (self.rule.tries - 1) * self.rule.seconds
    }
}

#[derive(Default)]
pub struct Throttle {
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Throttle {
    /// Take one try from each bucket, or none and the time until all have one.
    pub fn take(&self, name: &str, address: &str, now: Timestamp) -> Result<(), AccessError> {
        let now = now.as_second();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() + 3 > BUCKETS_MAX {
            prune(&mut buckets, now);
        }
        let wanted = keys(name, address);
        let found =
            wanted.each_ref().map(|(key, rule)| buckets.get(key).copied().unwrap_or(Bucket { full_at: now, rule: *rule }));
        let wait = found.iter().map(|bucket| bucket.wait(now)).fold(0, i64::max);
        if wait > 0 {
            return Err(AccessError::TooMany { wait_seconds: wait.unsigned_abs() });
        }
        for ((key, rule), bucket) in wanted.into_iter().zip(found) {
            buckets.insert(key, Bucket { full_at: now + bucket.missing(now) + rule.seconds, rule });
        }
        Ok(())
    }

    /// The try was a good one: it does not count, and a name that is known from here is forgiven what came before.
    pub fn give_back(&self, name: &str, address: &str) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let [own, of_name, of_network] = keys(name, address);
        buckets.remove(&own.0);
        for (key, rule) in [of_name, of_network] {
            if let Some(bucket) = buckets.get_mut(&key) {
                bucket.full_at -= rule.seconds;
            }
        }
    }
}

/// Drop what is full again, and if that is not enough the fuller half: who tries hardest is remembered longest.
fn prune(buckets: &mut HashMap<String, Bucket>, now: i64) {
    let taken = |bucket: &Bucket| bucket.missing(now) * 1_000 / (bucket.rule.tries * bucket.rule.seconds);
    buckets.retain(|_, bucket| bucket.missing(now) > 0);
    if buckets.len() + 3 > BUCKETS_MAX {
        let mut all: Vec<i64> = buckets.values().map(taken).collect();
        all.sort_unstable();
        let middle = all[all.len() / 2];
        let mut excess = buckets.len() / 2;
        buckets.retain(|_, bucket| {
            let goes = excess > 0 && taken(bucket) <= middle;
            excess -= usize::from(goes);
            !goes
        });
    }
}

fn keys(name: &str, address: &str) -> [(String, Rule); 3] {
    let network = network(address);
    [(format!("{network} {name}"), NAME_AND_NETWORK), (format!("name {name}"), NAME), (format!("network {network}"), NETWORK)]
}

/// The network an address belongs to: one subscriber has a whole /64 of IPv6.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn tries(throttle: &Throttle, name: &str, address: &str, now: i64) -> usize {
        (0..1_000).take_while(|_| throttle.take(name, address, at(now)).is_ok()).count()
    }

    #[test]
    fn tries_run_out_and_come_back() {
        let throttle = Throttle::default();
        assert_eq!(tries(&throttle, "anna", "192.0.2.1", 0), 6);
        assert!(matches!(throttle.take("anna", "192.0.2.1", at(10)), Err(AccessError::TooMany { wait_seconds: 20 })));
        assert_eq!(tries(&throttle, "anna", "192.0.2.1", 30), 1);
        assert_eq!(tries(&throttle, "anna", "192.0.2.1", 10), 0, "a clock put back gives nothing");
        assert_eq!(tries(&throttle, "anna", "192.0.2.1", 10_000), 6);
        throttle.give_back("anna", "192.0.2.1");
        assert_eq!(tries(&throttle, "anna", "192.0.2.1", 10_000), 6);
    }

    #[test]
    fn one_name_from_everywhere_and_everybody_from_one_place_run_out_too() {
        let throttle = Throttle::default();
        assert_eq!((0..1_000).filter(|n| throttle.take("anna", &format!("192.0.2.{n}"), at(0)).is_ok()).count(), 40);
        let throttle = Throttle::default();
        assert_eq!((0..1_000).filter(|n| throttle.take(&format!("name{n}"), "2001:db8::1", at(0)).is_ok()).count(), 40);
        assert!(throttle.take("another", "2001:db8::ffff", at(0)).is_err(), "the same network of IPv6");
        assert!(throttle.take("another", "2001:db8:0:1::1", at(0)).is_ok());
    }

    #[test]
    fn memory_has_an_end() {
        let throttle = Throttle::default();
        assert_eq!(tries(&throttle, "anna", "192.0.2.1", 0), 6);
        for number in 0..30_000 {
            let _ = throttle.take(&format!("name{number}"), &format!("10.{}.{}.1", number / 250, number % 250), at(0));
        }
        assert!(throttle.buckets.lock().unwrap().len() <= BUCKETS_MAX);
        assert!(throttle.take("anna", "192.0.2.1", at(0)).is_err(), "who tried hardest is remembered");
    }
}
