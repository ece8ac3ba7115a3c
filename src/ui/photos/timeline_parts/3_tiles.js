// Draws the photos that are near what is in sight, and no others, so that a library of any size takes as many nodes as a screen.

const SMALL = 320, MIDDLE = 640;  // longest sides in pixels of the pictures that the server has
const SETTLE = 110;  // milliseconds without a scroll after which one has come to rest
const WHOLE = 80;  // so many photos at most are all drawn, in sight or not
const FAST = 4;  // windows a second, above which pictures would only be asked for in vain

function made(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent?.append(node);
  return node;
}

const copiesOf = (item) => `${item.copies} more ${item.copies === 1 ? "copy" : "copies"}`;

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

  // Photos that were drawn before stay the same nodes, with their pictures: nothing flashes.
  use(listing, layout, sources, onRest) {
    const focused = this.place.getRootNode().activeElement;
    Object.assign(this, { listing, layout, sources, onRest, fast: false });
    this.before = this.staying();
    this.place.style.height = `${layout.height}px`;
    this.active = Math.min(this.active, Math.max(listing.number - 1, 0));
    this.drawn.clear();
    for (const head of this.headed.values()) head.remove();
    this.headed.clear();
    this.draw();
    this.before = null;
    if (focused?.isConnected && this.place.contains(focused)) focused.focus({ preventScroll: true });  // it may have been moved
    this.rest();
  }

  // The tiles of photos that are to be drawn again, by id; the others are dropped.
  staying() {
    const { from, to } = this.wanted(0.75), ids = new Set(), staying = new Map();
    for (let at = from; at < to; at += 1) ids.add(idAt(this.listing, at));
    for (const tile of this.drawn.values()) {
      if (ids.has(tile.dataset.id)) staying.set(tile.dataset.id, tile);
      else this.drop(tile);
    }
    return staying;
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

  // Those that are to be drawn: all of a short list.
  wanted(beyond) {
    return this.layout.number <= WHOLE ? { from: 0, to: this.layout.number } : this.near(beyond);
  }

  draw() {
    if (!this.layout) return;
    const { from, to } = this.wanted(this.fast ? 0.25 : 0.75);
    for (const [at, tile] of this.drawn) {
      if ((at < from || at >= to) && !tile.matches(":focus")) this.drop(tile);
    }
    let here = this.place.firstChild;
    for (let at = from; at < to; at += 1) {
      while (here && here.at < from && this.drawn.get(here.at) === here) here = here.nextSibling;  // kept for the focus
      const tile = this.drawn.get(at) ?? this.tile(at);
      if (tile === here) here = here.nextSibling;
      else this.place.insertBefore(tile, here);
    }
    this.drawHeads();
    if (!this.fast) this.load();
    this.rove();
  }

  drop(tile) {
    tile.querySelector("img").removeAttribute("src");  // what is still being fetched is given up
    tile.remove();
    if (this.drawn.get(tile.at) === tile) this.drawn.delete(tile.at);
  }

  tile(at) {
    const id = idAt(this.listing, at), tile = this.before?.get(id) ?? this.blank(id);
    this.before?.delete(id);
    this.drawn.set(at, tile);
    tile.at = at;
    this.lay(tile);
    this.name(tile);
    this.mark(tile);
    return tile;
  }

  blank(id) {
    const tile = made("div", "tile");
    tile.dataset.id = id;
    tile.role = "option";
    tile.tabIndex = -1;
    const image = made("img", "", tile);
    image.alt = "";
    image.decoding = "async";
    image.onload = () => tile.classList.add("here");
    image.onerror = () => image.getAttribute("src") && tile.classList.add("lost");
    made("span", "check", tile);
    return tile;
  }

  lay(tile) {
    const { listing, layout } = this, { at } = tile;
    const { left, top, width, height } = rectOf(layout, at);
    Object.assign(tile.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${left}px, ${top}px)` });
    tile.style.backgroundColor = listing.colours[at] ? `#${(listing.colours[at] & 0xffffff).toString(16).padStart(6, "0")}` : "";
    tile.ariaSetSize = String(listing.number);
    tile.ariaPosInSet = String(at + 1);
    tile.querySelector("img").style.objectPosition = "";
    tile.querySelectorAll("span:not(.check)").forEach((old) => old.remove());
    if (this.beginsDay(at)) made("span", "day", tile).textContent = dayName(listing.days[at]);
    if (listing.items) this.dress(tile, listing.items[at], width / height);
  }

  // What is said of a result: where the object or the words are that were found, how likely it is what was asked for, why, and how many copies
  // there are.
  dress(tile, item, shape) {
    const boxes = [...(item.box ? [item.box] : []), ...(item.lines ?? [])];
    if (boxes.length) {
      const aspect = this.listing.shapes[tile.at] / 1000, window = shownBy(boxes[0], aspect, shape);
      tile.querySelector("img").style.objectPosition = window.map((way) => `${way.shown * 100}%`).join(" ");
      for (const box of boxes) this.outline(tile, boxIn(window, box), box === item.box ? "box" : "box line");
    }
    if (item.band) made("span", `chip ${item.band}`, tile).textContent = `${item.percent} %`;
    const caption = made("span", "caption", tile);
    made("span", "name", caption).textContent = item.name;
    if (item.band) made("span", "score", caption).textContent = `${item.band}, ${item.percent} %`;
    if (item.why) tellWhy(made("span", "why", caption), item.why);
    if (!item.copies) return;
    const copies = made("span", "copies", tile);
    copies.textContent = item.open ? `−${item.copies}` : `+${item.copies}`;
    copies.title = item.open ? "Fold the copies" : copiesOf(item);
  }

  // `sides`: left, top, width and height as shares of the tile; null where none of it is in sight.
  outline(tile, sides, className) {
    if (!sides) return;
    const mark = made("span", className, tile);
    ["left", "top", "width", "height"].forEach((side, at) => (mark.style[side] = `${sides[at] * 100}%`));
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
    const at = tile.at, known = this.told.get(idAt(this.listing, at)), item = this.listing.items?.[at], date = dateName(this.listing.days[at]);
    const name = `${item?.box ? "an object in " : ""}${known ? known.name : "Photo"}`;
    const said = item?.why ? [whyText(item.why)] : [];
    const label = [name, item?.band ? `${item.band} match, ${item.percent} %` : date, ...said, ...(item?.copies ? [copiesOf(item)] : [])].join(", ");
    if (tile.ariaLabel !== label) tile.ariaLabel = label;
    if (known) tile.title = [known.path || known.name, `${known.size[0]} × ${known.size[1]}`, date, ...said].join("\n");
  }

  mark(tile) {
    tile.ariaSelected = String(this.isSelected(tile.dataset.id));
  }

  markAll() {
    for (const tile of this.drawn.values()) this.mark(tile);
  }

  // Fetch the small pictures of what is in sight or nearly so.
  load() {
    const { from, to } = this.wanted(0.5);
    for (const [at, tile] of this.drawn) {
      const image = tile.querySelector("img");
      if (at >= from && at < to && !image.hasAttribute("src")) image.src = this.sources.thumb + tile.dataset.id;
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
    const source = `${this.sources.image}${id}${shown <= MIDDLE * 1.15 ? "?side=640" : ""}`;
    if (shown <= SMALL * 1.15 || tile.sharp === source) return;
    tile.sharp = source;
    const better = new Image();
    better.src = source;
    try {
      await better.decode();
      if (tile.isConnected && tile.sharp === source) tile.querySelector("img").src = source;
    } catch {
      tile.sharp = null;  // the thumbnail stays
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
