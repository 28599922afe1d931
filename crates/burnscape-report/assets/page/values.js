// Numbers as they stand in the data, and as people read them.

// Numbers that JSON lacks are words.
const num = value => (typeof value === "string" ? Number(value) : value);
const nums = list => list.map(num);
const isNumber = value => typeof value === "number" && Number.isFinite(value);
const finite = list => list.filter(isNumber);
const least = list => list.reduce((a, b) => (b < a ? b : a), Infinity);
const most = list => list.reduce((a, b) => (b > a ? b : a), -Infinity);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const mean = list => list.reduce((sum, value) => sum + value, 0) / list.length;
const distinct = list => [...new Set(list)];
const range = count => Array.from({ length: count }, (_, index) => index);

// Names from a run are shown as they are, but for what would change the text around them.
const plain = text =>
  String(text).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
const cut = (text, count) => {
  const letters = [...plain(text)];
  return letters.length > count ? letters.slice(0, count - 1).join("") + "…" : letters.join("");
};
// What ends tells blocks apart as much as what begins.
const cutMiddle = (text, count) => {
  const letters = [...plain(text)];
  if (letters.length <= count) return letters.join("");
  const head = Math.ceil((count - 1) / 2);
  return letters.slice(0, head).join("") + "…" + letters.slice(letters.length - (count - 1 - head)).join("");
};

// A path of modules: the names before its end are cut to their first letters, as many as it takes, since numbers and the
// end tell blocks apart.
const cutPath = (text, count) => {
  const parts = plain(text).split(".");
  const isLong = () => [...parts.join(".")].length > count;
  for (let at = 0; text.length < 300 && at < parts.length - 1 && isLong(); at++) {
    if (!/^\d+$/.test(parts[at])) parts[at] = [...parts[at]][0] || "";
  }
  return cutMiddle(parts.join("."), count);
};

const superscript = power => [...String(power)].map(c => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");

// As short as four digits are, whatever the size.
const show = (value, digits = 4) => {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return plain(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return value.toLocaleString("en").replace("-", "−");
  if (size >= 1e6 || size < 1e-4) {
    const [factor, power] = value.toExponential(Math.max(0, digits - 2)).split("e");
    const short = factor.includes(".") ? factor.replace(/\.?0+$/, "") : factor;
    const times = short === "1" ? "" : short === "-1" ? "−" : `${short}·`;
    return `${times}10${superscript(Number(power))}`.replace("-", "−");
  }
  return String(+value.toPrecision(digits)).replace("-", "−");
};

// In tables, all digits that there are.
const exact = value => (value === null || value === undefined ? "" : typeof value === "number" ? String(value) : plain(value));

const count = (number, one, many = one + "s") => `${show(number)} ${number === 1 ? one : many}`;

const duration = secs => {
  if (!isNumber(secs)) return "";
  if (secs < 60) return `${+secs.toPrecision(secs < 10 ? 2 : 3)} s`;
  const minutes = Math.round(secs / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const large = value => {
  for (const [size, unit] of [[1e9, " billion"], [1e6, " million"]]) {
    if (value >= size) return +(value / size).toPrecision(3) + unit;
  }
  return show(value);
};

const { runs, conclusions } = JSON.parse(document.getElementById("data").textContent);
const many = runs.length > 1;
