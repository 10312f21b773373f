//! Direct identifiers: which columns hold them, and the pseudonym that stands for a person instead.

use std::fmt::Write;
use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use memchr::memmem::Finder;
use perennial_contract::source::IdentityKind;
use serde_json::{Map, Value};
use sha2::Sha256;

use super::problem::Problem;

const KINDS: [IdentityKind; 5] =
    [IdentityKind::Email, IdentityKind::Name, IdentityKind::Phone, IdentityKind::Address, IdentityKind::BirthDate];

/// The kind of identifier that a column of this name holds.
#[must_use]
pub fn kind_named(column: &str) -> Option<IdentityKind> {
    KINDS.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(column))
}

/// Makes customer ids from e-mails and phone numbers: an HMAC-SHA-256 under the shop's key, so that nobody without the key can
/// test whether a known address is a customer.
#[derive(Clone)]
pub struct Pseudonyms(Hmac<Sha256>);

impl Pseudonyms {
    pub fn new(key: Option<&[u8; 32]>) -> Result<Self, Problem> {
        let missing = || {
            Problem::refused(
                "identifies customers by a direct identifier, and the shop has no pseudonym key",
                "import it into a shop made with `perennial init`, which has one",
            )
        };
        Hmac::new_from_slice(key.ok_or_else(missing)?).map(Self).map_err(|_| missing())
    }

    /// The customer id of a person; the same for `Ann@Shop.example ` and `ann@shop.example`.
    #[must_use]
    pub fn of(&self, identifier: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(identifier.trim().to_lowercase().as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut id = String::with_capacity(34);
        id.push_str("p-");
        // 128 bits: no two people of any shop share them.
        for byte in &digest[..16] {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        id
    }
}

/// Take direct identifiers out of a JSON object, at any depth, handing each to `found`.
pub fn scrub(object: &mut Map<String, Value>, found: &mut impl FnMut(IdentityKind, &str)) {
    object.retain(|key, value| {
        let Some(kind) = kind_of_member(key) else {
            match value {
                Value::Object(inner) => scrub(inner, found),
                Value::Array(items) => {
                    items.iter_mut().filter_map(Value::as_object_mut).for_each(|inner| scrub(inner, found));
                }
                Value::String(text) if looks_like_email(text) => {
                    found(IdentityKind::Email, text);
                    return false;
                }
                _ => {}
            }
            return true;
        };
        match value {
            Value::String(text) => found(kind, text),
            Value::Object(parts) => {
                let text: Vec<_> = parts.values().filter_map(Value::as_str).collect();
                found(kind, &text.join(", "));
            }
            Value::Number(number) => found(kind, &number.to_string()),
            _ => {}
        }
        false
    });
}

/// Whether a JSON text may hold something [`scrub`] takes out; most do not and need not be parsed.
#[must_use]
pub fn may_identify(json: &str) -> bool {
    static SIGNS: LazyLock<[Finder<'static>; 8]> =
        LazyLock::new(|| ["@", "mail", "hone", "ddress", "irth", "_name", "stName", "street"].map(Finder::new));
    SIGNS.iter().any(|sign| sign.find(json.as_bytes()).is_some())
}

fn kind_of_member(key: &str) -> Option<IdentityKind> {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match plain.as_str() {
        "email" | "emailaddress" | "customeremail" | "useremail" => IdentityKind::Email,
        "firstname" | "lastname" | "fullname" | "customername" | "surname" => IdentityKind::Name,
        "phone" | "phonenumber" | "mobile" | "mobilephone" | "telephone" => IdentityKind::Phone,
        "address" | "street" | "shippingaddress" | "billingaddress" | "address1" | "address2" => IdentityKind::Address,
        "birthday" | "birthdate" | "dateofbirth" => IdentityKind::BirthDate,
        _ => return None,
    })
}

#[must_use]
pub fn looks_like_email(text: &str) -> bool {
    let Some((name, host)) = text.trim().split_once('@') else { return false };
    !name.is_empty() && host.contains('.') && !text.trim().contains(char::is_whitespace)
}

/// The year of a birth date, however it is written, if it is a plausible one.
#[must_use]
pub fn birth_year(text: &str) -> Option<i64> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let year = numbers.find(|part| part.len() == 4).or_else(|| text.get(..4).filter(|_| text.len() == 8))?;
    year.parse().ok().filter(|year| (1900..=2100).contains(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_keyed_and_does_not_mind_case() {
        let of = |key: u8, text: &str| Pseudonyms::new(Some(&[key; 32])).expect("key").of(text);
        assert_eq!(of(1, " Ann@Shop.example"), of(1, "ann@shop.example"));
        assert_ne!(of(1, "ann@shop.example"), of(2, "ann@shop.example"));
        assert!(Pseudonyms::new(None).is_err());
    }

    #[test]
    fn identifiers_are_taken_out_of_json_at_any_depth() {
        let text = r#"{"order_id":"7","email":"a@b.example","contact":{"firstName":"Ann","note":"x"},"list":[{"to":"c@d.example"}],"address":{"street":"1 Lane","city":"York"}}"#;
        assert!(may_identify(text) && !may_identify(r#"{"order_id":"7","name":"lamp"}"#));
        let mut object: Map<String, Value> = serde_json::from_str(text).expect("json");
        let mut found = Vec::new();
        scrub(&mut object, &mut |kind, value| found.push((kind.name(), value.to_owned())));
        assert_eq!(serde_json::to_string(&object).expect("json"), r#"{"order_id":"7","contact":{"note":"x"},"list":[{}]}"#);
        let expected = [("email", "a@b.example"), ("name", "Ann"), ("email", "c@d.example"), ("address", "1 Lane, York")];
        assert_eq!(found, expected.map(|(kind, value)| (kind, value.to_owned())));
    }

    #[test]
    fn only_the_year_of_a_birth_date_is_kept() {
        assert_eq!(
            [birth_year("1980-05-04"), birth_year("04/05/1980"), birth_year("19800504"), birth_year("1850-01-01")],
            [Some(1980), Some(1980), Some(1980), None]
        );
    }
}
