// Opens one page in a browser, does what a test says, and prints what that returned.
//
//     node tab.mjs <folder of node_modules>    < request.json
//
// A request holds: executable; address, of the page; view, options of the context; code,
// the body of an async function of (tab, given, axe); given, what it gets.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const modules = createRequire(join(process.argv[2], "here.js"));
const { chromium } = modules("playwright-core");
const { executable, address, view, code, given } = JSON.parse(await text(process.stdin));
const args = ["--no-sandbox", "--disable-gpu"];
const browser = await chromium.launch({ executablePath: executable, args });
try {
  const context = await browser.newContext({ reducedMotion: "reduce", ...view });
  const tab = await context.newPage();
  tab.setDefaultTimeout(10_000);
  const asked = [];
  const errors = [];
  tab.on("request", (request) => asked.push(request.url()));
  tab.on("pageerror", (error) => errors.push(error.message));
  await tab.goto(address);
  const AsyncFunction = (async () => {}).constructor;
  const axe = async () => {
    await tab.evaluate(readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8"));
    return tab.evaluate(async () => {
      const { violations } = await axe.run("main");
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`);
    });
  };
  const found = await new AsyncFunction("tab", "given", "axe", code)(tab, given, axe);
  console.log(JSON.stringify({ found, asked, errors }));
} finally {
  await browser.close();
}
