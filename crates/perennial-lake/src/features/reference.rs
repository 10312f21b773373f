//! The reference page of the features, written from the SQL files' headers.

use std::fmt::Write as _;

use super::FeatureError;
use super::group::{Absent, FeatureKind, GROUPS};

/// `docs/reference/features.md`.
pub fn reference() -> Result<String, FeatureError> {
    let mut page = String::from(PREFACE);
    for group in GROUPS {
        let tables: Vec<_> = group.tables().iter().map(|table| format!("`{table}`")).collect();
        let _ = write!(page, "\n## {}\n\n{}\n{}\n\nReads {}.", group.name, group.title(), group.title_zh(), tables.join(", "));
        for note in group.notes() {
            let _ = write!(page, " {note}");
        }
        page.push_str("\n\n| column | 名称 | kind | unit | without a row | meaning |\n|---|---|---|---|---|---|\n");
        for feature in group.features()? {
            let kind = match feature.kind {
                FeatureKind::Whole => "whole",
                FeatureKind::Float => "float",
                FeatureKind::Flag => "flag",
                FeatureKind::Text => "text",
            };
            let absent = if feature.absent == Absent::Zero { "0" } else { "null" };
            let (name, label, unit, meaning) = (feature.name, feature.label_zh, feature.unit, feature.meaning);
            let _ = writeln!(page, "| `{name}` | {label} | {kind} | {unit} | {absent} | {meaning} |");
        }
    }
    Ok(page)
}

const PREFACE: &str = "\
# Features

Written from the headers of `crates/perennial-lake/src/features/*.sql`; change it there.

Every feature is as of a day, and the as-of day is exclusive: only facts of earlier days count. A customer has a row when there is a
purchase day before the as-of day. Money is in minor units of the shop's currency; days are calendar days in the shop's zone. Windows
of N days are the N days before the as-of day. The column *without a row* says what a customer has about whom the group knows nothing.

Two facts are not dated and are taken as they are known today: `orders.status` (it matters only for orders without a line of positive
value) and what `customers` and `products` say about a person or a product.

A shop's own files in `<shop>/features/*.sql` add columns: a query that gives `customer_id` and further columns, one row per customer.
`$as_of` stands for the day, `$as_of_at` for the instant at which it begins in the shop's zone. **Such a query cannot see the future**: its tables
hold only what was known before the day (rows dated earlier; deliveries, openings, clicks, redemptions, closings and their scores only once they had happened), and
functions such as `random()` or `now()` are refused. There is no table `rejects`, `consents` or `imports` for it, and no column `ingested_at`, `batch_id` or
`source`: when a fact was brought in must not change a feature. The two undated facts above are the exception; a feature made of them that all but
equals the outcome is refused by the gate (`gate.leak_auroc_max`). A row that a later import replaced counts as it stands now, under the day it has
now: the lake keeps no older wording, so a consent that was given anew later is not known as of a day between. A header as in the built-in files is optional.
";
