//! From the lake to answers: plan, learn, judge, score, tell. Each step is one file; `run` is all of them in order.

mod calibration;
mod card;
mod contest;
mod dataset;
mod evaluate;
mod gate;
mod group_words;
mod grouping;
mod history;
mod labels;
mod leak;
mod leaving;
mod material;
mod outlook;
mod own;
mod picture;
mod plan;
mod quality;
mod run;
mod score;
mod seasonal;
mod summary;
mod train;
mod verdict;
mod words;

pub use group_words::group_words;
pub use picture::{Asked, picture, picture_in};
pub use plan::as_of_or_default;
pub use quality::{FeatureCleaning, gate_of_quality};
pub use run::{RunRequest, run};
pub use score::{Champion, champions, check_score_file, hindsight_warning, score, scores_as_csv, write_scores};
pub use summary::report;
pub use train::train;

/// Why a gate stopped the work, for people and for machines.
pub struct Refusal {
    pub text: String,
    pub json: serde_json::Value,
}
