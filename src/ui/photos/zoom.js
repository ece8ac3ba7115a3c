// Pictures that are zoomed and moved as one, by wheel, fingers and double clicks. Each fills a place of its own, all of one size.

const CLOSEST = 8, ZOOM_STEP = 1.5;

class Zoom {
  // `panes`: [{node, image}], the image in its place.
  constructor(panes) {
    Object.assign(this, { panes, fingers: new Map(), scale: 1, left: 0, top: 0 });
    for (const { node, image } of panes) {
      node.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      node.ondblclick = (event) => event.target === image && this.zoom(this.scale > 1 ? 1 / this.scale : this.whole() || 3, event);
      image.draggable = false;
      image.onpointerdown = (event) => this.finger(event);
      image.onpointermove = (event) => this.move(event);
      image.onpointerup = image.onpointercancel = (event) => this.fingers.delete(event.pointerId);
    }
  }

  // `photos`: {src, full, size} a place; new ones are shown whole.
  put(photos) {
    const others = this.panes.filter((pane, at) => pane.photo?.src !== photos[at].src);
    others.forEach((pane) => Object.assign(pane, { sharp: null }));
    this.panes.forEach((pane, at) => Object.assign(pane, { photo: photos[at] }));
    if (others.length) this.reset();
  }

  reset() {
    Object.assign(this, { scale: 1, left: 0, top: 0 });
    this.show();
  }

  // How many times larger a photo is with a pixel of its own for each of the screen's: of the largest.
  whole() {
    const fits = ({ node, photo }) => {
      const { width, height } = node.getBoundingClientRect(), [across, down] = photo.size;
      return Math.max(across / devicePixelRatio / width, down / devicePixelRatio / height);
    };
    return Math.max(...this.panes.map(fits));
  }

  show() {
    const { scale } = this, { clientWidth: width, clientHeight: height } = this.panes[0].node;
    this.left = Math.min(Math.max(this.left, width * (1 - scale)), 0);
    this.top = Math.min(Math.max(this.top, height * (1 - scale)), 0);
    for (const pane of this.panes) {
      pane.image.style.transform = scale > 1 ? `translate(${this.left}px, ${this.top}px) scale(${scale})` : "";
      pane.node.style.setProperty("--seen", pane.image.style.transform || "none");  // for what lies over the picture
      pane.node.classList.toggle("zoomed", scale > 1);
      if (scale > 1.2) this.sharpen(pane);
    }
  }

  // The original's own pixels in place of a smaller picture, as soon as they are here.
  async sharpen(pane) {
    const { photo, image } = pane;
    if (!photo || pane.sharp === photo.full || Math.max(...photo.size) <= Math.max(image.naturalWidth, image.naturalHeight)) return;
    pane.sharp = photo.full;
    const full = Object.assign(new Image(), { src: photo.full });
    try {
      await full.decode();
      if (pane.photo.full === photo.full) image.src = photo.full;
    } catch {  // what is there stays
    }
  }

  // Larger by a factor around a place, or around the middle.
  zoom(factor, at = null) {
    const node = this.panes.find((pane) => pane.node.contains(at?.target))?.node ?? this.panes[0].node, box = node.getBoundingClientRect();
    const x = at ? at.clientX - box.left : box.width / 2, y = at ? at.clientY - box.top : box.height / 2;
    const scale = Math.min(Math.max(this.scale * factor, 1), Math.max(CLOSEST, this.whole()));
    this.left = x - (x - this.left) * (scale / this.scale);
    this.top = y - (y - this.top) * (scale / this.scale);
    this.scale = scale;
    this.show();
  }

  // What of the first photo is in the middle, in parts of it, and how large its pixels are.
  spot() {
    const { scale, left, top } = this, { width, height, across, down, fit } = this.fit();
    const x = ((width / 2 - left) / scale - (width - across) / 2) / across, y = ((height / 2 - top) / scale - (height - down) / 2) / down;
    return { x, y, pixel: scale * fit };
  }

  // The same in the places as they are now.
  look({ x, y, pixel }) {
    const { width, height, across, down, fit } = this.fit();
    this.scale = this.scale > 1 ? Math.max(pixel / fit, 1) : 1;
    this.left = width / 2 - this.scale * ((width - across) / 2 + x * across);
    this.top = height / 2 - this.scale * ((height - down) / 2 + y * down);
    this.show();
  }

  // Of the first place and its photo there, shown whole.
  fit() {
    const { node, photo } = this.panes[0], { clientWidth: width, clientHeight: height } = node;
    const fit = Math.min(width / photo.size[0], height / photo.size[1]);
    return { width, height, fit, across: photo.size[0] * fit, down: photo.size[1] * fit };
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018)), event);
  }

  finger(event) {
    event.target.setPointerCapture(event.pointerId);
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
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2, target: event.target };
      this.zoom(apart(event) / apart(before), middle);
    }
    this.fingers.set(event.pointerId, event);
    this.show();
  }
}
