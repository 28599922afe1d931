"use strict";
(() => {
  const { runs, conclusions } = JSON.parse(document.getElementById("data").textContent);
  const page = document.getElementById("page");
  const many = runs.length > 1;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = () => innerWidth < 600;
  // Numbers that JSON lacks are words.
  const num = v => typeof v === "string" ? Number(v) : v;
  const nums = list => list.map(num);
  const isFinite_ = v => typeof v === "number" && Number.isFinite(v);
  const finite = list => list.filter(isFinite_);
  const least = list => list.reduce((a, b) => b < a ? b : a, Infinity);
  const most = list => list.reduce((a, b) => b > a ? b : a, -Infinity);
  const show = v => v === null || v === undefined ? "" : typeof v === "number" ? String(Number.isFinite(v) ? +v.toPrecision(7) : v) : String(v);
  // Plotly reads a little markup in texts: names from a run are shown as they are.
  const plain = text => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  const label = text => plain(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const cut = (text, n) => { const c = [...plain(text)]; return c.length > n ? c.slice(0, n - 1).join("") + "…" : c.join(""); };
  const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f", "#f0e442"];
  const dashes = ["solid", "dash", "dot", "dashdot"];
  const plots = [];

  const make = (tag, text, parent, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== null) element.textContent = plain(text);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (parent) parent.append(element);
    return element;
  };

  const theme = () => dark.matches
    ? { ink: "#e8e8ea", grid: "#3a3a42" } : { ink: "#1a1a1a", grid: "#d8d8dc" };

  const axis = (title, extra = {}) => ({ title: { text: label(title), standoff: 8 }, automargin: true, zeroline: false, ...extra });

  const dressed = layout => {
    const { ink, grid } = theme();
    const dress = it => it && Object.assign({}, it, { gridcolor: grid, linecolor: grid, tickcolor: grid, color: ink });
    const out = Object.assign({}, layout, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, size: 12, family: "system-ui, sans-serif" },
      margin: layout.margin || { l: 58, r: 16, t: 16, b: 48 },
    });
    for (const key of ["xaxis", "yaxis"]) if (layout[key]) out[key] = dress(layout[key]);
    if (layout.scene) {
      out.scene = Object.assign({}, layout.scene);
      for (const key of ["xaxis", "yaxis", "zaxis"]) out.scene[key] = dress(layout.scene[key]);
    }
    return out;
  };

  const table = (spec, parent) => {
    const details = make("details", null, parent);
    make("summary", "Data as a table", details);
    // Filled when it is opened: thousands of rows would slow the page down.
    details.addEventListener("toggle", () => {
      if (!details.open || details.querySelector("table")) return;
      const limit = 2000, box = make("div", null, details, { class: "table", tabindex: "0" });
      const grid = make("table", null, box);
      make("caption", spec.rows.length > limit ? `The first ${limit} of ${spec.rows.length} rows` : `${spec.rows.length} rows`, grid);
      const head = make("tr", null, make("thead", null, grid));
      spec.columns.forEach(name => make("th", name, head, { scope: "col" }));
      const body = make("tbody", null, grid);
      for (const cells of spec.rows.slice(0, limit)) {
        const row = make("tr", null, body);
        cells.forEach(cell => make("td", show(cell), row));
      }
    });
  };

  // Arrow keys turn or move a picture, + and − bring it nearer.
  const keys = (plot, is3d) => plot.addEventListener("keydown", event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const zoom = { "+": 0.8, "=": 0.8, "-": 1.25 }[event.key];
    if (!step && !zoom) return;
    event.preventDefault();
    if (is3d) {
      const eye = plot._fullLayout.scene._scene.getCamera().eye;
      const radius = Math.hypot(eye.x, eye.y, eye.z) * (zoom || 1);
      const around = Math.atan2(eye.y, eye.x) + 0.15 * (step ? step[0] : 0);
      const up = Math.min(1.5, Math.max(-1.5, Math.asin(eye.z / Math.hypot(eye.x, eye.y, eye.z)) + 0.12 * (step ? step[1] : 0)));
      Plotly.relayout(plot, { "scene.camera.eye": { x: radius * Math.cos(up) * Math.cos(around), y: radius * Math.cos(up) * Math.sin(around), z: radius * Math.sin(up) } });
      return;
    }
    const change = {};
    for (const [place, name] of ["xaxis", "yaxis"].entries()) {
      const [low, high] = plot._fullLayout[name].range.map(Number), size = high - low;
      const shift = step ? step[place] * size * 0.1 : 0, grow = zoom ? (zoom - 1) * size / 2 : 0;
      change[name + ".range"] = [low + shift - grow, high + shift + grow];
    }
    Plotly.relayout(plot, change);
  });

  const legend = (figure, plot, traces) => {
    const shown = traces.map((trace, index) => [trace, index]).filter(([trace]) => trace.legendName);
    if (shown.length < 2) return;
    const box = make("div", null, figure, { class: "swatches legend", role: "group", "aria-label": "Curves to show" });
    for (const [trace, index] of shown) {
      const button = make("button", cut(trace.legendName, 60), box, { type: "button", "aria-pressed": "true", title: plain(trace.legendName) });
      button.style.borderColor = trace.line ? trace.line.color : trace.marker.color;
      button.style.borderWidth = "2px";
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        Plotly.restyle(plot, { visible: on }, [index]);
      });
    }
  };

  // Gives what draws it: a picture takes its size from all that stands in its row.
  const place = (spec, parent, run) => {
    const figure = make("figure", null, parent);
    make("h3", many ? `${spec.title} — ${run.name}` : spec.title, figure);
    const plot = make("div", null, figure, { class: spec.is3d ? "plot tall" : "plot", role: "img", "aria-label": plain(spec.alt), tabindex: "0" });
    const caption = make("figcaption", null, figure);
    make("div", spec.alt, caption);
    make("div", spec.is3d ? "Drag or arrow keys turn it, + and − zoom." : "Drag zooms, double click resets; arrow keys move it, + and − zoom.", caption, { class: "keys" });
    if (spec.words && spec.words.length) {
      const list = make("ul", null, caption);
      spec.words.forEach(sentence => make("li", sentence, list));
    }
    const traces = spec.traces.map(trace => { const { legendName, ...rest } = trace; return { showlegend: false, ...rest }; });
    const config = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };
    legend(figure, plot, spec.traces);
    table(spec.table, figure);
    keys(plot, spec.is3d);
    return async () => {
      await Plotly.newPlot(plot, traces, dressed(spec.layout), config);
      plots.push([plot, spec.layout]);
    };
  };

  // One scale for all runs in a row.
  const share = specs => {
    const drawn = specs.filter(Boolean);
    for (const name of ["x", "y", "z"]) {
      const list = finite(drawn.flatMap(spec => (spec.extent && spec.extent[name]) || []));
      if (!list.length) continue;
      let low = least(list), high = most(list);
      if (low === high) { low -= Math.abs(low) * 0.1 || 1; high += Math.abs(high) * 0.1 || 1; }
      drawn.forEach(spec => spec.fit && spec.fit[name] && spec.fit[name](low, high));
    }
  };

  const pending = [];
  const section = (title, specs) => {
    if (!specs.some(Boolean)) return;
    const id = "s" + document.querySelectorAll("section").length;
    const part = make("section", null, page, { id });
    make("h2", title, part);
    make("a", title, nav, { href: "#" + id });
    share(specs);
    const row = make("div", null, part, { class: "row" });
    specs.forEach((spec, index) => {
      if (!spec) { if (many) make("p", `Not recorded in ${runs[index % runs.length].name}.`, make("div", null, row, { class: "card" })); return; }
      pending.push(place(spec, row, spec.run || runs[index % runs.length]));
    });
  };

  const decade = values => { const f = finite(values).filter(v => v > 0); return f.length > 0 && f.length === finite(values).length && most(f) / least(f) > 100; };

  // Curves with a legend of buttons; a cross marks what is not finite.
  const chart = (title, lines, yName, run, marks = false) => {
    const kept = lines.filter(line => finite(nums(line.curve.y)).length);
    if (!kept.length) return null;
    const traces = [], extent = { x: [], y: [] }, rows = [];
    const all = kept.flatMap(line => nums(line.curve.y));
    const log = decade(all);
    kept.forEach((line, index) => {
      const y = nums(line.curve.y);
      extent.x.push(...[least(line.curve.x), most(line.curve.x)]);
      extent.y.push(...[least(finite(y)), most(finite(y))].filter(isFinite_));
      traces.push({ type: "scatter", mode: marks || line.marks || y.length < 3 ? "lines+markers" : "lines", name: label(line.name), legendName: line.name, x: line.curve.x, y,
        error_y: line.error ? { type: "data", array: nums(line.error), visible: true } : undefined,
        line: { color: colours[index % 8], dash: dashes[Math.floor(index / 8 + index) % 4], width: 1.5 } });
      y.forEach((value, at) => rows.push([line.name, line.curve.x[at], value]));
    });
    const holes = kept.flatMap(line => nums(line.curve.y).flatMap((v, at) => v !== null && !Number.isFinite(v) ? [line.curve.x[at]] : []));
    const layout = { xaxis: axis("optimizer steps"), yaxis: axis(yName + (log ? " (log scale)" : ""), { type: log ? "log" : "linear", exponentformat: "e" }), hovermode: "closest" };
    const spec = { title, traces, layout, extent, table: { columns: ["curve", "step", "value"], rows }, is3d: false,
      alt: `${title}: ${kept.length} curve${kept.length > 1 ? "s" : ""} over optimizer steps ${show(least(extent.x))} to ${show(most(extent.x))}, values ${show(least(extent.y))} to ${show(most(extent.y))}${holes.length ? `; × marks ${holes.length} values that are NaN or infinite` : ""}.` };
    spec.fit = {
      x: (low, high) => { layout.xaxis.range = [low, high]; },
      y: (low, high) => {
        const room = log ? Math.log10(high / low) * 0.05 : (high - low) * 0.05;
        if (log && low <= 0) return;
        layout.yaxis.range = log ? [Math.log10(low) - room, Math.log10(high) + room] : [low - room, high + room];
        if (holes.length) traces[kept.length].y = holes.map(() => high);
      },
    };
    if (holes.length) traces.push({ type: "scatter", mode: "markers", name: "NaN or infinite", legendName: "NaN or infinite", x: holes, y: holes.map(() => most(extent.y)), marker: { symbol: "x", color: "#d6006c", size: 8 } });
    return spec;
  };

  const loss = run => chart("Loss", [
    { name: "step", curve: run.loss },
    { name: "epoch, training" + by(run.epochs), marks: true, curve: some(run.epochs, "train") },
    { name: "epoch, validation" + by(run.epochs), marks: true, curve: some(run.epochs, "valid") },
  ], "loss", run);
  const by = epochs => epochs.by ? `, ${epochs.by}` : "";
  const some = (epochs, name) => {
    const at = epochs.x.map((_, index) => index).filter(index => epochs[name][index] !== null);
    return { x: at.map(index => epochs.x[index]), y: at.map(index => epochs[name][index]) };
  };

  const bar = (title, low, high, log) => {
    const values = log ? [] : null;
    if (log) for (let p = Math.ceil(Math.log10(low)); p <= Math.log10(high); p++) values.push(p);
    const ticks = log && values.length > 1 ? { tickvals: values, ticktext: values.map(p => show(10 ** p)) }
      : log ? { tickvals: [Math.log10(low), Math.log10(high)], ticktext: [show(+low.toPrecision(3)), show(+high.toPrecision(3))] } : {};
    return { title: { text: label(title + (log ? " (log)" : "")), side: "right" }, thickness: 12, outlinewidth: 0, ...ticks };
  };

  const heat = run => {
    if (!run.heat) return null;
    const rows = run.heat.rows.map(nums);
    const flat = rows.flat().filter(v => isFinite_(v) && v > 0);
    if (!flat.length) return null;
    const wide = narrow() ? 14 : 28;
    const step = (r, c) => run.heat.first[c] + run.heat.at[r][c];
    const logs = rows.map(row => row.map(v => isFinite_(v) && v > 0 ? Math.log10(v) : null));
    const trace = { type: "heatmap", x: run.heat.first, y: run.heat.names.map((_, i) => i), z: logs, colorscale: "Viridis", customdata: rows.map((row, r) => row.map((v, c) => `step ${step(r, c)}<br>${show(v)}`)), hovertemplate: "%{customdata}<extra></extra>", hoverongaps: false };
    const holes = [];
    rows.forEach((row, r) => row.forEach((v, c) => { if (v !== null && !Number.isFinite(v)) holes.push([step(r, c), r]); }));
    const every = Math.ceil(rows.length / 24);
    const at = run.heat.names.map((_, i) => i).filter(i => i % every === 0);
    const traces = [trace];
    if (holes.length) traces.push({ type: "scatter", mode: "markers", x: holes.map(h => h[0]), y: holes.map(h => h[1]), marker: { symbol: "x", color: "#ff4fa3", size: 7 }, hoverinfo: "skip" });
    const layout = { xaxis: axis("optimizer steps"), yaxis: axis("", { autorange: "reversed", tickvals: at, ticktext: at.map(i => label(cut(run.heat.names[i], wide))) }) };
    return { title: "Gradient norm of each block", traces, layout, is3d: false, extent: { z: [least(flat), most(flat)] },
      fit: { z: (low, high) => { trace.zmin = Math.log10(low); trace.zmax = Math.log10(high); trace.colorbar = bar("‖g‖", low, high, true); } },
      words: run.heat.left_out ? [`${run.heat.left_out} further blocks are not drawn; the exports have them.`] : [],
      alt: `Heat map of the gradient norms of ${rows.length} parameter blocks over steps, from ${show(least(flat))} to ${show(most(flat))}; each cell shows the largest norm in its stretch${holes.length ? `; × marks ${holes.length} cells that are not finite` : ""}.`,
      table: { columns: ["block", "step", "largest norm"], rows: rows.flatMap((row, r) => row.map((v, c) => [run.heat.names[r], step(r, c), v]).filter(cell => cell[2] !== null)) } };
  };

  const grid = slice => {
    const z = nums(slice.loss), width = slice.x.length, out = [];
    for (let row = 0; row < z.length / width; row++) out.push(z.slice(row * width, (row + 1) * width));
    return out;
  };
  const nodes = slice => ({ columns: slice.y ? ["α", "β", "loss", "state"] : ["α", "loss", "state"],
    rows: slice.loss.map((value, node) => {
      const state = ["not measured", "measured", "interpolated"][slice.state[node]], width = slice.x.length;
      return slice.y ? [num(slice.x[node % width]), num(slice.y[Math.floor(node / width)]), num(value), state] : [num(slice.x[node]), num(value), state];
    }) });
  const about = slice => {
    const f = finite(nums(slice.loss)), odd = slice.loss.filter(v => typeof v === "string").length;
    const not = slice.state.filter(s => s === 0).length, filled = slice.state.filter(s => s === 2).length;
    return `slice ${slice.slice} “${slice.name}” around ${slice.centre || "its centre"}; losses from ${show(least(f))} to ${show(most(f))}` +
      (odd ? `; × marks ${odd} nodes that are NaN or infinite` : "") + (not ? `; ${not} nodes are not measured and left empty` : "") + (filled ? `; dots mark ${filled} interpolated nodes` : "") + (slice.path ? `; the path of ${slice.path.x.length} snapshots, □ its start and ○ its end` : "") + ".";
  };
  const scaled = (slice, values, log) => log ? values.map(v => isFinite_(v) && v > 0 ? Math.log10(v) : null) : values.map(v => isFinite_(v) ? v : null);
  // Of several runs each path for itself, in a colour that is told apart without seeing red or green (Okabe and Ito).
  const inks = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#000000"];
  const paths = path => !path ? [] : (path.runs || [{ name: "", from: 0, to: path.x.length }]).map((run, k) => {
    const part = list => list.slice(run.from, run.to);
    return { name: run.name, ink: inks[k % inks.length], x: part(path.x), y: part(path.y), loss: part(path.loss), snapshots: part(path.snapshots) };
  });
  const ends = path => path.x.map((_, i) => i === 0 ? "square" : i === path.x.length - 1 ? "circle-open" : "circle");

  // As functions of the common scale, which is only known when all runs are.
  const contour = (slice, run, title) => {
    if (!slice || !slice.y) return null;
    const z = grid(slice), f = finite(z.flat());
    if (!f.length) return null;
    const log = decade(f), traces = [];
    const area = { type: "heatmap", x: nums(slice.x), y: nums(slice.y), z: z.map(row => scaled(slice, row, log)), colorscale: "Viridis", customdata: z.map(row => row.map(show)), hovertemplate: "α %{x}<br>β %{y}<br>loss %{customdata}<extra></extra>", hoverongaps: false };
    traces.push(area);
    const lines = { type: "contour", x: area.x, y: area.y, z: area.z, autocontour: false, contours: { coloring: "none" }, line: { color: "rgba(255,255,255,.75)", width: 1 }, showscale: false, hoverinfo: "skip", connectgaps: false };
    traces.push(lines);
    const marked = (test, marker) => {
      const at = slice.loss.map((_, n) => n).filter(test), w = slice.x.length;
      if (at.length) traces.push({ type: "scatter", mode: "markers", x: at.map(n => num(slice.x[n % w])), y: at.map(n => num(slice.y[Math.floor(n / w)])), marker, hoverinfo: "skip" });
    };
    marked(n => typeof slice.loss[n] === "string", { symbol: "x", color: "#d6006c", size: 7 });
    marked(n => slice.state[n] === 2, { symbol: "circle", color: "rgba(255,255,255,.8)", size: 3 });
    for (const path of paths(slice.path)) traces.push({ type: "scatter", mode: "lines+markers", name: path.name, x: nums(path.x), y: nums(path.y), line: { color: path.ink, width: 2 }, marker: { color: path.ink, size: path.x.map((_, i) => i === 0 || i === path.x.length - 1 ? 11 : 5), symbol: ends(path), line: { width: 2, color: path.ink } }, text: path.snapshots.map(s => `${path.name} snapshot ${s}`), hovertemplate: "%{text}<br>α %{x}<br>β %{y}<extra></extra>" });
    const edge = list => { const h = (list[1] - list[0]) / 2; return [list[0] - h, list[list.length - 1] + h]; };
    const layout = { xaxis: axis(slice.x_name, { range: edge(area.x) }), yaxis: axis(slice.y_name, { range: edge(area.y) }) };
    return { title, traces, layout, is3d: false, extent: { z: f }, words: slice.words, alt: `Loss over a plane from above: ${about(slice)}`, table: nodes(slice), run,
      fit: { z: (low, high) => {
        const ends = log && low > 0 ? [Math.log10(low), Math.log10(high)] : [low, high];
        [area.zmin, area.zmax] = ends;
        lines.contours = { coloring: "none", start: ends[0] + (ends[1] - ends[0]) / 13, end: ends[1], size: (ends[1] - ends[0]) / 13 };
        area.colorbar = bar("loss", low, high, log && low > 0);
      } } };
  };

  const surface = (slice, run, title) => {
    if (!slice || !slice.y) return null;
    const z = grid(slice), f = finite(z.flat());
    if (!f.length) return null;
    const log = decade(f);
    const area = { type: "surface", x: nums(slice.x), y: nums(slice.y), z: z.map(row => row.map(v => isFinite_(v) ? v : null)), surfacecolor: z.map(row => scaled(slice, row, log)), colorscale: "Viridis", hovertemplate: "α %{x}<br>β %{y}<br>loss %{z}<extra></extra>" };
    const traces = [area];
    for (const path of paths(slice.path)) traces.push({ type: "scatter3d", mode: "lines+markers", name: path.name, x: nums(path.x), y: nums(path.y), z: nums(path.loss), line: { color: path.ink, width: 5 }, marker: { color: path.ink, size: 3, symbol: ends(path) }, hovertemplate: "α %{x}<br>β %{y}<br>loss %{z}<extra></extra>" });
    const name = text => ({ title: { text }, showbackground: false });
    const scene = { xaxis: name("α"), yaxis: name("β"), zaxis: { ...name("loss"), type: log ? "log" : "linear" }, aspectmode: "manual", aspectratio: { x: 1, y: 1, z: 0.7 }, camera: { eye: { x: 1.25, y: -1.35, z: 0.8 } } };
    return { title, traces, layout: { scene, margin: { l: 0, r: 0, t: 0, b: 0 } }, is3d: true, extent: { z: f }, words: [], run,
      alt: `Loss over a plane as a surface to be turned: ${about(slice)}`, table: nodes(slice),
      fit: { z: (low, high) => {
        const isLog = log && low > 0;
        [area.cmin, area.cmax] = isLog ? [Math.log10(low), Math.log10(high)] : [low, high];
        area.colorbar = { ...bar("loss", low, high, isLog), len: 0.7 };
        const room = isLog ? 0 : (high - low) * 0.05;
        scene.zaxis.range = isLog ? [Math.log10(low), Math.log10(high)] : [low - room, high + room];
      } } };
  };

  const line = (run, slices) => {
    const kept = slices.filter(slice => !slice.y && finite(nums(slice.loss)).length);
    if (!kept.length) return null;
    const spec = chart("Loss along lines", kept.map(slice => ({ name: `${slice.slice}: ${slice.x_name}`, curve: { x: nums(slice.x), y: slice.loss } })), "loss", run);
    spec.layout.xaxis.title.text = "α: coefficient of the direction";
    spec.alt = `Loss along ${kept.length} line${kept.length > 1 ? "s" : ""} through the weights: ` + kept.map(about).join(" ");
    spec.words = kept.flatMap(slice => slice.words);
    return spec;
  };

  const sharpness = run => {
    const c = run.curvature;
    if (!c.x.length) return null;
    const known = list => ({ x: c.x.filter((_, i) => !Number.isNaN(num(list[i]))), y: list.filter(v => !Number.isNaN(num(v))) });
    const spec = chart("Sharpness: eigenvalues of the Hessian", [
      { name: "largest eigenvalue", marks: true, error: c.error, curve: known(c.largest) },
      { name: "limit of stability at the learning rate", curve: known(c.limit) },
      { name: "smallest eigenvalue", marks: true, curve: known(c.smallest) },
    ], "eigenvalue", run, true);
    if (spec) spec.words = c.words;
    return spec;
  };

  const facts = (run, row) => {
    const card = make("div", null, row, { class: "card" });
    make("h3", run.name, card);
    const list = make("dl", null, card);
    for (const [name, value] of run.facts) { make("dt", name, list); make("dd", value || "not told", list); }
    for (const sentence of run.lost) make("p", `Lost: ${sentence}`, card, { class: "warn" });
    for (const sentence of run.failed_checks) make("p", sentence, card, { class: "warn" });
    for (const sentence of run.notes) make("p", sentence, card);
  };

  const alerts = () => {
    if (!runs.some(run => run.alerts.length)) return;
    const part = make("section", null, page, { id: "alerts" });
    make("h2", "Alerts", part);
    make("a", "Alerts", nav, { href: "#alerts" });
    const row = make("div", null, part, { class: "row" });
    for (const run of runs) {
      const card = make("div", null, row, { class: "card" });
      make("h3", `${run.alert_count} in ${run.name}` + (run.alert_count > run.alerts.length ? `, the first ${run.alerts.length}` : ""), card);
      const grid = make("table", null, make("div", null, card, { class: "table", tabindex: "0" }));
      const head = make("tr", null, make("thead", null, grid));
      ["step", "what", "where", "what helps"].forEach(name => make("th", name, head, { scope: "col" }));
      const body = make("tbody", null, grid);
      for (const alert of run.alerts) {
        const line = make("tr", null, body);
        [alert.step, `${alert.level}: ${alert.text || alert.rule}`, alert.place, alert.advice].forEach(cell => make("td", show(cell), line));
      }
    }
  };

  document.title = "burnscape: " + runs.map(run => plain(run.name)).join(", ");
  const nav = make("nav", null, page, { "aria-label": "Sections" });
  const top = make("div", null, page, { class: "row" });
  runs.forEach(run => facts(run, top));
  section("Loss", runs.map(loss));
  section("Learning rate", runs.map(run => chart("Learning rate", [{ name: "lr", curve: run.lr }], "learning rate", run)));
  section("Metrics", runs.map(run => chart("Metrics", run.metrics, "value", run, true)));
  for (const name of [...new Set(runs.flatMap(run => run.own.map(it => it.name)))]) {
    section(name, runs.map(run => { const own = run.own.find(it => it.name === name); return own ? chart(name, [own], "value", run) : null; }));
  }
  section("Gradients", runs.map(heat));
  for (const quantity of [...new Set(runs.flatMap(run => run.charts.map(c => c.quantity)))]) {
    const find = run => run.charts.find(c => c.quantity === quantity);
    section(runs.map(find).find(Boolean).title, runs.map(run => { const c = find(run); return c ? chart(c.title, c.lines, c.title, run) : null; }));
  }
  runs.flatMap(run => run.taps.map(t => t.title)).filter((t, i, all) => all.indexOf(t) === i).forEach(title =>
    section(title, runs.map(run => { const t = run.taps.find(it => it.title === title); return t ? chart(title, t.lines.map(l => ({ ...l, curve: { x: l.curve.x, y: l.curve.y } })), "value", run) : null; })));
  alerts();
  section("Sharpness", runs.map(sharpness));
  const byPlace = {};
  runs.forEach(run => run.slices.filter(s => s.y).forEach((slice, place) => { (byPlace[place] = byPlace[place] || runs.map(() => null))[runs.indexOf(run)] = slice; }));
  Object.values(byPlace).forEach(slices => {
    const titled = slices.find(Boolean);
    const title = `Loss surface: ${titled.name || "slice " + titled.slice} around ${titled.centre || "its centre"}`;
    section(title, [...runs.map((run, i) => contour(slices[i], run, "From above")), ...runs.map((run, i) => surface(slices[i], run, "From the side"))]);
  });
  runs.forEach(run => run.pairs.forEach(pair => {
    const slices = pair.slices.map(number => run.slices.find(s => s.slice === number)).filter(Boolean);
    if (slices.length < 2) return;
    section("Initial against trained, on one scale" + (many ? ` — ${plain(run.name)}` : ""), slices.flatMap(s => {
      const spec = contour(s, run, `Around the ${s.centre} model`);
      if (spec) spec.words = pair.words;
      return [spec];
    }));
  }));
  section("Lines", runs.map(run => line(run, run.slices)));
  const foot = make("section", null, page);
  make("h2", "What such pictures tell, and what they do not", foot);
  const told = make("ul", null, foot);
  conclusions.forEach(sentence => make("li", sentence, told));

  dark.addEventListener("change", () => plots.forEach(([plot, layout]) => Plotly.react(plot, plot.data, dressed(layout))));
  // One after the other, so that the page answers while it draws.
  const ready = (async () => { for (const start of pending) await start(); return plots.length; })();
  window.burnscape = { ready, expected: pending.length };
})();
