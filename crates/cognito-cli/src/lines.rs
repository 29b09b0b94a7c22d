//! Lines of any length, in memory of a fixed size.

use std::io::{self, BufRead, BufReader, Read};

use cognito_verifier::{MAX_TOKEN_BYTES, VerifyError};

/// One line of the input, as far as it may be a token.
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) token: Result<String, VerifyError>,
}

/// The lines of an input.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(64 * 1024, input),
            number: 0,
        }
    }

    /// How many there were so far.
    pub(crate) fn count(&self) -> u64 {
        self.number
    }

    /// Whether nothing more has arrived so far: whoever reads our output may be waiting for it.
    pub(crate) fn is_waiting(&self) -> bool {
        self.input.buffer().is_empty()
    }

    /// The next line without its end; what is longer than any token is read past, and counted.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        // One more than a token has, for the carriage return.
        const KEPT: usize = MAX_TOKEN_BYTES + 1;
        let (mut kept, mut length) = (Vec::new(), 0usize);
        loop {
            let arrived = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                arrived => arrived?,
            };
            if arrived.is_empty() && length == 0 {
                return Ok(None);
            }
            let end = arrived.iter().position(|byte| *byte == b'\n');
            let part = &arrived[..end.unwrap_or(arrived.len())];
            kept.extend_from_slice(&part[..part.len().min(KEPT - kept.len())]);
            length = length.saturating_add(part.len());
            let ended = end.is_some() || arrived.is_empty();
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if ended {
                break;
            }
        }
        self.number += 1;
        Ok(Some(Line {
            number: self.number,
            token: token(kept, length),
        }))
    }
}

fn token(mut kept: Vec<u8>, mut length: usize) -> Result<String, VerifyError> {
    if length == kept.len() && kept.last() == Some(&b'\r') {
        kept.pop();
        length -= 1;
    }
    if length > MAX_TOKEN_BYTES {
        return Err(VerifyError::TooLarge {
            limit: MAX_TOKEN_BYTES,
            actual: length,
        });
    }
    // No token has such bytes: whatever stands for them is refused, by the verifier and in its words.
    Ok(String::from_utf8(kept).unwrap_or_else(|binary| {
        let bytes = binary.into_bytes().into_iter();
        bytes
            .map(|byte| {
                if byte.is_ascii() {
                    char::from(byte)
                } else {
                    '?'
                }
            })
            .collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes `step` at a time, as a pipe may.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            self.0.read(&mut buffer[..length])
        }
    }

    fn read(input: &[u8], step: usize) -> Vec<Result<String, usize>> {
        let mut lines = Lines::new(Drip(input, step));
        std::iter::from_fn(|| lines.next().unwrap())
            .enumerate()
            .map(|(index, line)| {
                assert_eq!(line.number, index as u64 + 1);
                line.token.map_err(|refusal| match refusal {
                    VerifyError::TooLarge { actual, .. } => actual,
                    other => panic!("{other}"),
                })
            })
            .collect()
    }

    #[test]
    fn lines_end_as_on_any_system_and_the_last_need_not() {
        for step in [1, 2, 7, 1 << 20] {
            let text = |text: &str| Ok(text.to_owned());
            assert_eq!(read(b"", step), []);
            assert_eq!(read(b"a", step), [text("a")]);
            assert_eq!(read(b"a\nb\r\nc", step), ["a", "b", "c"].map(text));
            assert_eq!(read(b"\n\r\n\n", step), ["", "", ""].map(text));
            assert_eq!(read(b"a\rb\r\r\n", step), ["a\rb\r"].map(text));
            assert_eq!(read(b"\xff\0\xc3\xa9\n", step), ["?\0??"].map(text));
            assert_eq!(read("é\n".as_bytes(), step), ["é"].map(text));
        }
    }

    #[test]
    fn what_is_larger_than_a_token_is_counted_and_the_next_line_read() {
        let whole = "t".repeat(MAX_TOKEN_BYTES);
        for step in [5, 1 << 20] {
            let input = format!("{whole}\n{whole}\r\n{whole}t\nnext\n{whole}{whole}");
            assert_eq!(
                read(input.as_bytes(), step),
                [
                    Ok(whole.clone()),
                    Ok(whole.clone()),
                    Err(MAX_TOKEN_BYTES + 1),
                    Ok("next".to_owned()),
                    Err(2 * MAX_TOKEN_BYTES)
                ]
            );
        }
    }

    #[test]
    fn megabytes_without_an_end_are_read_past() {
        let mut lines = Lines::new(io::repeat(0).take(1 << 24));
        let line = lines.next().unwrap().unwrap();
        assert!(
            matches!(line.token, Err(VerifyError::TooLarge { actual, .. }) if actual == 1 << 24)
        );
        assert!(lines.next().unwrap().is_none());
    }
}
