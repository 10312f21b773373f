//! `perennial predict`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use perennial_contract::Table;
use perennial_contract::estimator::Others;
use perennial_lake::source::read_numbers;
use perennial_learn::catalog::{FLAT_FITS, FlatFit};
use serde_json::{Value, json};

use super::{Context, Exit, Language, UsageError};

/// Say of every customer of a flat file how likely they are alive, and how many orders they will place in a horizon.
///
/// The file is CSV with the columns that `perennial fit` reads for the model; --parameters is what `perennial fit --json` printed,
/// or a bare object of the model's letters, such as {"r": 0.24, "alpha": 4.41, "a": 0.79, "b": 2.43}; where it has coefficients of
/// covariates ("alpha.NAME"), the file has their columns too. Written are the columns
/// p_alive, orders_expected and p_zero_orders (the chance of no order in the horizon), a row for a row of the file, in its order.
///
/// Example: perennial predict bgnbd --parameters fit.json --input customers.csv --horizon 91 --out forecast.csv
#[derive(clap::Args, Debug)]
pub struct Predict {
    /// The model: bgnbd, mbgnbd, pareto_nbd, ggomp_nbd, bgcnbd_k, mbgcnbd_k, bgbb, sbg.
    model: String,
    /// Its parameters, as JSON.
    #[arg(long, value_name = "FILE")]
    parameters: PathBuf,
    /// The customers.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// How far to look ahead, in the unit of time of the parameters; opportunities for bgbb, periods for sbg.
    #[arg(long, value_name = "TIME")]
    horizon: f64,
    /// The CSV file to write; printed otherwise.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Predict {
    pub fn run(&self, context: &Context) -> Result<Exit> {
        let model = self.model()?;
        let Some(predict) = model.predict else {
            return Err(UsageError(format!("{} forecasts no orders; there are {}", model.name, names())).into());
        };
        let read = || -> Result<Value> { Ok(serde_json::from_slice(&std::fs::read(&self.parameters)?)?) };
        let parameters = read().with_context(|| {
            format!("cannot read parameters from {}; give it the output of `perennial fit --json`", self.parameters.display())
        })?;
        let columns = model.columns_to_predict(&parameters);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let table = read_numbers(&self.input, &columns, Others::Ignored)?;
        let predicted = predict(&parameters, &table, self.horizon)?;
        let orders: f64 = predicted.f64s("orders_expected")?.iter().sum();
        let facts = json!({
            "model": model.name, "rows": predicted.rows(), "horizon": self.horizon, "orders_expected": orders, "out": self.out,
        });
        match &self.out {
            Some(out) => {
                write(&predicted, out)?;
                let (rows, horizon, file) = (predicted.rows(), self.horizon, out.display());
                let text = || match context.language_without_shop() {
                    Language::En => format!("{rows} rows, {orders:.1} orders expected in {horizon}: {file}"),
                    Language::Zh => format!("{rows} 行，{horizon} 内预期 {orders:.1} 笔订单：{file}"),
                };
                context.print(&facts, text)?;
            }
            None if context.json => context.print(&with_columns(facts, &predicted)?, String::new)?,
            None => {
                let stdout = std::io::stdout().lock();
                match write_csv(&predicted, BufWriter::new(stdout)) {
                    // A reader that went away (`| head`) is no failure.
                    Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(is_broken_pipe) => {}
                    written => written?,
                }
            }
        }
        Ok(Exit::Done)
    }

    fn model(&self) -> Result<&'static FlatFit> {
        let Some(model) = FLAT_FITS.iter().find(|fit| fit.name == self.model) else {
            return Err(UsageError(format!("no model {:?} to predict with; there are {}", self.model, names())).into());
        };
        Ok(model)
    }
}

fn names() -> String {
    FLAT_FITS.iter().filter(|fit| fit.predict.is_some()).map(|fit| fit.name).collect::<Vec<_>>().join(", ")
}

fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// The columns themselves, for a machine that asked for JSON and no file.
fn with_columns(mut facts: Value, predicted: &Table) -> Result<Value> {
    for name in predicted.names() {
        facts["columns"][name] = json!(predicted.f64s(name)?);
    }
    Ok(facts)
}

/// Under a temporary name, then renamed: a reader finds the old file or the new one.
fn write(predicted: &Table, out: &Path) -> Result<()> {
    let unfinished = out.with_extension("unfinished");
    let cannot = || format!("cannot write {}", out.display());
    let file = File::create(&unfinished).with_context(cannot)?;
    write_csv(predicted, BufWriter::new(&file)).with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    std::fs::rename(&unfinished, out).with_context(cannot)
}

/// Every digit of a number, so that reading it back gives the same one.
fn write_csv(predicted: &Table, mut out: impl Write) -> Result<()> {
    let names: Vec<&str> = predicted.names().collect();
    writeln!(out, "{}", names.join(","))?;
    let columns = names.iter().map(|name| predicted.f64s(name)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..predicted.rows() {
        for (i, column) in columns.iter().enumerate() {
            write!(out, "{}{}", if i == 0 { "" } else { "," }, column[row])?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}
