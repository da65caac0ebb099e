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
