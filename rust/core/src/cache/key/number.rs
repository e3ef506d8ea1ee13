//! Numbers by their exact decimal value.

use super::Uncacheable;

/// The most digits of an exponent that are added up exactly.
const EXPONENT_DIGITS: usize = 18;

/// Appends the number at `at` of a valid document as digits without zeros at either end and a power of ten; answers with
/// the place behind it. Nothing is rounded, and -0 is 0.
pub(super) fn write(document: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Uncacheable> {
    let digits = |from: usize| {
        document[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(document.len(), |n| from + n)
    };
    let byte = |at: usize| document.get(at).copied();
    let start = at + usize::from(byte(at) == Some(b'-'));
    let point = digits(start);
    let mut end = point;
    let mut fraction: &[u8] = &[];
    if byte(end) == Some(b'.') {
        end = digits(point + 1);
        fraction = &document[point + 1..end];
    }
    if point == start {
        return Err(Uncacheable::Shape);
    }
    let mut power = Some(0);
    if matches!(byte(end), Some(b'e' | b'E')) {
        let negative = byte(end + 1) == Some(b'-');
        let from = end + 1 + usize::from(matches!(byte(end + 1), Some(b'+' | b'-')));
        end = digits(from);
        power = exponent(&document[from..end], negative);
    }
    let begun = out.len();
    out.push(b'#');
    out.extend_from_slice(&document[at..start]);
    let first = out.len();
    for part in [&document[start..point], fraction] {
        let zeros =
            if out.len() == first { part.iter().take_while(|&&digit| digit == b'0').count() } else { 0 };
        out.extend_from_slice(&part[zeros..]);
    }
    if out.len() == first {
        out.truncate(begun);
        out.extend_from_slice(b"#;");
        return Ok(end);
    }
    let zeros = out[first..].iter().rev().take_while(|&&digit| digit == b'0').count();
    out.truncate(out.len() - zeros);
    let power = power.ok_or(Uncacheable::Number)?;
    #[expect(clippy::cast_possible_wrap, reason = "lengths of parts of a body")]
    let power = power + zeros as i64 - fraction.len() as i64;
    if power != 0 {
        out.push(b'e');
        out.extend_from_slice(power.to_string().as_bytes());
    }
    out.push(b';');
    Ok(end)
}

/// None where there are too many digits.
fn exponent(digits: &[u8], negative: bool) -> Option<i64> {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    let digits = &digits[zeros..];
    if digits.len() > EXPONENT_DIGITS {
        return None;
    }
    let power = digits.iter().fold(0, |power, digit| power * 10 + i64::from(digit - b'0'));
    Some(if negative { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(raw: &str) -> Result<String, Uncacheable> {
        let mut out = Vec::new();
        let end = write(raw.as_bytes(), 0, &mut out)?;
        assert_eq!(end, raw.len(), "{raw}");
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_value_has_one_spelling() {
        for (spellings, expected) in [
            (vec!["1", "1.0", "1e0", "10e-1", "0.1e1", "1E+00", "100e-2", "0.001e3"], "#1;"),
            (vec!["0.1", "0.10", "1e-1", "0.01E1"], "#1e-1;"),
            (vec!["0", "-0", "0.0", "-0.00", "0e7", "0e99999999999999999999"], "#;"),
            (vec!["-120", "-1.2e2", "-12e1"], "#-12e1;"),
            (vec!["1e400", "10e399"], "#1e400;"),
            (vec!["0.30000000000000004"], "#30000000000000004e-17;"),
            (vec!["9007199254740993"], "#9007199254740993;"),
            (vec!["0.3"], "#3e-1;"),
        ] {
            for raw in spellings {
                assert_eq!(written(raw).unwrap(), expected, "{raw}");
            }
        }
        assert_eq!(written("1e9999999999999999999"), Err(Uncacheable::Number));
        assert_eq!(written("1e0000000000000000000001").unwrap(), "#1e1;");
    }
}
