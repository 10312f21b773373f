//! What a cell's text means: whole numbers, exact amounts, flags, lists.

use perennial_contract::money::Decimal;

/// How amounts and numbers are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
pub enum DecimalMark {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

/// An amount beyond this many minor units, ten million millions of the currency, is a mistake of the file.
pub const MINOR_MAX: i64 = 1_000_000_000_000_000;
/// More pieces than this on one line are too.
pub const QUANTITY_MAX: i64 = 1_000_000_000;
/// Why a line with more than [`QUANTITY_MAX`] is rejected.
pub const TOO_MANY: &str = "is above 1000000000, the most that one line may hold";

/// Decimals beyond this many are the tail of a binary float (2.2800000000000002) and are rounded away.
const DECIMALS_KEPT: u32 = 9;

/// An exact decimal; grouping by the other mark, an apostrophe or a space is understood in groups of three.
#[must_use]
pub fn decimal(text: &str, mark: DecimalMark) -> Option<Decimal> {
    if let Some(fast) = short_decimal(text.as_bytes(), mark) {
        return Some(fast);
    }
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        return scaled(decimal(mantissa, mark)?, exponent.parse().ok()?);
    }
    let (point, group) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (whole, fraction) = text.split_once(point).unwrap_or((text, ""));
    let whole = ungroup(whole, group)?;
    if fraction.len() > DECIMALS_KEPT as usize && fraction.bytes().all(|b| b.is_ascii_digit()) {
        return round_tail(&whole, fraction);
    }
    let plain = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
    Decimal::parse(&plain)
}

/// Up to 18 digits and no grouping: one pass in 64 bits.
fn short_decimal(bytes: &[u8], mark: DecimalMark) -> Option<Decimal> {
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let point = if mark == DecimalMark::Point { b'.' } else { b',' };
    let (mut units, mut scale, mut after) = (0_i64, 0_u32, false);
    for &byte in digits {
        if byte.is_ascii_digit() {
            units = units * 10 + i64::from(byte - b'0');
            scale += u32::from(after);
        } else if byte == point && !after {
            after = true;
        } else {
            return None;
        }
    }
    let only_mark = digits.len() == 1 && after;
    (!only_mark && scale <= DECIMALS_KEPT).then(|| Decimal { units: i128::from(if negative { -units } else { units }), scale })
}

/// `1,234,567` without its grouping; nothing if the groups are not of three digits.
fn ungroup(whole: &str, group: char) -> Option<String> {
    let separator = |c: char| c == group || c == '\'' || c == ' ' || c == '\u{A0}' || c == '\u{202F}';
    if !whole.contains(separator) {
        return Some(whole.to_owned());
    }
    let digits = whole.trim_start_matches(['-', '+']);
    let mut groups = digits.split(separator);
    let first_is_short = groups.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let others_are_three = groups.all(|part| part.len() == 3);
    (first_is_short && others_are_three).then(|| whole.replace(separator, ""))
}

/// 4.44e-16, as programs write what is left of a float: to as many decimals as any other tail.
fn scaled(mantissa: Decimal, exponent: i32) -> Option<Decimal> {
    if !(-60..=20).contains(&exponent) {
        return None;
    }
    let scale = i32::try_from(mantissa.scale).ok()? - exponent;
    if scale <= 0 {
        return Some(Decimal { units: mantissa.units.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?, scale: 0 });
    }
    let excess = scale.unsigned_abs().saturating_sub(DECIMALS_KEPT);
    let divisor = 10_i128.checked_pow(excess).unwrap_or(i128::MAX);
    let half = if mantissa.units < 0 { -(divisor / 2) } else { divisor / 2 };
    Some(Decimal { units: mantissa.units.saturating_add(half) / divisor, scale: scale.unsigned_abs() - excess })
}

fn round_tail(whole: &str, fraction: &str) -> Option<Decimal> {
    let (kept, tail) = fraction.split_at(DECIMALS_KEPT as usize);
    let mut value = Decimal::parse(&format!("{whole}.{kept}"))?;
    if tail.as_bytes().first().is_some_and(|&digit| digit >= b'5') {
        value.units += if whole.starts_with('-') { -1 } else { 1 };
    }
    Some(value)
}

/// A whole number; `12.0`, as tables with gaps write it, is one.
#[must_use]
pub fn whole(text: &str, mark: DecimalMark) -> Option<i64> {
    if (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')));
    }
    let Decimal { units, scale } = decimal(text, mark)?;
    let divisor = 10_i128.checked_pow(scale)?;
    (units % divisor == 0).then(|| i64::try_from(units / divisor).ok()).flatten()
}

/// [`Decimal::to_minor`] of an amount within [`MINOR_MAX`], without 128-bit divisions where it has just the minor unit's decimals.
#[must_use]
pub fn minor(amount: Decimal, digits: u32) -> Option<(i64, bool)> {
    let minor = if amount.scale == digits {
        i64::try_from(amount.units).ok().map(|units| (units, true))
    } else {
        amount.to_minor(digits)
    };
    minor.filter(|(units, _)| (-MINOR_MAX..=MINOR_MAX).contains(units))
}

#[must_use]
pub fn float(text: &str, mark: DecimalMark) -> Option<f64> {
    let value = match mark {
        DecimalMark::Point => text.parse::<f64>(),
        DecimalMark::Comma => text.replace('.', "").replace(',', ".").parse(),
    };
    value.ok().filter(|value| value.is_finite())
}

#[must_use]
pub fn flag(text: &str) -> Option<bool> {
    const YES: [&str; 6] = ["true", "t", "yes", "y", "1", "是"];
    const NO: [&str; 6] = ["false", "f", "no", "n", "0", "否"];
    let is = |words: [&str; 6]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(YES) {
        Some(true)
    } else if is(NO) {
        Some(false)
    } else {
        None
    }
}

/// A list: a JSON array of strings, or words parted by `|`.
#[must_use]
pub fn list(text: &str) -> Option<Vec<String>> {
    if text.starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split('|').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_in_both_conventions() {
        let read = |text, mark| decimal(text, mark).map(|d| d.to_string());
        for (text, expected) in [
            ("2.55", "2.55"),
            ("-11062.06", "-11062.06"),
            ("1,234,567.80", "1234567.80"),
            ("1'234.5", "1234.5"),
            ("2.2800000000000002", "2.280000000"),
            ("-0.1999999999999999", "-0.200000000"),
            ("92233720368547758070.5", "92233720368547758070.5"),
            ("4.440892098500626e-16", "0.000000000"),
            ("-1.5e3", "-1500"),
            ("12.5E-1", "1.25"),
        ] {
            assert_eq!(read(text, DecimalMark::Point).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("1.234,50", DecimalMark::Comma).as_deref(), Some("1234.50"));
        assert_eq!(read("0,5", DecimalMark::Comma).as_deref(), Some("0.5"));
        for bad in ["", "-", ".", "1,23", "12,34.5", "1e99", "e5", "nan", "--1", "1.2.3", "£5", "1 2"] {
            assert_eq!(read(bad, DecimalMark::Point), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers_flags_and_lists() {
        assert_eq!(whole("12.0", DecimalMark::Point), Some(12));
        assert_eq!(whole("12.5", DecimalMark::Point), None);
        assert_eq!(whole("99999999999999999999", DecimalMark::Point), None);
        assert_eq!((flag("Yes"), flag("0"), flag("maybe")), (Some(true), Some(false), None));
        assert_eq!(list("a | b"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(list(r#"["x|y","z"]"#), Some(vec!["x|y".to_owned(), "z".to_owned()]));
        assert_eq!(list("[1"), None);
    }
}
