// What stands around the photos: the line above them, the bar for those that are selected, and the sheet of keys.

const KEYS = [
  ["← → ↑ ↓", "to the photo beside, above, below"],
  ["Home, End", "to the first, to the last"],
  ["Page Up, Page Down", "a screen up, a screen down"],
  ["Enter", "open the photo"],
  ["Space", "select it, or no longer"],
  ["Shift + arrow, Shift + click", "select all up to there"],
  ["Ctrl + click, Ctrl + A", "select one more, select all"],
  ["Esc", "select none"],
  ["Ctrl + Z", "take back the last change"],
  ["+, −", "larger, smaller"],
  ["C", "show the copies of a result, or fold them"],
  ["/", "to the box for words"],
  ["?", "this sheet"],
];
const ICONS = {
  rows: "M3 5h8v6H3zM13 5h8v6h-8zM3 13h12v6H3zM17 13h4v6h-4z",
  squares: "M3 4h5v5H3zM10 4h5v5h-5zM17 4h4v5h-4zM3 11h5v5H3zM10 11h5v5h-5zM17 11h4v5h-4zM3 18h5v2H3zM10 18h5v2h-5zM17 18h4v2h-4z",
  places: "M3 5h7l2 2h9v12H3zM5 9v8h14V9z",
  copies: "M4 4h11v2H6v9H4zM8 8h12v12H8zM10 10v8h8v-8z",
  close: "M6 4.6 12 10.6l6-6L19.4 6l-6 6 6 6-1.4 1.4-6-6-6 6L4.6 18l6-6-6-6z",
};

function icon(name, parent) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  parent.append(svg);
}

function button(className, label, parent, act, shows = null) {
  const node = made("button", className, parent);
  node.type = "button";
  node.onclick = act;
  if (shows) {
    icon(shows, node);
    node.ariaLabel = node.title = label;
  } else node.textContent = label;
  return node;
}

export function frameIn(root) {
  const head = made("div", "head", root);
  const parts = { head };
  parts.places = button("tool", "Dates, folders, cameras", head, null, "places");
  parts.count = made("p", "count", head);
  parts.count.role = "status";
  parts.fold = button("tool", "Fold copies of the same picture", head, null, "copies");
  parts.look = made("div", "look", head);
  parts.look.role = "group";
  parts.look.ariaLabel = "Layout";
  parts.rows = button("tool", "Rows of one height", parts.look, null, "rows");
  parts.squares = button("tool", "Squares", parts.look, null, "squares");
  parts.side = made("input", "side", head);
  Object.assign(parts.side, { type: "range", min: "72", max: "420", step: "4", ariaLabel: "Size of the thumbnails", title: "Size of the thumbnails" });
  parts.help = button("tool help", "Keys", head, null);
  parts.help.textContent = "?";
  parts.help.ariaLabel = parts.help.title = "Keys";
  const body = made("div", "body", root);
  parts.column = made("nav", "column", body);
  parts.column.ariaLabel = "Dates, folders, cameras";
  parts.stage = made("div", "stage", body);
  parts.scroller = made("div", "scroller", parts.stage);
  parts.heads = made("div", "heads", parts.scroller);
  parts.list = made("div", "list", parts.scroller);
  parts.list.role = "listbox";
  parts.list.ariaMultiSelectable = "true";
  parts.list.ariaLabel = "Photos";
  parts.more = button("more", "Show more", parts.scroller, null);
  parts.more.hidden = true;
  parts.empty = made("p", "empty", parts.stage);
  parts.empty.hidden = true;
  parts.scrubber = made("div", "scrubber", parts.stage);
  parts.bar = made("div", "bar", parts.stage);
  parts.bar.role = "toolbar";
  parts.bar.ariaLabel = "Selected photos";
  parts.bar.hidden = true;
  parts.sheet = made("dialog", "sheet", root);
  drawSheet(parts.sheet);
  return parts;
}

function drawSheet(sheet) {
  sheet.setAttribute("aria-label", "Keys");
  made("h3", "", sheet).textContent = "Keys";
  const list = made("dl", "", sheet);
  for (const [keys, what] of KEYS) {
    made("dt", "", list).textContent = keys;
    made("dd", "", list).textContent = what;
  }
  button("close", "Close", sheet, () => sheet.close());
  sheet.onclick = (event) => event.target === sheet && sheet.close();
}

// On a narrow page the actions are folded into a list that a button opens.
// `actions`: {name, label, most, asks}; `most`: so many photos at most; `asks`: what has to be said besides, "text" or "stars".
export function drawBar(bar, size, actions, act, clear) {
  const state = JSON.stringify([size, actions]);
  bar.hidden = !size;
  if (bar.state === state) return;
  bar.state = state;
  bar.replaceChildren();
  const count = made("span", "selected", bar);
  count.role = "status";
  count.textContent = `${size.toLocaleString("en")} selected`;
  bar.classList.remove("unfolded");
  const some = made("div", "actions", bar);
  for (const action of actions.filter((one) => size <= (one.most ?? Infinity))) {
    button("action", action.label, some, () => (action.asks ? ask(bar, some, action, act) : act(action.name, null)));
  }
  const unfold = button("action unfold", "Actions", bar, () => fold(!bar.classList.contains("unfolded")));
  const fold = (open) => {
    bar.classList.toggle("unfolded", open);
    unfold.ariaExpanded = String(open);
    (open ? some.querySelector("button") : unfold)?.focus();
  };
  unfold.ariaExpanded = "false";
  some.onkeydown = (event) => {
    if (!bar.classList.contains("unfolded") || !["Escape", "ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return fold(false);
    const offered = [...some.children];
    const step = event.key === "ArrowDown" ? 1 : -1;
    offered.at((offered.indexOf(event.target) + step) % offered.length).focus();
  };
  button("tool", "Select none", bar, clear, "close");
}

// In place of the actions: a box for what one of them has to be told.
function ask(bar, some, action, act) {
  const form = made("form", "ask");
  bar.classList.remove("unfolded");
  const done = (value) => {
    bar.state = null;
    act(action.name, value);
  };
  if (action.asks === "stars") {
    for (let stars = 0; stars <= 5; stars += 1) {
      const label = stars ? `${stars} ${stars === 1 ? "star" : "stars"}` : "No stars";
      const one = button("action", stars ? "★".repeat(stars) : "None", form, () => done(stars));
      one.ariaLabel = label;
    }
  } else {
    const box = made("input", "", form);
    Object.assign(box, { type: "text", ariaLabel: action.label, placeholder: action.hint ?? "" });
    const send = button("action", "OK", form, null);
    send.type = "submit";
    form.onsubmit = (event) => {
      event.preventDefault();
      if (box.value.trim()) done(box.value);
    };
  }
  form.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    form.replaceWith(some);
    (some.offsetParent ? some.querySelector("button") : bar.querySelector(".unfold"))?.focus();
  };
  some.replaceWith(form);
  form.querySelector("input, button").focus();
}
