//! What a page is made of, ready to print: handlers choose blocks, the template alone knows HTML.

use crate::report::Language;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Watch,
    Bad,
}

impl Tone {
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Watch => "watch",
            Self::Bad => "bad",
        }
    }

    /// Whether a screen reader says it at once.
    pub fn is_alert(self) -> bool {
        self == Self::Bad
    }
}

pub enum Block {
    Heading(String),
    Text(String),
    Note(Tone, String),
    /// Names with their values.
    Facts(Vec<(String, Vec<String>)>),
    /// The few numbers that a reader takes away.
    Numbers(Vec<(String, String)>),
    /// Sentences, each with a link to where more is.
    Items(Vec<(String, Option<(String, String)>)>),
    Links(Vec<(String, String)>),
    /// Shown once: a label and what to copy.
    Secret(String, String),
    Verbatim(String),
    Form(Form),
    Table(Table),
}

pub struct Table {
    pub caption: String,
    pub heads: Vec<Head>,
    /// The first cell names its row.
    pub rows: Vec<Vec<Cell>>,
    /// What is said instead of a table without rows.
    pub empty: String,
}

pub struct Head {
    pub text: String,
    pub is_number: bool,
    pub sort: Option<Sort>,
}

pub struct Sort {
    pub href: String,
    /// A value of `aria-sort`.
    pub state: &'static str,
}

impl Head {
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), is_number: false, sort: None }
    }

    pub fn number(text: &str) -> Self {
        Self { is_number: true, ..Self::text(text) }
    }
}

pub enum Cell {
    Text(String),
    Number(String),
    Code(String),
    /// A moment or a day, in one line.
    When(String),
    Tag(Tone, String),
    Link(String, String),
    /// A signed share of 200 units: where the bar begins, how wide it is, and its class.
    Bar(u32, u32, &'static str),
    Forms(Vec<Form>),
}

impl Cell {
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// A bar from the middle; `share` is from -1 to 1.
    pub fn bar(share: f64) -> Self {
        let width = (share.abs().min(1.0) * 100.0).round() as u32;
        if share < 0.0 { Self::Bar(100 - width, width, "down") } else { Self::Bar(100, width, "up") }
    }
}

pub struct Form {
    pub class: &'static str,
    pub method: &'static str,
    pub action: String,
    pub csrf: Option<String>,
    pub fields: Vec<Field>,
    pub submit: String,
    /// Whether it takes something away.
    pub is_grave: bool,
}

impl Form {
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    pub fn grave(self) -> Self {
        Self { is_grave: true, ..self }
    }
}

pub enum Input {
    /// The type of an `input` element.
    Line(&'static str),
    Hidden,
    Choice(Vec<Choice>),
    Checks(Vec<Choice>),
}

pub struct Choice {
    pub value: String,
    pub text: String,
    pub is_chosen: bool,
}

pub struct Field {
    pub id: String,
    pub name: &'static str,
    pub label: String,
    pub input: Input,
    pub value: String,
    pub hint: String,
    pub autocomplete: &'static str,
    pub is_required: bool,
    pub is_fixed: bool,
    /// Whether the label is for screen readers only.
    pub is_quiet: bool,
}

impl Field {
    pub fn new(name: &'static str, label: &str, input: Input) -> Self {
        Self {
            id: name.to_owned(),
            name,
            label: label.to_owned(),
            input,
            value: String::new(),
            hint: String::new(),
            autocomplete: "",
            is_required: false,
            is_fixed: false,
            is_quiet: false,
        }
    }

    pub fn line(name: &'static str, label: &str) -> Self {
        Self::new(name, label, Input::Line("text"))
    }

    pub fn password(name: &'static str, label: &str, autocomplete: &'static str) -> Self {
        Self { autocomplete, is_required: true, ..Self::new(name, label, Input::Line("password")) }
    }

    pub fn hidden(name: &'static str, value: &str) -> Self {
        Self { value: value.to_owned(), ..Self::new(name, "", Input::Hidden) }
    }

    pub fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub fn with_value(self, value: &str) -> Self {
        Self { value: value.to_owned(), ..self }
    }

    pub fn with_hint(self, hint: &str) -> Self {
        Self { hint: hint.to_owned(), ..self }
    }

    /// In a table, where the column says what it is and ids repeat.
    pub fn in_row(self, row: &str) -> Self {
        Self { id: format!("{}-{row}", self.name), is_quiet: true, ..self }
    }
}

/// One line of the menu.
pub struct MenuItem {
    pub href: &'static str,
    pub text: &'static str,
    pub is_here: bool,
}

/// The whole page.
#[derive(askama::Template)]
#[template(path = "page/page.html")]
pub struct Document<'a> {
    pub language: Language,
    pub other: Language,
    pub other_href: String,
    pub title: String,
    pub shop: &'a str,
    pub style: &'a str,
    pub menu: Vec<MenuItem>,
    pub person: Option<&'a str>,
    pub csrf: &'a str,
    pub blocks: Vec<Block>,
    pub version: &'static str,
}
