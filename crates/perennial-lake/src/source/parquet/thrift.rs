//! Walks a Thrift compact structure without building it: are all its lengths possible, and what are its numbers?
//!
//! Parquet's decoder reserves memory for what a file declares. This walk, which reserves nothing, comes first.

/// Structures nested deeper than any Parquet metadata.
const DEPTH_MAX: u32 = 24;

/// What is wrong with a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More bytes are needed than are there.
    Short,
    /// A length or nesting that cannot be.
    Absurd,
}

/// Whole numbers of a structure by path: field 5's field 1 is `(5, 1)`, field 2 itself `(2, 0)`.
pub type Numbers = Vec<((i16, i16), i64)>;

pub struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    numbers: Numbers,
}

/// Walk one structure at the start of `bytes`; how long it is, and its whole numbers down to one level.
pub fn walk(bytes: &[u8]) -> Result<(usize, Numbers), Fault> {
    let mut walk = Walk { bytes, at: 0, numbers: Vec::new() };
    walk.structure(0, None)?;
    Ok((walk.at, walk.numbers))
}

impl Walk<'_> {
    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::Absurd)
    }

    fn zigzag(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn skip(&mut self, length: u64) -> Result<(), Fault> {
        let left = (self.bytes.len() - self.at) as u64;
        if length > left {
            return Err(Fault::Short);
        }
        self.at += length as usize;
        Ok(())
    }

    /// `inside`: the top-level field this structure is the value of.
    fn structure(&mut self, depth: u32, inside: Option<i16>) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::Absurd);
        }
        let mut field = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            field = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).map_err(|_| Fault::Absurd)?,
                delta => field.checked_add(i16::from(delta)).ok_or(Fault::Absurd)?,
            };
            let path = match (depth, inside) {
                (0, _) => Some((field, 0)),
                (1, Some(outer)) => Some((outer, field)),
                _ => None,
            };
            self.value(head & 0x0F, depth, path)?;
        }
    }

    fn value(&mut self, kind: u8, depth: u32, path: Option<(i16, i16)>) -> Result<(), Fault> {
        match kind {
            // Boolean fields carry their value in the kind.
            1 | 2 => Ok(()),
            3 => self.skip(1),
            4..=6 => {
                let number = self.zigzag()?;
                self.numbers.extend(path.map(|path| (path, number)));
                Ok(())
            }
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => self.list(depth),
            11 => self.map(depth),
            12 => self.structure(depth + 1, path.filter(|path| path.1 == 0).map(|path| path.0)),
            _ => Err(Fault::Absurd),
        }
    }

    fn list(&mut self, depth: u32) -> Result<(), Fault> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.varint()?,
            size => u64::from(size),
        };
        self.possible(size)?;
        for _ in 0..size {
            self.element(head & 0x0F, depth)?;
        }
        Ok(())
    }

    fn map(&mut self, depth: u32) -> Result<(), Fault> {
        let size = self.varint()?;
        if size == 0 {
            return Ok(());
        }
        self.possible(size)?;
        let kinds = self.byte()?;
        for _ in 0..size {
            self.element(kinds >> 4, depth)?;
            self.element(kinds & 0x0F, depth)?;
        }
        Ok(())
    }

    fn element(&mut self, kind: u8, depth: u32) -> Result<(), Fault> {
        match kind {
            1 | 2 => self.skip(1),
            9..=11 if depth > DEPTH_MAX => Err(Fault::Absurd),
            9..=11 => self.value(kind, depth + 1, None),
            _ => self.value(kind, depth, None),
        }
    }

    /// Every element takes at least a byte.
    fn possible(&self, size: u64) -> Result<(), Fault> {
        if size > (self.bytes.len() - self.at) as u64 { Err(Fault::Absurd) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_and_absurd_lengths_are_refused() {
        // {1: i32 2, 2: i32 300, 5: {1: i32 7}}, then a byte that is not part of it.
        let good = [0x15, 0x04, 0x15, 0xD8, 0x04, 0x3C, 0x15, 0x0E, 0x00, 0x00, 0xFF];
        assert_eq!(walk(&good), Ok((10, vec![((1, 0), 2), ((2, 0), 300), ((5, 1), 7)])));
        assert_eq!(walk(&good[..6]), Err(Fault::Short));
        // A string of two gigabytes, a list of as many structures.
        assert_eq!(walk(&[0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00]), Err(Fault::Short));
        assert_eq!(walk(&[0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00]), Err(Fault::Absurd));
        // Structures in structures without end, lists in lists.
        assert_eq!(walk(&[0x1C; 4096]), Err(Fault::Absurd));
        assert_eq!(walk(&[0x19; 4096]), Err(Fault::Absurd));
    }
}
