// Draws photos. Everything that comes as data (names, paths, scores) becomes text or an attribute, never HTML.

function made(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent?.append(node);
  return node;
}

// On a window of usual size the first so many are in sight: fetched at once, not after the layout.
const AT_ONCE = 30;

function newCell(item, at) {
  const cell = made("button", "cell");
  cell.type = "button";
  cell.dataset.id = item.id;
  const image = made("img", "", cell);
  image.loading = at < AT_ONCE ? "eager" : "lazy";
  image.decoding = "async";
  image.onerror = () => cell.classList.add("lost");
  image.src = item.src;
  return cell;
}

// Where a square shows of a picture that covers it, with the middle of `box` (shares of its sides) as near the square's middle as
// it can be, and where the box lies in the square then. `aspect` is the picture's width divided by its height.
export function framed(box, aspect) {
  const [width, height] = aspect > 1 ? [aspect, 1] : [1, 1 / aspect];
  const place = (low, high, length) => {
    const spare = length - 1;
    const start = Math.min(Math.max(((low + high) / 2) * length - 0.5, 0), spare);
    const from = Math.max(low * length - start, 0);
    return { shown: spare > 0 ? start / spare : 0.5, from, size: Math.min(high * length - start, 1) - from };
  };
  return [place(box[0], box[2], width), place(box[1], box[3], height)];
}

function frame(cell, item) {
  const [across, down] = framed(item.box, item.aspect);
  const mark = cell.querySelector(".box") ?? made("span", "box", cell);
  cell.querySelector("img").style.objectPosition = `${across.shown * 100}% ${down.shown * 100}%`;
  for (const [side, value] of [["left", across.from], ["top", down.from], ["width", across.size], ["height", down.size]]) {
    mark.style[side] = `${value * 100}%`;
  }
}

function unframe(cell) {
  cell.querySelector(".box")?.remove();
  cell.querySelector("img").style.objectPosition = "";
}

function label(cell, item) {
  if (item.box) frame(cell, item);
  else unframe(cell);
  const found = item.box ? `an object in ${item.name}` : item.name;
  const text = item.band ? `${found}, ${item.band} match, ${item.percent} %` : found;
  if (cell.getAttribute("aria-label") === text) return;
  cell.setAttribute("aria-label", text);
  cell.title = item.name;
  cell.querySelector("img").alt = item.name;
  cell.querySelectorAll("span:not(.box)").forEach((old) => old.remove());
  if (item.band) made("span", `chip ${item.band}`, cell).textContent = `${item.percent} %`;
  const caption = made("span", "caption", cell);
  made("span", "name", caption).textContent = item.name;
  if (item.band) made("span", "score", caption).textContent = `${item.band}, ${item.percent} %`;
}

function drawGrid(root, items) {
  const grid = root.querySelector(".grid") ?? made("div", "grid", root);
  const old = new Map([...grid.children].map((cell) => [cell.dataset.id, cell]));
  const cells = items.map((item, at) => old.get(item.id) ?? newCell(item, at));
  if (cells.length !== grid.children.length || cells.some((cell, at) => cell !== grid.children[at])) {
    grid.replaceChildren(...cells);
  }
  cells.forEach((cell, at) => label(cell, items[at]));
  return grid;
}

function moved(grid, cell, key) {
  const cells = [...grid.children];
  const columns = cells.filter((other) => other.offsetTop === cells[0].offsetTop).length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  return key in steps ? cells[cells.indexOf(cell) + steps[key]] : undefined;
}

// Once for each photo that was closed: its cell has the focus again, as soon as the dialog is gone. A dialog that closes gives the focus
// back to what had it, which it can't find in here, so a few more looks follow.
function takeBack(grid, [id, number]) {
  if (!number || window.lastTakenBack === number) return;
  window.lastTakenBack = number;
  const until = performance.now() + 3_000;
  let rest = 10;
  const look = () => {
    const cell = [...grid.children].find((other) => other.dataset.id === id);
    const elsewhere = document.activeElement !== document.body && !document.activeElement.contains(grid.getRootNode().host);
    if (!cell || performance.now() > until || window.lastTakenBack !== number) return;
    if (!document.querySelector('[role="dialog"]')) {
      const inside = grid.getRootNode().activeElement;
      if (rest < 10 && (elsewhere || (inside && inside !== cell))) return;  // somebody went on from there
      if (grid.getRootNode().activeElement !== cell) cell.focus();
      rest -= 1;
    }
    if (rest > 0) setTimeout(look, 50);
  };
  look();
}

function drawPhoto(root, photo, step) {
  const box = root.querySelector(".photo") ?? made("div", "photo", root);
  const stage = box.querySelector(".stage") ?? made("div", "stage", box);
  const image = stage.querySelector("img") ?? made("img", "", stage);
  if (stage.photo !== photo.src) {  // the picture may have become its sharper self
    stage.style.backgroundImage = `url("${photo.thumb}")`;
    image.style.visibility = "hidden";
    image.onload = () => {
      image.style.visibility = "visible";
      stage.style.backgroundImage = "none";
    };
    image.src = photo.src;
    stage.photo = photo.src;
  }
  stage.view ??= new Stage(stage, image);
  stage.view.use(photo, step);
  image.alt = photo.name;
  [...box.children].forEach((node) => node !== stage && node.remove());
  made("p", "title", box).textContent = photo.name;
  if (photo.note) made("p", "note", box).textContent = photo.note;
  const facts = made("dl", "facts", box);
  for (const [name, value] of photo.facts) {
    made("dt", "", facts).textContent = name;
    made("dd", "", facts).textContent = value;
  }
  drawLines(stage, photo.lines, photo.size);
}

function drawSingle(root, photo) {
  const box = root.querySelector(".single") ?? made("div", "single", root);
  const image = box.querySelector("img") ?? made("img", "", box);
  if (image.getAttribute("src") !== photo.src) image.src = photo.src;
  image.alt = photo.name;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (data.photo) {
    drawPhoto(root, data.photo, (step) => setTriggerValue("step", step));
    return () => root.querySelector(".stage")?.view?.end();
  }
  if (data.single) return drawSingle(root, data.single);
  const grid = drawGrid(root, data.items);
  takeBack(grid, data.closed);
  grid.onclick = (event) => {
    const cell = event.target.closest(".cell");
    if (cell) setTriggerValue("open", cell.dataset.id);
  };
  grid.onkeydown = (event) => {
    const target = event.target.closest(".cell");
    const next = target && moved(grid, target, event.key);
    if (next) {
      next.focus();
      event.preventDefault();
    }
  };
}
