// Completes filters while they are typed into a box for words: keys ("cam" -> "camera:") and their values ("camera:ni" -> "camera:Nikon").
// A list under the box; arrows choose in it, Enter or Tab take what is chosen, Escape closes it. Without a choice Enter searches, as ever.

const BOXES = ".st-key-query input, .st-key-image-query input, .st-key-library-query input";
const MOST = 8;
const STAR = "\x1a";  // a star that is meant as such, where a star stands for any text
const WAIT = 60;  // milliseconds
let list, input, offered = [], active = -1, asking;

// The piece of the text that the caret stands behind, and where it begins: spaces in quotation marks do not end it.
export function pieceBefore(text) {
  let start = 0, quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') quoted = !quoted;
    else if (text[at] === " " && !quoted) start = at + 1;
  }
  return [text.slice(start), start];
}

// What stands before the value that is typed, its key, and the value: as it is meant, a star that is one as the library has it.
export function valueIn(piece) {
  const [, minus, key, rest] = piece.match(/^(-?)([a-z]+):(.*)$/i) ?? [];
  if (!key) return undefined;
  const bars = rest.lastIndexOf("|") + 1;
  const typed = rest.slice(bars).replace(/\\([^\p{L}\p{N}])|"/gu, (_, sign) => (sign === "*" ? STAR : sign ?? ""));
  return { before: `${minus}${key}:${rest.slice(0, bars)}`, key: key.toLowerCase(), typed };
}

// A value as it is written in a query; with quotation marks where it has blanks or signs, and a backslash before a star.
export function written(value) {
  const text = /[\s"|\\]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
  return text.replaceAll(STAR, "\\*");
}

// What the values may become, each as [what replaces the piece, what the list says of it].
export function offers({ before }, values) {
  return values.slice(0, MOST).map((value) => [`${before}${written(value)} `, value.replaceAll(STAR, "*")]);
}

// Of values that are the same in every library those that fit.
export function fitting({ typed }, values) {
  const wanted = typed.toLowerCase();
  const first = (value) => (value.startsWith(wanted) ? 0 : 1);
  return values.filter((value) => value.includes(wanted) && value !== wanted).sort((one, other) => first(one) - first(other));
}

// Keys that a piece may become.
export function keysFor(piece, keys) {
  const [, before, start] = piece.match(/^(-?)([a-z]{2,})$/i) ?? [];
  if (!start) return [];
  const found = keys.filter(([name]) => name.startsWith(start.toLowerCase()));
  found.sort(([one], [other]) => one.length - other.length);
  return found.slice(0, MOST).map(([name, help]) => [`${before}${name}:`, `${name}:  ${help}`]);
}

// What the library has of a value, which is asked for once it has not changed for a moment.
async function fromLibrary(value, place) {
  await new Promise((done) => setTimeout(done, WAIT));
  const answer = asking === value && (await fetch(`${place}${value.key}?typed=${encodeURIComponent(value.typed)}`));
  return answer?.ok ? (await answer.json()).values : [];
}

function close() {
  list?.remove();
  input?.removeAttribute("aria-activedescendant");
  input?.setAttribute("aria-expanded", "false");
  list = undefined;
  offered = [];
  active = -1;
}

function take(number) {
  const [piece, start] = pieceBefore(input.value.slice(0, input.selectionStart));
  const text = input.value.slice(0, start) + offered[number][0] + input.value.slice(start + piece.length).trimStart();
  const caret = start + offered[number][0].length;
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.focus();
  input.setSelectionRange(caret, caret);
  offer();
}

function mark(number) {
  active = number;
  [...list.children].forEach((item, at) => {
    item.setAttribute("aria-selected", String(at === active));
    item.style.background = at === active ? "color-mix(in srgb, currentColor 12%, transparent)" : "none";
  });
  if (active >= 0) input.setAttribute("aria-activedescendant", `completion-${active}`);
}

async function offer() {
  const { keys, values, asked, place } = window.queryCompletions;
  const piece = pieceBefore(input.value.slice(0, input.selectionStart))[0];
  const value = valueIn(piece);
  if (value?.before !== asking?.before) close();  // else the list stays until there is another
  asking = value;
  if (!value) return show(keysFor(piece, keys));
  if (!asked.includes(value.key)) return show(offers(value, fitting(value, Object.hasOwn(values, value.key) ? values[value.key] : [])));
  const known = await fromLibrary(value, place).catch(() => []);
  if (asking === value && document.activeElement === input) show(offers(value, known));
}

function show(next) {
  close();
  if (!next.length) return;
  offered = next;
  list = document.createElement("ul");
  list.id = "completions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  const page = getComputedStyle(document.querySelector(".stApp"));
  const box = input.getBoundingClientRect();
  Object.assign(list.style, {
    position: "fixed", left: `${box.left}px`, top: `${box.bottom + 8}px`, minWidth: "220px", maxWidth: `${Math.max(220, box.width)}px`,
    margin: 0, padding: "4px", listStyle: "none", zIndex: 1_000_000, borderRadius: "8px", font: page.font, fontSize: "14px",
    color: page.color, background: page.backgroundColor, boxShadow: "0 4px 16px rgb(0 0 0 / 28%)",
    border: "1px solid color-mix(in srgb, currentColor 18%, transparent)",
  });
  offered.forEach(([, label], number) => {
    const item = document.createElement("li");
    item.id = `completion-${number}`;
    item.setAttribute("role", "option");
    item.textContent = label;
    Object.assign(item.style, {
      padding: "6px 10px", borderRadius: "6px", cursor: "pointer", overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap",
    });
    item.onmousedown = (event) => {
      event.preventDefault(); // the box keeps the focus
      take(number);
    };
    list.append(item);
  });
  document.body.append(list);
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", "completions");
  mark(-1);
}

function onKey(event) {
  if (event.target !== input) return;
  if (["Enter", "Escape", "Tab"].includes(event.key)) asking = undefined;
  if (!list) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) mark((active + step + offered.length + (active < 0 && step < 0 ? 1 : 0)) % offered.length);
  else if (event.key === "Escape") close();
  else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) take(active);
  else {
    if (event.key === "Enter") close();
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

export default function ({ data }) {
  window.queryCompletions = data;
  if (window.completesQueries) return;
  window.completesQueries = true;
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.(BOXES)) return;
    input = event.target;
    if (event.isTrusted) offer();
  });
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("focusout", (event) => {
    if (event.target !== input) return;
    asking = undefined;
    close();
  });
  window.addEventListener("resize", close);
  window.addEventListener("scroll", close, true);
}
