// The page, from the first screen to the last section.

const FEW = 8;
const groups = many ? groupRuns() : [];

// A line of a chart: in a page of several runs its colour is that of the run, else its own.
const lineOf = (name, curve, number, kind, extra = {}) => ({ name, x: curve.x, y: nums(curve.y), run: number, colour: many ? number : kind, dash: many ? kind : 0, ...extra });
const known = (epochs, name) => {
  const at = range(epochs.x.length).filter(index => epochs[name][index] !== null);
  return { x: at.map(index => epochs.x[index]), y: at.map(index => epochs[name][index]) };
};
const bandWords = () => groups.map(group => `Band: from the lowest to the highest of ${group.length === runs.length ? `all ${group.length}` : group.map(run => run.name).join(", ")}, which have the same settings; the line is their mean.`);

const alertMarks = () => runs.flatMap((run, number) => (many ? [] : run.alerts.map(alert => ({ step: alert.step, level: alert.level }))));

const lossChart = (parent, spec = {}) => {
  const by = distinct(runs.map(run => run.epochs.by).filter(Boolean)), mean = by.length === 1 ? ` (mean ${by[0]})` : "";
  const lines = runs.flatMap((run, number) => [
    lineOf("each step", run.loss, number, 0, { isFaint: run.epochs.x.length > 1 }),
    lineOf("training, by epoch" + mean, known(run.epochs, "train"), number, 1, { marks: true }),
    lineOf("validation, by epoch" + mean, known(run.epochs, "valid"), number, 2, { marks: true }),
  ]);
  return chart(parent, { title: "Loss", yName: "loss", lines, marks: alertMarks(), words: bandWords(), ...spec });
};

// The first plane with a finite loss, one with a path before others.
const firstPlane = () => {
  const shown = planesTogether().filter(group => scaleOfPlanes(group, null));
  return shown.find(group => group.some(it => it.slice.path)) || shown[0];
};

const hero = parent => {
  const group = firstPlane(), box = row(parent, group ? "hero" : "hero single");
  const drawSurface = at => {
    const z = scaleOfPlanes(group, null);
    const made = surfaceOf(holder, group[at], z, null, { title: `Loss surface: ${group[at].slice.title}`, note: isTrained(group[at].slice) ? "with the path of training" : "", level: "h2", height: 420 });
    if (group.length > 1) group.forEach(({ run }, number) => {
      const it = button(cutMiddle(run.name, 22), made.legend, () => { holder.replaceChildren(); drawSurface(number); }, { "aria-pressed": String(number === at) });
      it.classList.add("choice");
    });
  };
  const holder = group ? row(box, "slot") : null;
  if (group) drawSurface(0);
  const curves = row(box, "curves"), metric = heroMetric();
  lossChart(curves, { level: "h2", height: metric ? 270 : 400, shape: 0.6 });
  if (metric) metricChart(curves, metric, { level: "h2", height: 170 });
  if (!curves.childElementCount) box.classList.add("single");
};

// The first metric that is no loss.
const heroMetric = () => distinct(runs.flatMap(run => run.metrics.map(it => it.metric))).find(name => !/loss/i.test(name));


// Pictures of the loss, or of another layer that a reader chooses.
const chosenLayer = (parent, group, draw) => {
  const layers = [null, ...distinct(group.flatMap(it => it.slice.layers.map(layer => layer.name)))];
  const choices = layers.length > 1 ? make("div", null, parent, { class: "choices", role: "group", "aria-label": "What is drawn" }) : null;
  const pictures = row(parent, "slot");
  const fill = layer => {
    pictures.replaceChildren();
    choices?.querySelectorAll("button").forEach((it, at) => it.setAttribute("aria-pressed", String(layers[at] === layer)));
    draw(pictures, layer, group.filter(it => layer === null || it.slice.layers.some(own => own.name === layer)));
  };
  layers.forEach(layer => choices && button(nameOf(layer), choices, () => fill(layer), { class: "choice" }));
  fill(null);
};

const sectionOfPlanes = (group, place) => {
  const { slice } = group[0];
  section(`plane-${place}`, slice.title, body => chosenLayer(body, group, (parent, layer, shown) => planePictures(parent, shown, layer)),
    { note: slice.kind.split(", ").filter((it, at, all) => all.indexOf(it) === at).join(" and ") + " directions" });
};

const planePictures = (parent, group, layer) => {
  const z = scaleOfPlanes(group, layer), common = wordsOfAll(group);
  const words = group.length > 1 ? [`All on one ${z && z.log ? "logarithmic" : "linear"} scale.`, ...differences(group)] : many ? differences(group) : [];
  if (!z) make("p", `No ${nameOf(layer)} of this plane is finite: all that was measured is NaN or infinite.`, parent, { class: "warn" });
  if (words.length) words.forEach(text => make("p", text, parent, { class: "differs" }));
  const box = row(parent, group.length > 2 ? "row small" : "row pair");
  const own = it => it.slice.words.filter(sentence => !common.includes(sentence)), together = turning();
  const spec = it => (many ? { title: it.run.name, share: 0.48, words: own(it) } : { share: 0.48, words: [] });
  group.forEach(it => mapOf(box, it, z, layer, many ? { note: "from above", ...spec(it) } : spec(it)));
  if (z) group.forEach(it => surfaceOf(box, it, z, layer, many ? { note: "in space", ...spec(it), together, words: [] } : spec(it)));
  wordsOf(parent, common);
};

// What is said of every plane is said once.
const wordsOfAll = group => group[0].slice.words.filter(sentence => group.every(it => it.slice.words.includes(sentence)));

// What a picture shows and what it does not, below all of it.
const wordsOf = (parent, words) => {
  if (!words.length) return;
  const list = make("ul", null, make("div", null, parent, { class: "caveats" }));
  words.forEach(sentence => make("li", sentence, list));
};

// Slices of one run that are to be compared: the studies of these kinds, each on one scale.
const pairsOf = kind => runs.flatMap((run, number) => run.pairs.filter(pair => pair.kind === kind).map(pair => ({
  run, words: pair.words, table: pair.table, group: pair.slices.map(at => run.slices.find(slice => slice.slice === at && slice.y)).filter(Boolean).map(slice => ({ run, number, slice })),
}))).filter(({ group }) => group.length > 1);

const isBeside = ({ run, slice }) => run.pairs.some(pair => pair.kind === "side-by-side" && pair.slices.includes(slice.slice));

const sectionOfPairs = () => section("pairs", "Initial against trained, on one scale", body => pairsOf("initial-and-trained").forEach(({ run, group, words }) => {
  const z = scaleOfPlanes(group, null);
  if (many) make("h3", run.name, body);
  const box = row(body, "row pair");
  group.forEach(it => mapOf(box, it, z, null, { share: 0.48, title: `Around the ${it.slice.centre || "given"} model`, words: [] }));
  wordsOf(body, words);
}), { isOpen: false });

// The same slice of several runs: small pictures on one scale, surfaces that turn together, their numbers, and what can be
// concluded.
const sectionOfSides = () => section("sides", "Side by side, on one scale", body => pairsOf("side-by-side").forEach(({ run, group, words, table }) => {
  if (many) make("h3", run.name, body);
  chosenLayer(body, group, (parent, layer, shown) => {
    const z = scaleOfPlanes(shown, layer), together = turning(), spec = it => ({ title: it.slice.name, share: 0.48, together, words: [] });
    const size = [2, 4].includes(shown.length) ? "row" : "row small", maps = row(parent, size);
    shown.forEach(it => mapOf(maps, it, z, layer, { ...spec(it), note: "from above" }));
    const surfaces = z && row(parent, size);
    if (z) shown.forEach(it => surfaceOf(surfaces, it, z, layer, { ...spec(it), note: "in space" }));
  });
  if (table) tableOfSides(body, table);
  wordsOf(body, words);
}));

// Means of the sides with the intervals over their seeds.
const tableOfSides = (parent, { sides, rows }) => {
  const box = make("figure", null, parent);
  make("h3", "Numbers by side", make("header", null, box));
  make("div", null, box, { class: "table", tabindex: "0", role: "region", "aria-label": "Numbers by side" }).append(rowsTable(["number", ...sides], rows, "Means; in brackets the middle 95 % of the bootstrap over seeds, with two or more"));
};

const sectionOfLines = () => section("lines", "Lines", body => {
  const box = row(body);
  runs.forEach((run, number) => run.slices.filter(slice => !slice.y).forEach(slice => {
    const layers = [null, ...slice.layers.map(it => it.name)];
    layers.forEach((layer, kind) => chart(box, {
      title: `${nameOf(layer)} along ${slice.title}${many ? `: ${run.name}` : ""}`, overSteps: false, xName: slice.x_name, yName: nameOf(layer),
      lines: [{ name: nameOf(layer), x: nums(slice.x), y: valuesOf(slice, layer), colour: many ? number : kind, dash: 0 }], words: kind ? [] : slice.words, table: nodesOf(slice) }));
    if (!finite(valuesOf(slice, null)).length) make("p", `No loss along ${slice.title} is finite.`, body, { class: "warn" });
  }));
}, { isOpen: false });

const metricsOfRuns = () => runs.flatMap((run, number) => [...run.metrics, ...run.own].map(it => ({ ...it, number })));

// One chart per metric: what is counted in per cent shares no axis with a loss.
const metricChart = (parent, metric, spec) => {
  const told = metricsOfRuns().filter(it => it.metric === metric), splits = distinct(told.map(it => it.split));
  const name = split => (split === "own" ? metric : { train: "training", valid: "validation" }[split] || split);
  const lines = told.map(it => lineOf(name(it.split), it.curve, it.number, splits.indexOf(it.split) + 1, { marks: it.curve.x.length < 80 }));
  return chart(parent, { title: metric, lines, words: bandWords(), ...spec });
};

const sectionOfMetrics = () => section("metrics", "Metrics and learning rate", body => {
  const box = row(body);
  distinct(metricsOfRuns().map(it => it.metric)).forEach(metric => metricChart(box, metric, { height: 260 }));
  chart(box, { title: "Learning rate", height: 260, lines: runs.map((run, number) => lineOf("learning rate", run.lr, number, 0)) });
});

const sectionOfGradients = () => section("gradients", "Gradients", body => {
  const measured = runs.filter(run => run.heat), values = measured.flatMap(run => run.heat.rows.flat().map(num));
  const z = scaleOf(values, { log: finite(values).some(value => value > 0) });
  if (!z && measured.length) make("p", "No gradient norm is finite.", body, { class: "warn" });
  if (measured.length > 1) make("p", "All on one colour scale.", body, { class: "differs" });
  const box = row(body, "stack");
  if (z) measured.forEach(run => heatMap(box, run, z));
});

const quantities = () => distinct(runs.flatMap(run => run.charts.map(it => it.quantity)));

// One chart while curves are few; a small one per block where they are many.
const chartOfQuantity = (parent, quantity) => {
  const found = runs.map((run, number) => ({ number, told: run.charts.find(it => it.quantity === quantity) })).filter(it => it.told);
  const { title, words } = found[0].told, names = distinct(found.flatMap(it => it.told.lines.map(line => line.name)));
  if (names.length <= FEW && !many) {
    const lines = found[0].told.lines.map((line, kind) => ({ ...lineOf(line.name, line.curve, 0, kind), dash: 0 }));
    return chart(parent, { title, note: words, lines, height: 280 });
  }
  const panels = names.map(name => ({ name, lines: found.flatMap(({ number, told }) => told.lines.filter(line => line.name === name).map(line => lineOf(line.name, line.curve, number, 0))) }));
  const together = found.filter(it => it.told.all).map(({ number, told }) => lineOf("all blocks", told.all, number, 0));
  if (together.length) panels.unshift({ name: "all blocks together", lines: together });
  return multiples(parent, { title, note: words, panels });
};

const sectionOfBlocks = () => section("blocks", "Each block", body => {
  const box = row(body);
  quantities().forEach(quantity => chartOfQuantity(box, quantity));
}, { isOpen: runs.every(run => run.charts.every(it => it.lines.length <= FEW)) && !many, note: "norms, updates, signal to noise" });

const sectionOfTaps = () => section("activations", "Activations", body => {
  const box = row(body);
  for (const title of distinct(runs.flatMap(run => run.taps.map(it => it.title)))) {
    const lines = runs.flatMap((run, number) => (run.taps.find(it => it.title === title)?.lines || []).map((line, kind) => ({ ...lineOf(line.name, line.curve, number, kind), dash: many ? kind : 0 })));
    const names = distinct(lines.map(line => line.name));
    if (names.length <= FEW) chart(box, { title, lines, height: 260 });
    else multiples(box, { title, panels: names.map(name => ({ name, lines: lines.filter(line => line.name === name).map(line => ({ ...line, colour: many ? line.run : 0, dash: 0 })) })) });
  }
}, { isOpen: !many });

const sectionOfHistograms = () => section("histograms", "Histograms", body => {
  const box = row(body, "stack");
  for (const run of runs) {
    histograms(box, run, "gradient", "Gradients");
    histograms(box, run, "weight", "Weights");
    histograms(box, run, "activation", "Activations");
  }
}, { isOpen: false });

const sectionOfAlerts = () => section("alerts", "Alerts", body => {
  for (const run of runs.filter(run => run.alerts.length)) {
    if (many) make("h3", run.name, body);
    if (run.alert_count > run.alerts.length) make("p", `The first ${run.alerts.length} of ${run.alert_count}.`, body);
    const list = make("ul", null, body, { class: "alerts" });
    for (const alert of run.alerts) {
      const item = make("li", null, list, { class: alert.level });
      make("b", `${alert.level} at step ${show(alert.step)}${alert.place ? `, ${alert.place}` : ""}`, item);
      make("span", alert.text || alert.rule, item);
      if (alert.advice) make("span", alert.advice, item, { class: "advice" });
    }
  }
});

const sectionOfSharpness = () => section("sharpness", "Sharpness", body => {
  const box = row(body);
  runs.forEach((run, number) => {
    const c = run.curvature, who = many ? `: ${run.name}` : "";
    if (!c.x.length) return;
    const line = (name, list, kind, extra) => ({ name, run: undefined, x: c.x, y: nums(list).map(v => (Number.isNaN(v) ? null : v)), colour: kind, dash: 0, ...extra });
    chart(box, { title: `Eigenvalues of the Hessian${who}`, yName: "eigenvalue", words: c.words, overSteps: c.x.length > 1, xName: "optimizer steps", lines: [
      line("largest eigenvalue", c.largest, 0, { marks: true, error: nums(c.error) }),
      line("where a step overshoots", c.limit, 1, {}),
      line("smallest eigenvalue", c.smallest, 2, { marks: true }),
    ] });
    densities(box, c, who);
    if (c.blocks) bars(box, { title: `Largest eigenvalue of each block${who}`, note: `step ${show(c.blocks.step)}`, names: c.blocks.names, values: nums(c.blocks.largest), errors: nums(c.blocks.error) });
    if (c.measures) measures(box, c.measures, who);
  });
}, { isOpen: !many });

const densities = (parent, c, who) => {
  if (!c.densities.length) return;
  const last = c.densities.slice(-COLOURS);
  const values = finite(last.flatMap(it => nums(it.y))), floor = most(values) * 1e-6;
  chart(parent, { title: `Spectral density of the Hessian${who}`, note: "how eigenvalues are spread", overSteps: false, xName: "eigenvalue λ", yName: "density", log: true,
    lines: last.map((it, kind) => ({ name: `step ${show(it.step)}`, x: nums(it.x), y: nums(it.y).map(v => (isNumber(v) && v <= floor ? null : v)), colour: kind, dash: 0 })),
    words: [`Each eigenvalue is drawn as a Gaussian of width ${show(num(last[last.length - 1].width))}; densities below a millionth of the highest are left out.`],
    table: { columns: ["step", "eigenvalue", "density", "standard error"], rows: () => c.densities.flatMap(it => it.x.map((x, at) => [it.step, num(x), num(it.y[at]), num(it.error[at])])) } });
};

// Values of blocks as bars, the largest first.
const bars = (parent, { title, note, names, values, errors }) => {
  const order = range(values.length).filter(at => isNumber(values[at])).sort((a, b) => values[b] - values[a]);
  if (!order.length) return;
  const made = figure(parent, { title, note, alt: `${title}: ${count(order.length, "block")}, from ${show(values[order[order.length - 1]])} to ${show(values[order[0]])}.`,
    table: { columns: ["block", "value", "may be off by"], rows: () => names.map((name, at) => [name, values[at], errors[at] ?? null]) } });
  made.holder.classList.add("chart");
  picture(made.holder, width => {
    const shown = order.slice(0, 40), height = shown.length * 20 + 30, svg = drawing(made.holder, width, height);
    const letters = width < 420 ? 14 : 24, left = Math.max(...shown.map(at => widthOf(cutPath(names[at], letters), 12.5))) + 12;
    const x = { low: Math.min(0, ...shown.map(at => values[at])), high: Math.max(0, ...shown.map(at => values[at])) * 1.02 || 1, log: false };
    const frame = axes(svg, { width, height, x, y: null, room: { left, right: 60, top: 6, bottom: 24 } });
    shown.forEach((at, place) => {
      const y = frame.top + place * 20 + 3, [from, to] = [frame.x(0), frame.x(values[at])].sort((a, b) => a - b);
      draw("rect", svg, { x: short(from), y, width: short(Math.max(1, to - from)), height: 14, class: "bar" });
      draw("text", svg, { x: left - 6, y: y + 11, class: "end tick" }, cutPath(names[at], letters));
      draw("text", svg, { x: short(to + 5), y: y + 11, class: "tick" }, show(values[at], 3));
    });
  });
};

const measures = (parent, { step, list }, who) => {
  const box = make("figure", null, parent);
  make("h3", `Further measures at step ${show(step)}${who}`, make("header", null, box));
  const rows = list.map(it => [it.name, `${show(num(it.value))}${isNumber(num(it.error)) ? ` ± ${show(num(it.error), 2)}` : ""}`, isNumber(num(it.radius)) ? show(num(it.radius)) : "", it.meaning]);
  make("div", null, box, { class: "table", tabindex: "0", role: "region", "aria-label": plain(`Measures of sharpness${who}`) }).append(rowsTable(["measure", "value", "radius", "what it says"], rows));
};

const sectionOfSettings = () => section("settings", "Settings and provenance", body => {
  const box = row(body, "row small");
  for (const run of runs) {
    const card = make("div", null, box, { class: "card" });
    if (many) make("h3", run.name, card);
    const list = make("dl", null, card, { class: "facts" });
    for (const [name, value] of [...Object.entries(run.settings), ...run.facts]) {
      make("dt", name, list);
      make("dd", value || "not told", list);
    }
    run.notes.forEach(sentence => make("p", sentence, card));
  }
}, { isOpen: false });

const firstScreen = () => {
  const head = make("header", null, main, { class: "top" });
  make("h1", many ? `${runs.length} runs` : runs[0].name, head);
  make("p", many ? "Drawn over each other, on one scale each. A name hides or shows its run in all charts." : subline(runs[0]), head, { class: "subline" });
  if (many) comparison(head);
  else if (runs[0].compared.length) comparedRuns(head, runs[0]);
  else tiles(head, runs[0]);
  runs.flatMap(warningsOf).forEach(text => make("p", text, head, { class: "warn", role: "note" }));
  head.append(links);
  // A comparison trains nothing: its pictures come at once.
  if (many || !runs[0].compared.length) hero(main);
};

document.title = "burnscape: " + runs.map(run => plain(run.name)).join(", ");
firstScreen();
sectionOfAlerts();
sectionOfSides();
planesTogether().filter(group => !group.every(isBeside)).forEach(sectionOfPlanes);
sectionOfPairs();
sectionOfLines();
sectionOfMetrics();
sectionOfGradients();
sectionOfBlocks();
sectionOfTaps();
sectionOfHistograms();
sectionOfSharpness();
section("reading", "What such pictures tell, and what they do not", body => {
  const list = make("ul", null, body);
  conclusions.forEach(sentence => make("li", sentence, list));
}, { isOpen: false, label: "How to read it" });
sectionOfSettings();

// Resolved once everything that is unfolded is painted.
const ready = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(painting))));
window.burnscape = { get ready() { return ready().then(() => pictures.size); }, parts: { heightOn, isolines, meshOf, scaleOf, ticksOf, bandsOf, cutPath } };
