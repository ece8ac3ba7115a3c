// Bars that are links to the photos they stand for. What comes as data becomes text or an attribute, never HTML.

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

function address(library, bar) {
  const asked = new URLSearchParams();
  if (bar.query) asked.set("q", bar.query);
  if (bar.of) asked.set("of", bar.of);
  return `${library}?${asked}`;
}

function drawBar(list, bar, most, library, go) {
  const link = made("a", "", made("li", "", list));
  link.href = address(library, bar);
  made("span", "label", link, bar.label);
  const line = made("i", "", made("span", "bar", link));
  line.parentElement.ariaHidden = "true";
  line.style.width = `${(100 * bar.photos) / most}%`;
  const number = bar.photos.toLocaleString("en");
  made("span", "number", link, number);
  link.ariaLabel = [`${bar.label}: ${number} ${bar.photos === 1 ? "photo" : "photos"}`, bar.detail].filter(Boolean).join(", ");
  if (bar.detail) made("span", "detail", link, bar.detail);
  link.onclick = (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;  // a tab of its own
    event.preventDefault();
    go({ query: bar.query, of: bar.of, at: Date.now() });
  };
}

function drawBlock(section, block, library, go) {
  section.replaceChildren();
  made("h2", "", section, block.title);
  const list = made("ul", "", section), most = Math.max(...block.bars.map((bar) => bar.photos));
  for (const bar of block.bars) drawBar(list, bar, most, library, go);
  if (block.note) made("p", "note", section, block.note);
}

// A block that has not changed is left as it is, and with it where the keyboard is. Those that tell nothing are named in
// one line.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root"), known = (root.known ??= new Map()), go = (bar) => setTriggerValue("go", bar);
  const told = data.blocks.filter((block) => block.title), counted = told.filter((block) => block.bars.length || block.note);
  const nothing = told.filter((block) => !counted.includes(block)).map((block) => block.title.toLowerCase());
  for (const block of counted) {
    const now = JSON.stringify([block.title, block.bars, block.note, data.library]);
    const before = known.get(block.name);
    const section = before?.section ?? made("section");
    if (before?.now !== now) drawBlock(section, block, data.library, go);
    known.set(block.name, { now, section });
  }
  counted.forEach((block, at) => {
    const section = known.get(block.name).section;
    if (root.children[at] !== section) root.insertBefore(section, root.children[at] ?? null);
  });
  for (const [name, { section }] of known) {
    if (counted.some((block) => block.name === name)) continue;
    section.remove();
    known.delete(name);
  }
  root.waits ??= made("p", "waits");
  root.waits.setAttribute("role", "status");
  const waits = told.length < data.blocks.length;
  root.waits.textContent = waits ? "Counting the rest…" : "";
  root.nothing ??= made("p", "note nothing");
  root.nothing.textContent = nothing.length && !waits ? `Nothing is known yet of: ${nothing.join(", ")}.` : "";
  if (root.lastElementChild !== root.nothing) root.append(root.waits, root.nothing);
}
