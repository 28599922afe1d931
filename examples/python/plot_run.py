"""Draws a run that burnscape recorded: loss, gradients, the landscape with the path of training, in 2-D and 3-D.

    python plot_run.py runs/digits                       # in a window
    python plot_run.py runs/digits --out digits.png      # or .svg, .pdf
    python plot_run.py runs/digits --only surface --slice random --out surface.svg

It needs matplotlib, and burnscape_trace.py beside it with numpy and cbor2.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from burnscape_trace import Run, Slice, TraceError, Trajectory, read_run

#: The pictures, in the order in which they are drawn.
PICTURES = ["loss", "gradients", "contour", "surface"]
#: Columns of the gradient heat map: more steps than that are put together, the largest value of each.
MAX_COLUMNS = 1000
#: Paths of blocks that are written beside the heat map.
MAX_LABELS = 24
#: Values that span more than this are drawn on a logarithmic scale.
LOGARITHMIC_FROM = 20.0
NOT_THERE = "0.85"
PATH_COLOUR = "#d62728"


class Missing(Exception):
    """What a picture needs and the run does not hold."""


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run, or its trace.cbor")
    parser.add_argument("--out", type=Path, help="picture to write (.png, .svg, .pdf); without it, a window opens")
    parser.add_argument("--force", action="store_true", help="overwrite the picture if it exists")
    parser.add_argument("--only", choices=PICTURES, action="append", help="this picture (may be repeated)")
    parser.add_argument("--slice", metavar="NAME", help="name or number of the slice [the first plane]")
    parser.add_argument("--dpi", type=int, default=120, help="dots per inch of a PNG [120]")
    return parser.parse_args()


def printable(text: str) -> str:
    """Text of a run without control characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def plain(text: str, longest: int = 32) -> str:
    """Text of a run as matplotlib is to show it: no formulas, no control characters, not too long."""
    shown = printable(text)
    shown = shown if len(shown) <= longest else "…" + shown[1 - longest :]
    return shown.replace("$", r"\$")


def is_wide(values: Any) -> bool:
    """All above 0, and over so many orders that only a logarithmic scale shows them."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > LOGARITHMIC_FROM * finite.min())


# ---------------------------------------------------------------- one function per picture


def draw_loss(axes: Any, run: Run, _slice: str | None) -> None:
    """Training loss of every step, validation loss of every epoch."""
    steps, epochs = run.steps(columns=[]), run.epochs()
    finite = np.isfinite(steps.loss)
    if not finite.any() and not np.isfinite(epochs.valid_loss).any():
        raise Missing("no loss was recorded: neither a step nor an epoch has one")
    axes.plot(steps.step, steps.loss, linewidth=0.8, label="training, each step", rasterized=True)
    if np.isfinite(epochs.valid_loss).any():
        axes.plot(epochs.steps, epochs.valid_loss, "o-", markersize=3, linewidth=1, label="validation, each epoch")
    mark_broken(axes, steps.step[~finite & ~np.isnan(steps.loss)])
    if is_wide(np.concatenate([steps.loss, epochs.valid_loss])):
        axes.set_yscale("log")
    axes.set(xlabel="optimizer step", ylabel="loss", title="Loss")
    axes.legend(loc="upper right", framealpha=0.9)


def mark_broken(axes: Any, steps: Any) -> None:
    """Steps whose loss is infinite."""
    if steps.size:
        top = np.ones(steps.size)
        place = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(steps, top, "v", color=PATH_COLOUR, markersize=5, label="infinite", **place)


def draw_gradients(axes: Any, run: Run, _slice: str | None) -> None:
    """Norm of the gradient of every block over steps."""
    from matplotlib.colors import LogNorm

    steps = run.steps(columns=["grad_norm"])
    measured = steps.measured["grad_norm"]
    norms = np.where(steps.missing, np.nan, steps.columns["grad_norm"])[measured].astype(float)
    positive = norms[np.isfinite(norms) & (norms > 0)]
    if not positive.size:
        raise Missing("no gradient norm was recorded: the measurement was switched off, or there was no step")
    norms, edges, together = gathered(norms, steps.step[steps.rows][measured])
    shown = np.ma.masked_where(~np.isfinite(norms) | (norms <= 0), norms)
    axes.set_facecolor(NOT_THERE)
    rows = np.arange(norms.shape[1] + 1) - 0.5
    scale = LogNorm(positive.min(), max(positive.max(), positive.min() * 1.001))
    mesh = axes.pcolormesh(edges, rows, shown.T, norm=scale, cmap="magma", rasterized=True)
    axes.invert_yaxis()
    label_blocks(axes, steps.blocks)
    note = f", largest of {together} steps" if together > 1 else ""
    axes.set(xlabel="optimizer step" + note, title="Gradient norms")
    axes.figure.colorbar(mesh, ax=axes, label="‖g‖ (grey: none, 0, not finite)")


def gathered(norms: Any, steps: Any) -> tuple[Any, Any, int]:
    """At most MAX_COLUMNS rows with the edges between them, and how many steps are in one."""
    together = -(-len(steps) // MAX_COLUMNS)
    starts = np.arange(0, len(steps), together)
    norms = np.fmax.reduceat(norms, starts, axis=0)
    firsts = steps[starts].astype(float)
    last = float(steps[-1]) + (steps[-1] - steps[-2] if len(steps) > 1 else 1)
    return norms, np.append(firsts, last), together


def label_blocks(axes: Any, blocks: list[str]) -> None:
    """Paths beside the rows, as many as there is room for."""
    every = -(-len(blocks) // MAX_LABELS)
    numbers = range(0, len(blocks), every)
    axes.set_yticks(list(numbers), [plain(blocks[number], 44) for number in numbers], fontsize=7)


def draw_contour(axes: Any, run: Run, name: str | None) -> None:
    """The losses on a plane, with the path of training; on a line, the losses along it."""
    one = chosen(run, name)
    path = run.trajectory(one)
    if one.y is None:
        draw_line(axes, one)
        return
    losses, levels = levelled(one)
    axes.set_facecolor(NOT_THERE)
    filled = axes.contourf(one.x, one.y, losses, levels=levels, norm=scale_of(levels), cmap="viridis")
    axes.contour(one.x, one.y, losses, levels=levels[::4], colors="white", linewidths=0.5, alpha=0.6)
    if path is not None and len(path.y):
        axes.plot(path.x, path.y, "o-", color=PATH_COLOUR, markersize=3, linewidth=1.2, label="path of training")
    axes.plot(0, 0, "*", color="white", markeredgecolor="black", markersize=11, label=f"centre ({one.fields['centre']})")
    axes.set(xlabel=axis_label(one.fields["x"]), ylabel=axis_label(one.fields["y"]), title=slice_title(one))
    axes.set(xlim=(one.x[0], one.x[-1]), ylim=(one.y[0], one.y[-1]))
    axes.legend(loc="upper right", framealpha=0.9, fontsize=8)
    axes.figure.colorbar(filled, ax=axes, label="loss (grey: not measured or not finite)", format="%.3g")


def draw_line(axes: Any, one: Slice) -> None:
    """The losses on a line, with their standard errors."""
    axes.errorbar(one.x, one.loss[0], np.nan_to_num(one.stderr[0]), fmt=".-", markersize=4, linewidth=1)
    axes.axvline(0, color="0.5", linewidth=0.8, linestyle=":")
    if is_wide(one.loss):
        axes.set_yscale("log")
    axes.set(xlabel=axis_label(one.fields["x"]), ylabel="loss", title=slice_title(one))


def draw_surface(axes: Any, run: Run, name: str | None) -> None:
    """The losses on a plane as a surface; heights are logarithmic where they span orders."""
    one = chosen(run, name)
    if one.y is None:
        raise Missing(f"slice {one.name!r} is a line: it has no surface")
    losses, levels = levelled(one)
    wide = is_wide(losses.compressed())
    heights = np.ma.log10(losses) if wide else losses
    x, y = np.meshgrid(one.x, one.y)
    axes.computed_zorder = False
    axes.plot_surface(x, y, heights.filled(np.nan), cmap="viridis", rcount=80, ccount=80, linewidth=0, alpha=0.85)
    draw_path_above(axes, run.trajectory(one), one, wide)
    axes.set_title(slice_title(one))
    axes.set_xlabel(plain(one.fields["x"]["label"]), labelpad=8)
    axes.set_ylabel(plain(one.fields["y"]["label"]), labelpad=8)
    axes.set_zlabel("log₁₀ loss" if wide else "loss", labelpad=8)
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=8)
    axes.view_init(elev=38, azim=-125)
    axes.set_box_aspect((4, 4, 3), zoom=0.95)


def draw_path_above(axes: Any, path: Trajectory | None, one: Slice, wide: bool) -> None:
    """The path at the losses that its points have on the plane, where all were evaluated."""
    if path is None or len(path.fields["loss_on_plane"]) != len(path.x) or len(path.y) != len(path.x):
        return
    with np.errstate(all="ignore"):
        heights = np.log10(path.fields["loss_on_plane"]) if wide else path.fields["loss_on_plane"]
    axes.plot(path.x, path.y, heights, "o-", color=PATH_COLOUR, markersize=3, linewidth=1.5, zorder=5)


# ---------------------------------------------------------------- the slice that is drawn


def chosen(run: Run, name: str | None) -> Slice:
    """The slice that was asked for, else the first plane, else the first line."""
    slices = run.slices()
    if not slices:
        raise Missing("there is no landscape in this run: `probe.finish(…)` or a study measures one")
    if name is not None:
        found = [one for one in slices if name in (one.name, str(one.number))]
        there = ", ".join(f"{one.number} ({one.name})" for one in slices)
        if not found:
            raise Missing(f"there is no slice {name!r}: there are {there}")
        return found[0]
    planes = [one for one in slices if one.y is not None]
    return (planes or slices)[0]


def levelled(one: Slice) -> tuple[Any, Any]:
    """The losses with what is not finite masked, and the levels of their contours."""
    losses = np.ma.masked_invalid(one.loss)
    found = losses.compressed()
    if found.size < 4 or min(one.loss.shape) < 2:
        raise Missing(f"slice {one.name!r} has {found.size} finite losses: too few to be drawn")
    low, high = float(found.min()), float(found.max())
    if high - low <= 1e-9 * abs(high):
        low, high = low - max(abs(low) * 1e-3, 1e-3), high + max(abs(high) * 1e-3, 1e-3)
    return losses, np.geomspace(low, high, 25) if is_wide(found) else np.linspace(low, high, 25)


def scale_of(levels: Any) -> Any:
    """Colours as far apart as the levels."""
    from matplotlib.colors import LogNorm, Normalize

    scale = LogNorm if is_wide(levels) else Normalize
    return scale(float(levels[0]), float(levels[-1]))


def axis_label(axis: dict[str, Any]) -> str:
    """What a direction is, with the share of variance that it explains."""
    explained = axis["explained"]
    share = "" if explained is None else f" ({explained:.1%} of the variance)"
    return plain(axis["label"]) + share


def slice_title(one: Slice) -> str:
    """Name and what the loss is averaged over."""
    nodes = int(one.known.sum())
    interpolated = f", {int(one.interpolated.sum())} interpolated" if one.interpolated.any() else ""
    return f"Slice {plain(one.name, 20)}: {nodes} of {one.known.size} nodes{interpolated}, {one.fields['samples']} samples"


# ---------------------------------------------------------------- the figure


DRAW = dict(zip(PICTURES, [draw_loss, draw_gradients, draw_contour, draw_surface]))


def figure(run: Run, pictures: list[str], slice_name: str | None) -> tuple[Any, list[str]]:
    """All pictures in one figure, and what is missing for those that could not be drawn."""
    import matplotlib.pyplot as plt

    columns = min(2, len(pictures))
    rows = -(-len(pictures) // columns)
    drawn = plt.figure(figsize=(7.2 * columns, 5.2 * rows), layout="constrained")
    missing = []
    for place, name in enumerate(pictures, 1):
        axes: Any = drawn.add_subplot(rows, columns, place, projection="3d" if name == "surface" else None)
        try:
            DRAW[name](axes, run, slice_name)
        except Missing as what:
            missing.append(f"{name}: {what}")
            replace(drawn, axes, rows, columns, place, name, str(what))
    drawn.suptitle(f"{plain(run.folder.resolve().name)} · {run.ended or 'not ended'}")
    return drawn, missing


def replace(drawn: Any, axes: Any, rows: int, columns: int, place: int, name: str, what: str) -> None:
    """A sentence in the place of a picture."""
    axes.remove()
    empty = drawn.add_subplot(rows, columns, place)
    empty.set_axis_off()
    empty.set_title(name.capitalize())
    empty.text(0.5, 0.5, plain(what, 200), ha="center", va="center", wrap=True, transform=empty.transAxes)


def main() -> int:
    """Draws what was asked for; 1 where that is not possible."""
    typed = arguments()
    if typed.out is not None:
        matplotlib.use("Agg")
        if typed.out.exists() and not typed.force:
            return complain(f"{typed.out} exists: --force overwrites it")
    try:
        run = read_run(typed.run)
    except (TraceError, OSError) as error:
        return complain(str(error))
    for sentence in run.damage():
        complain(sentence)
    drawn, missing = figure(run, typed.only or PICTURES, typed.slice)
    for sentence in missing:
        complain(sentence)
    if missing and len(missing) == len(typed.only or PICTURES):
        return 1
    return show(drawn, typed.out, typed.dpi)


def show(drawn: Any, out: Path | None, dpi: int) -> int:
    """In a window, or in a file that was not there before."""
    import matplotlib.pyplot as plt

    if out is None:
        plt.show()
        return 0
    try:
        drawn.savefig(out, dpi=dpi)
    except (OSError, ValueError) as error:
        return complain(f"cannot write {out}: {error}")
    return 0


def complain(sentence: str) -> int:
    """To standard error."""
    print(f"plot_run: {printable(sentence)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
