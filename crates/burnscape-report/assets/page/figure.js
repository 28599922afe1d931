// A figure: its title, its picture, what it says in words, its data as a table, and files of it.

// Pictures are painted once they have a width, and again when it changes: what is folded is not painted.
const pictures = new Map();
const waiting = new Set();
let painting = null;

const paint = (element, width) => {
  const picture = pictures.get(element);
  if (width > 0) picture.paint(Math.round(width));
  picture.width = width;
};
const paintWaiting = done => {
  const until = performance.now() + 14;
  for (const element of waiting) {
    waiting.delete(element);
    paint(element, element.clientWidth);
    if (performance.now() > until) break;
  }
  if (waiting.size) requestAnimationFrame(() => paintWaiting(done));
  else {
    painting = null;
    done();
  }
};
const repaint = element => {
  waiting.add(element);
  painting = painting || new Promise(done => requestAnimationFrame(() => paintWaiting(done)));
};
const widths = new ResizeObserver(changes => changes
  .filter(({ target, contentRect }) => Math.round(contentRect.width) !== Math.round(pictures.get(target).width || 0))
  .forEach(({ target }) => repaint(target)));

// `paintAt` draws into the element at a width; on paper the picture takes `share` of the page.
const picture = (element, paintAt, share = 1) => {
  pictures.set(element, { paint: paintAt, share, width: 0 });
  widths.observe(element);
};
const repaintAll = () => pictures.forEach((_, element) => element.clientWidth > 0 && repaint(element));

const PAPER = 700;
addEventListener("beforeprint", () => pictures.forEach(({ share }, element) => paint(element, PAPER * share)));
addEventListener("afterprint", () => pictures.forEach((_, element) => paint(element, element.clientWidth)));

const fileName = text => plain(text).normalize("NFKD").replace(/[^\w-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "figure";

// { title, note, alt, words, table, share, help, tall }; its `holder` is for the picture, `legend` above it for buttons.
const figure = (parent, spec) => {
  const box = make("figure", null, parent, { class: spec.wide ? "wide" : null });
  const head = make("header", null, box);
  const title = make(spec.level || "h3", spec.title, head, { class: "title" });
  if (spec.note) make("span", spec.note, title, { class: "note" });
  const tools = make("div", null, head, { class: "tools", role: "group", "aria-label": `Files of ${plain(spec.title)}` });
  const legend = make("div", null, box, { class: "legend" });
  const holder = make("div", null, box, { class: "holder", role: "img", "aria-label": plain(spec.alt) });
  const caption = make("figcaption", null, box);
  const made = { box, legend, holder, caption, title };
  const name = fileName(spec.title);
  const file = (word, save) => button(word, tools, save, { "aria-label": `${plain(spec.title)} as ${word}`, title: `Save as ${word}` });
  const svg = () => holder.querySelector("svg");
  if (!spec.isMany) {
    if (!spec.hasCanvas) file("SVG", () => saveSvg(name, svg()));
    file("PNG", () => savePng(name, svg(), holder.querySelector("canvas")));
  }
  if (spec.table) file("CSV", () => saveCsv(name, spec.table));
  if (spec.words && spec.words.length) {
    const list = make("ul", null, caption);
    distinct(spec.words).forEach(sentence => make("li", sentence, list));
  }
  if (spec.table) table(caption, spec);
  return made;
};

const ROWS = 500;
// Row by row as pages, so that also the table of a large plane is whole and the page stays quick.
const table = (parent, { title, table: { columns, rows } }) => {
  const details = make("details", null, parent, { class: "data" });
  make("summary", "Data as a table", details);
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const all = rows(), pages = Math.ceil(all.length / ROWS);
    const bar = make("div", null, details, { class: "pages" });
    const box = make("div", null, details, { class: "table", tabindex: "0", role: "region", "aria-label": `Data of ${plain(title)}` });
    const showPage = page => {
      const first = page * ROWS, shown = all.slice(first, first + ROWS);
      const grid = rowsTable(columns, shown, all.length > ROWS ? `Rows ${first + 1} to ${first + shown.length} of ${all.length}` : count(all.length, "row"));
      box.replaceChildren(grid);
      bar.replaceChildren();
      if (pages < 2) return;
      button("Previous rows", bar, () => showPage(page - 1)).disabled = page === 0;
      button("Next rows", bar, () => showPage(page + 1)).disabled = page === pages - 1;
    };
    showPage(0);
  });
};

const rowsTable = (columns, rows, caption) => {
  const grid = make("table", null, null);
  if (caption) make("caption", caption, grid);
  const head = make("tr", null, make("thead", null, grid));
  columns.forEach(name => make("th", name, head, { scope: "col" }));
  const body = make("tbody", null, grid);
  for (const cells of rows) {
    const row = make("tr", null, body);
    cells.forEach(it => make("td", exact(it), row, { class: typeof it === "number" ? "number" : null }));
  }
  return grid;
};
