// The scroll bar by date: years beside it, the month while it moves.

export class Scrubber {
  constructor(node, scroller) {
    Object.assign(this, { node, scroller });
    this.years = made("div", "years", node);
    this.thumb = made("div", "thumb", node);
    this.bubble = made("div", "bubble", node);
    node.role = "slider";
    node.tabIndex = 0;
    node.ariaOrientation = "vertical";
    node.ariaLabel = "Go to a date";
    node.ariaValueMin = "0";
    node.ariaValueMax = "100";
    scroller.addEventListener("scroll", () => this.moved(), { passive: true });
    node.onpointerdown = (event) => {
      node.setPointerCapture(event.pointerId);
      this.go(event);
    };
    node.onpointermove = (event) => node.hasPointerCapture(event.pointerId) && this.go(event);
    node.onkeydown = (event) => this.key(event);
  }

  use(layout) {
    this.layout = layout;
    const room = this.scroller.clientHeight;
    this.node.hidden = layout.height <= room;
    this.years.replaceChildren();
    let year = "", free = 0;
    for (const section of layout.sections) {
      const name = section.headed ? (section.day ? String(Math.floor(section.day / 10000)) : "–") : "";
      const place = Math.min(section.top / Math.max(layout.height - room, 1), 1) * (room - 18);
      if (name === year || !name || place < free) continue;
      year = name;
      free = place + 20;
      const label = made("span", "", this.years);
      label.textContent = name;
      label.style.top = `${place}px`;
    }
    this.follow();
  }

  follow() {
    if (!this.layout?.sections.length) return;
    const { scrollTop, clientHeight } = this.scroller;
    const share = Math.min(scrollTop / Math.max(this.layout.height - clientHeight, 1), 1);
    const section = this.section();
    const name = section.headed ? monthName(section.day) : `${Math.round(share * 100)} %`;
    this.thumb.style.transform = this.bubble.style.transform = `translateY(${share * (clientHeight - 18)}px)`;
    this.node.ariaValueNow = String(Math.round(share * 100));
    if (this.bubble.textContent !== name) this.bubble.textContent = this.node.ariaValueText = name;
  }

  moved() {
    this.follow();
    this.node.classList.add("moving");
    clearTimeout(this.still);
    this.still = setTimeout(() => this.node.classList.remove("moving"), 900);
  }

  section(step = 0) {
    const { sections } = this.layout;
    const tops = (this.layout.sectionTops ??= sections.map((section) => section.top));
    return sections[Math.min(Math.max(lastUpTo(tops, this.scroller.scrollTop + 1) + step, 0), sections.length - 1)];
  }

  go(event) {
    const box = this.node.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientY - box.top - 9) / Math.max(box.height - 18, 1), 0), 1);
    this.scroller.scrollTop = share * (this.layout.height - this.scroller.clientHeight);
  }

  key(event) {
    const { scroller } = this, page = scroller.clientHeight;
    const back = scroller.scrollTop > this.section().top ? 0 : -1;
    const places = {
      ArrowDown: () => this.section(1).top, ArrowUp: () => this.section(back).top,
      PageDown: () => scroller.scrollTop + page, PageUp: () => scroller.scrollTop - page,
      Home: () => 0, End: () => this.layout.height,
    };
    if (!places[event.key]) return;
    scroller.scrollTop = places[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }
}
