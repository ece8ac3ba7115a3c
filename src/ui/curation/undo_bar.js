// A bar that says what was done and offers to undo it, for some seconds, and the keys for that. Of several on a page, such as that of a
// dialog over it, the last one drawn speaks and hears the keys: the others are behind it.

const SECONDS = 8;

function made(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent?.append(node);
  return node;
}

function writes(target) {
  return Boolean(target?.closest?.('textarea, select, [contenteditable="true"], input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=button])'));
}

function turnOf(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" && !event.shiftKey && event.ctrlKey ? "redo" : null;
}

// Behind a dialog nothing can be clicked or is read out.
function isCovered(root) {
  const dialog = document.querySelector('[role="dialog"]');
  return Boolean(dialog && !dialog.contains(root.getRootNode().host) && dialog.querySelector("[class*=undo-bar]"));
}

function hide(bar) {
  clearTimeout(bar.timer);
  bar.hidden = true;
}

function wait(bar) {
  clearTimeout(bar.timer);
  bar.timer = setTimeout(hide, SECONDS * 1000, bar);
}

function draw(root, data, act) {
  const bar = root.querySelector(".bar") ?? made("div", "bar", root);
  bar.setAttribute("role", "status");
  if (!data.id || window.lastUndoTold === data.id || isCovered(root)) return;
  window.lastUndoTold = data.id;
  bar.replaceChildren();
  made("span", "text", bar).textContent = data.text;
  if (data.turn) {
    const button = made("button", "turn", bar);
    button.type = "button";
    button.textContent = data.turn === "undo" ? "Undo" : "Redo";
    button.onclick = () => act(data.turn);
  }
  const close = made("button", "close", bar);
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.onclick = () => hide(bar);
  bar.onmouseenter = bar.onfocusin = () => clearTimeout(bar.timer);
  bar.onmouseleave = bar.onfocusout = () => wait(bar);
  bar.hidden = false;
  wait(bar);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const act = (turn) => {
    root.querySelectorAll(".bar").forEach(hide);
    setTriggerValue(turn, true);
  };
  draw(root, data, act);
  if (root.onKey) document.removeEventListener("keydown", root.onKey, true);
  const onKey = root.onKey = (event) => {
    const turn = turnOf(event);
    if (!turn || writes(event.composedPath()[0]) || isCovered(root)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act(turn);
  };
  document.addEventListener("keydown", onKey, true);
  return () => document.removeEventListener("keydown", onKey, true);  // its own: another may listen by then
}
