//! What did the members say of windows they had not seen, and what came?
//!
//! Assumes  labels of a window were not known to the members that forecast it.
//! Input    fitted members, a window with labels.
//! Output   log-odds [rows × kinds], NaN for a kind without a member; labels and customers beside them.
//! Cost     one forecast a window.
//! Ref      Wolpert (1992), Neural Networks 5(2): the level-1 data; forward in time as in Tashman (2000) instead of by random folds.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, Run, column};
use perennial_contract::season::SeasonalIndex;

use super::blend::{Blend, Prior};
use super::member::{Kind, Member};
use crate::learner::calibrate::{CalibratedOn, Judged, moves};
use crate::learner::linear::sigmoid;
use crate::learner::windows;
use crate::metric::cluster::Points;

/// The members of one fit, one place a kind; empty where the data or the settings allow none.
pub type Members = [Option<std::sync::Arc<Member>>; Kind::ALL.len()];

#[derive(Clone, Debug)]
pub struct Evidence {
    on: CalibratedOn,
    /// Row-major, as wide as there are kinds.
    log_odds: Vec<f64>,
    labels: Vec<bool>,
    hashes: Vec<u64>,
    season: Option<Arc<SeasonalIndex>>,
    /// The index of the day each row is as of.
    moves: Vec<f64>,
}

impl Evidence {
    pub fn nothing(on: CalibratedOn, run: &Run) -> Self {
        let season = run.season.clone();
        Self { on, log_odds: Vec::new(), labels: Vec::new(), hashes: Vec::new(), season, moves: Vec::new() }
    }

    pub fn add(&mut self, members: &Members, window: &Table, threads: usize) -> Result<(), FitError> {
        let rows = windows::labelled(window, column::LABEL_CHURN)?;
        let width = members.len();
        let first = self.log_odds.len();
        self.log_odds.resize(first + rows.rows() * width, f64::NAN);
        for (kind, member) in members.iter().enumerate() {
            let Some(member) = member else { continue };
            let said = member.log_odds(&rows, threads)?;
            for (row, z) in said.into_iter().enumerate() {
                self.log_odds[first + row * width + kind] = z;
            }
        }
        self.labels.extend(rows.f64s(column::LABEL_CHURN)?.into_iter().map(|label| label == 1.0));
        self.hashes.extend(windows::customer_hash(&rows)?);
        self.moves.extend(moves(&rows, self.season.as_deref())?);
        Ok(())
    }

    /// With a window that closed since, forecast by members that have not seen it.
    pub fn with(mut self, members: &Members, newest: &Table, threads: usize) -> Result<Self, FitError> {
        self.add(members, newest, threads)?;
        self.on = CalibratedOn::TwoWindows;
        Ok(self)
    }

    fn cell(&self, row: usize, kind: usize) -> f64 {
        self.log_odds[row * Kind::ALL.len() + kind]
    }

    /// Places of the members whose forecasts were ever judged; all of them where none was, for then all are equally unknown.
    pub fn judged(&self, members: &Members) -> Vec<usize> {
        let sits = |kind: &usize| members[*kind].is_some();
        let was_judged = |kind: &usize| (0..self.labels.len()).any(|row| self.cell(row, *kind).is_finite());
        let judged: Vec<usize> = (0..members.len()).filter(sits).filter(was_judged).collect();
        if judged.is_empty() { (0..members.len()).filter(sits).collect() } else { judged }
    }

    /// The blend of the members at these places that the forecasts and the prior ask for, and what it says of the judged rows.
    pub fn blend(&self, places: &[usize], prior: &Prior) -> (Blend, Judged) {
        // A member may have been refused on one window of two; rows without all of them say nothing of the weights.
        let is_whole = |row: &usize| places.iter().all(|&kind| self.cell(*row, kind).is_finite());
        let whole: Vec<usize> = (0..self.labels.len()).filter(is_whole).collect();
        let values = whole.iter().flat_map(|&row| places.iter().map(move |&kind| self.cell(row, kind))).collect();
        let points = Points { values, width: places.len() };
        let labels: Vec<bool> = whole.iter().map(|&row| self.labels[row]).collect();
        let blend = Blend::learn(&points, &labels, prior);
        let p = (0..whole.len()).map(|row| sigmoid(blend.margin(points.row(row)))).collect();
        let hashes = whole.iter().map(|&row| self.hashes[row]).collect();
        let moves = whole.iter().map(|&row| self.moves[row]).collect();
        (blend, Judged::of(self.on, p, labels, hashes).in_season(self.season.clone(), moves))
    }
}
