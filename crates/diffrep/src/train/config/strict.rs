//! Reading settings without mercy: a key that nobody knows is an error which names it and the nearest known one.
use serde::de::value::{MapAccessDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use std::fmt::{self, Display};

/// What is wrong with a setting, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Keys from the top of the file down to the faulty setting.
    path: Vec<String>,
    problem: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.path.is_empty() {
            return write!(f, "{}", self.problem);
        }
        write!(f, "`{}`: {}", self.path.join("."), self.problem)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    fn below(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(problem: T) -> Self {
        Self { path: Vec::new(), problem: problem.to_string() }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self { path: vec![field.to_owned()], problem: format!("no such setting; {}", hint(field, expected)) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format!("unknown value `{variant}`; {}", hint(variant, expected)))
    }
}

/// The nearest of `known` if it may be a slip of the pen, otherwise all of them.
pub(crate) fn hint<S: AsRef<str>>(given: &str, known: &[S]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(given, name.as_ref()), name.as_ref()))
        .min_by_key(|&(distance, _)| distance);
    match nearest {
        Some((distance, name)) if distance <= 1 + given.chars().count() / 3 => {
            format!("did you mean `{name}`?")
        }
        Some(_) => {
            let names: Vec<String> = known.iter().map(|name| format!("`{}`", name.as_ref())).collect();
            format!("expected one of {}", names.join(", "))
        }
        None => "expected nothing here".to_owned(),
    }
}

/// Reads `table` into `T`; faults carry the path of the setting.
pub(crate) fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T, Fault> {
    T::deserialize(Node(toml::Value::Table(table)))
}

/// One value of the document.
struct Node(toml::Value);

impl<'de> IntoDeserializer<'de, Fault> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            toml::Value::String(text) => visitor.visit_string(text),
            toml::Value::Integer(number) => visitor.visit_i64(number),
            toml::Value::Float(number) => visitor.visit_f64(number),
            toml::Value::Boolean(flag) => visitor.visit_bool(flag),
            toml::Value::Datetime(moment) => visitor.visit_string(moment.to_string()),
            toml::Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Node))),
            toml::Value::Table(table) => visitor.visit_map(Entries::new(table)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            toml::Value::String(variant) => visitor.visit_enum(StringDeserializer::new(variant)),
            toml::Value::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(Entries::new(table))),
            other => Err(de::Error::custom(format!("expected a name, found {}", other.type_str()))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The entries of a table; a fault within an entry gets its key.
struct Entries {
    entries: toml::map::IntoIter<String, toml::Value>,
    current: Option<(String, toml::Value)>,
}

impl Entries {
    fn new(table: toml::Table) -> Self {
        Self { entries: table.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let read = seed.deserialize(StringDeserializer::<Fault>::new(key.clone()))?;
        self.current = Some((key, value));
        Ok(Some(read))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.current.take().expect("serde asks for a value after its key");
        seed.deserialize(Node(value)).map_err(|fault| fault.below(&key))
    }
}
