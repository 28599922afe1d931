// Sections that fold, and links to them.

const main = document.getElementById("page");
const links = make("nav", null, null, { "aria-label": "Sections" });

// `fill` draws into the section, which goes where there was nothing to show.
const section = (id, title, fill, { isOpen = true, note, label = title } = {}) => {
  const part = make("section", null, main, { id });
  const body = make("div", null, null, { class: "body", id: `${id}-body` });
  const head = make("h2", null, part);
  const fold = button(null, head, () => open(!part.classList.contains("open")), { "aria-controls": body.id });
  make("span", title, fold);
  if (note) make("span", note, fold, { class: "note" });
  part.append(body);
  fill(body);
  if (!body.querySelector("figure, p, li, dl")) {
    part.remove();
    return null;
  }
  const open = isOpen => {
    part.classList.toggle("open", isOpen);
    fold.setAttribute("aria-expanded", String(isOpen));
  };
  open(isOpen);
  const link = make("a", cut(label, 40), links, { href: "#" + id });
  link.addEventListener("click", () => open(true));
  return part;
};

const row = (parent, name = "row") => make("div", null, parent, { class: name });

addEventListener("hashchange", () => {
  const at = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (at && at.tagName === "SECTION" && !at.classList.contains("open")) at.querySelector("h2 button").click();
});
