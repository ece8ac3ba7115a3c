// Photos that may want a tag, one large and the others in a strip: y and n answer, arrows move. An answer is shown at once and sent; until
// the page says that it has it, it is sent again, with those that follow and after a while, so that none is lost where one answers quickly.

const WRITES = 'textarea, select, [contenteditable="true"], input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=button])';

function answerButton(root, parent, yes) {
  const node = made("button", yes ? "answer yes" : "answer", parent);
  node.type = "button";
  made("span", "", node, yes ? "Has the tag" : "Has not");
  made("kbd", "", node, yes ? "Y" : "N").setAttribute("aria-hidden", "true");
  node.setAttribute("aria-keyshortcuts", yes ? "y" : "n");
  node.onclick = () => answer(root, yes);
}

function build(root) {
  root.sent = [];
  root.tabIndex = -1;
  root.view = made("div", "view", root);
  const stage = made("div", "stage", root.view);
  root.picture = made("img", "", stage);
  const under = made("div", "under", root.view);
  const what = made("div", "what", under);
  what.setAttribute("role", "status");
  root.name = made("div", "name", what);
  root.why = made("div", "why", what);
  const answers = made("div", "answers", under);
  answerButton(root, answers, true);
  answerButton(root, answers, false);
  root.strip = made("ul", "strip", root.view);
  root.strip.setAttribute("aria-label", "Suggested photos");
  root.done = made("p", "done", root);
  root.done.setAttribute("role", "status");
}

function open(root) {
  const answered = new Set(root.sent.map((one) => one.id));
  return root.data.items.filter((item) => !answered.has(item.id));
}

function answer(root, yes) {
  const items = open(root);
  const at = items.findIndex((item) => item.id === root.at);
  if (at < 0) return;
  root.at = (items[at + 1] ?? items[at - 1])?.id;
  note(root, { id: items[at].id, yes });
  draw(root);
  send(root);
}

function move(root, step) {
  const items = open(root);
  const at = items.findIndex((item) => item.id === root.at);
  root.at = items[Math.min(items.length - 1, Math.max(0, at + step))]?.id;
  draw(root);
}

function thumb(root, item) {
  const node = made("li", "");
  const button = made("button", "", node);
  button.type = "button";
  button.setAttribute("aria-label", item.name);
  Object.assign(made("img", "", button), { src: item.src, alt: "", loading: "lazy" });
  button.onclick = () => {
    root.at = item.id;
    draw(root);
  };
  node.button = button;
  return node;
}

function draw(root) {
  const items = open(root);
  const here = items.find((item) => item.id === root.at) ?? items[0];
  root.at = here?.id;
  root.view.hidden = !here;
  root.done.hidden = Boolean(here);
  root.done.textContent = root.sent.length ? "Looking for more …" : root.data.none;
  root.thumbs ??= new Map();
  for (const item of items) if (!root.thumbs.has(item.id)) root.thumbs.set(item.id, thumb(root, item));
  const nodes = items.map((item) => root.thumbs.get(item.id));
  if (nodes.length !== root.strip.children.length || nodes.some((node, at) => root.strip.children[at] !== node)) root.strip.replaceChildren(...nodes);
  for (const item of items) root.thumbs.get(item.id).button.setAttribute("aria-current", String(item === here));
  if (!here) return;
  if (root.shown !== here.id) {
    root.shown = here.id;
    Object.assign(root.picture, { src: here.large, alt: here.name });
    const node = root.thumbs.get(here.id);
    root.strip.scrollLeft = node.offsetLeft - root.strip.offsetLeft - root.strip.clientWidth / 2;
  }
  root.name.textContent = here.name;
  root.why.textContent = here.why;
}

function key(root, event) {
  const target = event.composedPath()[0];
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || target?.closest?.(WRITES)) return;
  if (document.querySelector('[role="dialog"]') || root.view.hidden) return;
  const mine = target === document.body || root.contains(target);
  if (event.key === "y" || event.key === "Y") answer(root, true);
  else if (event.key === "n" || event.key === "N") answer(root, false);
  else if (mine && event.key === "ArrowRight") move(root, 1);
  else if (mine && event.key === "ArrowLeft") move(root, -1);
  else return;
  event.preventDefault();
}

// Once something was chosen in the box for the tag, though it be what was chosen before, keys are answers and not typed into the box.
function leaveBox(root, event) {
  if (event.type === "click" ? !event.target?.closest?.('[role="option"]') : event.key !== "Enter") return;
  setTimeout(() => {
    const at = document.activeElement;
    if (root.view.hidden || at?.getAttribute("aria-expanded") !== "false" || !at.closest(`.st-key-${root.data.box}`)) return;
    root.focus({ preventScroll: true });
  }, 200);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (!root.view) build(root);
  const chosen = root.data?.tag !== data.tag;
  if (chosen) Object.assign(root, { sent: [], at: undefined, thumbs: undefined });
  root.data = data;
  root.sent = root.sent.filter((one) => one.number > data.heard);
  root.submit = () => setTriggerValue("answers", { tag: data.tag, answers: root.sent });
  draw(root);
  send(root);  // what was on its way when this was drawn, or got lost there
  if (chosen && !root.view.hidden && document.activeElement?.closest(`.st-key-${data.box}`)) root.focus({ preventScroll: true });  // or the keys would be typed into the box
  root.forget?.();
  const onKey = (event) => key(root, event), onChoice = (event) => leaveBox(root, event);
  document.addEventListener("keydown", onKey);
  for (const name of ["keydown", "click"]) document.addEventListener(name, onChoice, true);
  root.forget = () => {
    document.removeEventListener("keydown", onKey);
    for (const name of ["keydown", "click"]) document.removeEventListener(name, onChoice, true);
  };
  return root.forget;  // its own: others may listen by then
}
