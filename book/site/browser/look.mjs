// Opens pages of a built book in a browser and says what it saw, one JSON per line.
//
//     node look.mjs <folder of node_modules>    < request.json
//
// A request holds: executable, the browser; and either `pdf`, {from, to, options}, or
// `pages`, to be opened below `bases`, addresses that all show the folder `site`, and
// `lighthouse`, the pages and categories it scores.
import { statSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const modules = createRequire(join(process.argv[2], "here.js"));
const { chromium } = modules("playwright-core");
const request = JSON.parse(await text(process.stdin));
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

// Each page is seen in both modes and widths; one half as files, one half by a server.
const VIEWS = [
  { view: "light-1440", scheme: "light", width: 1440, base: 0 },
  { view: "light-390", scheme: "light", width: 390, base: 1 },
  { view: "dark-1440", scheme: "dark", width: 1440, base: 1 },
  { view: "dark-390", scheme: "dark", width: 390, base: 0 },
];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"];
const AT_ONCE = 3;

async function launch() {
  // No sandbox: in a container there is often none, and the pages are our own.
  const args = ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"];
  return chromium.launch({ executablePath: request.executable, args });
}

async function openViews(browser) {
  const open = ({ scheme, width, base, view }) =>
    browser
      .newContext({ colorScheme: scheme, viewport: { width, height: 1000 }, reducedMotion: "reduce" })
      .then((context) => ({ context, view, base: request.bases[base] }));
  return Promise.all(VIEWS.map(open));
}

// What the page asked for and complained of, from before it opens.
async function listen(tab, base) {
  const seen = { outside: [], errors: [], loaded: new Set() };
  await tab.route("**/*", (route) => {
    const url = route.request().url();
    const own = request.bases.find((known) => url.startsWith(known));
    if (own) seen.loaded.add(new URL(url).pathname.slice(new URL(own).pathname.length));
    else seen.outside.push(url);
    return own ? route.continue() : route.abort();
  });
  tab.on("pageerror", (error) => seen.errors.push(error.message));
  tab.on("console", (message) => {
    const where = message.location().url;
    const refused = seen.outside.includes(where);
    if (message.type() === "error" && !refused) seen.errors.push(`${message.text()} (${where})`);
  });
  return seen;
}

// Everything a reader could come to see: pictures further down, and what is folded.
function unfold(opened) {
  for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
  for (const part of document.querySelectorAll("details")) part.open = opened;
  for (const moving of document.getAnimations()) moving.finish();
  const images = [...document.images].map((image) => image.decode().catch(() => {}));
  return Promise.all(images).then(() => ({
    sideways: document.documentElement.scrollWidth - window.innerWidth,
  }));
}

async function findViolations(tab, axe) {
  await tab.evaluate(axe);
  return tab.evaluate(async (rules) => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return found.violations.flatMap(({ id, help, nodes }) =>
      nodes.map((node) => ({ rule: id, help, where: node.target.join(" "), html: node.html.slice(0, 160) })));
  }, RULES);
}

async function look(page, { context, view, base }, axe) {
  const tab = await context.newPage();
  const seen = await listen(tab, base);
  try {
    await tab.goto(base + page, { waitUntil: "load" });
    const shown = await tab.evaluate(unfold, view.endsWith("1440"));
    const violations = await findViolations(tab, axe);
    const size = [...seen.loaded].map((file) => statSync(join(request.site, decodeURI(file)), { throwIfNoEntry: false })?.size ?? 0);
    return { page, view, outside: seen.outside, errors: seen.errors, violations, ...shown,
      bytes: size.reduce((sum, bytes) => sum + bytes, 0) };
  } finally {
    await tab.close();
  }
}

async function lookAtAll() {
  const browser = await launch();
  const views = await openViews(browser);
  const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");
  const work = request.pages.flatMap((page) => views.map((view) => [page, view]));
  const worker = async () => {
    for (let next; (next = work.shift()); ) say(await look(...next, axe));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await browser.close();
}

async function score({ pages, categories }) {
  const { default: lighthouse } = await import(pathToFileURL(modules.resolve("lighthouse")));
  const { launch: launchChrome } = await import(pathToFileURL(modules.resolve("chrome-launcher")));
  const chrome = await launchChrome({ chromePath: request.executable, chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"] });
  for (const page of pages) {
    const { lhr } = await lighthouse(request.bases[1] + page, { port: chrome.port, onlyCategories: categories, logLevel: "error" });
    const scores = Object.fromEntries(categories.map((name) => [name, Math.round(100 * lhr.categories[name].score)]));
    const short = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 1);
    say({ page, scores, short: short.map(({ id, title }) => `${id}: ${title}`) });
  }
  await chrome.kill();
}

// On paper a link leads within the book or to an address: never to a file of this machine.
function keepLinks() {
  for (const link of document.querySelectorAll("a[href]")) {
    const target = link.getAttribute("href");
    if (/^(#|https?:|mailto:)/.test(target)) continue;
    const [page, place] = target.replace(/^(\.\.\/)+/, "").split("#");
    const id = place || `document-${page.replace(/\.html$/, "")}`;
    if (document.getElementById(id)) link.setAttribute("href", `#${id}`);
    else link.removeAttribute("href");
  }
}

async function print({ from, to, options }) {
  const browser = await launch();
  const tab = await browser.newPage();
  await tab.goto(from, { waitUntil: "load" });
  await tab.evaluate(unfold, false);
  await tab.evaluate(keepLinks);
  await tab.emulateMedia({ media: "print", colorScheme: "light" });
  await tab.pdf({ path: to, ...options });
  await browser.close();
  say({ pdf: to });
}

if (request.pdf) await print(request.pdf);
if (request.pages) await lookAtAll();
if (request.lighthouse) await score(request.lighthouse);
