//! The run folder of burnscape: an append-only trace that survives being killed at any byte, and
//! that a few lines in any language can still read years later.
//!
//! ```text
//! runs/digits/
//!   trace.cbor                     what happened, record after record; only ever appended to
//!   snapshots/000000.safetensors   all parameters and buffers at one moment
//!   directions/0000.safetensors    centre and directions of a slice, where a seed does not give them
//!   trace.index                    where which kinds of records lie; made when asked for, never needed
//! ```
//!
//! Every chart, trajectory and surface is drawn from `trace.cbor` alone.
//!
//! # Writing, reading, following
//!
//! ```
//! use burnscape_trace::{End, FORMAT, Follower, Head, Item, Record, RunFolder, Step, Writer, read_run, record};
//!
//! # let scratch = tempfile::tempdir()?;
//! # let base = scratch.path().join("runs/digits");
//! // let base = Path::new("runs/digits");
//! let folder = RunFolder::create(RunFolder::next_free(&base))?;
//! let mut writer = Writer::create(&folder)?;
//! let mut follower = Follower::open(folder.path())?;
//!
//! writer.append(&Record::from(record!(Head { format: FORMAT })))?;
//! writer.append(&Record::from(record!(Step { step: 0, loss: Some(2.3) })))?;
//! writer.flush()?;
//!
//! let items = follower.poll()?; // what is whole by now; never waits
//! assert!(matches!(&items[1], Item::Record { record: Record::Step(step), .. } if step.step == 0));
//!
//! writer.finish(record!(End { reason: "finished".into(), steps: 1 }))?;
//!
//! let trace = read_run(folder.path())?;
//! assert_eq!(trace.records.last().map(Record::kind), Some("end"));
//! assert!(trace.lost.is_empty() && trace.torn.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`MemoryTrace`] is a trace without a file, for tests. [`Index`] finds the records of some kinds, or a range of
//! steps, in a long trace without decoding the rest. [`recover`] makes a whole run of a damaged one, [`thin`] a
//! short one of a long one, both as a new run; [`list_snapshots`] and [`prune_snapshots`] look after the largest
//! files of a run.
//!
//! [`frame`] turns records into bytes and back without any I/O; [`Reader`] and [`Writer`] do the
//! I/O; threads are the caller's.
//!
//! # The bytes
//!
//! A trace is a CBOR sequence (RFC 8742) of frames. Every frame is itself one CBOR item, so generic
//! CBOR tools can dump a trace:
//!
//! ```text
//! byte  0  D9 D9F7           tag 55799 (self-described CBOR): the sync mark
//!       3  82                array of 2
//!       4  1A cccccccc       CRC-32 of the payload (IEEE, as zlib.crc32), always as 5 bytes
//!       9  D8 18             tag 24, encoded CBOR
//!      11  5A llllllll       byte string, its length always as 4 bytes
//!      16  <payload>         CBOR of [kind, {field: value, …}]
//! ```
//!
//! Checksum and length are big endian. A note, byte by byte:
//!
//! ```text
//! D9D9F7 82 1A 8EF6DBCD D818 5A 0000001A    26 bytes with that checksum follow
//! 82 64 6E6F7465                            ["note",
//!    A2 65 6C6576656C  64 696E666F           {"level": "info",
//!       64 74657874    62 6869                "text": "hi"}]
//! ```
//!
//! # What a payload holds
//!
//! * The kinds and their fields are the structs of this page, [`Head`] to [`End`]; `trace.cddl`
//!   beside this crate says the same as an RFC 8610 schema.
//! * Integers are CBOR integers. Floats are CBOR floats of any width that holds the value exactly,
//!   **never integers**: write `1.0` as `F9 3C00`, not as `01`. NaN (with its payload), infinities
//!   and −0 are kept.
//! * An absent value is `null` or left out.
//! * Arrays of numbers are RFC 8746 typed arrays: a tag and one byte string. Written are the
//!   little-endian ones, 85 ([`F32s`]), 86 ([`F64s`]) and 70 ([`U32s`]); 81, 82 and 66, the same in
//!   big endian, are read too. In Python, `numpy.frombuffer(tag.value, "<f4")`.
//! * Keys are text of definite length, up to 4096 bytes. There are no bignums, and no other simple
//!   values than `false`, `true`, `null` and `undefined`.
//! * The first record is the `head`. It holds the layout once; a column of a `step` has one value
//!   per block of the layout, in that order. The head is repeated at some epochs and at the end; the
//!   last one holds.
//!
//! # How to read
//!
//! 1. Take 16 bytes. The fixed ones must match, and the length must be at most
//!    [`MAX_PAYLOAD_BYTES`](frame::MAX_PAYLOAD_BYTES): check it before allocating.
//! 2. Take the payload. Its CRC-32 must match.
//! 3. Decode it. A kind that you do not know is skipped, a field that you do not know is skipped, a
//!    field that is missing has its default (0, empty, false, null).
//! 4. Where 1 or 2 fails: look for the next sync mark at which 1 and 2 hold, count the bytes
//!    skipped, go on there. That is damage.
//! 5. Where the file ends inside a frame: the same. If there is no later frame, this is a torn tail,
//!    which is normal after a kill: what is before it is whole. (A damaged length looks like this,
//!    and the later frame tells it apart.)
//! 6. Where 3 fails although 2 holds, the writer was at fault: skip that frame, and say so.
//!
//! In Python:
//!
//! ```python
//! import struct, zlib, cbor2, numpy
//!
//! def number_array(tag):
//!     return numpy.frombuffer(tag.value, {85: "<f4", 86: "<f8", 70: "<u4"}[tag.tag])
//!
//! def records(path):
//!     data, at = open(path, "rb").read(), 0
//!     while (at := data.find(b"\xd9\xd9\xf7\x82\x1a", at)) >= 0:
//!         crc, mark, length = struct.unpack_from(">I3sI", data[at:at + 16].ljust(16, b"\0"), 5)
//!         payload = data[at + 16:at + 16 + length]
//!         if mark == b"\xd8\x18\x5a" and len(payload) == length and zlib.crc32(payload) == crc:
//!             # cbor2 5 calls the hook with (decoder, tag), cbor2 6 with (tag, immutable).
//!             yield cbor2.loads(payload, tag_hook=lambda *two: number_array(
//!                 next(x for x in two if isinstance(x, cbor2.CBORTag))))
//!             at += 16 + length
//!         else:
//!             at += 1
//! ```
//!
//! # Versions
//!
//! [`Head::format`] is `[major, minor]`; this crate writes [`FORMAT`]. A minor version adds kinds
//! and fields, and an old reader goes on reading what it knows. A major version changes what is
//! there: it is refused with [`Error::NewerMajor`], in reading and in resuming, and the message
//! names both versions. [`RESERVED_KINDS`] will mean what their names say or nothing.
//!
//! # Promises
//!
//! * A run killed at any byte reads up to its last whole record.
//! * A damaged record costs itself, not those after it.
//! * A name in a record never leads out of the run folder, by itself or through a link: [`RunFolder::resolve`].
//! * A writer builds frames in memory and appends them with one call, at most [`FLUSH_AFTER`]
//!   later; the disk confirms about every [`SYNC_EVERY`], at epochs and at the end.
//! * A writer never cuts what a reader could read: it cuts the remains of its own failed write, and
//!   on resuming what lies behind the last whole record.
//! * One writer per run: the second is refused with [`Error::Locked`]. (On a file system without
//!   locks both go on; [`Writer::is_locked`] tells.)
//!
//! # Limits
//!
//! | what | limit | why |
//! |---|---|---|
//! | payload | 256 MiB | a claimed length above it is damage |
//! | nesting in a payload | 32 levels | keeps a hostile file from exhausting the stack |
//! | items in a payload | 2 million | an item of one byte can take two hundred in memory |
//! | overhead per record | 16 bytes | |
//! | memory of a reader | one record, and 1 MiB for each open list in it | a claimed length is never allocated, only what is there; a list makes room for 1 MiB at most before its items come |
//! | time to resynchronise | less than 200 bytes of checksum per sync mark found | a file made to harm can hold many marks that claim long payloads; checksums of stretches follow from those of beginnings |

pub mod columns;
pub mod frame;

mod array;
mod checksums;
mod error;
mod files;
mod fingerprint;
mod folder;
mod follower;
mod hyperparameters;
mod index;
mod item;
mod lock;
mod made;
mod memory;
mod output;
mod payload;
mod payload_limits;
mod prune;
mod reader;
mod record;
mod recover;
mod resume;
mod scan;
mod shards;
mod sink;
mod step_bytes;
mod tally;
mod thin;
mod vocabulary;
mod writer;

pub use array::{F32s, F64s, U32s};
pub use error::{Error, NotATrace};
pub use files::{FileState, state_of};
pub use fingerprint::Fingerprint;
pub use folder::{RunFolder, TRACE_FILE};
pub use follower::Follower;
pub use hyperparameters::json_word;
pub use index::{INDEX_FILE, Index, IndexedRecords, Stretch};
pub use item::{Item, LossCause, Lost, Torn};
pub use made::is_made_of_another;
pub use memory::MemoryTrace;
pub use prune::{Keep, Listed, list as list_snapshots, prune as prune_snapshots};
pub use reader::{Reader, Trace, read_run};
pub use record::*;
pub use recover::{Recovered, recover};
pub use resume::Resumed;
pub use shards::Shards;
pub use sink::{FLUSH_AFTER, SYNC_EVERY};
pub use thin::{Thinned, thin};
pub use vocabulary::*;
pub use writer::Writer;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
