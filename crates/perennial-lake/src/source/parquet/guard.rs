//! Whether a Parquet file's own statements about its size can be true, before any memory is reserved for them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use parquet::file::metadata::ParquetMetaData;

use super::thrift::{Fault, Numbers, walk};
use crate::source::limits::{Limits, bytes_text};
use crate::source::problem::Problem;

/// A page's header with its statistics; longer ones are absurd.
const PAGE_HEADER_BYTES_MAX: u64 = 64 << 10;
/// Values of one page.
const PAGE_VALUES_MAX: i64 = 16 << 20;

fn damaged(problem: impl Into<String>) -> Problem {
    Problem::refused(problem, "get the file again, or export it as CSV")
}

fn cannot(error: std::io::Error) -> Problem {
    Problem::Read(error.to_string())
}

/// Look at the ends of the file and walk its footer.
pub fn check_footer(file: &mut File, limits: &Limits) -> Result<(), Problem> {
    let bytes = file.metadata().map_err(cannot)?.len();
    if bytes < 12 {
        return Err(damaged("is cut off: it is too short for a Parquet file"));
    }
    let mut end = [0_u8; 8];
    file.seek(SeekFrom::End(-8)).map_err(cannot)?;
    file.read_exact(&mut end).map_err(cannot)?;
    match &end[4..] {
        b"PAR1" => {}
        b"PARE" => return Err(Problem::refused("is an encrypted Parquet file", "write it without encryption")),
        _ => return Err(damaged("is cut off: a Parquet file ends in PAR1")),
    }
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if footer == 0 || footer > bytes - 12 {
        return Err(damaged(format!("claims a footer of {} in a file of {}", bytes_text(footer), bytes_text(bytes))));
    }
    if footer > limits.footer_bytes_max {
        return Err(damaged(format!(
            "has a footer of {}, more than {}",
            bytes_text(footer),
            bytes_text(limits.footer_bytes_max)
        )));
    }
    file.seek(SeekFrom::End(-8 - footer as i64)).map_err(cannot)?;
    let mut buffer = vec![0_u8; footer as usize];
    file.read_exact(&mut buffer).map_err(cannot)?;
    walk(&buffer).map_err(|_| damaged("is damaged: its footer states impossible lengths"))?;
    file.seek(SeekFrom::Start(0)).map_err(cannot)?;
    Ok(())
}

/// Hold the footer's numbers against the file, and every page's header against both.
pub fn check_pages(file: &mut File, metadata: &ParquetMetaData, limits: &Limits) -> Result<(), Problem> {
    let bytes = file.metadata().map_err(cannot)?.len();
    let columns = metadata.file_metadata().schema_descr().num_columns();
    if columns > limits.columns_max {
        return Err(Problem::refused(format!("has {columns} columns, more than {}", limits.columns_max), "split the table"));
    }
    let mut rows = 0_i64;
    let mut unpacked = 0_u64;
    for group in metadata.row_groups() {
        rows = rows
            .checked_add(group.num_rows())
            .filter(|_| group.num_rows() >= 0)
            .ok_or_else(|| damaged("states an impossible number of rows"))?;
        for column in group.columns() {
            let (offset, length) =
                (column.dictionary_page_offset().unwrap_or(column.data_page_offset()), column.compressed_size());
            let end = offset.checked_add(length).and_then(|end| u64::try_from(end).ok());
            if offset < 4 || length < 0 || end.is_none_or(|end| end > bytes) {
                return Err(damaged("is damaged: a column lies outside the file"));
            }
            unpacked += check_chunk(file, offset as u64, length as u64, limits)?;
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        return Err(damaged("is damaged: its row groups do not add up to its rows"));
    }
    if unpacked > limits.ratio_free_bytes && unpacked / bytes > limits.ratio_max {
        return Err(Problem::refused(
            format!("unpacks to more than {} times its size, like a decompression bomb", limits.ratio_max),
            "look inside before importing it",
        ));
    }
    Ok(())
}

/// Walk the headers of a column's pages; how many bytes the pages unpack to.
fn check_chunk(file: &mut File, offset: u64, length: u64, limits: &Limits) -> Result<u64, Problem> {
    let (mut at, end) = (offset, offset + length);
    let mut unpacked = 0;
    let mut buffer = Vec::new();
    while at < end {
        file.seek(SeekFrom::Start(at)).map_err(cannot)?;
        // Most headers are a few dozen bytes long.
        let mut window = 512.min(end - at);
        let (header, numbers) = loop {
            buffer.clear();
            file.seek(SeekFrom::Start(at)).map_err(cannot)?;
            file.take(window).read_to_end(&mut buffer).map_err(cannot)?;
            match walk(&buffer) {
                Ok(found) => break found,
                Err(Fault::Short | Fault::Absurd) if window < PAGE_HEADER_BYTES_MAX.min(end - at) => {
                    window = (window * 8).min(PAGE_HEADER_BYTES_MAX).min(end - at);
                }
                Err(_) => return Err(damaged("is damaged: a page's header states impossible lengths")),
            }
        };
        let (packed, full) = check_page(&numbers, end - at - header as u64, limits)?;
        unpacked += full;
        at += header as u64 + packed;
    }
    Ok(unpacked)
}

/// Packed and unpacked size of a page, from the numbers of its header.
fn check_page(numbers: &Numbers, left: u64, limits: &Limits) -> Result<(u64, u64), Problem> {
    let number = |path: (i16, i16)| numbers.iter().find(|(at, _)| *at == path).map(|(_, value)| *value);
    let size = |path| number(path).and_then(|value| u64::try_from(value).ok());
    let (Some(full), Some(packed)) = (size((2, 0)), size((3, 0))) else {
        return Err(damaged("is damaged: a page has no size"));
    };
    if packed > left {
        return Err(damaged("is damaged: a page is longer than its column"));
    }
    if full > limits.page_bytes_max {
        return Err(damaged(format!(
            "has a page that claims to unpack to {}; up to {} are read",
            bytes_text(full),
            bytes_text(limits.page_bytes_max)
        )));
    }
    // Values of a data page, a dictionary, a data page of the second version.
    let values = [(5, 1), (7, 1), (8, 1)].into_iter().filter_map(number);
    if values.into_iter().any(|values| !(0..=PAGE_VALUES_MAX).contains(&values)) {
        return Err(damaged("is damaged: a page states an impossible number of values"));
    }
    let levels = [(8, 5), (8, 6)].into_iter().filter_map(number);
    if levels.into_iter().any(|length| length < 0 || length as u64 > full.max(packed)) {
        return Err(damaged("is damaged: a page's levels are longer than the page"));
    }
    // A dictionary of numbers is read as many values at once, each of at least a bit.
    if number((7, 1)).is_some_and(|values| values as u64 > full.saturating_mul(8)) {
        return Err(damaged("is damaged: a dictionary has more values than bytes"));
    }
    Ok((packed, full))
}
