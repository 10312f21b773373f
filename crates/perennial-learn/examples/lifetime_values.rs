//! Forecasts of single customers with every digit, for a comparison with exact arithmetic (bench/lifetime/exact.py).
//! Usage: `lifetime_values FILE`; a line is model,horizon,x,t_x,T,parameters in the order of the model's letters.
//! Prints p_alive,orders_expected,p_zero_orders,orders_expected of a new customer,log-likelihood.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a check needs a file")]

use std::error::Error;
use std::io::Write;

use perennial_learn::lifetime::bgbb::BgBbParameters;
use perennial_learn::lifetime::bgnbd::{BgNbdParameters, History};
use perennial_learn::lifetime::cnbd_k::{BgCnbdKParameters, Gaps, MbgCnbdKParameters};
use perennial_learn::lifetime::forecast::Forecast;
use perennial_learn::lifetime::ggomp_nbd::GgompNbdParameters;
use perennial_learn::lifetime::letters::Letters;
use perennial_learn::lifetime::mbgnbd::MbgNbdParameters;
use perennial_learn::lifetime::pareto_nbd::ParetoNbdParameters;
use perennial_learn::lifetime::purchases::{Columns, Purchases};

const COLUMNS: Columns = Columns { x: "x", t_x: "t_x", t: "T" };

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: lifetime_values FILE")?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in String::from_utf8(std::fs::read(file)?)?.lines() {
        let (model, numbers) = line.split_once(',').ok_or("a line without a comma")?;
        let numbers = numbers.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let (case, letters) = numbers.split_at(4);
        let case = Case { horizon: case[0], seen: History { x: case[1], t_x: case[2], t: case[3] } };
        let answer = match model {
            "bgnbd" => case.answer::<BgNbdParameters>(letters, BgNbdParameters::log_likelihood)?,
            "mbgnbd" => case.answer::<MbgNbdParameters>(letters, MbgNbdParameters::log_likelihood)?,
            "pareto_nbd" => case.answer::<ParetoNbdParameters>(letters, ParetoNbdParameters::log_likelihood)?,
            "ggomp_nbd" => case.answer::<GgompNbdParameters>(letters, GgompNbdParameters::log_likelihood)?,
            "bgbb" => case.answer::<BgBbParameters>(letters, BgBbParameters::log_likelihood)?,
            "bgcnbd_k" => {
                case.answer::<BgCnbdKParameters>(letters, |is, data| gaps(data).map_or(f64::NAN, |g| is.log_likelihood(&g)))?
            }
            "mbgcnbd_k" => {
                case.answer::<MbgCnbdKParameters>(letters, |is, data| gaps(data).map_or(f64::NAN, |g| is.log_likelihood(&g)))?
            }
            other => return Err(format!("no model {other:?}").into()),
        };
        writeln!(out, "{}", answer.map(|value| format!("{value:?}")).join(","))?;
    }
    Ok(())
}

/// The density of the last order's time, the gaps not known.
fn gaps(data: &Purchases) -> Option<Gaps> {
    Gaps::of(data.clone(), None).ok()
}

struct Case {
    horizon: f64,
    seen: History,
}

impl Case {
    fn answer<P: Letters + Forecast>(
        &self,
        letters: &[f64],
        log_likelihood: impl Fn(&P, &Purchases) -> f64,
    ) -> Result<[f64; 5], Box<dyn Error>> {
        let is = P::from_values(letters).ok_or("another number of parameters")?;
        let seen = self.seen;
        let data = Purchases::from_slices(&[seen.x], &[seen.t_x], &[seen.t], COLUMNS)?;
        Ok([
            is.p_alive(&seen),
            is.orders_expected_after(&seen, self.horizon),
            is.p_no_order(&seen, self.horizon),
            is.orders_expected(self.horizon),
            log_likelihood(&is, &data),
        ])
    }
}
