//! The bytes of an event file: records of TensorFlow (`tensorflow/core/lib/io/record_writer.h`) that hold
//! protocol buffers (`event.proto`, `summary.proto`, `histogram.proto`).

use std::io::{self, Write};

use super::times::{Moment, Times};

/// An event file that is being written.
pub(super) struct Events<'a> {
    pub(super) out: &'a mut dyn Write,
    /// When what is told happened, in seconds since 1970-01-01 UTC.
    pub(super) times: Times,
}

/// What is told under a tag.
pub(super) enum Value {
    Scalar(f32),
    Histogram(Bins),
    /// A PNG.
    Image {
        width: u64,
        height: u64,
        png: Vec<u8>,
    },
}

/// A histogram: each bin up to its limit.
#[derive(Debug, Default)]
pub(super) struct Bins {
    min: f64,
    max: f64,
    count: f64,
    sum: f64,
    sum_of_squares: f64,
    limits: Vec<f64>,
    counts: Vec<f64>,
}

impl Bins {
    /// A bin whose values are taken as `middle`.
    pub(super) fn push(&mut self, limit: f64, count: f64, middle: f64) {
        self.limits.push(limit);
        self.counts.push(count);
        self.count += count;
        self.sum += count * middle;
        self.sum_of_squares += count * middle * middle;
    }

    pub(super) fn bounds(&mut self, min: f64, max: f64) {
        (self.min, self.max) = (min, max);
    }

    fn message(&self) -> Message {
        let mut message = Message::default();
        let numbers = [self.min, self.max, self.count, self.sum, self.sum_of_squares];
        for (field, number) in (1..).zip(numbers) {
            message.double(field, number);
        }
        message.doubles(6, &self.limits);
        message.doubles(7, &self.counts);
        message
    }
}

impl Events<'_> {
    /// Stands first in a file.
    pub(super) fn version(&mut self) -> io::Result<()> {
        let mut event = Message::default();
        event.double(1, self.times.started());
        event.bytes(3, b"brain.Event:2");
        self.record(&event.0)
    }

    pub(super) fn event(&mut self, moment: Moment, tag: &str, value: &Value) -> io::Result<()> {
        let mut told = Message::default();
        told.bytes(1, tag.as_bytes());
        match value {
            Value::Scalar(value) => told.float(2, *value),
            Value::Image { width, height, png } => told.bytes(4, &image(*width, *height, png).0),
            Value::Histogram(bins) => told.bytes(5, &bins.message().0),
        }
        let mut summary = Message::default();
        summary.bytes(1, &told.0);
        let mut event = Message::default();
        event.double(1, self.times.wall_secs(moment));
        event.integer(2, moment.step());
        event.bytes(5, &summary.0);
        self.record(&event.0)
    }

    /// Length, its checksum, the data, their checksum.
    fn record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        self.out.write_all(&length)?;
        self.out.write_all(&masked_checksum(&length).to_le_bytes())?;
        self.out.write_all(data)?;
        self.out.write_all(&masked_checksum(data).to_le_bytes())
    }
}

/// Colour space 4 is RGBA.
fn image(width: u64, height: u64, png: &[u8]) -> Message {
    let mut image = Message::default();
    image.integer(1, height);
    image.integer(2, width);
    image.integer(3, 4);
    image.bytes(4, png);
    image
}

/// A protocol buffer.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// The number of a field and how its value is written.
    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn integer(&mut self, field: u64, number: u64) {
        self.key(field, 0);
        self.varint(number);
    }

    fn double(&mut self, field: u64, number: f64) {
        self.key(field, 1);
        self.0.extend(number.to_le_bytes());
    }

    fn float(&mut self, field: u64, number: f32) {
        self.key(field, 5);
        self.0.extend(number.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn doubles(&mut self, field: u64, numbers: &[f64]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.bytes(field, &bytes);
    }
}

/// CRC-32C, rotated and shifted so that the checksum of a checksum is none
/// (`tensorflow/core/lib/hash/crc32c.h`).
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's polynomial, reflected (RFC 3720, appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: &u8| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    !bytes.iter().fold(!0, step)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (0x82f6_3b78 * (value & 1));
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn numbers_are_written_seven_bits_at_a_time() {
        // The example of the encoding guide of protocol buffers.
        let mut message = Message::default();
        message.integer(1, 150);
        assert_eq!(message.0, [0x08, 0x96, 0x01]);
    }
}
