// A group of copies: what can be done with it, and its photos with the facts that differ. Everything that comes as data becomes text or an
// attribute, never HTML.

const PATIENCE = 1_500;  // milliseconds

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

function button(parent, className, label, key = "") {
  const node = made("button", className, parent);
  node.type = "button";
  made("span", "label", node, label);
  if (key) {
    made("kbd", "", node, key).ariaHidden = "true";
    node.ariaKeyShortcuts = key;
  }
  return node;
}

function build(root) {
  const head = made("div", "head", root);
  root.previous = button(head, "step", "Previous group", "←");
  root.heading = made("h2", "heading", head);
  root.heading.setAttribute("aria-live", "polite");
  root.next = button(head, "step", "Next group", "→");
  root.previous.onclick = () => step(root, "previous");
  root.next.onclick = () => step(root, "next");
  root.acts = made("div", "acts", root);
  root.acts.setAttribute("role", "group");
  root.acts.setAttribute("aria-label", "Decide about this group");
  root.reasons = made("ul", "reasons", root);
  root.note = made("p", "note", root);
  root.files = made("ul", "files", root);
  root.cards = made("div", "cards", root);
  root.cards.setAttribute("role", "radiogroup");
  root.cards.setAttribute("aria-label", "Which photo is kept");
  root.comparison = new Comparison(root, (name) => does(root, name));
}

function step(root, name) {
  if (name === "previous" ? root.data.at > 0 : root.data.at + 1 < root.data.total) tell(root, name);
}

// Once at a time: what comes before the answer to the last is left out. What opens something gets no answer.
function tell(root, name, value = null) {
  const at = Date.now();
  if (at - root.waits < PATIENCE) return;
  root.waits = name === "open" || name === "move" ? 0 : at;
  root.tell({ name, group: root.data.key, value, at });
}

function does(root, name) {
  const { photos, offered, can_undo } = root.data;
  if (!offered.some(([known]) => known === name) || (name === "undo" && !can_undo)) return;
  if (name === "choose") keep(root, photos[(photos.findIndex((photo) => photo.id === root.keep) + 1) % photos.length].id, true);
  else tell(root, name, name === "bin" ? root.keep : null);
}

function keep(root, id, told = false) {
  root.keep = id;
  for (const card of root.cards.children) {
    const kept = card.photo?.id === id;
    card.classList.toggle("kept", kept);
    if (card.radio) card.radio.checked = kept;
    if (kept && told) card.scrollIntoView({ block: "nearest" });
  }
  if (root.comparison.open) compare(root, null);
}

// The kept photo with another one of the group.
function compare(root, id) {
  const kept = root.data.photos.find((photo) => photo.id === root.keep), others = root.data.photos.filter((photo) => photo !== kept);
  if (!others.length) return root.comparison.dialog.close();
  const at = others.findIndex((photo) => photo.id === id) + 1;
  return root.comparison.show([kept, ...others], at || root.comparison.at, root.data.said);
}

function drawActs(root, parent) {
  const { offered, can_undo } = root.data, state = JSON.stringify(offered);
  if (parent.state !== state) {
    parent.state = state;
    parent.replaceChildren();
    for (const [name, key, label] of offered) {
      const node = button(parent, `act ${name}`, label, key);
      node.onclick = () => does(root, name);
      if (name === "undo") parent.undo = node;
    }
  }
  if (parent.undo) parent.undo.disabled = !can_undo;
}

function drawCard(root, photo, several) {
  const card = made("article", "card", root.cards);
  card.photo = photo;
  const open = made("button", "picture", card);
  open.type = "button";
  open.ariaLabel = several ? `Compare ${photo.name}` : `Open ${photo.name}`;
  Object.assign(made("img", "", open), { src: photo.src, alt: "", decoding: "async" }).onerror = () => card.classList.add("lost");
  open.onclick = () => (several ? compare(root, photo.id === root.keep ? null : photo.id) : tell(root, "open", photo.id));
  if (several) {
    const label = made("label", "choose", card);
    card.radio = made("input", "", label);
    Object.assign(card.radio, { type: "radio", name: "keep", value: photo.id, ariaLabel: `Keep ${photo.name}` });
    card.radio.onchange = () => keep(root, photo.id);
    made("span", "", label, "Keep this one");
  }
  const name = made("button", "name", card, photo.name);
  Object.assign(name, { type: "button", title: photo.path, ariaLabel: `Open ${photo.name}` });
  name.onclick = () => tell(root, "open", photo.id);
  const facts = made("dl", "facts", card);
  for (const { label, text, differs, best } of photo.facts) {
    made("dt", "", facts, label);
    const told = made("dd", differs ? (best ? "differs best" : "differs") : "", facts, text);
    if (best) made("span", "sign", told, " best");
  }
  if (root.data.movable && several) mover(root, card, photo.id, photo.path);
}

function mover(root, parent, value, path) {
  const node = button(parent, "move", "Move file to the system's bin …");
  node.title = path;
  node.ariaLabel = `Move ${path} to the system's bin`;
  node.onclick = () => tell(root, "move", value);
}

function drawGroup(root) {
  const { photos, files, movable, more } = root.data;
  root.cards.replaceChildren();
  photos.forEach((photo) => drawCard(root, photo, photos.length > 1));
  if (more) made("p", "more", root.cards, `and ${more.toLocaleString("en")} more`);
  root.files.replaceChildren();
  files.forEach((path, at) => {
    const line = made("li", at ? "" : "kept", root.files);
    made("b", "", line, at ? "Copy" : "Keep");
    made("span", "path", line, path);
    if (movable) mover(root, line, at, path);
  });
  root.files.hidden = !files.length;
}

function draw(root) {
  const { data } = root, { photos, at, total, key } = data;
  root.waits = 0;
  root.heading.textContent = `${data.title}, group ${(at + 1).toLocaleString("en")} of ${total.toLocaleString("en")}`;
  root.previous.disabled = at === 0;
  root.next.disabled = at + 1 === total;
  drawActs(root, root.acts);
  drawActs(root, root.comparison.acts);
  root.reasons.replaceChildren(...data.reasons.map((text) => made("li", "", null, text)));
  root.note.textContent = data.note;
  root.note.hidden = !data.note;
  const state = JSON.stringify([key, photos, data.files]);
  if (root.state !== state) {
    const chosen = root.group === key && photos.some((photo) => photo.id === root.keep) ? root.keep : photos[0]?.id;
    Object.assign(root, { state, group: key });
    drawGroup(root);
    root.comparison.at = 1;
    keep(root, chosen);
  } else if (root.comparison.open) root.comparison.status.textContent = data.said;
  root.near = data.near.map((src) => Object.assign(new Image(), { src }));
}

function isWritten(target) {
  return Boolean(target?.closest?.('textarea, select, [contenteditable="true"], input:not([type=checkbox]):not([type=radio])'));
}

function key(root, event) {
  const target = event.composedPath()[0], open = root.comparison.open;
  if (event.ctrlKey || event.metaKey || event.altKey || isWritten(target)) return false;
  if (!open && document.querySelector('[role="dialog"]')) return false;
  if (open && root.comparison.key(event)) return true;
  const found = root.data.offered.find(([, own]) => own === event.key.toUpperCase());
  if (found) {
    if (!event.repeat) does(root, found[0]);
    return true;
  }
  if (event.key === " " && !open && !target.closest?.("button, a, summary, input")) compare(root, null);
  else if (event.key === "ArrowRight" && target.type !== "radio") step(root, "next");
  else if (event.key === "ArrowLeft" && target.type !== "radio") step(root, "previous");
  else return false;
  return true;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  Object.assign(root, { data, tell: (asked) => setTriggerValue("act", asked) });
  if (!root.heading) build(root);
  draw(root);
  if (root.onKey) document.removeEventListener("keydown", root.onKey);
  root.onKey = (event) => key(root, event) && event.preventDefault();
  document.addEventListener("keydown", root.onKey);
  const { onKey } = root;
  return () => document.removeEventListener("keydown", onKey);  // its own: another may listen by then
}
