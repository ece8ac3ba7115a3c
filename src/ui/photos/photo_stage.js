// One photo as large as there is room: zoomed and moved with wheel, fingers and keys, over the whole screen, and one after the other.

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

export class Stage extends Zoom {
  constructor(node, image) {
    super([{ node, image }]);
    Object.assign(this, { node, image, kept: [] });
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
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
  }

  // `photo`: {src, full, size, near, next}; a new one is shown whole.
  use(photo, step) {
    Object.assign(this, { photo, step });
    this.put([photo]);
    this.kept = photo.near.map((src) => Object.assign(new Image(), { src }));
    if (this.playing && !photo.next) this.play(false);
    this.slides.disabled = !photo.next;
  }

  end() {
    document.removeEventListener("keydown", this.onKey);
    this.play(false);
    if (document.fullscreenElement) document.exitFullscreen();
  }

  does(name) {
    if (name === "Zoom in") this.zoom(ZOOM_STEP);
    else if (name === "Zoom out") this.zoom(1 / ZOOM_STEP);
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
