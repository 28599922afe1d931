// Many small charts side by side on one scale: one per block or tap.

// spec: { title, note, words, panels: [{ name, lines }], yName }; one decision of log or linear, one range for all.
const multiples = (parent, spec) => {
  const panels = spec.panels.map(panel => ({ ...panel, lines: panel.lines.filter(line => finite(line.y).length) })).filter(panel => panel.lines.length);
  if (!panels.length) return null;
  const lines = panels.flatMap(panel => panel.lines), values = lines.flatMap(line => line.y);
  const log = wantsLog(values);
  const made = figure(parent, { ...spec, wide: true, isMany: true,
    alt: `${aboutLines(spec.title, lines, "optimizer steps")} ${count(panels.length, "small chart")} on one ${log ? "logarithmic" : "linear"} scale.`,
    table: { columns: [...(many ? ["run"] : []), "block", "step", "value"], rows: () => lines.flatMap(line => line.x.map((x, at) => [...(many ? [runs[line.run].name] : []), line.name, x, line.y[at]])) } });
  made.holder.removeAttribute("role");
  made.holder.removeAttribute("aria-label");
  make("span", `${log ? "logarithmic" : "linear"} scale, the same in all`, made.legend);
  const at = make("span", "", made.legend, { class: "at" });
  const search = panels.length > 24 ? make("input", null, made.legend, { type: "search", placeholder: "find a block", "aria-label": `Find a block in ${plain(spec.title)}` }) : null;
  made.holder.classList.add("multiples");
  const cells = panels.map(panel => smallChart(made.holder, panel, { log, overSteps: true, fixed: values, lines: panel.lines }));
  search?.addEventListener("input", () => panels.forEach((panel, place) => {
    cells[place].hidden = !plain(panel.name).toLowerCase().includes(search.value.toLowerCase());
  }));
  listen("step", () => { at.textContent = shared.step === null ? "" : `at step ${show(shared.step)}`; });
  return made;
};

const onScreen = new Set();
const watch = new IntersectionObserver(seen => seen.forEach(({ target, isIntersecting }) => {
  if (isIntersecting) onScreen.add(target);
  else onScreen.delete(target);
}));

const smallChart = (parent, panel, spec) => {
  const cell = make("div", null, parent, { class: "cell" });
  const head = make("div", null, cell, { class: "head" });
  make("span", cutPath(panel.name, 26), head, { title: plain(panel.name) });
  const value = make("b", "", head);
  const holder = make("div", null, cell, { class: "holder", role: "img", "aria-label": plain(aboutLines(panel.name, panel.lines, "steps")) });
  let drawn = null;
  const tellStep = () => {
    if (!drawn) return;
    drawCursor(drawn, shared.step);
    const line = !many && drawn.shown[0];
    value.textContent = shared.step === null || !line ? "" : show(line.y[nearest(line.x, shared.step)], 3);
  };
  picture(holder, width => {
    drawn = plot(holder, spec, width, 92, true);
    tellStep();
  }, 0.23);
  holder.addEventListener("pointermove", event => {
    const box = holder.getBoundingClientRect(), { frame, svg } = drawn;
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const [from, to] = stepsInView(), steps = drawn.shown[0]?.x || [];
    const step = from + clamp((x - frame.left) / frame.width, 0, 1) * (to - from);
    lookAt(steps.length ? steps[nearest(steps, step)] : Math.round(step));
  });
  holder.addEventListener("pointerleave", () => lookAt(null));
  watch.observe(holder);
  listen("step", () => onScreen.has(holder) && tellStep());
  listen("view", () => holder.clientWidth && repaint(holder));
  listen("shown", () => holder.clientWidth && repaint(holder));
  return cell;
};
