//! Fields of forms and addresses, in and out.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};

use crate::http::{BAD_REQUEST, HttpError};

/// Names and values as they were sent, in their order.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// From `application/x-www-form-urlencoded`; none where it is no text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        });
        decoded.collect::<Option<_>>().map(Self)
    }

    /// The first field of the name; empty where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The same without blanks around it; none where nothing is left.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// As the query of an address, with one field set and others left out.
    #[must_use]
    pub fn with(&self, name: &str, value: &str, without: &[&str]) -> String {
        let kept =
            self.0.iter().filter(|(found, value)| found != name && !value.is_empty() && !without.contains(&found.as_str()));
        let kept = kept.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        kept.chain([format!("{}={}", encoded(name), encoded(value))]).collect::<Vec<_>>().join("&")
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let unreadable = || HttpError::new(BAD_REQUEST, "the form cannot be read; reload the page and send it again");
        let body = Bytes::from_request(request, state).await.map_err(|_| unreadable())?;
        std::str::from_utf8(&body).ok().and_then(Self::parse).ok_or_else(unreadable)
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, tail) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = tail;
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// A text as part of an address; every byte that could mean something there is written as its number.
#[must_use]
pub fn encoded(text: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let fields = Fields::parse("a=1+2&b=%E5%AE%A2%2F&a=3&empty=").unwrap();
        assert_eq!((fields.get("a"), fields.get("b"), fields.given("empty")), ("1 2", "客/", None));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1 2", "3"]);
        assert_eq!(fields.with("c", "&", &["a"]), "b=%E5%AE%A2%2F&c=%26");
        for wrong in ["a=%", "a=%zz", "a=%ff"] {
            assert!(Fields::parse(wrong).is_none(), "{wrong}");
        }
    }
}
