//! Binding `$as_of` in portable SQL text.

use perennial_contract::Day;
use perennial_contract::engine::EngineError;

/// The parameter's name, dollar included.
const AS_OF: &str = "$as_of";

/// Replace `$as_of` by a date literal wherever it stands as a token: not inside strings, quoted names or comments, which every
/// engine would leave alone too.
pub(crate) fn bind_as_of(sql: &str, as_of: Option<Day>) -> Result<String, EngineError> {
    let mut bound = String::with_capacity(sql.len() + 16);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '\'' | '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '$' if is_as_of(rest) => {
                let day = as_of.ok_or_else(|| {
                    EngineError::Query("the query mentions $as_of but no day was given; pass an as-of day".to_owned())
                })?;
                bound.push_str(&format!("DATE '{day}'"));
                rest = &rest[AS_OF.len()..];
                continue;
            }
            other => other.len_utf8(),
        };
        bound.push_str(&rest[..skipped]);
        rest = &rest[skipped..];
    }
    Ok(bound)
}

fn is_as_of(text: &str) -> bool {
    text.strip_prefix(AS_OF).is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_bound() {
        let day = Day::from_ymd(2026, 3, 1);
        let bind = |sql: &str| bind_as_of(sql, day).map_err(|e| e.to_string());
        assert_eq!(bind("a < $as_of AND b >= $as_of - 30"), Ok("a < DATE '2026-03-01' AND b >= DATE '2026-03-01' - 30".into()));
        for untouched in [
            "SELECT '$as_of', 'it''s $as_of'",
            "SELECT \"$as_of\" -- $as_of\n, 1 /* $as_of */",
            "SELECT $as_of_day, $other",
            "SELECT '未完 $as_of",
            "/* $as_of",
        ] {
            assert_eq!(bind(untouched), Ok(untouched.to_owned()));
        }
        assert!(bind_as_of("SELECT $as_of", None).is_err());
        assert!(bind_as_of("SELECT 1", None).is_ok());
    }
}
