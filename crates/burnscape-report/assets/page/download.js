// What is drawn, and the numbers behind it, as files.

const save = (name, blob) => {
  const link = make("a", null, document.body, { href: URL.createObjectURL(blob), download: name });
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// No spreadsheet takes a name for a formula.
const cell = value => {
  const text = exact(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};
const saveCsv = (name, table) => {
  const lines = [table.columns, ...table.rows()].map(row => row.map(cell).join(","));
  save(name + ".csv", new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
};

// The looks of drawings in light colours, since they go onto paper.
const looksOnPaper = () => {
  const style = document.querySelector("style").textContent;
  const part = name => style.split(`/* ${name} */`)[1].split(`/* end of ${name} */`)[0];
  const light = Object.fromEntries([...part("light").matchAll(/(--[\w-]+): ([^;]+);/g)].map(it => [it[1], it[2]]));
  return part("drawings").replace(/var\((--[\w-]+)\)/g, (_, name) => light[name]);
};

const standalone = svg => {
  const copy = svg.cloneNode(true);
  copy.querySelectorAll(".cursor").forEach(it => it.remove());
  // Not by way of a text that is shown, in which line breaks are signs.
  const looks = draw("style");
  looks.textContent = looksOnPaper();
  copy.prepend(looks);
  copy.setAttribute("xmlns", SVG);
  return new XMLSerializer().serializeToString(copy);
};

// Drawing and canvas above each other, three dots for each of the screen's.
const savePng = async (name, svg, canvas) => {
  const { width, height } = svg.viewBox.baseVal, dots = 3;
  const out = Object.assign(document.createElement("canvas"), { width: width * dots, height: height * dots });
  const context = out.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, out.width, out.height);
  const picture = new Image();
  picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(standalone(svg));
  await picture.decode();
  context.drawImage(picture, 0, 0, out.width, out.height);
  if (canvas) context.drawImage(canvas, 0, 0, out.width, out.height);
  out.toBlob(blob => save(name + ".png", blob), "image/png");
};

const saveSvg = (name, svg) => save(name + ".svg", new Blob([standalone(svg)], { type: "image/svg+xml" }));
