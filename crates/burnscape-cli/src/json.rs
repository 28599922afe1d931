//! Values of a trace as JSON, which has no NaN, no infinities and no bytes.

use burnscape_run::json_number as number;
use burnscape_trace::frame::Value as Cbor;
use serde_json::{Map, Value, json};

/// RFC 8746: tags of typed arrays, little and big endian.
const F32S: [u64; 2] = [85, 81];
const F64S: [u64; 2] = [86, 82];
const U32S: [u64; 2] = [70, 66];

/// A 32-bit float in the fewest digits that give it back.
fn single(value: f32) -> Value {
    value.to_string().parse().map_or_else(|_| number(f64::from(value)), number)
}

/// Any value: typed arrays as lists of numbers, other bytes in hexadecimal, other tags as `{"tag", "value"}`.
pub(crate) fn of(value: &Cbor) -> Value {
    match value {
        Cbor::Bool(flag) => json!(flag),
        Cbor::Integer(integer) => self::integer(i128::from(*integer)),
        Cbor::Float(float) => number(*float),
        Cbor::Text(text) => json!(text),
        Cbor::Bytes(bytes) => json!(hexadecimal(bytes)),
        Cbor::Array(items) => items.iter().map(of).collect(),
        Cbor::Map(entries) => Value::Object(entries.iter().map(entry).collect::<Map<_, _>>()),
        Cbor::Tag(tag, inner) => tagged(*tag, inner),
        _ => Value::Null,
    }
}

fn integer(integer: i128) -> Value {
    match (u64::try_from(integer), i64::try_from(integer)) {
        (Ok(integer), _) => json!(integer),
        (_, Ok(integer)) => json!(integer),
        _ => json!(integer.to_string()),
    }
}

fn entry((key, value): &(Cbor, Cbor)) -> (String, Value) {
    let key = key.as_text().map_or_else(|| of(key).to_string(), str::to_owned);
    (key, of(value))
}

fn tagged(tag: u64, inner: &Cbor) -> Value {
    let array = inner.as_bytes().and_then(|bytes| match tag {
        _ if F32S.contains(&tag) => {
            words(bytes, tag == F32S[0], |it| single(f32::from_le_bytes(it)))
        }
        _ if F64S.contains(&tag) => {
            words(bytes, tag == F64S[0], |it| number(f64::from_le_bytes(it)))
        }
        _ if U32S.contains(&tag) => {
            words(bytes, tag == U32S[0], |it| json!(u32::from_le_bytes(it)))
        }
        _ => None,
    });
    array.unwrap_or_else(|| json!({ "tag": tag, "value": of(inner) }))
}

/// `None` where the bytes are not whole words.
fn words<const N: usize>(bytes: &[u8], little: bool, to: fn([u8; N]) -> Value) -> Option<Value> {
    let (words, odd) = bytes.as_chunks::<N>();
    let in_order = |mut word: [u8; N]| {
        if !little {
            word.reverse();
        }
        to(word)
    };
    odd.is_empty().then(|| words.iter().map(|word| in_order(*word)).collect())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_arrays_are_lists_in_either_byte_order_and_odd_ones_are_told() {
        let bytes = |tag, bytes: &[u8]| of(&Cbor::Tag(tag, Box::new(Cbor::Bytes(bytes.to_vec()))));
        // 0.1f32 is 3DCCCCCD, a quiet NaN 7FC00000.
        assert_eq!(bytes(81, b"\x3D\xCC\xCC\xCD\x7F\xC0\0\0"), json!([0.1, "NaN"]));
        assert_eq!(bytes(85, b"\xCD\xCC\xCC\x3D"), json!([0.1]));
        assert_eq!(bytes(70, b"\x02\x01\0\0"), json!([258]));
        assert_eq!(bytes(86, b"\x01"), json!({ "tag": 86, "value": "01" }));
    }

    #[test]
    fn keys_that_are_no_text_and_integers_that_are_too_large_stay_readable() {
        let map = Cbor::Map(vec![(Cbor::Integer(1.into()), Cbor::Integer(u64::MAX.into()))]);
        assert_eq!(of(&map), json!({ "1": u64::MAX }));
    }
}
