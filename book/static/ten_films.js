// Read ten films: boxes drawn by mouse, finger or keys, then compared with those of
// radiologists and with masks of systems. Nothing leaves the page. Loaded with `defer`.
(() => {
  const { size, films } = JSON.parse(document.getElementById("films-data").textContent);
  const GROUPS = { rsna: "RSNA", "chestx-det": "ChestX-Det", "nih-bbox": "NIH" };
  const SYSTEMS = { supermodel: "Supermodel", chexnomaly: "CheX-Nomaly", mean_mask: "Mean mask, never looks" };
  const SVG = "http://www.w3.org/2000/svg";
  const LEAST = 2; // px of the grid: a smaller box was a slip of the hand

  // ---- Masks on the grid: a pixel is in where its center lies inside a box.
  function maskOfBoxes(boxes) {
    const mask = new Uint8Array(size * size);
    for (const [left, top, right, bottom] of boxes) {
      const [x0, y0, x1, y1] = [left, top, right, bottom].map((at) => Math.min(size, Math.max(0, Math.ceil(at - 0.5))));
      for (let y = y0; y < y1; y++) mask.fill(1, y * size + x0, y * size + x1);
    }
    return mask;
  }
  function maskOfRuns(runs) {
    const mask = new Uint8Array(size * size);
    for (let k = 0; k < runs.length; k += 2) mask.fill(1, runs[k], runs[k + 1]);
    return mask;
  }
  const count = (mask) => mask.reduce((total, value) => total + value, 0);
  function iou(one, other) {
    const both = one.reduce((total, value, k) => total + (value & other[k]), 0);
    return both / (count(one) + count(other) - both);
  }
  for (const film of films) {
    film.truth = maskOfBoxes(Object.values(film.boxes).flat());
    film.sick = count(film.truth) > 0;
    film.marked = Object.fromEntries(Object.entries(film.masks).map(([system, runs]) => [system, maskOfRuns(runs)]));
    film.own = [];
    film.compared = false;
  }

  // ---- The page.
  const byId = (name) => document.getElementById(`films-${name}`);
  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const draw = (tag, given = {}) => {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(given)) element.setAttribute(key, value);
    return element;
  };
  const percent = (value) => `${Math.round(100 * value)} %`;
  const pictures = [...byId("strip").querySelectorAll("img")];
  let at = 0;
  let chosen = -1; // box of the film that keys and handles act on
  let layer = "supermodel";

  const stage = byId("stage");
  const picture = make("img", "dark-light");
  const overlay = draw("svg", { viewBox: `0 0 ${size} ${size}`, preserveAspectRatio: "none", role: "group", tabindex: 0, "aria-describedby": "films-help" });
  stage.append(picture, overlay);

  function describe([left, top, right, bottom], k) {
    const share = (value) => percent(value / size);
    return `Box ${k + 1}: ${share(left)} from the left, ${share(top)} from the top, ${share(right - left)} wide, ${share(bottom - top)} high`;
  }
  const announce = (text) => (byId("live").textContent = text);

  // Rows of a mask as one path of thin rectangles.
  function pathOf(mask) {
    let path = "";
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        if (!mask[y * size + x]) continue;
        const from = x;
        while (x < size && mask[y * size + x]) x++;
        path += `M${from} ${y}h${x - from}v1h${from - x}z`;
      }
    return path;
  }
  const rectangle = ([left, top, right, bottom], className) => draw("rect", { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top), class: className });

  function drawOverlay(focus = false) {
    const film = films[at];
    const parts = [];
    if (film.compared) {
      if (layer) parts.push(draw("path", { d: pathOf(film.marked[layer]), class: `system ${layer}` }));
      for (const [group, boxes] of Object.entries(film.boxes)) parts.push(...boxes.map((box) => rectangle(box, `group ${group}`)));
    }
    for (const [k, box] of film.own.entries()) {
      const one = draw("g", { class: k === chosen ? "own chosen" : "own", role: "group", "aria-label": describe(box, k) });
      if (!film.compared) one.setAttribute("tabindex", 0);
      one.dataset.box = k;
      one.append(rectangle(box, "shadow"), rectangle(box, "line"));
      if (k === chosen && !film.compared)
        for (const [h, [x, y]] of [[0, 1], [2, 1], [2, 3], [0, 3]].map(([x, y]) => [`${x}${y}`, [box[x], box[y]]])) {
          const handle = draw("circle", { cx: x, cy: y, r: 1.5, class: "handle" });
          handle.dataset.corner = h;
          one.append(handle);
        }
      parts.push(one);
    }
    overlay.replaceChildren(...parts);
    overlay.setAttribute("aria-label", `Chest film ${at + 1}: ${film.own.length} of your boxes${film.compared ? ", compared" : ""}`);
    byId("delete").disabled = film.compared || chosen < 0;
    byId("add").disabled = film.compared;
    if (focus) (overlay.querySelector(".chosen") ?? overlay).focus({ preventScroll: true });
  }

  function choose(k, focus = false) {
    chosen = k;
    drawOverlay(focus);
    if (focus && k >= 0) announce(describe(films[at].own[k], k));
  }
  function add() {
    if (films[at].compared) return;
    const [low, high] = [size * 0.4, size * 0.6];
    films[at].own.push([low, low, high, high]);
    choose(films[at].own.length - 1, true);
  }
  function remove() {
    if (films[at].compared || chosen < 0) return;
    films[at].own.splice(chosen, 1);
    choose(Math.min(chosen, films[at].own.length - 1), true);
    announce("Box removed");
  }
  const inside = (value) => Math.min(size, Math.max(0, value));

  // Move a box, or its right and lower edge, and keep it on the film.
  function shift(box, dx, dy, resize) {
    if (resize) {
      box[2] = Math.max(box[0] + LEAST, inside(box[2] + dx));
      box[3] = Math.max(box[1] + LEAST, inside(box[3] + dy));
      return;
    }
    const [x, y] = [Math.min(size - box[2], Math.max(-box[0], dx)), Math.min(size - box[3], Math.max(-box[1], dy))];
    box.splice(0, 4, box[0] + x, box[1] + y, box[2] + x, box[3] + y);
  }

  overlay.addEventListener("keydown", (event) => {
    if (films[at].compared || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = films[at].own[chosen];
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "n" || event.key === "N") add();
    else if (box && (event.key === "Delete" || event.key === "Backspace")) remove();
    else if (box && step) {
      shift(box, ...step, event.shiftKey);
      choose(chosen, true);
    } else return;
    event.preventDefault();
  });
  overlay.addEventListener("focusin", ({ target }) => {
    const k = target.dataset?.box;
    if (k !== undefined && +k !== chosen) choose(+k, true);
  });

  // Mouse, finger, pen.
  let drag = null;
  const place = ({ clientX, clientY }) => {
    const frame = overlay.getBoundingClientRect();
    return [inside(((clientX - frame.left) / frame.width) * size), inside(((clientY - frame.top) / frame.height) * size)];
  };
  overlay.addEventListener("pointerdown", (event) => {
    const film = films[at];
    if (film.compared || event.button || drag) return;
    const [x, y] = place(event);
    const corner = event.target.dataset.corner;
    const hit = event.target.closest("[data-box]")?.dataset.box;
    if (corner) drag = { box: film.own[chosen], x: +corner[0], y: +corner[1] };
    else if (hit !== undefined) {
      drag = { box: film.own[hit], from: [x, y] };
      chosen = +hit;
    } else {
      film.own.push([x, y, x, y]);
      chosen = film.own.length - 1;
      drag = { box: film.own[chosen], x: 2, y: 3, fresh: true };
    }
    event.preventDefault();
    overlay.setPointerCapture(event.pointerId);
    drawOverlay();
  });
  overlay.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = place(event);
    if (drag.from) {
      shift(drag.box, x - drag.from[0], y - drag.from[1]);
      drag.from = [x, y];
    } else {
      drag.box[drag.x] = x;
      drag.box[drag.y] = y;
    }
    drawOverlay();
  });
  for (const end of ["pointerup", "pointercancel"])
    overlay.addEventListener(end, () => {
      if (!drag) return;
      const { box } = drag;
      drag = null;
      const ordered = [Math.min(box[0], box[2]), Math.min(box[1], box[3]), Math.max(box[0], box[2]), Math.max(box[1], box[3])];
      box.splice(0, 4, ...ordered);
      if (box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) {
        films[at].own.splice(films[at].own.indexOf(box), 1);
        chosen = -1;
      }
      choose(chosen, true);
    });

  // ---- What a comparison says.
  function scores(film) {
    const own = maskOfBoxes(film.own);
    const all = { own, ...film.marked };
    return Object.fromEntries(Object.entries(all).map(([who, mask]) => [who, film.sick ? iou(mask, film.truth) : count(mask) / size ** 2]));
  }

  function bars(title, rows) {
    const table = make("table", "play-table play-bars");
    table.append(make("caption", "", title));
    const body = make("tbody");
    for (const [name, value, className = "", text = value.toFixed(2)] of rows) {
      const row = make("tr", className);
      const head = make("th", "", name);
      head.scope = "row";
      const cell = make("td", "play-iou", text);
      cell.style.setProperty("--share", value);
      cell.dataset.value = value;
      row.append(head, cell);
      body.append(row);
    }
    table.append(body);
    return table;
  }

  function answer(film) {
    const found = scores(film);
    const parts = [];
    const text = (value) => (film.sick ? value.toFixed(2) : `${(100 * value).toFixed(1)} %`);
    const line = (who, name, className) => [name, found[who], className, text(found[who])];
    const rows = [line("own", "You", "you"), ...Object.entries(SYSTEMS).map(([who, name]) => line(who, name, who === "mean_mask" ? "play-blind" : ""))];
    if (film.sick) {
      const groups = Object.keys(film.boxes);
      parts.push(make("p", "play-said", `Radiologists of ${groups.map((g) => GROUPS[g]).join(" and ")} marked this film. Your boxes overlap with theirs by ${text(found.own)}.`));
      parts.push(bars("Overlap (IoU) with all boxes of radiologists", rows));
      const masks = groups.map((group) => maskOfBoxes(film.boxes[group]));
      const pairs = groups.flatMap((one, k) => groups.slice(k + 1).map((other, n) => [`${GROUPS[one]} and ${GROUPS[other]}`, iou(masks[k], masks[k + 1 + n]), "play-human"]));
      const own = maskOfBoxes(film.own);
      pairs.push(...groups.map((group, k) => [`You and ${GROUPS[group]}`, iou(own, masks[k]), "you"]));
      parts.push(bars("Groups of radiologists and you, two by two", pairs));
    } else {
      const said = film.own.length ? `You marked ${text(found.own)} of it.` : "You left it empty, as they did.";
      parts.push(make("p", "play-said", `Radiologists called this film normal. ${said}`));
      parts.push(bars("Share of the film that is marked, where nothing should be", rows));
    }
    return parts;
  }

  function soFar() {
    const done = films.filter((film) => film.compared);
    const sick = done.filter((film) => film.sick);
    const healthy = done.filter((film) => !film.sick);
    if (!done.length) return [];
    const each = new Map(done.map((film) => [film, scores(film)]));
    const names = { own: "You", ...SYSTEMS };
    const mean = (who) => sick.reduce((total, film) => total + each.get(film)[who], 0) / sick.length;
    const table = make("table", "play-table play-sofar");
    table.append(make("caption", "", `So far, ${done.length} of ${films.length} films`));
    const head = make("tr");
    for (const name of ["", `Mean IoU, ${sick.length} sick`, `Marked, of ${healthy.length} normal`]) {
      const cell = make(name ? "th" : "td", "", name);
      if (name) cell.scope = "col";
      head.append(cell);
    }
    table.append(make("thead"), make("tbody"));
    table.tHead.append(head);
    for (const [who, name] of Object.entries(names)) {
      const row = make("tr", who === "own" ? "you" : who === "mean_mask" ? "play-blind" : "");
      const label = make("th", "", name);
      label.scope = "row";
      const marked = healthy.filter((film) => each.get(film)[who] > 0).length;
      const cells = [sick.length ? mean(who).toFixed(2) : "–", healthy.length ? String(marked) : "–"];
      row.append(label, ...cells.map((value) => make("td", "play-number", value)));
      table.tBodies[0].append(row);
    }
    const note = done.length === films.length ? "Ten films decide nothing, about you or about a network." : "";
    return [table, ...(note ? [make("p", "play-note", note)] : [])];
  }

  function layers() {
    const form = make("form", "play-layers");
    const legend = make("ul", "play-key");
    legend.append(make("li", "you", "You"), ...Object.keys(films[at].boxes).map((group) => make("li", group, GROUPS[group])));
    const set = make("fieldset");
    set.append(make("legend", "", "Mask on the film"));
    for (const [value, name] of [["", "none"], ...Object.entries(SYSTEMS)]) {
      const label = make("label");
      const input = Object.assign(make("input"), { type: "radio", name: "layer", value, checked: value === layer });
      label.append(input, make("span", "", name.split(",")[0]));
      set.append(label);
    }
    form.append(legend, set);
    form.addEventListener("input", ({ target }) => {
      layer = target.value;
      drawOverlay();
    });
    return form;
  }

  function show(k) {
    at = k;
    chosen = -1;
    const film = films[at];
    picture.src = pictures[at].src;
    picture.alt = pictures[at].alt;
    byId("compare").textContent = film.compared ? (at + 1 < films.length ? "Next film" : "First film") : "Compare";
    byId("help").hidden = film.compared;
    for (const [n, button] of [...byId("strip").querySelectorAll("button")].entries()) {
      if (n === at) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      const state = films[n].compared ? "compared" : films[n].own.length ? "drawn" : "";
      button.dataset.state = state;
      button.lastElementChild.textContent = `${n + 1}${state === "compared" ? " ✓" : state === "drawn" ? " ▢" : ""}`;
      button.setAttribute("aria-label", `Film ${n + 1}${state && `, ${state}`}`);
    }
    const waiting = make("p", "play-waiting", "Mark what you see, or nothing. Then compare: radiologists, two networks and a mask that never looks wait here.");
    byId("answer").replaceChildren(...(film.compared ? answer(film) : [waiting]), ...soFar());
    byId("layers").replaceChildren(...(film.compared ? [layers()] : []));
    drawOverlay();
  }

  byId("add").addEventListener("click", add);
  byId("delete").addEventListener("click", remove);
  byId("compare").addEventListener("click", () => {
    if (films[at].compared) return show((at + 1) % films.length);
    films[at].compared = true;
    show(at);
    announce(byId("answer").querySelector(".play-said").textContent);
  });
  for (const [k, image] of pictures.entries()) {
    const button = make("button");
    button.type = "button";
    image.replaceWith(button);
    button.append(image, make("span", "", String(k + 1)));
    button.addEventListener("click", () => show(k));
  }
  byId("reading").hidden = false;
  document.getElementById("films-page").classList.add("live");
  show(0);
  globalThis.tenFilms = { films, iou, maskOfBoxes, maskOfRuns, scores };
})();
