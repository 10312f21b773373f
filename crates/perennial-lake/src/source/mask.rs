//! Which words of a free text tell who somebody is? E-mail addresses and phone numbers are masked, and values of telling query parameters.
//!
//! Assumes  addresses in ASCII; a phone number has a leading `+`, or groups of digits set apart as phone numbers are written.
//! Input    a text of any length.
//! Output   the same text with `[email]`, `[phone]` or `[hidden]` in their places; borrowed where nothing was found.
//! Cost     one pass over the bytes, no memory where nothing is found.
//! Ref      ITU-T E.123 (2001), how phone numbers are written; E.164 (2010), at most 15 digits.

use std::borrow::Cow;

use super::identity::is_telling;

pub const EMAIL: &str = "[email]";
pub const PHONE: &str = "[phone]";
/// In the place of what has no name that may be told: a password, a token.
pub const SECRET: &str = "[hidden]";

/// The text without e-mail addresses, phone numbers and telling query parameters.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    // Everything before `kept` is in `out` already.
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        let found = match bytes[at] {
            b'@' | b'%' | b'&' | 0xef => sign(bytes, at).and_then(|after| email(bytes, kept, (at, after))),
            b'=' => parameter(text, kept, at),
            b'+' | b'(' | b'0'..=b'9' if starts_word(bytes, at) => {
                identity_card(bytes, at).or_else(|| phone(bytes, at).map(|end| (at, end, PHONE)))
            }
            _ => None,
        };
        let Some((from, to, mask)) = found else {
            at += 1;
            continue;
        };
        out.push_str(&text[kept..from]);
        out.push_str(mask);
        (kept, at) = (to, to);
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// The sign of an address as it is typed, as an input method writes it, as a link does, once or twice over, and as HTML does.
pub const SIGNS: [&str; 7] = ["@", "＠", "%40", "%2540", "&#64;", "&#x40;", "&commat;"];

/// Where the sign of an address that begins here ends.
fn sign(bytes: &[u8], at: usize) -> Option<usize> {
    SIGNS.iter().find(|sign| bytes[at..].starts_with(sign.as_bytes())).map(|sign| at + sign.len())
}

/// Whether an address may stand in a text at all.
#[must_use]
pub fn holds_at(text: &str) -> bool {
    // `＠` begins with 0xef.
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = memchr::memchr3(b'@', b'%', 0xef, &bytes[from..]) {
        if sign(bytes, from + at).is_some() {
            return true;
        }
        from += at + 1;
    }
    // As HTML writes it, each begins with an ampersand.
    text.contains('&') && SIGNS.iter().any(|sign| text.contains(sign))
}

type Found = (usize, usize, &'static str);

/// A Chinese identity card: 17 digits, of which eight are a day of birth, and a digit or X (GB 11643-1999).
fn identity_card(bytes: &[u8], start: usize) -> Option<Found> {
    let (card, next) = (bytes.get(start..start + 18)?, bytes.get(start + 18));
    let number = |from: usize, to: usize| card[from..to].iter().fold(0_u32, |sum, b| 10 * sum + u32::from(b - b'0'));
    let are_digits = card[..17].iter().all(u8::is_ascii_digit) && matches!(card[17], b'0'..=b'9' | b'X' | b'x');
    let is_whole = next.is_none_or(|b| !b.is_ascii_alphanumeric());
    let is_born =
        || (1900..2100).contains(&number(6, 10)) && (1..=12).contains(&number(10, 12)) && (1..=31).contains(&number(12, 14));
    (are_digits && is_whole && card[0] != b'0' && is_born()).then_some((start, start + 18, SECRET))
}

/// An address around its `@`: a name before it, after it a host with a dot and a top-level domain of letters.
fn email(bytes: &[u8], kept: usize, (at, after): (usize, usize)) -> Option<Found> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-' | b'\'');
    let from = kept + bytes[kept..at].iter().rposition(|b| !is_name(b)).map_or(0, |last| last + 1);
    let is_host = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let mut to = after + bytes[after..].iter().position(|b| !is_host(b)).unwrap_or(bytes.len() - after);
    // The full stop of a sentence is not the address's.
    while to > after && !bytes[to - 1].is_ascii_alphanumeric() {
        to -= 1;
    }
    let dot = bytes[after..to].iter().rposition(|b| *b == b'.')?;
    let has_domain = dot > 0 && bytes[after + dot + 1..to].iter().filter(|b| b.is_ascii_alphabetic()).count() > 1;
    (from < at && has_domain).then_some((from, to, EMAIL))
}

/// `token=…` in a URL or a query, as far as the next parameter.
fn parameter(text: &str, kept: usize, equals: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let from = kept + bytes[kept..equals].iter().rposition(|b| !is_name(b)).map_or(0, |last| last + 1);
    let is_parameter = from == 0 || matches!(bytes[from - 1], b'?' | b'&' | b';' | b'#');
    if from == equals || !is_parameter || !is_telling(&text[from..equals]) {
        return None;
    }
    let is_end = |b: &u8| matches!(b, b'&' | b';' | b'#' | b'"') || b.is_ascii_whitespace();
    let to = bytes[equals + 1..].iter().position(is_end).map_or(bytes.len(), |length| equals + 1 + length);
    (to > equals + 1).then_some((equals + 1, to, SECRET))
}

/// Whether a number may begin here: a part of a longer code, a date or a path is no phone number.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    let Some(&before) = at.checked_sub(1).and_then(|before| bytes.get(before)) else { return true };
    !before.is_ascii_alphanumeric() && !matches!(before, b'.' | b'-' | b'/' | b'_' | b'+' | b'#' | b'(' | b'%' | b',')
}

/// More groups than a phone number has.
const GROUPS_MAX: usize = 8;
const DIGITS_MAX: usize = 15;

/// Digits in groups, as they stand in a text.
#[derive(Default)]
struct Groups {
    is_international: bool,
    first: [u8; 3],
    lengths: [usize; GROUPS_MAX],
    /// Bits of the separators before each group and of all before them: 1 space, 2 hyphen, 4 slash, 8 bracket, 16 full stop.
    separators: [u8; GROUPS_MAX],
    ends: [usize; GROUPS_MAX],
    count: usize,
}

/// The end of the phone number that begins here, if one does.
fn phone(bytes: &[u8], start: usize) -> Option<usize> {
    let groups = Groups::read(bytes, start);
    let is_whole = |&count: &usize| {
        let next = bytes.get(groups.ends[count - 1]);
        next.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'%' | b'@'))
    };
    (1..=groups.count).rev().filter(is_whole).find(|&count| groups.are_phone(count)).map(|count| groups.ends[count - 1])
}

impl Groups {
    fn read(bytes: &[u8], start: usize) -> Self {
        let mut groups = Self { is_international: bytes[start] == b'+', ..Self::default() };
        let (mut at, mut seen) = (start + usize::from(groups.is_international), 0);
        while groups.count < GROUPS_MAX {
            let digits = |at: usize| bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            let from = at;
            while at - from < 3 && at < bytes.len() && !bytes[at].is_ascii_digit() {
                seen |= match bytes[at] {
                    b' ' => 1,
                    b'-' => 2,
                    b'/' => 4,
                    b'(' | b')' => 8,
                    b'.' => 16,
                    _ => return groups,
                };
                at += 1;
            }
            let length = digits(at);
            if length == 0 {
                return groups;
            }
            if groups.count == 0 {
                (0..length.min(3)).for_each(|digit| groups.first[digit] = bytes[at + digit]);
            }
            at += length;
            (groups.lengths[groups.count], groups.separators[groups.count], groups.ends[groups.count]) = (length, seen, at);
            groups.count += 1;
        }
        groups
    }

    /// Whether the first groups are written as a phone number is: `+49 170 1234567`, `0049 170 1234567`, `0170/1234567`,
    /// `06 12 34 56 78`, `(555) 123-4567`, `138 1234 5678`.
    fn are_phone(&self, count: usize) -> bool {
        let lengths = &self.lengths[..count];
        let (digits, separators) = (lengths.iter().sum::<usize>(), self.separators[count - 1]);
        let is_set_apart = count > 1 && separators != 0;
        // A Chinese mobile number is written in one; article numbers have 8, 12, 13 or 14 digits.
        if count == 1 && self.count == 1 && lengths == [11] && self.first[0] == b'1' && self.first[1] >= b'3' {
            return true;
        }
        if self.is_international {
            return (8..=DIGITS_MAX).contains(&digits) && self.first[0] != b'0' && separators & 16 == 0;
        }
        // What goes on after a hyphen is a longer code.
        let goes_on = self.count > count && self.separators[count] != separators && self.separators[count] & !1 != 0;
        if !is_set_apart || digits > DIGITS_MAX || goes_on {
            return false;
        }
        match (self.first, lengths) {
            ([b'0', b'0', b'1'..=b'9'], [3..=5, ..]) => digits >= 10 && separators & !9 == 0,
            ([b'0', b'1'..=b'9', 0], [2, 2, 2, 2, 2]) => true,
            ([b'0', b'1'..=b'9', _], [3..=5, ..]) => (9..=13).contains(&digits) && separators & 16 == 0,
            ([b'2'..=b'9', ..], [3, 3, 4]) => separators & 26 != 0 && count == self.count,
            ([b'1', ..], [1, 3, 3, 4]) => separators & 26 != 0 && count == self.count,
            ([b'1', b'3'..=b'9', _], [3, 4, 4]) => separators & !3 == 0 && count == self.count,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        for (text, expected) in [
            ("Great, mail me at zed@example.com.", "Great, mail me at [email]."),
            ("a.b+c@x-y.co.uk, (d@e.fr)", "[email], ([email])"),
            ("https://x.example/?q=bob%40secret.example&p=2", "https://x.example/?q=[email]&p=2"),
            ("?next=https%3A%2F%2Fx%2F%3Fq%3Deve%2540shop.example", "?next=https%3A%2F%2Fx%2F%3Fq%[email]"),
            ("write to eve&#64;shop.example now", "write to [email] now"),
            ("write to eve&#x40;shop.example now", "write to [email] now"),
            ("邮箱bob@x.com，谢谢", "邮箱[email]，谢谢"),
            ("邮箱bob＠x.com，谢谢", "邮箱[email]，谢谢"),
            ("身份证11010519491231002X，急", "身份证[hidden]，急"),
            ("?token=s3cret&page=2#x", "?token=[hidden]&page=2#x"),
            ("https://x.example/a?user_email=b&Access-Token=c", "https://x.example/a?user_email=[hidden]&Access-Token=[hidden]"),
        ] {
            assert_eq!(masked(text), expected);
        }
        for text in ["@brand", "2@3", "a @ b.com", "me@localhost", "x@.com", "price=3&size=4", "1+1=2", "a=b"] {
            assert!(matches!(masked(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn phone_numbers_are_masked_as_they_are_written() {
        for text in [
            "+491701234567",
            "+49 170 1234567",
            "+49 (0)170 / 123 45 67",
            "0049 170 1234567",
            "0170 1234567",
            "0170/1234567",
            "(030) 1234 5678",
            "030-12345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "(555) 123-4567",
            "555-123-4567",
            "555.123.4567",
            "1-555-123-4567",
            "138 1234 5678",
            "138-1234-5678",
            "010-12345678",
            "13812345678",
        ] {
            assert_eq!(masked(&format!("call {text}, please")), "call [phone], please", "{text}");
            assert_eq!(masked(text), PHONE, "{text}");
        }
        assert_eq!(masked("电话138-1234-5678。"), "电话[phone]。");
        assert_eq!(masked("0170 1234567 or bob@x.example"), "[phone] or [email]");
    }

    #[test]
    fn order_numbers_dates_prices_and_article_numbers_stay() {
        for text in [
            "4006381333931",
            "12812345678",
            "13812345678901",
            "110105194913310024",
            "0012345678",
            "2024-01-05 10:30:00",
            "2024-01-05T10:30:00.000+02:00",
            "01.02.2024 10:30",
            "01/02/2024",
            "01-02-2024",
            "2024/01/05",
            "1,234,567.89",
            "1 234 567,89",
            "1.234.567,89",
            "+1,000,000",
            "+10 %",
            "123-1234567-1234567",
            "2024-0001-2345",
            "ORD-555-123-4567",
            "555-123-4567-89",
            "#1001-2002-3003",
            "0800-1700",
            "550e8400-e29b-41d4-a716-446655440000",
            "978-3-16-148410-0",
            "10.1.2.3",
            "1.0.12345678",
            "0.123456789",
            "4111111111111111",
            "300 x 400 x 5000",
            "85123A 22423 47566",
            "12345 67890",
            "p-20240105-001",
        ] {
            assert!(matches!(masked(text), Cow::Borrowed(same) if same == text), "{text}: {}", masked(text));
        }
    }
}
