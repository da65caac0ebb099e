// Films with layers, and figures, to look at: switches, opacity, an enlarged view with
// zoom by wheel, keys and fingers, and the gallery's filters. Loaded with `defer`.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, properties = {}, ...children) => {
    const { data = {}, aria = {}, ...rest } = properties;
    const element = Object.assign(document.createElement(tag), rest);
    Object.assign(element.dataset, data);
    for (const [key, value] of Object.entries(aria)) element.setAttribute(`aria-${key}`, value);
    element.append(...children);
    return element;
  };
  const button = (label, action, properties = {}) =>
    make("button", { type: "button", onclick: action, ...properties }, label);

  // What is switched off, how strong the rest is, whose prediction is shown.
  function apply(state, root) {
    for (const layer of all("[data-layer]", root)) {
      const other = layer.dataset.system && state.system && layer.dataset.system !== state.system;
      layer.toggleAttribute("hidden", state.off.has(layer.dataset.layer) || Boolean(other));
    }
    root.style.setProperty("--overlay", state.opacity);
    for (const pressed of all("[data-switch] button", root))
      pressed.setAttribute("aria-pressed", !state.off.has(pressed.parentNode.dataset.switch));
    for (const slider of all(".xray-opacity input", root)) slider.value = state.opacity;
  }
  const redraw = (state) => state.roots.forEach((root) => apply(state, root));

  function switches(legend, state) {
    for (const item of all("[data-switch]", legend)) {
      const flip = () => {
        const kind = item.dataset.switch;
        if (!state.off.delete(kind)) state.off.add(kind);
        redraw(state);
      };
      const inside = button("", flip, { aria: { pressed: "true" } });
      inside.append(...item.childNodes);
      item.replaceChildren(inside);
    }
    const slider = make("input", { type: "range", min: 0.1, max: 1, step: 0.05, value: 1 });
    slider.oninput = () => {
      state.opacity = slider.value;
      redraw(state);
    };
    legend.append(make("li", { className: "xray-opacity" }, make("label", {}, "Opacity ", slider)));
  }

  // The enlarged view: one picture at a time on a dark ground.
  function enlarge(items, start, legend, state) {
    let at = start, zoom = 1, x = 0, y = 0;
    const stage = make("div", { className: "xray-stage", tabIndex: 0, role: "group", aria: { label: "Picture; plus and minus zoom, arrow keys change it" } });
    const text = make("p", { className: "xray-words", aria: { live: "polite" } });
    const place = () => (stage.firstElementChild.style.transform = `translate(${x}px,${y}px) scale(${zoom})`);
    const scale = (factor) => {
      zoom = Math.min(12, Math.max(1, zoom * factor));
      if (zoom === 1) x = y = 0;
      place();
    };
    const show = (step) => {
      at = (at + step + items.length) % items.length;
      const { picture, words } = items[at];
      const copy = picture.cloneNode(true);
      copy.removeAttribute("id");
      all("img", copy).concat(copy.matches("img") ? [copy] : []).forEach((i) => (i.loading = "eager"));
      // A film is fitted by the style sheet, as large as the stage allows.
      if (copy.matches(".xray-film")) copy.style.setProperty("--ratio", copy.style.aspectRatio);
      stage.replaceChildren(copy);
      zoom = 1;
      scale(1);
      text.textContent = items.length > 1 ? `${words}${words && " · "}${at + 1} of ${items.length}` : words;
      if (state) apply(state, dialog);
    };
    const bar = make("div", { className: "xray-bar" });
    if (items.length > 1) bar.append(button("‹", () => show(-1), { aria: { label: "Previous" } }), button("›", () => show(1), { aria: { label: "Next" } }));
    bar.append(
      button("−", () => scale(1 / 1.5), { aria: { label: "Zoom out" } }),
      button("+", () => scale(1.5), { aria: { label: "Zoom in" } }),
      button("Fit", () => scale(0)),
    );
    const close = button("Close", () => dialog.close(), { className: "xray-close" });
    const dialog = make("dialog", { className: "xray-dialog", aria: { label: "Enlarged picture" } }, make("div", { className: "xray-top" }, text, close), stage, make("div", { className: "xray-bottom" }, bar));
    if (legend) {
      const copy = legend.cloneNode(true);
      all(".xray-opacity", copy).forEach((old) => old.remove());
      all("[data-switch] button", copy).forEach((old) => old.replaceWith(...old.childNodes));
      switches(copy, state);
      dialog.lastElementChild.prepend(copy);
      state.roots.push(dialog);
    }
    dialog.addEventListener("keydown", (event) => {
      if (event.target.matches("input")) return;
      // The theme keeps Escape for its search, and with it from a dialog.
      const act = { Escape: () => dialog.close(), ArrowLeft: () => show(-1), ArrowRight: () => show(1), "+": () => scale(1.5), "=": () => scale(1.5), "-": () => scale(1 / 1.5), 0: () => scale(0) }[event.key];
      const key = legend && all("[data-switch] button", dialog)[event.key - 1];
      if (act) act();
      else if (key) key.click();
      else return;
      event.preventDefault();
    });
    // Fingers, mouse and wheel.
    const down = new Map();
    let from = 0;
    const spread = () => {
      const [a, b] = [...down.values()];
      return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    };
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      scale(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      down.set(event.pointerId, event);
      from = event.clientX;
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      const last = down.get(event.pointerId);
      if (!last) return;
      const before = down.size === 2 ? spread() : 0;
      down.set(event.pointerId, event);
      if (down.size === 2) return scale(spread() / before);
      if (zoom === 1) return;
      x += event.clientX - last.clientX;
      y += event.clientY - last.clientY;
      place();
    });
    for (const end of ["pointerup", "pointercancel"])
      stage.addEventListener(end, (event) => {
        const alone = down.size === 1;
        down.delete(event.pointerId);
        const swipe = event.clientX - from;
        if (alone && zoom === 1 && event.pointerType === "touch" && Math.abs(swipe) > 40) show(swipe < 0 ? 1 : -1);
      });
    dialog.addEventListener("close", () => {
      if (state) state.roots.pop();
      dialog.remove();
    });
    document.body.append(dialog);
    show(0);
    dialog.showModal();
    stage.focus();
  }

  for (const root of all(".xray")) {
    const state = { off: new Set(), opacity: 1, system: "", roots: [root] };
    const legend = root.querySelector(".xray-legend");
    if (legend) switches(legend, state);
    const items = () =>
      all(".xray-cell:not([hidden]) .xray-film", root).map((picture) => {
        const cell = picture.closest(".xray-cell");
        const row = cell.parentNode.previousElementSibling;
        const name = row?.matches(".xray-name") ? row.textContent : "";
        const titles = all(".xray-title", cell).map((title) => title.innerText.trim());
        return { picture, words: [name, ...titles].filter(Boolean).join(" · ") };
      });
    all(".xray-film", root).forEach((film) => {
      const title = film.closest(".xray-cell").querySelector(".xray-title")?.textContent ?? "film";
      const open = () => {
        const shown = items();
        enlarge(shown, shown.findIndex((item) => item.picture === film), legend, state);
      };
      film.parentNode.append(button("", open, { className: "xray-open", aria: { label: `Enlarge: ${title}` } }));
    });
    const filters = root.querySelector(".xray-filters");
    if (filters) filter(root, filters, state);
    redraw(state);
  }

  // The gallery: which films are shown, and whose prediction.
  function filter(root, form, state) {
    const count = form.querySelector("output");
    const update = () => {
      const wanted = Object.fromEntries(new FormData(form));
      state.system = wanted.system;
      let shown = 0;
      for (const cell of all(".xray-cell", root)) {
        const [strict, lenient, overlap] = cell.dataset[`of_${wanted.system}`].split(" ");
        const outcome = wanted.rule === "strict" ? strict : lenient;
        const fits =
          (!wanted.finding || cell.dataset.findings.split(" ").includes(wanted.finding)) &&
          (!wanted.set || cell.dataset.set === wanted.set) &&
          (!wanted.outcome || outcome === wanted.outcome);
        cell.hidden = !fits;
        shown += fits;
        const verdict = cell.querySelector(".xray-outcome");
        verdict.textContent = outcome === "TP" && wanted.rule === "lenient" ? "touched" : outcome;
        verdict.dataset.outcome = verdict.textContent;
        cell.querySelector(".xray-overlap").textContent = overlap === "-" ? "" : `IoU ${overlap}`;
      }
      count.textContent = `${shown} of ${all(".xray-cell", root).length} films`;
      redraw(state);
    };
    form.hidden = false;
    form.addEventListener("input", update);
    form.addEventListener("reset", () => setTimeout(update));
    form.addEventListener("submit", (event) => event.preventDefault());
    update();
  }

  // Every other figure of a page opens large, alone.
  for (const image of all("figure img, .hero img")) {
    if (image.closest(".xray, a, button")) continue;
    const open = button("", () => enlarge([{ picture: image, words: "" }], 0), { className: "figure-zoom", aria: { label: `Enlarge: ${image.alt || "figure"}` } });
    image.replaceWith(open);
    open.append(image);
  }
})();
