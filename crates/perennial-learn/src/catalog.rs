//! Every model and metric, one line each. The command line, the reference, the gate and the conformance suite walk these lists.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::estimator::{Estimator, FitError, FitSummary, LoadError, Model, Others, Param, Run, Task, column};
use serde_json::{Map, Value};

pub use crate::metric::{Better, METRICS, Metric};

use crate::learner::boosted::{BoostChurn, BoostValue, BoostedModel};
use crate::learner::forest::{ForestChurn, ForestModel, TreeChurn};
use crate::learner::hazard_churn::{HazardChurn, HazardChurnModel};
use crate::learner::logistic::{Logistic, LogisticModel, LogisticRfm};
use crate::learner::stack::{self, StackChurn, StackModel};
use crate::learner::value_mean::{ValueMean, ValueMeanModel};
use crate::learner::ziln_value::{ZilnModel, ZilnValue};
use crate::learner::{calibrate, ranged, windows};
use crate::lifetime::bgnbd::BgNbdParameters;
use crate::lifetime::churn::{BgNbd, BgNbdChurn};
use crate::lifetime::cnbd_k::{BgCnbdKParameters, MbgCnbdKParameters};
use crate::lifetime::covaried;
use crate::lifetime::flat;
use crate::lifetime::ggomp_nbd::GgompNbdParameters;
use crate::lifetime::mbgnbd::MbgNbdParameters;
use crate::lifetime::outlook::{BtydOutlook, OutlookModel};
use crate::lifetime::pareto_nbd::ParetoNbdParameters;
use crate::lifetime::value::{BtydValue, BtydValueModel};
use crate::segment::kmeans::{KMeans, KMeansModel};
use crate::segment::rfm::{Rfm, RfmModel};
use crate::survival::flat as survival;

/// What a model is to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The row every candidate must beat.
    Baseline,
    Candidate,
}

/// One model: how to fit it from a parameter object and a training table, and how to read it back.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub name: &'static str,
    pub task: Task,
    pub role: Role,
    pub title: &'static str,
    pub title_zh: &'static str,
    pub params: &'static [Param],
    /// Columns it cannot be fitted without; labels are in [`Entry::label`].
    pub needs: &'static [&'static str],
    pub fit: Fit,
    pub load: Load,
}

/// Parameters, training table, run → a model, and the way to fit it again when the next window has closed.
pub type Fit = fn(&Value, &Table, &Run) -> Result<Fitted, FitError>;

/// A recipe fitted on some windows.
pub struct Fitted {
    pub model: Box<dyn Model>,
    again: Again,
}

type Again = Box<dyn Fn(&Table, &Run) -> Result<Box<dyn Model>, FitError> + Send + Sync>;

impl Fitted {
    /// The same recipe on `rows`, whose last window has closed since. What this fit gets wrong there corrects the new one too, so nothing
    /// is fitted only to be judged.
    pub fn again(&self, rows: &Table, run: &Run) -> Result<Box<dyn Model>, FitError> {
        (self.again)(rows, run)
    }
}

/// What `Model::to_json` wrote → model.
pub type Load = fn(&Value) -> Result<Box<dyn Model>, LoadError>;

impl Entry {
    /// The label column that fitting reads, if the task has one.
    #[must_use]
    pub const fn label(&self) -> Option<&'static str> {
        match self.task {
            Task::Churn => Some(column::LABEL_CHURN),
            Task::Value => Some(column::LABEL_SPEND_CENTS),
            Task::Segment | Task::Outlook => None,
        }
    }
}

/// A model that can be read back from the JSON it wrote; whatever the JSON holds, the answer is a sound model or an error.
trait Stored: Model + Sized + 'static {
    fn load(json: &Value) -> Result<Self, LoadError>;
}

macro_rules! stored {
    ($($model:ty),* $(,)?) => { $(impl Stored for $model {
        fn load(json: &Value) -> Result<Self, LoadError> {
            <$model>::load(json)
        }
    })* };
}

stored!(
    LogisticModel,
    BoostedModel,
    ZilnModel,
    ForestModel,
    HazardChurnModel,
    StackModel,
    BgNbdChurn,
    ValueMeanModel,
    BtydValueModel,
    RfmModel,
    KMeansModel,
    OutlookModel
);

/// Name, role and words of a line of the catalogue.
struct Line {
    role: Role,
    title: &'static str,
    title_zh: &'static str,
    needs: &'static [&'static str],
}

const fn entry<E: Estimator>(line: Line, fit: Fit, load: Load) -> Entry {
    let Line { role, title, title_zh, needs } = line;
    Entry { name: E::NAME, task: E::TASK, role, title, title_zh, params: E::PARAMS, needs, fit, load }
}

const fn churn<E: Estimator>(line: Line) -> Entry
where
    E::Model: Stored,
{
    entry::<E>(line, fit_calibrated::<E>, load_calibrated::<E>)
}

const fn value<E: Estimator>(line: Line) -> Entry
where
    E::Model: Stored,
{
    entry::<E>(line, fit_ranged::<E>, load_ranged::<E>)
}

const fn segment<E: Estimator>(line: Line) -> Entry
where
    E::Model: Stored,
{
    entry::<E>(line, fit_plain::<E>, load_plain::<E>)
}

const fn outlook<E: Estimator>(line: Line) -> Entry
where
    E::Model: Stored,
{
    entry::<E>(line, fit_plain::<E>, load_plain::<E>)
}

const RFM: &[&str] = &[column::DAYS_SINCE_LAST_ORDER, column::ORDERS, column::SPEND_CENTS];
const BTYD: &[&str] = &[column::X, column::T_X, column::T];

use Role::{Baseline, Candidate};

/// Every model, baselines first.
pub const MODELS: &[Entry] = &[
    churn::<LogisticRfm>(Line {
        role: Baseline,
        title: "logistic regression on recency, spend and count",
        title_zh: "逻辑回归（近度、额度、频次）",
        needs: RFM,
    }),
    churn::<Logistic>(Line {
        role: Candidate,
        title: "elastic-net logistic regression on every feature",
        title_zh: "弹性网逻辑回归（全部特征）",
        needs: &[],
    }),
    churn::<BoostChurn>(Line {
        role: Candidate,
        title: "boosted trees on every feature and on BG/NBD",
        title_zh: "提升树（全部特征与 BG/NBD）",
        needs: &[],
    }),
    churn::<TreeChurn>(Line {
        role: Candidate,
        title: "one decision tree on every feature",
        title_zh: "单棵决策树（全部特征）",
        needs: &[],
    }),
    churn::<ForestChurn>(Line {
        role: Candidate,
        title: "random forest on every feature",
        title_zh: "随机森林（全部特征）",
        needs: &[],
    }),
    churn::<HazardChurn>(Line {
        role: Candidate,
        title: "boosted chance of the next order in each part of the horizon",
        title_zh: "提升树（分段预测下一单的时间）",
        needs: &[column::LABEL_NEXT_ORDER_DAYS],
    }),
    entry::<StackChurn>(
        Line {
            role: Candidate,
            title: "lines, boosted trees, BG/NBD and Pareto/NBD, weighed by what they forecast",
            title_zh: "逻辑回归、提升树、BG/NBD 与 Pareto/NBD 的加权组合（按以往预测定权）",
            needs: &[],
        },
        fit_stacked,
        load_calibrated::<StackChurn>,
    ),
    churn::<BgNbd>(Line {
        role: Candidate,
        title: "BG/NBD: buying and dropping out",
        title_zh: "BG/NBD 购买与流失模型",
        needs: BTYD,
    }),
    value::<ValueMean>(Line {
        role: Baseline,
        title: "past spend rate, shrunk to the mean and fading with silence",
        title_zh: "历史消费率（向均值收缩，随沉默衰减）",
        needs: &[column::X, column::REPEAT_SPEND_CENTS_MEAN, column::T_X, column::T],
    }),
    value::<BoostValue>(Line {
        role: Candidate,
        title: "boosted trees with Tweedie loss",
        title_zh: "提升树（Tweedie 损失）",
        needs: &[],
    }),
    value::<ZilnValue>(Line {
        role: Candidate,
        title: "boosted chance of buying and boosted log-normal amount",
        title_zh: "提升树（购买概率与对数正态金额，零膨胀）",
        needs: &[],
    }),
    value::<BtydValue>(Line {
        role: Candidate,
        title: "BG/NBD orders times Gamma-Gamma spend",
        title_zh: "BG/NBD 订单 × Gamma-Gamma 金额",
        needs: &[column::X, column::T_X, column::T, column::REPEAT_SPEND_CENTS_MEAN],
    }),
    segment::<Rfm>(Line {
        role: Baseline, title: "RFM fifths with named groups", title_zh: "RFM 五分位命名分群", needs: RFM
    }),
    segment::<KMeans>(Line {
        role: Candidate, title: "k-means with chosen k", title_zh: "k 均值聚类（自动选 k）", needs: &[]
    }),
    outlook::<BtydOutlook>(Line {
        role: Candidate,
        title: "BTYD law with Gamma-Gamma spend, recalibrated on closed windows",
        title_zh: "BTYD 与 Gamma-Gamma 模型，按已结束窗口重新校准",
        needs: &[column::X, column::T_X, column::T, column::DAYS_SINCE_LAST_ORDER, column::ORDERS],
    }),
];

/// The model of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    MODELS.iter().find(|entry| entry.name == name)
}

/// A model that `perennial fit` fits on a flat file, printed with the paper's letters.
#[derive(Clone, Copy, Debug)]
pub struct FlatFit {
    pub name: &'static str,
    pub title: &'static str,
    pub columns: &'static [&'static str],
    /// What it reads beside them.
    pub others: Others,
    pub fit: fn(&Table) -> Result<FitSummary, FitError>,
    /// What `perennial predict` answers for every row; `None` for a model that forecasts no orders.
    pub predict: Option<Predict>,
}

impl FlatFit {
    /// The columns that a forecast reads: those of the fit, and those that coefficients such as `alpha.NAME` among the parameters name.
    #[must_use]
    pub fn columns_to_predict(&self, parameters: &Value) -> Vec<String> {
        let named = if self.others == Others::Numbers { covaried::forecast::columns_of(parameters) } else { Vec::new() };
        self.columns.iter().map(|column| (*column).to_owned()).chain(named).collect()
    }
}

/// Parameters as `fit` prints them, table, horizon → p_alive, orders_expected, p_zero_orders.
pub type Predict = fn(&Value, &Table, f64) -> Result<Table, FitError>;

/// Every flat fit.
pub const FLAT_FITS: &[FlatFit] = &[
    FlatFit {
        name: "bgnbd",
        title: "BG/NBD on x, t_x and T in one unit of time, and on every other column as a covariate",
        columns: flat::HISTORY_COLUMNS,
        others: Others::Numbers,
        fit: flat::bgnbd,
        predict: Some(flat::predict_covaried::<BgNbdParameters>),
    },
    FlatFit {
        name: "mbgnbd",
        title: "MBG/NBD: as BG/NBD, but some leave after the first order",
        columns: flat::HISTORY_COLUMNS,
        others: Others::Ignored,
        fit: flat::mbgnbd,
        predict: Some(flat::predict::<MbgNbdParameters>),
    },
    FlatFit {
        name: "pareto_nbd",
        title: "Pareto/NBD: as BG/NBD with covariates, but customers leave at any moment",
        columns: flat::HISTORY_COLUMNS,
        others: Others::Numbers,
        fit: flat::pareto_nbd,
        predict: Some(flat::predict_covaried::<ParetoNbdParameters>),
    },
    FlatFit {
        name: "ggomp_nbd",
        title: "Gamma-Gompertz/NBD: as Pareto/NBD, but the risk of leaving grows with age",
        columns: flat::HISTORY_COLUMNS,
        others: Others::Ignored,
        fit: flat::ggomp_nbd,
        predict: Some(flat::predict::<GgompNbdParameters>),
    },
    FlatFit {
        name: "bgcnbd_k",
        title: "BG/CNBD-k: as BG/NBD, but orders are more regular than at random",
        columns: flat::HISTORY_COLUMNS,
        others: Others::Optional(flat::LITT),
        fit: flat::cnbd_k::<0>,
        predict: Some(flat::predict::<BgCnbdKParameters>),
    },
    FlatFit {
        name: "mbgcnbd_k",
        title: "MBG/CNBD-k: as BG/CNBD-k, but some leave after the first order",
        columns: flat::HISTORY_COLUMNS,
        others: Others::Optional(flat::LITT),
        fit: flat::cnbd_k::<1>,
        predict: Some(flat::predict::<MbgCnbdKParameters>),
    },
    FlatFit {
        name: "bgbb",
        title: "BG/BB: one opportunity a period, on x, t_x and n",
        columns: flat::BGBB_COLUMNS,
        others: Others::Ignored,
        fit: flat::bgbb,
        predict: Some(flat::predict_bgbb),
    },
    FlatFit {
        name: "sbg",
        title: "shifted-beta-geometric: how long subscribers renew",
        columns: flat::SBG_COLUMNS,
        others: Others::Optional(flat::COUNT),
        fit: flat::sbg,
        predict: Some(flat::predict_sbg),
    },
    FlatFit {
        name: "gamma_gamma",
        title: "Gamma-Gamma on x and the mean spend of repeat orders",
        columns: flat::GAMMA_GAMMA_COLUMNS,
        others: Others::Ignored,
        fit: flat::gamma_gamma,
        predict: None,
    },
    FlatFit {
        name: "logistic_rfm",
        title: "log-odds of churn on ln(1 + recency, spend and count)",
        columns: &[column::DAYS_SINCE_LAST_ORDER, column::SPEND_CENTS, column::ORDERS, column::LABEL_CHURN],
        others: Others::Ignored,
        fit: flat_logistic,
        predict: None,
    },
    FlatFit {
        name: "kaplan_meier",
        title: "share still there by duration, with a log-rank test between groups",
        columns: survival::COLUMNS,
        others: Others::Text(survival::GROUP),
        fit: survival::kaplan_meier,
        predict: None,
    },
    FlatFit {
        name: "cox",
        title: "log hazard ratios of every other column (Efron ties)",
        columns: survival::COLUMNS,
        others: Others::Numbers,
        fit: survival::cox,
        predict: None,
    },
    FlatFit {
        name: "aft",
        title: "log time ratios of every other column: Weibull, log-normal or log-logistic by AIC",
        columns: survival::COLUMNS,
        others: Others::Numbers,
        fit: survival::aft,
        predict: None,
    },
    FlatFit {
        name: "hazard",
        title: "boosted chance of the event per period, on every other column",
        columns: survival::COLUMNS,
        others: Others::Numbers,
        fit: survival::hazard,
        predict: None,
    },
];

fn flat_logistic(table: &Table) -> Result<FitSummary, FitError> {
    let model = LogisticRfm {}.fit(table, &Run { seed: 1, threads: 2, horizon_days: 1, season: None })?;
    model.summary().ok_or_else(|| {
        FitError::Refused("two of the columns say the same, so no standard errors exist; leave one out".to_owned())
    })
}

/// Read an estimator's settings: unknown names and values outside the declared ranges are errors.
fn settings<E: Estimator>(given: &Value) -> Result<E, FitError> {
    // A whole number may stand for a count, which does not read a float.
    let plain = |number: f64| {
        let is_whole = number.fract() == 0.0 && number.abs() < 9e15;
        if is_whole { Value::from(number as i64) } else { Value::from(number) }
    };
    let mut checked: Map<String, Value> = E::PARAMS.iter().map(|param| (param.name.to_owned(), plain(param.default))).collect();
    let given = match given {
        Value::Null => &Map::new(),
        Value::Object(given) => given,
        other => {
            return Err(FitError::Refused(format!(
                "parameters of {} are {other}, expected an object of names and numbers",
                E::NAME
            )));
        }
    };
    for (name, value) in given {
        let Some(param) = E::PARAMS.iter().find(|param| param.name == name) else {
            let known: Vec<_> = E::PARAMS.iter().map(|param| param.name).collect();
            return Err(FitError::Refused(format!("{} has no parameter {name:?}; it has [{}]", E::NAME, known.join(", "))));
        };
        let number = value.as_f64().unwrap_or(f64::NAN);
        if !(param.min..=param.max).contains(&number) {
            return Err(FitError::Param { name: name.clone(), value: number, min: param.min, max: param.max });
        }
        checked.insert(name.clone(), plain(number));
    }
    E::deserialize(Value::Object(checked)).map_err(|error| FitError::Refused(format!("parameters of {}: {error}", E::NAME)))
}

fn fit_plain<E: Estimator>(given: &Value, train: &Table, run: &Run) -> Result<Fitted, FitError>
where
    E::Model: Stored,
{
    let estimator = settings::<E>(given)?.settled(train, run)?;
    let model = Box::new(estimator.fit(train, run)?);
    Ok(Fitted { model, again: Box::new(move |rows, run| Ok(Box::new(estimator.fit(rows, run)?))) })
}

fn load_plain<E: Estimator>(json: &Value) -> Result<Box<dyn Model>, LoadError>
where
    E::Model: Stored,
{
    Ok(Box::new(<E::Model as Stored>::load(json)?))
}

fn fit_calibrated<E: Estimator>(given: &Value, train: &Table, run: &Run) -> Result<Fitted, FitError>
where
    E::Model: Stored,
{
    let estimator = settings::<E>(given)?.settled(train, run)?;
    let learn = move |rows: &Table, run: &Run| -> Result<Arc<dyn Model>, FitError> { Ok(Arc::new(estimator.fit(rows, run)?)) };
    let calibrated = calibrate::fit(train, run, &|rows| learn(rows, run))?;
    let (model, evidence) = (calibrated.model, calibrated.evidence);
    let earlier = model.uncalibrated();
    Ok(Fitted {
        model: Box::new(model),
        again: Box::new(move |rows, run| {
            let judged = evidence.clone().with(earlier.as_ref(), &windows::by_time(rows, run.horizon_days)?.last)?;
            Ok(Box::new(judged.calibrate(learn(rows, run)?)))
        }),
    })
}

fn load_calibrated<E: Estimator>(json: &Value) -> Result<Box<dyn Model>, LoadError>
where
    E::Model: Stored,
{
    Ok(Box::new(calibrate::Calibrated::load(json, load_plain::<E>)?))
}

/// The weights are learned on the forecasts that the map is learned on, so members are fitted once for both.
fn fit_stacked(given: &Value, train: &Table, run: &Run) -> Result<Fitted, FitError> {
    let settings = settings::<StackChurn>(given)?.settled(train, run)?;
    let stacked = stack::fit(&settings, train, run)?;
    let model = Box::new(stacked.model.clone());
    Ok(Fitted { model, again: Box::new(move |rows, run| Ok(Box::new(stacked.again(&settings, rows, run)?.model))) })
}

fn fit_ranged<E: Estimator>(given: &Value, train: &Table, run: &Run) -> Result<Fitted, FitError>
where
    E::Model: Stored,
{
    let estimator = settings::<E>(given)?.settled(train, run)?;
    let learn = move |rows: &Table, run: &Run| -> Result<Arc<dyn Model>, FitError> { Ok(Arc::new(estimator.fit(rows, run)?)) };
    let ranged = ranged::fit(train, run, &|rows| learn(rows, run))?;
    let (model, evidence) = (ranged.model, ranged.evidence);
    let earlier = model.unranged();
    Ok(Fitted {
        model: Box::new(model),
        again: Box::new(move |rows, run| {
            let judged = evidence.clone().with(earlier.as_ref(), &windows::by_time(rows, run.horizon_days)?.last)?;
            Ok(Box::new(judged.range(learn(rows, run)?)?))
        }),
    })
}

fn load_ranged<E: Estimator>(json: &Value) -> Result<Box<dyn Model>, LoadError>
where
    E::Model: Stored,
{
    Ok(Box::new(ranged::Ranged::load(json, load_plain::<E>)?))
}
