// Delete or Backspace on a part of the search takes it away, as the cross beside it does. Where that was done by a key, the focus goes to the part
// that stands in its place, to the last one, or into the box where none is left. Where a change by a key has given a part another name, what has
// opened from it is drawn anew: the focus goes back to the field that it was in.

(() => {
  const CHIP = '[class*="-both"][class*="st-key-"]';
  const OPENS = '[data-testid="stPopoverButton"]';
  const CROSS = '[class*="-away"] button';
  const OPENED = '[data-testid="stPopoverBody"]';
  const BOX = '[data-testid="stForm"] input';
  const LOOKS = 60; // 50 ms apart: the server searches first

  const chips = () => [...document.querySelectorAll(CHIP)];

  function focus(number, before, looks) {
    const now = chips();
    if (now.length >= before && looks > 0) return void setTimeout(focus, 50, number, before, looks - 1);
    const next = now[Math.min(number, now.length - 1)]?.querySelector(OPENS);
    (next ?? document.querySelector(BOX))?.focus();
  }

  function back(name, looks) {
    const opened = document.querySelector(OPENED);
    if (opened && document.activeElement === document.body) opened.querySelector(`input[aria-label="${CSS.escape(name)}"]`)?.focus();
    if (looks > 0) setTimeout(back, 50, name, looks - 1);
  }

  if (window.chipKeys) return;
  window.chipKeys = true;
  document.addEventListener("keydown", (event) => {
    const field = ["Enter", " "].includes(event.key) && event.target.closest?.(`${OPENED} input[aria-label]`);
    if (field) setTimeout(back, 50, field.getAttribute("aria-label"), LOOKS);
    const chip = ["Delete", "Backspace"].includes(event.key) && event.target.closest?.(OPENS)?.closest(CHIP);
    if (!chip) return;
    event.preventDefault();
    chip.querySelector(CROSS)?.click();
  });
  document.addEventListener(
    "click",
    (event) => {
      const chip = event.detail === 0 && event.target.closest?.(CROSS)?.closest(CHIP); // a mouse counts its clicks
      if (chip) setTimeout(focus, 50, chips().indexOf(chip), chips().length, LOOKS);
    },
    true,
  );
})();
