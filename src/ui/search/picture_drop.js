// A picture that is dropped anywhere on the page, or pasted where nobody writes, is told to the page; the path of one as well.

const LARGEST = 1024;  // pixels of the longest side of a picture that is searched by
const PATH = /^(file:\/\/|\/|~[\\/]|[A-Za-z]:[\\/]|\\\\)[^\n]*\.[A-Za-z0-9]{2,5}$/;
let number = 0;

const elsewhere = (event) => event.composedPath()[0].closest?.("input, textarea, [contenteditable], [data-testid=stFileUploader]") || document.querySelector('[role="dialog"]');
const marked = (on) => document.body.classList.toggle("picture-over", on);

// A path that stands alone in a text, perhaps in quotes; null where there is none.
export function pathIn(text) {
  const bare = text.trim().replace(/^(["'])(.*)\1$/, "$2");
  return PATH.test(bare) ? bare : null;
}

class Listener {
  constructor() {
    this.heard = Object.entries({ paste: "paste", dragstart: "begin", dragend: "end", dragover: "over", dragleave: "leave", drop: "drop" })
      .map(([name, does]) => [name, (event) => this[does](event)]);
    for (const [name, hear] of this.heard) document.addEventListener(name, hear);
  }

  stop() {
    for (const [name, hear] of this.heard) document.removeEventListener(name, hear);
    marked(false);
  }

  begin() {
    this.own = true;  // what is dragged is of the page itself
  }

  end() {
    this.own = false;
    marked(false);
  }

  over(event) {
    if (this.own || elsewhere(event) || !["Files", "text/plain"].some((kind) => event.dataTransfer.types.includes(kind))) return marked(false);
    event.preventDefault();
    return marked(true);
  }

  leave(event) {
    if (!event.relatedTarget) marked(false);
  }

  drop(event) {
    marked(false);
    if (!this.own && !elsewhere(event) && this.take(event.dataTransfer)) event.preventDefault();
    this.own = false;
  }

  paste(event) {
    if (event.clipboardData && !elsewhere(event) && this.take(event.clipboardData)) event.preventDefault();
  }

  // Whether there was something to search by.
  take(brought) {
    const file = [...brought.files].find((one) => one.type.startsWith("image/")) ?? brought.files[0];
    const path = file ? null : pathIn(brought.getData("text/plain"));
    if (file) this.send(file);
    else if (path) this.tell({ path });
    return Boolean(file || path);
  }

  tell(what) {
    this.setTrigger("picture", { ...what, number: (number += 1) });  // the same twice is two things
  }

  // As small as a search needs it; what the browser can't read is sent as it is.
  async send(file) {
    let sent = file;
    try {
      const picture = await createImageBitmap(file);
      const part = Math.min(1, LARGEST / Math.max(picture.width, picture.height));
      const canvas = Object.assign(document.createElement("canvas"), {
        width: Math.max(1, Math.round(picture.width * part)), height: Math.max(1, Math.round(picture.height * part)),
      });
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      sent = await new Promise((done) => canvas.toBlob(done, "image/png"));
    } catch {  // HEIC or camera RAW, say
    }
    const reader = new FileReader();
    reader.onload = () => this.tell({ name: file.name, data: reader.result.split(",")[1] ?? "" });
    reader.readAsDataURL(sent);
  }
}

export default function ({ parentElement, setTriggerValue }) {
  const place = parentElement.querySelector("span");
  place.listener ??= new Listener();
  place.listener.setTrigger = setTriggerValue;
  return () => {
    place.listener?.stop();
    place.listener = null;
  };
}
