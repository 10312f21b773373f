//! Which orders never came to a sale: shop systems keep them in their exports beside the others.

/// The canonical status of an order that was called off, and the kind of its lines: kept, and worth nothing.
pub const CANCELLED: &str = "cancelled";

/// How shop systems call an order that is no sale: called off, or never paid.
const NO_SALE: [&str; 8] = ["cancelled", "canceled", "voided", "void", "failed", "expired", "trash", "unavailable"];

/// Whether an order with this status is no sale, however the status is written: `Voided`, `wc-failed`.
#[must_use]
pub fn is_no_sale(status: &str) -> bool {
    let status = status.trim();
    let plain = status.strip_prefix("wc-").unwrap_or(status);
    NO_SALE.iter().any(|word| plain.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_paid_is_no_sale() {
        for status in ["cancelled", "Canceled", " VOIDED ", "wc-failed", "trash", "unavailable"] {
            assert!(is_no_sale(status), "{status}");
        }
        for status in ["", "completed", "refunded", "pending", "on-hold", "processing", "paid"] {
            assert!(!is_no_sale(status), "{status}");
        }
    }
}
