// Streamlit's date field takes what was typed when the focus goes elsewhere, and not before: neither Enter, nor Tab from its last part, which
// goes to the button for the calendar, nor Escape, which closes what is around it, would. So these keys take the focus out of it first.

(() => {
  function takesDate(event, field) {
    if (event.key === "Tab") return !event.shiftKey && event.target === [...field.querySelectorAll('[role="spinbutton"]')].at(-1);
    return event.key === "Enter" || event.key === "Escape";
  }

  function leave(event) {
    const field = event.target.closest?.('[data-testid="stDateInputField"]');
    if (!field || event.target.getAttribute("role") !== "spinbutton" || !takesDate(event, field)) return;
    const around = field.closest('[data-testid="stDateInput"]');
    around.tabIndex = -1;
    around.focus({ preventScroll: true });
    if (event.key !== "Tab") return;
    event.preventDefault();
    field.querySelector('[data-testid="stDateInputCalendarButton"]')?.focus();
  }

  if (window.dateKeys) return;
  window.dateKeys = true;
  document.addEventListener("keydown", leave, true);
})();
