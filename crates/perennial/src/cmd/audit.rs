//! `perennial audit`: the log of who did what, checked, written out, listed.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::{Context, Exit, Language, UsageError};
use crate::audit::{self, Marks, Outcome, PUBLIC_FILE, Verdict};
use crate::registry::REGISTRY_FILE;
use crate::shop::Shop;

/// The log of who did what in the shop: check that nobody changed it, write it out, list it.
///
/// Example: perennial audit verify --shop shop
#[derive(Args, Debug)]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Verify(Verify),
    Export(Export),
    List(List),
}

/// Check the chain of the entries, the signed head and the checkpoints; exit code 1 where something was changed.
///
/// Without FILE the shop's own log is checked. With FILE an exported one is: that needs no shop, only the public key.
///
/// Example: perennial audit verify audit.jsonl --public-key audit.pub --older audit-last-month.jsonl
#[derive(Args, Debug)]
struct Verify {
    /// A log that `perennial audit export` wrote.
    file: Option<PathBuf>,
    /// The log's public key; the shop's audit.pub by default. Keep a copy where the shop's server cannot write.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// An export made earlier and kept elsewhere, or a checkpoint or head of one: finds a log put back to an older day.
    #[arg(long, value_name = "FILE")]
    older: Option<PathBuf>,
}

/// Write the log as JSON lines, which `perennial audit verify FILE` checks anywhere.
///
/// Example: perennial audit export --shop shop --out audit.jsonl
#[derive(Args, Debug)]
struct Export {
    /// The file to write; must not exist. Stdout by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The last entries, newest first.
///
/// Example: perennial audit list --shop shop --last 50
#[derive(Args, Debug)]
struct List {
    /// How many.
    #[arg(long, default_value_t = 20)]
    last: u32,
}

impl Audit {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        match &self.what {
            What::Verify(verify) => verify.run(context),
            What::Export(export) => export.run(context),
            What::List(list) => list.run(context),
        }
    }
}

/// The database that holds the shop's log, read only as far as SQLite lets one.
fn database(shop: &Path) -> Result<Connection> {
    let path = shop.join(REGISTRY_FILE);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(&path, flags).with_context(|| format!("{} cannot be opened", path.display()))?;
    database.busy_timeout(Duration::from_secs(10))?;
    database.pragma_update(None, "query_only", "ON")?;
    Ok(database)
}

impl Verify {
    fn run(&self, context: &Context) -> Result<Exit> {
        let shop = match (&self.file, &self.public_key) {
            (Some(_), Some(_)) => None,
            _ => Some(Shop::folder(context)?),
        };
        let language = match shop {
            Some(_) => context.language_of_shop()?,
            None => context.language_without_shop(),
        };
        let key = match (&self.public_key, &shop) {
            (Some(path), _) => path.clone(),
            (None, shop) => shop.clone().unwrap_or_default().join(PUBLIC_FILE),
        };
        if let (None, None, Some(shop)) = (&self.file, &self.public_key, &shop)
            && !key.exists()
            && audit::latest(&database(shop)?, 1, None)?.is_empty()
        {
            let none = json!({ "is_good": true, "entries": 0, "checkpoints": 0, "hash": null });
            context.print(&none, || language.of("no audit log yet", "尚无审计日志").to_owned())?;
            return Ok(Exit::Done);
        }
        let public = audit::public_key(&key)?;
        let read =
            |path: &Path| File::open(path).map(BufReader::new).with_context(|| format!("{} cannot be read", path.display()));
        let marks = match &self.older {
            Some(path) => audit::marks(&mut read(path)?, &public)?,
            None => Marks::default(),
        };
        let verdict = match (&self.file, &shop) {
            (Some(path), _) => audit::verify_export(&mut read(path)?, &public, &marks)?,
            (None, shop) => audit::verify(&database(shop.as_deref().unwrap_or(Path::new(".")))?, &public, &marks)?,
        };
        context.print(&verdict, || text(&verdict, language))?;
        Ok(if verdict.is_good { Exit::Done } else { Exit::Faulty })
    }
}

fn text(verdict: &Verdict, language: Language) -> String {
    let Verdict { entries, checkpoints, hash, fault, .. } = verdict;
    match (fault, language) {
        (None, Language::En) => {
            format!("the audit log is whole: {entries} entries, {checkpoints} checkpoints\nlast hash: {hash}")
        }
        (None, Language::Zh) => format!("审计日志完整：{entries} 条，{checkpoints} 个检查点\n末条哈希：{hash}"),
        (Some(fault), Language::En) => {
            format!(
                "the audit log was changed, first seen at entry {}: {}\nbefore that {entries} entries are good",
                fault.seq, fault.what
            )
        }
        (Some(fault), Language::Zh) => {
            format!("审计日志被改动，首见于第 {} 条：{}\n此前 {entries} 条无误", fault.seq, fault.what_zh)
        }
    }
}

impl Export {
    fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::folder(context)?;
        let public = audit::public_key(&shop.join(PUBLIC_FILE))?;
        let database = database(&shop)?;
        let Some(path) = &self.out else {
            let mut stdout = BufWriter::new(std::io::stdout().lock());
            audit::export(&database, &public, &mut stdout)?;
            return Ok(Exit::Done);
        };
        let file = File::create_new(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                UsageError(format!("{} is there already; give the name of a file that is not", path.display())).into()
            }
            _ => anyhow::Error::new(error).context(format!("{} cannot be made", path.display())),
        })?;
        let mut to = BufWriter::new(file);
        let lines = audit::export(&database, &public, &mut to)?;
        to.flush()?;
        to.get_ref().sync_all()?;
        let language = context.language_of_shop()?;
        context.print(&json!({ "file": path, "lines": lines }), || match language {
            Language::En => format!("wrote {lines} lines to {}", path.display()),
            Language::Zh => format!("已写出 {lines} 行到 {}", path.display()),
        })?;
        Ok(Exit::Done)
    }
}

impl List {
    fn run(&self, context: &Context) -> Result<Exit> {
        let entries = audit::latest(&database(&Shop::folder(context)?)?, self.last, None)?;
        let language = context.language_of_shop()?;
        context.print(&entries, || {
            if entries.is_empty() {
                return language.of("no entries yet", "尚无条目").to_owned();
            }
            let outcome = |name: &str| {
                let known = Outcome::ALL.into_iter().find(|outcome| outcome.name() == name);
                known.map_or_else(|| name.to_owned(), |outcome| language.of(outcome.name(), outcome.title_zh()).to_owned())
            };
            let lines = entries.iter().map(|e| {
                let why = e.purpose.as_ref().map(|why| format!("  “{why}”")).unwrap_or_default();
                format!(
                    "{:>6}  {}  {}  {}  {}  {}{why}  {}\n",
                    e.seq,
                    e.at,
                    e.actor,
                    e.action,
                    outcome(&e.outcome),
                    e.object,
                    e.detail
                )
            });
            lines.collect()
        })?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::Timestamp;

    use crate::access::Access;
    use crate::audit::Entry;
    use crate::cmd::{CommandLine, Exit};

    fn run(line: &[&str]) -> anyhow::Result<Exit> {
        let words = ["perennial", "--quiet"].iter().chain(line);
        CommandLine::try_parse_from(words).unwrap().run()
    }

    #[test]
    fn a_shops_log_is_checked_written_out_and_checked_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let shop = path("shop");
        run(&["init", &shop]).unwrap();
        assert_eq!(run(&["audit", "verify", "--shop", &shop]).unwrap(), Exit::Done, "no log is no fault");
        assert_eq!(run(&["audit", "list", "--shop", &shop, "--lang", "zh"]).unwrap(), Exit::Done);
        assert!(run(&["audit", "export", "--shop", &shop]).is_err(), "there is nothing to write");
        let access = Access::open(&folder.path().join("shop")).unwrap();
        let add = || assert!(access.audit(&Entry::done("system".to_owned(), "x", String::new()), Timestamp::now()).is_ok());
        (0..70).for_each(|_| add());
        let (older, newer) = (path("older.jsonl"), path("newer.jsonl"));
        run(&["audit", "export", "--shop", &shop, "--out", &older]).unwrap();
        assert!(run(&["audit", "export", "--shop", &shop, "--out", &older]).is_err(), "nothing is written over");
        add();
        run(&["audit", "export", "--shop", &shop, "--out", &newer]).unwrap();
        for lang in ["en", "zh"] {
            assert_eq!(run(&["audit", "verify", "--shop", &shop, "--older", &older, "--lang", lang]).unwrap(), Exit::Done);
        }
        // With the public key alone, far from the shop.
        let key = path("kept.pub");
        std::fs::copy(folder.path().join("shop/audit.pub"), &key).unwrap();
        assert_eq!(run(&["audit", "verify", &newer, "--public-key", &key, "--older", &older]).unwrap(), Exit::Done);
        let rolled_back = ["audit", "verify", &older, "--public-key", &key, "--older", &newer, "--json"];
        assert_eq!(run(&rolled_back).unwrap(), Exit::Faulty);
        let text = std::fs::read_to_string(&newer).unwrap();
        std::fs::write(&newer, text.replacen("\"actor\":\"system\"", "\"actor\":\"nobody\"", 1)).unwrap();
        assert_eq!(run(&["audit", "verify", &newer, "--public-key", &key]).unwrap(), Exit::Faulty);
        drop(access);
        std::fs::remove_file(folder.path().join("shop/registry.db")).unwrap();
        assert!(run(&["audit", "verify", "--shop", &shop]).is_err());
    }
}
