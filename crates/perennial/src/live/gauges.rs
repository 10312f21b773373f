//! What an operator watches of the inbox.

/// Counts of one moment; the totals are since the inbox was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    pub rows_waiting: u64,
    /// Of the segments that are not moved yet, on disk.
    pub bytes_waiting: u64,
    pub segments_waiting: u64,
    /// How long the oldest waiting row has waited; none waits where there is none.
    pub oldest_age_us: Option<i64>,
    /// The newest day that any row happened on, as days since 1970.
    pub newest_on: Option<i32>,
    pub rows_accepted: u64,
    pub rows_duplicate: u64,
    pub rows_rejected: u64,
    pub rows_moved: u64,
    /// Times that written rows were made durable: accepted rows by this is what a group holds.
    pub groups_written: u64,
    pub is_stopped: bool,
}
