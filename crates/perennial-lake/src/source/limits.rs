//! How much of anything a file may hold before it is refused, so that no file can exhaust the machine.

/// Limits on one input file. The defaults are far above what shops export.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// One cell.
    pub cell_bytes_max: usize,
    /// One record, all cells.
    pub record_bytes_max: usize,
    /// Columns of a file.
    pub columns_max: usize,
    /// A file after decompression.
    pub unpacked_bytes_max: u64,
    /// Unpacked bytes per packed byte; looked at once a file has unpacked to more than `ratio_free_bytes`.
    pub ratio_max: u64,
    pub ratio_free_bytes: u64,
    /// Text that a workbook keeps in memory for all its cells.
    pub shared_text_bytes_max: u64,
    /// A Parquet file's footer, and one of its pages after decompression.
    pub footer_bytes_max: u64,
    pub page_bytes_max: u64,
    /// A file is refused when more than this share of its rows is bad.
    pub reject_share_max: f64,
    /// One JSON object of a file of JSON lines; in memory it is many times as long.
    pub json_bytes_max: usize,
    /// What a reader may remember until the end of an import: ids, names, orders.
    pub held_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cell_bytes_max: 1 << 20,
            record_bytes_max: 16 << 20,
            columns_max: 10_000,
            unpacked_bytes_max: 256 << 30,
            ratio_max: 200,
            ratio_free_bytes: 64 << 20,
            shared_text_bytes_max: 128 << 20,
            footer_bytes_max: 16 << 20,
            page_bytes_max: 64 << 20,
            reject_share_max: 0.5,
            json_bytes_max: 1 << 20,
            held_bytes_max: 192 << 20,
        }
    }
}

/// A byte count as people read it.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
