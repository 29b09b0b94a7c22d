//! JSON objects read in one pass: the members asked for are noted where they stand, and no name may occur twice.
//!
//! RFC 7515 §4 and RFC 7519 §4 let a parser either refuse duplicate names or take the last one. Two programs that choose
//! differently see two different tokens behind one signature, so this one refuses, at every depth.

use std::{borrow::Cow, cell::Cell, collections::HashSet, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Far more than anything that is read here has: so that places fit into 32 bits, unescaped texts included.
const MAX_JSON_BYTES: usize = 1 << 30;

/// Why bytes are not an acceptable JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonProblem {
    NotAnObject,
    DuplicateMember,
}

/// Where a string is: in the JSON itself, or, as if behind it, among those that were written with escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

/// What a member asked for turned out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    Absent,
    Text(Span),
    /// Of the object's lists of texts, from here to there.
    Texts(u32, u32),
    Number(f64),
    Boolean(bool),
    /// Null, an object, or an array with anything but strings.
    Other,
}

/// A JSON object with `N` members of interest.
#[derive(Clone, Debug)]
pub(crate) struct Object<const N: usize> {
    json: String,
    /// The strings that had escapes.
    unescaped: String,
    lists: Vec<Span>,
    items: [Item; N],
}

impl<const N: usize> Object<N> {
    /// Reads `json`; `index` says which names are of interest, each with a place below `N`.
    pub(crate) fn parse(
        json: Vec<u8>,
        index: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, JsonProblem> {
        let json = String::from_utf8(json).map_err(|_| JsonProblem::NotAnObject)?;
        if json.len() > MAX_JSON_BYTES {
            return Err(JsonProblem::NotAnObject);
        }
        let mut reader = Reader {
            json: &json,
            unescaped: String::new(),
            lists: Vec::new(),
            duplicate: Cell::new(false),
        };
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        let parsed = deserializer.deserialize_map(Top {
            reader: &mut reader,
            index,
        });
        let Reader {
            unescaped,
            lists,
            duplicate,
            ..
        } = reader;
        match parsed.and_then(|items| deserializer.end().map(|()| items)) {
            Ok(items) => Ok(Self {
                json,
                unescaped,
                lists,
                items,
            }),
            Err(_) if duplicate.get() => Err(JsonProblem::DuplicateMember),
            Err(_) => Err(JsonProblem::NotAnObject),
        }
    }

    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    pub(crate) fn item(&self, at: usize) -> &Item {
        &self.items[at]
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        let (start, end) = (span.start as usize, span.end as usize);
        match start.checked_sub(self.json.len()) {
            None => &self.json[start..end],
            Some(start) => &self.unescaped[start..end - self.json.len()],
        }
    }

    /// Of [`Item::Texts`].
    pub(crate) fn texts(&self, from: u32, to: u32) -> &[Span] {
        &self.lists[from as usize..to as usize]
    }
}

/// A whole JSON object as a tree, under the same rules.
pub(crate) fn parse_object(json: &[u8]) -> Result<Map<String, Value>, JsonProblem> {
    let checked = Object::<0>::parse(json.to_vec(), |_| None)?;
    serde_json::from_str(checked.json()).map_err(|_| JsonProblem::NotAnObject)
}

struct Reader<'j> {
    json: &'j str,
    unescaped: String,
    lists: Vec<Span>,
    duplicate: Cell<bool>,
}

impl Reader<'_> {
    /// Of a slice of `json`.
    fn borrowed(&self, text: &str) -> Span {
        span(text.as_ptr() as usize - self.json.as_ptr() as usize, text)
    }

    fn unescaped(&mut self, text: &str) -> Span {
        let start = self.json.len() + self.unescaped.len();
        self.unescaped.push_str(text);
        span(start, text)
    }

    fn twice<E: de::Error>(&self) -> E {
        self.duplicate.set(true);
        E::custom("duplicate member")
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the JSON is shorter than that, and what it unescapes to is no longer"
)]
fn span(start: usize, text: &str) -> Span {
    Span {
        start: start as u32,
        end: (start + text.len()) as u32,
    }
}

/// The object itself.
struct Top<'r, 'j, F, const N: usize> {
    reader: &'r mut Reader<'j>,
    index: F,
}

impl<'de, F: Fn(&str) -> Option<usize>, const N: usize> Visitor<'de> for Top<'_, '_, F, N> {
    type Value = [Item; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<[Item; N], A::Error> {
        let Self { reader, index } = self;
        let mut items = [const { Item::Absent }; N];
        let mut others = Names::default();
        while let Some(name) = members.next_key_seed(Name)? {
            let place = index(&name);
            let new = match place {
                Some(place) => matches!(items[place], Item::Absent),
                None => others.add(name),
            };
            if !new {
                return Err(reader.twice());
            }
            let item = members.next_value_seed(Any {
                reader: &mut *reader,
                keep: place.is_some(),
            })?;
            if let Some(place) = place {
                items[place] = item;
            }
        }
        Ok(items)
    }
}

/// Any value below it. Only where `keep` is set does the item say more than that the value is sound.
struct Any<'r, 'j> {
    reader: &'r mut Reader<'j>,
    keep: bool,
}

impl<'de> DeserializeSeed<'de> for Any<'_, '_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "JSON numbers are doubles to every other reader, whole seconds being exact up to 2^53; lists are shorter than the JSON"
)]
impl<'de> Visitor<'de> for Any<'_, '_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Item, E> {
        Ok(Item::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
        Ok(Item::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
        Ok(Item::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
        Ok(Item::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Item, E> {
        Ok(Item::Text(self.reader.borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Item, E> {
        Ok(if self.keep {
            Item::Text(self.reader.unescaped(value))
        } else {
            Item::Other
        })
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let Self { reader, mut keep } = self;
        let from = reader.lists.len() as u32;
        while let Some(item) = items.next_element_seed(Any {
            reader: &mut *reader,
            keep,
        })? {
            match item {
                Item::Text(text) if keep => {
                    if reader.lists.is_empty() {
                        reader.lists.reserve(32); // Instead of a growth by and by.
                    }
                    reader.lists.push(text);
                }
                _ => keep = false,
            }
        }
        Ok(if keep {
            Item::Texts(from, reader.lists.len() as u32)
        } else {
            Item::Other
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        let mut names = Names::default();
        while let Some(name) = members.next_key_seed(Name)? {
            if !names.add(name) {
                return Err(self.reader.twice());
            }
            members.next_value_seed(Any {
                reader: &mut *self.reader,
                keep: false,
            })?;
        }
        Ok(Item::Other)
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The names seen in one object: compared one by one while they are few, so that a stranger's many cost no more than
/// their number.
#[derive(Default)]
struct Names<'j> {
    few: [&'j str; 16],
    count: usize,
    /// What is more than a few, or was written with escapes.
    many: Option<HashSet<Cow<'j, str>>>,
}

impl<'j> Names<'j> {
    /// Whether `name` is new.
    fn add(&mut self, name: Cow<'j, str>) -> bool {
        if self.few[..self.count].contains(&&*name) {
            return false;
        }
        match (name, &mut self.many) {
            (name, Some(many)) => many.insert(name),
            (Cow::Borrowed(name), None) if self.count < self.few.len() => {
                self.few[self.count] = name;
                self.count += 1;
                true
            }
            (name, none) => none.insert(HashSet::new()).insert(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Object<2>, JsonProblem> {
        Object::parse(text.as_bytes().to_vec(), |name| match name {
            "a" => Some(0),
            "b" => Some(1),
            _ => None,
        })
    }

    #[test]
    fn members_of_interest_are_found_and_unescaped() {
        let object = parse(r#"{"x":"\n","b":["1","\u0032"],"a":"https:\/\/é"}"#).unwrap();
        let Item::Text(a) = object.item(0) else {
            panic!("{object:?}")
        };
        assert_eq!(object.text(*a), "https://é");
        let Item::Texts(from, to) = object.item(1) else {
            panic!("{object:?}")
        };
        assert_eq!(
            object
                .texts(*from, *to)
                .iter()
                .map(|b| object.text(*b))
                .collect::<Vec<_>>(),
            ["1", "2"]
        );
        assert_eq!(
            object.json(),
            r#"{"x":"\n","b":["1","\u0032"],"a":"https:\/\/é"}"#
        );
    }

    #[test]
    fn types_are_told_apart() {
        for (json, expected) in [
            ("{}", "Absent"),
            (r#"{"a":null}"#, "Other"),
            (r#"{"a":{}}"#, "Other"),
            (r#"{"a":["1",2]}"#, "Other"),
            (r#"{"a":[["1"]]}"#, "Other"),
            (r#"{"a":[]}"#, "Texts(0, 0)"),
            (r#"{"a":true}"#, "Boolean(true)"),
            (r#"{"a":-1}"#, "Number(-1.0)"),
            (r#"{"a":1.5e3}"#, "Number(1500.0)"),
        ] {
            assert_eq!(
                format!("{:?}", parse(json).unwrap().item(0)),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn objects_parse_like_serde_json() {
        let text = r#"{"a":[1,-2,3.5,true,null,{"b":"\/é"}],"c":{}}"#;
        assert_eq!(
            Value::Object(parse_object(text.as_bytes()).unwrap()),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn duplicates_are_refused_at_every_depth_and_however_they_are_spelt() {
        let many: Vec<String> = (0..100).map(|n| format!("\"m{n}\":0")).collect();
        let many = format!("{{{},\"m7\":0}}", many.join(","));
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":1,"x":1}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
            r#"{"x":[[{"b":1,"b":2}]]}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"\u0078":1,"x":1}"#,
            &many,
        ] {
            assert_eq!(
                parse(text).unwrap_err(),
                JsonProblem::DuplicateMember,
                "{text}"
            );
        }
        parse(&many.replace(",\"m7\":0}", "}")).unwrap();
    }

    #[test]
    fn anything_else_is_not_an_object() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        for text in [
            "",
            "[]",
            "1",
            "null",
            "{}x",
            "{} {}",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            "\u{feff}{}",
            "{'a':1}",
            "{\"a\":1,}",
            "{1:1}",
            &deep,
        ] {
            assert_eq!(parse(text).unwrap_err(), JsonProblem::NotAnObject, "{text}");
        }
        assert_eq!(
            parse_object(b"{\"a\":\"\xff\"}"),
            Err(JsonProblem::NotAnObject)
        );
    }
}
