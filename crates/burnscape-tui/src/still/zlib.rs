//! Bytes made small: a zlib stream (RFC 1950) with the fixed codes of DEFLATE (RFC 1951) and repetitions from a few
//! given distances, as an image has them.

/// CMF and FLG of RFC 1950: DEFLATE, a window of 32 kB, no dictionary, the fastest level.
const HEADER: [u8; 2] = [0x78, 0x01];
/// Repetitions are this long at most, and at least as long as is worth their code.
const LONGEST: usize = 258;
const SHORTEST: usize = 4;
const FARTHEST: usize = 32_768;
const END_OF_BLOCK: u32 = 256;
/// Modulus of Adler-32.
const ADLER: u32 = 65_521;

/// A zlib stream of bytes that repeat what stands so many bytes before.
pub(super) fn compressed(bytes: &[u8], distances: &[usize]) -> Vec<u8> {
    let mut out = Bits { bytes: HEADER.to_vec(), ..Bits::default() };
    // The last block, with fixed codes.
    out.put(1, 1);
    out.put(1, 2);
    let mut at = 0;
    while at < bytes.len() {
        match longest(bytes, at, distances) {
            Some((length, distance)) => {
                out.put_length(length as u32);
                out.put_distance(distance as u32);
                at += length;
            }
            None => {
                out.put_symbol(u32::from(bytes[at]));
                at += 1;
            }
        }
    }
    out.put_symbol(END_OF_BLOCK);
    out.align();
    out.bytes.extend(adler_32(bytes).to_be_bytes());
    out.bytes
}

/// The longest repetition at a place, and its distance.
fn longest(bytes: &[u8], at: usize, distances: &[usize]) -> Option<(usize, usize)> {
    let rest = &bytes[at..bytes.len().min(at + LONGEST)];
    let possible = distances.iter().filter(|&&it| it > 0 && it <= at.min(FARTHEST));
    let lengths = possible.map(|&distance| {
        let before = &bytes[at - distance..];
        (rest.iter().zip(before).take_while(|(a, b)| a == b).count(), distance)
    });
    lengths.max_by_key(|(length, _)| *length).filter(|(length, _)| *length >= SHORTEST)
}

fn adler_32(bytes: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % ADLER;
        (a, (b + a) % ADLER)
    };
    let (a, b) = bytes.iter().fold((1, 0), step);
    b << 16 | a
}

/// Bits, of which the first is the lowest of its byte.
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        self.waiting |= u64::from(value) << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.bytes.push(self.waiting as u8);
            self.waiting >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes begin with their highest bit.
    fn put_code(&mut self, code: u32, bits: u32) {
        self.put(code.reverse_bits() >> (32 - bits), bits);
    }

    /// RFC 1951, 3.2.6.
    fn put_symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.put_code(0x30 + symbol, 8),
            144..256 => self.put_code(0x190 + symbol - 144, 9),
            256..280 => self.put_code(symbol - 256, 7),
            _ => self.put_code(0xc0 + symbol - 280, 8),
        }
    }

    /// RFC 1951, 3.2.5: from eight symbols on, four to each number of extra bits.
    fn put_length(&mut self, length: u32) {
        let beyond = length - 3;
        match beyond {
            255 => self.put_symbol(285),
            0..8 => self.put_symbol(257 + beyond),
            _ => {
                let extra = beyond.ilog2() - 2;
                self.put_symbol(261 + 4 * extra + (beyond >> extra & 3));
                self.put(beyond & ((1 << extra) - 1), extra);
            }
        }
    }

    /// The same of distances, two to each number of extra bits.
    fn put_distance(&mut self, distance: u32) {
        let beyond = distance - 1;
        if beyond < 4 {
            return self.put_code(beyond, 5);
        }
        let extra = beyond.ilog2() - 1;
        self.put_code(2 * (extra + 1) + (beyond >> extra & 1), 5);
        self.put(beyond & ((1 << extra) - 1), extra);
    }

    fn align(&mut self) {
        let left = self.count % 8;
        if left > 0 {
            self.put(0, 8 - left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard_example() {
        assert_eq!(adler_32(b"Wikipedia"), 0x11E6_0398);
    }

    /// As Python's `zlib.compress(b"abc", 1)` writes it: no repetition, fixed codes.
    #[test]
    fn letters_alone_are_their_fixed_codes() {
        let expected = [0x78, 0x01, 0x4b, 0x4c, 0x4a, 0x06, 0x00, 0x02, 0x4d, 0x01, 0x27];
        assert_eq!(compressed(b"abc", &[]), expected);
    }

    /// Read by another implementation: Python's.
    #[test]
    fn what_is_compressed_is_read_again_by_others() {
        let Some(python) = burnscape_workbench::python("zlib") else { return };
        let script = "import sys, zlib\nfor line in sys.stdin:\n  packed, plain = line.split()\n  \
                      assert zlib.decompress(bytes.fromhex(packed)) == bytes.fromhex(plain), line";
        let hex = |bytes: &[u8]| bytes.iter().map(|it| format!("{it:02x}")).collect::<String>();
        let mut lines = String::new();
        for case in 0..200_u32 {
            // Stretches of equal bytes of every length, rows that repeat, and noise between them.
            let noise = |i: u32| (case + 1).wrapping_mul(i.wrapping_mul(2_654_435_761)) >> 24;
            let length = 20 + 17 * case;
            let bytes: Vec<u8> =
                (0..length).map(|i| (noise(i / (1 + case % 300)) & 0xe3) as u8).collect();
            let packed = compressed(&bytes, &[1, 3, 40, 41, 700]);
            lines += &format!("{} {}\n", hex(&packed), hex(&bytes));
        }
        let mut child = std::process::Command::new(python)
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}
