// Elements of the page and of drawings.

const make = (tag, text, parent, attributes = {}) => {
  const element = document.createElement(tag);
  if (text !== null && text !== undefined) element.textContent = plain(text);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  if (parent) parent.append(element);
  return element;
};

const button = (text, parent, press, attributes = {}) => {
  const element = make("button", text, parent, { type: "button", ...attributes });
  element.addEventListener("click", press);
  return element;
};

const SVG = "http://www.w3.org/2000/svg";

const draw = (tag, parent, attributes = {}, text) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  if (text !== undefined) element.textContent = plain(text);
  if (parent) parent.append(element);
  return element;
};

// A drawing that shrinks and grows with the page, also on paper.
const drawing = (parent, width, height) => {
  const svg = draw("svg", null, { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
  parent.replaceChildren(svg);
  return svg;
};

const short = value => +value.toFixed(2);
const pathOf = points => points.map(([x, y], at) => `${at ? "L" : "M"}${short(x)} ${short(y)}`).join("");

// About how wide a text is at a size, since measuring it would lay the page out again.
const widthOf = (text, size = 12) => [...text].length * size * 0.56;

// Dots as a picture that a drawing can hold.
const pictureOf = (width, height, colourOf) => {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const dots = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const colour = colourOf(at % width, Math.floor(at / width));
    if (!colour) continue;
    dots.data.set(colour, at * 4);
    dots.data[at * 4 + 3] = 255;
  }
  context.putImageData(dots, 0, 0);
  return canvas.toDataURL("image/png");
};
