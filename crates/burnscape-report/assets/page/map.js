// A plane from above: a cell per node, lines of equal value, the path of training.

// Gives the figure; `z` is the scale of its group, `layer` the name of a layer or null for the loss.
const mapOf = (parent, { run, number, slice }, z, layer, spec = {}) => {
  const values = valuesOf(slice, layer), columns = slice.x.length, rows = slice.y.length, path = pathOn(slice), paths = pathsOn(slice);
  const sides = [0.78, 1];
  const made = figure(parent, { title: "From above", alt: `${nameOf(layer)} over a plane from above: ${aboutPlane(slice, layer)}`, words: slice.words, table: nodesOf(slice), share: spec.share, ...spec });
  made.holder.classList.add("chart");
  pathLegend(made.legend, paths);
  const told = make("span", "", made.legend, { class: "at" });
  let drawn = null;
  picture(made.holder, width => {
    const height = clamp(width * sides[0], 230, 470), isNarrow = width < 330;
    const svg = drawing(made.holder, width, height);
    const [x, y] = [extentOf(slice.x), extentOf(slice.y)].map(([low, high]) => ({ low, high, log: false }));
    const frame = axes(svg, { width, height, x, y, xName: slice.x_name, yName: isNarrow ? "" : slice.y_name, room: { top: 26, right: BAR } });
    const holes = range(values.length).filter(node => values[node] !== null && !isNumber(values[node])).map(node => [node % columns, rows - 1 - Math.floor(node / columns)]);
    const cellOf = (c, r) => { const node = (rows - 1 - r) * columns + c; return values[node] === null || values[node] === undefined ? null : z ? heatColour(values[node], z) : NOT_FINITE; };
    draw("rect", svg, { x: frame.left, y: frame.top, width: frame.width, height: frame.height, class: "unmeasured" });
    drawCells(svg, frame, columns, rows, cellOf, holes.slice(0, 3000));
    const place = (c, r) => [frame.left + (c + 0.5) / columns * frame.width, frame.bottom - (r + 0.5) / rows * frame.height];
    drawInterpolated(svg, slice, columns, place, frame);
    const filled = values.map(v => (z && isNumber(v) && (!z.log || v > 0) ? v : null));
    if (z) levelsOf(z).forEach(level => {
      const d = isolines(filled, columns, rows, level).map(points => pathOf(points.map(([c, r]) => place(c, r)))).join("");
      if (d) draw("path", svg, { d, class: "isoline" });
    });
    const points = path.map(it => [...place(it.x, it.y), it]);
    paths.forEach(it => drawPath(svg, frame, it.points.map(point => place(point.x, point.y)), it.colour));
    if (layer === null) drawBasins(svg, slice, columns, place);
    if (z) colourBar(svg, frame, z, nameOf(layer));
    drawn = { frame, svg, points, cursor: draw("g", svg, { class: "cursor" }) };
    made.stretch.replaceChildren(...[...aboutStretch(stretchOf(slice, frame.width, frame.height))].map(text => make("p", text, null)));
    mark();
  }, spec.share);
  made.stretch = make("div", null, null);
  made.caption.prepend(made.stretch);
  const mark = () => {
    if (!drawn) return;
    drawn.cursor.replaceChildren();
    const here = snapshotAt(path, shared.step);
    const point = here && drawn.points.find(it => it[2] === here);
    if (point) draw("circle", drawn.cursor, { cx: short(point[0]), cy: short(point[1]), r: 8, class: "here" });
  };
  listen("step", () => made.holder.clientWidth && mark());
  made.holder.addEventListener("pointermove", event => {
    const box = drawn.svg.getBoundingClientRect(), scale = drawn.svg.viewBox.baseVal.width / box.width;
    const c = Math.floor(((event.clientX - box.left) * scale - drawn.frame.left) / drawn.frame.width * columns);
    const r = rows - 1 - Math.floor(((event.clientY - box.top) * scale - drawn.frame.top) / drawn.frame.height * rows);
    if (c < 0 || c >= columns || r < 0 || r >= rows) return;
    const node = r * columns + c;
    told.textContent = `α ${show(num(slice.x[c]), 3)}, β ${show(num(slice.y[r]), 3)}: ${values[node] === null ? "not measured" : show(values[node])}`;
  });
  return made;
};

const drawInterpolated = (svg, slice, columns, place, frame) => {
  const nodes = slice.state.flatMap((state, node) => (state === 2 ? [node] : []));
  const size = frame.width / columns * 0.1;
  if (!nodes.length || size < 0.3) return;
  const d = nodes.map(node => { const [x, y] = place(node % columns, Math.floor(node / columns)); return `M${short(x)} ${short(y)}h0`; }).join("");
  draw("path", svg, { d, class: "interpolated", "stroke-width": short(clamp(size, 0.6, 2.5)) });
};

// A triangle on the minimum of every basin that counts, with its number; a single one is no news.
const drawBasins = (svg, slice, columns, place) => {
  const basins = slice.basins || [];
  if (basins.length < 2) return;
  basins.slice().reverse().forEach(({ number, node, words }) => {
    const [x, y] = place(node % columns, Math.floor(node / columns));
    const mark = draw("g", svg, { class: "basin" });
    draw("title", mark, {}, words);
    draw("path", mark, { d: `M${short(x - 5)} ${short(y - 4)}h10l-5 9z` });
    draw("text", mark, { x: short(x + 7), y: short(y + 4) }, number);
  });
};

const drawPath = (svg, frame, points, colour) => {
  if (!points.length) return;
  const id = `clip${clips++}`;
  draw("rect", draw("clipPath", svg, { id }), { x: frame.left, y: frame.top, width: frame.width, height: frame.height });
  const group = draw("g", svg, { "clip-path": `url(#${id})` });
  const d = pathOf(points);
  draw("path", group, { d, class: "path under" });
  draw("path", group, { d, class: "path", style: `stroke:${colour}` });
  for (const [x, y] of points) draw("circle", group, { cx: short(x), cy: short(y), r: 2.2, style: `fill:${colour}` });
  const [x, y] = points[0], [ex, ey] = points[points.length - 1];
  draw("rect", group, { x: short(x - 4.5), y: short(y - 4.5), width: 9, height: 9, class: "start", style: `fill:${colour}` });
  draw("circle", group, { cx: short(ex), cy: short(ey), r: 5.5, class: "finish", style: `stroke:${colour}` });
};
