// The likeliest labels of a picture, each with a bar as long as it is likely.

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  root.replaceChildren();
  for (const { label, percent } of data.rows) {
    const row = made("li", "row", root);
    made("span", "label", row, label);
    made("span", "percent", row, `${percent < 0.1 ? "under 0.1" : percent} %`);
    const track = made("div", "track", row);
    track.setAttribute("aria-hidden", "true");
    made("div", "bar", track).style.width = `${percent}%`;
  }
}
