// Curves over steps, or over anything: axes, lines, marks of what is not finite, the step that is looked at.

let clips = 0;

// The frame of a chart with its axes; gives what turns values into places.
const axes = (svg, { width, height, x, y, xName, yName, isSmall, room = {} }) => {
  const size = isSmall ? 10 : 12;
  const yTicks = y ? ticksOf(y, clamp(Math.round(height / 48), 2, 6)) : [];
  const wide = Math.max(0, ...yTicks.map(([, label]) => widthOf(label, size)));
  const left = room.left ?? Math.ceil(wide) + 10, right = room.right ?? (isSmall ? 8 : 14);
  const top = room.top ?? (isSmall ? 6 : yName ? 22 : 10), bottom = room.bottom ?? (isSmall ? 18 : xName ? 42 : 24);
  const frame = { left, top, right: width - right, bottom: height - bottom };
  frame.width = Math.max(1, frame.right - left);
  frame.height = Math.max(1, frame.bottom - top);
  frame.x = value => left + placeOf(x, value) * frame.width;
  frame.y = value => frame.bottom - placeOf(y, value) * frame.height;
  const group = draw("g", svg, { class: isSmall ? "axes small" : "axes" });
  for (const [value, label] of yTicks) {
    const at = short(frame.y(value));
    draw("line", group, { x1: left, x2: frame.right, y1: at, y2: at, class: "grid" });
    draw("text", group, { x: left - 6, y: at + size * 0.35, class: "end" }, label);
  }
  let free = -Infinity;
  for (const [value, label] of ticksOf(x, clamp(Math.floor(frame.width / (isSmall ? 55 : 80)), 1, 10))) {
    const half = widthOf(label, size) / 2, at = short(frame.x(value));
    draw("line", group, { x1: at, x2: at, y1: frame.bottom, y2: frame.bottom + 4, class: "axis" });
    const middle = clamp(at, left + half - 4, width - half - 1);
    if (middle - half < free) continue;
    draw("text", group, { x: short(middle), y: frame.bottom + 5 + size, class: "middle" }, label);
    free = middle + half + 8;
  }
  draw("line", group, { x1: left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, class: "axis" });
  const named = name => cut(name, Math.floor(width / 7.2));
  if (xName) {
    const half = widthOf(named(xName), 13.5) / 2;
    draw("text", group, { x: short(clamp(left + frame.width / 2, half, Math.max(half, width - half))), y: height - 6, class: "middle name" }, named(xName));
  }
  if (yName) draw("text", group, { x: 2, y: 12, class: "name" }, named(yName));
  return frame;
};

const piecesOf = (frame, line, y) => {
  const pieces = [], holes = [];
  let piece = [];
  line.x.forEach((x, at) => {
    const value = line.y[at], drawn = isNumber(value) && (!y.log || value > 0);
    if (drawn) piece.push([frame.x(x), frame.y(value)]);
    else {
      if (piece.length) pieces.push(piece);
      piece = [];
      if (value !== null && (!isNumber(value) || y.log)) holes.push(frame.x(x));
    }
  });
  if (piece.length) pieces.push(piece);
  return { pieces, holes };
};

const lineClass = line => `line ${colourClass(line.colour)}${line.isFaint ? " faint" : ""}`;

const drawLine = (group, frame, line, y, isSmall) => {
  const { pieces, holes } = piecesOf(frame, line, y);
  const dash = DASHES[line.dash % DASHES.length] || null;
  const d = pieces.filter(piece => piece.length > 1).map(pathOf).join("");
  if (line.error) drawErrors(group, frame, line);
  if (d) draw("path", group, { d, class: lineClass(line), "stroke-dasharray": dash });
  const marked = line.marks && !isSmall ? pieces.flat() : pieces.filter(piece => piece.length === 1).flat();
  for (const [x, y] of marked) draw("circle", group, { cx: short(x), cy: short(y), r: isSmall ? 1.5 : 2.6, class: `dot ${colourClass(line.colour)}` });
  for (const x of holes) drawHole(group, x, frame.top + 6, 3.5);
  return holes.length;
};

const drawHole = (group, x, y, size) =>
  draw("path", group, { d: `M${short(x - size)} ${short(y - size)}l${2 * size} ${2 * size}m0 ${-2 * size}l${-2 * size} ${2 * size}`, class: "hole" });

const drawErrors = (group, frame, line) => line.x.forEach((x, at) => {
  const [value, error] = [line.y[at], line.error[at]];
  if (!isNumber(value) || !isNumber(error)) return;
  const ends = [value - error, value + error].map(frame.y).map(it => clamp(isNumber(it) ? it : frame.bottom, frame.top, frame.bottom));
  draw("line", group, { x1: short(frame.x(x)), x2: short(frame.x(x)), y1: short(ends[0]), y2: short(ends[1]), class: `error ${colourClass(line.colour)}` });
});

// Runs that differ in nothing but their seeds share a band from the lowest to the highest, and their mean.
const bandsOf = lines => {
  const groups = new Map();
  for (const line of lines) {
    if (line.run === undefined || runs[line.run].group === undefined) continue;
    const key = `${runs[line.run].group} ${line.name}`;
    groups.set(key, [...(groups.get(key) || []), line]);
  }
  const same = group => group.length > 1 && group.every(line => line.x.length > 1 && line.x.length === group[0].x.length && line.x.every((x, at) => x === group[0].x[at]));
  return [...groups.values()].filter(same).map(group => {
    const at = place => finite(group.map(line => line.y[place]));
    const places = range(group[0].x.length).filter(place => at(place).length === group.length);
    return { lines: group, isFaint: group[0].isFaint, colour: groups.size > 1 && distinct(lines.map(line => runs[line.run]?.group)).length > 1 ? group[0].colour : COLOURS, dash: group[0].dash, x: places.map(place => group[0].x[place]),
      low: places.map(place => least(at(place))), high: places.map(place => most(at(place))), mean: places.map(place => mean(at(place))) };
  });
};

const drawBand = (group, frame, band) => {
  const there = band.x.map((x, at) => [frame.x(x), frame.y(band.high[at])]);
  const back = band.x.map((x, at) => [frame.x(x), frame.y(band.low[at])]).reverse();
  const points = [...there, ...back];
  if (points.every(point => point.every(isNumber))) draw("path", group, { d: pathOf(points) + "Z", class: `band ${colourClass(band.colour)}` });
};

// Draws a chart into its holder. spec: { lines, log, xName, yName, overSteps, marks, fixed }.
const plot = (holder, spec, width, height, isSmall) => {
  const svg = drawing(holder, width, height);
  const shown = spec.lines.filter(line => !line.hidden && (line.run === undefined || shared.shown.has(line.run)));
  const [from, to] = spec.overSteps ? stepsInView() : spec.xRange;
  const inView = line => line.y.filter((_, at) => line.x[at] >= from && line.x[at] <= to);
  const withErrors = line => (line.error ? line.y.map((v, at) => v + line.error[at]).concat(line.y.map((v, at) => v - line.error[at])) : []);
  const values = spec.fixed || shown.flatMap(line => [...inView(line), ...withErrors(line)]);
  const y = scaleOf(values, { log: spec.log, room: 0.05 }) || scale(0, 1, false);
  const x = scale(from, to, Boolean(spec.xLog));
  const yName = spec.yName && spec.yName + (spec.log ? " (log scale)" : "");
  const frame = axes(svg, { width, height, x, y, xName: spec.xName, yName, isSmall });
  const id = `clip${clips++}`;
  draw("rect", draw("clipPath", svg, { id }), { x: frame.left - 4, y: frame.top - 2, width: frame.width + 8, height: frame.height + 4 });
  const inside = draw("g", svg, { "clip-path": `url(#${id})` });
  for (const mark of spec.marks || []) {
    if (mark.step < from || mark.step > to) continue;
    draw("line", inside, { x1: short(frame.x(mark.step)), x2: short(frame.x(mark.step)), y1: frame.top, y2: frame.bottom, class: `alert ${mark.level}` });
  }
  const bands = many ? bandsOf(shown) : [];
  bands.forEach(band => drawBand(inside, frame, band));
  const inBand = new Set(bands.flatMap(band => band.lines));
  shown.forEach(line => drawLine(inside, frame, inBand.has(line) ? { ...line, isFaint: true, marks: false } : line, y, isSmall));
  bands.forEach(band => drawLine(inside, frame, { ...band, y: band.mean }, y, isSmall));
  if (!shown.length) draw("text", svg, { x: width / 2, y: height / 2, class: "middle" }, "all curves are hidden");
  const cursor = draw("g", svg, { class: "cursor" });
  return { svg, frame, cursor, shown, y, bands: bands.length };
};

const drawCursor = ({ frame, cursor, shown, y }, step) => {
  cursor.replaceChildren();
  const [from, to] = stepsInView();
  if (step === null || step < from || step > to) return;
  const at = short(frame.x(step));
  draw("line", cursor, { x1: at, x2: at, y1: frame.top, y2: frame.bottom });
  for (const line of shown) {
    const near = line.x.length ? nearest(line.x, step) : -1, value = line.y[near];
    if (near < 0 || !isNumber(value) || (y.log && value <= 0) || line.x[near] < from || line.x[near] > to) continue;
    draw("circle", cursor, { cx: short(frame.x(line.x[near])), cy: short(frame.y(value)), r: 3.5, class: `dot ${colourClass(line.colour)}` });
  }
};

// What curves say at a step, for eyes and for screen readers.
const readout = (lines, step) => {
  const told = lines.filter(line => line.x.length).map(line => {
    const at = nearest(line.x, step);
    const who = many && line.run !== undefined ? `${cut(runs[line.run].name, 18)} ` : "";
    return `${who}${cut(line.name, 28)} ${show(line.y[at])}`;
  });
  return `step ${show(step)}: ` + told.slice(0, 12).join(" · ") + (told.length > 12 ? " …" : "");
};

const said = make("div", null, document.body, { class: "unseen", "aria-live": "polite" });
let saying = 0;
const say = text => {
  clearTimeout(saying);
  saying = setTimeout(() => { said.textContent = text; }, 400);
};

// Pointer and keys choose the step that all charts look at; a drag of the mouse, + and − choose the steps in view.
const answerSteps = (holder, state, spec) => {
  const stepAt = event => {
    const { svg, frame } = state(), box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const [from, to] = stepsInView();
    return from + clamp((x - frame.left) / frame.width, 0, 1) * (to - from);
  };
  const known = () => distinct(state().shown.flatMap(line => line.x)).sort((a, b) => a - b);
  const snapped = step => { const steps = known(); return steps.length ? steps[nearest(steps, step)] : Math.round(step); };
  let from = null;
  holder.addEventListener("pointermove", event => {
    const step = snapped(stepAt(event));
    lookAt(step);
    if (from !== null) showDrag(state(), from, stepAt(event));
  });
  holder.addEventListener("pointerleave", () => { if (from === null) lookAt(null); });
  holder.addEventListener("pointerdown", event => {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    from = stepAt(event);
    holder.setPointerCapture(event.pointerId);
  });
  holder.addEventListener("pointerup", event => {
    if (from === null) return;
    const ends = [from, stepAt(event)].sort((a, b) => a - b);
    from = null;
    const [low, high] = stepsInView();
    if (ends[1] - ends[0] > (high - low) * 0.02) showSteps(ends.map(Math.round));
    else state().svg.querySelector(".drag")?.remove();
  });
  holder.addEventListener("dblclick", () => showSteps(null));
  holder.addEventListener("keydown", event => {
    const steps = known();
    const here = shared.step === null ? 0 : nearest(steps, shared.step);
    const far = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: here - far, ArrowRight: here + far, Home: 0, End: steps.length - 1 }[event.key];
    const zoom = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
    if (to !== undefined && steps.length) {
      event.preventDefault();
      lookAt(steps[clamp(to, 0, steps.length - 1)]);
      say(readout(state().shown, steps[clamp(to, 0, steps.length - 1)]));
    } else if (zoom) {
      const [low, high] = stepsInView(), middle = shared.step ?? (low + high) / 2, half = (high - low) / 2 * zoom;
      showSteps([Math.round(middle - half), Math.round(middle + half)]);
    } else if (event.key === "0" || event.key === "Escape") showSteps(null);
  });
};

const showDrag = ({ svg, frame }, from, to) => {
  svg.querySelector(".drag")?.remove();
  const [left, right] = [from, to].map(frame.x).sort((a, b) => a - b);
  draw("rect", svg, { x: short(left), y: frame.top, width: short(right - left), height: frame.height, class: "drag" });
};

const tableOf = (lines, xName) => ({
  columns: [...(many ? ["run"] : []), "curve", xName, "value"],
  rows: () => lines.flatMap(line => line.x.map((x, at) => [...(many ? [runs[line.run]?.name ?? ""] : []), line.name, x, line.y[at]])),
});

const aboutLines = (title, lines, xName) => {
  const values = finite(lines.flatMap(line => line.y)), holes = lines.flatMap(line => line.y).filter(v => v !== null && !isNumber(v)).length;
  const ends = lines.flatMap(line => line.x);
  return `${title}: ${count(lines.length, "curve")} over ${xName} ${show(least(ends))} to ${show(most(ends))}, values ${show(least(values))} to ${show(most(values))}` +
    (holes ? `; × marks ${count(holes, "value")} that ${holes === 1 ? "is" : "are"} NaN or infinite` : "") + ".";
};

// A chart as a figure. spec: as `plot` has it, with { title, note, words, height }; null where no value is finite.
const chart = (parent, spec) => {
  const lines = spec.lines.filter(line => finite(line.y).length);
  if (!lines.length) return null;
  const all = lines.flatMap(line => line.y);
  const ends = finite(lines.flatMap(line => line.x));
  const xName = spec.xName ?? "optimizer steps";
  const full = { log: wantsLog(all), overSteps: true, xRange: [least(ends), most(ends)], ...spec, lines, xName };
  const holes = all.some(value => value !== null && !isNumber(value));
  const made = figure(parent, { ...spec, alt: aboutLines(spec.title, lines, xName), table: spec.table || tableOf(lines, full.overSteps ? "step" : xName) });
  made.holder.classList.add("chart");
  let drawn = null;
  const paintAt = width => {
    drawn = plot(made.holder, full, width, clamp(width * (spec.shape || 0.5), 190, spec.height || 330));
    drawCursor(drawn, shared.step);
    state.drawn = drawn;
  };
  const state = { drawn: null };
  picture(made.holder, paintAt);
  const told = legend(made.legend, full, () => repaint(made.holder), holes);
  if (full.overSteps) {
    made.holder.setAttribute("role", "group");
    made.holder.setAttribute("aria-roledescription", "chart");
    made.holder.setAttribute("tabindex", "0");
    answerSteps(made.holder, () => drawn, full);
    listen("step", () => {
      if (!drawn || !made.holder.clientWidth) return;
      drawCursor(drawn, shared.step);
      told(shared.step, drawn.shown);
    });
    listen("view", () => made.holder.clientWidth && repaint(made.holder));
  }
  listen("shown", () => made.holder.clientWidth && repaint(made.holder));
  return made;
};

const swatch = (parent, line) => {
  const svg = draw("svg", parent, { width: 22, height: 10, viewBox: "0 0 22 10", "aria-hidden": "true" });
  draw("line", svg, { x1: 1, x2: 21, y1: 5, y2: 5, class: lineClass(line), "stroke-dasharray": DASHES[line.dash % DASHES.length] || null });
  if (line.marks) draw("circle", svg, { cx: 11, cy: 5, r: 2.6, class: `dot ${colourClass(line.colour)}` });
};

// Buttons that hide and show curves, and what they are at the step that is looked at.
const legend = (box, spec, change, holes) => {
  const names = distinct(spec.lines.map(line => line.name));
  const values = new Map();
  if (names.length > 1 || spec.lines.some(line => line.colour !== 0) || spec.overSteps) {
    for (const name of names) {
      const lines = spec.lines.filter(line => line.name === name);
      const it = button(null, box, () => {
        const hide = it.getAttribute("aria-pressed") === "true";
        it.setAttribute("aria-pressed", String(!hide));
        lines.forEach(line => { line.hidden = hide; });
        change();
      }, { "aria-pressed": "true", title: plain(name) });
      swatch(it, many && lines[0].run !== undefined ? { ...lines[0], colour: COLOURS } : lines[0]);
      make("span", cutMiddle(name, 40), it);
      values.set(name, make("b", "", it));
    }
  }
  if (holes) make("span", "× NaN or infinite", box, { class: "hole-word" });
  if (spec.marks && spec.marks.length) make("span", "┆ alert", box, { class: "alert-word" });
  const steps = make("span", "", box, { class: "at" });
  return (step, shown) => {
    steps.textContent = step === null ? "" : `at step ${show(step)}`;
    for (const [name, element] of values) {
      const lines = shown.filter(line => line.name === name && line.x.length);
      element.textContent = step === null || !lines.length ? "" : many && lines.length > 1 ? "" : show(lines[0].y[nearest(lines[0].x, step)]);
    }
  };
};
