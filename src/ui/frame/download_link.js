// A link that saves what is behind it as a file.

const ARROW = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v11m-5-5 5 5 5-5M5 20h14"/></svg>';

export default function ({ data, parentElement }) {
  const link = parentElement.querySelector(".root");
  if (!link.firstChild) {
    link.innerHTML = ARROW;
    link.append("");
  }
  link.lastChild.data = data.label;
  Object.assign(link, { href: data.href, download: data.name });
}
