// Mouse, fingers and keys, photos that are dragged out, and the component as the page mounts it.

const PRESS = 480;  // milliseconds of a touch that selects

class Timeline extends View {
  // ---------------------------------------------------------------- mouse, touch and keys

  listen() {
    const { list } = this.parts;
    list.onclick = (event) => this.click(event);
    list.onkeydown = (event) => this.key(event);
    list.addEventListener("focusin", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) this.tiles.active = tile.at;
      this.tiles.rove();
    });
    list.onpointerdown = (event) => this.press(event);
    for (const name of ["pointerup", "pointercancel", "pointermove"]) list.addEventListener(name, (event) => this.release(event));
    list.ondragstart = (event) => this.dragOut(event);
    list.oncontextmenu = (event) => this.pressed && event.preventDefault();
  }

  press(event) {
    const tile = event.target.closest(".tile");
    this.pressed = false;
    if (event.pointerType === "mouse" || !tile) return;
    this.pressedAt = [event.clientX, event.clientY];
    this.pressing = setTimeout(() => {
      this.pressed = true;
      this.selection.toggle(this.listing, tile.at);
    }, PRESS);
  }

  release(event) {
    const far = event.type === "pointermove" && Math.hypot(event.clientX - this.pressedAt?.[0], event.clientY - this.pressedAt?.[1]) < 10;
    if (!far) clearTimeout(this.pressing);
  }

  click(event) {
    const tile = event.target.closest(".tile");
    if (!tile || this.pressed) return;
    const { selection, listing } = this;
    const touch = event.pointerType === "touch" && selection.size > 0;
    if (event.target.closest(".copies")) this.unfold(tile.at);
    else if (event.shiftKey) selection.extend(listing, tile.at, tile.at);
    else if (event.ctrlKey || event.metaKey || touch || event.target.closest(".check")) selection.toggle(listing, tile.at);
    else return this.open(tile.at);
    return this.tiles.focus(tile.at);
  }

  open(at) {
    this.tell("open", { id: idAt(this.listing, at), unfolded: this.look.fold ? [...this.unfolded] : null });
  }

  // The copies of a result show right behind it, or no longer.
  unfold(at) {
    const item = this.listing.items?.[at], id = item?.copies ? item.id : this.look.fold && item?.of;
    if (!id) return;
    if (!this.unfolded.delete(id)) this.unfolded.add(id);
    this.refold({});
    this.tiles.focus(Math.max(placeOf(this.listing, id, at), 0));
  }

  key(event) {
    const tile = event.target.closest(".tile");
    if (!tile || event.altKey) return;
    const { selection, listing } = this, ctrl = event.ctrlKey || event.metaKey;
    const next = ctrl ? undefined : stepFrom(this.layout, tile.at, event.key, this.parts.scroller.clientHeight);
    if (next !== undefined) {
      if (event.shiftKey && !this.ranging) selection.start(tile.at);  // with keys a range begins where they were
      this.ranging = event.shiftKey;
      if (event.shiftKey) selection.extend(listing, tile.at, next);
      this.tiles.focus(next);
    } else if (event.key === "Enter") this.open(tile.at);
    else if (event.key === " ") selection.toggle(listing, tile.at);
    else if (!ctrl && event.key.toLowerCase() === "c") this.unfold(tile.at);
    else if (ctrl && event.key.toLowerCase() === "a") selection.all(listing);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Keys that hold wherever on the page one is, but where one writes or a dialog is open.
  pageKey(event) {
    const target = event.composedPath()[0];
    if (target.closest?.("input:not([type=range]), textarea, select, [contenteditable]") || document.querySelector('[role="dialog"]') || this.parts.sheet.open) return;
    const ctrl = event.ctrlKey || event.metaKey;
    const moves = /^(Arrow|Home|End|Page)/.test(event.key) && target === document.body && this.layout?.number;
    if (moves) this.tiles.focus(this.tiles.active);
    else if (event.key === "Escape" && this.selection.size) this.selection.clear();
    else if (event.key === "?") this.parts.sheet.showModal();
    else if (event.key === "/" && !ctrl) this.toSearch();
    else if (!ctrl && (event.key === "+" || event.key === "-")) this.change({ side: Math.min(Math.max(this.look.side + (event.key === "+" ? 24 : -24), 72), 420) });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // The page's own box for words, or the text search's, once its page is there.
  toSearch() {
    const { box } = this.data, found = () => document.querySelector(`.st-key-${box ?? "query"} input`);
    if (!box) this.tell("search", {});
    let looks = 100;
    const look = () => {
      if (found()) found().focus();
      else if ((looks -= 1) > 0) setTimeout(look, 60);
    };
    look();
  }

  // Dropped on a folder or in another program, a photo is a file there.
  dragOut(event) {
    const tile = event.target.closest?.(".tile");
    if (!tile) return;
    const id = idAt(this.listing, tile.at), name = (this.told.get(id)?.name ?? "photo").replace(/[:\\/]|\.[^.]*$/g, "");
    const address = new URL(`${this.data.sources.image}${id}?side=full`, location.href).href;
    event.dataTransfer.setData("DownloadURL", `image/jpeg:${name}.jpg:${address}`);
    event.dataTransfer.setData("text/uri-list", address);
  }

  // Once for each photo that was closed: it has the focus again, as soon as the dialog is gone, which tries to give it elsewhere.
  takeBack([id, number]) {
    if (!number || window.lastTakenBack === number || !this.listing) return;
    window.lastTakenBack = number;
    const at = placeOf(this.listing, id, this.tiles.active);
    if (at < 0) return;
    let looks = 12;
    const until = performance.now() + 3_000;
    const look = () => {
      if (performance.now() > until || window.lastTakenBack !== number || !this.root.isConnected) return;
      const inside = this.root.getRootNode().activeElement;
      const elsewhere = document.activeElement !== document.body && !document.activeElement.contains(this.root.getRootNode().host);
      if (!document.querySelector('[role="dialog"]')) {
        if (looks < 12 && (elsewhere || (inside && inside.at !== at))) return;  // somebody went on from there
        if (inside?.at !== at) this.tiles.focus(at);
        looks -= 1;
      }
      if (looks > 0) setTimeout(look, 50);
    };
    look();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".timeline");
  root.timeline ??= new Timeline(root);
  root.timeline.draw(data, setTriggerValue);
  return () => {
    root.timeline?.end();
    root.timeline = null;
    root.replaceChildren();
  };
}
