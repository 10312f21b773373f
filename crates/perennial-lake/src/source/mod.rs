//! Sources: a shop's files as canonical batches of bounded size.
//!
//! `sniff` looks at a file, `delimited`, `json_lines`, `parquet` and `workbook` cut it into records of text cells, a format's
//! reader makes canonical rows of them, `sink` collects rows, rejects, identities and money, and `drive` runs it all;
//! `objects` does the same for rows that come one by one and are in no file.
//! A bad row becomes a reject; a bad file is refused whole.

mod ahead;
mod blocks;
mod book;
mod bounds;
mod call;
mod cdnow;
mod cell;
mod columns;
mod complete;
mod completejourney;
mod delimited;
mod drive;
mod encoding;
mod event_names;
mod facts;
mod identity;
mod json_lines;
mod layout;
mod limits;
mod mapped;
mod mapping;
mod mask;
mod missing;
mod moment;
mod names;
mod numbers;
mod objects;
mod olist;
mod online_retail;
mod parquet;
mod people;
mod plan;
mod problem;
mod record;
mod rows;
mod sale;
mod segment;
mod shopify;
mod sink;
mod sniff;
mod status;
mod stream;
mod woocommerce;
mod workbook;
mod zip;

use std::path::PathBuf;

use perennial_contract::Entity;
use perennial_contract::source::{Source, SourceError};

use drive::Drive;
use problem::Problem;

pub use facts::{expand, facts};
pub use limits::Limits;
pub use mapping::{Mapping, MoneyUnit, TableMapping};
pub use mask::masked;
pub use numbers::read_numbers;
pub use objects::{ObjectRows, read_objects};
pub use problem::Problem as FileProblem;
pub use sniff::Sniffed;

/// What a reader must know of the shop.
#[derive(Clone)]
pub struct ReadOptions {
    /// IANA name of the shop's time zone.
    pub zone: String,
    /// ISO 4217 code of the shop's currency.
    pub currency: String,
    /// Names of the columns, for files in no ready format.
    pub mapping: Option<Mapping>,
    pub limits: Limits,
    /// Key of the pseudonyms that stand for people known by a direct identifier only.
    pub pseudonym_key: Option<[u8; 32]>,
}

impl ReadOptions {
    #[must_use]
    pub fn new(zone: &str, currency: &str) -> Self {
        Self {
            zone: zone.to_owned(),
            currency: currency.to_owned(),
            mapping: None,
            limits: Limits::default(),
            pseudonym_key: None,
        }
    }
}

type Opened = Result<Box<dyn Source + Send>, Problem>;

/// A format that shops' files come in.
pub struct Format {
    pub name: &'static str,
    /// One line for `--help` and the guide.
    pub help: &'static str,
    /// Whether these files are in this format, by their names and columns.
    pub detect: fn(&[Sniffed]) -> bool,
    open: fn(Vec<Sniffed>, &ReadOptions) -> Opened,
}

/// Every format, in the order in which they are tried when none is named.
pub const SOURCES: &[Format] = &[
    Format {
        name: "csv",
        help: "any CSV, JSON lines, Parquet or xlsx file, with a mapping file that says which column is which",
        detect: |_| false,
        open: |mut files, options| {
            let mapping = options.mapping.as_ref().ok_or_else(|| {
                Problem::refused("no mapping was given", "say which column is which in a mapping file; see the import guide")
                    .of_mapping()
            })?;
            let reader = mapped::Mapped::by_mapping(mapping, &mut files, options)?;
            drive(reader, files, options)
        },
    },
    Format {
        name: "cdnow",
        help: "CDNOW purchases: the master file, the 1/10 sample, or its CSV form",
        detect: |files| files.iter().all(cdnow::detect),
        open: |files, options| drive(cdnow::Cdnow::new(options)?, cdnow::laid_out(files)?, options),
    },
    Format {
        name: "online-retail",
        help: "UCI Online Retail and Online Retail II, as CSV or xlsx",
        detect: |files| files.iter().all(online_retail::detect),
        open: |files, options| drive(online_retail::OnlineRetail::new(options)?, files, options),
    },
    Format {
        name: "olist",
        help: "Olist's Brazilian shop: the folder of its CSV files",
        detect: olist::detect,
        open: |files, options| drive(olist::Olist::new(options)?, olist::ordered(files)?, options),
    },
    Format {
        name: "completejourney",
        help: "dunnhumby, The Complete Journey: the folder of its CSV files",
        detect: completejourney::detect,
        open: |files, options| drive(completejourney::CompleteJourney::new(options)?, completejourney::ordered(files)?, options),
    },
    Format {
        name: "shopify-orders",
        help: "Shopify's orders export (CSV)",
        detect: |files| files.iter().all(shopify::detect),
        open: |files, options| drive(shopify::Shopify::new(options)?, files, options),
    },
    Format {
        name: "woocommerce",
        help: "WooCommerce order exports with a row per line item (CSV)",
        detect: |files| files.iter().all(woocommerce::detect),
        open: |files, options| drive(woocommerce::WooCommerce::new(options)?, files, options),
    },
    Format {
        name: "segment",
        help: "Segment's track and identify calls (JSON lines)",
        detect: |files| files.iter().all(segment::detect),
        open: |files, options| {
            let files = segment::laid_out(files)?;
            drive(segment::Segment::new(&files, options)?, files, options)
        },
    },
    Format {
        name: "perennial",
        help: "canonical tables: orders.csv, order_items.csv … as CSV, JSON lines or Parquet, or a folder of them",
        detect: |files| files.iter().any(is_canonical),
        open: |mut files, options| {
            if files.len() > 1 {
                files.retain(|file| Entity::from_name(&file.stem).is_some_and(|e| e != Entity::Rejects));
            }
            let reader = mapped::Mapped::canonical(&mut files, options)?;
            drive(reader, files, options)
        },
    },
];

fn is_canonical(file: &Sniffed) -> bool {
    Entity::from_name(&file.stem).is_some_and(|entity| entity.key().iter().take(1).all(|key| file.has(&[key])))
}

fn drive<R: drive::Reader + 'static>(reader: R, files: Vec<Sniffed>, options: &ReadOptions) -> Opened {
    Ok(Box::new(Drive::new(reader, files, options)))
}

/// The format of files, by their names and columns; a mapping means `csv`.
pub fn detect(paths: &[PathBuf], options: &ReadOptions) -> Result<&'static Format, SourceError> {
    choose(None, &sniff_all(paths, options)?, paths, options)
}

/// Open files in a named format, or in the one they are found to be in.
pub fn open(format: Option<&str>, paths: &[PathBuf], options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
    let files = sniff_all(paths, options)?;
    let first = files.first().map(|file| file.path.clone()).unwrap_or_default();
    let format = choose(format, &files, paths, options)?;
    (format.open)(files, options).map_err(|problem| problem.of(&first))
}

fn sniff_all(paths: &[PathBuf], options: &ReadOptions) -> Result<Vec<Sniffed>, SourceError> {
    let given = match &options.mapping {
        Some(mapping) => mapping.given().map_err(|problem| problem.of_mapping().of(&PathBuf::from("mapping")))?,
        None => sniff::Given::default(),
    };
    expand(paths)?.iter().map(|path| Sniffed::of(path, &given, &options.limits).map_err(|problem| problem.of(path))).collect()
}

fn choose(
    format: Option<&str>,
    files: &[Sniffed],
    paths: &[PathBuf],
    options: &ReadOptions,
) -> Result<&'static Format, SourceError> {
    let found = match format {
        Some(name) => SOURCES.iter().find(|format| format.name == name),
        None if options.mapping.is_some() => SOURCES.iter().find(|format| format.name == "csv"),
        None => SOURCES.iter().find(|format| (format.detect)(files)),
    };
    found.ok_or_else(|| {
        let known: Vec<_> = SOURCES.iter().map(|format| format.name).collect();
        let known = known.join(", ");
        let file = paths.first().cloned().unwrap_or_default();
        match format {
            Some(name) => Problem::refused(format!("there is no format {name:?}"), format!("the formats are {known}")),
            None => Problem::refused(
                format!("its format is not known; its columns are {}", sniff::listed(files.first().map_or(&[], |f| &f.header))),
                format!("name one of {known}, or map the columns with a mapping file"),
            ),
        }
        .of(&file)
    })
}
