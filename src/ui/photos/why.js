// Why a photo is a result: its reasons one after the other, the words that were asked for marked. All of it is text, never HTML.

// `reasons`: {label, pieces: [[text, marked], ...]} each.
function tellWhy(node, reasons) {
  for (const { label, pieces } of reasons) {
    const one = document.createElement("span");
    one.className = "reason";
    one.append(pieces.length ? `${label}: ` : label);
    if (pieces.length) one.append(document.createElement("bdi"));  // a text written from the right does not turn what is around it
    for (const [text, marked] of pieces) {
      const piece = marked ? document.createElement("mark") : document.createTextNode(text);
      if (marked) piece.textContent = text;
      one.lastElementChild.append(piece);
    }
    node.append(one);
  }
  return node;
}

const whyText = (reasons) => reasons.map(({ label, pieces }) => [label, pieces.map(([text]) => text).join("")].filter(Boolean).join(": ")).join(", ");
