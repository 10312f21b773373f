//! The rows of what was sent to a customer and what the customer said, table by table.

use arrow::array::{AsArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use perennial_contract::Entity;

use super::super::FeatureError;
use super::history::{History, Review, Survey, SurveyKind, Ticket, Touch};
use super::products::Numbers;
use super::reader::{Decode, Source, column, days, instants, text, value, whole};

pub(super) struct Touches {
    day: Date32Array,
    holdout: BooleanArray,
    opened_at: TimestampMicrosecondArray,
    clicked_at: TimestampMicrosecondArray,
    redeemed_at: TimestampMicrosecondArray,
}

impl Touches {
    pub const ALL: Source = Source::of::<Self>(&["customer_id", "sent_on", "holdout", "opened_at", "clicked_at", "redeemed_at"]);
}

impl Decode for Touches {
    const ENTITY: Entity = Entity::Touches;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        let holdout = column(batch, "holdout")?.as_boolean_opt().cloned();
        Ok(Self {
            day: days(batch, "sent_on")?,
            holdout: holdout.ok_or_else(|| FeatureError::Rows("touches.holdout is not a flag".to_owned()))?,
            opened_at: instants(batch, "opened_at")?,
            clicked_at: instants(batch, "clicked_at")?,
            redeemed_at: instants(batch, "redeemed_at")?,
        })
    }

    /// Touches of the holdout were never sent.
    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        if self.holdout.value(row) {
            return;
        }
        let opened_us = value(&self.opened_at, row);
        let (clicked_us, redeemed_us) = (value(&self.clicked_at, row), value(&self.redeemed_at, row));
        history.touches.push(Touch { day: self.day.value(row), opened_us, clicked_us, redeemed_us });
    }
}

pub(super) struct Reviews {
    day: Date32Array,
    rating: Int64Array,
}

impl Reviews {
    pub const ALL: Source = Source::of::<Self>(&["customer_id", "reviewed_on", "rating"]);
}

impl Decode for Reviews {
    const ENTITY: Entity = Entity::Reviews;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        Ok(Self { day: days(batch, "reviewed_on")?, rating: whole(batch, "rating")? })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        history.reviews.push(Review { day: self.day.value(row), rating: self.rating.value(row) });
    }
}

pub(super) struct Tickets {
    day: Date32Array,
    closed_at: TimestampMicrosecondArray,
    csat: Int64Array,
}

impl Tickets {
    pub const ALL: Source = Source::of::<Self>(&["customer_id", "opened_on", "closed_at", "csat"]);
}

impl Decode for Tickets {
    const ENTITY: Entity = Entity::Tickets;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        Ok(Self { day: days(batch, "opened_on")?, closed_at: instants(batch, "closed_at")?, csat: whole(batch, "csat")? })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        let (closed_us, csat) = (value(&self.closed_at, row), value(&self.csat, row));
        history.tickets.push(Ticket { day: self.day.value(row), closed_us, csat });
    }
}

pub(super) struct Surveys {
    day: Date32Array,
    kind: StringArray,
    score: Int64Array,
}

impl Surveys {
    pub const ALL: Source = Source::of::<Self>(&["customer_id", "answered_on", "kind", "score"]);
}

impl Decode for Surveys {
    const ENTITY: Entity = Entity::Surveys;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        Ok(Self { day: days(batch, "answered_on")?, kind: text(batch, "kind")?, score: whole(batch, "score")? })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        let kind = match self.kind.value(row) {
            "nps" => SurveyKind::Nps,
            "csat" => SurveyKind::Csat,
            _ => SurveyKind::Other,
        };
        history.surveys.push(Survey { day: self.day.value(row), kind, score: self.score.value(row) });
    }
}
