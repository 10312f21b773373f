//! A realistic online shop with known truth.
//!
//! `write` fills a folder with the canonical tables as files, and the truth about every customer beside them in files that
//! import never reads. The same [`Settings`] give the same bytes on every machine and at any number of threads: each customer's
//! draws come from the seed and the customer's number alone, and rows are written in the order of the customers.

mod account;
mod aftermath;
mod basket;
mod block;
mod browse;
mod campaign;
mod clock;
mod code;
mod counter;
mod dirt;
mod draw;
mod file;
mod life;
mod opinion;
mod output;
mod person;
mod product;
mod sale;
mod season;
mod service;
mod settings;
mod sheet;
mod shop;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use perennial_contract::money;
use serde::Serialize;

use crate::cmd::Language;
use block::{BLOCK_CUSTOMERS, Block, Sheets, Totals};
use dirt::Spoilt;
use file::File;
use life::Life;
use output::{Folder, Output, pack};
use person::Person;
pub use settings::{Events, Format, Settings, SimulateError, Size, Tables};
use sheet::{Piece, Sheet};
use shop::Shop;

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub folder: PathBuf,
    pub customers: u64,
    pub files: Vec<FileSummary>,
    /// Items less returns over all lines that are not spoilt: what a correct import must report to the cent.
    pub net_revenue_cents: i64,
    pub currency: String,
    pub spoilt_rows: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct FileSummary {
    pub name: &'static str,
    pub rows: u64,
    pub bytes: u64,
}

impl Summary {
    /// For a person: one line a file, then what it comes to.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let mut text = String::new();
        let rows = language.of("rows", "行");
        for file in &self.files {
            text.push_str(&format!("{:>12} {rows}  {:>9.1} MB  {}\n", file.rows, file.bytes as f64 / 1e6, file.name));
        }
        let scale = money::minor_digits(&self.currency);
        let revenue = money::Decimal { units: i128::from(self.net_revenue_cents), scale };
        let (customers, currency, folder) = (self.customers, &self.currency, self.folder.display());
        let spoilt = match (self.spoilt_rows, language) {
            (0, _) => String::new(),
            (lines, Language::En) => format!(", {lines} lines spoilt on purpose"),
            (lines, Language::Zh) => format!("，其中 {lines} 行被故意弄坏"),
        };
        text.push_str(&match language {
            Language::En => format!("{customers} customers, net revenue {revenue} {currency}{spoilt}; written to {folder}"),
            Language::Zh => format!("{customers} 位客户，净收入 {revenue} {currency}{spoilt}；写入 {folder}"),
        });
        text
    }
}

/// Simulate a shop into `folder`, which must not exist or be empty. `progress` hears how many customers of how many are written.
pub fn write(settings: &Settings, folder: &Path, progress: &dyn Fn(u64, u64)) -> Result<Summary, SimulateError> {
    let shop = Shop::build(settings)?;
    let customers = customer_count(&shop);
    let target = Folder::create(folder)?;
    let mut book = Book::open(&target, settings)?;
    book.add(finish(counter::write(&shop), settings)?)?;
    let blocks = customers.div_ceil(BLOCK_CUSTOMERS);
    let workers = worker_count(settings).min(blocks).max(1);
    std::thread::scope(|scope| {
        let receivers: Vec<Receiver<_>> = (0..workers)
            .map(|worker| {
                // Two finished blocks may wait; a worker that is further ahead than that pauses.
                let (sender, receiver) = sync_channel(2);
                let shop = &shop;
                scope.spawn(move || {
                    for number in (worker..blocks).step_by(workers as usize) {
                        if sender.send(finished_block(shop, number, customers)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for number in 0..blocks {
            let Ok(finished) = receivers[(number % workers) as usize].recv() else {
                let cause = "a worker thread ended early".to_owned();
                return Err(SimulateError::Write { path: folder.to_owned(), cause });
            };
            book.add_block(finished?)?;
            progress(book.totals.customers, customers);
        }
        Ok(())
    })?;
    let summary = book.close(folder)?;
    target.publish()?;
    Ok(summary)
}

fn worker_count(settings: &Settings) -> u64 {
    match settings.threads {
        0 => std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        count => count as u64,
    }
}

/// How many customers to simulate. For a number of orders the first customers are lived through and counted: until they
/// suffice, or until there are enough of them to go by their mean.
fn customer_count(shop: &Shop) -> u64 {
    const PILOT_CUSTOMERS: u64 = 30_000;
    let wanted = match shop.settings.size {
        Size::Customers(count) => return count,
        Size::Orders(wanted) => wanted,
    };
    let (mut life, mut orders) = (Life::default(), 0);
    for number in 1..=PILOT_CUSTOMERS {
        life.live(shop, &Person::draw(shop, number));
        orders += life.orders.iter().filter(|order| order.at < shop.end()).count() as u64;
        if orders >= wanted {
            return number;
        }
    }
    (u128::from(PILOT_CUSTOMERS) * u128::from(wanted)).div_ceil(u128::from(orders.max(1))) as u64
}

struct Pieces(Vec<(File, Piece, u64)>);

struct Finished {
    pieces: Pieces,
    spoilt: Vec<Spoilt>,
    totals: Totals,
}

fn finish(sheets: Sheets, settings: &Settings) -> Result<Pieces, SimulateError> {
    let pieces = sheets.into_iter().filter(|(_, sheet)| sheet.rows > 0).map(|(file, sheet)| {
        let rows = sheet.rows;
        let failed = |cause: String| SimulateError::Write { path: file.name().into(), cause };
        let piece = sheet.finish().map_err(|error| failed(error.to_string()))?;
        let piece = pack(piece, settings.format).map_err(|error| failed(error.to_string()))?;
        Ok((file, piece, rows))
    });
    pieces.collect::<Result<_, _>>().map(Pieces)
}

fn finished_block(shop: &Shop, number: u64, customers: u64) -> Result<Finished, SimulateError> {
    let first = number * BLOCK_CUSTOMERS + 1;
    let Block { sheets, spoilt, totals } = block::write(shop, first..(first + BLOCK_CUSTOMERS).min(customers + 1));
    Ok(Finished { pieces: finish(sheets, &shop.settings)?, spoilt, totals })
}

/// The open files and the running totals.
struct Book<'a> {
    outputs: Vec<(File, Output)>,
    totals: Totals,
    spoilt_rows: u64,
    settings: &'a Settings,
}

impl<'a> Book<'a> {
    fn open(folder: &Folder, settings: &'a Settings) -> Result<Self, SimulateError> {
        let wanted = File::ALL.into_iter().filter(|file| file.wanted(settings));
        let outputs = wanted.map(|file| Output::create(folder, file, settings).map(|output| (file, output)));
        Ok(Self { outputs: outputs.collect::<Result<_, _>>()?, totals: Totals::default(), spoilt_rows: 0, settings })
    }

    fn output(&mut self, file: File) -> Option<&mut Output> {
        self.outputs.iter_mut().find(|(other, _)| *other == file).map(|(_, output)| output)
    }

    fn add(&mut self, pieces: Pieces) -> Result<(), SimulateError> {
        for (file, piece, rows) in pieces.0 {
            if let Some(output) = self.output(file) {
                output.push(piece, rows)?;
            }
        }
        Ok(())
    }

    fn add_block(&mut self, finished: Finished) -> Result<(), SimulateError> {
        self.list_spoilt(&finished.spoilt)?;
        self.add(finished.pieces)?;
        self.totals.customers += finished.totals.customers;
        self.totals.net_revenue_cents += finished.totals.net_revenue_cents;
        Ok(())
    }

    /// Rows are counted within the block; here they get their place in the file.
    fn list_spoilt(&mut self, spoilt: &[Spoilt]) -> Result<(), SimulateError> {
        if spoilt.is_empty() {
            return Ok(());
        }
        let mut sheet = Sheet::of(File::TruthDirt, self.settings.format);
        for one in spoilt {
            let before = self.output(one.file).map_or(0, |output| output.rows);
            sheet.word(one.file.name());
            sheet.whole((before + one.row) as i64);
            sheet.word_or_null(one.spoil.column());
            sheet.word(one.spoil.name());
            sheet.end_row();
        }
        self.spoilt_rows += sheet.rows;
        let failed = |cause: String| SimulateError::Write { path: File::TruthDirt.name().into(), cause };
        let (rows, piece) = (sheet.rows, sheet.finish().map_err(|error| failed(error.to_string()))?);
        let piece = pack(piece, self.settings.format).map_err(|error| failed(error.to_string()))?;
        self.add(Pieces(vec![(File::TruthDirt, piece, rows)]))
    }

    fn close(self, folder: &Path) -> Result<Summary, SimulateError> {
        let mut files = Vec::with_capacity(self.outputs.len());
        for (file, output) in self.outputs {
            let rows = output.rows;
            files.push(FileSummary { name: file.name(), rows, bytes: output.finish()? });
        }
        let Totals { customers, net_revenue_cents } = self.totals;
        let currency = self.settings.currency.clone();
        Ok(Summary { folder: folder.to_owned(), customers, files, net_revenue_cents, currency, spoilt_rows: self.spoilt_rows })
    }
}
