//! Safetensors: the length of a JSON table, the table, then all tensors' bytes. Written in one pass, which the crate
//! can't do, as it wants all tensors in memory.
use super::file::{Outline, Writer};
use super::npy::write_floats;
use crate::files::PartFile;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::Path;

struct Safetensors {
    file: PartFile,
    outline: Outline,
}

pub(super) fn create(path: &Path, outline: &Outline) -> io::Result<Box<dyn Writer>> {
    let mut file = PartFile::create(path)?;
    let [rows, levels, dim] = outline.shape();
    let ends: Vec<i64> = (0..rows)
        .scan(0, |end, row| {
            *end += outline.set.id(row).len() as i64;
            Some(*end)
        })
        .collect();
    // Wide types first, so that all are aligned.
    let tensors = [
        ("t", "F64", 8, vec![levels]),
        ("labels", "I64", 8, vec![rows]),
        ("id_ends", "I64", 8, vec![rows]),
        ("codes", "F32", 4, vec![rows, levels, dim]),
        ("id_bytes", "U8", 1, vec![ends.last().map_or(0, |&end| end as usize)]),
    ];
    let (mut table, mut offset) = (Map::new(), 0);
    let classes = serde_json::to_string(outline.classes())?;
    table.insert("__metadata__".to_owned(), json!({ "classes": classes }));
    for (name, kind, size, shape) in tensors {
        let end = offset + size * shape.iter().product::<usize>();
        table
            .insert(name.to_owned(), json!({ "dtype": kind, "shape": shape, "data_offsets": [offset, end] }));
        offset = end;
    }
    let mut text = Value::Object(table).to_string();
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    file.write_all(&(text.len() as u64).to_le_bytes())?;
    file.write_all(text.as_bytes())?;
    outline.t.iter().try_for_each(|t| file.write_all(&t.to_le_bytes()))?;
    outline.label_ids().try_for_each(|label| file.write_all(&label.to_le_bytes()))?;
    ends.iter().try_for_each(|end| file.write_all(&end.to_le_bytes()))?;
    Ok(Box::new(Safetensors { file, outline: outline.clone() }))
}

impl Writer for Safetensors {
    fn write(&mut self, _start: usize, codes: &[f32]) -> io::Result<()> {
        write_floats(&mut self.file, codes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        for row in 0..self.outline.set.len() {
            self.file.write_all(self.outline.set.id(row).as_bytes())?;
        }
        self.file.finish()
    }
}
