//! How it was done, where it ends, and what it was made from.

use crate::report::data::ReportData;
use crate::report::language::{Locale, fill};
use crate::report::view::{Block, Cell, Section, Table, heads};

pub fn section(l: &Locale<'_>, data: &ReportData) -> Section {
    let (t, p) = (l.text, &data.provenance);
    let notes = [
        t.method_time,
        t.method_churn,
        t.method_value,
        t.method_risk,
        t.method_reasons,
        t.method_gate,
        t.method_intervals,
        t.method_cause,
        t.method_privacy,
    ];
    let mut blocks = vec![Block::Notes(notes.map(str::to_owned).to_vec()), Block::Heading(t.provenance.to_owned())];
    let made = [("version", &*p.version), ("seed", &*p.seed.to_string()), ("zone", &*data.shop.zone)];
    blocks.push(Block::Text(fill(t.made_by, &made).into()));
    if p.batches.is_empty() {
        blocks.push(Block::Text(t.no_batches.into()));
    } else {
        let rows = p.batches.iter().flat_map(|batch| {
            batch.files.iter().map(|file| {
                vec![
                    Cell::code(&file.name),
                    Cell::text(&batch.format),
                    Cell::number(l.int(file.bytes)),
                    Cell { class: "code hash".to_owned(), ..Cell::text(&file.sha256) },
                    Cell::code(&batch.id),
                    Cell::text(&batch.imported_at),
                ]
            })
        });
        let head = heads(&[t.file, t.format, &format!("#{}", t.bytes), "SHA-256", t.batch, t.imported]);
        let fold = Some(fill(t.batches_fold, &[("n", &l.int(p.batches.iter().map(|b| b.files.len() as u64).sum()))]));
        blocks.push(Block::Table(Table { caption: t.batches_caption.to_owned(), head, rows: rows.collect(), fold, class: "" }));
    }
    Section { id: super::id(l, "method"), title: t.method_title, lead: t.method_lead.to_owned(), blocks }
}
