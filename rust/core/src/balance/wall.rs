//! Dates that providers write, against a wall clock that is an argument.

use std::time::Duration;

/// Time since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wall(pub Duration);

/// Ten digits: no limit is reset in thirty years, so a number of seconds as large as this is a date.
const DATES_FROM: u64 = 1_000_000_000;
const DATES_IN_MILLIS_FROM: u64 = 1_000_000_000_000;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Wall {
    /// Until a Unix time in seconds or milliseconds; None where the number is too small to be one.
    pub(super) fn until_unix(self, told: Duration) -> Option<Duration> {
        match told.as_secs() {
            DATES_IN_MILLIS_FROM.. => Some((told / 1000).saturating_sub(self.0)),
            DATES_FROM.. => Some(told.saturating_sub(self.0)),
            _ => None,
        }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, and RFC 850's form.
    pub(super) fn until_http_date(self, text: &str) -> Option<Duration> {
        let (_, rest) = text.split_once(", ")?;
        let mut parts = rest.split([' ', '-']);
        let day = parts.next()?.parse().ok()?;
        let month = parts.next()?;
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
        let year: i64 = parts.next()?.parse().ok()?;
        // RFC 850 has two digits, and means the nearest century.
        let year = if year < 70 {
            year + 2000
        } else if year < 100 {
            year + 1900
        } else {
            year
        };
        let seconds = clock(parts.next()?)?;
        (parts.next()? == "GMT").then_some(())?;
        self.until(year, i64::try_from(month).ok()? + 1, day, seconds)
    }

    /// `2025-08-21T12:40:59Z`, fractions and offsets included.
    pub(super) fn until_rfc3339(self, text: &str) -> Option<Duration> {
        let (date, time) = text.split_once(['T', 't', ' '])?;
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let zone = time.find(['Z', 'z', '+', '-'])?;
        let offset = match &time[zone..] {
            "Z" | "z" => 0.0,
            offset => {
                let (hours, minutes) = offset[1..].split_once(':')?;
                let seconds = hours.parse::<f64>().ok()? * 3600.0 + minutes.parse::<f64>().ok()? * 60.0;
                if offset.starts_with('-') { -seconds } else { seconds }
            }
        };
        self.until(year, month, day, clock(&time[..zone])? - offset)
    }

    fn until(self, year: i64, month: i64, day: i64, seconds: f64) -> Option<Duration> {
        if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        // Days since the epoch in the Gregorian calendar, with March as the first month so that leap days come last.
        let (years, months) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
        let leaps = years / 4 - years / 100 + years / 400;
        let days = years * 365 + leaps + (months * 153 + 2) / 5 + day - 1 - 719_468;
        #[expect(clippy::cast_precision_loss, reason = "seconds of eight thousand years are exact")]
        let at = Duration::try_from_secs_f64(days as f64 * 86_400.0 + seconds).ok()?;
        Some(at.saturating_sub(self.0))
    }
}

/// `08:49:37`, as seconds of the day.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let valid =
        (0.0..24.0).contains(&hours) && (0.0..60.0).contains(&minutes) && (0.0..61.0).contains(&seconds);
    valid.then_some(hours * 3600.0 + minutes * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall(Duration::from_secs(1_755_780_000));

    #[test]
    fn dates_are_counted_from_now() {
        let table = [
            (NOW.until_http_date("Thu, 21 Aug 2025 12:40:10 GMT"), Some(10)),
            (NOW.until_http_date("Thursday, 21-Aug-25 12:41:00 GMT"), Some(60)),
            (NOW.until_http_date("Thu, 21 Aug 2025 12:00:00 GMT"), Some(0)),
            (NOW.until_http_date("Thu, 21 Aug 2025 12:40:10 CET"), None),
            (NOW.until_http_date("soon"), None),
            (NOW.until_rfc3339("2025-08-21T12:40:59Z"), Some(59)),
            (NOW.until_rfc3339("2025-08-21T14:40:59.000+02:00"), Some(59)),
            (NOW.until_rfc3339("2025-08-21T08:40:59-04:00"), Some(59)),
            (NOW.until_rfc3339("2025-13-21T08:40:59Z"), None),
            (NOW.until_rfc3339("2025-08-21"), None),
            (NOW.until_unix(Duration::from_secs(1_755_780_030)), Some(30)),
            (NOW.until_unix(Duration::from_secs(1_755_780_030_000)), Some(30)),
            (NOW.until_unix(Duration::from_secs(30)), None),
        ];
        for (index, (got, wanted)) in table.into_iter().enumerate() {
            assert_eq!(got, wanted.map(Duration::from_secs), "{index}");
        }
    }

    #[test]
    fn leap_days_are_days() {
        let epoch = Wall(Duration::ZERO);
        assert_eq!(epoch.until_rfc3339("1970-01-01T00:00:00Z"), Some(Duration::ZERO));
        let day = |text: &str| epoch.until_rfc3339(text).unwrap().as_secs() / 86_400;
        assert_eq!(day("2000-03-01T00:00:00Z"), 11_017);
        assert_eq!(day("2024-02-29T00:00:00Z"), 19_782);
        assert_eq!(day("2026-11-27T00:00:00Z"), 20_784);
    }
}
