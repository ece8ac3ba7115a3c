// What opens from a button stands at the end of the page, a long way for the Tab key. Where the button was pressed by a key, the focus goes
// into what has opened, and back to the button at Escape.

(() => {
  const BODY = '[data-testid="stPopoverBody"]';
  const FIRST = ":is(input, button, textarea, [tabindex='0']):not(:disabled)";
  const LOOKS = 60; // 50 ms apart: some ask the server first what is in them
  let button;

  function enter(looks) {
    const first = document.querySelector(BODY)?.querySelector(FIRST);
    if (first) first.focus();
    else if (looks > 0) setTimeout(enter, 50, looks - 1);
  }

  if (window.popoverKeys) return;
  window.popoverKeys = true;
  document.addEventListener(
    "click",
    (event) => {
      const pressed = event.target.closest?.('[data-testid="stPopoverButton"]');
      if (!pressed || event.detail !== 0 || pressed.getAttribute("aria-expanded") === "true") return; // a mouse counts its clicks
      button = pressed;
      setTimeout(enter, 50, LOOKS);
    },
    true,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !document.activeElement?.closest(BODY)) return;
      setTimeout(() => !document.querySelector(BODY) && button?.isConnected && button.focus(), 300);
    },
    true,
  );
})();
