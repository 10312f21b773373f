//! Direct identifiers: which columns hold them, and the pseudonym that stands for a person instead.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use memchr::{memchr, memchr2};
use perennial_contract::source::IdentityKind;
use serde_json::{Map, Value};
use sha2::Sha256;

use super::mask::{SIGNS, masked};
use super::problem::Problem;

pub const KINDS: [IdentityKind; 5] =
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
        self.of_key(&identifier.trim().to_lowercase())
    }

    /// What stands for an id that holds a direct identifier: another for every other id.
    #[must_use]
    pub fn of_key(&self, id: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
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

/// Take direct identifiers out of a JSON object, at any depth, handing those the vault keeps to `found`: members with a telling name
/// go, addresses and phone numbers within other texts are masked. How many cells that were.
pub fn scrub(object: &mut Map<String, Value>, found: &mut impl FnMut(IdentityKind, &str)) -> u64 {
    let mut cells = 0;
    // A name or an address may stand in several members beside each other.
    let mut parts: BTreeMap<IdentityKind, Vec<String>> = BTreeMap::new();
    object.retain(|key, value| {
        // Whether something is so tells nobody's name.
        let Some(held) = held_by(key).filter(|_| !matches!(value, Value::Bool(_) | Value::Null)) else {
            let is_kept = scrub_value(key, value, found, &mut cells);
            cells += u64::from(!is_kept);
            return is_kept;
        };
        cells += 1;
        if let Held::Identity(kind) = held {
            parts.entry(kind).or_default().extend(Some(text_of(value)).filter(|text| !text.is_empty()));
        }
        false
    });
    for (kind, texts) in parts {
        let separator = if kind == IdentityKind::Name { " " } else { ", " };
        match kind {
            IdentityKind::Name | IdentityKind::Address => found(kind, &texts.join(separator)),
            _ => texts.iter().for_each(|text| found(kind, text)),
        }
    }
    cells
}

/// A value under a name that tells nothing; false if it has to go.
fn scrub_value(key: &str, value: &mut Value, found: &mut impl FnMut(IdentityKind, &str), cells: &mut u64) -> bool {
    match value {
        Value::Object(inner) => *cells += scrub(inner, found),
        Value::Array(items) => {
            items.retain_mut(|item| {
                let is_kept = scrub_value(key, item, found, cells);
                *cells += u64::from(!is_kept);
                is_kept
            });
        }
        // A masked id would be the same for everybody.
        Value::String(text) if looks_like_email(text) && is_id(key) => return false,
        Value::String(text) if !is_id(key) => {
            if let Cow::Owned(masked) = masked(text) {
                *text = masked;
                *cells += 1;
            }
        }
        _ => {}
    }
    true
}

fn is_id(key: &str) -> bool {
    ["id", "Id", "ID"].iter().any(|end| key.ends_with(end))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(parts) => parts.values().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Null => String::new(),
    }
}

/// Whether a JSON text may hold something [`scrub`] takes out; most do not and need not be parsed.
#[must_use]
pub fn may_identify(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(quote) = memchr(b'"', &bytes[at..]) {
        let from = at + quote + 1;
        let mut to = from;
        while let Some(next) = memchr2(b'"', b'\\', &bytes[to..]) {
            to += next;
            if bytes[to] == b'"' {
                break;
            }
            // An escaped character may be anything.
            if bytes.get(to + 1) == Some(&b'u') {
                return true;
            }
            to = (to + 2).min(bytes.len());
        }
        let text = json.get(from..to).unwrap_or_default();
        at = (to + 1).min(bytes.len());
        let is_key = bytes[at..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':');
        if if is_key { is_telling(text) } else { matches!(masked(text), Cow::Owned(_)) } {
            return true;
        }
    }
    false
}

/// What a member or parameter holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// What the vault keeps.
    Identity(IdentityKind),
    /// What nobody needs: a password, a card's number, an IP address.
    Secret,
}

/// Whether a member or parameter of this name tells who somebody is or lets somebody in.
#[must_use]
pub fn is_telling(key: &str) -> bool {
    held_by(key).is_some()
}

/// No telling name is longer.
const NAME_BYTES_MAX: usize = 48;

/// `customer_email`, `customerEmail` and `Customer E-Mail` all end in `email`: the last words tell.
fn held_by(key: &str) -> Option<Held> {
    if !key.is_ascii() {
        return held_by_foreign(key);
    }
    let (mut plain, mut starts) = ([0_u8; NAME_BYTES_MAX], 0_u64);
    let (mut length, mut before) = (0, b'_');
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() {
            if length == NAME_BYTES_MAX {
                return None;
            }
            let begins = !before.is_ascii_alphanumeric() || byte.is_ascii_uppercase() && !before.is_ascii_uppercase();
            starts |= u64::from(begins) << length;
            plain[length] = byte.to_ascii_lowercase();
            length += 1;
        }
        before = byte;
    }
    let plain = std::str::from_utf8(&plain[..length]).ok()?;
    // The longest ending first: an `ip_address` is no address.
    (0..length).filter(|start| starts >> start & 1 == 1).find_map(|start| held_by_words(&plain[start..]))
}

fn held_by_words(words: &str) -> Option<Held> {
    use IdentityKind::{Address, BirthDate, Email, Name, Phone};
    Some(match words {
        "email" | "mail" | "emailaddress" | "mailaddress" | "useremail" | "customeremail" => Held::Identity(Email),
        "firstname" | "lastname" | "fullname" | "givenname" | "familyname" | "middlename" | "customername" | "surname"
        | "forename" | "vorname" | "nachname" | "recipientname" | "contactname" | "cardholder" | "cardholdername" => {
            Held::Identity(Name)
        }
        "phone" | "phonenumber" | "phoneno" | "mobile" | "mobilephone" | "mobilenumber" | "cell" | "cellphone" | "telephone"
        | "telephonenumber" | "tel" | "telno" | "telefon" | "telefonnummer" | "telefone" | "telefono" | "celular" | "handy"
        | "fax" | "msisdn" | "whatsapp" | "wechat" | "wechatid" | "weixin" | "telegram" => Held::Identity(Phone),
        "address" | "street" | "streetaddress" | "streetname" | "streetnumber" | "housenumber" | "shippingaddress"
        | "billingaddress" | "deliveryaddress" | "homeaddress" | "address1" | "address2" | "address3" | "addressline"
        | "addressline1" | "addressline2" | "zip" | "zipcode" | "postcode" | "postalcode" | "pincode" | "plz" | "cep"
        | "adresse" | "anschrift" | "strasse" | "endereco" => Held::Identity(Address),
        "birthday" | "birthdate" | "dateofbirth" | "dob" | "geburtsdatum" => Held::Identity(BirthDate),
        "ip"
        | "ipaddress"
        | "ipaddr"
        | "ipv4"
        | "ipv6"
        | "macaddress"
        | "token"
        | "jwt"
        | "password"
        | "passwd"
        | "passwort"
        | "pwd"
        | "passphrase"
        | "secret"
        | "apikey"
        | "authorization"
        | "cookie"
        | "otp"
        | "iban"
        | "bic"
        | "accountnumber"
        | "bankaccount"
        | "passport"
        | "passportnumber"
        | "passportno"
        | "creditcard"
        | "creditcardnumber"
        | "cardnumber"
        | "cardno"
        | "ccnumber"
        | "cvv"
        | "cvc"
        | "ssn"
        | "socialsecuritynumber"
        | "nationalid"
        | "idcard"
        | "idcardnumber"
        | "taxid"
        | "cpf"
        | "driverslicense"
        | "driverlicense" => Held::Secret,
        _ => return None,
    })
}

/// The same in other scripts, whose words are not set apart.
fn held_by_foreign(key: &str) -> Option<Held> {
    use IdentityKind::{Address, BirthDate, Email, Name, Phone};
    const ENDINGS: &[(&str, Held)] = &[
        ("邮箱", Held::Identity(Email)),
        ("电子邮件", Held::Identity(Email)),
        ("姓名", Held::Identity(Name)),
        ("收货人", Held::Identity(Name)),
        ("手机", Held::Identity(Phone)),
        ("手机号", Held::Identity(Phone)),
        ("手机号码", Held::Identity(Phone)),
        ("电话", Held::Identity(Phone)),
        ("电话号码", Held::Identity(Phone)),
        ("微信", Held::Identity(Phone)),
        ("微信号", Held::Identity(Phone)),
        ("地址", Held::Identity(Address)),
        ("邮编", Held::Identity(Address)),
        ("straße", Held::Identity(Address)),
        ("生日", Held::Identity(BirthDate)),
        ("出生日期", Held::Identity(BirthDate)),
        ("身份证", Held::Secret),
        ("身份证号", Held::Secret),
        ("身份证号码", Held::Secret),
        ("护照号", Held::Secret),
        ("银行卡号", Held::Secret),
        ("密码", Held::Secret),
        ("IP地址", Held::Secret),
    ];
    let key = key.trim();
    // The longest ending first here too.
    ENDINGS.iter().filter(|(ending, _)| key.ends_with(ending)).max_by_key(|(ending, _)| ending.len()).map(|(_, held)| *held)
}

#[must_use]
pub fn looks_like_email(text: &str) -> bool {
    holds_email(text) && !text.trim().contains(char::is_whitespace)
}

/// Whether one of a text's words is an e-mail address.
#[must_use]
pub fn holds_email(text: &str) -> bool {
    let is_address = |word: &str| word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let text =
        SIGNS.iter().filter(|sign| text.contains(*sign)).fold(Cow::Borrowed(text), |text, sign| text.replace(sign, "@").into());
    text.contains('@') && text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';')).any(is_address)
}

/// Whether a text is a phone number with its country's code: a plus and at least eight digits, parted as numbers are.
#[must_use]
pub fn looks_like_phone(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('+')
        && text.bytes().filter(u8::is_ascii_digit).count() >= 8
        && text[1..].bytes().all(|byte| byte.is_ascii_digit() || b" ()-./".contains(&byte))
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
        let text = r#"{"order_id":"7","email":"a@b.example","contact":{"firstName":"Ann","last_name":"Lee","note":"x"},"list":[{"to":"c@d.example"},"+49 170 1234567"],"street":"1 Lane","zip":4711,"is_mobile":true,"user_id":"e@f.example"}"#;
        let mut object: Map<String, Value> = serde_json::from_str(text).expect("json");
        let mut found = Vec::new();
        let cells = scrub(&mut object, &mut |kind, value| found.push((kind.name(), value.to_owned())));
        let left = r#"{"order_id":"7","contact":{"note":"x"},"list":[{"to":"[email]"},"[phone]"],"is_mobile":true}"#;
        assert_eq!((serde_json::to_string(&object).expect("json").as_str(), cells), (left, 8));
        let expected = [("name", "Ann Lee"), ("email", "a@b.example"), ("address", "1 Lane, 4711")];
        assert_eq!(found, expected.map(|(kind, value)| (kind, value.to_owned())));
    }

    #[test]
    fn telling_names_are_known_however_they_are_spelled() {
        let telling = "tel,Telephone,mobile,userMobile,ip,clientIP,ip_address,x-token,accessToken,Password,IBAN,passport_no,credit card,\
                       card_number,street,zip,billing.zip_code,E-Mail,联系电话,收货地址";
        assert!(telling.split(',').all(is_telling), "{:?}", telling.split(',').find(|key| !is_telling(key)));
        let others = "order_id,name,zipper,hotel,script,shipping,tip,email_id,email_opened,phone_model,商品名称,state";
        assert!(!others.split(',').any(is_telling), "{:?}", others.split(',').find(|key| is_telling(key)));
        assert_eq!(held_by("ip_address"), Some(Held::Secret));
    }

    #[test]
    fn only_what_may_identify_is_parsed() {
        for json in [
            r#"{"tel" : "1"}"#,
            r#"{"a":{"b":["x","mail zed@example.com"]}}"#,
            r#"{"note":"call +49 170 1234567"}"#,
            r#"{"search":"?token=secret"}"#,
            r#"{"t\u0065l":"1"}"#,
            r#"{"a":"\"","ip":"10.1.2.3"}"#,
        ] {
            assert!(may_identify(json), "{json}");
        }
        for json in [r#"{"order_id":"7","name":"lamp","price":12.5,"ean":"4006381333931"}"#, "{}", r#"{"a":"#, r#"{"a":"\"#] {
            assert!(!may_identify(json), "{json}");
        }
    }

    #[test]
    fn only_the_year_of_a_birth_date_is_kept() {
        assert_eq!(
            [birth_year("1980-05-04"), birth_year("04/05/1980"), birth_year("19800504"), birth_year("1850-01-01")],
            [Some(1980), Some(1980), Some(1980), None]
        );
    }
}
