// A list or a grid of things with a checkbox each, and buttons that do something with those that are chosen. Everything that comes as data
// becomes text or an attribute, never HTML.

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

function build(root) {
  root.chosen = new Set();
  const bar = made("div", "bar", root);
  const label = made("label", "all", bar);
  root.all = made("input", "", label);
  root.all.type = "checkbox";
  root.count = made("span", "count", label);
  root.count.setAttribute("role", "status");
  root.all.onchange = () => {
    root.chosen = new Set(root.all.checked ? root.data.items.map((item) => item.id) : []);
    tick(root);
  };
  root.buttons = made("div", "buttons", bar);
  root.list = made("ul", "items", root);
}

function drawActions(root) {
  const state = JSON.stringify(root.data.actions);
  if (root.buttons.state === state) return;
  root.buttons.state = state;
  root.buttons.replaceChildren();
  for (const action of root.data.actions) {
    const node = made("button", "action", root.buttons, action.label);
    node.type = "button";
    node.most = action.most ?? Infinity;
    node.onclick = () => root.act(action.name, [...root.chosen]);
  }
}

function row(root, item) {
  const node = made("li", "item");
  const label = made("label", "pick", node);
  const box = made("input", "", label);
  box.type = "checkbox";
  box.setAttribute("aria-label", `Choose ${item.name}`);
  box.onchange = () => {
    if (box.checked) root.chosen.add(item.id);
    else root.chosen.delete(item.id);
    tick(root);
  };
  node.box = box;
  node.style.setProperty("--level", item.level);
  if (item.src) {
    const image = made("img", "", label);
    Object.assign(image, { src: item.src, alt: "", loading: "lazy", decoding: "async" });
    image.onerror = () => node.classList.add("lost");
  }
  const name = root.data.opens ? made("button", "name", node, item.name) : made("span", "name", label, item.name);
  name.title = item.name;
  if (root.data.opens) {
    name.type = "button";
    name.setAttribute("aria-label", `Show ${item.name}, ${item.detail}`);
    name.onclick = () => root.open(item.id);
  }
  made("span", "detail", root.data.opens ? node : label, item.detail);
  return node;
}

function drawItems(root) {
  const { items, layout, label } = root.data;
  root.list.className = `items ${layout}`;
  root.list.setAttribute("aria-label", label);
  const state = JSON.stringify(items);
  if (root.list.state === state) return;
  root.list.state = state;
  const there = new Set(items.map((item) => item.id));
  root.chosen = new Set([...root.chosen].filter((id) => there.has(id)));
  root.rows = new Map(items.map((item) => [item.id, row(root, item)]));
  root.list.replaceChildren(...root.rows.values());
}

function tick(root) {
  const number = root.chosen.size;
  const total = root.data.items.length;
  for (const [id, node] of root.rows) {
    node.box.checked = root.chosen.has(id);
    node.classList.toggle("chosen", node.box.checked);
  }
  root.all.checked = number > 0 && number === total;
  root.all.indeterminate = number > 0 && number < total;
  root.all.setAttribute("aria-label", `Select all ${root.data.label}`);
  root.count.textContent = number ? `${number.toLocaleString("en")} selected` : `Select all ${root.data.label}`;
  for (const button of root.buttons.children) button.disabled = !number || number > button.most;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  root.data = data;
  root.act = (name, ids) => setTriggerValue("act", { name, ids, at: Date.now() });
  root.open = (id) => setTriggerValue("open", id);
  if (!root.list) build(root);
  drawActions(root);
  drawItems(root);
  tick(root);
}
