// The claims page: show the form, and only the rows that fit it. Loaded with `defer`.
// The address keeps what was chosen, so that a selection can be linked to.
const form = document.querySelector("form.claims-filter");
const rows = [...document.querySelectorAll("table.claims tbody tr")];
const count = form?.querySelector("output");

function narrow() {
  const chosen = Object.fromEntries(new FormData(form));
  const words = chosen.q.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const classes = ["w", "s", "v", "e"].map((name) => chosen[name]).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const text = words.length ? row.textContent.toLowerCase() : "";
    const fits =
      classes.every((name) => row.classList.contains(name)) &&
      words.every((word) => text.includes(word));
    row.hidden = !fits;
    shown += fits;
  }
  count.textContent = `${shown} of ${rows.length} claims`;
  return chosen;
}

function remember(chosen) {
  const query = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
  const address = `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`;
  try {
    history.replaceState(null, "", address);
  } catch {
    // Some browsers refuse this for a file; the page works without.
  }
}

// A link to one claim shows it, whatever was chosen before.
function reveal() {
  const target = rows.find((row) => row.id === decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) form.reset();
  rows[0].closest("details").open = true;
  narrow();
  target.scrollIntoView();
}

if (form) {
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    rows[0].closest("details").open = true;
    remember(narrow());
  });
  form.addEventListener("reset", () => setTimeout(() => remember(narrow())));
  addEventListener("hashchange", reveal);
  narrow();
  if (location.hash) reveal();
}
