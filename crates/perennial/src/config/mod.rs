//! The one settings file, `perennial.toml`: declared once here, it feeds the parser, the generated file, `config explain` and the reference page.

mod load;
mod render;
mod value;

pub use load::{Loaded, Origin, SettingsError, load};
pub use perennial_lake::quality::Severity;
pub use render::{reference_page, settings_file};
use value::Setting;

/// One setting as declared: where it stands, what it means, and its default as TOML.
pub struct Key {
    pub section: &'static str,
    pub name: &'static str,
    pub default: String,
    pub help: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $section_help:literal])+ $section:ident: $Section:ident { $($(#[doc = $help:literal])+ $name:ident: $kind:ty = $default:expr;)* })*) => {
        /// Every setting of a shop.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Settings { $($(#[doc = $section_help])+ pub $section: $Section,)* }

        $($(#[doc = $section_help])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Section { $($(#[doc = $help])+ pub $name: $kind,)* }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($name: <$kind as Setting>::from_default($default),)* }
            }
        })*

        impl Settings {
            /// Every section with its meaning.
            pub const SECTIONS: &'static [(&'static str, &'static str)] = &[$((stringify!($section), concat!($($section_help, "\n"),+))),*];

            /// Every setting, in the order of the file.
            #[must_use]
            pub fn keys() -> Vec<Key> {
                let defaults = Self::default();
                vec![$($(Key {
                    section: stringify!($section),
                    name: stringify!($name),
                    default: Setting::to_toml(&defaults.$section.$name),
                    help: concat!($($help, "\n"),+),
                },)*)*]
            }

            /// The value of a setting as TOML.
            #[must_use]
            pub fn get(&self, section: &str, name: &str) -> Option<String> {
                match (section, name) {
                    $($((stringify!($section), stringify!($name)) => Some(Setting::to_toml(&self.$section.$name)),)*)*
                    _ => None,
                }
            }

            /// Set one setting; `Ok(false)` when there is no such setting, `Err` with what is allowed when the value is not.
            fn set(&mut self, section: &str, name: &str, value: &toml::Value) -> Result<bool, String> {
                match (section, name) {
                    $($((stringify!($section), stringify!($name)) => self.$section.$name = Setting::from_toml(value)?,)*)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

settings! {
    /// The shop itself.
    shop: Shop {
        /// What the reports call the shop.
        name: String = "My shop";
        /// IANA zone of the shop's calendar days, for example "Europe/London". Cannot change once data is imported.
        zone: String = "UTC";
        /// ISO 4217 currency of all amounts. Rows in another currency are rejected. Cannot change once data is imported.
        currency: String = "EUR";
        /// Language of terminal output: "en" or "zh". The report always holds both.
        language: String = "en";
    }
    /// Where identities are kept: `key` says where the key that wraps every customer's own key comes from.
    vault: Vault {
        /// "file:PATH" (made by the first import, keep it safe), "env:NAME" (32 bytes as hex) or "passphrase:NAME" (read from that environment variable).
        key: String = "file:vault.key";
    }
    /// The machine.
    run: Run {
        /// Threads to use; 0 means all. Results do not depend on it.
        threads: u32 = 0;
        /// Seed of everything random.
        seed: u64 = 20_260_101;
        /// Memory the SQL engine may use before it spills to disk, in MiB.
        sql_memory_mb: u32 = 1024;
    }
    /// The server.
    serve: Serve {
        /// Address and port to listen on. Beyond this machine only with TLS: the two files below, or a proxy before it.
        listen: String = "127.0.0.1:8787";
        /// PEM file of the certificate chain; empty: no TLS here.
        tls_cert: String = "";
        /// PEM file of the certificate's private key.
        tls_key: String = "";
        /// Whether a proxy that speaks TLS stands before the server: addresses are then the last one in X-Forwarded-For.
        behind_proxy: bool = false;
        /// Connections at once, in all.
        connections_max: u32 = 20_000;
        /// Connections at once from one address; behind a proxy they all come from its.
        connections_per_address_max: u32 = 20_000;
        /// Seconds a request's head may take, and a kept connection may be silent.
        header_seconds_max: u32 = 10;
        /// Seconds a read or a write may make no progress.
        idle_seconds_max: u32 = 30;
        /// Seconds requests at work have when the server stops.
        stop_seconds_max: u32 = 20;
        /// Memory for request bodies that are being read, in MiB.
        body_mb_max: u32 = 64;
        /// Requests a second that one key, person or address may send for long; ten times as many at once. 0: no limit.
        requests_per_second_max: u32 = 0;
        /// Whether every request has a line in the log; failures always have one.
        log_requests: bool = true;
        /// Seconds between two moves of what came live into the lake.
        move_seconds: u32 = 5;
    }
    /// Limits on what an import accepts; a file beyond them is refused whole.
    import: Import {
        /// Largest file after decompression, in GiB.
        file_gb_max: u32 = 64;
        /// Largest single cell, in KiB.
        cell_kb_max: u32 = 1024;
        /// Memory for the ids, names and orders that a reader must remember to the end of an import, in MiB.
        ids_mb_max: u32 = 192;
        /// Refuse a file when more than this share of its rows is bad.
        reject_share_max: f64 = 0.5;
    }
    /// The quality gate: a rule at "error" shuts it, at "warning" it is told, at "off" it is not run.
    quality: Quality {
        /// Share of rejected rows above which `rejects` fires.
        reject_share_max: f64 = 0.02;
        /// Severity of: too many rows rejected at import.
        rejects: Severity = Severity::Error;
        /// Severity of: the lake's net revenue is not the source's to the cent.
        reconciliation: Severity = Severity::Error;
        /// Severity of: order lines that repeat another line exactly.
        duplicate_lines: Severity = Severity::Warning;
        /// Severity of: several customers with the same history to the cent.
        duplicate_customers: Severity = Severity::Warning;
        /// Severity of: orders of nobody (no customer).
        guests: Severity = Severity::Warning;
        /// Share of guest orders above which `guests` fires.
        guest_share_max: f64 = 0.1;
        /// Severity of: days without any order inside the data's period (a gap in the export).
        silent_days: Severity = Severity::Warning;
        /// Days in a row without an order that count as a gap.
        silent_days_max: u32 = 7;
        /// Severity of: rows that point to a row that is not there (an order's product, a return's order).
        references: Severity = Severity::Warning;
        /// Severity of: amounts or quantities far outside the rest.
        outliers: Severity = Severity::Warning;
        /// Severity of: the last month stops before its end.
        partial_month: Severity = Severity::Warning;
        /// Severity of: orders dated in the future of the import.
        future: Severity = Severity::Error;
        /// Your own rules: each an SQL query that counts bad rows, written as "name: severity: SELECT count(*) …".
        own: Vec<String> = &[];
    }
    /// Cleaning policies, applied when features are computed; the lake itself keeps what the files said.
    cleaning: Cleaning {
        /// Order lines that repeat another line of the same order exactly: "keep" or "drop".
        duplicate_lines: String = "keep";
        /// Winsorise: an order line above this many minor units counts as this many; 0 means no cap.
        line_cents_max: u64 = 0;
        /// Features without a value: "native" (models handle the absence) or "zero".
        fill: String = "native";
        /// Customers to leave out of training and scores, by id (test accounts, the shop's own).
        drop_customers: Vec<String> = &[];
    }
    /// What is learned.
    learn: Learn {
        /// Days ahead that churn and value look; 0 chooses from the shop's own gaps between orders and says why.
        horizon_days: u32 = 0;
        /// A customer counts as active, and can churn, if they ordered in this many days before the cut; 0 chooses, a large number means everyone.
        look_back_days: u32 = 0;
        /// What makes a customer one who left: "window" (no order in the horizon), "personal" (none in `churn_gaps` of their own gaps between orders, the horizon at most) or "survival" (none in the horizon, by models of when the next order comes).
        churn_definition: String = "window";
        /// Own gaps between orders that a customer may stay silent, with churn_definition "personal".
        churn_gaps: u32 = 3;
        /// Cut-off days used for training, at most.
        cuts_max: u32 = 6;
        /// Rows used for training, at most; beyond it customers are sampled by a hash of their id.
        train_rows_max: u32 = 32_000;
        /// Rows candidates are judged on, at most; drawn in the same way.
        test_rows_max: u32 = 24_000;
        /// Churn models to try.
        churn: Vec<String> = &["logistic_rfm", "logistic", "boost_churn", "bgnbd"];
        /// Churn models to try with churn_definition "survival".
        churn_survival: Vec<String> = &["logistic_rfm", "hazard_churn"];
        /// Value models to try.
        value: Vec<String> = &["value_mean", "boost_value", "bgnbd_gamma_gamma"];
        /// Segmentations to try.
        segment: Vec<String> = &["rfm", "kmeans"];
    }
    /// The evaluation gate: what a candidate must show on the last closed window before it may answer anybody.
    gate: Gate {
        /// Customers who ordered more than once that the shop must have before churn and value are learned at all.
        repeat_customers_min: u32 = 200;
        /// Customers who came back in the test window, and who did not, that a test needs.
        test_events_min: u32 = 50;
        /// Probability, by paired bootstrap, with which a candidate must beat the baseline row and the champion.
        better_probability_min: f64 = 0.9;
        /// Bootstrap replicates.
        bootstrap_replicates: u32 = 200;
        /// Largest expected calibration error (15 equal-width bins) of a churn model, beyond what chance alone makes of a right one.
        ece_max: f64 = 0.05;
        /// How far predicted and actual totals may be apart, as a share of the actual.
        total_error_max: f64 = 0.25;
        /// Least share of customers inside their 80% interval; further below than chance is refused.
        coverage_min: f64 = 0.7;
        /// Largest share of customers inside their 80% interval; further above than chance is refused.
        coverage_max: f64 = 0.95;
        /// Least bootstrap stability (adjusted Rand index) of a segmentation.
        stability_min: f64 = 0.6;
        /// AUROC of one single feature above which it is pointed out as all but the label.
        leak_auroc_max: f64 = 0.98;
    }
}
