// An album's photos, put in order: dragged, or moved by keys and buttons. A move is shown at once and sent; until the page says that it has
// it, it is sent again, with those that follow and after a while. Everything that comes as data becomes text or an attribute, never HTML.

function build(root) {
  root.sent = [];
  const bar = made("div", "bar", root);
  const action = (label, act) => {
    const node = made("button", "action", bar, label);
    node.type = "button";
    node.onclick = act;
    return node;
  };
  root.left = action("Move left", () => step(root, -1));
  root.right = action("Move right", () => step(root, 1));
  root.coverButton = action("Make it the cover", () => tell(root, { id: root.at, cover: true }));
  made("span", "keys", bar, "Drag a photo to its place. By keys: arrows choose, Shift and an arrow moves, Shift and Home or End moves to an end, c makes the cover.");
  root.list = made("ul", "items", root);
  root.list.setAttribute("role", "listbox");
  root.list.setAttribute("aria-label", "Photos of the album, in its order");
  root.list.onkeydown = (event) => key(root, event);
  root.said = made("div", "said", root);
  root.said.setAttribute("role", "status");
  root.tiles = new Map();
}

function tell(root, move) {
  note(root, move);
  if (move.cover) root.cover = move.id;
  draw(root);
  send(root);
}

function place(root, id, to) {
  const from = root.order.indexOf(id);
  const at = Math.max(0, Math.min(root.order.length - 1, to));
  if (from < 0 || from === at) return;
  root.order.splice(from, 1);
  root.order.splice(at, 0, id);
  root.at = id;
  root.said.textContent = `${root.items.get(id).name}: number ${at + 1} of ${root.order.length}`;
  tell(root, { id, before: root.order[at + 1] ?? null });
}

function step(root, by) {
  place(root, root.at, root.order.indexOf(root.at) + by);
}

function choose(root, id) {
  root.at = id;
  draw(root);
}

function columns(root) {
  return getComputedStyle(root.list).gridTemplateColumns.split(" ").length;
}

function key(root, event) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(root), ArrowDown: columns(root), Home: -Infinity, End: Infinity };
  const here = root.order.indexOf(root.at);
  const by = steps[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "c" && here >= 0) tell(root, { id: root.at, cover: true });
  else if (by === undefined) return;
  else if (event.shiftKey) place(root, root.at, here + by);
  else choose(root, root.order[Math.max(0, Math.min(root.order.length - 1, here + by))]);
  event.preventDefault();
  root.tiles.get(root.at)?.focus();
}

function tile(root, item) {
  const node = made("li", "tile");
  node.draggable = true;
  node.setAttribute("role", "option");
  Object.assign(made("img", "", node), { src: item.src, alt: "", loading: "lazy", decoding: "async", draggable: false });
  node.number = made("span", "number", node);
  node.mark = made("span", "cover", node, "Cover");
  node.onclick = () => {
    choose(root, item.id);
    node.focus();
  };
  node.ondragstart = (event) => {
    root.dragged = item.id;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", item.name);
    node.classList.add("dragged");
  };
  node.ondragend = () => {
    root.dragged = null;
    root.list.querySelectorAll(".target, .dragged").forEach((one) => one.classList.remove("target", "dragged"));
  };
  node.ondragover = (event) => {
    if (!root.dragged) return;
    event.preventDefault();
    root.list.querySelectorAll(".target").forEach((one) => one.classList.toggle("target", one === node));
    node.classList.add("target");
  };
  node.ondrop = (event) => {
    if (!root.dragged) return;
    event.preventDefault();
    const from = root.order.indexOf(root.dragged);
    const to = root.order.indexOf(item.id);
    place(root, root.dragged, from < to ? to - 1 : to);
  };
  return node;
}

function draw(root) {
  for (const id of root.order) if (!root.tiles.has(id)) root.tiles.set(id, tile(root, root.items.get(id)));
  const nodes = root.order.map((id) => root.tiles.get(id));
  const focused = root.getRootNode().activeElement;
  if (nodes.length !== root.list.children.length || nodes.some((node, at) => root.list.children[at] !== node)) root.list.replaceChildren(...nodes);
  if (focused && root.list.contains(focused)) focused.focus();
  if (!root.order.includes(root.at)) root.at = root.order[0];
  root.order.forEach((id, at) => {
    const node = root.tiles.get(id);
    node.tabIndex = id === root.at ? 0 : -1;
    node.setAttribute("aria-selected", String(id === root.at));
    node.number.textContent = String(at + 1);
    node.mark.hidden = id !== root.cover;
    node.setAttribute("aria-label", `${at + 1}: ${root.items.get(id).name}${id === root.cover ? ", cover" : ""}`);
  });
  const here = root.order.indexOf(root.at);
  root.left.disabled = here <= 0;
  root.right.disabled = here < 0 || here === root.order.length - 1;
  root.coverButton.disabled = here < 0 || root.at === root.cover;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (!root.list) build(root);
  if (root.album !== data.album) Object.assign(root, { album: data.album, sent: [], at: undefined });
  root.sent = root.sent.filter((one) => one.number > data.heard);
  root.items = new Map(data.items.map((item) => [item.id, item]));
  if (!root.sent.length) Object.assign(root, { order: data.items.map((item) => item.id), cover: data.cover });
  else root.order = root.order.filter((id) => root.items.has(id));
  root.submit = () => setTriggerValue("moves", { album: data.album, moves: root.sent });
  draw(root);
  send(root);  // what was on its way when this was drawn, or got lost there
}
