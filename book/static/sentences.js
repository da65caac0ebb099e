// The paper, sentence by sentence: opens a sentence for what was measured of it, and
// narrows the list down. Loaded with `defer`.
(() => {
  const claims = new Map(JSON.parse(document.getElementById("sentences-data").textContent).map((claim) => [claim.id, claim]));
  const list = document.getElementById("sentences-list");
  const form = document.getElementById("sentences-rules");
  const items = [...list.querySelectorAll(".sentence")];
  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (tag, given, text = "") => {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(given)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };

  const WITH = ["reproduced", "adds up", "implemented", "same direction", "held on other real films", "held in the phantom"];
  const AGAINST = ["differs", "inconsistent in the paper", "deviates", "did not hold on other real films", "did not hold in the phantom"];
  const sideOf = (verdict) => (WITH.includes(verdict) ? "with" : AGAINST.includes(verdict) ? "against" : "open");

  // Keys of files become words.
  const WORDS = {
    specialized_ild: "specialized ILD",
    chexnomaly_cnn: "CheX-Nomaly with a CNN twin",
    chexnomaly: "CheX-Nomaly",
    mae: "MAE",
    mean_mask: "the mean mask",
    attention_supermodel: "the supermodel with attention",
    supermodel_oversampled: "the oversampled supermodel",
    max_ensemble: "the Max Ensemble",
    model_ensemble: "the Model Ensemble",
    siamese_unet: "the Siamese U-Net",
    siamese_cnn: "the Siamese CNN",
    vindr_specialized_test: "the specialized test films",
    vindr_test: "the test films",
    other_200: "films of an unseen disease",
    siamese_pairs: "pairs of films",
    vindr: "VinDr-CXR",
    rsna: "RSNA",
  };
  const plain = (text) => {
    const said = text.replace(/[a-z0-9]+(?:_[a-z0-9]+)*/g, (word) => WORDS[word] ?? word.replace(/_+/g, " "));
    return said[0].toUpperCase() + said.slice(1);
  };
  const short = (value) => String(+value.toPrecision(3));

  // Measured value with its interval, the printed value, and zero, on one line.
  function plot({ value, low, high, printed = "", gap }) {
    const other = gap ? NaN : Number(printed.replace(/[, %]/g, "") || NaN);
    const known = [value, low, high, other].filter(Number.isFinite);
    if (!Number.isFinite(value) || (known.length < 2 && !gap)) return null;
    let [from, to] = [Math.min(0, ...known), Math.max(0, ...known)];
    if (from === to) return null;
    const room = (to - from) * 0.04;
    [from, to] = [from - room, to + room];
    const x = (at) => 12 + (316 * (at - from)) / (to - from);
    const words = [`Measured ${short(value)}`];
    if (Number.isFinite(low)) words.push(`interval ${short(low)} to ${short(high)}`);
    if (Number.isFinite(other)) words.push(`printed ${short(other)}`);
    const picture = draw("svg", { viewBox: "0 0 340 74", role: "img", class: "play-plot", "aria-label": words.join(", ") });
    picture.append(draw("line", { x1: 4, x2: 336, y1: 46, y2: 46, class: "axis" }));
    picture.append(draw("line", { x1: x(0), x2: x(0), y1: 10, y2: 52, class: "zero" }));
    const anchor = x(0) > 300 ? "end" : x(0) < 60 ? "start" : "middle";
    picture.append(draw("text", { x: x(0), y: 68, "text-anchor": anchor }, gap ? "0, no difference" : "0"));
    if (Number.isFinite(low)) picture.append(draw("line", { x1: x(low), x2: x(high), y1: 28, y2: 28, class: "interval" }));
    picture.append(draw("circle", { cx: x(value), cy: 28, r: 5.5, class: "measured" }));
    if (Number.isFinite(other)) picture.append(draw("path", { d: `M${x(other)} 39l6 7-6 7-6-7z`, class: "printed" }));
    return picture;
  }

  function field(name, ...content) {
    const row = make("div");
    const value = make("dd");
    value.append(...content);
    row.append(make("dt", "", name), value);
    return row;
  }
  function link(text, address) {
    const made = make("a", "", text);
    made.href = address;
    return made;
  }

  function detail(claim) {
    const part = make("div", "play-claim");
    part.id = `claim-${claim.id}`;
    const verdict = make("p");
    verdict.append(make("span", `verdict ${claim.verdict.replaceAll(" ", "-")}`, claim.verdict));
    if (claim.why) verdict.append(make("span", "reason", ` ${plain(claim.why)}.`));
    part.append(make("p", "play-plain", plain(claim.say)), verdict);
    const picture = plot(claim);
    if (picture) {
      const legend = make("p", "play-legend");
      legend.append(make("span", "dot", "● measured"), " ");
      if (picture.querySelector(".interval")) legend.append(make("span", "", "━ 95 % interval"), " ");
      if (picture.querySelector(".printed")) legend.append(make("span", "", "◆ printed"));
      part.append(picture, legend);
    }
    const facts = make("dl");
    if (claim.printed) facts.append(field("Printed", claim.printed));
    if (claim.told) {
      const seeds = claim.seeds ? `, ${claim.seeds} ${claim.seeds === 1 ? "seed" : "seeds"}` : "";
      facts.append(field(claim.gap ? "Difference" : "Measured", claim.told, claim.n ? ` (n = ${claim.n}${seeds})` : ""));
    }
    if (claim.level) facts.append(field("Evidence", make("span", `evidence evidence-${claim.level}`, claim.level)));
    const command = claim.seeds >= 3 ? "make study" : claim.page ? `make notebook NAME=${claim.page}` : "make verify";
    facts.append(field("Run again", make("code", "", command)));
    const files = claim.files ?? [];
    const links = files.slice(0, 6).map((key) => link(`${key}.json`, `results/${key}.json`));
    if (files.length > 6) links.push(`and ${files.length - 6} more`);
    if (claim.page) links.unshift(link("its page", `notebooks/${claim.page}.html`));
    if (links.length) facts.append(field("See", ...links.flatMap((one, k) => (k ? [", ", one] : [one]))));
    part.append(facts);
    return part;
  }

  // Each sentence becomes a button; what it opens is made when it is first asked for.
  for (const [k, item] of items.entries()) {
    const marks = [...item.querySelectorAll("[data-claim]")];
    item.claims = marks.map((mark) => claims.get(mark.dataset.claim));
    const verdicts = item.claims.map((claim) => claim.verdict);
    const sides = verdicts.map(sideOf);
    item.dataset.side = ["against", "with", "open"].find((side) => sides.includes(side));
    item.words = [item.textContent, ...item.claims.flatMap((claim) => [plain(claim.say), claim.why ?? ""])].join(" ").toLowerCase();
    // Of several claims with one verdict, one mark and their number.
    for (const [n, mark] of marks.entries()) {
      mark.removeAttribute("id");
      const same = verdicts.filter((verdict) => verdict === verdicts[n]).length;
      if (verdicts.indexOf(verdicts[n]) < n) mark.remove();
      else if (same > 1) mark.textContent += ` × ${same}`;
    }
    const button = make("button");
    button.type = "button";
    button.tabIndex = k ? -1 : 0;
    button.setAttribute("aria-expanded", "false");
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => toggle(item));
    button.addEventListener("focus", () => {
      for (const other of items) other.firstElementChild.tabIndex = other === item ? 0 : -1;
    });
  }

  function toggle(item) {
    const button = item.firstElementChild;
    const opened = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", opened);
    if (opened && !item.querySelector(".play-detail")) {
      const part = make("div", "play-detail");
      part.append(...item.claims.map(detail));
      item.append(part);
    }
    const part = item.querySelector(".play-detail");
    if (part) part.hidden = !opened;
  }

  list.addEventListener("keydown", (event) => {
    if (!event.target.matches(".sentence > button")) return;
    const shown = items.filter((item) => !item.hidden);
    const at = shown.indexOf(event.target.parentNode);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = shown[Math.min(shown.length - 1, Math.max(0, to))];
    next.firstElementChild.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  });

  function narrow() {
    const { side, verdict, place, system, evidence, words } = Object.fromEntries(new FormData(form));
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (claim) =>
      (!side || sideOf(claim.verdict) === side) &&
      (!verdict || claim.verdict === verdict) &&
      (!system || claim.system === system) &&
      (!evidence || (claim.level ?? "nothing measured") === evidence);
    let count = 0;
    for (const item of items) {
      const shown = (!place || item.dataset.place === place) && item.claims.some(fits) && wanted.every((word) => item.words.includes(word));
      item.hidden = !shown;
      count += shown;
    }
    for (const head of list.querySelectorAll("h2, h3")) {
      let next = head.nextElementSibling;
      while (next?.hidden && !next.matches("h2")) next = next.nextElementSibling;
      head.hidden = !next || next.matches("h2");
    }
    const first = items.find((item) => !item.hidden);
    if (first && !items.some((item) => !item.hidden && item.firstElementChild.tabIndex === 0)) {
      for (const item of items) item.firstElementChild.tabIndex = item === first ? 0 : -1;
    }
    form.querySelector("output").value = `${count} of ${items.length} sentences.`;
  }

  // The address keeps what was chosen, so that a selection can be linked to.
  function remember() {
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    try {
      history.replaceState(null, "", `${location.pathname}${chosen.size ? `?${chosen}` : ""}`);
    } catch {
      // Some browsers refuse this for a file; the page works without.
    }
  }

  // A link to one claim opens its sentence, whatever was chosen before.
  function reveal() {
    const id = decodeURIComponent(location.hash).replace("#claim-", "");
    const item = items.find((one) => one.claims.some((claim) => claim.id === id));
    if (!item) return;
    if (item.hidden) form.reset();
    narrow();
    if (item.firstElementChild.getAttribute("aria-expanded") !== "true") toggle(item);
    (item.claims.length > 1 ? document.getElementById(`claim-${id}`) : item).scrollIntoView();
  }

  for (const option of form.elements.system.options) option.text = option.value ? option.text.replace(/^[^(]*/, `${plain(option.value)} `) : option.text;
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    narrow();
    remember();
  });
  addEventListener("hashchange", reveal);
  form.hidden = false;
  narrow();
  reveal();
})();
