// One photo as large as there is room: zoomed and moved with wheel, fingers and keys, over the whole screen, and one after the other.

const CLOSEST = 8, STEP = 1.5;
const SLIDE = 4_000;  // milliseconds that a slide show rests at a photo
const SIGNS = {
  "Zoom in": "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  "Zoom out": "M5 11h14v2H5z",
  "Full screen": "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  "Slide show": "M8 5v14l11-7z",
  "Stop": "M7 5h4v14H7zM13 5h4v14h-4z",
};

function sign(button, name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SIGNS[name]);
  svg.append(path);
  button.replaceChildren(svg);
}

export class Stage {
  constructor(node, image) {
    Object.assign(this, { node, image, fingers: new Map(), kept: [] });
    const tools = document.createElement("div");
    tools.className = "tools";
    for (const name of Object.keys(SIGNS).slice(0, 4)) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "stage-tool", title: name, ariaLabel: name });
      button.onclick = () => this.does(name);
      sign(button, name);
      tools.append(button);
    }
    node.append(tools);
    this.slides = tools.lastChild;
    node.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    node.ondblclick = (event) => event.target === image && this.zoom(this.scale > 1 ? 1 / this.scale : this.whole() || 3, event);
    image.draggable = false;
    image.onpointerdown = (event) => this.finger(event);
    image.onpointermove = (event) => this.move(event);
    image.onpointerup = image.onpointercancel = (event) => this.fingers.delete(event.pointerId);
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
    this.reset();
  }

  // `photo`: {src, full, size, near, next}; a new one is shown whole.
  use(photo, step) {
    const other = photo.src !== this.photo?.src;
    Object.assign(this, { photo, step });
    if (other) this.reset();
    this.kept = photo.near.map((src) => Object.assign(new Image(), { src }));
    if (this.playing && !photo.next) this.play(false);
    this.slides.disabled = !photo.next;
  }

  end() {
    document.removeEventListener("keydown", this.onKey);
    this.play(false);
    if (document.fullscreenElement) document.exitFullscreen();
  }

  reset() {
    Object.assign(this, { scale: 1, left: 0, top: 0 });
    this.show();
  }

  // How many times larger the photo is with a pixel of its own for each of the screen's.
  whole() {
    const { width, height } = this.node.getBoundingClientRect(), [across, down] = this.photo.size;
    return Math.max(across / devicePixelRatio / width, down / devicePixelRatio / height);
  }

  show() {
    const { image, node, scale } = this;
    const { clientWidth: width, clientHeight: height } = node;
    this.left = Math.min(Math.max(this.left, width * (1 - scale)), 0);
    this.top = Math.min(Math.max(this.top, height * (1 - scale)), 0);
    image.style.transform = scale > 1 ? `translate(${this.left}px, ${this.top}px) scale(${scale})` : "";
    node.style.setProperty("--seen", image.style.transform || "none");  // for what lies over the picture
    node.classList.toggle("zoomed", scale > 1);
    if (scale > 1.2) this.sharpen();
  }

  // The original's own pixels in place of a smaller picture, as soon as they are here.
  async sharpen() {
    const { photo } = this;
    if (this.sharp === photo.full || Math.max(...photo.size) <= Math.max(this.image.naturalWidth, this.image.naturalHeight)) return;
    this.sharp = photo.full;
    const full = Object.assign(new Image(), { src: photo.full });
    try {
      await full.decode();
      if (this.photo.full === photo.full) this.image.src = photo.full;
    } catch {  // what is there stays
    }
  }

  // Larger by a factor around a place, or around the middle.
  zoom(factor, at = null) {
    const box = this.node.getBoundingClientRect();
    const x = at ? at.clientX - box.left : box.width / 2, y = at ? at.clientY - box.top : box.height / 2;
    const scale = Math.min(Math.max(this.scale * factor, 1), Math.max(CLOSEST, this.whole()));
    this.left = x - (x - this.left) * (scale / this.scale);
    this.top = y - (y - this.top) * (scale / this.scale);
    this.scale = scale;
    this.show();
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018)), event);
  }

  finger(event) {
    this.image.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, event);
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const other = [...this.fingers.values()].find((one) => one.pointerId !== event.pointerId);
    this.left += (event.clientX - before.clientX) / this.fingers.size;
    this.top += (event.clientY - before.clientY) / this.fingers.size;
    if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      this.zoom(apart(event) / apart(before), middle);
    }
    this.fingers.set(event.pointerId, event);
    this.show();
  }

  does(name) {
    if (name === "Zoom in") this.zoom(STEP);
    else if (name === "Zoom out") this.zoom(1 / STEP);
    else if (name === "Slide show") this.play(!this.playing);
    else this.fill(!document.fullscreenElement);
  }

  // The browser takes the focus from what is outside of a full screen: it is given back, for the keys of the dialog.
  fill(wanted) {
    if (wanted) {
      const before = this.node.getRootNode().activeElement ?? document.activeElement;
      this.node.onfullscreenchange = () => {
        this.show();
        if (!document.fullscreenElement) before.focus({ preventScroll: true });
      };
      this.node.requestFullscreen?.().catch(() => null);
    } else if (document.fullscreenElement) document.exitFullscreen();
  }

  play(wanted) {
    clearInterval(this.playing);
    this.playing = wanted ? setInterval(() => (this.node.isConnected ? this.step(1) : this.end()), SLIDE) : null;
    sign(this.slides, wanted ? "Stop" : "Slide show");
    this.slides.ariaPressed = String(Boolean(wanted));
  }

  key(event) {
    if (!this.node.isConnected) return this.end();
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select")) return undefined;
    const act = { "+": "Zoom in", "=": "Zoom in", "-": "Zoom out", s: "Slide show", w: "Full screen" }[event.key];
    if (act) this.does(act);
    else if (event.key === "z") this.reset();
    else if (event.key === " " && !target.closest?.("button, a, summary")) this.does("Slide show");
    else return undefined;
    return event.preventDefault();
  }
}
