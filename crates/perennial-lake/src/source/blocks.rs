//! Records that a decoder makes on a thread of its own: a workbook or a Parquet file as text cells.
//!
//! The decoders are other people's code fed with untrusted bytes; if one gives up, its thread ends and the file is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::limits::{Limits, bytes_text};
use super::problem::Problem;
use super::record::{Record, Records};

/// Records that travel together: this much text, or this many cells.
const BLOCK_BYTES: usize = 1 << 20;
const BLOCK_CELLS: usize = 1 << 16;
const BLOCKS_WAITING: usize = 2;

#[derive(Debug, Default)]
struct Block {
    text: String,
    spans: Vec<(u32, u32)>,
    /// Where each record ends in `spans`.
    ends: Vec<usize>,
    is_last: bool,
}

/// Where a decoder writes its records. The first one is the header.
pub struct Writer {
    block: Block,
    sender: SyncSender<Result<Block, Problem>>,
    unpacked: u64,
    /// Size of the packed file, where what comes out of it is measured against that.
    pub packed: Option<u64>,
    row: u64,
    limits: Limits,
    pub read: Arc<AtomicU64>,
}

/// The other side no longer listens: stop decoding.
#[derive(Debug)]
pub enum Stop {
    Hung,
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Writer {
    /// Add a cell to the current record.
    pub fn cell(&mut self, write: impl FnOnce(&mut String)) -> Result<(), Stop> {
        let from = self.block.text.len();
        write(&mut self.block.text);
        let length = self.block.text.len() - from;
        if length > self.limits.cell_bytes_max {
            let most = bytes_text(self.limits.cell_bytes_max as u64);
            return Err(Problem::refused(
                format!("row {} has a cell of {}", self.row, bytes_text(length as u64)),
                format!("a cell may hold {most}"),
            )
            .into());
        }
        // An empty cell takes its place too.
        self.unpacked += (length + size_of::<(u32, u32)>()) as u64;
        self.block.spans.push((from as u32, self.block.text.len() as u32));
        Ok(())
    }

    /// The current record is complete.
    pub fn end_record(&mut self) -> Result<(), Stop> {
        let from = self.block.ends.last().copied().unwrap_or(0);
        if self.block.spans.len() - from > self.limits.columns_max {
            let most = self.limits.columns_max;
            return Err(Problem::refused(format!("row {} has more than {most} columns", self.row), "split the table").into());
        }
        if self.unpacked > self.limits.unpacked_bytes_max {
            let most = bytes_text(self.limits.unpacked_bytes_max);
            return Err(Problem::refused(format!("holds more than {most} of text"), "split the file").into());
        }
        let Limits { ratio_free_bytes, ratio_max, .. } = self.limits;
        if let Some(packed) = self.packed
            && self.unpacked > ratio_free_bytes
            && self.unpacked / packed.max(1) > ratio_max
        {
            return Err(Problem::refused(
                format!("unpacks to more than {ratio_max} times its size, like a decompression bomb"),
                "look inside before importing it",
            )
            .into());
        }
        self.row += 1;
        self.block.ends.push(self.block.spans.len());
        if self.block.text.len() >= BLOCK_BYTES || self.block.spans.len() >= BLOCK_CELLS {
            return self.send();
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Stop> {
        self.sender.send(Ok(std::mem::take(&mut self.block))).map_err(|_| Stop::Hung)
    }
}

/// Records of a decoder's thread.
pub struct Blocks {
    receiver: Receiver<Result<Block, Problem>>,
    header: Vec<String>,
    block: Block,
    /// Index of the current record in the block, plus one.
    at: usize,
    row: u64,
    read: Arc<AtomicU64>,
}

impl Blocks {
    /// Start `decode`, which writes the header and then the records.
    pub fn start(
        limits: &Limits,
        decode: impl FnOnce(&mut Writer) -> Result<(), Stop> + Send + 'static,
    ) -> Result<Self, Problem> {
        let (sender, receiver) = sync_channel(BLOCKS_WAITING);
        let read = Arc::new(AtomicU64::new(0));
        let mut writer = Writer {
            block: Block::default(),
            sender,
            unpacked: 0,
            packed: None,
            row: 0,
            limits: limits.clone(),
            read: read.clone(),
        };
        std::thread::Builder::new()
            .name("perennial-decode".to_owned())
            .spawn(move || {
                match decode(&mut writer) {
                    Ok(()) => {
                        writer.block.is_last = true;
                        // Nobody listening means nobody needs to know; so below.
                        let _ = writer.send();
                    }
                    Err(Stop::Hung) => {}
                    Err(Stop::Problem(problem)) => {
                        let _ = writer.sender.send(Err(problem));
                    }
                }
            })
            .map_err(|error| Problem::Read(format!("no thread to decode it with: {error}")))?;
        let mut blocks = Self { receiver, header: Vec::new(), block: Block::default(), at: 0, row: 0, read };
        if blocks.advance()? {
            let record = blocks.record();
            blocks.header = (0..record.len()).map(|cell| record.cell(cell).to_owned()).collect();
            blocks.row = 0;
        }
        Ok(blocks)
    }
}

impl Records for Blocks {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn advance(&mut self) -> Result<bool, Problem> {
        while self.at >= self.block.ends.len() {
            if self.block.is_last {
                return Ok(false);
            }
            self.block = self.receiver.recv().map_err(|_| {
                Problem::refused("is damaged: its decoder gave up on it", "get the file again, or export it as CSV")
            })??;
            self.at = 0;
        }
        self.at += 1;
        self.row += 1;
        Ok(true)
    }

    fn record(&self) -> Record<'_> {
        let from = if self.at < 2 { 0 } else { self.block.ends[self.at - 2] };
        let to = self.at.checked_sub(1).and_then(|at| self.block.ends.get(at)).copied().unwrap_or(from);
        Record::new(self.row, &self.block.text, &self.block.spans[from..to])
    }

    fn read_bytes(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}
