// Errors stand beside what caused them: each place has a paragraph for them, which its control names by aria-describedby.

const $ = (id) => document.getElementById(id);

export function tell(place, error) {
  if (error?.name === "AbortError") return;
  const known = error?.status === 401 ? "key" : place;
  if (known === "key") $("key-box").open = true;
  const shown = $(`${known}-error`);
  shown.textContent = error?.message ?? String(error);
  shown.hidden = false;
  const control = controlOf(known);
  if (control && control.tagName !== "BUTTON") control.setAttribute("aria-invalid", "true");
  control?.focus();
}

export function clear(...places) {
  for (const place of places) {
    $(`${place}-error`).hidden = true;
    controlOf(place)?.removeAttribute("aria-invalid");
  }
}

function controlOf(place) {
  return document.querySelector(`[aria-describedby="${place}-error"]`);
}
