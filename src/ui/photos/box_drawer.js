// Draws a photo with the boxes of known objects, and lets a box be drawn on it. Data become text and attributes, never HTML.
// Boxes are [left, top, right, bottom] in pixels of the whole picture; on the page they are shares of the stage, so they scale with it.

const SLACK = 4; // pixels of the screen that a click may wander
const STEP = 0.01; // of the picture's longer side, for one press of an arrow key
const HELD = 0.03; // the same while the key is held
const HELP = "Drag over the photo, or focus it and use the keys: arrows move the box, Shift and arrows resize it, "
  + "Enter confirms, Escape clears.";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function made(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent?.append(node);
  return node;
}

const clamped = (value, low, high) => Math.min(Math.max(value, low), high);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

class Drawer {
  constructor(root) {
    this.box = null;
    this.drag = null; // what a pointer that is down does
    this.dragged = false; // whether it has moved
    this.build(root);
    this.listen(root);
  }

  build(root) {
    const frame = made("div", "frame", root);
    this.stage = made("div", "stage", frame);
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-describedby", "help");
    this.picture = made("img", "picture", this.stage);
    this.picture.draggable = false;
    this.picture.onload = () => this.stage.classList.remove("lost");
    this.picture.onerror = () => this.stage.classList.add("lost");
    this.mask = made("div", "mask", this.stage);
    this.objects = made("div", "objects", this.stage);
    this.outline = made("div", "box", this.stage);
    for (const corner of ["left top", "right top", "right bottom", "left bottom"]) made("i", `corner ${corner}`, this.outline);
    const bar = made("div", "bar", root);
    this.use = made("button", "use", bar);
    this.clear = made("button", "clear", bar);
    this.clear.textContent = "Clear";
    for (const button of [this.use, this.clear]) button.type = "button";
    this.told = made("p", "told", bar);
    this.told.setAttribute("role", "status");
    const help = made("p", "help", root);
    help.id = "help";
    help.textContent = HELP;
  }

  listen(root) {
    this.stage.onpointerdown = (event) => this.begin(event);
    this.stage.onpointermove = (event) => this.go(event);
    this.stage.onpointerup = () => this.lift(false);
    this.stage.onpointercancel = () => this.lift(true);
    this.stage.ondragstart = (event) => event.preventDefault(); // else a photo that was selected with the page's text is dragged off
    root.onkeydown = (event) => this.key(event);
    // A click at the end of a drag chooses nothing.
    this.stage.addEventListener("click", (event) => this.dragged && event.stopPropagation(), true);
    this.use.onclick = () => this.confirm(this.box);
    this.clear.onclick = () => {
      this.set(null);
      this.stage.focus();
    };
  }

  update(data, send) {
    const fresh = !this.data || this.data.src !== data.src || this.data.width !== data.width || this.data.height !== data.height;
    const chosen = fresh || !same(this.data.chosen, data.chosen) ? data.chosen : undefined;
    const known = fresh || !same(this.data.objects, data.objects);
    this.data = data;
    this.send = send;
    this.stage.style.setProperty("--ratio", data.width / data.height);
    this.stage.style.setProperty("--own", `${data.width}px`);
    if (this.picture.getAttribute("src") !== data.src) this.picture.src = data.src;
    this.picture.alt = data.name;
    this.stage.setAttribute("aria-label", `Draw a box on ${data.name}`);
    this.mask.style.setProperty("--mask", data.mask ? `url("${data.mask}")` : "none");
    this.mask.hidden = !data.mask;
    this.use.textContent = data.action;
    if (known) this.drawObjects();
    if (chosen !== undefined) this.set(chosen);
    else this.draw();
  }

  drawObjects() {
    const size = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
    const smallLast = [...this.data.objects].sort((one, other) => size(other) - size(one));
    const buttons = smallLast.map(({ box, label }) => {
      const button = made("button", "object");
      button.type = "button";
      button.setAttribute("aria-label", label ? `${label}, choose this object` : "Choose this object");
      if (label) made("span", "label", button).textContent = label;
      this.place(button, box);
      button.classList.toggle("upper", box[1] < this.data.height / 8); // its label stays over the picture
      button.classList.toggle("latter", box[0] > this.data.width / 2);
      button.box = box;
      button.onclick = () => this.confirm(box);
      return button;
    });
    this.objects.replaceChildren(...buttons);
  }

  place(node, [left, top, right, bottom]) {
    const { width, height } = this.data;
    const shares = { left: left / width, top: top / height, width: (right - left) / width, height: (bottom - top) / height };
    for (const [side, share] of Object.entries(shares)) node.style[side] = `${share * 100}%`;
  }

  // ---- the box

  set(box) {
    this.box = box && box.map(Math.round);
    this.draw();
  }

  draw() {
    const box = this.box;
    this.outline.hidden = !box;
    this.use.disabled = this.clear.disabled = !box;
    if (box) this.place(this.outline, box);
    for (const button of this.objects.children) button.setAttribute("aria-pressed", String(same(button.box, box)));
    const told = box ? `Box of ${box[2] - box[0]} × ${box[3] - box[1]} pixels at ${box[0]}, ${box[1]}` : "No box yet";
    if (this.told.textContent !== told) this.told.textContent = told;
  }

  confirm(box) {
    if (!box) return;
    this.set(box);
    this.send(this.box);
  }

  least() {
    const { width, height, least } = this.data;
    return [Math.min(least, width), Math.min(least, height)];
  }

  // The box between two corners, inside the picture; where it would be too small it grows away from the first.
  between(one, other) {
    const limits = [this.data.width, this.data.height];
    const spans = [0, 1].map((axis) => {
      const most = limits[axis];
      const least = this.least()[axis];
      let from = clamped(one[axis], 0, most);
      let to = clamped(other[axis], 0, most);
      if (Math.abs(to - from) < least) to = to < from || from + least > most ? from - least : from + least;
      if (to < 0) [from, to] = [0, least];
      return [Math.min(from, to), Math.max(from, to)];
    });
    return [spans[0][0], spans[1][0], spans[0][1], spans[1][1]];
  }

  moved([left, top, right, bottom], [across, down]) {
    const x = clamped(left + across, 0, this.data.width - (right - left));
    const y = clamped(top + down, 0, this.data.height - (bottom - top));
    return [x, y, x + right - left, y + bottom - top];
  }

  // ---- pointer and finger

  point(event) {
    const place = this.stage.getBoundingClientRect();
    const { width, height } = this.data;
    return [((event.clientX - place.left) / place.width) * width, ((event.clientY - place.top) / place.height) * height];
  }

  begin(event) {
    this.dragged = false;
    this.stage.classList.remove("keys");
    if (!event.isPrimary) return this.end(true); // a second finger: that is a pinch
    if (event.button !== 0) return;
    event.target.setPointerCapture(event.pointerId); // the moves after it are ours, wherever they go
    const from = this.point(event);
    const box = this.box;
    const corner = event.composedPath().find((node) => node.classList?.contains("corner"));
    this.drag = { from, at: [event.clientX, event.clientY], before: box, how: "new" };
    if (box && corner) {
      const opposite = [corner.classList.contains("left") ? box[2] : box[0], corner.classList.contains("top") ? box[3] : box[1]];
      Object.assign(this.drag, { how: "corner", from: opposite });
    } else if (box && from[0] > box[0] && from[0] < box[2] && from[1] > box[1] && from[1] < box[3]) {
      this.drag.how = "move";
    }
  }

  go(event) {
    const drag = this.drag;
    if (!drag || !event.isPrimary) return;
    if (!this.dragged) {
      if (Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) < SLACK) return;
      this.dragged = true;
      this.stage.classList.add("dragging");
    }
    const to = this.point(event);
    if (drag.how === "move") this.set(this.moved(drag.before, [to[0] - drag.from[0], to[1] - drag.from[1]].map(Math.round)));
    else this.set(this.between(drag.from, to));
  }

  end(cancelled) {
    if (this.drag && cancelled) this.set(this.drag.before);
    if (this.drag && this.dragged && !cancelled) this.stage.focus({ preventScroll: true, focusVisible: false });
    this.drag = null;
    this.stage.classList.remove("dragging");
  }

  lift(cancelled) {
    this.end(cancelled);
    setTimeout(() => (this.dragged = false)); // after the click that ends a drag, also one that Escape has ended before
  }

  // ---- keys

  // On a button of ours too, while there is a box: to the page around, arrows and Escape may mean another photo, or the end.
  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target !== this.stage && (event.key === "Enter" || !(this.box || this.drag))) return;
    if (this.pressed(event)) {
      this.stage.classList.add("keys"); // the focus shows, also where a pointer had brought it
      event.preventDefault();
      event.stopPropagation();
    }
  }

  pressed(event) {
    const { box, drag } = this;
    if (event.key === "Escape") {
      this.end(true);
      this.set(null);
      return box !== null || drag !== null; // else it is for whoever is around: a dialog closes
    }
    const arrow = ARROWS[event.key];
    if (!arrow && event.key !== "Enter") return false;
    if (drag) return true; // the pointer has the box
    if (!box) this.set(this.middle());
    else if (!arrow) this.confirm(box);
    else this.set(this.stepped(box, arrow, event));
    return true;
  }

  middle() {
    const { width, height } = this.data;
    return this.between([width / 3, height / 3], [(width * 2) / 3, (height * 2) / 3]);
  }

  stepped(box, arrow, event) {
    const longer = Math.max(this.data.width, this.data.height);
    const step = arrow.map((way) => way * Math.max(1, Math.round(longer * (event.repeat ? HELD : STEP))));
    if (!event.shiftKey) return this.moved(box, step);
    const [across, down] = this.least();
    const right = clamped(box[2] + step[0], box[0] + across, Math.max(this.data.width, box[0] + across));
    const bottom = clamped(box[3] + step[1], box[1] + down, Math.max(this.data.height, box[1] + down));
    return this.moved([box[0], box[1], right, bottom], [0, 0]);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  root.drawer ??= new Drawer(root);
  root.drawer.update(data, (box) => setTriggerValue("box", box));
}
