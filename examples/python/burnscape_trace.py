"""Reads runs that burnscape recorded. One file, made to be copied beside a notebook.

It needs Python 3.10, numpy and cbor2 (5.9 or 6), and safetensors for weights.

    from burnscape_trace import read_run

    run = read_run("runs/digits")
    steps = run.steps()                      # arrays: steps.step, steps.loss, steps.lr …
    steps.over("grad_norm")                  # ‖g‖ of the whole model, per step
    plane = run.slice("pca")                 # a grid: plane.x, plane.y, plane.loss
    path = run.trajectory(plane)             # the snapshots on it: path.x, path.y
    weights = run.weights(run.snapshots()[-1])
    print(run.damage())                      # what could not be read, with byte offsets

`follow` gives the records of a run while it is being written, `items` those of a file one by one.
The bytes are drawn on the page of the crate `burnscape-trace`; its `trace.cddl` lists every field.

Whatever a file holds, memory and time are bounded by its size: a record is at most MAX_PAYLOAD_BYTES long, every
byte is looked at a few times, items that say nothing share their defaults, and grids and tables have FREE_VALUES for
nothing and VALUES_PER_VALUE for each value that is told. Nothing outside the run folder is read.
"""

from __future__ import annotations

import bisect
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO, NamedTuple, Union

import cbor2
import numpy as np
from numpy.typing import NDArray

#: The major version of the format that this file reads.
FORMAT_MAJOR = 1
#: A longer payload is not a record: the limit of the format.
MAX_PAYLOAD_BYTES = 256 << 20
#: More nodes than this are not a surface but a damaged record.
MAX_NODES = 4_000_000
#: Values that a slice may claim in all its layers together, and layers that are kept of it.
MAX_VALUES = 4 * MAX_NODES
MAX_LAYERS = 1000
#: Values that grids of slices, or a column of steps, may claim for nothing, and for each value that is told.
FREE_VALUES = 1 << 19
VALUES_PER_VALUE = 16
#: Overhead of a record: sync mark, checksum, length.
OVERHEAD_BYTES = 16
#: Name of the trace in the folder of a run.
TRACE_FILE = "trace.cbor"

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class TraceError(Exception):
    """What keeps a run from being read."""


class NotATrace(TraceError):
    """The file is not a trace, or of a format that this file does not know."""


class Unsafe(TraceError):
    """A record names a file outside the run folder."""


class Damaged(TraceError):
    """A file of the run is not what its record says."""


class Record(NamedTuple):
    """One record."""

    #: What it is, such as `step`; the kinds are the keys of FIELDS.
    kind: str
    #: Its fields. Those that are missing in the file have their defaults, unknown ones are kept.
    fields: dict[str, Any]
    #: Where it begins in the file, in bytes.
    offset: int
    #: Checksum of its payload: equal records have equal ones.
    crc32: int


class Lost(NamedTuple):
    """Bytes that could not be read; whole records may follow."""

    offset: int
    bytes: int
    #: `damaged`: changed after they were written. Else what is wrong with a record whose checksum holds.
    reason: str


class Torn(NamedTuple):
    """The beginning of a record at the end: the run was stopped, or is being written."""

    offset: int
    bytes: int


Item = Union[Record, Lost, Torn]


# ---------------------------------------------------------------- records and their fields

# `name:type`, where a type is a number (uint, int, of so many bits; float), text, flag, an array of numbers (f4, f8, u4),
# `[type]` a list, `{type}` a map from text, or the name of a record in this table. `?` behind it: or null.
_TABLE = """
head: format:[uint16] run_id:text started_unix_secs:float burnscape_version:text burn_version:text
      device:text dtype:text seed:uint epochs_planned:uint? first_epoch:uint? blocks:[block] buffers:[buffer]
      patterns:[text]
block: path:text shape:[uint] role:text container:text filter_axis:uint8? groups:uint32 filter_guessed:flag
       frozen:flag offset:uint
buffer: path:text shape:[uint]
hyperparameters: values:{text}
step: step:uint batches:uint epoch:uint? iteration:uint? accumulated:uint32 elapsed_secs:float lr:float
      loss:float? missing:u4 columns:{f4}
epoch: epoch:uint steps:uint batches:uint elapsed_secs:float train_loss:float? valid_loss:float?
       weighted_by:text
progress: split:text epoch:uint done:uint total:uint eta_secs:float?
metric: split:text name:text epoch:uint step:uint value:float
activation: tap:text step:uint batches:uint calls:uint32 values:uint non_finite:uint mean:float std:float
            rms:float min:float max:float zero_share:float saturated_share:float units:uint
            dead_units:uint window:uint32 drift:float
histogram: of:text block:uint32? tap:text? step:uint first_exponent:int16 positive:u4 negative:u4 zeros:uint
           non_finite:uint
alert: rule:text level:text step:uint epoch:uint? iteration:uint? block:uint32? tap:text? places:uint32
       value:float threshold:float text:text advice:text
blackbox: step:uint rule:text steps:[step] previous:text? before:text? after:text? gradient:text?
curvature: reason:text step:uint epoch:uint? snapshot:uint? elapsed_secs:float samples:uint batches:uint
           dtype:text blocks:u4 loss:float grad_norm:float largest:f8 largest_error:f8 smallest:f8
           smallest_error:f8 trace:float? trace_stderr:float? trace_probes:uint density:density?
           block_largest:f8 block_largest_error:f8 lr:float optimizer:text preconditioned:flag
           stability_limit:float? measures:[measure] product_error:float product_step:float
           gradients:uint took_secs:float sentences:[text]
density: eigenvalue:f8 density:f8 stderr:f8 width:float probes:uint lanczos_steps:uint
measure: name:text value:float error:float? radius:float? meaning:text
dropped: records:uint after_step:uint
frozen: step:uint blocks:u4
snapshot: index:uint reason:text epoch:uint? step:uint file:text bytes:uint crc32:uint32 same_as:uint?
          given_up:[uint] stride:uint? run:uint32? dtype:text?
trajectory: slice:uint32? snapshots:u4 starts:u4 epochs:f8 x:f8 y:f8 out_of_plane:f8 out_of_plane_share:f8 loss:f8
            loss_on_plane:f8 loss_at:u4 explained:f8 random_walk:f8 random_walk_measured:f8 degenerate:flag
            rounding:float?
slice: slice:uint32 name:text centre:text centre_snapshot:uint? x:axis y:axis? normalisation:text
       biases:text moves_frozen:flag orthogonalised:flag cosine:float? centre_norm:float
       centre_loss:float shares:[f8] samples:uint batches:uint fingerprint:text batchnorm:text dtype:text
       device:text loss:text layers:[layer] tolerance:float? study:uint32? directions:text? patterns:[text]
axis: label:text kind:text first:int count:uint spacing:float direction_norm:float seed:uint?
      explained:float? component:uint?
layer: name:text centre:float samples:uint batches:uint
plan: slices:[uint32] budget_secs:float? batches:u4 of_batches:uint snapshots:u4 tolerance:float?
      most_nodes:uint? agreement:uint agreement_nodes:uint? true_losses:flag exact_secs:float? text:text
nodes: slice:uint32 index:u4 loss:f8 stderr:f8 layers:[layer_nodes] interpolated:flag
layer_nodes: value:f8 stderr:f8
study: study:uint32 kind:text slices:[uint32] lowest:float? highest:float? measures:{f8} sentences:[text]
runs: runs:[compared_run]
compared_run: name:text path:text run_id:text remarks:[text] side:text numbers:{float}
shard: slice:uint32 index:uint32 count:uint32 plan:text weights:text batches:f8
check: slice:uint32? name:text passed:flag detail:text
note: level:text text:text
resume: resumed_unix_secs:float steps:uint batches:uint truncated_bytes:uint
end: reason:text steps:uint dropped:uint elapsed_secs:float tally:tally?
tally: records:uint crc32:uint32
"""


def _read_table(table: str) -> dict[str, dict[str, str]]:
    fields: dict[str, dict[str, str]] = {}
    record = ""
    for word in table.split():
        name, _, kind = word.partition(":")
        if kind:
            fields[record][name] = kind
        else:
            record = name
            fields[record] = {}
    return fields


#: The fields that are known, with their types: record → field → type.
FIELDS = _read_table(_TABLE)

_PLAIN: dict[str, tuple[type, Any]] = {
    "uint": (int, 0),
    "uint8": (int, 0),
    "uint16": (int, 0),
    "uint32": (int, 0),
    "int16": (int, 0),
    "int": (int, 0),
    "float": (float, 0.0),
    "text": (str, ""),
    "flag": (bool, False),
}
_RANGES = {
    "uint8": range(1 << 8),
    "uint16": range(1 << 16),
    "uint32": range(1 << 32),
    "uint": range(1 << 64),
    "int16": range(-(1 << 15), 1 << 15),
    "int": range(-(1 << 63), 1 << 63),
}
_ARRAYS = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8"), "u4": np.dtype("<u4")}
# RFC 8746, section 2.1.
_ARRAY_TAGS = {85: "<f4", 81: ">f4", 86: "<f8", 82: ">f8", 70: "<u4", 66: ">u4"}


_EMPTY = {kind: np.empty(0, dtype) for kind, dtype in _ARRAYS.items()}


def _default(kind: str) -> Any:
    if kind.endswith("?"):
        return None
    if kind in _PLAIN:
        return _PLAIN[kind][1]
    if kind in _ARRAYS:
        return _EMPTY[kind]
    return {"[": list, "{": dict}[kind[0]]() if kind[0] in "[{" else _complete(kind, {}, kind)


def _complete(record: str, fields: Any, place: str) -> dict[str, Any]:
    """The fields of a record: checked, and those that are missing filled in."""
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise ValueError(f"{place} is no map with names")
    complete = dict(fields)
    for name, kind in FIELDS.get(record, {}).items():
        present = name in fields
        complete[name] = _checked(kind, fields[name], f"{place}.{name}") if present else _default(kind)
    return complete


def _checked(kind: str, value: Any, place: str) -> Any:
    if kind.endswith("?"):
        return None if value is None else _checked(kind[:-1], value, place)
    if kind in FIELDS:
        return _complete(kind, value, place)
    if kind[0] == "[" and isinstance(value, (list, tuple)):
        return _checked_list(kind[1:-1], value, place)
    if kind[0] == "{" and isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {name: _checked(kind[1:-1], item, f"{place}.{name}") for name, item in value.items()}
    if place == "slice.biases" and isinstance(value, bool):  # as the first traces told it
        return "moved" if value else "ignored"
    if not _is_plain(kind, value) and not _is_array(kind, value):
        raise ValueError(f"{place} is no {kind}")
    return value


def _checked_list(kind: str, items: list[Any] | tuple[Any, ...], place: str) -> list[Any]:
    """Items that say nothing are one: millions of them fit into a small file."""
    if kind in FIELDS:
        nothing = _complete(kind, {}, place)
        return [nothing if item == {} else _complete(kind, item, place) for item in _maps(items, place)]
    if kind in _PLAIN and set(map(type, items)) == {_PLAIN[kind][0]}:
        if kind not in _RANGES or (min(items) in _RANGES[kind] and max(items) in _RANGES[kind]):
            return list(items)
    return [_checked(kind, item, place) for item in items]


def _maps(items: list[Any] | tuple[Any, ...], place: str) -> list[Any] | tuple[Any, ...]:
    if not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{place} holds what is no map")
    return items


def _is_plain(kind: str, value: Any) -> bool:
    if kind not in _PLAIN or isinstance(value, bool) != (kind == "flag"):
        return False
    return isinstance(value, _PLAIN[kind][0]) and (kind not in _RANGES or value in _RANGES[kind])


def _is_array(kind: str, value: Any) -> bool:
    return kind in _ARRAYS and isinstance(value, np.ndarray) and value.dtype == _ARRAYS[kind]


def _tagged(*arguments: Any) -> Any:
    """A typed array. cbor2 5 calls this with (decoder, tag), cbor2 6 with (tag, immutable)."""
    tag = next(it for it in arguments if isinstance(it, cbor2.CBORTag))
    if tag.tag not in _ARRAY_TAGS:
        return tag
    array = np.frombuffer(tag.value, _ARRAY_TAGS[tag.tag])
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def decode(payload: bytes) -> tuple[str, dict[str, Any]]:
    """Kind and fields of one payload.

    Raises ValueError where it is no record. The depth of nesting is limited by cbor2.
    """
    try:
        record = cbor2.loads(payload, tag_hook=_tagged)
    except Exception as error:  # A hostile payload reaches most of what the decoder can raise.
        raise ValueError(f"no valid CBOR: {error}") from None
    if not isinstance(record, list) or len(record) != 2 or not isinstance(record[0], str):
        raise ValueError("no array of a kind and its fields")
    kind, fields = record
    return kind, _complete(kind, fields, kind)


# ---------------------------------------------------------------- frames in a stream of bytes

_BEFORE_CHECKSUM = bytes.fromhex("d9d9f7821a")
_BEFORE_LENGTH = bytes.fromhex("d8185a")
_NOT_A_FRAME, _INCOMPLETE = -1, 0
_CHUNK_BYTES = 4 << 20


def _frame_bytes(data: bytes, at: int) -> int:
    """How long the frame is that begins there; _INCOMPLETE where it may be one."""
    start = data[at : at + OVERHEAD_BYTES]
    if not _BEFORE_CHECKSUM.startswith(start[:5]) or not _BEFORE_LENGTH.startswith(start[9:12]):
        return _NOT_A_FRAME
    if len(start) < OVERHEAD_BYTES:
        return _INCOMPLETE
    checksum, length = struct.unpack(">5xI3xI", start)
    end = at + OVERHEAD_BYTES + length
    if length > MAX_PAYLOAD_BYTES:
        return _NOT_A_FRAME
    if end > len(data):
        return _INCOMPLETE
    payload = memoryview(data)[at + OVERHEAD_BYTES : end]
    return end - at if zlib.crc32(payload) == checksum else _NOT_A_FRAME


# CRC-32 as polynomials over GF(2), the coefficient of the highest power in the lowest bit.
_POLYNOMIAL, _ONE, _X_TO_8 = 0xEDB88320, 1 << 31, 1 << 23
_MARK = re.compile(b"(?=" + re.escape(_BEFORE_CHECKSUM) + b".{4}" + re.escape(_BEFORE_LENGTH) + b".{4})", re.DOTALL)


def _multiplied(factor: int, values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    product = np.zeros_like(values)
    for bit in range(31, -1, -1):
        if factor >> bit & 1:
            product ^= values
        values = values >> 1 ^ _POLYNOMIAL * (values & 1)
    return product


def _shifted(values: NDArray[np.uint32], count: NDArray[np.int64]) -> NDArray[np.uint32]:
    """What checksums contribute to those of stretches that are so many bytes longer."""
    factor = _X_TO_8
    for bit in range(MAX_PAYLOAD_BYTES.bit_length()):
        values = np.where(count >> bit & 1, _multiplied(factor, values), values)
        factor = int(_multiplied(factor, np.array([factor], np.uint32))[0])
    return values


def _beginnings(data: bytes, ends: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Checksums of the first so many bytes, in one pass; `ends` ascend."""
    view, checksum, at, checksums = memoryview(data), 0, 0, []
    for end in ends.tolist():
        checksum, at = zlib.crc32(view[at:end], checksum), end
        checksums.append(checksum)
    return np.array(checksums, np.uint32)


def _frames_in(data: bytes, start: int) -> dict[int, int]:
    """Where whole frames begin behind `start`, or such as may become whole, and how long they are (_INCOMPLETE).

    However many claim however much, every byte is looked at once: the checksum of a stretch follows from those of
    the beginnings that end before and behind it (crc32_combine of zlib).
    """
    at = np.array([mark.start() for mark in _MARK.finditer(data, start)], np.int64)
    tail = max(start, len(data) - OVERHEAD_BYTES + 1)
    partial = [place for place in range(tail, len(data)) if _frame_bytes(data, place) == _INCOMPLETE]
    overhead = np.frombuffer(data, np.uint8)[at[:, None] + np.arange(OVERHEAD_BYTES)]
    told, length = (overhead[:, from_ : from_ + 4].copy().view(">u4").ravel().astype(np.int64) for from_ in (5, 12))
    begin = at + OVERHEAD_BYTES
    end = begin + length
    fits = length <= MAX_PAYLOAD_BYTES
    complete = fits & (end <= len(data))
    ends = np.unique(np.concatenate([begin[complete], end[complete]]))
    checksums = _beginnings(data, ends)
    before, behind = (checksums[np.searchsorted(ends, it[complete])] for it in (begin, end))
    whole = complete.copy()
    whole[complete] = (behind ^ _shifted(before, length[complete])) == told[complete]
    frames = dict(zip(at[whole].tolist(), (end - at)[whole].tolist()))
    frames.update(dict.fromkeys([*at[fits & ~complete].tolist(), *partial], _INCOMPLETE))
    return frames


class _Scanner:
    """Finds the frames in a file, past whatever is damaged, by the rules of the crate's page."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self.file = file
        self.data = b""
        self.start = 0
        self.offset = offset  # of data[start] in the file
        self.damaged_from: int | None = None
        self.at_end = False
        self.distrusts = False
        self.frames_known: dict[int, int] | None = None
        self.places: list[int] = []

    def consumed(self) -> int:
        """Where the last frame, or the damage before it, ends."""
        return self.offset if self.damaged_from is None else self.damaged_from

    def frames(self) -> Iterator[tuple[int, bytes] | Lost]:
        """Offset and payload of every frame, and the damage between them."""
        while True:
            found = self._next()
            if found is not None:
                yield found
            elif self.at_end:
                return
            else:
                self._fill()

    def tail(self) -> Lost | Torn | None:
        """What is left behind the last frame."""
        offset = self.consumed()
        left = self.offset + len(self.data) - self.start - offset
        if left == 0:
            return None
        return Torn(offset, left) if self.damaged_from is None else Lost(offset, left, "damaged")

    def _fill(self) -> None:
        rest = self.data[self.start :]
        more = self.file.read(max(_CHUNK_BYTES, len(rest)))
        self.data, self.start, self.at_end = rest + more, 0, not more
        self.frames_known = None

    def _advance(self, count: int) -> None:
        self.start += count
        self.offset += count

    def _known(self) -> dict[int, int]:
        if self.frames_known is None:
            self.frames_known = _frames_in(self.data, self.start)
            self.places = sorted(self.frames_known)
        return self.frames_known

    def _size(self) -> int:
        """How long the frame is that begins here. The first one that is none costs what it claims."""
        if not self.distrusts:
            size = _frame_bytes(self.data, self.start)
            self.distrusts = size == _NOT_A_FRAME
            return size
        return self._known().get(self.start, _INCOMPLETE if self.start == len(self.data) else _NOT_A_FRAME)

    def _next(self) -> tuple[int, bytes] | Lost | None:
        if self.damaged_from is not None:
            return self._resync(self.start)
        size = self._size()
        if size > 0:
            return self._take(size)
        if size == _NOT_A_FRAME:
            self.damaged_from = self.offset
            return self._resync(self.start + 1)
        # A later frame proves that this one is not unfinished: its length is damaged.
        return self._resync(self.start + 1) if self.at_end else None

    def _take(self, size: int) -> tuple[int, bytes]:
        offset, at = self.offset, self.start
        self._advance(size)
        return offset, self.data[at + OVERHEAD_BYTES : at + size]

    def _resync(self, at: int) -> Lost | None:
        known = self._known()
        for index in range(bisect.bisect_left(self.places, at), len(self.places)):
            place = self.places[index]
            if known[place] != _INCOMPLETE:
                return self._take_damage(place)
            if not self.at_end:
                at = place
                break
        else:
            at = len(self.data)
        if self.damaged_from is not None:
            self._advance(at - self.start)
        return None

    def _take_damage(self, next_frame: int) -> Lost:
        offset = self.consumed()
        self._advance(next_frame - self.start)
        self.damaged_from = None
        return Lost(offset, self.offset - offset, "damaged")


def _item(offset: int, payload: bytes) -> Record | Lost:
    try:
        kind, fields = decode(payload)
    except ValueError as error:
        if offset == 0:
            raise NotATrace(f"the first record cannot be read: {error}") from None
        return Lost(offset, len(payload) + OVERHEAD_BYTES, str(error))
    if offset == 0 and kind != "head":
        raise NotATrace(f"the first record is {kind!r}, not a head")
    if kind == "head" and fields["format"][:1] != [FORMAT_MAJOR]:
        raise NotATrace(f"the format is {fields['format']}, this file reads {FORMAT_MAJOR}.x")
    return Record(kind, fields, offset, zlib.crc32(payload))


def _whole_items(scanner: _Scanner) -> Iterator[Record | Lost]:
    for found in scanner.frames():
        yield found if isinstance(found, Lost) else _item(*found)


# ---------------------------------------------------------------- reading and following


def trace_path(run: str | os.PathLike[str]) -> Path:
    """The trace of a run, which is named by its folder or by the trace itself."""
    path = Path(run)
    return path / TRACE_FILE if path.is_dir() else path


def items(run: str | os.PathLike[str]) -> Iterator[Item]:
    """Everything in a trace, in order: records, damage between them, and a torn end.

    Raises NotATrace, and OSError where the file cannot be read.
    """
    with open(trace_path(run), "rb") as file:
        scanner = _Scanner(file, 0)
        yield from _whole_items(scanner)
    tail = scanner.tail()
    if isinstance(tail, Lost) and tail.offset == 0:
        raise NotATrace(f"there is no record in the {tail.bytes} bytes of {trace_path(run)}")
    if tail is not None:
        yield tail


def follow(
    run: str | os.PathLike[str],
    *,
    poll_secs: float = 0.1,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Record | Lost]:
    """The records of a run as they are written, from the first one on.

    It waits for what is not whole yet, and for a trace that does not exist yet in a folder that does.
    It ends behind the `end` of the run, or when `stop`, asked whenever there is nothing new, says so.

    Raises NotATrace, also where another run has taken the place of this one, and OSError.
    """
    path = Path(run) if Path(run).name == TRACE_FILE else Path(run) / TRACE_FILE
    offset, beginning, seen_bytes = 0, b"", -1
    while True:
        last: Record | Lost | None = None
        with _opened(path) as file:
            beginning = _recognised(file, beginning, path)
            size = os.fstat(file.fileno()).st_size
            if size >= offset and size != seen_bytes:
                file.seek(offset)
                scanner = _Scanner(file, offset)
                for last in _whole_items(scanner):
                    yield last
                offset, seen_bytes = scanner.consumed(), size
                _refuse_other_files(scanner, beginning, path)
        if isinstance(last, Record) and last.kind == "end":
            return
        if last is None:
            if stop is not None and stop():
                return
            time.sleep(poll_secs)


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise
        return open(os.devnull, "rb")


def _recognised(file: BinaryIO, known: bytes, path: Path) -> bytes:
    """The first bytes, with the checksum of the head among them: they tell runs apart."""
    found = file.read(OVERHEAD_BYTES)
    if len(found) < OVERHEAD_BYTES:
        return known
    if known and found != known:
        raise NotATrace(f"another run has taken the place of {path}")
    return found


def _refuse_other_files(scanner: _Scanner, beginning: bytes, path: Path) -> None:
    """Zeros are what a network disk shows for bytes that are still on their way: they are waited for."""
    tail = scanner.tail()
    if isinstance(tail, Lost) and tail.offset == 0 and beginning[:1] != b"\0":
        raise NotATrace(f"there is no record in the {tail.bytes} bytes of {path}")


def inside(folder: str | os.PathLike[str], name: str) -> Path:
    """The path of a file that a record names relative to the run folder.

    Raises Unsafe for every name that leads out of the folder, also by way of a link.
    """
    parts = [*PurePosixPath(name).parts, *PureWindowsPath(name).parts]
    strange = not parts or ".." in parts or "\0" in name
    if strange or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise Unsafe(f"{name!r} is no file in the run folder")
    path = (Path(folder) / name).resolve()
    if not path.is_relative_to(Path(folder).resolve()):
        raise Unsafe(f"{name!r} is a link out of the run folder")
    return path


# ---------------------------------------------------------------- what a run holds

#: How the values of several blocks become one, by the name of a column.
RULES = {
    "grad_norm": "root",
    "grad_max": "largest",
    "grad_non_finite": "sum",
    "grad_norm_clipped": "root",
    "grad_signal": "sum",
    "grad_power": "sum",
    "weight_norm": "root",
    "weight_non_finite": "sum",
    "update_norm": "root",
    "update_dot": "sum",
    "previous_update_norm": "root",
    "distance": "root",
}


@dataclass
class Steps:
    """Optimizer steps, one row each, in the order of training."""

    #: Steps before each in the run, from 0; batches until it.
    step: Integers
    batches: Integers
    #: Counted from 1; 0 where unknown.
    epoch: Integers
    iteration: Integers
    elapsed_secs: Floats
    lr: Floats
    #: NaN where the model gave none.
    loss: Floats
    #: Paths of the blocks, in the order of the columns.
    blocks: list[str]
    #: The steps that have a row in `missing`, `columns` and `measured`, by their places in the arrays above: all of them,
    #: or, in a long run in which so little was measured that such arrays would be nearly empty, those in which something
    #: was.
    rows: Integers
    #: Blocks that received no gradient, one row per step.
    missing: Flags
    #: One value per step and block by the name of the quantity; NaN in rows where it was not measured.
    columns: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    #: The rows in which it was.
    measured: dict[str, Flags] = field(default_factory=dict)

    def module(self, path: str) -> list[int]:
        """Numbers of the blocks of a module and of all modules in it; of all blocks for an empty path."""
        inside = [not path or block == path or block.startswith(path + ".") for block in self.blocks]
        return [number for number, is_in in enumerate(inside) if is_in]

    def over(self, name: str, module: str = "") -> Floats:
        """A quantity of all blocks of a module, or of the model, together; one value per step.

        Blocks that received no gradient are left out of `grad_` columns. NaN where nothing was measured.
        Raises KeyError for a quantity that was never measured, or that cannot be put together.
        """
        rule, blocks = RULES[name], self.module(module)
        values = self.columns[name][:, blocks].astype(np.float64)
        present = np.ones(values.shape, bool)
        if name.startswith("grad_"):
            present = ~self.missing[:, blocks]
        together = _together(rule, values, present)
        together[~(self.measured[name] & present.any(1))] = np.nan
        found = np.full(len(self.step), np.nan)
        found[self.rows] = together
        return found


def _together(rule: str, values: Floats, present: Flags) -> Floats:
    if rule == "largest":
        found = values.max(1, initial=-np.inf, where=present)
    elif rule == "sum":
        found = values.sum(1, where=present)
    else:
        found = np.sqrt(np.square(values).sum(1, where=present))
    return np.asarray(found, np.float64)


@dataclass
class Epochs:
    """Complete epochs, one row each."""

    epoch: Integers
    #: Optimizer steps in the run until its end.
    steps: Integers
    elapsed_secs: Floats
    #: Means over batches; NaN where unknown.
    train_loss: Floats
    valid_loss: Floats


@dataclass
class Metric:
    """Values of one metric on one split."""

    epoch: Integers
    step: Integers
    value: Floats


@dataclass
class Slice:
    """A line or plane through the space of weights, and the losses on it.

    Arrays of a plane have the shape [len(y), len(x)], those of a line [1, len(x)].
    """

    #: Everything that its record says: how directions were made, samples, layers …
    fields: dict[str, Any]
    #: Coordinates in units of the first and second direction; `y` is None on a line.
    x: Floats
    y: Floats | None
    #: NaN where nothing was measured, and where the loss is NaN: `known` tells them apart.
    loss: Floats
    #: Standard error over batches; NaN where unknown.
    stderr: Floats
    #: Nodes with a value; those of them that were not measured but interpolated.
    known: Flags
    interpolated: Flags
    #: Further quantities on the same nodes, by name: value and standard error.
    layers: dict[str, tuple[Floats, Floats]]

    @property
    def number(self) -> int:
        """Its number in the run."""
        return int(self.fields["slice"])

    @property
    def name(self) -> str:
        """Its name, such as `pca`."""
        return str(self.fields["name"])


@dataclass
class Trajectory:
    """The snapshots in the coordinates of a slice; `y` is empty on a line."""

    fields: dict[str, Any]
    snapshots: NDArray[np.uint32]
    epochs: Floats
    x: Floats
    y: Floats
    #: Empty where not all were evaluated.
    loss: Floats


@dataclass
class Snapshot:
    """A file with all parameters and buffers at one moment."""

    index: int
    reason: str
    epoch: int | None
    #: Optimizer steps before it.
    step: int
    file: str
    bytes: int
    crc32: int


# What a `resume` that goes back leaves behind, by the field that counts steps, and whether the step at which
# it goes on is left behind as well.
_STEP_COUNTS = {
    "step": ("step", True),
    "activation": ("step", True),
    "histogram": ("step", True),
    "alert": ("step", True),
    "frozen": ("step", True),
    "blackbox": ("step", True),
    "epoch": ("steps", False),
    "metric": ("step", False),
    "snapshot": ("step", False),
    "curvature": ("step", False),
}


def _is_left_behind(record: Record, steps: int) -> bool:
    counter, inclusive = _STEP_COUNTS.get(record.kind, ("", False))
    if not counter or (record.kind == "curvature" and record.fields["reason"] != "live"):
        return False
    return bool(record.fields[counter] >= steps + (not inclusive))


def _on_the_path(records: list[Record]) -> list[Record]:
    """Those that no later `resume` leaves behind: the one that goes back farthest is asked."""
    farthest, kept = 1 << 64, []
    for record in reversed(records):
        if not _is_left_behind(record, farthest):
            kept.append(record)
        if record.kind == "resume":
            farthest = min(farthest, record.fields["steps"])
    return kept[::-1]


def _grouped(records: list[Record]) -> dict[str, list[Record]]:
    """By their kinds."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.kind, []).append(record)
    return groups


class Run:
    """What a trace says. `read_run` makes one; `add` lets it grow with the items of `follow`."""

    def __init__(self, run: str | os.PathLike[str]) -> None:
        self.folder = trace_path(run).parent
        #: What could not be read.
        self.lost: list[Lost] = []
        #: The record at which the run was stopped.
        self.torn: Torn | None = None
        self._records: list[Record] = []
        self._went_back = False
        self._refused: list[str] = []
        #: What was found among the records, until there are others.
        self._found: dict[str, Any] = {}

    def add(self, item: Item) -> None:
        """Takes one more item."""
        if isinstance(item, Lost):
            self.lost.append(item)
        elif isinstance(item, Torn):
            self.torn = item
        elif item.kind == "slice" and (refusal := _refusal(item.fields)):
            self._refused.append(refusal)
        else:
            self._went_back |= item.kind == "resume"
            self._records.append(item)
            self._found.clear()

    @property
    def records(self) -> list[Record]:
        """Records on the path of training, in the order of the file.

        What a `resume` that went back has left behind is not among them.
        """
        if self._went_back:
            self._records, self._went_back = _on_the_path(self._records), False
        return self._records

    def of(self, *kinds: str) -> list[Record]:
        """The records of some kinds."""
        if len(kinds) == 1:
            return list(self._of_kinds().get(kinds[0], []))
        return [record for record in self.records if record.kind in kinds]

    def _of_kinds(self) -> dict[str, list[Record]]:
        kinds: dict[str, list[Record]] = self._once("kinds", lambda: _grouped(self.records))
        return kinds

    def _once(self, name: str, find: Callable[[], Any]) -> Any:
        """What is found among the records is looked for once, however often it is asked for."""
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]

    def damage(self) -> list[str]:
        """What could not be read, as sentences; nothing where all of it could."""
        said = [f"{it.bytes} bytes at byte {it.offset} are lost: {it.reason}" for it in self.lost]
        if self.torn is not None:
            said.append(f"the last {self.torn.bytes} bytes, from byte {self.torn.offset} on, are unfinished")
        claims = (f"slice {number} claims too many nodes for the few that were told" for number in self._crowded())
        return said + self._refused + self._left_out() + list(claims)

    def _left_out(self) -> list[str]:
        """Layers that are too many to be kept."""
        many = ((it.fields, len(it.fields["layers"]) - _kept_layers(it.fields)) for it in self.of("slice"))
        says = "{} of the layers of slice {} are left out: there are too many"
        return [says.format(count, fields["slice"]) for fields, count in many if count > 0]

    def _crowded(self) -> list[int]:
        """Slices for which there is no room: the first ones come first."""
        grids = {it.fields["slice"]: _claimed_values(it.fields) for it in self.of("slice")}
        told = sum(_told_values(it.fields) for it in self.of("nodes"))
        room, crowded = FREE_VALUES + VALUES_PER_VALUE * told, []
        for number in sorted(grids):
            if grids[number] <= room:
                room -= grids[number]
            else:
                crowded.append(number)
        return crowded

    @property
    def head(self) -> dict[str, Any]:
        """What is recorded; with defaults only where the trace has no head (yet)."""
        heads = self.of("head")
        return heads[-1].fields if heads else _complete("head", {}, "head")

    @property
    def blocks(self) -> list[str]:
        """Paths of the parameter blocks, in the order of columns."""
        return [str(block["path"]) for block in self.head["blocks"]]

    @property
    def ended(self) -> str | None:
        """How the run ended, such as `finished`; None where it was stopped or goes on."""
        last = self.records[-1] if self.records else None
        return str(last.fields["reason"]) if last is not None and last.kind == "end" else None

    def steps(self, columns: list[str] | None = None) -> Steps:
        """Steps as arrays; `columns` names those that are wanted, else all are read.

        Raises TraceError where steps tell of fewer blocks than the head, so that the arrays would be nearly empty.
        """
        rows = [record.fields for record in self.of("step")]
        blocks = self.blocks
        names = sorted({name for row in rows for name in row["columns"]})
        with_rows = _rows_of_columns(rows, len(blocks), len(names))
        steps = Steps(
            step=_integers(rows, "step"),
            batches=_integers(rows, "batches"),
            epoch=_integers(rows, "epoch"),
            iteration=_integers(rows, "iteration"),
            elapsed_secs=_floats(rows, "elapsed_secs"),
            lr=_floats(rows, "lr"),
            loss=_floats(rows, "loss"),
            blocks=blocks,
            rows=np.array(with_rows, np.int64),
            missing=np.zeros((len(with_rows), len(blocks)), bool),
        )
        rows = [rows[number] for number in with_rows]
        for number, row in enumerate(rows):
            missing = row["missing"]
            steps.missing[number, missing[missing < len(blocks)]] = True
        for name in names if columns is None else columns:
            steps.columns[name], steps.measured[name] = _column(rows, name, steps.missing.shape)
        return steps

    def epochs(self) -> Epochs:
        """Complete epochs as arrays."""
        rows = [record.fields for record in self.of("epoch")]
        return Epochs(
            epoch=_integers(rows, "epoch"),
            steps=_integers(rows, "steps"),
            elapsed_secs=_floats(rows, "elapsed_secs"),
            train_loss=_floats(rows, "train_loss"),
            valid_loss=_floats(rows, "valid_loss"),
        )

    def metrics(self) -> dict[tuple[str, str], Metric]:
        """Metrics by split and name, such as ("valid", "accuracy").

        The split "own" holds what the program told itself.
        """
        rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for record in self.of("metric"):
            rows.setdefault((record.fields["split"], record.fields["name"]), []).append(record.fields)
        return {
            key: Metric(_integers(of, "epoch"), _integers(of, "step"), _floats(of, "value"))
            for key, of in rows.items()
        }

    def hyperparameters(self) -> dict[str, Any]:
        """What the training was set to: names of nested settings are joined by dots."""
        told: dict[str, Any] = {}
        for record in self.of("hyperparameters"):
            for name, value in record.fields["values"].items():
                try:
                    told[name] = json.loads(value)
                except (ValueError, RecursionError):
                    told[name] = value
        return told

    def slices(self) -> list[Slice]:
        """All slices, by number. Nodes without a slice before them, or outside its grid, are left out."""
        told: dict[int, tuple[int, dict[str, Any], list[dict[str, Any]]]] = {}
        for record in self.of("slice", "nodes"):
            number = record.fields["slice"]
            if record.kind == "nodes" and number in told:
                told[number][2].append(record.fields)
            # A surface that is measured further repeats its slice: what was measured stays.
            elif record.kind == "slice" and (number not in told or told[number][0] != record.crc32):
                told[number] = (record.crc32, record.fields, [])
        crowded = set(self._crowded())
        return [_filled_slice(*told[number][1:]) for number in sorted(told) if number not in crowded]

    def slice(self, which: str | int) -> Slice:
        """The slice of that name or number, the first if there are several.

        Raises KeyError, with what there is.
        """
        slices = self.slices()
        for one in slices:
            if which in (one.name, one.number):
                return one
        raise KeyError(f"no slice {which!r}; there are {[one.name for one in slices]}")

    def plan(self, of: Slice | int) -> dict[str, Any] | None:
        """What was going to be measured of a slice, as told last; None: every node, on all batches."""
        number = of.number if isinstance(of, Slice) else of
        last: dict[int, dict[str, Any]] = self._once(
            "plans", lambda: {on: it.fields for it in self.of("plan") for on in it.fields["slices"]}
        )
        return last.get(number)

    def trajectory(self, of: Slice | int | None = None) -> Trajectory | None:
        """The path of training in the coordinates of a slice, as told last; None where there is none.

        Without a slice: the path told while training went on, in the principal components of the snapshots.
        """
        number = of.number if isinstance(of, Slice) else of
        of_slices = self._once("paths", lambda: {it.fields["slice"]: it.fields for it in self.of("trajectory")})
        if number not in of_slices:
            return None
        last = of_slices[number]
        return Trajectory(last, *(last[name] for name in ("snapshots", "epochs", "x", "y", "loss")))

    def snapshots(self) -> list[Snapshot]:
        """All snapshots whose files were not given up, in the order in which they were taken."""
        names = ("index", "reason", "epoch", "step", "file", "bytes", "crc32")
        rows = [record.fields for record in self.of("snapshot")]
        given_up = {index for row in rows for index in row["given_up"]}
        return [Snapshot(*(row[name] for name in names)) for row in rows if row["index"] not in given_up]

    def weights(self, snapshot: Snapshot) -> dict[str, NDArray[Any]]:
        """All parameters and buffers of a snapshot, by path.

        Raises Unsafe, Damaged where the file is not the one that was recorded, and OSError.
        """
        path = inside(self.folder, snapshot.file)
        if path.stat().st_size != snapshot.bytes:
            raise Damaged(f"{path} has {path.stat().st_size} bytes, recorded were {snapshot.bytes}")
        data = path.read_bytes()
        if zlib.crc32(data) != snapshot.crc32:
            raise Damaged(f"{path} was changed after it was written: its checksum differs")
        return _tensors(data)

    def directions(self, of: Slice) -> dict[str, NDArray[Any]] | None:
        """Centre and directions of a slice as flat vectors; None where seeds give them back.

        Raises Unsafe and OSError.
        """
        name = of.fields["directions"]
        return None if name is None else _tensors(inside(self.folder, name).read_bytes())

    def curvature(self) -> list[dict[str, Any]]:
        """Curvature measured along training and after it, in the order of the trace."""
        return [record.fields for record in self.of("curvature")]


def read_run(run: str | os.PathLike[str]) -> Run:
    """Reads a run, which is named by its folder or by its trace, as far as it is written.

    Damage is no error: `Run.damage` tells it. Raises NotATrace, and OSError where there is no file.
    """
    read = Run(run)
    for item in items(run):
        read.add(item)
    return read


def _integers(rows: list[dict[str, Any]], name: str) -> Integers:
    """Counts as recorded, 0 where unknown; those beyond 63 bits, which nobody reaches, as the largest."""
    largest = np.iinfo(np.int64).max
    return np.array([min(row[name] or 0, largest) for row in rows], np.int64)


def _floats(rows: list[dict[str, Any]], name: str) -> Floats:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64)


def _column(
    rows: list[dict[str, Any]], name: str, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], Flags]:
    values = np.full(shape, np.nan, np.float32)
    measured = np.zeros(shape[0], bool)
    for number, row in enumerate(rows):
        found = row["columns"].get(name)
        # Another model was recorded in the same folder: its columns have no place here.
        if found is not None and len(found) == shape[1]:
            values[number], measured[number] = found, True
    return values, measured


def _rows_of_columns(rows: list[dict[str, Any]], blocks: int, names: int) -> list[int]:
    """The steps that get a row in the arrays of blocks: all, or those in which something was measured.

    One array per name is made of them, and one for missing gradients: they may not be nearly empty.
    """
    told = sum(len(values) for row in rows for values in row["columns"].values())
    room = 8 * FREE_VALUES + 8 * VALUES_PER_VALUE * told
    if len(rows) * blocks * (1 + names) <= room:
        return list(range(len(rows)))
    measured = [number for number, row in enumerate(rows) if any(map(len, row["columns"].values()))]
    if len(measured) * blocks * (1 + names) > room:
        raise TraceError(f"{len(measured)} steps × {blocks} blocks × {names} columns, and only {told} values")
    return measured


def _coordinates(axis: dict[str, Any]) -> Floats:
    multiples = axis["first"] + np.arange(axis["count"], dtype=np.float64)
    return np.asarray(multiples * axis["spacing"], np.float64)


def _empty_slice(fields: dict[str, Any]) -> Slice:
    x, y = fields["x"], fields["y"]
    shape = _shape(fields)

    def nothing() -> Floats:
        return np.full(shape, np.nan)

    return Slice(
        fields=fields,
        x=_coordinates(x),
        y=None if y is None else _coordinates(y),
        loss=nothing(),
        stderr=nothing(),
        known=np.zeros(shape, bool),
        interpolated=np.zeros(shape, bool),
        layers={name: (nothing(), nothing()) for name in _layer_names(fields)},
    )


def _filled_slice(fields: dict[str, Any], tiles: list[dict[str, Any]]) -> Slice:
    one = _empty_slice(fields)
    for tile in tiles:
        _enter(one, tile)
    return one


def _shape(fields: dict[str, Any]) -> tuple[int, int]:
    return (1 if fields["y"] is None else fields["y"]["count"], fields["x"]["count"])


def _refusal(fields: dict[str, Any]) -> str | None:
    """Why a slice has no usable grid."""
    rows, columns = _shape(fields)
    if 0 < rows * columns <= MAX_NODES:
        return None
    return f"slice {fields['slice']} claims {rows} × {columns} nodes: it is left out"


def _kept_layers(fields: dict[str, Any]) -> int:
    rows, columns = _shape(fields)
    return min(len(fields["layers"]), MAX_LAYERS, int(MAX_VALUES // (rows * columns)) - 1)


def _claimed_values(fields: dict[str, Any]) -> int:
    rows, columns = _shape(fields)
    return int(rows * columns) * (1 + _kept_layers(fields))


def _told_values(fields: dict[str, Any]) -> int:
    lists = [fields["loss"], *(layer["value"] for layer in fields["layers"])]
    return sum(min(len(fields["index"]), len(values)) for values in lists)


def _layer_names(fields: dict[str, Any]) -> list[str]:
    """As recorded; numbered where they have none, and where an earlier one or the loss has the same: `accuracy (2)`."""
    names: dict[str, None] = {}
    last: dict[str, int] = {}
    for number, layer in enumerate(fields["layers"][: _kept_layers(fields)], 1):
        wanted = name = layer["name"] if layer["name"].strip() else f"layer {number}"
        while name in names or name == "loss":
            last[wanted] = last.get(wanted, 1) + 1
            name = f"{wanted} ({last[wanted]})"
        names[name] = None
    return list(names)


def _enter(one: Slice, tile: dict[str, Any]) -> None:
    """Measured nodes replace whatever was known, interpolated ones no measurement."""
    index = tile["index"][: len(tile["loss"])]
    measured = (one.known & ~one.interpolated).ravel()
    fits = index < one.loss.size
    if tile["interpolated"]:
        fits[fits] = ~measured[index[fits]]
    # What was interpolated has no standard error.
    known = 0 if tile["interpolated"] else None
    _put(one.loss, one.stderr, index, fits, tile["loss"], tile["stderr"][:known])
    for (value, stderr), told in zip(one.layers.values(), tile["layers"]):
        _put(value, stderr, index, fits, told["value"], told["stderr"][:known])
    one.known.ravel()[index[fits]] = True
    one.interpolated.ravel()[index[fits]] = tile["interpolated"]


def _put(
    value: Floats, stderr: Floats, index: NDArray[Any], fits: Flags, values: Floats, stderrs: Floats
) -> None:
    """Lists of unlike lengths end with the shortest; missing standard errors are unknown."""
    count = min(len(index), len(values))
    index, fits = index[:count], fits[:count]
    errors = np.full(count, np.nan)
    told = min(count, len(stderrs))
    errors[:told] = stderrs[:told]
    value.ravel()[index[fits]] = values[:count][fits]
    stderr.ravel()[index[fits]] = errors[fits]


def _tensors(data: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import deserialize

    try:
        return {name: _array(tensor) for name, tensor in deserialize(data)}
    except Exception as error:  # Its errors are of a type that older versions do not have.
        raise Damaged(f"no valid safetensors file: {error}") from None


def _array(tensor: dict[str, Any]) -> NDArray[Any]:
    """A tensor of a file; numpy has no bfloat16, which is the upper half of a float32."""
    data, shape = bytes(tensor["data"]), tensor["shape"]
    if tensor["dtype"] == "BF16":
        halves = np.frombuffer(data, dtype="<u2").astype("<u4")
        return (halves << np.uint32(16)).view("<f4").reshape(shape)
    types = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    return np.frombuffer(data, dtype=types[tensor["dtype"]]).reshape(shape)
