//! Layers of settings: a preset, a file, `--set`, flags; later ones win.
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Tables whose other keys depend on this one: a new value starts a new table.
const TAG: &str = "kind";

/// Lays `above` over `base`, table by table.
pub(crate) fn lay(base: &mut Table, above: Table) {
    for (key, value) in above {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(table)) => {
                if table.get(TAG).is_some_and(|tag| below.get(TAG) != Some(tag)) {
                    below.clear();
                }
                lay(below, table);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The table of one setting, `a.b.c` = value.
pub(crate) fn single(path: &str, value: Value) -> Table {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let value = match rest {
        Some(rest) => Value::Table(single(rest, value)),
        None => value,
    };
    Table::from_iter([(first.to_owned(), value)])
}

/// Reads `a.b=value`: a TOML value, or else a string without quotation marks. None without `=` or with an empty key.
pub(crate) fn parse_assignment(text: &str) -> Option<Table> {
    let (path, value) = text.split_once('=')?;
    let (path, value) = (path.trim(), value.trim());
    if path.split('.').any(str::is_empty) {
        return None;
    }
    let parsed =
        toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut t| t.remove("value"));
    Some(single(path, parsed.unwrap_or_else(|| Value::String(value.to_owned()))))
}

/// All values by their dotted keys.
pub(crate) fn flatten(table: &Table) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                flat.extend(flatten(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            _ => {
                flat.insert(key.clone(), value.clone());
            }
        }
    }
    flat
}

/// A setting of a table.
pub(crate) fn get<'a>(table: &'a Table, section: &str, key: &str) -> Option<&'a Value> {
    table.get(section)?.get(key)
}
