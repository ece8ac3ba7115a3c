// Makes one step of the browser's history of a change that the page told of. Streamlit itself adds a step for each change of an address;
// here it is corrected where that is wrong: a step too many after a change of tab, for the next photo, and for closing one.

const PATIENCE = 100;  // looks, 50 ms apart, for the page's own path to be in the address

function settle(step) {
  const address = location.pathname + (step.search ? `?${step.search}` : "");
  const same = location.search.replace(/^\?/, "") === step.search;
  if (step.how === "back") {
    if (history.state?.opened) history.back();
    else history.replaceState(history.state, "", address);
    return;
  }
  if (!same && step.how === "push") history.pushState({}, "", address);
  else if (!same) history.replaceState(history.state, "", address);
  if (step.opened && step.how === "push") history.replaceState({ ...history.state, opened: true }, "", address);
}

function attempt(step, looks) {
  if (window.lastAddressStep !== step.id) return;  // a later one has come
  if (location.pathname.replace(/\/+$/, "") === (step.root + step.page).replace(/\/+$/, "")) settle(step);
  else if (looks > 0) setTimeout(attempt, 50, step, looks - 1);
}

export default function ({ data }) {
  if (!data.id || window.lastAddressStep === data.id) return;
  window.lastAddressStep = data.id;
  attempt(data, PATIENCE);
}
