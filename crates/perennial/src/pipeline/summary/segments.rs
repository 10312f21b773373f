//! Who belongs together: the named groups, the clusters, what sets each apart, and who moved between groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::StringArray;
use arrow::datatypes::{DataType, Field};
use perennial_contract::Table;
use perennial_contract::estimator::{Model, Task, column};
use perennial_learn::parallel;
use perennial_learn::segment::rfm;

use super::Facts;
use crate::pipeline::group_words::group_words;
use crate::pipeline::score::score_in_parts;
use crate::report::{Clusters, GroupWords, Migration, Phrase, Section, SegmentFacts, SegmentTrait, Segments};

/// Traits told of a group.
const TRAITS_MAX: usize = 3;
/// A trait is told when a group's mean is at least so many standard deviations from everybody's.
const TRAIT_DEVIATIONS_MIN: f64 = 0.25;

/// Everybody's mean and spread of one feature.
struct Spread {
    feature: String,
    values: Vec<f64>,
    mean: f64,
    deviation: f64,
}

impl Spread {
    /// None where everybody has the same value.
    fn of(features: &Table, feature: &str) -> Result<Option<Self>> {
        let values = features.f64s(feature)?;
        let known = || values.iter().copied().filter(|value| value.is_finite());
        let count = known().count().max(1) as f64;
        let mean = known().sum::<f64>() / count;
        let variance = known().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Ok((variance > 0.0).then(|| Self { feature: feature.to_owned(), values, mean, deviation: variance.sqrt() }))
    }
}

impl Facts<'_> {
    pub fn segments(&self) -> Result<Section<Segments>> {
        let Some(named) = self.newest_model("rfm")? else {
            let why = self.rows.iter().find(|row| row.name == "rfm").map_or("nothing was trained yet", |row| row.reason.as_str());
            return Ok(Section::Absent(Phrase::from(why)));
        };
        let spreads = self.spreads()?;
        let labels = self.labels(named.as_ref(), &self.scored.features)?;
        let rfm = self.groups(&labels, &spreads)?;
        Ok(Section::Shown(Segments {
            migration: self.migration(named.as_ref(), &labels)?,
            rfm: in_order(rfm),
            clusters: self.clusters(&spreads)?,
        }))
    }

    /// What to call the groups that k-means found.
    pub fn group_words(&self) -> Result<BTreeMap<String, GroupWords>> {
        self.newest_model("kmeans")?.map_or_else(|| Ok(BTreeMap::new()), |model| group_words(model.as_ref()))
    }

    /// The newest fitted model of a segmentation, whether it answers or not.
    fn newest_model(&self, name: &str) -> Result<Option<Box<dyn Model>>> {
        let row = self.rows.iter().find(|row| row.task == Task::Segment && row.name == name && row.checksum.is_some());
        row.map(|row| self.shop.registry.load(row).map_err(anyhow::Error::from)).transpose()
    }

    fn labels(&self, model: &dyn Model, features: &Table) -> Result<StringArray> {
        Ok(score_in_parts(model, features, self.shop.threads())?.texts(column::SEGMENT)?)
    }

    fn spreads(&self) -> Result<Vec<Spread>> {
        let features = &self.scored.features;
        let schema = features.batch().schema();
        let is_told = |field: &&Arc<Field>| {
            // Days since the last order, orders and spend are the groups' own definition and shown beside them.
            let is_definition =
                [column::DAYS_SINCE_LAST_ORDER, column::ORDERS, column::SPEND_CENTS, column::X].contains(&field.name().as_str());
            let is_number = field.data_type().is_numeric() || *field.data_type() == DataType::Boolean;
            // A mean of months or weekdays is nobody's.
            let is_calendar = ["month_of_", "weekday_of_", "hour_of_"].iter().any(|part| field.name().starts_with(part));
            is_number && !is_definition && !is_calendar && !column::is_reserved(field.name())
        };
        let fields: Vec<&Arc<Field>> = schema.fields().iter().filter(is_told).collect();
        let spreads = parallel::map(self.shop.threads(), fields, |field| Spread::of(features, field.name()));
        Ok(spreads.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn groups(&self, labels: &StringArray, spreads: &[Spread]) -> Result<Vec<SegmentFacts>> {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, label) in labels.iter().enumerate() {
            members.entry(label.unwrap_or("?")).or_default().push(row);
        }
        let features = &self.scored.features;
        let (since, orders) = (features.f64s(column::DAYS_SINCE_LAST_ORDER)?, features.f64s(column::ORDERS)?);
        let (spend, p_churn) = (features.f64s(column::SPEND_CENTS)?, self.scored.table.f64s(column::P_CHURN)?);
        let eligible = self.eligible()?;
        let has_churn = self.champions.contains_key(&Task::Churn);
        let facts = |(name, rows): (&str, Vec<usize>)| {
            let mut days: Vec<f64> = rows.iter().map(|&row| since[row]).collect();
            days.sort_by(f64::total_cmp);
            let active: Vec<usize> = rows.iter().copied().filter(|&row| eligible[row]).collect();
            let mean = |of: &[usize], values: &[f64]| of.iter().map(|&row| values[row]).sum::<f64>() / of.len() as f64;
            SegmentFacts {
                name: name.to_owned(),
                customers: rows.len() as u64,
                spend_cents: rows.iter().map(|&row| spend[row]).sum::<f64>() as i64,
                days_since_last_order_median: days.get(days.len() / 2).copied(),
                orders_mean: mean(&rows, &orders),
                customers_once: rows.iter().filter(|&&row| orders[row] < 1.5).count() as u64,
                customers_active: active.len() as u64,
                p_churn_mean: (has_churn && !active.is_empty()).then(|| mean(&active, &p_churn)),
                traits: traits(&rows, spreads),
            }
        };
        Ok(parallel::map(self.shop.threads(), members.into_iter().collect(), facts))
    }

    fn clusters(&self, spreads: &[Spread]) -> Result<Section<Clusters>> {
        let row = self.rows.iter().find(|row| row.task == Task::Segment && row.name == "kmeans");
        let (Some(row), Some(model)) = (row, self.newest_model("kmeans")?) else {
            let why = row.map_or("not trained", |row| row.reason.as_str());
            return Ok(Section::Absent(Phrase::from(why)));
        };
        let labels = self.labels(model.as_ref(), &self.scored.features)?;
        let mut groups = self.groups(&labels, spreads)?;
        groups.sort_by_key(|group| std::cmp::Reverse(group.customers));
        let count = groups.len();
        Ok(Section::Shown(Clusters {
            groups,
            silhouette: row.metrics["test"]["silhouette"].as_f64().unwrap_or(f64::NAN),
            stability: row.metrics["test"]["stability"].as_f64(),
            chosen_because: Phrase::both(
                format!("{count} groups stand furthest apart and stay the same on resampled customers."),
                format!("分成 {count} 组时组间差异最大，且重抽样后仍保持稳定。"),
            ),
        }))
    }

    /// From one horizon ago to today.
    fn migration(&self, model: &dyn Model, now: &StringArray) -> Result<Option<Migration>> {
        let (from, to) = (self.plan.as_of.plus(-self.plan.horizon_days), self.plan.as_of);
        let before = &self.earlier;
        if before.rows() == 0 {
            return Ok(None);
        }
        let then = self.labels(model, before)?;
        let ids = before.texts(column::CUSTOMER_ID)?;
        // Both are sorted by customer.
        let mut then = ids.iter().flatten().zip(then.iter().flatten()).peekable();
        let names: Vec<String> = rfm::GROUPS.iter().map(|group| group.0.to_owned()).collect();
        let position = |name: &str| names.iter().position(|known| known == name);
        let mut counts = vec![vec![0; names.len()]; names.len()];
        let (mut silent, mut arrivals) = (counts.clone(), vec![0; names.len()]);
        let today = self.scored.features.texts(column::CUSTOMER_ID)?;
        let since = self.scored.features.f64s(column::DAYS_SINCE_LAST_ORDER)?;
        let days = f64::from(to - from);
        for ((id, group), since) in today.iter().flatten().zip(now.iter().flatten()).zip(since) {
            while then.next_if(|(before, _)| *before < id).is_some() {}
            let was = then.next_if(|(before, _)| *before == id).map(|(_, group)| group);
            let Some(to) = position(group) else { continue };
            match was.and_then(position) {
                Some(from) => {
                    counts[from][to] += 1;
                    silent[from][to] += u64::from(since > days);
                }
                None => arrivals[to] += 1,
            }
        }
        Ok(Some(Migration { from, to, names, counts, silent, arrivals }))
    }
}

fn in_order(mut groups: Vec<SegmentFacts>) -> Vec<SegmentFacts> {
    groups.sort_by_key(|group| rfm::GROUPS.iter().position(|known| known.0 == group.name));
    groups
}

/// Features in which a group's mean is furthest from everybody's, in standard deviations.
fn traits(rows: &[usize], spreads: &[Spread]) -> Vec<SegmentTrait> {
    let mut found: Vec<(f64, SegmentTrait)> = Vec::new();
    for spread in spreads {
        let known: Vec<f64> = rows.iter().map(|&row| spread.values[row]).filter(|value| value.is_finite()).collect();
        if known.len() * 2 < rows.len() {
            continue;
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let distance = ((mean - spread.mean) / spread.deviation).abs();
        if distance >= TRAIT_DEVIATIONS_MIN {
            found.push((distance, SegmentTrait { feature: spread.feature.clone(), value: mean, everybody: spread.mean }));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.feature.cmp(&b.1.feature)));
    found.into_iter().take(TRAITS_MAX).map(|(_, facts)| facts).collect()
}
