// Pictures of cells: norms of blocks over steps, and histograms over steps.

// The meaning of colours, to the right of a picture.
const colourBar = (svg, frame, z, name) => {
  const left = frame.right + 14, wide = 10, steps = 48;
  const group = draw("g", svg, { class: "axes" });
  for (const at of range(steps)) {
    const y = frame.bottom - (at + 1) / steps * frame.height;
    draw("rect", group, { x: left, y: short(y), width: wide, height: short(frame.height / steps + 0.6), fill: css(viridis((at + 0.5) / steps)) });
  }
  for (const [value, label] of ticksOf(z, clamp(Math.round(frame.height / 40), 2, 6))) {
    const y = short(frame.bottom - placeOf(z, value) * frame.height);
    draw("line", group, { x1: left + wide, x2: left + wide + 4, y1: y, y2: y, class: "axis" });
    draw("text", group, { x: left + wide + 7, y: y + 4 }, label);
  }
  draw("text", group, { x: frame.right + 60, y: frame.top - 8, class: "end name" }, name + (z.log ? " (log)" : ""));
};
const BAR = 70;

// Cells as one picture in a frame, holes of what is not finite above it.
const drawCells = (svg, frame, columns, rows, colourOf, holes) => {
  const href = pictureOf(columns, rows, colourOf);
  draw("image", svg, { href, x: frame.left, y: frame.top, width: frame.width, height: frame.height, preserveAspectRatio: "none", class: "cells" });
  for (const [column, row] of holes) {
    const size = clamp(Math.min(frame.width / columns, frame.height / rows) * 0.35, 1.5, 4);
    drawHole(svg, frame.left + (column + 0.5) / columns * frame.width, frame.top + (row + 0.5) / rows * frame.height, size);
  }
};

const heatColour = (value, z) => {
  if (value === null || value === undefined) return null;
  if (!isNumber(value)) return NOT_FINITE;
  return viridis(z.log && value <= 0 ? 0 : placeOf(z, value));
};

// Gradient norms of one run; `z` is the scale of all runs.
const heatMap = (parent, run, z) => {
  const { names, first, at } = run.heat, rows = run.heat.rows.map(nums), columns = first.length - 1;
  const step = (row, column) => first[column] + at[row][column];
  const holes = rows.flatMap((row, r) => row.flatMap((v, c) => (v !== null && !isNumber(v) ? [[c, r]] : [])));
  const known = rows.flat().filter(isNumber);
  const made = figure(parent, {
    title: many ? `Gradient norms of ${run.name}` : "Gradient norm of each block", note: "each cell: the largest of its steps", wide: true,
    alt: `Heat map of the gradient norms of ${rows.length} parameter blocks over steps ${first[0]} to ${first[columns] - 1}, from ${show(least(known))} to ${show(most(known))}${holes.length ? `; × marks ${count(holes.length, "cell")} with NaN or infinite norms` : ""}.`,
    words: run.heat.left_out ? [`${count(run.heat.left_out, "further block")} not drawn; the exports have all.`] : [],
    table: { columns: ["block", "step", "largest norm of its cell"], rows: () => rows.flatMap((row, r) => row.flatMap((v, c) => (v === null ? [] : [[names[r], step(r, c), v]]))) } });
  made.holder.classList.add("chart");
  const told = make("span", "", made.legend, { class: "at" });
  let drawn = null;
  picture(made.holder, width => {
    const letters = width < 500 ? 13 : 26, size = 11;
    const left = Math.min(width * 0.4, Math.max(...names.map(name => widthOf(cutPath(name, letters), size + 1.5))) + 12);
    const height = clamp(rows.length * 16, 150, 460) + 64;
    const svg = drawing(made.holder, width, height);
    const x = { low: first[0], high: first[columns], log: false };
    const frame = axes(svg, { width, height, x, y: null, xName: "optimizer steps", room: { left, right: BAR, top: 26 } });
    drawCells(svg, frame, columns, rows.length, (c, r) => heatColour(rows[r][c], z), holes);
    const every = Math.ceil(size * 1.2 / (frame.height / rows.length));
    for (let r = 0; r < names.length; r += every) {
      draw("text", svg, { x: left - 6, y: short(frame.top + (r + 0.5) / names.length * frame.height + 4), class: "end tick" }, cutPath(names[r], letters));
    }
    colourBar(svg, frame, z, "‖g‖");
    drawn = { svg, frame, cursor: draw("g", svg, { class: "cursor" }), shown: [], y: {}, x };
    mark();
  });
  const mark = () => {
    if (!drawn) return;
    drawn.cursor.replaceChildren();
    if (shared.step === null || shared.step < drawn.x.low || shared.step > drawn.x.high) return;
    const place = short(drawn.frame.x(shared.step));
    draw("line", drawn.cursor, { x1: place, x2: place, y1: drawn.frame.top, y2: drawn.frame.bottom });
  };
  listen("step", () => made.holder.clientWidth && mark());
  made.holder.addEventListener("pointermove", event => {
    const { svg, frame } = drawn, box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const column = Math.floor(((event.clientX - box.left) * scale - frame.left) / frame.width * columns);
    const row = Math.floor(((event.clientY - box.top) * scale - frame.top) / frame.height * rows.length);
    const value = rows[row]?.[column];
    if (value === undefined) return;
    lookAt(step(row, column));
    told.textContent = value === null ? `${cutPath(names[row], 30)}: not measured` : `${cutPath(names[row], 30)}, step ${step(row, column)}: ${show(value)}`;
  });
  made.holder.addEventListener("pointerleave", () => lookAt(null));
  return made;
};

// Counts in octaves over steps: shares of each moment's values, small ones below.
const histogram = (parent, series, run) => {
  const moments = series.moments, of = m => m.positive.map((n, at) => n + (m.negative[at] || 0));
  const low = least(moments.map(m => m.first)), high = most(moments.map(m => m.first + m.positive.length));
  const rows = high - low, total = m => of(m).reduce((a, b) => a + b, 0) + m.zeros;
  if (rows <= 0) return null;
  const shares = moments.map(m => {
    const all = total(m), counts = of(m);
    return range(rows).map(row => (counts[high - 1 - row - m.first] || 0) / (all || 1));
  });
  const highest = most(shares.flat()) || 1;
  const cell = make("div", null, parent, { class: "cell" });
  const head = make("div", null, cell, { class: "head" });
  make("span", cutPath(series.name, 26), head, { title: plain(series.name) });
  const last = moments[moments.length - 1], zeros = last.zeros / (total(last) || 1);
  make("b", zeros > 0.0005 ? `${show(zeros * 100, 2)} % zeros` : "", head);
  const odd = moments.reduce((sum, m) => sum + m.non_finite, 0);
  const holder = make("div", null, cell, { class: "holder", role: "img",
    "aria-label": plain(`Histogram of the ${series.of} ${series.name} at ${moments.length} of ${series.taken} moments, magnitudes from 2 to the ${low} to 2 to the ${high}${odd ? `; ${odd} values NaN or infinite` : ""}.`) });
  picture(holder, width => {
    const height = 120, svg = drawing(holder, width, height);
    const x = { low: 0, high: moments.length, log: false }, y = { low: low, high: high, log: false };
    const size = 10, frame = { left: 36, right: width - 6, top: 6, bottom: height - 18 };
    frame.width = frame.right - frame.left;
    frame.height = frame.bottom - frame.top;
    drawCells(svg, frame, moments.length, rows, (c, r) => (shares[c][r] > 0 ? viridis(Math.sqrt(shares[c][r] / highest)) : null), []);
    const group = draw("g", svg, { class: "axes small" });
    draw("rect", group, { x: frame.left, y: frame.top, width: frame.width, height: frame.height, class: "frame" });
    for (const [value] of ticksOf({ low, high, log: false }, 3)) {
      if (!Number.isInteger(value)) continue;
      draw("text", group, { x: frame.left - 4, y: short(frame.bottom - (value - low) / rows * frame.height + 3), class: "end" }, "2" + superscript(value));
    }
    draw("text", group, { x: frame.left, y: height - 4 }, show(moments[0].step));
    if (moments.length > 1) draw("text", group, { x: frame.right, y: height - 4, class: "end" }, show(last.step));
    if (odd) draw("text", group, { x: frame.right - 2, y: frame.top + 11, class: "end hole-word" }, `× ${count(odd, "NaN or ∞", "NaN or ∞")}`);
  }, 0.23);
  return cell;
};

// All histograms of one kind of values of one run.
const histograms = (parent, run, of, title) => {
  const all = run.histograms.series.filter(series => series.of === of);
  if (!all.length) return null;
  const made = figure(parent, { title: many ? `${title}: ${run.name}` : title, note: "magnitudes in octaves over steps; brighter: more of the values", wide: true, isMany: true, alt: title,
    words: run.histograms.left_out ? [`${count(run.histograms.left_out, "further histogram")} not drawn; the exports have all.`] : [],
    table: { columns: ["of", "step", "from |x| ≥", "positive", "negative", "zeros", "NaN or infinite"],
      rows: () => all.flatMap(series => series.moments.flatMap(m => m.positive.map((n, at) => [series.name, m.step, 2 ** (m.first + at), n, m.negative[at] || 0, m.zeros, m.non_finite]).filter(row => row[3] || row[4]))) } });
  made.holder.removeAttribute("role");
  made.holder.removeAttribute("aria-label");
  made.holder.classList.add("multiples");
  all.forEach(series => histogram(made.holder, series, run));
  return made;
};
