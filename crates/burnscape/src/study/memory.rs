//! How many workers find room in memory, each with a model and activations of its own.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Share of the free memory that workers may take.
const SHARE: u64 = 2;

/// How often the memory of the process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// So many of the wanted workers as take half of the free bytes at most, and one at least.
pub(super) fn that_fit(wanted: usize, bytes_each: u64, free_bytes: u64) -> usize {
    let fit = (free_bytes / SHARE).checked_div(bytes_each).unwrap_or(u64::MAX);
    usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, wanted.max(1))
}

/// Bytes that this process may still take: what the system says is available, or what the limit of its cgroup leaves,
/// whichever is less; `None` where neither is told.
pub(super) fn free_bytes() -> Option<u64> {
    let available = available_in(&fs::read_to_string("/proc/meminfo").unwrap_or_default());
    let cgroup = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    available
        .into_iter()
        .chain(left_in_cgroups(&cgroup, |path| fs::read_to_string(path).ok()))
        .min()
}

/// `MemAvailable` of /proc/meminfo.
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// What the limits of the cgroups of a process leave: of its own and of those above it, in version 2 or 1.
fn left_in_cgroups(cgroup: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |path: String| read(&path)?.trim().parse::<u64>().ok();
    let mut left = None;
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(own)) = (fields.next(), fields.next()) else { continue };
        let (root, limit, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            it if it.split(',').any(|it| it == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        for group in ancestors(own) {
            let limit = number(format!("{root}{group}/{limit}"));
            let used = number(format!("{root}{group}/{used}"));
            if let (Some(limit), Some(used)) = (limit, used) {
                let here = limit.saturating_sub(used);
                left = Some(left.map_or(here, |least: u64| least.min(here)));
            }
        }
    }
    left
}

/// `/a/b`, `/a` and the root, which is empty.
fn ancestors(group: &str) -> impl Iterator<Item = &str> {
    let group = group.trim_end_matches('/');
    std::iter::successors(Some(group), |it| it.rfind('/').map(|at| &it[..at]))
}

/// Runs something, and by how many bytes this process grew at most meanwhile; 0 where the system does not tell.
pub(super) fn with_growth<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let before = resident_bytes();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = before;
            while !is_over.load(Ordering::Acquire) {
                most = most.max(resident_bytes());
                thread::park_timeout(LOOK_EVERY);
            }
            most
        });
        let result = run();
        let at_end = resident_bytes();
        is_over.store(true, Ordering::Release);
        watcher.thread().unpark();
        let most = watcher.join().unwrap_or(at_end).max(at_end);
        (result, most.saturating_sub(before))
    })
}

/// Memory that this process has, of /proc/self/statm; pages are of 4 KiB at least.
fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = statm.split(' ').nth(1).and_then(|it| it.parse().ok());
    pages.map_or(0, |pages| 4096 * pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_take_half_of_what_is_free_and_one_always_works() {
        let gib = 1 << 30;
        assert_eq!(that_fit(8, gib, 64 * gib), 8);
        assert_eq!(that_fit(8, gib, 10 * gib), 5);
        assert_eq!(that_fit(8, gib, gib), 1);
        assert_eq!(that_fit(8, 0, 0), 8, "what takes nothing always fits");
        assert_eq!(that_fit(0, gib, gib), 1);
    }

    #[test]
    fn what_is_available_is_read_in_kibibytes() {
        let meminfo = "MemTotal:       16384000 kB\nMemAvailable:    8192000 kB\nCached: 1 kB\n";
        assert_eq!(available_in(meminfo), Some(8_192_000 * 1024));
        assert_eq!(available_in("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn the_tightest_limit_of_all_cgroups_above_counts() {
        let files = [
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/b/memory.current", "100\n"),
            ("/sys/fs/cgroup/a/memory.max", "5000\n"),
            ("/sys/fs/cgroup/a/memory.current", "1200\n"),
            ("/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "9000"),
            ("/sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes", "1000"),
        ];
        let read = |path: &str| {
            files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_string())
        };
        assert_eq!(left_in_cgroups("0::/a/b\n", read), Some(3800));
        assert_eq!(left_in_cgroups("9:cpu:/docker/x\n4:memory:/docker/x\n", read), Some(8000));
        assert_eq!(left_in_cgroups("0::/\n", read), None);
        assert_eq!(left_in_cgroups("", read), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_taken_and_given_back_is_seen() {
        let bytes = 256 << 20;
        let (sum, growth) = with_growth(|| {
            let taken = std::hint::black_box(vec![1_u8; bytes]);
            resident_bytes() + u64::from(taken[bytes / 2])
        });
        assert!(sum > bytes as u64);
        assert!(growth > 0, "{growth}");
        assert!(free_bytes().is_some());
    }
}
