// Where the photos are from, as a column of buttons that narrow the library to a month, a folder, a place or a camera.

// Folders as a tree, from [path, photos right in it]; folders that only lead to one other are one with it.
export function treeOf(folders) {
  const root = { name: "", path: "", own: 0, inside: new Map() };
  for (const [path, number] of folders) {
    const mark = path.includes("/") ? "/" : "\\";
    let node = root, so = "";
    for (const name of path.split(mark)) {
      so = node === root ? name : `${so}${mark}${name}`;
      if (!node.inside.has(name)) node.inside.set(name, { name, path: so || mark, own: 0, inside: new Map() });
      node = node.inside.get(name);
    }
    node.own += number;
  }
  return [...root.inside.values()].map(gathered);
}

function gathered(node) {
  let inside = [...node.inside.values()];
  if (inside.length === 1 && !node.own) {
    const only = gathered(inside[0]);
    return { ...only, name: `${node.name}${node.path.includes("\\") ? "\\" : "/"}${only.name}` };
  }
  inside = inside.map(gathered);
  return { ...node, inside, number: inside.reduce((sum, one) => sum + one.number, node.own) };
}

// Places as a tree that begins with countries, from [names from the country inwards, photos there]; those of most photos come first.
export function sitesOf(places) {
  const root = { inside: new Map() };
  for (const [names, number] of places) {
    let node = root;
    for (const name of names) {
      if (!node.inside.has(name)) node.inside.set(name, { name, path: `${node.path ?? ""}/${name}`, number: 0, inside: new Map() });
      node = node.inside.get(name);
      node.number += number;
    }
  }
  const sorted = (node) => [...node.inside.values()].map((one) => ({ ...one, inside: sorted(one) })).sort((one, other) => other.number - one.number);
  return sorted(root);
}

export class Places {
  constructor(node, narrow) {
    Object.assign(this, { node, narrow, opened: new Set() });
  }

  // `chosen`: key of the query language -> the value that the query has now.
  draw(places, chosen) {
    const state = JSON.stringify([places, chosen]);
    if (state === this.state) return;
    this.state = state;
    const top = this.node.scrollTop;
    const years = Map.groupBy?.(places.months, ([month]) => month.slice(0, 4)) ?? grouped(places.months);
    this.node.replaceChildren(
      this.part("Dates", [...years].map(([year, months]) => this.year(year, months, chosen.date))),
      this.part("Folders", treeOf(places.folders).map((folder) => this.folder(folder, chosen.in, 0))),
      ...(places.sites.length ? [this.part("Places", sitesOf(places.sites).map((site) => this.site(site, chosen.place)))] : []),
      ...[["Albums", "albums", "album"], ["Tags", "tags", "tag"], ["Cameras", "cameras", "camera"]].filter(([, some]) => places[some].length).map(
        ([title, some, key]) => this.part(title, places[some].map(([name, number]) => this.button(name, number, key, name, chosen[key]))),
      ),
    );
    this.node.scrollTop = top;
  }

  part(title, children) {
    const part = made("section", "part");
    made("h4", "", part).textContent = title;
    if (children.length) part.append(...children);
    else made("p", "none", part).textContent = "None known";
    return part;
  }

  year(year, months, chosen) {
    const sum = months.reduce((total, [, number]) => total + number, 0);
    if (!year) return this.button("Undated", sum, "-has", "date", null);
    const names = months.map(([month, number]) => this.button(monthName(Number(month.replace("-", "")) * 100 + 1).split(" ")[0], number, "date", month, chosen));
    return this.branch(this.button(year, sum, "date", year, chosen), names, `date ${year}`, Boolean(chosen?.startsWith(`${year}-`)));
  }

  folder(folder, chosen, depth) {
    const button = this.button(folder.name, folder.number, "in", folder.path, chosen);
    if (!folder.inside.length) return button;
    const inside = folder.inside.map((one) => this.folder(one, chosen, depth + 1));
    return this.branch(button, inside, `in ${folder.path}`, depth === 0 || Boolean(chosen?.startsWith(folder.path)));
  }

  site(site, chosen) {
    const button = this.button(site.name, site.number, "place", site.name, chosen);
    if (!site.inside.length) return button;
    const has = (one) => one.name === chosen || one.inside.some(has);
    return this.branch(button, site.inside.map((one) => this.site(one, chosen)), `place ${site.path}`, site.inside.some(has));
  }

  // A button with more below it, which an arrow beside it shows.
  branch(button, children, key, open) {
    const branch = made("div", "branch"), row = made("div", "row", branch), arrow = made("button", "arrow", row);
    const below = made("div", "below", branch);
    below.append(...children);
    row.append(button);
    arrow.type = "button";
    arrow.ariaLabel = `What is in ${button.firstChild.textContent}`;
    const set = (wanted) => {
      below.hidden = !wanted;
      arrow.ariaExpanded = String(wanted);
      if (wanted) this.opened.add(key);
      else this.opened.delete(key);
    };
    arrow.onclick = () => set(below.hidden);
    set(open || this.opened.has(key));
    return branch;
  }

  button(name, number, key, value, chosen) {
    const button = made("button", "place");
    button.type = "button";
    made("span", "", button).textContent = name;
    made("span", "count", button).textContent = number.toLocaleString("en");
    if (value === chosen) button.setAttribute("aria-current", "true");
    button.onclick = () => this.narrow(key, value === chosen ? null : value);
    return button;
  }
}

function grouped(months) {
  const years = new Map();
  for (const one of months) years.set(one[0].slice(0, 4), [...(years.get(one[0].slice(0, 4)) ?? []), one]);
  return years;
}
