// Two photos over the whole page, zoomed and moved as one: side by side, or one in place of the other.

const OTHER = { ArrowUp: -1, ArrowDown: 1 };

class Comparison {
  // `parent`: where the dialog is put. `act`: called with the key of what is to be done with the group.
  constructor(parent, act) {
    this.dialog = made("dialog", "compare", parent);
    this.dialog.tabIndex = -1;
    const head = made("div", "compare-head", this.dialog);
    this.title = made("h2", "", head);
    this.title.id = "compare-title";
    this.dialog.setAttribute("aria-labelledby", "compare-title");
    const tools = made("div", "tools", head);
    this.beside = this.tool(tools, "Side by side", "B", () => this.flicker(false));
    this.inPlace = this.tool(tools, "Flicker", "Space", () => this.alternate());
    this.tool(tools, "Zoom in", "+", () => this.view.zoom(ZOOM_STEP));
    this.tool(tools, "Zoom out", "−", () => this.view.zoom(1 / ZOOM_STEP));
    this.tool(tools, "Whole", "Z", () => this.view.reset());
    this.another = this.tool(tools, "Next copy", "↓", () => this.go(1));
    this.tool(tools, "Close", "Esc", () => this.dialog.close());
    this.panes = made("div", "panes", this.dialog);
    const panes = [0, 1].map(() => {
      const figure = made("figure", "pane", this.panes), node = made("div", "view", figure);
      return { figure, node, image: made("img", "", node), caption: made("figcaption", "", figure) };
    });
    this.view = new Zoom(panes);
    this.status = made("p", "status", this.dialog);
    this.status.setAttribute("role", "status");
    this.acts = made("div", "acts", this.dialog);
    this.dialog.onclose = () => this.onclose?.();
    this.act = act;
    this.at = 0;
  }

  tool(parent, label, key, act) {
    const node = button(parent, "tool", label, key);
    node.onclick = act;
    return node;
  }

  get open() {
    return this.dialog.open;
  }

  // `photos`: the kept one, then one it is compared with at least. `said`: what was done last.
  show(photos, first, said) {
    Object.assign(this, { photos, at: Math.min(Math.max(first, 1), photos.length - 1) });
    const opened = !this.dialog.open;
    if (opened) {
      this.dialog.showModal();
      this.dialog.focus();
    }
    this.status.textContent = said;
    this.draw();
    if (opened) {
      this.flicker(false);
      this.view.reset();
    }
  }

  draw() {
    const pair = [this.photos[0], this.photos[this.at]];
    this.title.textContent = `${this.at} of ${this.photos.length - 1}: ${pair[1].name}`;
    this.another.hidden = this.photos.length < 3;
    this.view.panes.forEach((pane, at) => {
      const photo = pair[at], role = at ? "Copy" : "Keep";
      if (pane.photo?.src !== photo.large) pane.image.src = photo.large;
      pane.image.alt = `${role}: ${photo.name}`;
      pane.caption.replaceChildren();
      made("b", at ? "" : "kept", pane.caption, role);
      made("span", "", pane.caption, ` ${photo.name} · ${photo.facts.filter((fact) => fact.differs).slice(0, 3).map((fact) => fact.text).join(" · ")}`);
    });
    this.view.put(pair.map((photo) => ({ src: photo.large, full: photo.full, size: photo.size })));
    this.reveal(0);
  }

  go(step) {
    const others = this.photos.length - 1;
    this.at = ((this.at - 1 + step + others) % others) + 1;
    this.draw();
  }

  // What is in the middle stays there, as large as it is.
  flicker(on) {
    const spot = this.view.spot();
    this.panes.classList.toggle("flicker", on);
    this.beside.ariaPressed = String(!on);
    this.inPlace.ariaPressed = String(on);
    this.reveal(0);
    this.view.look(spot);
  }

  // Which of the two is seen where they lie over each other.
  reveal(at) {
    this.seen = at;
    const over = this.panes.classList.contains("flicker");
    this.view.panes.forEach((pane, number) => {
      pane.figure.classList.toggle("behind", over && number !== at);
      pane.figure.ariaHidden = String(over && number !== at);
    });
  }

  alternate() {
    if (this.panes.classList.contains("flicker")) this.reveal(1 - this.seen);
    else {
      this.flicker(true);
      this.reveal(1);
    }
  }

  // Whether a key was meant for the comparison.
  key(event) {
    const { key } = event, small = key.toLowerCase();
    if (key === " " && !event.composedPath()[0].closest?.("button")) this.alternate();
    else if (small === "b") this.flicker(false);
    else if (small === "f" && !event.repeat) this.hold();
    else if (key === "+" || key === "=") this.view.zoom(ZOOM_STEP);
    else if (key === "-") this.view.zoom(1 / ZOOM_STEP);
    else if (small === "z") this.view.reset();
    else if (key in OTHER) this.go(OTHER[key]);
    else return small === "f";
    return true;
  }

  // The other one is seen as long as the key is held.
  hold() {
    if (!this.panes.classList.contains("flicker")) this.alternate();
    else this.reveal(1);
    document.addEventListener("keyup", () => this.reveal(0), { once: true });
  }
}
