//! The generator of all random numbers: one stream for each path, whatever else is drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The key is spelled out instead of `seed_from_u64`, whose expansion belongs to another crate.
pub(crate) fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}

/// The 64-bit FNV-1a hash: begin with 0xcbf29ce484222325; for every byte, xor it in, then multiply by
/// 0x100000001b3 modulo 2⁶⁴ (Fowler, Noll, Vo). Stable for ever, unlike the standard library's hashers.
#[must_use]
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
