//! Fit a stack: members on the past, their weights by what they forecast, and members again on everything.
//!
//! Assumes  what the members got wrong one horizon ago is what they get wrong next time.
//! Input    a feature table with `label_churn` and several as-of days.
//! Output   a calibrated stack. Few leavers or stayers shrink it to equal weights and to the base rate instead of refusing it; members
//!          that the data cannot carry stay out.
//! Cost     two fits of every member (three with halves of the customers, where few windows were closed by then), one forecast a window.
//! Ref      Wolpert (1992), Neural Networks 5(2); Breiman (1996), Machine Learning 24(1); van der Laan, Polley & Hubbard (2007); Bühlmann
//!          (1967) for the trust n / (n + κ).

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::estimator::{Estimator, FitError, Model, Param, Run, Task, column};
use serde::{Deserialize, Serialize};

use super::blend::{Blend, Prior};
use super::evidence::{Evidence, Members};
use super::member::{Kind, Member};
use super::model::StackModel;
use crate::learner::calibrate::{Calibrated, CalibratedOn};
use crate::learner::logistic::Logistic;
use crate::learner::windows::{self, Windows};

/// The stack's settings; members have their own defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StackChurn {
    pub prior_rows: f64,
    pub trust_rows: f64,
    pub lambda: f64,
}

impl Default for StackChurn {
    fn default() -> Self {
        Self { prior_rows: 100.0, trust_rows: 10.0, lambda: 0.0 }
    }
}

impl Estimator for StackChurn {
    const NAME: &'static str = "stack_churn";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[
        Param { name: "prior_rows", default: 100.0, min: 1.0, max: 1e9, help: "rows that equal weights are worth" },
        Param {
            name: "trust_rows",
            default: 10.0,
            min: 0.0,
            max: 1e9,
            help: "leavers or stayers, whichever are fewer, at which the prior trusts members and base rate alike",
        },
        Param {
            name: "lambda",
            default: 0.0,
            min: 0.0,
            max: 10.0,
            help: "strength of the lines' penalty; 0 chooses it on the last training window",
        },
    ];
    type Model = StackModel;

    fn settled(&self, train: &Table, run: &Run) -> Result<Self, FitError> {
        // Data that carry no lines leave the choice to a later fit with more of them.
        let lines = Logistic { lambda: self.lambda, ..Logistic::default() }.settled(train, run);
        Ok(Self { lambda: lines.map_or(self.lambda, |lines| lines.lambda), ..*self })
    }

    /// The stack before calibration.
    fn fit(&self, train: &Table, run: &Run) -> Result<StackModel, FitError> {
        let members = self.members(train, run);
        let evidence = self.look_back(train, run)?;
        let (blend, _, seated) = self.blend(&members, &evidence, train)?;
        Ok(StackModel::of(seated, &blend))
    }
}

/// A calibrated stack, and what a later fit needs of it.
pub struct Stacked {
    pub model: Calibrated,
    members: Members,
    evidence: Evidence,
}

/// Fit on every row of `train`, with weights and map from past windows.
pub fn fit(settings: &StackChurn, train: &Table, run: &Run) -> Result<Stacked, FitError> {
    let evidence = settings.look_back(train, run)?;
    settings.stacked(evidence, train, run)
}

impl Stacked {
    /// The same recipe on `rows`, whose last window has closed since: these members have not seen it.
    pub fn again(&self, settings: &StackChurn, rows: &Table, run: &Run) -> Result<Self, FitError> {
        let newest = windows::by_time(rows, run.horizon_days)?.last;
        let evidence = self.evidence.clone().with(&self.members, &newest, run.threads)?;
        settings.stacked(evidence, rows, run)
    }
}

impl StackChurn {
    fn stacked(&self, evidence: Evidence, train: &Table, run: &Run) -> Result<Stacked, FitError> {
        let members = self.members(train, run);
        let (blend, judged, seated) = self.blend(&members, &evidence, train)?;
        let model: Arc<dyn Model> = Arc::new(StackModel::of(seated, &blend));
        Ok(Stacked { model: judged.calibrate(model), members, evidence })
    }

    /// Every member that these rows can carry. What refuses a member is no reason to refuse the stack.
    fn members(&self, train: &Table, run: &Run) -> Members {
        Kind::ALL.map(|kind| Member::fit(kind, self, train, run).ok().map(Arc::new))
    }

    /// Forecasts of the last window by members that have not seen it: fitted one horizon earlier or, where few windows were closed by
    /// then, each half of the customers by members fitted on the other.
    fn look_back(&self, train: &Table, run: &Run) -> Result<Evidence, FitError> {
        let Windows { early, last } = windows::by_time(train, run.horizon_days)?;
        if let Some(early) = early {
            let members = self.members(&early, run);
            if members.iter().any(Option::is_some) {
                let mut evidence = Evidence::nothing(CalibratedOn::LastWindow, run);
                evidence.add(&members, &last, run.threads)?;
                return Ok(evidence);
            }
        }
        let mut evidence = Evidence::nothing(CalibratedOn::HeldOutCustomers, run);
        let (of_train, of_last) = (windows::customer_hash(train)?, windows::customer_hash(&last)?);
        for half in 0..2 {
            let others = windows::take(train, |row| of_train[row] % 2 != half)?;
            let members = self.members(&others, run);
            evidence.add(&members, &windows::take(&last, |row| of_last[row] % 2 == half)?, run.threads)?;
        }
        Ok(evidence)
    }

    /// The weights, the forecasts they give of the judged rows, and the members they are of.
    fn blend(&self, members: &Members, evidence: &Evidence, train: &Table) -> Result<Blended, FitError> {
        let places = evidence.judged(members);
        let prior = Prior { blend: self.prior(&places, members, train)?, rows: self.prior_rows };
        let (blend, judged) = evidence.blend(&places, &prior);
        let seated = places.iter().filter_map(|&place| Some((Kind::ALL[place], Arc::clone(members[place].as_ref()?))));
        Ok((blend, judged, seated.collect()))
    }

    /// Equal weights, trusted the more the more leavers and stayers are known; without any label the lifetime models alone.
    fn prior(&self, places: &[usize], members: &Members, train: &Table) -> Result<Blend, FitError> {
        let labels = windows::labelled(train, column::LABEL_CHURN)?.f64s(column::LABEL_CHURN)?;
        if labels.is_empty() && members.iter().all(Option::is_none) {
            return Err(FitError::Refused(
                "no customer's label is known and no lifetime model can be fitted; wait until a window has closed".to_owned(),
            ));
        }
        let left = labels.iter().filter(|label| **label == 1.0).count();
        let fewer = left.min(labels.len() - left) as f64;
        let trust = if labels.is_empty() { 1.0 } else { fewer / (fewer + self.trust_rows).max(1.0) };
        let base_rate = (left as f64 + 0.5) / (labels.len() as f64 + 1.0);
        Ok(Blend::equal(places.len(), trust, base_rate))
    }
}

/// Weights, what they say of the judged rows, and the members at their places.
type Blended = (Blend, crate::learner::calibrate::Judged, Vec<(Kind, Arc<Member>)>);
