//! The main job: check, train, promote, score, report.

use anyhow::Result;
use perennial_contract::Day;
use perennial_contract::estimator::Task;
use serde_json::{Value, json};

use super::score::{champions, hindsight_warning, score_features, write_scores};
use super::train::{best, best_refused, train};
use super::{gate_of_quality, summary};
use crate::cmd::{Context, Exit, Language, complain, models_table};
use crate::registry::Row;
use crate::shop::{Shop, now};

/// What a run is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunRequest<'a> {
    pub as_of: Option<Day>,
    /// Why a shut quality gate should open.
    pub why: Option<&'a str>,
}

/// How a run ended.
pub struct Done {
    pub exit: Exit,
    pub json: Value,
    pub text: String,
}

pub fn run(shop: &Shop, context: &Context, request: &RunRequest<'_>) -> Result<Done> {
    let gate = gate_of_quality(shop, context, request.why)?;
    if let Some(refusal) = gate.refused() {
        return Ok(Done { exit: Exit::Refused, json: refusal.json, text: refusal.text });
    }
    let trained = train(shop, context, Task::ALL, request.as_of)?;
    let (promoted, kept) = promote(shop, &trained.rows)?;
    let as_of = trained.plan.as_of;
    let step = context.progress().spinner("scores of every customer");
    let scored = score_features(shop, &champions(shop)?, trained.today, as_of)?;
    drop(step);
    if let Some(warning) = hindsight_warning(&scored.trained_as_of, as_of, context.language(&shop.settings.shop.language)) {
        complain(&warning);
    }
    let scores = shop.dir.join("scores.parquet");
    let report = shop.dir.join("report.html");
    let written = std::thread::scope(|scope| {
        let file = scope.spawn(|| write_scores(&scored, &scores));
        let inputs = summary::Inputs { scored: &scored, gate: &gate, history: trained.history };
        let page = summary::write(shop, context, inputs, &report);
        let file = file.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the thread that writes scores stopped; this is a bug")));
        file.and(page)
    });
    written?;
    let unanswered: Vec<&Task> = Task::ALL
        .iter()
        .filter(|task| **task != Task::Segment && !promoted.iter().chain(&kept).any(|row| row.task == **task))
        .collect();
    let exit = if unanswered.is_empty() { Exit::Done } else { Exit::Refused };
    let rows = shop.registry.list()?;
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| trained.rows.iter().any(|t| (t.task, &t.name, t.version) == (row.task, &row.name, row.version)))
        .collect();
    let json = json!({
        "as_of": as_of, "horizon_days": trained.plan.horizon_days, "look_back_days": trained.plan.look_back_days,
        "gate": "open", "kept": kept, "models": rows, "customers": scored.table.rows(), "scores": scores, "report": report, "unanswered": unanswered,
    });
    let language = context.language(&shop.settings.shop.language);
    let mut text = format!("{}\n\n{}\n", trained.plan_text, models_table(&rows, language));
    for row in &kept {
        text.push_str(&keeps(row, as_of, language));
    }
    for task in unanswered {
        let refused = best_refused(&rows, *task);
        // An older champion goes on answering where nobody better was found.
        let still = scored.models.get(task.name());
        text.push_str(&match language {
            Language::En => {
                let who = still.map_or("nobody answers".to_owned(), |model| format!("{model} goes on answering"));
                format!("{task}: refused, {who}: {}\n", refused.map_or("no candidate", |row| row.reason.as_str()))
            }
            Language::Zh => {
                let who = still.map_or("无人作答".to_owned(), |model| format!("仍由 {model} 作答"));
                let why = refused.and_then(|row| row.metrics["reason_zh"].as_str()).unwrap_or("没有候选模型");
                format!("{task}：被拒绝，{who}：{why}\n")
            }
        });
    }
    let (scores, customers, report) = (scores.display(), scored.table.rows(), report.display());
    text.push_str(&match language {
        Language::En => format!("scores: {scores} ({customers} customers)\nreport: {report}"),
        Language::Zh => format!("打分：{scores}（{customers} 位客户）\n报告：{report}"),
    });
    Ok(Done { exit, json, text })
}

/// Let the best of a run answer; and the champions that stay because they know more of the shop than a look back can.
fn promote(shop: &Shop, rows: &[Row]) -> Result<(Vec<Row>, Vec<Row>)> {
    let (mut promoted, mut kept) = (Vec::new(), Vec::new());
    for &task in Task::ALL {
        let Some(row) = best(rows, task) else { continue };
        // Days as text sort as days.
        if let Some(champion) = shop.registry.champion(task)?.filter(|champion| champion.as_of > row.as_of) {
            kept.push(champion);
            continue;
        }
        promoted.push(shop.registry.promote(task, &format!("{}@{}", row.name, row.version), None, &now())?);
    }
    Ok((promoted, kept))
}

/// Why a model of this run answers nobody although it passed.
fn keeps(champion: &Row, as_of: Day, language: Language) -> String {
    let Row { task, name, version, as_of: knows, .. } = champion;
    match language {
        Language::En => format!(
            "{task}: {name}@{version}, trained as of {knows}, goes on answering: it knows later days than this run's {as_of}; `perennial promote {task} MODEL` lets another answer\n"
        ),
        Language::Zh => format!(
            "{task}：仍由 {name}@{version}（训练截至 {knows}）作答：它所知的日子晚于本次的 {as_of}；可用 `perennial promote {task} 模型` 换人\n"
        ),
    }
}
