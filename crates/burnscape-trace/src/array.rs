//! Arrays of numbers as RFC 8746 typed arrays: one tag and one byte string, bit for bit.

use std::ops::Deref;

use ciborium::tag::{Captured, Required};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

/// Defines an array type that writes the little-endian tag and reads both byte orders.
macro_rules! typed_array {
    ($(#[$doc:meta])* $name:ident, $element:ident, little $little:literal, big $big:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name(pub Vec<$element>);

        impl Deref for $name {
            type Target = [$element];

            fn deref(&self) -> &[$element] {
                &self.0
            }
        }

        impl From<Vec<$element>> for $name {
            fn from(values: Vec<$element>) -> Self {
                Self(values)
            }
        }

        impl FromIterator<$element> for $name {
            fn from_iter<I: IntoIterator<Item = $element>>(values: I) -> Self {
                Self(values.into_iter().collect())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let bytes = to_bytes(&self.0, $element::to_le_bytes);
                Required::<_, $little>(Bytes::new(&bytes)).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let Captured(tag, bytes) = Captured::<ByteBuf>::deserialize(deserializer)?;
                let values = match tag {
                    Some($little) => from_bytes(&bytes, $element::from_le_bytes),
                    Some($big) => from_bytes(&bytes, $element::from_be_bytes),
                    _ => return Err(D::Error::custom(wrong_tag(tag, $little, $big))),
                };
                values
                    .map(Self)
                    .ok_or_else(|| D::Error::custom(wrong_length::<$element>(bytes.len())))
            }
        }
    };
}

typed_array! {
    /// 32-bit floats; NaN (with its payload) and infinities are kept bit for bit.
    F32s, f32, little 85, big 81
}
typed_array! {
    /// 64-bit floats; NaN (with its payload) and infinities are kept bit for bit.
    F64s, f64, little 86, big 82
}
typed_array! {
    /// Unsigned 32-bit integers.
    U32s, u32, little 70, big 66
}

// One pass over fixed-size chunks: the compiler makes a plain copy of it on little-endian machines.
fn to_bytes<T: Copy, const N: usize>(values: &[T], encode: fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0; values.len() * N];
    for (slot, value) in bytes.chunks_exact_mut(N).zip(values) {
        slot.copy_from_slice(&encode(*value));
    }
    bytes
}

/// `None` where the bytes are not whole values.
fn from_bytes<T, const N: usize>(bytes: &[u8], decode: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|chunk| decode(*chunk)).collect())
}

fn wrong_tag(found: Option<u64>, little: u64, big: u64) -> String {
    let found = found.map_or("none".to_owned(), |tag| tag.to_string());
    format!("a typed array has tag {little} or {big} (RFC 8746), found {found}")
}

fn wrong_length<T>(bytes: usize) -> String {
    let width = size_of::<T>();
    format!("{bytes} bytes are no whole number of {width}-byte values")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
        ciborium::from_reader(bytes).map_err(|error| format!("{error:?}"))
    }

    fn encode(value: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn arrays_are_a_tag_and_little_endian_bytes_as_rfc_8746_says() {
        // Tag 85 is D8 55, 8 bytes are 48; 1.0f32 is 3F800000, -2.0f32 is C0000000.
        let floats = encode(&F32s(vec![1.0, -2.0]));
        assert_eq!(floats, *b"\xD8\x55\x48\x00\x00\x80\x3F\x00\x00\x00\xC0");
        let doubles = encode(&F64s(vec![1.0]));
        assert_eq!(doubles, *b"\xD8\x56\x48\x00\x00\x00\x00\x00\x00\xF0\x3F");
        let integers = encode(&U32s(vec![258]));
        assert_eq!(integers, *b"\xD8\x46\x44\x02\x01\x00\x00");
    }

    #[test]
    fn big_endian_arrays_are_read_too() {
        assert_eq!(decode::<F32s>(b"\xD8\x51\x44\x3F\x80\x00\x00"), Ok(F32s(vec![1.0])));
        assert_eq!(
            decode::<F64s>(b"\xD8\x52\x48\x3F\xF0\x00\x00\x00\x00\x00\x00"),
            Ok(F64s(vec![1.0]))
        );
        assert_eq!(decode::<U32s>(b"\xD8\x42\x44\x00\x00\x01\x02"), Ok(U32s(vec![258])));
    }

    #[test]
    fn nan_payloads_and_infinities_survive_bit_for_bit() {
        let bits = [0x7FC0_0001, 0x7F80_0001, 0xFFC1_2345, 0x7F80_0000, 0xFF80_0000];
        let values: F32s = bits.map(f32::from_bits).into_iter().collect();
        let back: F32s = decode(&encode(&values)).unwrap();
        let back: Vec<u32> = back.iter().map(|value| value.to_bits()).collect();
        assert_eq!(back, bits);
    }

    #[test]
    fn a_wrong_tag_or_a_broken_length_says_what_was_expected() {
        let tag = decode::<F32s>(b"\xD8\x56\x44\x00\x00\x00\x00").unwrap_err();
        assert!(tag.contains("tag 85 or 81"), "{tag}");
        assert!(tag.contains("found 86"), "{tag}");
        let length = decode::<F32s>(b"\xD8\x55\x43\x00\x00\x00").unwrap_err();
        assert!(length.contains("3 bytes"), "{length}");
    }
}
