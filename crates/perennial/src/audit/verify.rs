//! Is the log what was written? One pass over its lines that names the first entry that is wrong.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use rusqlite::Connection;
use serde::Serialize;

use super::AuditError;
use super::bytes::{Hash, from_hex, hex};
use super::export::Marks;
use super::key::Seal;
use super::line::{EntryLine, Line, SealLine, VERSION};
use super::log::{CHECKPOINT_EVERY, Go, walk};

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub is_good: bool,
    /// Entries that were found good.
    pub entries: i64,
    pub checkpoints: i64,
    /// Hash of the last good entry; written down elsewhere, it finds a log put back to an older day.
    pub hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// The entry where it shows.
    pub seq: i64,
    pub what: &'static str,
    #[serde(skip)]
    pub what_zh: &'static str,
}

/// What can be wrong, in both languages.
macro_rules! wrongs {
    ($($name:ident = $en:literal, $zh:literal;)*) => {
        $(const $name: Wrong = Wrong { en: $en, zh: $zh };)*
    };
}

#[derive(Clone, Copy)]
struct Wrong {
    en: &'static str,
    zh: &'static str,
}

wrongs! {
    NOT_OURS = "this is no export of the log of this public key", "这不是该公钥所属日志的导出文件";
    NO_FORM = "a line is not as an export writes it", "有一行与导出格式不符";
    CHANGED = "the entry or the one before it was changed", "该条目或其前一条目被改动";
    UNREADABLE = "the entry is no text any more", "该条目已不是可读文本";
    MISSING = "the entry is missing", "该条目缺失";
    MISPLACED = "an entry stands where it does not belong", "有条目位置不对";
    NO_CHECKPOINT = "the checkpoint of the entry is missing", "该条目的检查点缺失";
    BAD_CHECKPOINT = "a checkpoint does not vouch for the entry", "检查点与该条目不符";
    STRAY_CHECKPOINT = "a checkpoint stands where none belongs", "此处不应有检查点";
    NO_HEAD = "the head is missing: the log was cut after the entry", "缺少日志头：日志在该条目之后被截断";
    BAD_HEAD = "the head does not vouch for the last entry: entries were cut off or changed", "日志头与最后条目不符：有条目被截去或改动";
    AFTER_HEAD = "something stands after the head", "日志头之后还有内容";
    EMPTY = "the log is empty, though it was begun", "日志曾经建立，现在却是空的";
    OLDER = "the entry is another than an older export has", "该条目与较早导出的不同";
    ROLLED_BACK = "an older export knows the entry, the log does not: it was put back to an older day", "较早的导出含有该条目而日志没有：日志被回退";
}

impl Wrong {
    fn at(self, seq: i64) -> Fault {
        Fault { seq, what: self.en, what_zh: self.zh }
    }
}

/// Takes the lines of a log in order.
pub(super) struct Check<'a> {
    public: &'a VerifyingKey,
    /// Hashes that older exports vouch for, still to be met.
    marks: BTreeMap<i64, Hash>,
    entries: i64,
    previous: Hash,
    checkpoints: i64,
    wants_checkpoint: bool,
    has_begun: bool,
    has_head: bool,
}

impl<'a> Check<'a> {
    pub fn new(public: &'a VerifyingKey, marks: &Marks) -> Self {
        let marks = marks.0.clone();
        let (entries, checkpoints, previous) = (0, 0, [0; 32]);
        Self { public, marks, entries, previous, checkpoints, wants_checkpoint: false, has_begun: false, has_head: false }
    }

    pub fn take(&mut self, line: &Line) -> Result<(), Fault> {
        if self.has_head {
            return Err(AFTER_HEAD.at(self.entries));
        }
        match line {
            Line::Log { version, public_key } => {
                let is_ours = !self.has_begun && *version == VERSION && *public_key == hex(self.public.as_bytes());
                self.has_begun = true;
                if is_ours { Ok(()) } else { Err(NOT_OURS.at(self.entries)) }
            }
            _ if !self.has_begun => Err(NOT_OURS.at(0)),
            Line::Unreadable { seq } => Err(UNREADABLE.at(*seq)),
            Line::Entry(entry) => self.entry(entry),
            Line::Checkpoint(seal) => self.checkpoint(seal),
            Line::Head(seal) => self.head(seal),
        }
    }

    /// A line of a file that cannot be read.
    pub fn unread(&self) -> Fault {
        NO_FORM.at(self.entries + 1)
    }

    fn entry(&mut self, entry: &EntryLine) -> Result<(), Fault> {
        let seq = self.entries + 1;
        if self.wants_checkpoint {
            return Err(NO_CHECKPOINT.at(self.entries));
        }
        if entry.seq != seq {
            return Err(if entry.seq > seq { MISSING.at(seq) } else { MISPLACED.at(seq) });
        }
        let hash = entry.hash_after(&self.previous);
        if from_hex(&entry.hash) != Some(hash) {
            return Err(CHANGED.at(seq));
        }
        if self.marks.remove(&seq).is_some_and(|mark| mark != hash) {
            return Err(OLDER.at(seq));
        }
        (self.entries, self.previous) = (seq, hash);
        self.wants_checkpoint = seq % CHECKPOINT_EVERY == 0;
        Ok(())
    }

    fn checkpoint(&mut self, seal: &SealLine) -> Result<(), Fault> {
        if !self.wants_checkpoint || seal.seq != self.entries {
            return Err(STRAY_CHECKPOINT.at(seal.seq));
        }
        if !self.is_good(Seal::Checkpoint, seal) {
            return Err(BAD_CHECKPOINT.at(self.entries));
        }
        self.wants_checkpoint = false;
        self.checkpoints += 1;
        Ok(())
    }

    fn head(&mut self, seal: &SealLine) -> Result<(), Fault> {
        if self.wants_checkpoint {
            return Err(NO_CHECKPOINT.at(self.entries));
        }
        if seal.seq != self.entries || !self.is_good(Seal::Head, seal) {
            return Err(BAD_HEAD.at(self.entries));
        }
        self.has_head = true;
        Ok(())
    }

    fn is_good(&self, seal: Seal, line: &SealLine) -> bool {
        let Some(signature) = from_hex::<64>(&line.signature) else { return false };
        from_hex(&line.hash) == Some(self.previous) && seal.is_good(self.public, (line.seq, &self.previous), &signature)
    }

    /// The verdict, given the fault that ended the reading, if one did.
    pub fn finish(self, fault: Option<Fault>) -> Verdict {
        let fault = fault.or_else(|| match self.marks.first_key_value() {
            _ if !self.has_begun => Some(NOT_OURS.at(0)),
            _ if self.entries == 0 => Some(EMPTY.at(0)),
            _ if !self.has_head => Some(NO_HEAD.at(self.entries)),
            Some((&seq, _)) => Some(ROLLED_BACK.at(seq)),
            None => None,
        });
        let Self { entries, checkpoints, .. } = self;
        Verdict { is_good: fault.is_none(), entries, checkpoints, hash: hex(&self.previous), fault }
    }
}

/// Check the log in a database against the public key and what older exports vouch for.
pub fn verify(database: &Connection, public: &VerifyingKey, marks: &Marks) -> Result<Verdict, AuditError> {
    let mut check = Check::new(public, marks);
    let mut fault = None;
    walk(database, public, &mut |line| {
        fault = check.take(&line).err();
        Ok(if fault.is_some() { Go::Stop } else { Go::On })
    })?;
    Ok(check.finish(fault))
}
