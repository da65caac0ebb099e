// What the theme's pages lack for a screen reader. Loaded with `defer`.
const all = (selector) => document.querySelectorAll(selector);

// A name that matches the words shown.
all("button.search-button__button, button.search-button-field").forEach((button) => {
  button.removeAttribute("title");
  button.setAttribute("aria-label", button.textContent.trim().replace(/\s+/g, " ") || "Search");
});
all("details > summary[aria-label]").forEach((summary) => summary.removeAttribute("aria-label"));
all("li.has-children > details > summary").forEach((summary) => {
  summary.setAttribute("aria-label", `Pages below ${summary.closest("li").querySelector("a").textContent.trim()}`);
});

// The theme lets the keyboard into what scrolls sideways, and does not say what it is.
const name = (element) => {
  const scrolls = element.tabIndex === 0;
  if (scrolls === element.matches("[role=region]")) return;
  if (scrolls) {
    const number = [...all("[tabindex]")].indexOf(element) + 1;
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", `Scrolls sideways, ${number}`);
  } else {
    element.removeAttribute("role");
    element.removeAttribute("aria-label");
  }
};
const SCROLLERS = "pre, .output, .pst-scrollable-table-container";
new MutationObserver((changes) => {
  changes.map((change) => change.target).filter((element) => element.matches(SCROLLERS)).forEach(name);
}).observe(document.getElementById("main-content"), { subtree: true, attributeFilter: ["tabindex"] });

// The logo lies outside of every landmark.
all("#pst-primary-sidebar").forEach((sidebar) => {
  sidebar.setAttribute("role", "complementary");
  sidebar.setAttribute("aria-label", "Book");
});

// A head without words, above the names of the rows, says so to a screen reader.
all("table thead th").forEach((head) => {
  if (head.textContent.trim()) return;
  const words = document.createElement("span");
  words.className = "visually-hidden";
  words.textContent = "Row";
  head.append(words);
});

// Roles that contradict each other on the bibliography's page.
all(".citation-list, .citation").forEach((element) => element.removeAttribute("role"));

// A link into something folded opens it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let inside = target;
  while ((inside = inside?.closest("details:not([open])"))) inside.open = true;
  if (target?.closest("details")) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

// Folded tables are for looking up: a head sorts by its column, and back.
const worth = (cell) => {
  const text = cell?.textContent.trim() ?? "";
  const number = Number.parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(number) ? text : number;
};
const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
all("details table").forEach((table) => {
  const [body] = table.tBodies;
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  if (!body || body.rows.length < 4 || table.tHead.rows.length > 1 || table.querySelector("[rowspan], tbody [colspan]")) return;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
      const key = (row) => worth(row.cells[column]);
      body.append(...[...body.rows].sort((a, b) => turn * compare(key(a), key(b))));
    });
  });
});

// What is shown of a folded table, as a file of comma-separated values.
all("details table").forEach((table) => {
  if (!table.tHead || table.rows.length < 5) return;
  const quoted = (cell) => `"${cell.innerText.trim().replace(/\s+/g, " ").replaceAll('"', '""')}"`;
  const save = document.createElement("button");
  save.type = "button";
  save.className = "as-csv";
  save.textContent = "Save as CSV";
  save.addEventListener("click", () => {
    const lines = [...table.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(quoted).join(","));
    const link = document.createElement("a");
    link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(lines.join("\n"))}`;
    link.download = "table.csv";
    link.click();
  });
  (table.closest(".pst-scrollable-table-container, .output") ?? table).after(save);
});

// A browser lets no page read another one from a disk: search without excerpts there.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object")
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
