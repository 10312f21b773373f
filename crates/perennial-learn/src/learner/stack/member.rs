//! One model of the stack: fitted, asked for log-odds, and for reasons.
//!
//! Assumes  see each model's own file.
//! Input    a feature table with `label_churn` to fit, any feature table with the columns it needs to answer.
//! Output   log-odds of churn [rows]; their exact parts, feature by feature.
//! Cost     see each model's own file.
//! Ref      Wolpert (1992), Neural Networks 5(2): the level-0 generalisers.

use perennial_contract::Table;
use perennial_contract::estimator::{Contributions, Estimator, FitError, LoadError, Model, Run, ScoreError, Scorer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fit::StackChurn;
use super::lifetime::{Dropout, LifetimeMember};
use crate::learner::boosted::{BoostChurn, BoostedModel};
use crate::learner::logistic::{Logistic, LogisticModel, LogisticRfm};

/// Who may sit in the stack, in the order in which files and weights name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    LogisticRfm,
    Logistic,
    Boosting,
    BgNbd,
    ParetoNbd,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::LogisticRfm, Self::Logistic, Self::Boosting, Self::BgNbd, Self::ParetoNbd];
}

pub enum Member {
    Logistic(LogisticModel),
    Boosting(BoostedModel),
    Lifetime(LifetimeMember),
}

impl Member {
    pub fn fit(kind: Kind, settings: &StackChurn, train: &Table, run: &Run) -> Result<Self, FitError> {
        let lifetime = |dropout| LifetimeMember::fit(dropout, train, run).map(Self::Lifetime);
        match kind {
            Kind::LogisticRfm => LogisticRfm {}.fit(train, run).map(Self::Logistic),
            Kind::Logistic => {
                let lines = Logistic { lambda: settings.lambda, ..Logistic::default() };
                lines.fit(train, run).map(Self::Logistic)
            }
            Kind::Boosting => BoostChurn::default().fit(train, run).map(Self::Boosting),
            Kind::BgNbd => lifetime(Dropout::AfterOrder),
            Kind::ParetoNbd => lifetime(Dropout::AnyMoment),
        }
    }

    pub fn load(kind: Kind, json: &Value) -> Result<Self, LoadError> {
        let lifetime = |wanted: &str| {
            let member = LifetimeMember::load(json)?;
            if member.feature() == wanted {
                return Ok(Self::Lifetime(member));
            }
            Err(LoadError(format!("a member's law gives {}, its kind {wanted}", member.feature())))
        };
        match kind {
            Kind::LogisticRfm | Kind::Logistic => Ok(Self::Logistic(LogisticModel::load(json)?)),
            Kind::Boosting => {
                let model = BoostedModel::load(json)?;
                if model.forecasts_churn() {
                    return Ok(Self::Boosting(model));
                }
                Err(LoadError("the trees of a member forecast no churn: their objective is not logistic".to_owned()))
            }
            Kind::BgNbd => lifetime("bgnbd_p_order"),
            Kind::ParetoNbd => lifetime("pareto_nbd_p_order"),
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Self::Logistic(model) => model.to_json(),
            Self::Boosting(model) => model.to_json(),
            Self::Lifetime(model) => model.to_json(),
        }
    }

    pub fn needs(&self) -> Vec<String> {
        match self {
            Self::Logistic(model) => model.needs().to_vec(),
            Self::Boosting(model) => model.needs().to_vec(),
            Self::Lifetime(_) => LifetimeMember::needs(),
        }
    }

    /// Log-odds of churn, finite in every row.
    pub fn log_odds(&self, rows: &Table, threads: usize) -> Result<Vec<f64>, ScoreError> {
        match self {
            Self::Logistic(model) => Ok(model.margins(rows)?),
            Self::Boosting(model) => model.margins(rows, threads),
            Self::Lifetime(model) => Ok(model.log_odds(rows, threads)?),
        }
    }

    pub fn explainer(&self) -> Reasons<'_> {
        match self {
            Self::Logistic(model) => Reasons::Own(model.scorer()),
            Self::Boosting(model) => Reasons::Own(model.scorer()),
            Self::Lifetime(model) => Reasons::Whole(*model),
        }
    }
}

/// How a member's log-odds are taken apart.
pub enum Reasons<'member> {
    /// By the member itself, over the columns of the table.
    Own(Box<dyn Scorer + 'member>),
    /// Not at all: what a lifetime model says of a customer differs from its mean by one number, which stands as one feature.
    Whole(LifetimeMember),
}

impl Reasons<'_> {
    pub fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        match self {
            Self::Own(scorer) => scorer.explain(rows),
            Self::Whole(member) => {
                let values = member.log_odds(rows, 1)?.into_iter().map(|z| z - member.mean()).collect();
                Ok(Some(Contributions { features: vec![member.feature().to_owned()], bias: member.mean(), values }))
            }
        }
    }
}
