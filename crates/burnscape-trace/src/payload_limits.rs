//! How many items a payload holds, counted before any of them is given room.

/// CBOR items in a payload: fields, numbers, texts, lists; a typed array counts as two, however long.
///
/// An item of one byte can take two hundred in memory, so a payload at the limit of its length would take
/// all there is. A head of 80 000 blocks has two million.
pub const MAX_ITEMS: usize = 2_000_000;

const FIRST_OF_BYTES: u8 = 2;
const TEXT: u8 = 3;
const INDEFINITE: u8 = 31;

/// Whether the payload holds more than [`MAX_ITEMS`]. What is no CBOR is counted as far as it is.
pub(crate) fn has_too_many_items(payload: &[u8]) -> bool {
    // Every item takes a byte at least.
    payload.len() > MAX_ITEMS && Items(payload).nth(MAX_ITEMS).is_some()
}

/// The items of a payload one after the other, those in lists and maps as well.
struct Items<'a>(&'a [u8]);

impl Iterator for Items<'_> {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        let (major, short) = (first >> 5, first & 31);
        let width = match short {
            24..=27 => 1 << (short - 24),
            _ => 0,
        };
        let (argument, rest) = rest.split_at_checked(width)?;
        let is_string = matches!(major, FIRST_OF_BYTES | TEXT) && short != INDEFINITE;
        let content = if is_string { value(short, argument) } else { 0 };
        self.0 = rest.get(usize::try_from(content).ok()?..)?;
        Some(())
    }
}

fn value(short: u8, argument: &[u8]) -> u64 {
    let wide = argument.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
    if argument.is_empty() { u64::from(short) } else { wide }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_over_their_contents() {
        // [1, "ab", {"x": h'0102'}, 1000, tag 85 (h'00000000'), [null]]
        let payload =
            b"\x86\x01\x62ab\xA1\x61x\x42\x01\x02\x19\x03\xE8\xD8\x55\x44\0\0\0\0\x81\xF6";
        assert_eq!(Items(payload).count(), 11);
    }

    #[test]
    fn a_payload_of_many_small_items_is_refused_and_one_long_item_is_not() {
        let many = vec![0xA0; MAX_ITEMS + 1];
        assert!(has_too_many_items(&many));
        assert!(!has_too_many_items(&many[1..]));
        let mut long = b"\x5A\x00\x40\x00\x00".to_vec();
        long.resize(5 + (0x40_0000), 0xA0);
        assert!(!has_too_many_items(&long));
    }
}
