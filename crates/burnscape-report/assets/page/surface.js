// A plane as a surface in space, to be turned: painted dot by dot with a depth for each, without any graphics card.
// So it looks the same everywhere, prints, and a page may have as many as it likes.

const TALL = 0.62;
const FIRST_VIEW = { around: -Math.PI / 3, up: 0.52, zoom: 1 };
const COLOUR_OF = Uint8Array.from(range(256).flatMap(at => viridis(at / 255)));

// Orthographic: places in dots and distances of points in the box of the surface.
const camera = (view, width, height) => {
  const [sa, ca, se, ce] = [Math.sin(view.around), Math.cos(view.around), Math.sin(view.up), Math.cos(view.up)];
  const reach = 2 * (0.707 * Math.abs(se) + TALL / 2 * ce);
  const scale = Math.min((width - 84) / 1.414, (height - 58) / reach) * view.zoom;
  const middle = [width / 2, height / 2];
  return {
    scale,
    toViewer: [ca * ce, sa * ce, se],
    place: (x, y, z) => [middle[0] + (-sa * x + ca * y) * scale, middle[1] - (z * ce - (ca * x + sa * y) * se) * scale, -((ca * x + sa * y) * ce + z * se)],
  };
};

// The nodes in the box: places, shares of the scale, and how they are lit.
const meshOf = (values, columns, rows, z) => {
  const share = Float32Array.from(values, v => (isNumber(v) ? placeOf(z, v) : NaN));
  return { columns, rows, share, x: c => c / Math.max(1, columns - 1) - 0.5, y: r => r / Math.max(1, rows - 1) - 0.5, z: s => (s - 0.5) * TALL };
};

const lightOf = (mesh, view) => {
  const { columns, rows, share } = mesh, light = new Float32Array(share.length);
  const towards = [Math.cos(view.around + 0.7) * 0.6, Math.sin(view.around + 0.7) * 0.6, 0.8];
  const at = (c, r) => share[clamp(r, 0, rows - 1) * columns + clamp(c, 0, columns - 1)];
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    const here = at(c, r), or = v => (Number.isNaN(v) ? here : v);
    const dx = (or(at(c + 1, r)) - or(at(c - 1, r))) * TALL * (columns - 1) / 2, dy = (or(at(c, r + 1)) - or(at(c, r - 1))) * TALL * (rows - 1) / 2;
    const length = Math.hypot(dx, dy, 1);
    light[r * columns + c] = 0.66 + 0.38 * Math.max(0, (-dx * towards[0] - dy * towards[1] + towards[2]) / length);
  }
  return light;
};

// Paints the mesh; gives the dots and how far away each is.
const rasterised = (mesh, seen, light, width, height, dots) => {
  const image = new ImageData(width, height), out = image.data, depth = new Float32Array(width * height).fill(Infinity);
  const { columns, rows, share } = mesh, px = new Float32Array(share.length), py = new Float32Array(share.length), pd = new Float32Array(share.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    const node = r * columns + c, [x, y, d] = seen.place(mesh.x(c), mesh.y(r), mesh.z(share[node]));
    px[node] = x * dots; py[node] = y * dots; pd[node] = d;
  }
  const bands = LEVELS + 1, half = 0.3 * dots;
  const triangle = (a, b, c) => {
    const area = (px[b] - px[a]) * (py[c] - py[a]) - (px[c] - px[a]) * (py[b] - py[a]);
    if (!(Math.abs(area) > 1e-6)) return;
    const left = Math.max(0, Math.floor(Math.min(px[a], px[b], px[c]))), right = Math.min(width - 1, Math.ceil(Math.max(px[a], px[b], px[c])));
    const top = Math.max(0, Math.floor(Math.min(py[a], py[b], py[c]))), bottom = Math.min(height - 1, Math.ceil(Math.max(py[a], py[b], py[c])));
    // Weights of b and c change evenly from dot to dot.
    const bx = (py[c] - py[a]) / area, by = -(px[c] - px[a]) / area, cx = -(py[b] - py[a]) / area, cy = (px[b] - px[a]) / area;
    const sb = share[b] - share[a], sc = share[c] - share[a], lb = light[b] - light[a], lc = light[c] - light[a], db = pd[b] - pd[a], dc = pd[c] - pd[a];
    const slope = Math.hypot(sb * bx + sc * cx, sb * by + sc * cy) * bands;
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const wb = (x + 0.5 - px[a]) * bx + (y + 0.5 - py[a]) * by, wc = (x + 0.5 - px[a]) * cx + (y + 0.5 - py[a]) * cy;
        if (wb < -1e-4 || wc < -1e-4 || wb + wc > 1.0001) continue;
        const d = pd[a] + wb * db + wc * dc, at = y * width + x;
        if (d >= depth[at]) continue;
        depth[at] = d;
        const s = share[a] + wb * sb + wc * sc, lit = light[a] + wb * lb + wc * lc;
        const level = Math.round(s * bands), off = slope > 0 && level > 0 && level < bands ? Math.abs(s * bands - level) / slope : Infinity;
        const white = clamp(half + 0.5 - off, 0, 1) * 0.5;
        const colour = clamp(Math.round(s * 255), 0, 255) * 3, o = at * 4;
        for (let k = 0; k < 3; k++) out[o + k] = Math.min(255, COLOUR_OF[colour + k] * lit) * (1 - white) + 255 * white;
        out[o + 3] = 255;
      }
    }
  };
  for (let r = 0; r + 1 < rows; r++) for (let c = 0; c + 1 < columns; c++) {
    const node = r * columns + c, four = [node, node + 1, node + columns + 1, node + columns];
    if (four.some(it => Number.isNaN(share[it]))) continue;
    triangle(four[0], four[1], four[2]);
    triangle(four[0], four[2], four[3]);
  }
  return { image, depth };
};

// The height of the drawn surface between four nodes; NaN beside it.
const heightOn = (mesh, x, y) => {
  const { columns, rows, share } = mesh;
  if (!(x >= -1e-6 && y >= -1e-6 && x <= columns - 1 + 1e-6 && y <= rows - 1 + 1e-6)) return NaN;
  const c = clamp(Math.floor(x), 0, columns - 2), r = clamp(Math.floor(y), 0, rows - 2), [u, v] = [x - c, y - r];
  const at = (c, r) => share[r * columns + c];
  return (at(c, r) * (1 - u) + at(c + 1, r) * u) * (1 - v) + (at(c, r + 1) * (1 - u) + at(c + 1, r + 1) * u) * v;
};

// The path on the surface, close enough to follow it.
const trail = (mesh, path) => {
  const points = [];
  path.forEach((to, number) => {
    const from = path[Math.max(0, number - 1)];
    const count = number ? clamp(Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) * 3), 1, 3000) : 1;
    for (let at = number ? 1 : 0; at <= (number ? count : 0); at++) {
      const part = at / count, x = from.x + (to.x - from.x) * part, y = from.y + (to.y - from.y) * part;
      points.push([x, y, heightOn(mesh, x, y)]);
    }
  });
  return points;
};

// Surfaces that are given the same of these turn together.
const turning = () => ({ view: { ...FIRST_VIEW }, renders: [] });

// { run, number, slice } as a figure; `z` is the scale of its group.
const surfaceOf = (parent, { slice }, z, layer, spec = {}) => {
  const values = valuesOf(slice, layer), columns = slice.x.length, rows = slice.y.length;
  const path = pathOn(slice), paths = pathsOn(slice), mesh = meshOf(values, columns, rows, z), together = spec.together || turning(), { view } = together;
  const stems = layer === null && path.some(it => isNumber(it.loss));
  const isInside = loss => placeOf(z, loss) >= LOWEST_STEM && placeOf(z, loss) <= HIGHEST_STEM;
  const beyond = stems ? path.filter(it => !isInside(it.loss)).length : 0;
  const made = figure(parent, { title: "In space", hasCanvas: true, table: nodesOf(slice), ...spec,
    alt: `${nameOf(layer)} over a plane as a surface to be turned: ${aboutPlane(slice, layer)}`,
    words: [...(spec.words || []), ...(path.length ? [`The path lies on the surface${isTrained(slice) ? ", where the projections of the snapshots are" : ""}${stems ? "; stems lead to their true losses" : ""}${beyond ? `, ${beyond} of them beyond the figure or not finite` : ""}. Where it is hidden it is dotted.`] : [])] });
  const { holder } = made;
  for (const [name, value] of Object.entries({ role: "group", tabindex: "0", "aria-roledescription": "surface" })) holder.setAttribute(name, value);
  holder.classList.add("surface");
  const under = make("div", null, holder, { class: "under" }), canvas = make("canvas", null, holder, { "aria-hidden": "true" });
  // Browsers print of a canvas what was stroked on it, and not its dots.
  const paper = make("img", null, holder, { class: "paper", alt: "" });
  addEventListener("beforeprint", () => { paper.src = canvas.toDataURL(); });
  let size = null, cached = null;
  pathLegend(made.legend, paths);

  const render = dots => {
    const { width, height } = size, seen = camera(view, width, height);
    Object.assign(canvas, { width: Math.round(width * dots), height: Math.round(height * dots) });
    backdrop(drawing(under, width, height), seen, view, slice, z, layer);
    cached = { ...rasterised(mesh, seen, lightOf(mesh, view), canvas.width, canvas.height, dots), seen, dots };
    over();
  };
  const over = () => {
    if (!cached) return;
    const context = canvas.getContext("2d");
    context.putImageData(cached.image, 0, 0);
    paths.forEach(it => drawTrail(context, cached, mesh, it, z, stems, snapshotAt(it.points, shared.step)));
  };
  picture(holder, width => {
    size = { width, height: Math.round(clamp(width * 0.74, 250, spec.height || 460)) };
    holder.style.aspectRatio = `${size.width} / ${size.height}`;
    render(2);
  }, spec.share);
  listen("step", () => holder.clientWidth && over());
  together.renders.push(fast => size && holder.clientWidth && render(fast ? 1 : 2));
  turn(holder, view, fast => together.renders.forEach(render => render(fast)));
  made.caption.prepend(make("p", "Drag or arrow keys turn it, + and − zoom, double click resets.", null, { class: "keys" }));
  made.view = view;
  return made;
};

const turn = (holder, view, render) => {
  let from = null, frame = 0, resting = 0;
  const change = change => {
    Object.assign(view, change);
    view.up = clamp(view.up, -0.2, 1.55);
    view.zoom = clamp(view.zoom, 0.4, 6);
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => render(true));
    clearTimeout(resting);
    resting = setTimeout(() => render(false), 160);
  };
  holder.addEventListener("pointerdown", event => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    from = { x: event.clientX, y: event.clientY, ...view };
    holder.setPointerCapture(event.pointerId);
  });
  holder.addEventListener("pointermove", event => {
    if (!from) return;
    const dy = event.pointerType === "mouse" ? event.clientY - from.y : 0;
    change({ around: from.around - (event.clientX - from.x) * 0.008, up: from.up + dy * 0.006 });
  });
  for (const end of ["pointerup", "pointercancel"]) holder.addEventListener(end, () => { from = null; });
  holder.addEventListener("dblclick", () => change(FIRST_VIEW));
  holder.addEventListener("keydown", event => {
    const by = { ArrowLeft: { around: view.around - 0.12 }, ArrowRight: { around: view.around + 0.12 }, ArrowUp: { up: view.up + 0.1 }, ArrowDown: { up: view.up - 0.1 },
      "+": { zoom: view.zoom * 1.2 }, "=": { zoom: view.zoom * 1.2 }, "-": { zoom: view.zoom / 1.2 }, 0: FIRST_VIEW }[event.key];
    if (!by) return;
    event.preventDefault();
    change(by);
  });
};

// Floor, walls and numbers behind the surface.
const backdrop = (svg, seen, view, slice, z, layer) => {
  const group = draw("g", svg, { class: "axes" }), at = (x, y, w) => seen.place(x, y, (w - 0.5) * TALL).slice(0, 2);
  const bx = Math.cos(view.around) > 0 ? -0.5 : 0.5, by = Math.sin(view.around) > 0 ? -0.5 : 0.5;
  const polygon = (points, name) => draw("path", group, { d: pathOf(points) + "Z", class: name });
  const line = (from, to, name = "grid") => draw("path", group, { d: pathOf([from, to]), class: name });
  polygon([at(-0.5, -0.5, 0), at(0.5, -0.5, 0), at(0.5, 0.5, 0), at(-0.5, 0.5, 0)], "floor");
  polygon([at(bx, -0.5, 0), at(bx, 0.5, 0), at(bx, 0.5, 1), at(bx, -0.5, 1)], "wall");
  polygon([at(-0.5, by, 0), at(0.5, by, 0), at(0.5, by, 1), at(-0.5, by, 1)], "wall");
  const scaleOfAxis = axis => ({ low: num(axis[0]), high: num(axis[axis.length - 1]), log: false });
  const [x, y] = [slice.x, slice.y].map(scaleOfAxis), wanted = seen.scale > 260 ? 4 : 2;
  const text = ([tx, ty], words, anchor = "middle", name = "") => draw("text", group, { x: short(tx), y: short(ty), class: `${anchor} ${name}` }, words);
  const label = (on, words, name) => { const middle = at(0, 0, 0); text([on[0], on[1] + 4], words, on[0] < middle[0] - 4 ? "end" : on[0] > middle[0] + 4 ? "start" : "middle", name); };
  for (const [value, words] of ticksOf(x, wanted)) {
    const u = placeOf(x, value) - 0.5;
    line(at(u, -0.5, 0), at(u, 0.5, 0));
    label(at(u, -by * 1.12, 0), words);
  }
  for (const [value, words] of ticksOf(y, wanted)) {
    const v = placeOf(y, value) - 0.5;
    line(at(-0.5, v, 0), at(0.5, v, 0));
    label(at(-bx * 1.12, v, 0), words);
  }
  label(at(0, -by * 1.42, 0), "α", "name");
  label(at(-bx * 1.42, 0, 0), "β", "name");
  const edges = [[bx, -by], [-bx, by]].sort((a, b) => at(a[0], a[1], 0)[0] - at(b[0], b[1], 0)[0]), [ex, ey] = edges[0];
  line(at(ex, ey, 0), at(ex, ey, 1), "axis");
  for (const [value, words] of ticksOf(z, 5)) {
    const w = placeOf(z, value);
    line(at(bx, -0.5, w), at(bx, 0.5, w));
    line(at(-0.5, by, w), at(0.5, by, w));
    const [tx, ty] = at(ex, ey, w);
    text([tx - 6, ty + 4], words, "end");
  }
  const [tx, ty] = at(ex, ey, 1);
  text([Math.max(2, tx - 34), ty - 10], nameOf(layer) + (z.log ? " (log)" : ""), "start", "name");
};

const drawTrail = (context, { seen, dots, depth, image }, mesh, { points: path, colour: ink }, z, stems, here) => {
  const lifted = (x, y, s) => {
    const [px, py, d] = seen.place(x / (mesh.columns - 1) - 0.5, y / (mesh.rows - 1) - 0.5, mesh.z(s) + 0.004);
    return { x: px * dots, y: py * dots, d };
  };
  const isSeen = ({ x, y, d }) => {
    const [c, r] = [Math.round(x), Math.round(y)];
    return !(c >= 0 && r >= 0 && c < image.width && r < image.height) || d <= depth[r * image.width + c] + 0.02;
  };
  const points = trail(mesh, path).map(([x, y, s]) => (isNumber(s) ? lifted(x, y, s) : null));
  const strokes = { seen: [], hidden: [] };
  points.forEach((to, at) => {
    const from = points[at - 1];
    if (!from || !to) return;
    strokes[isSeen(from) && isSeen(to) ? "seen" : "hidden"].push([from, to]);
  });
  context.lineCap = context.lineJoin = "round";
  const stroke = (list, colour, width, dash = []) => {
    context.beginPath();
    let last = null;
    for (const [from, to] of list) {
      if (last !== from) context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      last = to;
    }
    Object.assign(context, { strokeStyle: colour, lineWidth: width * dots });
    context.setLineDash(dash.map(it => it * dots));
    context.stroke();
    context.setLineDash([]);
  };
  const dot = ({ x, y }, radius, fill, edge, width = 1.5) => {
    context.beginPath();
    context.arc(x, y, radius * dots, 0, 7);
    Object.assign(context, { fillStyle: fill, strokeStyle: edge, lineWidth: width * dots });
    context.fill();
    context.stroke();
  };
  stroke(strokes.hidden, ink + "bb", 1.4, [0.5, 4]);
  if (stems) drawStems(stroke, dot, lifted, isSeen, mesh, path, z, ink);
  stroke(strokes.seen, "rgba(255,255,255,.9)", 4.4);
  stroke(strokes.seen, ink, 2.4);
  const on = it => { const s = it && heightOn(mesh, it.x, it.y); return isNumber(s) ? lifted(it.x, it.y, s) : null; };
  const [start, end, now] = [on(path[0]), path.length > 1 ? on(path[path.length - 1]) : null, on(here)];
  if (start) {
    Object.assign(context, { fillStyle: ink, strokeStyle: "#fff", lineWidth: 1.5 * dots });
    context.beginPath();
    context.rect(start.x - 4.5 * dots, start.y - 4.5 * dots, 9 * dots, 9 * dots);
    context.fill();
    context.stroke();
  }
  if (end) dot(end, 5, "#fff", ink, 2.5);
  if (now) {
    dot(now, 8, "rgba(255,255,255,.35)", "#111", 3.5);
    dot(now, 8, "rgba(0,0,0,0)", "#fff", 1.5);
  }
};

// How far stems reach, the surface being 0 to 1.
const LOWEST_STEM = -0.05, HIGHEST_STEM = 1.15;

const drawStems = (stroke, dot, lifted, isSeen, mesh, path, z, ink) => path.forEach(it => {
  const foot = heightOn(mesh, it.x, it.y), head = placeOf(z, it.loss);
  if (!isNumber(foot) || !isNumber(head)) return;
  const [from, to] = [lifted(it.x, it.y, foot), lifted(it.x, it.y, clamp(head, LOWEST_STEM, HIGHEST_STEM))];
  if (!isSeen(to)) return;
  stroke([[from, to]], ink + "cc", 1);
  dot(to, 1.8, ink, "#fff", 0.6);
});
