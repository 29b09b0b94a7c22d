//! JSON that a terminal can be shown.

/// The same JSON with escapes for what a terminal would obey and not show: control characters that JSON allows, and those
/// that change the direction of the text. A token is written by a stranger.
pub(crate) fn printable(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_shown(character) {
            shown.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

fn is_shown(character: char) -> bool {
    match character {
        ' '..='~' => true,
        // What Rust would escape in a `char` is what has no shape of its own.
        other => other.escape_debug().eq([other]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::printable;

    #[test]
    fn what_is_seen_stays_and_what_is_obeyed_is_escaped() {
        for (text, shown) in [
            ("Zoë, 東京 😀 \\ \" /", "\"Zoë, 東京 😀 \\\\ \\\" /\""),
            ("\u{1b}[31m\r\n", "\"\\u001b[31m\\r\\n\""),
            ("\u{7f}\u{9b}31m", "\"\\u007f\\u009b31m\""),
            ("\u{202e}gpj.exe", "\"\\u202egpj.exe\""),
            ("\u{e0001}", "\"\\udb40\\udc01\""),
        ] {
            let json = printable(&Value::from(text).to_string());
            assert_eq!(json, shown);
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), text);
        }
    }
}
