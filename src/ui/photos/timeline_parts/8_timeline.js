// All photos of the library, or the results of a search: all are known and laid out at once, those near what is in sight are drawn.

const GAP = 4;
const LEAST_HEIGHT = 300;
const NAMES = 150;  // photos whose names are asked for at once
const PLACES = 30;  // listings in which one's place is known
let told = 0;
const KNOWN_NAMES = 20_000;

const isNarrow = () => innerWidth <= 760;  // as timeline.css has it

const remembered = () => {
  try {
    return JSON.parse(localStorage.getItem("timeline")) ?? {};
  } catch {
    return {};
  }
};

// What is shown and selected; what hands do with it is in 9_hands.js.
class View {
  constructor(root) {
    this.root = root;
    this.look = { square: false, side: innerWidth < 640 ? 108 : 168, column: innerWidth > 1100, fold: true, ...remembered() };
    this.unfolded = new Set();
    this.told = new Map();
    this.parts = frameIn(root);
    const { parts } = this;
    this.selection = new Selection(() => this.selected());
    this.tiles = new Tiles(parts.list, parts.heads, parts.scroller, {
      told: this.told, isSelected: (id) => this.selection.ids.has(id),
    });
    this.scrubber = new Scrubber(parts.scrubber, parts.scroller);
    this.column = new Places(parts.column, (key, value) => {
      if (isNarrow()) this.showAside(false);  // it lies over the photos there
      this.tell("narrow", { key, value });
    });
    parts.side.value = String(this.look.side);
    parts.side.oninput = () => this.change({ side: Number(parts.side.value) });
    parts.rows.onclick = () => this.change({ square: false });
    parts.squares.onclick = () => this.change({ square: true });
    parts.places.onclick = () => this.showAside(parts.column.hidden);
    parts.fold.onclick = () => this.refold({ fold: !this.look.fold });
    parts.more.onclick = () => this.tell("more", {});
    parts.help.onclick = () => parts.sheet.showModal();
    parts.scroller.addEventListener("scroll", () => this.remember(), { passive: true });
    this.listen();
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(root);
    const page = document.querySelector('[data-testid="stMainBlockContainer"]');
    if (page) this.sizes.observe(page);  // what stands above may grow
    this.onResize = () => this.fit();
    this.onKey = (event) => this.pageKey(event);
    addEventListener("resize", this.onResize);
    document.addEventListener("keydown", this.onKey);
  }

  end() {
    this.sizes.disconnect();
    removeEventListener("resize", this.onResize);
    document.removeEventListener("keydown", this.onKey);
  }

  tell(name, value) {
    this.setTrigger(name, { ...value, number: (told += 1) });  // the same twice is two things
  }

  // ---------------------------------------------------------------- what is shown

  async draw(data, setTrigger) {
    const before = this.data;
    Object.assign(this, { data, setTrigger });
    this.showLook();
    this.fit();
    if (data.items) this.take(before);
    else if (before?.listing !== data.listing || before?.version !== data.version) await this.fetch(before?.listing !== data.listing);
    this.takeBack(data.closed);
    this.drawBar();
    this.showColumn();
  }

  async fetch(other) {
    const { data } = this;
    let listing;
    try {
      const answer = await fetch(data.listing, { cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      listing = unpacked(await answer.arrayBuffer());
    } catch {
      return this.say("The photos can't be listed now. They are there again once the page is loaded anew.");
    }
    if (this.data.listing !== data.listing || !this.root.isConnected) return undefined;  // another was asked for meanwhile
    const none = data.listing.endsWith("?q=") ? "The first photos are being added." : "No photo passes these filters.";
    this.say(listing.number ? "" : none);
    return this.use(listing, other);
  }

  // Results, which came with the page. Where they are those of before, nothing is to be done.
  take(before) {
    const { data } = this, other = before?.listing !== data.listing, state = JSON.stringify(data.items);
    this.parts.more.hidden = !data.more;
    if (!other && state === this.state) return;
    this.state = state;
    if (other) this.unfolded.clear();
    for (const item of data.items) this.told.set(item.id, item);
    this.use(this.results(), other);
  }

  results() {
    const { items } = this.data;
    return listed(this.look.fold ? folded(items, this.unfolded) : items);
  }

  // Copies are folded, or shown: all of them, or those of one photo.
  refold(wanted) {
    this.keep(wanted);
    this.use(this.results(), false);
  }

  use(listing, other) {
    const kept = this.listing && !other ? this.anchor() : this.left(), { active } = this.tiles;
    const reached = this.listing && !other && active < this.listing.number ? placeOf(listing, idAt(this.listing, active), active) : 0;
    this.listing = listing;
    this.shown = this.data.listing;
    this.tiles.active = Math.max(reached, 0);
    this.selection.keepIn(listing);
    this.lay(kept);
    this.showCount();
  }

  say(text) {
    this.parts.empty.hidden = !text;
    this.parts.empty.textContent = text;
  }

  showCount() {
    const number = this.listing?.number ?? 0, { items } = this.data;
    let text = `${number.toLocaleString("en")} ${number === 1 ? "photo" : "photos"}`;
    if (items) {
      const hidden = items.length - number, copies = items.filter((item) => item.of).length;
      if (!copies) text = "";  // the line above has said it
      else if (hidden) text += `, ${hidden.toLocaleString("en")} ${hidden === 1 ? "copy" : "copies"} folded`;
      else text += `, ${copies.toLocaleString("en")} of them ${copies === 1 ? "a copy" : "copies"}`;
      this.parts.fold.hidden = !copies;
    }
    if (this.parts.count.textContent !== text) this.parts.count.textContent = text;
  }

  // Lay all photos out anew, with the photo at the top of what is in sight where it was.
  lay(kept) {
    const { listing, parts, look } = this;
    if (!listing || !this.width) return;
    const layout = laidOut(listing, { width: this.width, side: look.side, gap: GAP, square: look.square, grouped: this.data.grouped });
    this.layout = layout;
    parts.list.style.height = `${layout.height}px`;
    const at = kept ? placeOf(listing, kept.id, kept.at) : -1;
    parts.scroller.scrollTop = at >= 0 ? rectOf(layout, at).top + kept.below : 0;
    this.tiles.use(listing, layout, this.data.sources, (ids) => this.askNames(ids));
    this.scrubber.use(layout);
  }

  // The first photo in sight, and how far the top of what is in sight is below its own.
  anchor() {
    if (!this.layout?.number || this.parts.scroller.scrollTop < 4) return null;
    const { from } = this.tiles.near(0);
    return { id: idAt(this.listing, from), at: from, below: this.parts.scroller.scrollTop - rectOf(this.layout, from).top };
  }

  remember() {
    clearTimeout(this.remembering);
    const shown = this.shown;
    this.remembering = setTimeout(() => {
      if (shown !== this.shown) return;
      const others = this.places().filter(([listing]) => listing !== shown);
      sessionStorage.setItem("timeline", JSON.stringify([...others, [shown, this.anchor()]].slice(-PLACES)));
    }, 150);
  }

  // Where one was in each of the last listings.
  places() {
    try {
      return JSON.parse(sessionStorage.getItem("timeline")) ?? [];
    } catch {
      return [];
    }
  }

  left() {
    return this.places().find(([listing]) => listing === this.data.listing)?.[1] ?? null;
  }

  change(wanted) {
    const kept = this.anchor();
    this.keep(wanted);
    this.showColumn();
    this.width = this.room();
    this.lay(kept);
  }

  // How photos are shown is kept by the browser, for the Library and for results alike.
  keep(wanted) {
    Object.assign(this.look, wanted);
    try {
      localStorage.setItem("timeline", JSON.stringify(this.look));
    } catch {  // a browser that keeps nothing
    }
    this.showLook();
  }

  showLook() {
    const { parts, look, data } = this, results = Boolean(data?.items);
    this.root.classList.toggle("results", results);
    const placeless = results || Boolean(data?.plain);
    parts.places.hidden = placeless;
    if (!results) parts.fold.hidden = true;
    parts.fold.ariaPressed = String(look.fold);
    parts.scrubber.ariaLabel = results ? "Scroll" : "Go to a date";
    parts.rows.ariaPressed = String(!look.square);
    parts.squares.ariaPressed = String(look.square);
    parts.column.hidden = placeless || (isNarrow() ? !this.aside : !look.column);
    parts.places.ariaExpanded = String(!parts.column.hidden);
    parts.side.value = String(look.side);
  }

  // On a narrow screen for now, elsewhere for good.
  showAside(wanted) {
    this.aside = wanted;
    if (!isNarrow()) return this.change({ column: wanted });
    this.showLook();
    return this.showColumn();
  }

  room() {
    return Math.floor(this.parts.list.clientWidth);
  }

  // As high as the window has room below what stands above.
  fit() {
    this.showLook();
    const page = document.querySelector('[data-testid="stMain"]');
    const top = this.root.getBoundingClientRect().top + (page?.scrollTop ?? 0);
    const height = `${Math.max(innerHeight - top - 14, LEAST_HEIGHT)}px`;
    if (this.root.style.height !== height) this.root.style.height = height;
    const width = this.room(), tall = this.parts.scroller.clientHeight;
    if (width === this.width && tall === this.tall) return;
    const kept = this.anchor();
    this.tall = tall;
    this.width = width;
    this.lay(kept);
    this.showColumn();
  }

  async showColumn() {
    if (this.parts.column.hidden || this.columnOf === `${this.data.version} ${JSON.stringify(this.data.chosen)}`) return;
    this.columnOf = `${this.data.version} ${JSON.stringify(this.data.chosen)}`;
    try {
      this.column.draw(await (await fetch(this.data.sources.places)).json(), this.data.chosen);
    } catch {
      this.columnOf = null;
    }
  }

  async askNames(ids) {
    const wanted = ids.filter((id) => !this.told.has(id)).slice(0, NAMES);
    if (!wanted.length) return;
    if (this.told.size > KNOWN_NAMES) this.told.clear();
    await this.namesOf(wanted).catch(() => null);
    for (const tile of this.tiles.drawn.values()) this.tiles.name(tile);
  }

  async namesOf(ids) {
    for (let from = 0; from < ids.length; from += NAMES) {
      const some = ids.slice(from, from + NAMES).filter((id) => !this.told.has(id));
      if (!some.length) continue;
      const answer = await fetch(`${this.data.sources.photos}?ids=${some.map((id) => id.replaceAll("-", "")).join(",")}`);
      for (const one of await answer.json()) this.told.set(one.id, one);
    }
  }

  // ---------------------------------------------------------------- what is selected

  selected() {
    this.tiles.markAll();
    this.root.classList.toggle("selecting", this.selection.size > 0);
    this.drawBar();
  }

  drawBar() {
    const { parts, selection, data } = this;
    const own = [{ name: "copy", label: "Copy path", most: 1000 }, { name: "folder", label: "Show in folder", most: 1 }];
    drawBar(parts.bar, selection.size, [...data.actions, ...own], (name, value) => this.act(name, value), () => {
      selection.clear();
      this.tiles.focus(this.tiles.active);
    });
  }

  async act(name, value) {
    const ids = [...this.selection.ids];
    if (name !== "copy" && name !== "folder") {
      this.tell("act", { name, value, ids });
      return this.drawBar();
    }
    await this.namesOf(ids).catch(() => null);
    const paths = ids.map((id) => this.told.get(id)?.path).filter(Boolean);
    if (name === "folder" && paths.length) return this.tell("narrow", { key: "in", value: paths[0].replace(/[\\/][^\\/]*$/, "") || "/" });
    let text = paths.length === 1 ? "Path copied" : `${paths.length} paths copied`;
    await navigator.clipboard.writeText(paths.join("\n")).catch(() => (text = "The browser does not let the page copy."));
    const count = this.parts.bar.querySelector(".selected");
    if (count) count.textContent = text;
    this.parts.bar.state = null;
    return undefined;
  }
}
