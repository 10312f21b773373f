//! `perennial fit`.

use std::path::PathBuf;

use anyhow::Result;
use perennial_contract::estimator::{Others, Run, Task};
use perennial_lake::source::read_numbers;
use perennial_learn::catalog::{self, FLAT_FITS, MODELS};
use perennial_learn::learner::flat;

use super::{Context, Exit, Language, UsageError};

/// Of a fit that draws anything.
const SEED: u64 = 1;
/// The result has the same bits with any number.
const THREADS: usize = 2;

/// Fit a model on a flat file and print its parameters with standard errors and log-likelihood.
///
/// The file is CSV (plain, gz or zst) with a header. Columns by model:
///   bgnbd, mbgnbd, pareto_nbd, ggomp_nbd: x, t_x, T (repeat purchases, age at the last one, age; any one unit of time);
///     bgnbd and pareto_nbd take every other column as a covariate (but mean_spend and litt, which other models read);
///   bgcnbd_k, mbgcnbd_k: the same, and litt where it is known (the sum of the logarithms of a customer's gaps);
///   bgbb: x, t_x, n (opportunities used, the last one used, opportunities so far);
///   sbg: period, event, and count where a row stands for many (period cancelled in or last seen, 1 cancelled or 0, subscribers);
///   gamma_gamma: x, mean_spend (repeat purchases, their mean value);
///   kaplan_meier: duration, event (1 it happened at the end of duration, 0 it had not yet), and group where there is one;
///   cox, aft, hazard: duration, event, and every other column as a covariate;
///   logistic_rfm: days_since_last_order, spend_cents_all, orders_all, label_churn (1 left, 0 stayed);
///   logistic, boost_churn, tree_churn, forest_churn, stack_churn, hazard_churn: label_churn, and every other column as a number (hazard_churn
///     also label_next_order_days, stack_churn x, t_x, t); boost_value, ziln_value, value_mean, bgnbd_gamma_gamma: label_spend_cents, x, t_x, t and
///     repeat_spend_cents_mean; rfm, kmeans: features alone. Their metrics are those of the rows fitted on, and say so.
///
/// Example: perennial fit bgnbd --input customers.csv --json
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Fit {
    /// The model, by its name above.
    model: String,
    /// Days that the labels look ahead, for models of the catalogue that learn from them.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(i32).range(1..=3650))]
    horizon_days: i32,
    /// The file.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
}

impl Fit {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let spinner = |name: &str| context.progress().spinner(&format!("fitting {name}"));
        let summary = match (FLAT_FITS.iter().find(|fit| fit.name == self.model), catalog::find(&self.model)) {
            (Some(fit), _) => {
                let table = read_numbers(&self.input, fit.columns, fit.others)?;
                let _turning = spinner(fit.name);
                (fit.fit)(&table)?
            }
            (None, Some(entry)) if entry.task != Task::Outlook => {
                let table = read_numbers(&self.input, &flat::columns(entry), Others::Numbers)?;
                let _turning = spinner(entry.name);
                flat::fit(entry, &table, &Run { seed: SEED, threads: THREADS, horizon_days: self.horizon_days, season: None })?
            }
            _ => {
                let learners = MODELS.iter().filter(|entry| entry.task != Task::Outlook).map(|entry| entry.name);
                let mut names: Vec<&str> = FLAT_FITS.iter().map(|fit| fit.name).collect();
                names.extend(learners.filter(|name| !FLAT_FITS.iter().any(|fit| fit.name == *name)));
                let known = names.join(", ");
                return Err(UsageError(format!("no model {:?} to fit on a flat file; there are {known}", self.model)).into());
            }
        };
        context.print(&summary, || {
            let language = context.language_without_shop();
            let (model, rows, likelihood) = (&summary.model, summary.rows, summary.log_likelihood);
            let likelihood = match likelihood.is_finite() {
                true => format!("{}{likelihood:.3}", language.of(": log-likelihood ", "：对数似然 ")),
                false => String::new(),
            };
            let mut text = match language {
                Language::En => format!("{model} on {rows} rows{likelihood}\n"),
                Language::Zh => format!("{model}，{rows} 行{likelihood}\n"),
            };
            for (name, value) in &summary.parameters {
                let error = summary.standard_errors.get(name).and_then(serde_json::Value::as_f64);
                let error = error.map_or_else(
                    || language.of("chosen by the likelihood", "由似然选定").to_owned(),
                    |error| format!("{} {error:.6}", language.of("standard error", "标准误")),
                );
                text.push_str(&format!("  {name:<6} {:>14.7}  {error}\n", value.as_f64().unwrap_or(f64::NAN)));
            }
            for (name, value) in summary.extra.iter().filter(|(_, value)| value.is_number() || value.is_string()) {
                text.push_str(&format!("  {name} {}\n", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            }
            let metrics = summary.extra.get("metrics_of_the_rows_fitted_on").and_then(|metrics| metrics.as_object());
            if let Some(metrics) = metrics {
                text.push_str(language.of("  of the rows fitted on:\n", "  在拟合所用的行上：\n"));
                metrics.iter().for_each(|(name, value)| text.push_str(&format!("    {name:<14} {value}\n")));
            }
            if summary.extra.values().any(|value| value.is_array() || value.is_object()) {
                text.push_str(language.of("  --json has the tables\n", "  各表见 --json\n"));
            }
            text
        })?;
        Ok(Exit::Done)
    }
}
