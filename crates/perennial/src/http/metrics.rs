//! What the server counts, as Prometheus reads it. Labels are routes and states, never customers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the latency histogram, seconds.
const BOUNDS_S: [f64; 14] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

#[derive(Default)]
pub struct Metrics {
    routes: Mutex<BTreeMap<(String, &'static str), RouteCounts>>,
    connections_refused: AtomicU64,
    connections_failed: AtomicU64,
    at_work: AtomicI64,
}

#[derive(Clone, Default)]
struct RouteCounts {
    /// Requests by status.
    statuses: BTreeMap<u16, u64>,
    /// Requests no slower than each bound.
    within: [u64; BOUNDS_S.len()],
    seconds: f64,
}

/// One number the shop tells of itself, beside the server's own.
pub struct Gauge {
    pub name: &'static str,
    pub help: &'static str,
    /// Label and value of each line; an empty label stands alone.
    pub values: Vec<(String, f64)>,
}

impl Metrics {
    pub fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn connection_failed(&self) {
        self.connections_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn begin(&self) {
        self.at_work.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has been answered; `route` is its pattern, not its address.
    pub fn end(&self, (method, route): (&'static str, &str), status: u16, took: Duration) {
        self.at_work.fetch_sub(1, Ordering::Relaxed);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = routes.entry((route.to_owned(), method)).or_default();
        *counts.statuses.entry(status).or_default() += 1;
        let seconds = took.as_secs_f64();
        counts.seconds += seconds;
        for (bound, within) in BOUNDS_S.iter().zip(&mut counts.within) {
            *within += u64::from(seconds <= *bound);
        }
    }

    /// The text exposition format, version 0.0.4.
    #[must_use]
    pub fn text(&self, gauges: &[Gauge]) -> String {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut out = String::new();
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        head(&mut out, "perennial_requests_total", "counter", "Requests answered.");
        for ((route, method), counts) in &routes {
            for (status, count) in &counts.statuses {
                let _ = writeln!(
                    out,
                    "perennial_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}"
                );
            }
        }
        let name = "perennial_request_duration_seconds";
        head(&mut out, name, "histogram", "Time from the request's head to the answer's.");
        for ((route, method), counts) in &routes {
            let all: u64 = counts.statuses.values().sum();
            let labels = format!("route=\"{route}\",method=\"{method}\"");
            for (bound, within) in BOUNDS_S.iter().zip(counts.within) {
                let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {within}");
            }
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {all}");
            let _ = writeln!(out, "{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {all}", counts.seconds);
        }
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(&mut out, "perennial_connections_refused_total", "counter", "Connections beyond the caps.");
        let _ = writeln!(out, "perennial_connections_refused_total {}", of(&self.connections_refused));
        head(&mut out, "perennial_connections_failed_total", "counter", "Connections that could not be accepted.");
        let _ = writeln!(out, "perennial_connections_failed_total {}", of(&self.connections_failed));
        head(&mut out, "perennial_requests_at_work", "gauge", "Requests being answered.");
        let _ = writeln!(out, "perennial_requests_at_work {}", self.at_work.load(Ordering::Relaxed));
        for gauge in gauges {
            head(&mut out, gauge.name, "gauge", gauge.help);
            for (label, value) in &gauge.values {
                let braced = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
                let _ = writeln!(out, "{}{braced} {value}", gauge.name);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_by_route_and_status() {
        let metrics = Metrics::default();
        metrics.begin();
        metrics.begin();
        metrics.end(("GET", "/api/v1/customers/{id}"), 200, Duration::from_micros(1_500));
        metrics.end(("GET", "/api/v1/customers/{id}"), 404, Duration::from_millis(30));
        let text = metrics.text(&[Gauge {
            name: "perennial_model_age_days",
            help: "Age.",
            values: vec![("task=\"churn\"".into(), 3.0)],
        }]);
        let labels = r#"route="/api/v1/customers/{id}",method="GET""#;
        for line in [
            format!("perennial_requests_total{{{labels},status=\"200\"}} 1"),
            format!("perennial_request_duration_seconds_bucket{{{labels},le=\"0.001\"}} 0"),
            format!("perennial_request_duration_seconds_bucket{{{labels},le=\"0.002\"}} 1"),
            format!("perennial_request_duration_seconds_count{{{labels}}} 2"),
            "perennial_requests_at_work 0".to_owned(),
            "perennial_model_age_days{task=\"churn\"} 3".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
        }
    }
}
