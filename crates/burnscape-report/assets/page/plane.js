// Planes: what of several runs belongs together, on which scale, and what is to be said beside it.

const STATES = ["not measured", "measured", "interpolated"];

// The values of a slice that a picture shows: its loss, or one of its layers.
const valuesOf = (slice, layer) => nums(layer === null ? slice.loss : slice.layers.find(it => it.name === layer)?.values || []);
const nameOf = layer => (layer === null ? "loss" : layer);

// Planes of all runs by name, kind and centre, in the order in which they are met.
const planesTogether = () => {
  const groups = new Map();
  runs.forEach((run, number) => run.slices.filter(slice => slice.y).forEach(slice => {
    const key = JSON.stringify([slice.name, slice.kind, slice.centre, run.slices.filter(it => it.y && it.name === slice.name && it.kind === slice.kind && it.centre === slice.centre).indexOf(slice)]);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push({ run, number, slice });
  }));
  return [...groups.values()];
};

// One decision of log or linear and one range for all planes of a group.
const scaleOfPlanes = (group, layer) => scaleOf(group.flatMap(({ slice }) => valuesOf(slice, layer)));

// What differs between planes that stand side by side.
const differences = group => {
  const reach = ({ slice }) => [slice.x, slice.y].map(axis => [axis[0], axis[axis.length - 1]].map(num).map(v => show(v, 3)).join(" to ")).join(", β from ");
  const words = [];
  if (distinct(group.map(reach)).length > 1) words.push("Their ranges differ: " + group.map(it => `${it.run.name} α from ${reach(it)}`).join("; ") + ".");
  const lengths = group.map(({ slice }) => slice.lengths.map(v => show(num(v), 3)).join(" and "));
  if (distinct(lengths).length > 1) words.push("Their directions differ in length (" + group.map((it, at) => `${it.run.name} ${lengths[at]}`).join("; ") + "): the same α is not the same distance.");
  const absent = runs.filter(run => !group.some(it => it.run === run));
  if (absent.length) words.push(`Not recorded in ${absent.map(run => run.name).join(", ")}.`);
  return words;
};

const extentOf = axis => {
  const first = num(axis[0]), last = num(axis[axis.length - 1]), half = (num(axis[1] ?? first + 1) - first) / 2 || 0.5;
  return [first - half, last + half];
};

// How many times as large a distance between weights is drawn along β as along α; null where lengths are unknown.
const stretchOf = (slice, width, height) => {
  const [across, up] = [extentOf(slice.x), extentOf(slice.y)].map(([from, to]) => to - from);
  const [a, b] = slice.lengths.map(num);
  if (!(a > 0 && b > 0)) return null;
  return height / (up * b) / (width / (across * a));
};
const aboutStretch = factor => {
  if (factor === null || Math.abs(Math.log(factor)) < 0.05) return [];
  const [much, little] = factor > 1 ? ["β", "α"] : ["α", "β"];
  return [`Not to scale: distances along ${much} are drawn ${show(Math.max(factor, 1 / factor), 2)} times as large as along ${little}.`];
};

// Whether its path is one of training: a bent path between two models has no snapshots.
const isTrained = slice => Boolean(slice.path && slice.path.snapshots.length);

const aboutPlane = (slice, layer) => {
  const values = valuesOf(slice, layer), known = finite(values);
  const odd = values.filter(v => v !== null && !isNumber(v)).length;
  const not = slice.state.filter(s => s === 0).length, filled = slice.state.filter(s => s === 2).length;
  return `slice ${slice.slice} “${slice.name}” around ${slice.centre || "its centre"}; ` +
    (known.length ? `${nameOf(layer)} from ${show(least(known))} to ${show(most(known))}` : `no ${nameOf(layer)} is finite`) +
    (odd ? `; ${count(odd, "node")} NaN or infinite` : "") + (not ? `; ${count(not, "node")} not measured` : "") +
    (filled ? `; ${count(filled, "node")} interpolated` : "") + (slice.path ? `; the path of ${count(slice.path.x.length, isTrained(slice) ? "snapshot" : "node")}, a square its start and a ring its end` : "") + ".";
};

// Every node with everything that is known of it.
const nodesOf = slice => ({
  columns: ["α", ...(slice.y ? ["β"] : []), "loss", "state", ...slice.layers.map(it => it.name)],
  rows: () => slice.loss.map((value, node) => {
    const width = slice.x.length;
    return [num(slice.x[node % width]), ...(slice.y ? [num(slice.y[Math.floor(node / width)])] : []), num(value), STATES[slice.state[node]], ...slice.layers.map(it => num(it.values[node]))];
  }),
});

// Colours of paths that lie on one plane, each of another run; a single one has the first.
const PATHS = ["#e4572e", "#2a9df4", "#f5c211", "#ff7ac6", "#9b6bff", "#20c997", "#ffffff", "#202020"];

// The paths of a slice, one per run: where on the grid, in units of its nodes, with the snapshots' steps and true losses.
const pathsOn = slice => {
  const points = pathOn(slice), several = slice.path?.runs;
  if (!points.length) return [];
  return (several || [{ name: "", from: 0, to: Infinity }]).map(({ name, from, to }, number) => ({
    name, colour: PATHS[number % PATHS.length], points: points.filter(it => it.entry >= from && it.entry < to),
  })).filter(it => it.points.length);
};
const pathLegend = (box, paths) => paths.length > 1 && paths.forEach(({ name, colour }, number) => {
  const it = make("span", null, box, { class: "of-path" });
  make("i", "", it, { style: `background:${colour}` });
  make("span", cutMiddle(name || `run ${number + 1}`, 30), it);
});

const pathOn = slice => {
  if (!slice.path) return [];
  const unit = axis => { const first = num(axis[0]), step = num(axis[1] ?? 1) - first || 1; return value => (num(value) - first) / step; };
  const [x, y] = [unit(slice.x), unit(slice.y)];
  return slice.path.x.map((at, number) => ({ entry: number, x: x(at), y: y(slice.path.y[number]), loss: num(slice.path.loss[number]), snapshot: slice.path.snapshots[number], step: slice.path.steps[number] }))
    .filter(it => isNumber(it.x) && isNumber(it.y));
};

// The snapshot that holds at a step: the last one before it.
const snapshotAt = (path, step) => {
  const before = step === null ? [] : path.filter(it => it.step !== null && it.step <= step);
  return before.length ? before[before.length - 1] : null;
};

// Lines of equal value through a grid (marching squares, linear between nodes); null where a corner is not finite.
const isolines = (values, columns, rows, level) => {
  const segments = [];
  const at = (c, r) => values[r * columns + c];
  for (let r = 0; r + 1 < rows; r++) for (let c = 0; c + 1 < columns; c++) {
    const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]], v = corners.map(([x, y]) => at(x, y));
    if (!v.every(isNumber)) continue;
    const cuts = [];
    for (let side = 0; side < 4; side++) {
      const [a, b] = [v[side], v[(side + 1) % 4]];
      if ((a < level) === (b < level)) continue;
      const part = (level - a) / (b - a), [p, q] = [corners[side], corners[(side + 1) % 4]];
      cuts.push([p[0] + (q[0] - p[0]) * part, p[1] + (q[1] - p[1]) * part]);
    }
    if (cuts.length === 2) segments.push(cuts);
    if (cuts.length === 4) {
      // A saddle: its middle says which corners belong together.
      const isHigh = (v[0] + v[1] + v[2] + v[3]) / 4 >= level, first = v[0] >= level;
      segments.push(...(isHigh === first ? [[cuts[0], cuts[1]], [cuts[2], cuts[3]]] : [[cuts[3], cuts[0]], [cuts[1], cuts[2]]]));
    }
  }
  return segments;
};

const LEVELS = 12;
const levelsOf = z => range(LEVELS).map(at => valueAt(z, (at + 1) / (LEVELS + 1)));
