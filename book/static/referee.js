// Be the referee: scores Table I anew from the counts of every film, and asks whether
// the printed numbers can be true together. Loaded with `defer`.
(() => {
  const { sets, printed, digits } = JSON.parse(document.getElementById("referee-data").textContent);
  const NAMES = {
    max_ensemble: "Max Ensemble",
    model_ensemble: "Model Ensemble",
    supermodel: "Supermodel (U-Net)",
    attention_supermodel: "Supermodel with attention",
    chexnomaly: "CheX-Nomaly",
    mean_mask: "Mean mask",
    all_empty: "Empty mask",
  };
  const BLIND = ["mean_mask", "all_empty"];
  const CONVENTIONS = {
    A: "Of every film, then the mean; a normal film left empty counts 1.",
    B: "All pixels pooled; the mean of background and foreground.",
    C: "Of films with a finding alone, then the mean.",
    D: "Of every film, then the mean; a normal film counts 0, whatever is marked.",
    E: "Of every film, from probabilities instead of marks; no threshold.",
  };
  const SHARES = Array.from({ length: 100 }, (_, k) => (k + 1) / 100);
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  // One system's counts at a threshold, film by film.
  function filmsOf(set, system, threshold) {
    const { true: truth, pixels } = set;
    const known = set.systems[system];
    return truth.map((t, k) => {
      const [tp, fp] = known ? [known.marks[threshold][0][k], known.marks[threshold][1][k]] : [0, 0];
      const soft = known ? known.soft[k] / digits : 1 / (t + 1);
      return { ill: t > 0, tp, fp, fn: t - tp, tn: pixels - t - fp, soft };
    });
  }

  const shareOf = (set) => set.true.filter((t) => !t).length / set.true.length;

  // Each film's weight once a share of all films is normal; null leaves it as it is.
  function weights(films, share) {
    const ill = films.filter((film) => film.ill).length;
    const normal = films.length - ill;
    if (share === null || !normal || !ill) return films.map(() => 1 / films.length);
    return films.map((film) => (film.ill ? (1 - share) / ill : share / normal));
  }

  function score(set, system, { convention, threshold, rule, share = null }) {
    const films = filmsOf(set, system, threshold);
    const w = weights(films, share);
    const mean = (value) => sum(films.map((film, k) => w[k] * value(film)));
    const overlap = (empty) => mean(({ tp, fp, fn }) => (tp + fp + fn ? tp / (tp + fp + fn) : empty));
    const pooled = () => {
      const [tp, fp, fn, tn] = ["tp", "fp", "fn", "tn"].map((key) => mean((film) => film[key]));
      const classes = [tp, tn].map((hit) => hit / (hit + fp + fn)).filter((value) => !Number.isNaN(value));
      return sum(classes) / classes.length;
    };
    const ofIll = () => {
      const each = films.filter((film) => film.ill).map(({ tp, fp, fn }) => tp / (tp + fp + fn));
      return sum(each) / each.length;
    };
    const iou = { A: () => overlap(1), B: pooled, C: ofIll, D: () => overlap(0), E: () => mean((film) => film.soft) };
    const positive = rule === "healthy" ? (yes) => !yes : (yes) => yes;
    const truth = mean((film) => +positive(film.ill));
    const called = mean((film) => +positive(film.tp + film.fp > 0));
    const hit = mean((film) => +(positive(film.ill) && positive(film.tp + film.fp > 0)));
    return {
      iou: iou[convention](),
      mae: mean((film) => (film.fp + film.fn) / set.pixels),
      f1: truth + called ? (2 * hit) / (truth + called) : NaN,
    };
  }

  // The values that round to a printed number, within [0, 1].
  function roundedFrom(text, least = 0) {
    const places = Math.max(least, (text.split(".")[1] ?? "").length);
    const half = 0.5 * 10 ** -places;
    return [Math.max(0, +text - half), Math.min(1, +text + half)];
  }

  // The least mean IoU on abnormal films that an error allows: missing overlap costs
  // least on the smallest masks, and a wrong pixel adds at least one half.
  function leastIou(mae, abnormal, sizes) {
    const wrong = (2 * mae) / abnormal;
    let cost = 0;
    const ordered = [...sizes].sort((a, b) => a - b);
    for (const [k, size] of ordered.entries()) {
      const next = cost + size / ordered.length;
      if (wrong < next) return 1 - (k + (wrong - cost) / (next - cost)) / ordered.length;
      cost = next;
    }
    return 0;
  }

  // Is there a point that satisfies every row · x <= limit? Rows bound all three
  // unknowns, so that a region that is not empty has a corner.
  function hasPoint(rows) {
    const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    for (let i = 0; i < rows.length; i++)
      for (let j = 0; j < i; j++) {
        const ij = cross(rows[j], rows[i]);
        for (let k = 0; k < j; k++) {
          const volume = dot(rows[k], ij);
          if (Math.abs(volume) < 1e-12) continue;
          const [jk, ki] = [cross(rows[i], rows[k]), cross(rows[k], rows[j])];
          const x = [0, 1, 2].map((n) => (rows[k][3] * ij[n] + rows[j][3] * jk[n] + rows[i][3] * ki[n]) / volume);
          if (rows.every((row) => dot(row, x) <= row[3] + 1e-9)) return true;
        }
      }
    return false;
  }

  // Can any system have these scores? Unknowns: the shares of abnormal and of normal
  // films with a mark, and the mean IoU on abnormal films. As in
  // chexnomaly/studies/annotations/feasible.py, which the tests compare with.
  function isPossible({ iou, f1, mae }, abnormal, sizes, convention, rule) {
    if (convention === "B") return leastPooledIou(mae[1], (abnormal * sum(sizes)) / sizes.length) <= iou[1];
    const p = abnormal;
    const flagged = [p, 1 - p, 0, 0]; // weights of the unknowns, and a constant
    const clear = [0, p - 1, 0, 1 - p];
    const overlap = { A: [0, p - 1, p, 1 - p], C: [0, 0, 1, 0], D: [0, 0, p, 0] }[convention];
    const [hits, real, called] =
      rule === "healthy"
        ? [clear, [0, 0, 0, 1 - p], flagged.map((value, n) => (n === 3) - value)]
        : [[p, 0, 0, 0], [0, 0, 0, p], flagged];
    const rows = [[-1, 0, 1, 0], [-1, 0, 0, 0], [1, 0, 0, 1], [0, -1, 0, 0], [0, 1, 0, 1]];
    rows.push([0, 0, -1, -leastIou(mae[1], p, sizes)], [0, 0, 1, 1]);
    for (const [sign, end] of [[-1, 0], [1, 1]]) {
      const row = overlap.map((value, n) => sign * (value - (n === 3) * iou[end]));
      const ratio = hits.map((value, n) => sign * (2 * value - f1[end] * (real[n] + called[n])));
      rows.push(...[row, ratio].map(([a, b, c, one]) => [a, b, c, -one]));
    }
    return hasPoint(rows);
  }

  function leastPooledIou(mae, foreground) {
    const wrong = Math.min(1, 2 * mae);
    const [from, to] = [Math.max(0, wrong - (1 - foreground)), Math.min(wrong, foreground)];
    const values = Array.from({ length: 2001 }, (_, k) => {
      const missed = from + ((to - from) * k) / 2000;
      const [hit, clear] = [foreground - missed, 1 - foreground - (wrong - missed)];
      return hit / (hit + wrong) + clear / (clear + wrong);
    });
    return Math.min(...values) / 2;
  }

  const triples = printed.map((row) => ({
    ...row,
    ranges: { iou: roundedFrom(row.mean_iou), f1: roundedFrom(row.f1, 2), mae: roundedFrom(row.mae) },
  }));

  // What stands in the way: the fewest of the three that contradict each other.
  function judge({ ranges, films }, abnormal, sizes, { convention, rule }) {
    if (convention === "E") return { words: "not decided for soft IoU", possible: null };
    const p = films === "other" ? 1 : abnormal;
    const possible = (ask, share) => isPossible({ ...ranges, ...ask }, share, sizes, convention, rule);
    if (possible({}, p)) return { words: "possible", possible: true };
    const anything = [0, 1];
    const why = !possible({ f1: anything }, p) ? "IoU against error" : !possible({ mae: anything }, p) ? "IoU against F1" : "all three together";
    const ever = films === "other" ? false : SHARES.some((share) => possible({}, share));
    const where = films === "other" ? "" : ever ? " at this share" : " at any share";
    return { words: `impossible${where}: ${why}`, possible: false };
  }

  // ---- The page.
  const form = document.getElementById("referee-rules");
  const table = document.getElementById("referee-table");
  const shown = document.getElementById("referee-printed");
  const slider = form.elements.share;
  const rows = new Map();
  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const percent = (value) => `${Math.round(100 * value)} %`;

  function rules() {
    const { films, convention, threshold, rule } = Object.fromEntries(new FormData(form));
    const key = form.elements[films].value;
    return { films, set: sets[key], convention, rule, threshold: +threshold };
  }

  function rowOf(system) {
    if (rows.has(system)) return rows.get(system);
    const row = make("tr", BLIND.includes(system) ? "play-blind" : "");
    const name = make("th");
    name.scope = "row";
    name.append(NAMES[system]);
    if (BLIND.includes(system)) name.append(" ", make("span", "play-tag", "never looks"));
    row.append(make("td", "play-rank"), name);
    for (const kind of ["iou", "mae", "f1"]) row.append(make("td", `play-number play-${kind}`));
    rows.set(system, row);
    return row;
  }

  // Let rows slide to their new places, unless the reader asked for less motion.
  function reorder(body, order) {
    const before = new Map(order.map((row) => [row, row.isConnected ? row.getBoundingClientRect().top : null]));
    if (order.some((row, k) => body.children[k] !== row) || body.children.length !== order.length) body.replaceChildren(...order);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const [row, top] of before) {
      const moved = top === null ? 0 : top - row.getBoundingClientRect().top;
      if (moved) row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 350, easing: "ease-out" });
    }
  }

  function rank(chosen, share) {
    const systems = [...Object.keys(chosen.set.systems), "all_empty"];
    const scored = systems.map((system) => ({ system, ...score(chosen.set, system, { ...chosen, share }) }));
    scored.sort((a, b) => b.iou - a.iou || BLIND.includes(a.system) - BLIND.includes(b.system));
    for (const one of scored) one.rank = 1 + scored.filter((other) => other.iou > one.iou + 1e-9).length;
    return scored;
  }

  function say(scored) {
    const best = scored.filter((one) => one.rank === 1).map((one) => NAMES[one.system]);
    const at = (system) => scored.find((one) => one.system === system);
    const [plain, paper] = [at("supermodel"), at("chexnomaly")];
    const parts = [`First under your rules: ${best.join(", ")}, ${scored[0].iou.toFixed(3)}.`];
    if (plain && paper) {
      const gap = paper.iou - plain.iou;
      const side = Math.abs(gap) < 0.0005 ? "level with" : gap > 0 ? `${gap.toFixed(3)} above` : `${(-gap).toFixed(3)} below`;
      parts.push(`CheX-Nomaly is ${side} the plain U-Net.`);
    }
    const beaten = scored.filter((one) => !BLIND.includes(one.system) && one.rank > Math.min(...BLIND.map((b) => at(b)?.rank ?? 99)));
    parts.push(
      beaten.length
        ? `A mask that never looks at a film comes before ${beaten.length} of ${scored.filter((one) => !BLIND.includes(one.system)).length} systems.`
        : "Every system comes before the masks that never look at a film.",
    );
    return parts.join(" ");
  }

  function update() {
    const chosen = rules();
    for (const part of form.querySelectorAll("[data-films]")) part.hidden = part.dataset.films !== chosen.films;
    const here = shareOf(chosen.set);
    const mixed = here > 0;
    const share = mixed ? (slider.dataset.here ? here : slider.value / 100) : 0;
    slider.disabled = !mixed;
    slider.value = Math.round(100 * share);
    for (const button of form.querySelectorAll("[data-share]")) button.disabled = !mixed;
    form.querySelector("output").value = mixed ? `${percent(share)} normal` : "all abnormal here";
    document.getElementById("referee-convention").textContent = `${chosen.convention}. ${CONVENTIONS[chosen.convention]}`;

    const scored = rank(chosen, mixed && !slider.dataset.here ? share : null);
    for (const one of scored) {
      const cells = rowOf(one.system).children;
      cells[0].textContent = one.rank;
      cells[2].style.setProperty("--share", one.iou);
      for (const [k, kind] of ["iou", "mae", "f1"].entries()) {
        cells[k + 2].textContent = Number.isNaN(one[kind]) ? "–" : one[kind].toFixed(3);
        cells[k + 2].dataset.value = one[kind];
      }
    }
    reorder(table.tBodies[0], scored.map((one) => rowOf(one.system)));
    document.getElementById("referee-said").textContent = say(scored);
    const n = chosen.set.true.length;
    const ill = chosen.set.true.filter(Boolean).length;
    document.getElementById("referee-note").textContent =
      `${n} films, ${ill} with a finding, ${n - ill} normal; another share weighs the same films. One network of each kind: ` +
      "differences of a few hundredths mean nothing. Wrong pixels: share of all pixels.";
    judgePrinted(chosen, 1 - share);
  }

  function judgePrinted(chosen, abnormal) {
    const sizes = chosen.set.true.filter(Boolean).map((t) => t / chosen.set.pixels);
    let group = "";
    const lines = triples.flatMap((triple) => {
      const row = make("tr");
      const verdict = judge(triple, abnormal, sizes, chosen);
      if (verdict.possible === false) row.className = "play-impossible";
      const name = make("th", "", NAMES[triple.system]);
      name.scope = "row";
      const sign = { true: "✓ ", false: "✗ ", null: "" }[verdict.possible];
      row.append(name, ...[triple.mean_iou, triple.mae, triple.f1].map((text) => make("td", "play-number", text)), make("td", "play-verdict", sign + verdict.words));
      if (triple.films === group) return [row];
      group = triple.films;
      const head = make("th", "play-group", group === "vindr" ? `Known findings, at ${percent(1 - abnormal)} normal films` : "Unseen disease, no normal film, as the paper says");
      head.colSpan = 5;
      head.scope = "rowgroup";
      const line = make("tr");
      line.append(head);
      return [line, row];
    });
    shown.tBodies[0].replaceChildren(...lines);
    const count = lines.filter((line) => line.className === "play-impossible").length;
    document.getElementById("referee-printed-note").textContent =
      chosen.convention === "E"
        ? "The program decides conventions A to D."
        : `${count} of ${triples.length} printed triples cannot be true under these rules, with masks as large as those of the films chosen above.`;
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  slider.addEventListener("input", () => delete slider.dataset.here);
  form.addEventListener("input", update);
  form.addEventListener("click", ({ target }) => {
    const wanted = target.closest?.("[data-share]")?.dataset.share;
    if (!wanted) return;
    if (wanted === "here") slider.dataset.here = "yes";
    else {
      delete slider.dataset.here;
      slider.value = Math.round(1000 / 14);
    }
    update();
  });
  // A set that this build did not score cannot be chosen.
  for (const input of form.querySelectorAll("[data-films] input")) input.disabled = !sets[input.value]?.systems;
  slider.value = Math.round(1000 / 14); // the printed triples are judged at the printed ratio
  for (const part of [form, table, shown]) part.hidden = false;
  update();
  globalThis.referee = { score, isPossible, leastIou, leastPooledIou, roundedFrom, sets, triples };
})();
