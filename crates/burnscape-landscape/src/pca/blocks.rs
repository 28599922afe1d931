//! One read of all snapshots: in blocks, by the calling thread, while others compute; results come in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::found::PcaError;
use super::options::PcaOptions;
use super::snapshots::Snapshots;
use crate::error::Error;

/// Parameters of a block, whatever `block_bytes` is, so that it does not change the order of a sum: 16 KiB of
/// each file, long enough for a disk with read-ahead.
pub(super) const BLOCK_DIMS: usize = 4096;

/// Parameters of a tile: 200 snapshots of them take 400 KiB in `f32`, which stay in the L2 cache.
pub(super) const TILE_DIMS: usize = 512;

/// Some neighbouring parameters of all snapshots.
#[derive(Default)]
pub(super) struct Block {
    /// Index of the first parameter.
    start: usize,
    /// One row per snapshot.
    rows: Vec<Vec<f32>>,
}

impl Block {
    fn read<S: Snapshots>(
        &mut self,
        snapshots: &mut S,
        range: &Range<usize>,
    ) -> Result<(), PcaError<S::Error>> {
        self.start = range.start;
        self.rows.resize_with(snapshots.count(), Vec::new);
        for (snapshot, row) in self.rows.iter_mut().enumerate() {
            row.resize(range.len(), 0.0);
            let read = snapshots.read(snapshot, range.start, row);
            read.map_err(|source| PcaError::Read { snapshot, source })?;
            check_finite(snapshot, range.start, row)?;
        }
        Ok(())
    }

    /// The parameters.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.dims()
    }

    pub(super) fn dims(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    pub(super) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        ranges(self.dims(), TILE_DIMS).map(|within| Tile {
            rows: self.rows.iter().map(|row| &row[within.clone()]).collect(),
            within,
        })
    }
}

/// Part of a block.
///
/// Everything is computed from differences to one snapshot, the origin: they are exactly 0 where nothing
/// changes, and small where little does, so that nothing cancels. The one in the middle is nearer to the
/// others than the first.
pub(super) struct Tile<'a> {
    /// Where it lies in the block.
    pub(super) within: Range<usize>,
    /// One row per snapshot.
    pub(super) rows: Vec<&'a [f32]>,
}

impl<'a> Tile<'a> {
    pub(super) fn dims(&self) -> usize {
        self.within.len()
    }

    pub(super) fn origin(&self) -> &'a [f32] {
        self.rows[origin(self.rows.len())]
    }
}

/// Index of the snapshot that differences are taken to.
pub(super) fn origin(count: usize) -> usize {
    count / 2
}

/// Difference of two parameters: of 29 or fewer bits as a rule, and so exact.
pub(super) fn difference(value: f32, origin: f32) -> f64 {
    f64::from(value) - f64::from(origin)
}

/// `0..len` in pieces of `size`, the last one shorter.
pub(super) fn ranges(len: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(size).map(move |start| start..(start + size).min(len))
}

pub(super) fn check_finite(snapshot: usize, start: usize, values: &[f32]) -> Result<(), Error> {
    // Without leaving early, so that it runs several values at a time.
    if values.iter().fold(true, |finite, value| finite & value.is_finite()) {
        return Ok(());
    }
    let found = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
    Err(Error::NonFiniteSnapshot { snapshot, index: start + found, value: values[found] })
}

/// Reads all parameters once; every block is finite. Results are merged in ascending order of their blocks,
/// so that nothing depends on the number of threads.
pub(super) fn for_each_block<S: Snapshots, R: Send>(
    snapshots: &mut S,
    options: &PcaOptions,
    compute: impl Fn(&Block) -> R + Sync,
    mut merge: impl FnMut(Range<usize>, R),
) -> Result<(), PcaError<S::Error>> {
    let staff = Staff::new(snapshots, options);
    if staff.workers > 1 {
        return share_out(snapshots, &staff, compute, merge);
    }
    let mut block = Block::default();
    for range in ranges(snapshots.dims(), BLOCK_DIMS) {
        block.read(snapshots, &range)?;
        merge(range, compute(&block));
    }
    Ok(())
}

/// Who computes, on how many blocks.
struct Staff {
    workers: usize,
    blocks: usize,
}

impl Staff {
    /// As many workers as there are threads and as there is work and memory for, each with a block to go on
    /// with; one more block is being read.
    fn new<S: Snapshots>(snapshots: &S, options: &PcaOptions) -> Self {
        let block_bytes = size_of::<f32>() * BLOCK_DIMS * snapshots.count();
        let affordable = (options.block_bytes / block_bytes).max(1);
        let available = || thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or_else(available);
        let workers = threads.min(affordable).min(snapshots.dims().div_ceil(BLOCK_DIMS));
        Self { workers, blocks: affordable.min(2 * workers + 1) }
    }
}

/// What comes back from a worker.
type Done<R> = (Block, thread::Result<R>);

fn share_out<S: Snapshots, R: Send>(
    snapshots: &mut S,
    staff: &Staff,
    compute: impl Fn(&Block) -> R + Sync,
    merge: impl FnMut(Range<usize>, R),
) -> Result<(), PcaError<S::Error>> {
    let (deal, dealt) = channel();
    let (hand_in, done) = channel();
    let dealt = Mutex::new(dealt);
    let (dealt, compute) = (&dealt, &compute);
    thread::scope(move |scope| {
        for _ in 0..staff.workers {
            let hand_in = hand_in.clone();
            scope.spawn(move || work(dealt, compute, &hand_in));
        }
        let in_order = InOrder { done, waiting: BTreeMap::new(), next: 0, merge };
        deal_out(snapshots, staff.blocks, deal, in_order)
    })
}

/// Until no more blocks are dealt. A panic is handed in like a result: nobody waits for what never comes.
fn work<R>(
    dealt: &Mutex<Receiver<Block>>,
    compute: impl Fn(&Block) -> R,
    hand_in: &Sender<Done<R>>,
) {
    let next = || dealt.lock().ok()?.recv().ok();
    while let Some(block) = next() {
        let result = catch_unwind(AssertUnwindSafe(|| compute(&block)));
        if hand_in.send((block, result)).is_err() {
            return;
        }
    }
}

/// Reads into a new block as long as there may be one more, then into those that are done with.
fn deal_out<S: Snapshots, R, F: FnMut(Range<usize>, R)>(
    snapshots: &mut S,
    blocks: usize,
    deal: Sender<Block>,
    mut in_order: InOrder<R, F>,
) -> Result<(), PcaError<S::Error>> {
    let dims = snapshots.dims();
    for (dealt, range) in ranges(dims, BLOCK_DIMS).enumerate() {
        let mut block = if dealt < blocks { Block::default() } else { in_order.merge_next() };
        block.read(snapshots, &range)?;
        deal.send(block).expect("workers stay while blocks may come");
    }
    drop(deal);
    while in_order.next < dims {
        in_order.merge_next();
    }
    Ok(())
}

/// Puts results that come in any order back into that of their blocks.
struct InOrder<R, F> {
    done: Receiver<Done<R>>,
    waiting: BTreeMap<usize, (Block, R)>,
    /// Start of the block to be merged next.
    next: usize,
    merge: F,
}

impl<R, F: FnMut(Range<usize>, R)> InOrder<R, F> {
    /// Gives the block back when it is merged.
    fn merge_next(&mut self) -> Block {
        loop {
            if let Some((block, result)) = self.waiting.remove(&self.next) {
                self.next = block.range().end;
                (self.merge)(block.range(), result);
                return block;
            }
            let (block, result) = self.done.recv().expect("workers hand in all blocks");
            let result = result.unwrap_or_else(|panic| resume_unwind(panic));
            self.waiting.insert(block.start, (block, result));
        }
    }
}
