//! What to call the groups that a model found by itself: short names of what sets each apart, and a sentence.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use perennial_contract::estimator::Model;
use perennial_learn::segment::{profile, rfm};

use crate::report::{GroupWords, Phrase};

/// Words in a name, and in a sentence.
const NAME_WORDS: usize = 2;
const SENTENCE_WORDS: usize = 3;
/// As in the profiles: a smaller difference is not worth a word.
const DEVIATION_MIN: f64 = 0.2;

/// Names and sentences of a model's groups by key; none for the named groups, whose words are fixed, and for models without profiles.
pub fn group_words(model: &dyn Model) -> Result<BTreeMap<String, GroupWords>> {
    let Ok(profiles) = profile::profiles_of(&model.to_json()) else { return Ok(BTreeMap::new()) };
    let profiles: Vec<_> = profiles.into_iter().filter(|profile| rfm::name(&profile.key).is_none()).collect();
    Ok(named(&profiles))
}

fn named(profiles: &[profile::Profile]) -> BTreeMap<String, GroupWords> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut words = BTreeMap::new();
    for profile in profiles {
        // As many words as tell a group from those before it; a number where words do not.
        let mut name =
            (NAME_WORDS..=SENTENCE_WORDS + 1).map(|count| phrase(profile, count)).find(|name| !taken.contains(&name.en));
        let numbered = |name: Phrase| {
            let zh = name.zh.unwrap_or_default();
            Phrase::both(format!("{} ({})", name.en, profile.key), format!("{zh}（{}）", profile.key))
        };
        let name = name.take().unwrap_or_else(|| numbered(phrase(profile, NAME_WORDS)));
        taken.insert(name.en.clone());
        words.insert(profile.key.clone(), GroupWords { name, description: phrase(profile, SENTENCE_WORDS) });
    }
    words
}

/// What sets a group apart most, in so many words.
fn phrase(profile: &profile::Profile, count: usize) -> Phrase {
    let told: Vec<_> = profile.deviations.iter().filter(|found| found.deviation.abs() >= DEVIATION_MIN).take(count).collect();
    if told.is_empty() {
        return Phrase::both("much like everybody", "与整体相近");
    }
    let en: Vec<&str> = told.iter().map(|found| found.words.en.as_str()).collect();
    let zh: Vec<&str> = told.iter().map(|found| found.words.zh.as_str()).collect();
    Phrase::both(en.join(", "), zh.join("、"))
}

#[cfg(test)]
mod tests {
    use perennial_learn::segment::profile::{Deviation, Profile};
    use perennial_learn::words::Words;

    use super::named;

    #[test]
    fn groups_have_different_names_in_plain_words() {
        let deviation = |feature: &str, en: &str, zh: &str, deviation| Deviation {
            feature: feature.to_owned(),
            deviation,
            words: Words::of(en, zh),
        };
        let profile = |key: &str, deviations| Profile {
            key: key.to_owned(),
            name: Words::of("", ""),
            rows: 10,
            share: 0.5,
            sentence: Words::of("", ""),
            deviations,
        };
        let quiet =
            || vec![deviation("a", "long gone quiet", "久未下单", 1.2), deviation("b", "ordered seldom", "下单很少", -0.9)];
        let more = [quiet(), vec![deviation("c", "spend little", "消费低", -0.5), deviation("d", "x", "x", 0.1)]].concat();
        let profiles =
            [profile("k1", quiet()), profile("k2", more), profile("k3", quiet()), profile("k4", vec![]), profile("k5", vec![])];
        let words = named(&profiles);
        let name = |key: &str| (words[key].name.en.as_str(), words[key].name.zh.as_deref().unwrap_or_default());
        assert_eq!(name("k1"), ("long gone quiet, ordered seldom", "久未下单、下单很少"));
        assert_eq!(name("k2").0, "long gone quiet, ordered seldom, spend little");
        assert_eq!(name("k3"), ("long gone quiet, ordered seldom (k3)", "久未下单、下单很少（k3）"));
        assert_eq!((name("k4").0, name("k5").0), ("much like everybody", "much like everybody (k5)"));
        assert_eq!(words["k2"].description.en, "long gone quiet, ordered seldom, spend little");
    }
}
