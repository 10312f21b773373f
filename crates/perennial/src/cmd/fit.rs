//! `perennial fit`.

use std::path::PathBuf;

use anyhow::Result;
use perennial_lake::source::read_numbers;
use perennial_learn::catalog::FLAT_FITS;

use super::{Context, Exit, Language, UsageError};

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
///   cox, aft, hazard: duration, event, and every other column as a covariate.
///
/// Example: perennial fit bgnbd --input customers.csv --json
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Fit {
    /// The model: bgnbd, mbgnbd, pareto_nbd, ggomp_nbd, bgcnbd_k, mbgcnbd_k, bgbb, sbg, gamma_gamma, logistic_rfm, kaplan_meier, cox, aft, hazard.
    model: String,
    /// The file.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
}

impl Fit {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let Some(fit) = FLAT_FITS.iter().find(|fit| fit.name == self.model) else {
            let names: Vec<&str> = FLAT_FITS.iter().map(|fit| fit.name).collect();
            let known = names.join(", ");
            return Err(UsageError(format!("no model {:?} to fit on a flat file; there are {known}", self.model)).into());
        };
        let table = read_numbers(&self.input, fit.columns, fit.others)?;
        let spinner = context.progress().spinner(&format!("fitting {}", fit.name));
        let summary = (fit.fit)(&table);
        drop(spinner);
        let summary = summary?;
        context.print(&summary, || {
            let language = context.language_without_shop();
            let (model, rows, likelihood) = (&summary.model, summary.rows, summary.log_likelihood);
            let mut text = match language {
                Language::En => format!("{model} on {rows} rows: log-likelihood {likelihood:.3}\n"),
                Language::Zh => format!("{model}，{rows} 行：对数似然 {likelihood:.3}\n"),
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
            if summary.extra.values().any(|value| value.is_array() || value.is_object()) {
                text.push_str(language.of("  --json has the tables\n", "  各表见 --json\n"));
            }
            text
        })?;
        Ok(Exit::Done)
    }
}
