//! How a setting's Rust type is read from and written as TOML.

use super::Severity;

/// A type a setting can have.
pub trait Setting: Sized {
    /// The literal a default is written with.
    type Literal;
    fn from_default(literal: Self::Literal) -> Self;
    fn from_toml(value: &toml::Value) -> Result<Self, String>;
    fn to_toml(&self) -> String;
}

fn expected<T>(what: &str, value: &toml::Value) -> Result<T, String> {
    Err(format!("is {value}, expected {what}"))
}

impl Setting for bool {
    type Literal = Self;

    fn from_default(default: Self) -> Self {
        default
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "allowed are true and false".to_owned())
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    type Literal = &'static str;
    fn from_default(literal: &'static str) -> Self {
        literal.to_owned()
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value.as_str().map_or_else(|| expected("text in quotes", value), |text| Ok(text.to_owned()))
    }
    fn to_toml(&self) -> String {
        toml::Value::String(self.clone()).to_string()
    }
}

macro_rules! whole_numbers {
    ($($kind:ty),*) => {$(
        impl Setting for $kind {
            type Literal = $kind;
            fn from_default(literal: $kind) -> Self {
                literal
            }
            fn from_toml(value: &toml::Value) -> Result<Self, String> {
                match value.as_integer().and_then(|number| <$kind>::try_from(number).ok()) {
                    Some(number) => Ok(number),
                    None => expected("a whole number, zero or more", value),
                }
            }
            fn to_toml(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
whole_numbers!(u32, u64);

impl Setting for f64 {
    type Literal = f64;
    fn from_default(literal: f64) -> Self {
        literal
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value.as_float().or_else(|| value.as_integer().map(|number| number as f64)) {
            Some(number) if (0.0..=1.0).contains(&number) => Ok(number),
            _ => expected("a share from 0 to 1", value),
        }
    }
    fn to_toml(&self) -> String {
        format!("{self:?}")
    }
}

impl Setting for Vec<String> {
    type Literal = &'static [&'static str];
    fn from_default(literal: Self::Literal) -> Self {
        literal.iter().map(|&text| text.to_owned()).collect()
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let Some(items) = value.as_array() else { return expected("a list of texts", value) };
        items.iter().map(String::from_toml).collect()
    }
    fn to_toml(&self) -> String {
        let items: Vec<String> = self.iter().map(Setting::to_toml).collect();
        format!("[{}]", items.join(", "))
    }
}

impl Setting for Severity {
    type Literal = Self;
    fn from_default(literal: Self) -> Self {
        literal
    }
    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value.as_str() {
            Some("error") => Ok(Self::Error),
            Some("warning") => Ok(Self::Warning),
            Some("off") => Ok(Self::Off),
            _ => expected("\"error\", \"warning\" or \"off\"", value),
        }
    }
    fn to_toml(&self) -> String {
        match self {
            Self::Error => "\"error\"",
            Self::Warning => "\"warning\"",
            Self::Off => "\"off\"",
        }
        .to_owned()
    }
}
