//! Money is a whole number of minor units ("cents") and an ISO 4217 currency; floats never carry it.

/// A decimal number as it stood in a file: `units × 10^-scale`, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub units: i128,
    pub scale: u32,
}

/// How many digits the minor unit of a currency has (ISO 4217, table A.1): 2 unless listed here.
#[must_use]
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND" | "VUV" | "XAF"
        | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// A decimal text as money is written; what is no number stays as it is.
#[must_use]
pub fn amount_text(text: &str, digits: u32) -> String {
    Decimal::parse_sum(text).map_or_else(|| text.to_owned(), |amount| amount.as_money(digits).to_string())
}

impl Decimal {
    pub const ZERO: Self = Self { units: 0, scale: 0 };

    /// Read a plain decimal: an optional sign, digits, at most one point, at most 12 decimals and 24 digits. No exponent, no grouping.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text, 24)
    }

    /// Read what [`Display`](std::fmt::Display) writes, a sum of any size: as many digits as 128 bits hold, at most 12 decimals.
    #[must_use]
    pub fn parse_sum(text: &str) -> Option<Self> {
        Self::read(text, 39)
    }

    fn read(text: &str, digits_max: u32) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mut units, mut scale, mut seen, mut after_point) = (0_i128, 0_u32, 0_u32, false);
        for byte in digits.bytes() {
            match byte {
                b'0'..=b'9' => {
                    seen += 1;
                    scale += u32::from(after_point);
                    if seen > digits_max || scale > 12 {
                        return None;
                    }
                    units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                }
                b'.' if !after_point => after_point = true,
                _ => return None,
            }
        }
        (seen > 0).then_some(Self { units: if negative { -units } else { units }, scale })
    }

    #[must_use]
    pub fn times(self, factor: i64) -> Option<Self> {
        Some(Self { units: self.units.checked_mul(i128::from(factor))?, scale: self.scale })
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Self { units: self.rescaled(scale)?.checked_add(other.rescaled(scale)?)?, scale })
    }

    fn rescaled(self, scale: u32) -> Option<i128> {
        self.units.checked_mul(10_i128.checked_pow(scale - self.scale)?)
    }

    /// As money is written: as many decimals as the currency has, more only where they are not zero.
    #[must_use]
    pub fn as_money(self, digits: u32) -> Self {
        let mut amount = self;
        while amount.scale > digits && amount.units % 10 == 0 {
            amount = Self { units: amount.units / 10, scale: amount.scale - 1 };
        }
        let scale = amount.scale.max(digits);
        amount.rescaled(scale).map_or(amount, |units| Self { units, scale })
    }

    /// The amount in minor units of `digits` decimals, rounded half to even, and whether that was exact.
    #[must_use]
    pub fn to_minor(self, digits: u32) -> Option<(i64, bool)> {
        if self.scale <= digits {
            let units = self.rescaled(digits)?;
            return Some((i64::try_from(units).ok()?, true));
        }
        let divisor = 10_i128.checked_pow(self.scale - digits)?;
        let (mut quotient, remainder) = (self.units.div_euclid(divisor), self.units.rem_euclid(divisor));
        let twice = remainder * 2;
        if twice > divisor || (twice == divisor && quotient % 2 != 0) {
            quotient += 1;
        }
        Some((i64::try_from(quotient).ok()?, remainder == 0))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_round_half_to_even() {
        let minor = |text: &str| Decimal::parse(text).and_then(|d| d.to_minor(2));
        assert_eq!(minor("12.34"), Some((1234, true)));
        assert_eq!(minor("-12.345"), Some((-1234, false)));
        assert_eq!(minor("0.005"), Some((0, false)));
        assert_eq!(minor("0.015"), Some((2, false)));
        assert_eq!(minor(".5"), Some((50, true)));
        assert_eq!(minor("92233720368547758.08"), None);
        for bad in ["", "-", ".", "1e5", "1,000", "1.2.3", "NaN", "٣"] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
        for text in ["-123456789012345678901234567890.123456789", "99999999999999999999999999999999999999", "0.5", "-3"] {
            assert_eq!(Decimal::parse_sum(text).map(|sum| sum.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Decimal::parse_sum("999999999999999999999999999999999999999"), None);
        for (text, digits, written) in
            [("19.5", 2, "19.50"), ("0", 2, "0.00"), ("3493.295000000", 2, "3493.295"), ("-7.00", 0, "-7"), ("x", 2, "x")]
        {
            assert_eq!(amount_text(text, digits), written);
        }
        let sum = Decimal::parse("0.001").and_then(|a| a.plus(Decimal::parse("-2.5")?));
        assert_eq!(sum.map(|d| d.to_string()), Some("-2.499".to_owned()));
    }
}
