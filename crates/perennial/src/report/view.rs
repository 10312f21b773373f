//! The page in one language, as the template reads it: sections made of a few kinds of blocks, every string ready to print.

use super::chart::Markup;
use super::data::{Phrase, Section as Part};
use super::language::{Language, Locale};

pub struct Page {
    /// BCP 47 tag, and the prefix of every id of this language.
    pub tag: &'static str,
    pub prefix: &'static str,
    pub text: &'static super::text::Text,
    pub shop: String,
    pub kicker: String,
    pub subtitle: String,
    pub simulated: bool,
    pub numbers: Vec<Number>,
    pub findings: Vec<Finding>,
    pub refusals: Vec<Notice>,
    pub sections: Vec<Section>,
    pub colophon: String,
}

pub struct Section {
    pub id: String,
    pub title: &'static str,
    pub lead: String,
    pub blocks: Vec<Block>,
}

pub enum Block {
    /// A heading inside a section.
    Heading(String),
    Text(Words),
    Numbers(Vec<Number>),
    Figures(Vec<Figure>),
    Table(Table),
    Notice(Notice),
    Groups(Vec<Group>),
    People(People),
    Notes(Vec<String>),
}

/// A text and, where it differs from the page's, its language.
pub struct Words {
    pub text: String,
    pub lang: Option<&'static str>,
}

impl Words {
    pub fn of(l: &Locale<'_>, phrase: &Phrase) -> Self {
        let foreign = l.language == Language::Zh && phrase.zh.is_none();
        Self { text: l.phrase(phrase).to_owned(), lang: foreign.then_some("en") }
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self { text, lang: None }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), lang: None }
    }
}

/// A number worth a large face, with what it is and what to hold beside it.
pub struct Number {
    pub label: String,
    pub value: String,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Plain,
    Watch,
    Risk,
}

impl Tone {
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Watch => "watch",
            Self::Risk => "risk",
        }
    }
}

pub struct Finding {
    pub tone: Tone,
    pub text: String,
}

pub struct Notice {
    pub tone: Tone,
    pub title: String,
    pub text: Words,
}

pub struct Figure {
    pub title: String,
    /// How to read it, in one or two sentences.
    pub note: String,
    /// Class and name of every kind of mark, where there is more than one.
    pub legend: Vec<(&'static str, String)>,
    pub chart: Markup,
    /// The same numbers as a table.
    pub twin: Table,
    pub wide: bool,
}

#[derive(Default)]
pub struct Table {
    pub caption: String,
    pub head: Vec<Head>,
    pub rows: Vec<Vec<Cell>>,
    /// Folded under this line; open where it is `None`.
    pub fold: Option<String>,
    /// `""`, or `"heat"` for coloured cells.
    pub class: &'static str,
}

pub struct Head {
    pub text: String,
    pub numeric: bool,
}

pub struct Cell {
    pub words: Words,
    pub class: String,
    pub chart: Option<Markup>,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self { words: Words::from(text.into()), class: String::new(), chart: None }
    }

    pub fn number(text: impl Into<String>) -> Self {
        Self { class: "num".to_owned(), ..Self::text(text) }
    }

    /// A code name: a table, a column, a file.
    pub fn code(text: impl Into<String>) -> Self {
        Self { class: "code".to_owned(), ..Self::text(text) }
    }

    pub fn badge(tone: Tone, text: impl Into<String>) -> Self {
        Self { class: format!("badge {}", tone.class()), ..Self::text(text) }
    }

    pub fn phrase(l: &Locale<'_>, phrase: &Phrase) -> Self {
        Self { words: Words::of(l, phrase), class: "words".to_owned(), chart: None }
    }

    pub fn chart(chart: Markup) -> Self {
        Self { chart: Some(chart), ..Self::text("") }
    }

    /// Level 0 to 8 of the heat scale.
    pub fn heat(text: impl Into<String>, level: usize) -> Self {
        Self { class: format!("num h{}", level.min(8)), ..Self::text(text) }
    }
}

/// Column headings; one that begins with `#` is over numbers.
pub fn heads(names: &[&str]) -> Vec<Head> {
    names
        .iter()
        .map(|name| match name.strip_prefix('#') {
            Some(rest) => Head { text: rest.to_owned(), numeric: true },
            None => Head { text: (*name).to_owned(), numeric: false },
        })
        .collect()
}

/// A customer group as a card.
pub struct Group {
    pub name: String,
    pub size: String,
    pub share: String,
    pub description: Words,
    pub facts: Vec<(String, String)>,
}

/// Customers at risk, the first ones open, the others folded under a line.
pub struct People {
    pub first: Vec<Person>,
    pub more: Vec<Person>,
    pub fold: String,
    /// Cards side by side: without reasons, each would leave half its row empty.
    pub brief: bool,
}

/// A customer at risk as a card.
pub struct Person {
    pub customer_id: String,
    pub segment: String,
    /// The probability of leaving in words.
    pub stake: String,
    pub tone: Tone,
    pub facts: Vec<(String, String)>,
    pub reasons: Vec<ReasonLine>,
}

pub struct ReasonLine {
    pub words: String,
    pub bar: Markup,
    pub contribution: String,
}

/// What stands in a section's place when there is nothing to show; `None` when there is.
pub fn missing<T>(l: &Locale<'_>, part: &Part<T>) -> Option<Block> {
    let (tone, title, reason) = match part {
        Part::Shown(_) => return None,
        Part::Refused(reason) => (Tone::Risk, l.text.refused_title, reason),
        Part::Absent(reason) => (Tone::Plain, l.text.absent_title, reason),
    };
    Some(Block::Notice(Notice { tone, title: title.to_owned(), text: Words::of(l, reason) }))
}
