// Draws the photos that are near what is in sight, and no others, so that a library of any size takes as many nodes as a screen.

const SMALL = 320, MIDDLE = 640;  // longest sides in pixels of the pictures that the server has
const SETTLE = 110;  // milliseconds without a scroll after which one has come to rest
const FAST = 4;  // windows a second, above which pictures would only be asked for in vain

function made(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent?.append(node);
  return node;
}

export class Tiles {
  // `place`: the element with the role listbox; `scroller`: what is scrolled; `told`: what a photo is called, once it is asked.
  constructor(place, heads, scroller, { told, isSelected }) {
    Object.assign(this, { place, heads, scroller, told, isSelected });
    this.drawn = new Map();
    this.headed = new Map();
    this.active = 0;
    this.last = { top: 0, at: 0 };
    this.fast = false;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  use(listing, layout, sources, onRest) {
    Object.assign(this, { listing, layout, sources, onRest });
    this.place.style.height = `${layout.height}px`;
    this.active = Math.min(this.active, Math.max(listing.number - 1, 0));
    for (const tile of this.drawn.values()) tile.remove();
    this.drawn.clear();
    for (const head of this.headed.values()) head.remove();
    this.headed.clear();
    this.draw();
    this.rest();
  }

  scrolled() {
    const now = performance.now(), top = this.scroller.scrollTop;
    const speed = Math.abs(top - this.last.top) / this.scroller.clientHeight / Math.max((now - this.last.at) / 1000, 0.008);
    this.fast = speed > FAST;
    this.last = { top, at: now };
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), SETTLE);
  }

  // Photos from `from` to `to` (not included) have a part within `beyond` windows of what is in sight.
  near(beyond) {
    const { rows, number } = this.layout;
    const top = this.scroller.scrollTop, height = this.scroller.clientHeight;
    if (!number) return { from: 0, to: 0 };
    const first = lastUpTo(rows.top, top - beyond * height), last = lastUpTo(rows.top, top + (1 + beyond) * height);
    return { from: rows.first[first], to: rows.first[last + 1] ?? number };
  }

  draw() {
    if (!this.layout) return;
    const { from, to } = this.near(this.fast ? 0.25 : 0.75);
    for (const [at, tile] of this.drawn) {
      if ((at < from || at >= to) && !tile.matches(":focus")) this.drop(at, tile);
    }
    const before = [...this.drawn.keys()].filter((at) => at >= from && at < to);
    let next = before.length ? this.drawn.get(Math.min(...before)) : null;
    const fresh = document.createDocumentFragment();
    for (let at = from; at < to; at += 1) {
      const known = this.drawn.get(at);
      if (!known) fresh.append(this.tile(at));
      else if (fresh.childNodes.length && known === next) this.place.insertBefore(fresh, known);
      if (known) next = null;
    }
    this.place.append(fresh);
    this.drawHeads();
    if (!this.fast) this.load();
    this.rove();
  }

  drop(at, tile) {
    tile.querySelector("img").removeAttribute("src");  // what is still being fetched is given up
    tile.remove();
    this.drawn.delete(at);
  }

  tile(at) {
    const { listing, layout } = this;
    const tile = made("div", "tile");
    const { left, top, width, height } = rectOf(layout, at);
    Object.assign(tile.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${left}px, ${top}px)` });
    if (listing.colours[at]) tile.style.backgroundColor = `#${(listing.colours[at] & 0xffffff).toString(16).padStart(6, "0")}`;
    tile.role = "option";
    tile.tabIndex = -1;
    tile.at = at;
    tile.ariaSetSize = String(listing.number);
    tile.ariaPosInSet = String(at + 1);
    const image = made("img", "", tile);
    image.alt = "";
    image.decoding = "async";
    image.onload = () => tile.classList.add("here");
    image.onerror = () => image.getAttribute("src") && tile.classList.add("lost");
    made("span", "check", tile);
    if (this.beginsDay(at)) made("span", "day", tile).textContent = dayName(listing.days[at]);
    this.drawn.set(at, tile);
    this.name(tile);
    this.mark(tile);
    return tile;
  }

  beginsDay(at) {
    const { days } = this.listing;
    return this.layout.sections[0]?.headed && days[at] && days[at] !== days[at - 1];
  }

  drawHeads() {
    const { sections } = this.layout, height = this.scroller.clientHeight;
    const low = this.scroller.scrollTop - height, high = low + 3 * height;
    const wanted = new Set();
    if (sections[0]?.headed) {
      const tops = (this.layout.sectionTops ??= sections.map((section) => section.top));
      for (let at = lastUpTo(tops, low); at < sections.length && tops[at] < high; at += 1) wanted.add(at);
    }
    for (const [at, head] of this.headed) {
      if (!wanted.has(at)) {
        head.remove();
        this.headed.delete(at);
      }
    }
    for (const at of wanted) if (!this.headed.has(at)) this.headed.set(at, this.head(sections[at]));
  }

  head(section) {
    const head = made("div", "month", this.heads);
    head.style.transform = `translateY(${section.top}px)`;
    made("h3", "", head).textContent = monthName(section.day);
    made("span", "", head).textContent = section.number === 1 ? "1 photo" : `${section.number.toLocaleString("en")} photos`;
    return head;
  }

  name(tile) {
    const at = tile.at, known = this.told.get(idAt(this.listing, at));
    const label = `${known ? known.name : "Photo"}, ${dateName(this.listing.days[at])}`;
    if (tile.ariaLabel !== label) tile.ariaLabel = label;
    if (known) tile.title = [known.path || known.name, `${known.size[0]} × ${known.size[1]}`, dateName(this.listing.days[at])].join("\n");
  }

  mark(tile) {
    tile.ariaSelected = String(this.isSelected(tile.at));
  }

  markAll() {
    for (const tile of this.drawn.values()) this.mark(tile);
  }

  // Fetch the small pictures of what is in sight or nearly so.
  load() {
    const { from, to } = this.near(0.5);
    for (const [at, tile] of this.drawn) {
      const image = tile.querySelector("img");
      if (at >= from && at < to && !image.hasAttribute("src")) image.src = this.sources.thumb + idAt(this.listing, at);
    }
  }

  // Once the scrolling has come to rest: all pictures, those in sight as sharp as the screen shows them, and their names.
  rest() {
    this.fast = false;
    this.draw();
    const { from, to } = this.near(0);
    const ids = [];
    for (let at = from; at < to; at += 1) {
      const tile = this.drawn.get(at), id = idAt(this.listing, at);
      if (tile && !this.told.has(id)) ids.push(id);
      if (tile) this.sharpen(tile, id);
    }
    this.onRest(ids);
  }

  // A larger picture in place of the thumbnail, where the screen has more pixels than that.
  async sharpen(tile, id) {
    const { width, height } = rectOf(this.layout, tile.at);
    const shape = this.listing.shapes[tile.at] / 1000;
    const shown = Math.max(width, height, height * shape, width / shape) * devicePixelRatio;
    if (shown <= SMALL * 1.15 || tile.sharp) return;
    tile.sharp = true;
    const better = new Image();
    better.src = `${this.sources.image}${id}${shown <= MIDDLE * 1.15 ? "?side=640" : ""}`;
    try {
      await better.decode();
      if (tile.isConnected) tile.querySelector("img").src = better.src;
    } catch {
      tile.sharp = false;  // the thumbnail stays
    }
  }

  // One tile at a time can be reached with Tab: the one that had the focus last, or where that is out of sight the first in sight.
  rove() {
    if (!this.drawn.has(this.active) && this.listing.number) this.active = this.near(0).from;
    for (const [at, tile] of this.drawn) {
      const index = at === this.active ? 0 : -1;
      if (tile.tabIndex !== index) tile.tabIndex = index;
    }
  }

  show(at) {
    const { top, height } = rectOf(this.layout, at), view = this.scroller;
    const head = this.layout.rowOf[at] === 0 || this.layout.sections.some((section) => section.headed && section.first === at) ? HEADER : 8;
    if (top - head < view.scrollTop) view.scrollTop = top - head;
    else if (top + height + 8 > view.scrollTop + view.clientHeight) view.scrollTop = top + height + 8 - view.clientHeight;
  }

  focus(at) {
    this.active = at;
    this.show(at);
    this.draw();
    this.drawn.get(at)?.focus({ preventScroll: true });
  }
}
