//! Waiting for another process or thread: however long it takes, up to a time after which it has failed.

use std::time::{Duration, Instant};

/// Nothing here takes this long on any machine: what does has failed.
const LONGEST: Duration = Duration::from_secs(120);
/// A condition is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits until a condition holds.
///
/// # Panics
///
/// With this sentence, if it does not come to hold.
pub fn wait_until(holds: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    wait_up_to(LONGEST, holds, otherwise);
}

/// The same for what waits for somebody who waits himself, several times.
///
/// # Panics
///
/// With this sentence, if the condition does not come to hold.
pub fn wait_patiently_until(holds: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    wait_up_to(10 * LONGEST, holds, otherwise);
}

fn wait_up_to(longest: Duration, mut holds: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < longest, "{}", otherwise());
        std::thread::sleep(LOOK_EVERY);
    }
}
