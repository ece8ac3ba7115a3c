// The server forgets chosen files when it ends, and the browser's page lives on: then it is said, once, until others are chosen.

const WORDS = "The app was started anew, so the photos you had chosen are not there any more. Choose them once more.";

export default function ({ data, parentElement }) {
  const last = window.lastChosen;
  window.lastChosen = { ...data, lost: false };
  if (!data.chosen && last && (last.lost || (last.chosen && last.session !== data.session))) window.lastChosen.lost = true;
  const words = parentElement.querySelector('[role="status"]');
  const said = window.lastChosen.lost ? WORDS : "";
  if (words.textContent !== said) words.textContent = said;
}
