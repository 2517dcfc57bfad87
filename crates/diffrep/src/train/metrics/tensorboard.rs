//! TensorBoard event files: `TFRecord` frames around the few protobuf fields that scalars need.
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

// TensorBoard looks for "tfevents" in the name; a constant one lets a resumed run replace the file.
const FILE: &str = "events.out.tfevents.0000000000.diffrep";

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
const EVENT_WALL_TIME: u32 = 1;
const EVENT_STEP: u32 = 2;
const EVENT_FILE_VERSION: u32 = 3;
const EVENT_SUMMARY: u32 = 5;
const SUMMARY_VALUE: u32 = 1;
const VALUE_TAG: u32 = 1;
const VALUE_SIMPLE_VALUE: u32 = 2;

// Wire types of protobuf.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// A file of scalars.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Starts the file in `folder`, replacing what was there.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let mut events = Self { file: File::create(&path)?, path };
        let mut header = Message::default();
        header.double(EVENT_WALL_TIME, 0.0);
        header.bytes(EVENT_FILE_VERSION, b"brain.Event:2");
        events.file.write_all(&frame(&header.0))?;
        Ok(events)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one event with all `scalars` of a step.
    pub fn append(&mut self, unix_time: f64, step: u64, scalars: &[(String, f64)]) -> io::Result<()> {
        self.file.write_all(&frame(&event(unix_time, step, scalars)))
    }
}

fn event(unix_time: f64, step: u64, scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, value) in scalars {
        let mut entry = Message::default();
        entry.bytes(VALUE_TAG, tag.as_bytes());
        entry.float(VALUE_SIMPLE_VALUE, *value as f32);
        summary.bytes(SUMMARY_VALUE, &entry.0);
    }
    let mut event = Message::default();
    event.double(EVENT_WALL_TIME, unix_time);
    event.varint(EVENT_STEP, step);
    event.bytes(EVENT_SUMMARY, &summary.0);
    event.0
}

/// A protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u32, wire: u32) {
        self.raw_varint((field << 3 | wire) as u64);
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(&mut self, field: u32, value: u64) {
        self.key(field, VARINT);
        self.raw_varint(value);
    }

    fn double(&mut self, field: u32, value: f64) {
        self.key(field, FIXED64);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u32, value: f32) {
        self.key(field, FIXED32);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, BYTES);
        self.raw_varint(value.len() as u64);
        self.0.extend(value);
    }
}

/// Length, masked checksum of the length, data, masked checksum of the data.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut frame = Vec::with_capacity(data.len() + 16);
    frame.extend(length);
    frame.extend(masked_checksum(&length).to_le_bytes());
    frame.extend(data);
    frame.extend(masked_checksum(data).to_le_bytes());
    frame
}

/// CRC-32C, rotated and offset as `TFRecord` wants it, so that a checksum of checksums stays one.
fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written by hand from the protobuf encoding specification.
    #[test]
    fn an_event_is_encoded_as_protobuf_says() {
        let expected = [
            &[0x09][..],
            &1.5f64.to_le_bytes(),     // wall_time
            &[0x10, 0xac, 0x02],       // step = 300
            &[0x2a, 0x0a, 0x0a, 0x08], // summary, one value of 8 bytes
            &[0x0a, 0x01, b'a', 0x15],
            &2.0f32.to_le_bytes(), // tag, simple_value
        ]
        .concat();
        assert_eq!(event(1.5, 300, &[("a".to_owned(), 2.0)]), expected);
    }

    // The first record of files which TensorFlow's own EventFileWriter writes: 24 bytes (wall_time 0 replaced here by
    // none) are framed with the masked CRC of their length, 0xa37f4b22 (bytes 22 4b 7f a3).
    #[test]
    fn the_mask_is_tensorflows() {
        assert_eq!(masked_checksum(&24u64.to_le_bytes()).to_le_bytes(), [0xa3, 0x7f, 0x4b, 0x22]);
    }
}
