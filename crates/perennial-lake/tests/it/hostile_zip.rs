//! Zip containers for tests, good ones and lying ones.

use std::io::Write;

pub struct Entry {
    name: String,
    method: u16,
    packed: Vec<u8>,
    crc: u32,
    size: u32,
    /// How far the directory is wrong about where the entry is.
    pub offset_shift: u32,
}

impl Entry {
    pub fn stored(name: &str, content: impl AsRef<[u8]>) -> Self {
        Self::new(name, 0, content.as_ref(), content.as_ref().to_vec())
    }

    pub fn packed(name: &str, content: &[u8]) -> Self {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).expect("deflate");
        Self::new(name, 8, content, encoder.finish().expect("deflate"))
    }

    fn new(name: &str, method: u16, content: &[u8], packed: Vec<u8>) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        Self { name: name.to_owned(), method, packed, crc: crc.sum(), size: content.len() as u32, offset_shift: 0 }
    }
}

pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = bytes.len() as u32 + entry.offset_shift;
        // Version, flags, method, time, date; then sizes and the lengths of name and extra field.
        let mut head = Vec::new();
        for field in [20, 0, entry.method, 0, 33] {
            head.extend_from_slice(&u16::to_le_bytes(field));
        }
        for field in [entry.crc, entry.packed.len() as u32, entry.size] {
            head.extend_from_slice(&field.to_le_bytes());
        }
        head.extend_from_slice(&(entry.name.len() as u16).to_le_bytes());
        head.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(entry.name.as_bytes());
        bytes.extend_from_slice(&entry.packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&head);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(entry.name.as_bytes());
    }
    let (at, count) = (bytes.len() as u32, (entries.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&count);
    bytes.extend_from_slice(&count);
    bytes.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&at.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes
}
