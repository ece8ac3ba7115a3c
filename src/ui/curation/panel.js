// What the user says of the open photo. Everything that comes as data becomes text or an attribute, never HTML. Each part is made once and
// brought up to date in place, so that the focus stays where it is.

const WRITES = 'textarea, select, [contenteditable="true"], input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=button])';

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

// A sign instead of a text: what it means is in its label.
function sign(className, parent, glyph, label, act) {
  const node = button(className, parent, "", label, act);
  made("span", "", node, glyph).setAttribute("aria-hidden", "true");
  return node;
}

function button(className, parent, text, label, act) {
  const node = made("button", className, parent, text);
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.title = label;
  node.onclick = act;
  return node;
}

function build(root) {
  const line = made("div", "line", root);
  const stars = made("div", "stars", line);
  stars.setAttribute("role", "group");
  stars.setAttribute("aria-label", "Rating");
  for (let number = 1; number <= 5; number += 1) {
    sign("star", stars, "☆", `${number} ${number === 1 ? "star" : "stars"} (key ${number})`, () => {
      root.act("rate", root.data.rating === number ? 0 : number);
    });
  }
  root.reject = sign("reject", stars, "⊘", "Rejected", () => root.act("rate", root.data.rating === -1 ? 0 : -1));
  root.heart = sign("heart", line, "♥", "Favourite (key f)", () => root.act("favourite", !root.data.favourite));
  root.more = button("plain more", line, "More", "Tags, albums, note, remove", () => {
    window.marksPanelOpen = root.rest.hidden;
    openRest(root);
  });
  const rest = made("div", "rest", root);
  root.rest = rest;
  openRest(root);
  root.hints = made("div", "chips hints", rest);
  root.hints.setAttribute("role", "group");
  root.hints.setAttribute("aria-label", "Tags suggested by the model");
  made("span", "by", root.hints, "Suggested by the model");
  root.hintList = made("span", "list", root.hints);
  root.chips = { tag: chips(root, rest, "tag", "Tags", "Add tag"), album: chips(root, rest, "album", "Albums", "Add to album") };
  root.noteButton = button("plain", rest, "Note", "Note", () => openNote(root, root.noteForm.hidden));
  button("plain remove", rest, "Remove", "Remove: put it into the bin (key Delete)", () => root.act("remove"));
  buildNote(root, rest);
}

// Beside the buttons there is room for one line: the rest is opened, and stays so for the photos that follow.
function openRest(root) {
  root.rest.hidden = !window.marksPanelOpen;
  root.more.setAttribute("aria-expanded", String(!root.rest.hidden));
}

function chips(root, line, name, label, add) {
  const box = made("div", "chips", line);
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", label);
  const list = made("span", "list", box);
  const form = made("form", "add", box);
  const input = made("input", "", form);
  const known = made("datalist", "", form);
  known.id = `known-${name}`;
  Object.assign(input, { type: "text", placeholder: add, autocomplete: "off", enterKeyHint: "done" });
  input.setAttribute("aria-label", add);
  input.setAttribute("list", known.id);
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = input.value.trim();
    input.value = "";
    if (text) root.act(name, text);
  };
  return { list, input, known };
}

function buildNote(root, rest) {
  const form = made("form", "note", rest);
  form.hidden = true;
  const area = made("textarea", "", form);
  area.rows = 3;
  area.setAttribute("aria-label", "Note");
  const end = made("div", "end", form);
  const send = made("button", "plain strong", end, "Keep the note");
  send.type = "submit";
  button("plain", end, "Cancel", "Cancel", () => openNote(root, false));
  form.onsubmit = (event) => {
    event.preventDefault();
    openNote(root, false);
    root.act("note", area.value);
  };
  area.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape") openNote(root, false);
  };
  root.noteForm = form;
  root.area = area;
}

function openNote(root, open) {
  root.noteForm.hidden = !open;
  root.noteButton.setAttribute("aria-expanded", String(open));
  if (open) {
    root.area.value = root.data.note;
    root.area.focus();
  } else if (root.getRootNode().activeElement === root.area || !root.getRootNode().activeElement) root.noteButton.focus();
}

function drawChips(root, name, items, takeOff) {
  const { list, input, known } = root.chips[name];
  const words = root.data.known[name];
  input.maxLength = root.data.longest[name];
  const state = JSON.stringify(items);
  if (list.state !== state) {
    const hadFocus = list.contains(root.getRootNode().activeElement);
    list.state = state;
    list.replaceChildren();
    for (const item of items) {
      const chip = made("span", "chip", list, item.name);
      const off = name === "tag" ? `Take off the tag ${item.name}` : `Take out of the album ${item.name}`;
      button("off", chip, "×", off, () => root.act(takeOff, item.value));
    }
    if (hadFocus) input.focus();
  }
  const all = JSON.stringify(words);
  if (known.state !== all) {
    known.state = all;
    known.replaceChildren(...words.map((word) => Object.assign(document.createElement("option"), { value: word })));
  }
}

// What the model suggests: a click makes it a tag, × says that it is none and keeps it from being suggested again.
function drawHints(root) {
  const { suggested } = root.data;
  const list = root.hintList, state = JSON.stringify([root.data.photo, suggested]);
  if (list.state === state) return;
  const hadFocus = list.contains(root.getRootNode().activeElement);
  list.state = state;
  root.hints.hidden = !suggested.length;
  list.replaceChildren();
  for (const { name, chance } of suggested) {
    const chip = made("span", "chip hint", list);
    const on = button("on-click", chip, `+ ${name}`, `Add the suggested tag ${name}`, () => root.act("tag", name));
    on.title = `Add the tag: ${chance} % likely`;
    button("off", chip, "×", `${name} is not in it: don't suggest it again`, () => root.act("refuse-tag", name));
  }
  if (hadFocus) (list.querySelector("button") ?? root.chips.tag.input).focus();
}

function press(node, on) {
  node.classList.toggle("on", on);
  node.setAttribute("aria-pressed", String(on));
}

function draw(root) {
  const { data } = root;
  const rating = data.rating ?? 0;
  root.querySelectorAll(".star").forEach((star, at) => {
    star.classList.toggle("lit", at < rating);
    star.firstChild.textContent = at < rating ? "★" : "☆";
    star.setAttribute("aria-pressed", String(at + 1 === rating));
  });
  press(root.reject, rating === -1);
  press(root.heart, data.favourite);
  root.heart.firstChild.textContent = data.favourite ? "♥" : "♡";
  const said = data.tags.length + data.albums.length + (data.note ? 1 : 0);
  root.more.textContent = said ? `More (${said})` : "More";
  drawHints(root);
  root.more.setAttribute("aria-label", `${root.more.textContent}: tags, albums, note, remove`);
  drawChips(root, "tag", data.tags, "untag");
  drawChips(root, "album", data.albums, "take-from-album");
  const text = data.note ? `Note: ${data.note.split("\n")[0]}` : "Note";
  root.noteButton.textContent = text.length > 32 ? `${text.slice(0, 31)}…` : text;
  root.noteButton.title = data.note || "Write a note";
  root.noteButton.setAttribute("aria-label", data.note ? `Note: ${data.note}` : "Write a note");
  root.area.maxLength = data.longest.note;
}

function key(root, event) {
  const target = event.composedPath()[0];
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || target?.closest?.(WRITES)) return;
  if (/^[0-5]$/.test(event.key)) root.act("rate", Number(event.key));
  else if (event.key === "f" && !event.shiftKey) root.act("favourite", !root.data.favourite);
  else if (event.key === "Delete") root.act("remove");
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (root.data && root.data.photo !== data.photo) root.noteForm.hidden = true;
  root.data = data;
  root.act = (name, value = null) => setTriggerValue("act", { name, value, photo: root.data.photo, at: Date.now() });
  if (!root.chips) build(root);
  draw(root);
  // What is typed here is nobody else's: arrows would go to the next photo.
  root.onkeydown = (event) => {
    const target = event.composedPath()[0];
    if (target.closest?.(WRITES) && event.key !== "Escape") event.stopPropagation();
    else if (target.closest?.(WRITES) && target.value) {
      target.value = "";
      event.stopPropagation();
    }
  };
  if (root.onKey) document.removeEventListener("keydown", root.onKey, true);
  root.onKey = (event) => key(root, event);
  document.addEventListener("keydown", root.onKey, true);
  const { onKey } = root;
  return () => document.removeEventListener("keydown", onKey, true);  // its own: another may listen by then
}
