//! Values of JSON as far as they are of the right type: what is not is as if it were absent, and everything around it
//! is read. Nothing is kept of what is passed over, which may be a secret.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Names are 253 bytes at most, label values 63; images' are the longest texts that are read.
const TEXT_MAX: usize = 1024;

/// As many as EndpointSlices have endpoints at most; pods have fewer containers, Services fewer addresses and ports.
const ITEMS_MAX: usize = 1000;

/// A value of the wanted kind, if it was one.
#[derive(Clone, Debug, Default)]
pub(super) struct Loose<T>(pub(super) Option<T>);

impl<'de, T: FromJson<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Kind(PhantomData))
    }
}

/// What kinds of JSON a type is made of.
pub(super) trait FromJson<'de>: Sized {
    fn text(_text: &str) -> Option<Self> {
        None
    }

    fn flag(_flag: bool) -> Option<Self> {
        None
    }

    fn number(_number: u64) -> Option<Self> {
        None
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl FromJson<'_> for String {
    fn text(text: &str) -> Option<Self> {
        (text.len() <= TEXT_MAX).then(|| text.to_owned())
    }
}

impl FromJson<'_> for bool {
    fn flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl FromJson<'_> for u16 {
    fn number(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl<'de, T: FromJson<'de>> FromJson<'de> for Vec<T> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut items = Self::new();
        while let Some(Loose(item)) = list.next_element::<Loose<T>>()? {
            items.extend(item.filter(|_| items.len() < ITEMS_MAX));
        }
        Ok(Some(items))
    }
}

/// Whether there is an object, whatever it has in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Present;

impl<'de> FromJson<'de> for Present {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }
}

/// An object whose fields are derived; each is to be read by one of the two functions below.
pub(super) trait Fields: for<'de> Deserialize<'de> {}

impl<'de, T: Fields> FromJson<'de> for T {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(Some)
    }
}

/// For `deserialize_with`: the type's default where there is nothing of the kind.
pub(super) fn loose<'de, T: FromJson<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Loose::deserialize(deserializer).map(|Loose(value)| value.unwrap_or_default())
}

/// For `deserialize_with`: nothing where there is nothing of the kind.
pub(super) fn maybe<'de, T: FromJson<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Loose::deserialize(deserializer).map(|Loose(value)| value)
}

struct Kind<T>(PhantomData<T>);

impl<'de, T: FromJson<'de>> Visitor<'de> for Kind<T> {
    type Value = Loose<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose<T>, E> {
        Ok(Loose(T::text(text)))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Loose<T>, E> {
        Ok(Loose(T::flag(flag)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Loose<T>, E> {
        Ok(Loose(T::number(number)))
    }

    fn visit_i64<E: Error>(self, _negative: i64) -> Result<Loose<T>, E> {
        Ok(Loose(None))
    }

    fn visit_f64<E: Error>(self, _fraction: f64) -> Result<Loose<T>, E> {
        Ok(Loose(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Loose<T>, E> {
        Ok(Loose(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Loose<T>, A::Error> {
        T::list(list).map(Loose)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Loose<T>, A::Error> {
        T::object(object).map(Loose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(json: &str) -> Vec<String> {
        loose(&mut serde_json::Deserializer::from_str(json)).unwrap()
    }

    #[test]
    fn wrong_types_are_passed_over() {
        let cases: [(&str, &[&str]); 6] = [
            (r#"["a", 1, null, {"b": [1]}, ["c"], "d"]"#, &["a", "d"]),
            (r#""a""#, &[]),
            (r#"{"a": ["b"]}"#, &[]),
            ("null", &[]),
            ("-1.5", &[]),
            ("[]", &[]),
        ];
        for (json, expected) in cases {
            assert_eq!(list(json), expected, "{json}");
        }
    }

    #[test]
    fn lists_and_texts_are_bounded() {
        let many = format!("[{}\"a\"]", "\"a\",".repeat(ITEMS_MAX));
        assert_eq!(list(&many).len(), ITEMS_MAX);
        assert_eq!(list(&format!("[\"{}\"]", "a".repeat(TEXT_MAX + 1))).len(), 0);
    }
}
