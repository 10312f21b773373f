//! Which encoding a text file is in, and its bytes as UTF-8.
//!
//! A byte order mark decides; else UTF-16 shows in its zero bytes; else the first bytes beyond ASCII decide between UTF-8,
//! GB18030 and Windows-1252. Until such a byte is met a file is plain ASCII and needs no decision.

use encoding_rs::{Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::problem::Problem;

/// Turns the chunks of one file into UTF-8 text.
pub struct Decode {
    state: State,
    /// Bytes of a sequence that the end of a chunk cut in two.
    tail: Vec<u8>,
    started: bool,
}

enum State {
    /// Only ASCII so far.
    Ascii,
    Utf8,
    Other(Box<Decoder>),
}

/// The encoding a user may name in a mapping.
pub fn named(label: &str) -> Result<&'static Encoding, Problem> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Problem::refused(
            format!("unknown encoding {label:?}"),
            "name one such as utf-8, utf-16le, gb18030 or windows-1252, or leave it out to have it detected",
        )
    })
}

impl Decode {
    pub fn new(given: Option<&'static Encoding>) -> Self {
        let state = match given {
            None => State::Ascii,
            Some(encoding) if encoding == UTF_8 => State::Utf8,
            Some(encoding) => State::Other(Box::new(encoding.new_decoder_with_bom_removal())),
        };
        Self { state, tail: Vec::new(), started: false }
    }

    /// The text of the next chunk. Bytes that are no text in the file's encoding become U+FFFD.
    pub fn push(&mut self, chunk: Vec<u8>, last: bool) -> Result<String, Problem> {
        let mut bytes = chunk;
        if !self.tail.is_empty() {
            let mut joined = std::mem::take(&mut self.tail);
            joined.extend_from_slice(&bytes);
            bytes = joined;
        }
        if !self.started {
            self.started = true;
            bytes = self.begin(bytes);
        }
        if matches!(self.state, State::Ascii) {
            if bytes.is_ascii() {
                return plain(bytes);
            }
            self.state = decide(&bytes);
        }
        match &mut self.state {
            State::Other(decoder) => {
                let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len().saturating_mul(3));
                let mut text = String::with_capacity(room);
                let (result, _, _) = decoder.decode_to_string(&bytes, &mut text, last);
                debug_assert_eq!(result, encoding_rs::CoderResult::InputEmpty);
                without_zeros(text)
            }
            State::Ascii | State::Utf8 => {
                if !last {
                    let whole = bytes.len() - cut_sequence(&bytes);
                    self.tail = bytes.split_off(whole);
                }
                plain(bytes)
            }
        }
    }

    /// Look for a byte order mark or the zero bytes of UTF-16.
    fn begin(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if matches!(self.state, State::Other(_)) {
            return bytes;
        }
        if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
            bytes.drain(..mark);
            self.state = if encoding == UTF_8 { State::Utf8 } else { State::Other(Box::new(encoding.new_decoder())) };
        } else if let Some(encoding) = utf16_without_mark(&bytes) {
            self.state = State::Other(Box::new(encoding.new_decoder()));
        }
        bytes
    }
}

fn plain(bytes: Vec<u8>) -> Result<String, Problem> {
    without_zeros(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn without_zeros(text: String) -> Result<String, Problem> {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Problem::refused("holds zero bytes, so it is not a text file", "export it as CSV, JSON lines or Parquet"));
    }
    Ok(text)
}

/// How many bytes at the end belong to a UTF-8 sequence that is not complete.
fn cut_sequence(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        if byte < 0x80 {
            return 0;
        }
        if byte >= 0xC0 {
            let length = if byte >= 0xF0 {
                4
            } else if byte >= 0xE0 {
                3
            } else {
                2
            };
            return if length > back { back } else { 0 };
        }
    }
    0
}

fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(4096) & !1];
    if head.len() < 4 {
        return None;
    }
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|&&b| b == 0).count();
    let pairs = head.len() / 2;
    let (even, odd) = (zeros(0), zeros(1));
    // Digits, commas and line ends have a zero byte in every pair, whatever the language between them.
    if odd * 10 >= pairs && even * 8 <= odd {
        Some(UTF_16LE)
    } else if even * 10 >= pairs && odd * 8 <= even {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The encoding of a text whose first bytes beyond ASCII stand in `bytes`.
fn decide(bytes: &[u8]) -> State {
    let whole = &bytes[..bytes.len() - cut_sequence(bytes)];
    if std::str::from_utf8(whole).is_ok() {
        return State::Utf8;
    }
    // One damaged sequence in a file of good ones is damage, not another encoding.
    let (mut good, mut bad) = (0_usize, 0_usize);
    for piece in whole.utf8_chunks() {
        good += piece.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!piece.invalid().is_empty());
    }
    if good > bad * 10 {
        return State::Utf8;
    }
    let encoding = if looks_chinese(whole) { GB18030 } else { WINDOWS_1252 };
    State::Other(Box::new(encoding.new_decoder_without_bom_handling()))
}

/// GB18030 text is mostly two-byte characters of its common block; Latin text has lone bytes between ASCII letters.
fn looks_chinese(bytes: &[u8]) -> bool {
    let (mut pairs, mut others, mut at) = (0_usize, 0_usize, 0_usize);
    while at < bytes.len() {
        let lead = bytes[at];
        if lead < 0x80 {
            at += 1;
            continue;
        }
        let trail = bytes.get(at + 1).copied().unwrap_or(0);
        if (0xA1..=0xF7).contains(&lead) && (0xA1..=0xFE).contains(&trail) {
            pairs += 1;
            at += 2;
        } else if (0x81..=0xFE).contains(&lead) && (0x30..=0x39).contains(&trail) {
            pairs += 1;
            at += 4;
        } else {
            others += 1;
            at += 1;
        }
    }
    pairs > others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], chunk: usize) -> String {
        let mut decode = Decode::new(None);
        let mut text = String::new();
        let pieces: Vec<_> = bytes.chunks(chunk).collect();
        for (index, piece) in pieces.iter().enumerate() {
            text += &decode.push(piece.to_vec(), index + 1 == pieces.len()).expect("text");
        }
        text
    }

    #[test]
    fn encodings_are_told_apart_at_any_chunk_size() {
        let text = "order_id,名称\n1,白色心形挂灯\n2,\u{20000}丈\n";
        let utf16 = |le: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|u| if le { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
        };
        let gb = GB18030.encode(text).0.into_owned();
        let mut marked = b"\xEF\xBB\xBF".to_vec();
        marked.extend_from_slice(text.as_bytes());
        for chunk in [64, 37, 1024] {
            assert_eq!(decode(text.as_bytes(), chunk), text);
            assert_eq!(decode(&marked, chunk), text);
            assert_eq!(decode(&utf16(true), chunk), text, "{chunk}");
            assert_eq!(decode(&utf16(false), chunk), text);
            assert_eq!(decode(&gb, chunk), text);
        }
        assert_eq!(decode("café, crème brûlée £5".as_bytes(), 7), "café, crème brûlée £5");
        assert_eq!(decode(b"caf\xE9, cr\xE8me br\xFBl\xE9e \xA35", 64), "café, crème brûlée £5");
    }

    #[test]
    fn one_damaged_byte_does_not_change_the_encoding() {
        let mut bytes = "名称".repeat(20).into_bytes();
        bytes.push(0xFF);
        assert!(decode(&bytes, 1024).ends_with('\u{FFFD}'));
    }
}
