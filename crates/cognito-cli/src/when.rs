//! Times as people say them.

use jiff::Timestamp;
use serde_json::Value;

/// `2026-11-01 00:00:00 UTC, in 12 minutes`, of a NumericDate (RFC 7519 §2); nothing where it is none, or no year has it.
pub(crate) fn in_words(date: &Value, now: f64) -> Option<String> {
    let seconds = date.as_f64()?.floor();
    // `as` keeps to the bounds of the type, which no date reaches.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturating is what is wanted"
    )]
    let date = Timestamp::from_second(seconds as i64).ok()?;
    Some(format!(
        "{}, {}",
        date.strftime("%Y-%m-%d %H:%M:%S UTC"),
        distance(seconds - now)
    ))
}

/// `in 12 minutes` for 740 seconds, `2 hours ago` for -7200.
fn distance(seconds: f64) -> String {
    const UNITS: [(f64, &str); 5] = [
        (365.25 * 86400.0, "year"),
        (86400.0, "day"),
        (3600.0, "hour"),
        (60.0, "minute"),
        (1.0, "second"),
    ];
    let length = seconds.abs();
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| length >= *unit) else {
        return "now".to_owned();
    };
    let count = (length / unit).floor();
    let plural = if count > 1.0 { "s" } else { "" };
    if seconds > 0.0 {
        format!("in {count} {name}{plural}")
    } else {
        format!("{count} {name}{plural} ago")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn distances_are_in_the_largest_unit_they_fill() {
        for (seconds, words) in [
            (0.0, "now"),
            (0.9, "now"),
            (1.0, "in 1 second"),
            (-59.0, "59 seconds ago"),
            (60.0, "in 1 minute"),
            (779.0, "in 12 minutes"),
            (-7200.0, "2 hours ago"),
            (86399.0, "in 23 hours"),
            (-86400.0 * 3.0, "3 days ago"),
            (86400.0 * 365.0, "in 365 days"),
            (86400.0 * 366.0, "in 1 year"),
            (1e11, "in 3168 years"),
        ] {
            assert_eq!(distance(seconds), words);
        }
    }

    #[test]
    fn dates_are_utc_and_what_is_no_date_has_no_words() {
        let words = |date| in_words(&date, 1_793_491_200.0);
        assert_eq!(
            words(json!(1_793_491_200)).unwrap(),
            "2026-11-01 00:00:00 UTC, now"
        );
        assert_eq!(
            words(json!(1_793_494_800.75)).unwrap(),
            "2026-11-01 01:00:00 UTC, in 1 hour"
        );
        assert_eq!(
            words(json!(0)).unwrap(),
            "1970-01-01 00:00:00 UTC, 56 years ago"
        );
        for none in [
            json!("1793491200"),
            json!(1e300),
            json!(-1e300),
            json!(null),
            json!([1]),
        ] {
            assert_eq!(words(none), None);
        }
    }
}
