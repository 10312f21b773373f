//! Hostile files: each ends in a refusal that says what is wrong, or in a correct load; none in a panic or in much memory.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use perennial_contract::Entity;
use perennial_contract::source::SourceError;
use perennial_lake::source::{Limits, ReadOptions};

use crate::hostile_zip::{Entry, zip};
use crate::source::read;

/// What must become of a file.
enum Outcome {
    /// Refused, with this in the message.
    Refused(&'static str),
    /// Rows of orders loaded and rows rejected.
    Loaded(usize, usize),
}
use Outcome::{Loaded, Refused};

const HEADER: &str = "order_id,ordered_at,total_cents\n";

fn options() -> ReadOptions {
    ReadOptions::new("UTC", "EUR")
}

/// Write a file and see what becomes of it.
fn check(name: &str, bytes: &[u8], outcome: &Outcome) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    check_path(&path, outcome);
}

fn check_path(path: &Path, outcome: &Outcome) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match (read(None, &[path.to_path_buf()], &options()), outcome) {
        (Err(error), Refused(part)) => {
            let text = error.to_string();
            assert!(text.contains(part), "{name}: expected {part:?} in {text:?}");
            assert!(!text.ends_with('.'), "{text}");
        }
        (Ok(read), Loaded(rows, rejects)) => {
            assert_eq!((read.rows(Entity::Orders), read.rejects.len()), (*rows, *rejects), "{name}: {:?}", read.reasons());
        }
        (Err(error), Loaded(..)) => panic!("{name}: {error}"),
        (Ok(read), Refused(part)) => panic!("{name}: {} rows loaded, expected {part:?}", read.rows(Entity::Orders)),
    }
}

fn orders(rows: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<u8> {
    let mut text = HEADER.to_owned();
    for row in rows {
        text += row.as_ref();
        text.push('\n');
    }
    text.into_bytes()
}

fn good(n: usize) -> Vec<u8> {
    orders((0..n).map(|i| format!("o{i},2024-05-01 10:00:00,{}", i + 1)))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("zstd")
}

/// `times` copies of a block after a start, packed without ever being whole in memory.
fn packed_in_a_stream(path: &Path, start: &[u8], block: &[u8], times: usize) {
    let file = std::fs::File::create(path).expect("file");
    let is_zstd = path.extension().is_some_and(|ending| ending == "zst");
    let mut writer: Box<dyn Write> = if is_zstd {
        Box::new(zstd::Encoder::new(file, 1).expect("zstd").auto_finish())
    } else {
        Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::default()))
    };
    writer.write_all(start).expect("written");
    for _ in 0..times {
        writer.write_all(block).expect("written");
    }
}

#[test]
fn files_that_are_no_tables() {
    let cases: Vec<(&str, Vec<u8>, Outcome)> = vec![
        ("orders.csv", vec![], Refused("is empty")),
        ("orders.csv", b" \n\t\n \n".to_vec(), Refused("is empty")),
        ("orders.csv", b"\xEF\xBB\xBF".to_vec(), Refused("is empty")),
        ("orders.csv", HEADER.as_bytes().to_vec(), Refused("no rows")),
        ("orders.csv", (0..5_000_u32).map(|i| ((i.wrapping_mul(2_654_435_761)) >> 13) as u8).collect(), Refused("zero bytes")),
        ("orders.csv", [good(3).as_slice(), b"o9,2024-05-01,\x001\n"].concat(), Refused("zero bytes")),
        ("orders.csv.xz", b"\xFD7zXZ\0\0\x04rest".to_vec(), Refused("packed with xz")),
        ("orders.csv.bz2", b"BZh91AY&SY".to_vec(), Refused("packed with bzip2")),
        ("orders.7z", b"7z\xBC\xAF\x27\x1C\0\x04".to_vec(), Refused("7z archive")),
        ("orders.rar", b"Rar!\x1A\x07\x01\0".to_vec(), Refused("rar archive")),
        ("orders.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec(), Refused("old Excel workbook")),
        ("orders.db", b"SQLite format 3\0".to_vec(), Refused("SQLite database")),
        ("orders.pdf", b"%PDF-1.7\n".to_vec(), Refused("PDF")),
        ("orders.orc", b"ORC\x01\x02\x03".to_vec(), Refused("ORC")),
        ("orders.avro", b"Obj\x01\x02\x03".to_vec(), Refused("Avro")),
        ("orders.html", b"<!doctype html><table></table>".to_vec(), Refused("HTML")),
        ("orders.json", b"[{\"order_id\": 1}]".to_vec(), Refused("one JSON array")),
        ("orders.zip", zip(&[Entry::stored("orders.csv", good(2))]), Refused("zip archive")),
        ("orders.csv.gz", gzip(&gzip(&good(100))), Refused("packed twice")),
        ("orders.tar.gz", gzip(&[vec![b'a'; 257], b"ustar\x0000".to_vec(), vec![0; 300]].concat()), Refused("tar archive")),
    ];
    for (name, bytes, outcome) in &cases {
        check(name, bytes, outcome);
    }
}

#[test]
fn packed_files_that_are_cut_off_or_damaged() {
    let whole = good(50_000);
    let (gz, zst) = (gzip(&whole), zstd(&whole));
    check("orders.csv.gz", &gz, &Loaded(50_000, 0));
    check("orders.csv.zst", &zst, &Loaded(50_000, 0));
    check("orders.csv.gz", &gz[..gz.len() / 2], &Refused("cut off"));
    check("orders.csv.gz", &gz[..gz.len() - 4], &Refused("cut off"));
    check("orders.csv.zst", &zst[..zst.len() / 2], &Refused("cut off"));
    let mut flipped = gz.clone();
    let end = flipped.len() - 6;
    flipped[end] ^= 0xFF;
    check("orders.csv.gz", &flipped, &Refused("damaged"));
    check("orders.csv.gz", &[gz.as_slice(), &b"and more".repeat(8)].concat(), &Refused("damaged"));
    check("orders.csv.gz", &[gz.as_slice(), &gzip(b"x1,2024-05-01,5\n")].concat(), &Loaded(50_001, 0));
    // A frame that asks for a window of two gibibytes.
    check("orders.csv.zst", &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 1, 0, 0], &Refused("damaged"));
}

#[test]
fn bombs_and_giants() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["orders.csv.gz", "orders.csv.zst"] {
        let path = folder.path().join(name);
        // One cell of a gibibyte.
        packed_in_a_stream(&path, format!("{HEADER}o1,2024-05-01,").as_bytes(), &vec![b'1'; 1 << 20], 1024);
        check_path(&path, &Refused("longer than 16 MiB"));
        // The same in quotes.
        packed_in_a_stream(&path, format!("{HEADER}\"").as_bytes(), &vec![b'x'; 1 << 20], 64);
        check_path(&path, &Refused("longer than 16 MiB"));
        // Blank lines without end.
        packed_in_a_stream(&path, &good(3), &vec![b'\n'; 1 << 20], 300);
        check_path(&path, &Refused("decompression bomb"));
    }
    let cell = [HEADER.as_bytes(), b"o1,2024-05-01,1\n", &vec![b'x'; (1 << 20) + 1], b",2024-05-01,1\n"].concat();
    check("orders.csv", &cell, &Refused("cell of 1 MiB"));
    let wide = vec!["x"; 10_001].join(",");
    check("orders.csv", format!("{wide}\n{wide}\n").as_bytes(), &Refused("more than 10000 columns"));
    check("orders.csv", orders(["o1,2024-05-01,1".to_owned(), wide]).as_slice(), &Refused("more than 10000 columns"));
    let first = "{\"order_id\":1,\"ordered_at\":\"2024-05-01\",\"total_cents\":5}\n";
    let long = format!("{first}{{\"order_id\":\"{}\"}}\n", "x".repeat(17 << 20));
    check("orders.jsonl", long.as_bytes(), &Refused("longer than 16 MiB"));
    let deep = format!("{first}{}1{}\n", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    check("orders.jsonl", deep.as_bytes(), &Loaded(1, 1));
}

#[test]
fn rows_that_are_bad_in_files_that_are_not() {
    let cases: Vec<(&str, Vec<u8>, Outcome)> = vec![
        ("orders.csv", orders(["o1,2024-05-01,1", "o2,2024-02-30,1", "o3,2024-05-01,1"]), Loaded(2, 1)),
        ("orders.csv", orders(["o1,9999-01-01,1", "o2,0001-01-01,1", "o3,1969-12-31,1"]), Refused("before 1970")),
        ("orders.csv", orders(["o1,2024-05-01,1", "o2,2024-05-01,NaN", "o3,2024-05-01,1"]), Loaded(2, 1)),
        ("orders.csv", orders(["o1,2024-05-01,99999999999999999999", "o2,2024-05-01,1", "o3,2024-05-01,1"]), Loaded(2, 1)),
        ("orders.csv", orders(["o1,2024-05-01,9223372036854775807", "o2,2024-05-01,1"]), Loaded(1, 1)),
        ("orders.csv", orders(["o1,2024-05-01,1", "o2,2024-05-01", "o3,2024-05-01,1,1", "o4,2024-05-01,1"]), Loaded(2, 2)),
        ("orders.csv", orders([",2024-05-01,1", "o2,2024-05-01,1", "o3,,1", "o4,2024-05-01,1"]), Loaded(2, 2)),
        ("orders.csv", orders(["o1,yesterday,1", "o2,tomorrow,1", "o3,2024-05-01,1"]), Refused("2 times: is not a date")),
        ("orders.csv", [good(3).as_slice(), b"\"o4,2024-05-01,1\n"].concat(), Loaded(3, 1)),
        ("orders.csv", [good(3).as_slice(), b"\"o4\"x,2024-05-01,1\no5,2024-05-01,1\n"].concat(), Loaded(4, 1)),
        // Latin-1, and UTF-8 with a damaged id.
        ("orders.csv", [good(3).as_slice(), b"caf\xE9,2024-05-01,1\n"].concat(), Loaded(4, 0)),
        ("orders.csv", [orders((0..30).map(|i| format!("é{i},2024-05-01,1"))).as_slice(), b"caf\xFF,2024-05-01,1\n"].concat(), Loaded(30, 1)),
        ("orders.csv", good(3).iter().map(|b| if *b == b'\n' { b'\r' } else { *b }).collect(), Loaded(3, 0)),
        ("orders.csv", orders(["=cmd|' /C calc'!A0,2024-05-01,1", "o\u{202E}2,2024-05-01,1", "😀,2024-05-01,1"]), Loaded(3, 0)),
        ("orders.csv", b"order_id,ordered_at,order_id,total_cents\n1,2024-05-01,2,3\n".to_vec(), Refused("twice")),
        ("orders.csv", b"order_id,ordered_at\n1,2024-05-01\n".to_vec(), Refused("no column for")),
        ("orders.csv", b"order_id,total_cents\n1,5\n".to_vec(), Refused("orders.ordered_at")),
        ("orders.csv", b"order_id,ordered_at,total_cents,colour\n1,2024-05-01,5,red\n".to_vec(), Refused("\"colour\"")),
        ("orders.csv", b"order_id,ordered_at,total_cents,currency\n1,2024-05-01,5,eur\n2,2024-05-01,5,USD\n".to_vec(), Loaded(1, 1)),
        ("sales.csv", b"a,b\n1,2\n".to_vec(), Refused("its format is not known")),
        ("orders.jsonl", b"{\"order_id\":1,\"ordered_at\":\"2024-05-01\",\"total_cents\":5}\nnonsense\n{\"order_id\":2,\"ordered_at\":\"2024-05-01\",\"total_cents\":5}\n".to_vec(), Loaded(2, 1)),
        ("orders.jsonl", b"{\"order_id\":1,\"ordered_at\":\"2024-05-01\",\"total_cents\":5e400}\n".to_vec(), Refused("its format is not known")),
    ];
    for (name, bytes, outcome) in &cases {
        check(name, bytes, outcome);
    }
}

#[test]
fn encodings_of_every_kind() {
    let text =
        "order_id,ordered_at,total_cents,channel\n订单一,2024-05-01,5,网店\n订单二,2024-05-02,6,门店\n订单三,2024-05-02,6,门店\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xFF\xFE".as_slice(), &utf16].concat();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let gb = encoding_rs::GB18030.encode(text).0.into_owned();
    for bytes in [text.as_bytes(), &[b"\xEF\xBB\xBF", text.as_bytes()].concat(), &utf16, &marked, &big, &gb] {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("orders.csv");
        std::fs::write(&path, bytes).expect("written");
        let read = read(None, &[path], &options()).expect("readable");
        let ids: Vec<_> = read.texts(Entity::Orders, "order_id").into_iter().flatten().collect();
        assert_eq!(ids, ["订单一", "订单二", "订单三"]);
        assert_eq!(read.count(Entity::Orders, "channel", "门店"), 2);
    }
    // Half a character at the end.
    check("orders.csv", &utf16[..utf16.len() - 1], &Loaded(3, 0));
}

fn parquet_bytes(rows: usize) -> Vec<u8> {
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("o{i}"))));
    let times: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|_| "2024-05-01")));
    let totals: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i as i64)));
    let batch = RecordBatch::try_from_iter([("order_id", ids), ("ordered_at", times), ("total_cents", totals)]).expect("batch");
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    bytes
}

#[test]
fn parquet_files_that_lie_about_their_lengths() {
    let whole = parquet_bytes(2_000);
    let n = whole.len();
    check("orders.parquet", &whole, &Loaded(2_000, 0));
    check("orders.parquet", &whole[..n / 2], &Refused("cut off"));
    check("orders.parquet", &whole[..8], &Refused("cut off"));
    check("orders.parquet", b"PAR1PAR1PAR1", &Refused("footer"));
    let with_footer = |length: u32| {
        let mut bytes = whole.clone();
        bytes[n - 8..n - 4].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    for length in [u32::MAX, n as u32, 0] {
        check("orders.parquet", &with_footer(length), &Refused("claims a footer"));
    }
    check("orders.parquet", &with_footer(40), &Refused("damaged"));
    let mut encrypted = whole.clone();
    encrypted[n - 1] = b'E';
    check("orders.parquet", &encrypted, &Refused("encrypted"));
    check("orders.parquet.gz", &gzip(&whole), &Refused("packed Parquet"));
    // The first page's header says it unpacks to two gibibytes: {1: type 2, 2: i32 max …}.
    let mut page = whole.clone();
    page[4..11].copy_from_slice(&[0x15, 0x04, 0x15, 0xFE, 0xFF, 0xFF, 0xFF]);
    check("orders.parquet", &page, &Refused("damaged"));
}

#[test]
fn a_byte_changed_anywhere_never_brings_the_reader_down() {
    let parquet = parquet_bytes(300);
    let workbook = workbook(&rows_xml(30));
    let text = good(30);
    let packed = gzip(&text);
    for (name, bytes) in [("orders.parquet", parquet), ("orders.xlsx", workbook), ("orders.csv", text), ("orders.csv.gz", packed)]
    {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(name);
        let step = (bytes.len() / 150).max(1);
        for at in (0..bytes.len()).step_by(step) {
            for flip in [0xFF_u8, 0x01, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                std::fs::write(&path, &changed).expect("written");
                match read(None, std::slice::from_ref(&path), &options()) {
                    Ok(read) => assert!(read.rows(Entity::Orders) + read.rejects.len() > 0, "{name} {at} {flip}"),
                    Err(SourceError::Refused { problem, advice, .. }) => assert!(!problem.is_empty() && !advice.is_empty()),
                    Err(SourceError::Mapping { problem, .. }) => panic!("{name} {at} {flip}: {problem}"),
                    Err(SourceError::Read { cause, .. }) => panic!("{name} {at} {flip}: {cause}"),
                }
            }
        }
    }
}

fn rows_xml(rows: usize) -> String {
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let row = |cells: [&str; 3]| format!("<row>{}</row>", cells.map(cell).concat());
    let body: String = (0..rows).map(|i| row([&format!("o{i}"), "2024-05-01", "5"])).collect();
    row(["order_id", "ordered_at", "total_cents"]) + &body
}

/// A workbook with one sheet.
pub fn workbook(rows: &str) -> Vec<u8> {
    zip(&workbook_entries(rows))
}

fn workbook_entries(rows: &str) -> Vec<Entry> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
    let types =
        format!("<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>");
    let root = format!(
        "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"r1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let sheets = format!(
        "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"r1\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
    );
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
    vec![
        Entry::stored("[Content_Types].xml", types),
        Entry::stored("_rels/.rels", root),
        Entry::stored("xl/workbook.xml", book),
        Entry::stored("xl/_rels/workbook.xml.rels", sheets),
        Entry::packed("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ]
}

#[test]
fn workbooks_that_are_no_workbooks() {
    let whole = workbook(&rows_xml(100));
    check("orders.xlsx", &whole, &Loaded(100, 0));
    check("orders.xlsx", &whole[..whole.len() / 2], &Refused("directory is missing"));
    check("orders.xlsx", &whole[..whole.len() - 30], &Refused("cut off"));
    // A cell of two mebibytes, and a sheet that unpacks to a hundred.
    let cell = format!("<row><c t=\"inlineStr\"><is><t>{}</t></is></c></row>", "x".repeat(2 << 20));
    check("orders.xlsx", &workbook(&cell), &Refused("cell of more than 1 MiB"));
    let bomb = "<".to_owned() + &">".repeat(100 << 20);
    check("orders.xlsx", &workbook(&bomb), &Refused("decompression bomb"));
    let mut entries = workbook_entries(&rows_xml(3));
    entries[4].offset_shift = 1 << 20;
    check("orders.xlsx", &zip(&entries), &Refused("damaged"));
}

#[test]
fn limits_are_settings() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("orders.csv");
    std::fs::write(&path, good(10_000)).expect("written");
    let mut options = options();
    options.limits = Limits { unpacked_bytes_max: 100_000, ..Limits::default() };
    let error = read(None, &[path], &options).expect_err("too large");
    assert!(error.to_string().contains("unpacks to more than 97 KiB"), "{error}");
}

#[test]
fn paths_that_are_no_files() {
    let folder = tempfile::tempdir().expect("folder");
    let missing = read(None, &[folder.path().join("none.csv")], &options());
    assert!(matches!(missing, Err(SourceError::Read { .. })));
    let empty = read(None, &[folder.path().to_path_buf()], &options()).expect_err("empty");
    assert!(empty.to_string().contains("holds no data file"), "{empty}");
    let none = read(None, &[], &options()).expect_err("none");
    assert!(none.to_string().contains("no file was named"), "{none}");
    let unknown = read(Some("excel"), &[PathBuf::from(file!())], &options()).expect_err("unknown");
    assert!(unknown.to_string().contains("excel") || unknown.to_string().contains("cannot be read"), "{unknown}");
}

/// All of the above in a process of their own, whose peak is then known.
#[test]
fn hostile_files_need_less_than_half_a_gibibyte() {
    if !cfg!(target_os = "linux") || std::env::var_os("PERENNIAL_HOSTILE_CHILD").is_some() {
        return;
    }
    let program = std::env::current_exe().expect("program");
    for test in [
        "hostile::bombs_and_giants",
        "hostile::parquet_files_that_lie_about_their_lengths",
        "hostile::workbooks_that_are_no_workbooks",
        "limits::identities_and_rejects_beyond_memory",
        "limits::repeated_keys_beyond_memory",
    ] {
        let mut child = std::process::Command::new(&program)
            .args([test, "--exact", "--test-threads=1"])
            .env("PERENNIAL_HOSTILE_CHILD", "1")
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("child");
        let mut peak_kib = 0_u64;
        let status = loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let now = line.and_then(|line| line.trim_end_matches("kB").trim().parse().ok());
            peak_kib = peak_kib.max(now.unwrap_or(0));
            if let Some(status) = child.try_wait().expect("child") {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        assert!(status.success(), "{test}");
        println!("{test}: peak {} MiB", peak_kib >> 10);
        assert!(peak_kib > 0 && peak_kib < 512 << 10, "{test}: {peak_kib} KiB");
    }
}
