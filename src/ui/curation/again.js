// What is told to the page as a list that is sent again, with what follows and after a while, until the page says that it has it.

const AGAIN = 2000;  // milliseconds

function made(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

// Numbers rise, so that the page can say up to which it has heard.
function note(root, what) {
  root.sent.push({ ...what, number: Math.max(Date.now(), (root.sent.at(-1)?.number ?? 0) + 1) });
}

// What is told while the page is drawn may be forgotten: a run that another one cuts short knows nothing of it, and where nothing is drawn
// anew thereafter, only time tells. It counts once, however often it comes.
function send(root, pause = AGAIN) {
  clearTimeout(root.again);
  if (!root.sent.length || !root.isConnected) return;
  root.submit();
  root.again = setTimeout(send, pause, root, 2 * pause);
}
