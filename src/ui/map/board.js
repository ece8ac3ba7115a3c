// The library as points: moved by mouse, keys or buttons; what is drawn around is told as a polygon, and a photo that is clicked by its id.
// Points come as one binary (services/map/service.py has the layout); regl-scatterplot, which draws them, is fetched from our own server.

const COLOURS = 12;
const MANY = 60_000;  // points from which on drawing them quickly matters more than how they look
const SLOW = 40;  // milliseconds that drawing all of so many may take: where it takes longer, their picture is moved, and drawn again once it lies still
const CORNERS = 56;
const FEW = 160;  // points in sight that are shown as thumbnails by themselves
const CELL = 56;  // pixels between two thumbnails
const STEP = 0.15;
const NO_WEBGL = "The map needs WebGL, which this browser does not offer here: turn on hardware acceleration, or use another browser. The list shows the photos of each colour all the same.";
let told = 0;

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

function button(parent, text, label, act) {
  const node = made("button", "", parent, text);
  node.type = "button";
  node.title = label;
  if (text !== label) node.setAttribute("aria-label", label);
  node.onclick = act;
  return node;
}

export function unpacked(buffer) {
  const number = Math.floor(buffer.byteLength / 25);
  return {
    number,
    x: new Float32Array(buffer, 0, number),
    y: new Float32Array(buffer, 4 * number, number),
    colours: new Uint8Array(buffer, 8 * number, number),
    ids: new Uint8Array(buffer, 9 * number, 16 * number),
  };
}

function idAt(points, at) {
  const hex = Array.from(points.ids.subarray(16 * at, 16 * at + 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// At most CORNERS of the corners, evenly spread, as the server reads them.
export function asText(corners) {
  const step = Math.max(1, corners.length / CORNERS), kept = [];
  for (let at = 0; at < corners.length; at += step) kept.push(corners[Math.floor(at)]);
  const near = (value) => Number(Math.max(-99, Math.min(99, value)).toFixed(3));
  return kept.map(([x, y]) => `${near(x)},${near(y)}`).join(" ");
}

const cornersOf = (text) => (/^[-0-9.,\s]+$/.test(text) ? text.split(" ").map((corner) => corner.split(",").map(Number)) : []);

class Board {
  constructor(root) {
    this.root = root;
    this.field = made("div", "field", root);
    Object.assign(this.field, { tabIndex: 0, role: "application" });
    this.field.setAttribute("aria-label", "Map of photos. Arrow keys move it, plus and minus zoom, 0 shows all of it, Enter lists the photos in sight.");
    this.canvas = made("canvas", "", this.field);
    this.canvas.setAttribute("aria-hidden", "true");
    this.svg = this.field.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    this.svg.setAttribute("class", "over");
    this.outline = this.svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    this.over = made("div", "over", this.field);
    this.shown = made("div", "shown", this.field);
    this.shown.hidden = true;
    this.said = made("p", "said", this.field, "Fetching the points …");
    this.tools();
    this.values = made("ul", "values", root);
    this.values.setAttribute("aria-label", "Colours");
    this.field.onkeydown = (event) => this.key(event);
    this.hands();
    this.field.onpointerleave = () => (this.shown.hidden = true);
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.field);
  }

  tools() {
    const bar = made("div", "tools", this.field);
    bar.role = "toolbar";
    bar.setAttribute("aria-label", "Map");
    this.draws = button(bar, "Draw around", "Draw around", () => this.drawMode(this.draws.ariaPressed !== "true"));
    this.draws.title = "Draw a line around photos; the Shift key does the same for once";
    button(bar, "Photos in sight", "Photos in sight", () => this.chooseView());
    this.thumbs = button(bar, "Thumbnails", "Thumbnails", () => {
      this.thumbs.ariaPressed = String(this.thumbs.ariaPressed !== "true");
      this.overlay();
    });
    this.draws.ariaPressed = this.thumbs.ariaPressed = "false";
    button(bar, "+", "Zoom in", () => this.zoom(0.7));
    button(bar, "−", "Zoom out", () => this.zoom(1 / 0.7));
    button(bar, "All", "Show all of the map", () => this.home());
  }

  end() {
    this.sizes.disconnect();
    this.drop();
    this.plot?.destroy();
    this.renderer?.destroy();
    this.ended = true;
  }

  tell(name, value) {
    this.setTrigger(name, { ...value, number: (told += 1) });  // the same twice is two things
  }

  // ---------------------------------------------------------------- what is shown

  async draw(data, setTrigger) {
    const before = this.data;
    Object.assign(this, { data, setTrigger });
    this.list();
    if (!this.plot && !this.opening) this.opening = this.open();
    await this.opening;
    if (!this.plot || this.ended) return;
    this.paint();
    if (before?.points !== data.points || before?.version !== data.version) await this.fetch();
    this.overlay();
  }

  async open() {
    try {
      const { createRenderer, default: createScatterplot } = await import(new URL(this.data.plot, location.href).href);
      if (!document.createElement("canvas").getContext("webgl")) throw new Error("no WebGL");
      const width = Math.max(this.field.clientWidth, 50), height = Math.max(this.field.clientHeight, 50);
      this.renderer = createRenderer();
      this.renderer.resize(width, height);  // else it draws as much as the window is large, of which the field is a part
      this.plot = createScatterplot({
        renderer: this.renderer, canvas: this.canvas, width, height, performanceMode: this.sum() > MANY,
        actionKeyMap: { lasso: "shift" }, deselectOnDblClick: false, deselectOnEscape: false, lassoClearEvent: "lassoEnd", showReticle: false,
      });
      if (this.plot.isSupported === false) throw new Error("no WebGL");
      this.listen();
    } catch {
      this.plot = null;
      this.said.textContent = NO_WEBGL;
      this.said.role = "status";
    }
  }

  listen() {
    this.plot.subscribe("view", () => this.moved());
    this.plot.subscribe("drawing", () => this.drawn());
    this.plot.subscribe("pointOver", (at) => this.show(at));
    this.plot.subscribe("pointOut", () => (this.shown.hidden = true));
    this.plot.subscribe("lassoStart", () => (this.lassoing = true));
    this.plot.subscribe("lassoEnd", ({ coordinates }) => {
      if (coordinates?.length > 2) this.choose(asText(coordinates));
      this.plot.deselect({ preventEvent: true });
      this.drawMode(false);
      setTimeout(() => (this.lassoing = false), 50);
    });
    this.plot.subscribe("select", ({ points }) => {
      this.plot.deselect({ preventEvent: true });
      if (!this.lassoing && points.length === 1) this.tell("open", { id: idAt(this.points, points[0]) });
    });
  }

  sum() {
    return this.data.rest + this.data.values.reduce((sum, [, photos]) => sum + photos, 0);
  }

  async fetch() {
    const wanted = this.data.points;
    let points;
    try {
      const answer = await fetch(wanted, { cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      points = unpacked(await answer.arrayBuffer());
    } catch {
      this.said.hidden = false;
      this.said.textContent = "The points can't be fetched now. They are there again once the page is loaded anew.";
      return;
    }
    if (wanted !== this.data.points || this.ended) return;  // another was asked for meanwhile
    this.points = points;
    this.shown.hidden = true;  // its photo may be gone
    const large = points.number > MANY;
    this.plot.set({ pointSize: large ? 1.5 : Math.max(2, Math.min(7, 260 / Math.sqrt(points.number))) });
    const z = Float32Array.from(points.colours, (number) => (number ? 1 + ((number - 1) % COLOURS) : 0));
    await this.plot.draw({ x: points.x, y: points.y, z }, { zDataType: "categorical" });
    this.slow = large && (await this.isSlow());
    this.plot.set({ cameraIsFixed: this.slow });
    this.root.dataset.slow = String(this.slow);
    if (this.root.dataset.drawn === undefined) this.home();
    this.said.hidden = true;
    this.root.dataset.drawn = String(points.number);
  }

  // Whether drawing all points takes so long that moving them would stutter.
  async isSlow() {
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    await frame();
    const begun = performance.now();
    for (let times = 1; times <= 3; times += 1) {
      this.plot.redraw();
      await frame();
      await frame();
      if (performance.now() - begun > 6 * SLOW) return true;
    }
    return performance.now() - begun > 3 * SLOW;
  }

  // Colours as the theme has them.
  paint() {
    const probe = made("i", "", this.root);
    const rgb = (name, most) => {
      probe.style.color = `var(${name})`;
      const parts = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
      return [...parts.slice(0, 3).map((part) => part / 255), most];
    };
    const colours = Array.from({ length: COLOURS + 1 }, (_, number) => rgb(`--mfe-map-${number}`, 1));
    const page = rgb("--mfe-page", 1), text = rgb("--mfe-text", 1), accent = rgb("--mfe-accent", 1);
    probe.remove();
    const said = JSON.stringify([colours, page]);
    if (said === this.painted) return;
    this.painted = said;
    this.plot.set({
      backgroundColor: page, pointColor: colours, pointColorHover: text, pointColorActive: text, colorBy: "valueA", lassoColor: accent,
      opacity: 0.85, opacityInactiveMax: 1, opacityInactiveScale: 1,
    });
  }

  list() {
    const { values, rest, by, area } = this.data;
    const said = JSON.stringify([values, rest, by, area]);
    if (said === this.listed) return;
    this.listed = said;
    const focused = this.root.getRootNode().activeElement?.value;
    this.values.replaceChildren();
    values.forEach(([name, photos], number) => {
      const chosen = `${by}=${name}`, row = made("button", "", made("li", "", this.values));
      Object.assign(row, { type: "button", value: chosen, ariaPressed: String(area === chosen) });
      made("i", "", row).style.background = `var(--mfe-map-${1 + (number % COLOURS)})`;
      made("span", "", row, name);
      made("b", "", row, photos.toLocaleString("en"));
      row.onclick = () => this.choose(area === chosen ? "" : chosen);
      if (chosen === focused) row.focus();
    });
    const others = made("div", "rest", made("li", "", this.values));
    made("i", "", others).style.background = "var(--mfe-map-0)";
    made("span", "", others, by === "cluster" ? "In no cluster" : values.length ? "Others, or none" : "None");
    made("b", "", others, rest.toLocaleString("en"));
    others.hidden = !rest;
  }

  fit() {
    const { width, height } = this.field.getBoundingClientRect();
    if (!this.plot || !width || (width === this.width && height === this.height)) return;
    Object.assign(this, { width, height });
    this.renderer.resize(width, height);
    this.plot.set({ width, height });
    this.overlay();
  }

  // ---------------------------------------------------------------- where it is looked at

  // The place in the middle, and how much of the map is in sight above and below it: what is drawn, or what its picture is moved to.
  get camera() {
    const [x, y] = this.plot.get("cameraTarget");
    return this.aim ?? { x, y, distance: this.plot.get("cameraDistance") };
  }

  look(aim) {
    if (!this.slow) return this.plot.set({ cameraTarget: [aim.x, aim.y], cameraDistance: aim.distance });
    this.base ??= this.camera;
    this.aim = aim;
    this.place();
    this.moved();
  }

  // The picture that was drawn, where what is aimed at has it.
  place() {
    const { base, aim } = this, pixels = this.field.clientHeight / 2 / aim?.distance;
    this.canvas.style.transform = aim
      ? `translate(${(base.x - aim.x) * pixels}px, ${(aim.y - base.y) * pixels}px) scale(${base.distance / aim.distance})`
      : "";
  }

  // Pixels of a place of the map, and the other way round.
  get lens() {
    const { x: middle, y: centre, distance } = this.camera, { clientWidth: width, clientHeight: height } = this.field;
    const wide = width / height;
    return {
      width, height,
      to: (x, y) => [(((x - middle) / distance / wide + 1) * width) / 2, ((1 - (y - centre) / distance) * height) / 2],
      from: (left, top) => [((2 * left) / width - 1) * wide * distance + middle, (1 - (2 * top) / height) * distance + centre],
    };
  }

  moved() {
    this.shown.hidden = true;
    this.outlined();
    this.over.replaceChildren();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settled(), this.slow ? 250 : 120);
  }

  settled() {
    if (this.ended) return;
    this.drawing = this.aim;
    if (this.aim) this.plot.set({ cameraTarget: [this.aim.x, this.aim.y], cameraDistance: this.aim.distance });
    else this.overlay();
  }

  // The picture shows what was aimed at when it was begun: there may have been another movement since.
  drawn() {
    if (!this.drawing) return;
    this.base = this.aim === this.drawing ? null : this.drawing;
    if (!this.base) this.aim = null;
    this.drawing = null;
    this.place();
    this.overlay();
  }

  outlined() {
    const corners = cornersOf(this.data.area), { to } = this.lens;
    this.outline.setAttribute("d", corners.length > 2 ? `M${corners.map(([x, y]) => to(x, y).map((one) => one.toFixed(1)).join(" ")).join("L")}Z` : "");
  }

  overlay() {
    if (!this.points || this.ended) return;
    this.outlined();
    this.over.replaceChildren();
    this.thumbnails();
    this.names();
  }

  names() {
    const { to, width, height } = this.lens, taken = [];
    for (const [name, x, y] of this.data.places) {
      const [left, top] = to(x, y), half = Math.min(95, 4 + 3.4 * name.length);
      if (left < half || top < 52 || left > width - half || top > height - 10) continue;
      if (taken.some((one) => Math.abs(one.left - left) < one.half + half && Math.abs(one.top - top) < 20)) continue;
      taken.push({ left, top, half });
      const node = made("div", "name", this.over, name);
      Object.assign(node.style, { left: `${left}px`, top: `${top}px` });
    }
  }

  // One photo for each place of some pixels, where there is one: all the time where that is wanted, else where few points are in sight.
  thumbnails() {
    const { to, from, width, height } = this.lens, { x, y, number } = this.points;
    const [left, top] = from(0, 0), [right, bottom] = from(width, height), wanted = this.thumbs.ariaPressed === "true";
    const cells = new Map();
    let seen = 0;
    for (let at = 0; at < number; at += 1) {
      if (x[at] < left || x[at] > right || y[at] > top || y[at] < bottom) continue;
      seen += 1;
      if (seen > FEW && !wanted) return;
      const [over, down] = to(x[at], y[at]), cell = `${Math.floor(over / CELL)} ${Math.floor(down / CELL)}`;
      if (!cells.has(cell)) cells.set(cell, { at, over, down });
    }
    for (const { at, over, down } of cells.values()) {
      const node = made("img", "small", this.over);
      Object.assign(node, { src: `${this.data.thumb}${idAt(this.points, at)}`, alt: "", loading: "lazy" });
      Object.assign(node.style, { left: `${over}px`, top: `${down}px` });
    }
  }

  show(at) {
    const { to, width, height } = this.lens, [left, top] = to(this.points.x[at], this.points.y[at]);
    const number = this.points.colours[at], name = number ? this.data.values[number - 1]?.[0] : "";
    this.shown.replaceChildren();
    const picture = made("img", "", this.shown);
    Object.assign(picture, { src: `${this.data.thumb}${idAt(this.points, at)}`, alt: "" });
    if (name) made("span", "", this.shown, name);
    Object.assign(this.shown.style, { left: `${Math.max(0, Math.min(left + 14, width - 172))}px`, top: `${Math.max(0, Math.min(top + 14, height - 176))}px` });
    this.shown.hidden = false;
  }

  // ---------------------------------------------------------------- hands

  drawMode(on) {
    this.draws.ariaPressed = String(on);
    this.field.classList.toggle("drawing", on);
    this.plot?.set({ mouseMode: on ? "lasso" : "panZoom" });
  }

  choose(area) {
    this.data.area = area;
    if (this.plot) this.outlined();
    this.tell("area", { area });
  }

  // All that is in sight, as if it had been drawn around.
  chooseView() {
    if (!this.plot) return;
    const { from, width, height } = this.lens;
    this.choose(asText([from(0, 0), from(width, 0), from(width, height), from(0, height)]));
  }

  // By a factor; what stands at these pixels, or in the middle, stays there.
  zoom(factor, [left, top] = [this.field.clientWidth / 2, this.field.clientHeight / 2]) {
    if (!this.plot) return;
    const { x, y, distance } = this.camera, [atX, atY] = this.lens.from(left, top);
    this.look({ x: atX + (x - atX) * factor, y: atY + (y - atY) * factor, distance: distance * factor });
  }

  // By so many steps to the right and up.
  pan(right, up) {
    if (!this.plot) return;
    const { x, y, distance } = this.camera, step = STEP * distance * 2;
    this.look({ x: x + right * step, y: y + up * step, distance });
  }

  // Mouse and fingers where the picture is moved: elsewhere, and to draw around, the plot has hands of its own.
  hands() {
    let left, top;
    this.drop = () => window.removeEventListener("mousemove", drag, true);
    const drag = (event) => {
      if (!event.buttons) return this.drop();
      event.stopPropagation();  // the plot would draw at each
      const { x, y, distance } = this.camera, pixel = (2 * distance) / this.field.clientHeight;
      this.look({ x: x - pixel * (event.clientX - left), y: y + pixel * (event.clientY - top), distance });
      [left, top] = [event.clientX, event.clientY];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (!this.slow || event.button || event.shiftKey || this.draws.ariaPressed === "true") return;
      [left, top] = [event.clientX, event.clientY];
      this.canvas.setPointerCapture(event.pointerId);  // else it is drawn each time that the mouse leaves it
      window.addEventListener("mousemove", drag, true);
    });
    this.field.addEventListener("wheel", (event) => {
      if (!this.slow || event.target !== this.canvas) return;
      event.preventDefault();
      event.stopPropagation();
      const { left, top } = this.field.getBoundingClientRect();
      this.zoom(1.0015 ** Math.max(-300, Math.min(300, event.deltaY)), [event.clientX - left, event.clientY - top]);
    }, { capture: true, passive: false });
  }

  // All points, as large as the field has room for.
  home() {
    if (!this.points?.number) return;
    const { x, y } = this.points, { clientWidth, clientHeight } = this.field;
    const ends = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
    const [left, right] = ends(x), [bottom, top] = ends(y), wide = clientWidth / clientHeight, room = 1.12;
    const distance = Math.max((room * (right - left)) / 2 / wide, (room * (top - bottom)) / 2, 0.05);
    this.look({ x: (left + right) / 2, y: (bottom + top) / 2, distance });
  }

  key(event) {
    if (event.target !== this.field || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowLeft: () => this.pan(-1, 0), ArrowRight: () => this.pan(1, 0), ArrowUp: () => this.pan(0, 1), ArrowDown: () => this.pan(0, -1),
      "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), 0: () => this.home(), Enter: () => this.chooseView(),
      Escape: () => this.choose(""),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  root.board ??= new Board(root);
  root.board.draw(data, setTriggerValue);
  return () => {
    root.board?.end();
    root.board = null;
    root.replaceChildren();
  };
}
