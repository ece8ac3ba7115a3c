// Completes filters while they are typed into a box for words: keys ("cam" -> "camera:") and their values ("camera:ni" -> "camera:Nikon").
// A list under the box; arrows choose in it, Enter or Tab take what is chosen, Escape closes it. Without a choice Enter searches, as ever.

const BOXES = ".st-key-query input, .st-key-image-query input, .st-key-library-query input";
const MOST = 8;
let list, input, offered = [], active = -1;

// The piece of the text that the caret stands behind, and where it begins: spaces in quotation marks do not end it.
export function pieceBefore(text) {
  let start = 0, quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') quoted = !quoted;
    else if (text[at] === " " && !quoted) start = at + 1;
  }
  return [text.slice(start), start];
}

// What the piece may become: [what replaces it, what the list says of it].
export function completions(piece, { keys, values }) {
  const [, minus, key, value] = piece.match(/^(-?)([a-z]+):(.*)$/i) ?? [];
  if (key) {
    const bars = value.lastIndexOf("|") + 1;
    const typed = value.slice(bars).replaceAll('"', "").toLowerCase();
    const fitting = (Object.hasOwn(values, key.toLowerCase()) ? values[key.toLowerCase()] : []).filter((known) => known.toLowerCase().includes(typed) && known.toLowerCase() !== typed);
    const first = (known) => (known.toLowerCase().startsWith(typed) ? 0 : 1);
    fitting.sort((one, other) => first(one) - first(other));
    const written = (known) => (/[\s"|\\]/.test(known) ? `"${known.replace(/["\\]/g, "\\$&")}"` : known);
    return fitting.slice(0, MOST).map((known) => [`${minus}${key}:${value.slice(0, bars)}${written(known)} `, known]);
  }
  const [, before, start] = piece.match(/^(-?)([a-z]{2,})$/i) ?? [];
  if (!start) return [];
  const fitting = keys.filter(([name]) => name.startsWith(start.toLowerCase()));
  fitting.sort(([one], [other]) => one.length - other.length);
  return fitting.slice(0, MOST).map(([name, help]) => [`${before}${name}:`, `${name}:  ${help}`]);
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

function offer() {
  const before = input.value.slice(0, input.selectionStart);
  const next = completions(pieceBefore(before)[0], window.queryCompletions);
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
  if (!list || event.target !== input) return;
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
  document.addEventListener("focusout", (event) => event.target === input && close());
  window.addEventListener("resize", close);
  window.addEventListener("scroll", close, true);
}
