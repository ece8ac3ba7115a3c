// Streamlit's date field takes what was typed when the focus goes elsewhere, and not always then: what was typed is lost where its calendar was
// clicked meanwhile, and where Escape closes what is around it. So the field is told that the focus went as soon as a date is whole, which has it
// take the date and close its calendar. The focus itself stays where it is.

(() => {
  const WAIT = 300; // milliseconds after the last key: of "20" the "2" alone is a day as well
  const waiting = new Map();

  function fieldOf(event) {
    const part = event.target.closest?.('[role="spinbutton"]');
    return part?.closest('[data-testid="stDateInputField"]');
  }

  function isWhole(field) {
    const parts = [...field.querySelectorAll('[role="spinbutton"]')];
    return parts.every((part) => Number(part.getAttribute("aria-valuenow")) >= (part.dataset.type === "year" ? 1000 : 1));
  }

  function take(field) {
    clearTimeout(waiting.get(field));
    waiting.delete(field);
    if (isWhole(field)) field.dispatchEvent(new FocusEvent("focusout", { bubbles: true, relatedTarget: document.body }));
  }

  if (window.dateKeys) return;
  window.dateKeys = true;
  document.addEventListener(
    "keydown",
    (event) => {
      const field = ["Enter", "Tab", "Escape"].includes(event.key) && fieldOf(event);
      if (field) take(field);
    },
    true,
  );
  document.addEventListener("keyup", (event) => {
    const field = fieldOf(event);
    if (!field || !/^(\d|Arrow(Up|Down))$/.test(event.key)) return;
    clearTimeout(waiting.get(field));
    waiting.set(field, setTimeout(take, WAIT, field));
  });
})();
