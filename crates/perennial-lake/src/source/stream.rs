//! A file's text, decompressed and decoded on a thread of its own, in chunks of about a mebibyte.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use encoding_rs::Encoding;

use super::encoding::Decode;
use super::limits::{Limits, bytes_text};
use super::problem::Problem;

pub const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that wait between the two threads: with the ones in hand, a stream holds at most five.
const CHUNKS_WAITING: usize = 2;

/// How a file is packed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1F, 0x8B, ..] => Self::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// Counts what was read of the packed file.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The unpacked bytes of a file, watched for decompression bombs.
pub struct Unpacked {
    inner: Box<dyn Read + Send>,
    packing: Packing,
    packed: Arc<AtomicU64>,
    unpacked: u64,
    limits: Limits,
}

impl Unpacked {
    pub fn open(path: &Path, limits: &Limits, packed: Arc<AtomicU64>) -> Result<Self, Problem> {
        let cannot = |error: std::io::Error| Problem::Read(error.to_string());
        let mut head = [0_u8; 4];
        let mut file = File::open(path).map_err(cannot)?;
        let n = read_full(&mut file, &mut head).map_err(cannot)?;
        let file = Counted { inner: File::open(path).map_err(cannot)?, read: packed.clone() };
        let packing = Packing::of(&head[..n]);
        let buffered = BufReader::with_capacity(256 << 10, file);
        let inner: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(buffered),
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered).map_err(cannot)?;
                // 128 MiB: a frame may ask for a window of gigabytes, which would be allocated.
                decoder.window_log_max(27).map_err(cannot)?;
                Box::new(decoder)
            }
        };
        Ok(Self { inner, packing, packed, unpacked: 0, limits: limits.clone() })
    }

    /// The next bytes, at most `most`; empty at the end.
    pub fn chunk(&mut self, most: usize) -> Result<Vec<u8>, Problem> {
        let mut chunk = vec![0_u8; most];
        let n = read_full(&mut self.inner, &mut chunk).map_err(|error| self.broken(&error))?;
        chunk.truncate(n);
        self.unpacked += n as u64;
        self.watch()?;
        Ok(chunk)
    }

    fn broken(&self, error: &std::io::Error) -> Problem {
        match self.packing {
            Packing::Plain => Problem::Read(error.to_string()),
            packing => {
                let name = if packing == Packing::Gzip { "gzip" } else { "zstd" };
                let cut = error.kind() == std::io::ErrorKind::UnexpectedEof || error.to_string().contains("incomplete frame");
                // A packed file may be followed by another one, and by nothing else.
                let what = if cut { "is cut off, or something else follows it," } else { "is damaged" };
                Problem::refused(
                    format!("the {name} file {what} after {} of content ({error})", bytes_text(self.unpacked)),
                    "get the file again, whole",
                )
            }
        }
    }

    fn watch(&self) -> Result<(), Problem> {
        if self.unpacked > self.limits.unpacked_bytes_max {
            return Err(Problem::refused(
                format!("unpacks to more than {}", bytes_text(self.limits.unpacked_bytes_max)),
                "split the file, or raise the limit if it is really that large",
            ));
        }
        let packed = self.packed.load(Ordering::Relaxed).max(1);
        if self.packing != Packing::Plain
            && self.unpacked > self.limits.ratio_free_bytes
            && self.unpacked / packed > self.limits.ratio_max
        {
            return Err(Problem::refused(
                format!("unpacks to more than {} times its size, like a decompression bomb", self.limits.ratio_max),
                "unpack it yourself and look inside before importing it",
            ));
        }
        Ok(())
    }
}

fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The text of a file, chunk by chunk.
pub struct TextStream {
    chunks: Receiver<Result<String, Problem>>,
    packed: Arc<AtomicU64>,
}

impl TextStream {
    pub fn open(path: &Path, encoding: Option<&'static Encoding>, limits: &Limits) -> Result<Self, Problem> {
        let packed = Arc::new(AtomicU64::new(0));
        let unpacked = Unpacked::open(path, limits, packed.clone())?;
        let (sender, chunks) = sync_channel(CHUNKS_WAITING);
        let decode = Decode::new(encoding);
        let name = PathBuf::from(path);
        std::thread::Builder::new()
            .name("perennial-read".to_owned())
            .spawn(move || pump(unpacked, decode, &sender))
            .map_err(|error| Problem::Read(format!("no thread to read {} with: {error}", name.display())))?;
        Ok(Self { chunks, packed })
    }

    /// The next piece of text, `None` at the end.
    pub fn next(&mut self) -> Result<Option<String>, Problem> {
        match self.chunks.recv() {
            Ok(Ok(text)) => Ok(Some(text)),
            Ok(Err(problem)) => Err(problem),
            // The reading thread is gone: it has sent everything.
            Err(_) => Ok(None),
        }
    }

    /// Packed bytes read so far.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.packed.load(Ordering::Relaxed)
    }
}

/// Runs on the reading thread; ends when the file does or when nobody listens any more.
fn pump(mut unpacked: Unpacked, mut decode: Decode, sender: &SyncSender<Result<String, Problem>>) {
    loop {
        let step = unpacked.chunk(CHUNK_BYTES).and_then(|chunk| {
            let last = chunk.len() < CHUNK_BYTES;
            Ok((decode.push(chunk, last)?, last))
        });
        match step {
            Ok((text, last)) => {
                if sender.send(Ok(text)).is_err() || last {
                    return;
                }
            }
            Err(problem) => {
                // Nobody listening means nobody needs to know.
                let _ = sender.send(Err(problem));
                return;
            }
        }
    }
}
