//! A short number that tells bytes apart: FNV-1a with 128 bits.

/// What a few or many bytes come to, in 32 hexadecimal digits: the same for the same bytes on every machine.
///
/// FNV-1a (Fowler, Noll, Vo; RFC 9923) with 128 bits: enough against mistakes, not against somebody who wants two plans
/// to look alike.
///
/// ```
/// let mut fingerprint = burnscape_trace::Fingerprint::default();
/// fingerprint.add(b"foo");
/// fingerprint.add(b"bar");
/// assert_eq!(fingerprint.to_string(), "343e1662793c64bf6f0d3597ba446f18");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u128);

const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl Default for Fingerprint {
    fn default() -> Self {
        Self(OFFSET_BASIS)
    }
}

impl Fingerprint {
    /// Takes in further bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0 =
            bytes.iter().fold(self.0, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    }

    /// That of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut fingerprint = Self::default();
        fingerprint.add(bytes);
        fingerprint
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_function() {
        // Test vectors of the reference code, http://www.isthe.com/chongo/src/fnv/test_fnv.c.
        for (bytes, expected) in [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            assert_eq!(Fingerprint::of(bytes.as_bytes()).to_string(), expected, "{bytes:?}");
        }
    }
}
