// Under a large photo: those that are similar, what is known of it, and where it was taken on a map of outlines. But for the facts all is
// fetched once the photo is there.

const PATIENCE = 250;  // milliseconds that a photo rests before more is asked for: who leafs through photos asks for none of it
const SVG = "http://www.w3.org/2000/svg";
const AROUND = [360, 190];  // tenths of a degree, across and down, that a map shows near a place
const WORLD = [-1800, -947, 3600, 1894];

let outlines = null;  // once for all photos of a page

function drawn(name, parent, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

export class Beside {
  constructor(node) {
    this.strip = made("section", "strip", node);
    this.strip.ariaLabel = "Similar photos";
    this.facts = made("dl", "facts", node);
    this.map = made("div", "map", node);
  }

  // `photo`: {similar, thumbs, place, outlines}; `open`: called with the id of a similar photo and those of all.
  use(photo, open) {
    this.open = open;
    if (this.photo?.similar === photo.similar) return;
    this.photo = photo;
    this.asked?.abort();
    this.asked = new AbortController();
    this.strip.classList.add("waiting");
    this.map.replaceChildren();
    this.map.hidden = !photo.place;
    clearTimeout(this.waiting);
  }

  // `facts`: label and value of each.
  tell(facts) {
    this.facts.replaceChildren();
    for (const [name, value] of facts) {
      made("dt", "", this.facts).textContent = name;
      made("dd", "", this.facts).textContent = value;
    }
  }

  // The large picture is there.
  ready() {
    const { photo } = this;
    if (this.done === photo) return;
    this.done = photo;
    this.waiting = setTimeout(() => {
      this.showSimilar(photo);
      if (photo.place) this.showPlace(photo);
    }, PATIENCE);
  }

  end() {
    clearTimeout(this.waiting);
    this.asked?.abort();
  }

  async showSimilar(photo) {
    let found = [];
    try {
      const answer = await fetch(photo.similar, { signal: this.asked.signal });
      if (answer.ok) found = await answer.json();
    } catch {  // another photo is open meanwhile, or the server is gone
    }
    if (this.photo !== photo) return;
    const ids = found.map((one) => one.id);
    this.strip.classList.remove("waiting");
    this.strip.replaceChildren();
    if (!ids.length) return;
    made("h3", "", this.strip).textContent = "Similar photos";
    const row = made("div", "row", this.strip);
    for (const { id, name } of found) {
      const button = made("button", "alike", row);
      Object.assign(button, { type: "button", title: name, ariaLabel: `Open ${name}`, onclick: () => this.open(id, ids) });
      const image = made("img", "", button);
      Object.assign(image, { alt: "", decoding: "async", src: photo.thumbs + id });
    }
  }

  async showPlace(photo) {
    try {
      outlines ??= await (await fetch(photo.outlines)).text();
    } catch {
      return;
    }
    if (this.photo !== photo) return;
    const { latitude, longitude, name } = photo.place, where = name || "the place it was taken";
    const button = made("button", "atlas", this.map);
    button.type = "button";
    const svg = drawn("svg", button, { "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" });
    const land = drawn("g", svg, {});
    for (const shift of Math.abs(longitude) > 140 ? [-3600, 0, 3600] : [0]) drawn("path", land, { d: outlines, transform: `translate(${shift})` });
    const dot = drawn("circle", svg, {});
    let near = true;
    const show = () => {
      const narrow = near ? Math.max(Math.cos((latitude * Math.PI) / 180), 0.3) : 1;  // degrees of longitude are narrower far from the equator
      const x = longitude * 10 * narrow, y = -latitude * 10, [across, down] = AROUND;
      svg.setAttribute("viewBox", (near ? [x - across / 2, y - down / 2, across, down] : WORLD).join(" "));
      land.setAttribute("transform", `scale(${narrow} 1)`);
      button.classList.toggle("far", !near);
      for (const [key, value] of Object.entries({ cx: x, cy: y, r: near ? 5 : 48 })) dot.setAttribute(key, value);
      button.title = near ? "Show the whole world" : "Show what is around";
      button.ariaLabel = `Map with ${where}. ${button.title}`;
    };
    button.onclick = () => {
      near = !near;
      show();
    };
    show();
    if (name) made("p", "where", this.map).textContent = name;
  }
}
