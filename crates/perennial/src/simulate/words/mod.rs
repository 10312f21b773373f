//! The words a simulated shop is made of: goods, people, and what they write, in English and Chinese.

pub mod goods;
pub mod people;
pub mod speech;

/// The language a customer writes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    En,
    Zh,
}

impl Language {
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

/// The same thing said in both languages.
#[derive(Clone, Copy, Debug)]
pub struct Both {
    pub en: &'static str,
    pub zh: &'static str,
}

impl Both {
    pub const fn get(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Zh => self.zh,
        }
    }
}

const fn both(en: &'static str, zh: &'static str) -> Both {
    Both { en, zh }
}
