//! `perennial import`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use perennial_contract::Entity;
use perennial_contract::money::minor_digits;
use perennial_lake::lake::{Begin, FileFact, ImportRecord, Origin};
use perennial_lake::source::{self, Mapping, ReadOptions, SOURCES};
use serde_json::{Value, json};

use super::{Context, Exit, Language, UsageError};
use crate::progress::Unit;
use crate::shop::{SIMULATED_MARK, Shop};

/// Bring files into the shop; bad rows are kept as rejects with the reason, a bad file is refused whole.
///
/// FORMAT is recognised where it can be: perennial, online-retail, cdnow, olist, completejourney, shopify-orders, woocommerce, segment, csv.
/// The same file twice changes nothing.
///
/// Example: perennial import --shop shop online-retail online_retail.csv.gz
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Import {
    /// The format's name first, where it should not be guessed; then files, or one folder of them.
    #[arg(required = true, value_name = "[FORMAT] PATH")]
    paths: Vec<PathBuf>,
    /// A TOML file that maps your tables and columns to ours.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

impl Import {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let shop = Shop::open(context)?;
        let (format, paths) = self.split_format()?;
        let outcome = import(&shop, context, &Request { format, paths: &paths, mapping: self.mapping.as_deref() })?;
        context.print(&outcome.json(), || {
            outcome.text(&shop.settings.shop.currency, context.language(&shop.settings.shop.language))
        })?;
        Ok(Exit::Done)
    }

    /// The first word is a format when it names one and is not itself a file.
    fn split_format(&self) -> Result<(Option<&str>, Vec<PathBuf>)> {
        let first = self.paths.first().and_then(|path| path.to_str()).unwrap_or_default();
        let named = SOURCES.iter().find(|format| format.name == first);
        let is_path = Path::new(first).exists();
        match named {
            Some(format) if !is_path || self.paths.len() > 1 => {
                if self.paths.len() == 1 {
                    let problem =
                        format!("no files given after the format {first:?}; for example: perennial import {first} FILE");
                    return Err(UsageError(problem).into());
                }
                Ok((Some(format.name), self.paths[1..].to_vec()))
            }
            _ if !is_path && self.paths.len() > 1 && !first.contains(['/', '.']) => {
                let names: Vec<&str> = SOURCES.iter().map(|format| format.name).collect();
                Err(UsageError(format!("no format and no file {first:?}; formats are {}", names.join(", "))).into())
            }
            _ => Ok((None, self.paths.clone())),
        }
    }
}

/// What to import.
pub struct Request<'a> {
    pub format: Option<&'a str>,
    pub paths: &'a [PathBuf],
    pub mapping: Option<&'a Path>,
}

/// What an import did.
pub enum Outcome {
    Imported(Box<Imported>),
    AlreadyThere { batch_id: String },
}

/// A committed import and what is told of it once.
pub struct Imported {
    record: ImportRecord,
    /// Files that came with an earlier import, unchanged.
    files_known: usize,
    /// Cells out of which something was taken that tells who somebody is.
    cells_masked: u64,
    /// Whether the shop now has lines of orders and no order.
    lacks_orders: bool,
}

/// Import files into an open shop: all of them or nothing.
pub fn import(shop: &Shop, context: &Context, request: &Request<'_>) -> Result<Outcome> {
    let options = read_options(shop, request.mapping.map(Mapping::read).transpose()?)?;
    let format = match request.format {
        Some(format) => format,
        None => source::detect(request.paths, &options)?.name,
    };
    let mut source = source::open(Some(format), request.paths, &options)?;
    let (read, others): (Vec<PathBuf>, Vec<PathBuf>) = {
        let reads = source.files();
        source::expand(request.paths)?.into_iter().partition(|path| reads.contains(path))
    };
    let mut files: Vec<FileFact> = source::facts(&read)?;
    if let Some(mapping) = &options.mapping {
        files.iter_mut().for_each(|file| file.sha256 = mapping.content_of(&file.sha256));
    }
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    let at_us = jiff::Timestamp::now().as_microsecond();
    let origin = Origin { format: format.to_owned(), files, at_us };
    let mut import = match shop.lake.begin(&origin)? {
        Begin::Import(import) => import,
        Begin::AlreadyImported { batch_id, .. } => return Ok(Outcome::AlreadyThere { batch_id }),
    };
    import.refuse_above(options.limits.reject_share_max);
    let files_known = import.files_known();
    let bar = context.progress().bar(&format!("importing {}", origin.format), total, Unit::Bytes);
    while let Some(batch) = source.next_batch()? {
        import.append(batch)?;
        let (read, all) = source.bytes();
        bar.set_position(read, all.max(1));
    }
    drop(bar);
    let spinner = context.progress().spinner("sorting by customer and writing");
    let receipt = import.commit(&source.reconciliation())?;
    drop(spinner);
    if format == "perennial" && others.iter().any(|path| is_truth(path)) {
        std::fs::write(shop.dir.join(SIMULATED_MARK), "")?;
    }
    let rows = |entity| shop.lake.rows(&receipt.snapshot, entity);
    let lacks_orders = rows(Entity::Orders)? == 0 && rows(Entity::OrderItems)? > 0;
    let imported = Imported { files_known, cells_masked: source.cells_masked(), lacks_orders, record: receipt.record };
    Ok(Outcome::Imported(Box::new(imported)))
}

/// Whether a file is what the simulator knows of its shop.
fn is_truth(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with("truth"))
}

fn read_options(shop: &Shop, mapping: Option<Mapping>) -> Result<ReadOptions> {
    let limits = &shop.settings.import;
    Ok(ReadOptions {
        mapping,
        pseudonym_key: Some(shop.lake.vault().pseudonym_key()?),
        limits: source::Limits {
            unpacked_bytes_max: u64::from(limits.file_gb_max) << 30,
            cell_bytes_max: limits.cell_kb_max as usize * 1024,
            held_bytes_max: (limits.ids_mb_max as usize) << 20,
            reject_share_max: limits.reject_share_max,
            ..source::Limits::default()
        },
        ..ReadOptions::new(&shop.settings.shop.zone, &shop.settings.shop.currency)
    })
}

impl Outcome {
    pub fn json(&self) -> Value {
        match self {
            Self::AlreadyThere { batch_id } => json!({ "imported": false, "batch_id": batch_id }),
            Self::Imported(imported) => json!({
                "imported": true,
                "batch_id": imported.record.batch_id,
                "format": imported.record.format,
                "files": imported.record.files.len(),
                "files_known": imported.files_known,
                "cells_masked": imported.cells_masked,
                "tables": imported.record.tables.iter().map(|(entity, count)| (entity.name().to_owned(), json!(count))).collect::<serde_json::Map<_, _>>(),
                "net_revenue_cents": imported.record.money.loaded_cents,
                "stated_net_revenue": imported.record.money.source.stated.to_string(),
            }),
        }
    }

    pub fn text(&self, currency: &str, language: Language) -> String {
        match self {
            Self::AlreadyThere { batch_id } => match language {
                Language::En => format!("nothing to do: these files are in the lake already (batch {batch_id})"),
                Language::Zh => format!("无需导入：这些文件已在数据湖中（批次 {batch_id}）"),
            },
            Self::Imported(imported) => imported.text(currency, language) + &imported.notes(language),
        }
    }
}

impl Imported {
    fn text(&self, currency: &str, language: Language) -> String {
        let record = &self.record;
        let (format, batch) = (&record.format, &record.batch_id);
        let mut text = match language {
            Language::En => format!("imported {format} as batch {batch}\n"),
            Language::Zh => format!("已导入 {format}，批次 {batch}\n"),
        };
        for (entity, count) in &record.tables {
            let rows = language.of("rows", "行");
            text.push_str(&format!("  {:<12} {:>10} {rows}", entity.name(), count.added + count.replaced));
            for (number, en, zh) in [
                (count.replaced, "replaced older ones", "行替换了旧行"),
                (count.unchanged, "already there", "行原已存在"),
                (count.superseded, "older than a decision that is known", "行早于已知的决定"),
                (count.rejected, "rejected", "行被拒收"),
            ] {
                if number > 0 {
                    text.push_str(&format!("{}{number} {}", language.of(", ", "，"), language.of(en, zh)));
                }
            }
            text.push('\n');
        }
        let stated = record.money.source.stated.as_money(minor_digits(currency));
        text.push_str(&match language {
            Language::En => format!("  net revenue stated by the files: {stated} {currency}\n"),
            Language::Zh => format!("  文件所载净收入：{stated} {currency}\n"),
        });
        text
    }

    /// What else should be known of the import; mostly nothing.
    fn notes(&self, language: Language) -> String {
        let (known, files, masked) = (self.files_known, self.record.files.len(), self.cells_masked);
        let mut text = String::new();
        if known > 0 {
            text.push_str(&match language {
                Language::En => format!("  {known} of {files} files are unchanged since an earlier import\n"),
                Language::Zh => format!("  {files} 个文件中有 {known} 个自上次导入以来未变\n"),
            });
        }
        if masked > 0 {
            text.push_str(&match language {
                Language::En => {
                    format!("  cells masked (e-mail addresses, phone numbers or the like taken out): {masked}\n")
                }
                Language::Zh => format!("  已遮蔽的单元格（去除邮箱、电话等信息）：{masked}\n"),
            });
        }
        if self.lacks_orders {
            text.push_str(language.of(
                "  the lines belong to orders that are not there: import the `orders` too, or the lines with a mapping\n",
                "  明细所属订单不存在：请一并导入 `orders`，或用映射导入明细\n",
            ));
        }
        text
    }
}
