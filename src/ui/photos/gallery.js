// Draws one photo. Everything that comes as data (names, paths, scores) becomes text or an attribute, never HTML.

function made(tag, className, parent) {
  const node = document.createElement(tag);
  node.className = className;
  parent?.append(node);
  return node;
}

function drawPhoto(root, photo, step, open) {
  const box = root.querySelector(".photo") ?? made("div", "photo", root);
  const stage = box.querySelector(".stage") ?? made("div", "stage", box);
  const image = stage.querySelector("img") ?? made("img", "", stage);
  const under = box.querySelector(".under") ?? made("div", "under", box);
  under.view ??= new Beside(under);
  under.view.use(photo, open);
  if (stage.photo !== photo.src) {  // the picture may have become its sharper self
    stage.style.backgroundImage = `url("${photo.thumb}")`;
    image.style.visibility = "hidden";
    image.onload = () => {
      image.style.visibility = "visible";
      stage.style.backgroundImage = "none";
      under.view.ready();
    };
    image.src = photo.src;
    stage.photo = photo.src;
  }
  stage.view ??= new Stage(stage, image);
  stage.view.use(photo, step);
  image.alt = photo.name;
  [...box.children].forEach((node) => node !== stage && node !== under && node.remove());
  const lines = [made("p", "title"), ...(photo.why.length ? [tellWhy(made("p", "why"), photo.why)] : []), ...(photo.note ? [made("p", "note")] : [])];
  lines[0].textContent = photo.name;
  if (photo.note) lines.at(-1).textContent = photo.note;
  under.before(...lines);
  under.view.tell(photo.facts);
  drawLines(stage, photo.lines, photo.size);
}

function drawSingle(root, photo) {
  const box = root.querySelector(".single") ?? made("div", "single", root);
  const image = box.querySelector("img") ?? made("img", "", box);
  if (image.getAttribute("src") !== photo.src) image.src = photo.src;
  image.alt = photo.name;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (data.photo) {
    drawPhoto(root, data.photo, (step) => setTriggerValue("step", step), (id, ids) => setTriggerValue("similar", { id, ids }));
    return () => [".stage", ".under"].forEach((part) => root.querySelector(part)?.view?.end());
  }
  return drawSingle(root, data.single);
}
