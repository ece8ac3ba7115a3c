// The text that was read in a photo: a list to copy from, whose lines are marked in the picture where one points at them, there or here.

const TOLD = 2_000;  // milliseconds that the button says what it has done

// One shape a line, in the photo's pixels, over the picture and moved with it.
function drawMarks(stage, lines, [width, height]) {
  const marks = document.createElementNS(SVG, "svg");
  marks.setAttribute("class", "marks");
  marks.setAttribute("viewBox", `0 0 ${width} ${height}`);
  marks.setAttribute("aria-hidden", "true");
  for (const line of lines) {
    const mark = document.createElementNS(SVG, "polygon");
    if (line.found) mark.setAttribute("class", "found");
    mark.setAttribute("points", line.box.map(([x, y]) => `${x * width},${y * height}`).join(" "));
    marks.append(mark);
  }
  stage.querySelector(".marks")?.remove();
  stage.querySelector("img").after(marks);
  return [...marks.children];
}

function under(marks, event) {
  const seen = marks[0]?.getScreenCTM();
  if (!seen) return -1;
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(seen.inverse());
  return marks.findIndex((mark) => mark.isPointInFill(point));
}

async function copy(button, list) {
  const text = [...list.children].map((item) => item.textContent).join("\n");
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {  // not allowed here: the lines are chosen, for the keys that copy
    getSelection().selectAllChildren(list);
    button.textContent = "Chosen: copy it now";
  }
  setTimeout(() => (button.textContent = "Copy all"), TOLD);
}

// After the picture; nothing where there are no lines. `size`: of the photo in pixels.
function drawLines(stage, lines, size) {
  const marks = drawMarks(stage, lines, size);
  stage.onpointermove = stage.onpointerleave = null;
  if (!lines.length) return;
  const section = made("section", "lines");
  stage.after(section);
  const head = made("div", "lines-head", section);
  const title = made("h3", "", head), button = made("button", "copy", head);
  title.textContent = "Text in this photo";
  title.id = "lines-title";
  Object.assign(button, { type: "button", textContent: "Copy all" });
  button.setAttribute("aria-live", "polite");
  const list = made("ol", "", section);
  list.setAttribute("aria-labelledby", title.id);
  const items = lines.map((line, at) => {
    const item = made("li", line.found ? "found" : "", list);
    item.textContent = line.text;
    item.dir = "auto";
    item.tabIndex = at ? -1 : 0;  // one stop for the tabulator, from where the arrows lead on
    return item;
  });
  const point = (at) => [...items, ...marks].forEach((node) => node.classList.toggle("pointed", node === items[at] || node === marks[at]));
  button.onclick = () => copy(button, list);
  list.onpointerover = (event) => point(items.indexOf(event.target));
  list.onpointerleave = () => point(items.indexOf(list.getRootNode().activeElement));
  list.addEventListener("focusin", (event) => point(items.indexOf(event.target)));
  list.addEventListener("focusout", () => point(-1));
  list.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], next = step && items[items.indexOf(event.target) + step];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
  };
  stage.onpointermove = (event) => {
    const at = under(marks, event);
    point(at);
    items[at]?.scrollIntoView({ block: "nearest" });
  };
  stage.onpointerleave = () => point(-1);
}
