// Which photos are selected, by id, so that they stay so when others come between them.

export class Selection {
  constructor(onChange) {
    this.ids = new Set();
    this.anchor = null;  // where a range begins
    this.before = new Set();  // what was selected when it began
    this.onChange = onChange;
  }

  get size() {
    return this.ids.size;
  }

  toggle(listing, at) {
    const id = idAt(listing, at);
    if (!this.ids.delete(id)) this.ids.add(id);
    this.start(at);
    this.onChange();
  }

  start(at) {
    this.anchor = at;
    this.before = new Set(this.ids);
  }

  // All from where the range begins up to there, and what was selected before.
  extend(listing, from, to) {
    if (this.anchor === null) this.start(from);
    this.ids = new Set(this.before);
    for (let at = Math.min(this.anchor, to); at <= Math.max(this.anchor, to); at += 1) this.ids.add(idAt(listing, at));
    this.onChange();
  }

  all(listing) {
    for (let at = 0; at < listing.number; at += 1) this.ids.add(idAt(listing, at));
    this.onChange();
  }

  clear() {
    this.ids.clear();
    this.anchor = null;
    this.before = new Set();
    this.onChange();
  }

  // Without what is not there any more.
  keepIn(listing) {
    const there = new Set();
    for (let at = 0; this.ids.size && at < listing.number; at += 1) there.add(idAt(listing, at));
    const kept = [...this.ids].filter((id) => there.has(id));
    if (kept.length !== this.ids.size) {
      this.ids = new Set(kept);
      this.onChange();
    }
    this.anchor = null;
    this.before = new Set(this.ids);
  }
}
