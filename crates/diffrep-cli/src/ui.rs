//! What a person or a program sees: messages, tables, JSON.
use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// How results are shown.
#[derive(Clone, Copy)]
pub struct Ui {
    json: bool,
    quiet: bool,
}

impl Ui {
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// True if progress bars may be drawn.
    pub fn shows_progress(&self) -> bool {
        !self.quiet
    }

    /// A line on standard error, so that standard output holds results only.
    pub fn message(&self, text: impl AsRef<str>) {
        if !self.quiet {
            // A reader who has gone (`2>&1 | head`) is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
        }
    }

    /// The command's result: `value` as JSON with `--json`, otherwise `text`.
    pub fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        match writeln!(std::io::stdout().lock(), "{text}") {
            // The reader has seen enough (`| head`): nobody is left to tell.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            outcome => Ok(outcome?),
        }
    }
}

/// A rule under the header, nothing else: many rows stay on one screen.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table for people; the first column is left-aligned, the others to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    let align = |(column, text): (usize, &str)| {
        let alignment = if column == 0 { CellAlignment::Left } else { CellAlignment::Right };
        Cell::new(text).set_alignment(alignment)
    };
    table.set_header(header.iter().copied().enumerate().map(align));
    for row in rows {
        table.add_row(row.iter().map(String::as_str).enumerate().map(align));
    }
    table.to_string()
}
