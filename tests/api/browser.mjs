/**
 * Opens a page in a real browser, and speaks JSON lines: each line on stdin, {"id", "expression"}, is evaluated until it
 * is true of the page, and answered with {"id", "value"}; what the page complains about comes as {"event", "value"}.
 * The end of stdin closes the browser.
 *
 * node browser.mjs <executable> <url>
 */

import { createInterface } from "node:readline";

import puppeteer from "puppeteer-core";

const [executablePath, url] = process.argv.slice(2);

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const browser = await puppeteer.launch({
  executablePath,
  headless: executablePath.endsWith("headless-shell") ? "shell" : true,
  args: ["--no-sandbox", "--disable-background-networking"],
});
const page = await browser.newPage();
for (const event of ["error", "pageerror", "dialog"]) {
  page.on(event, (value) => print({ event: "complaint", value: `${value}` }));
}
page.on("console", (message) => {
  if (["error", "warn"].includes(message.type())) {
    print({ event: "complaint", value: message.text() });
  }
});
await page.goto(url);

for await (const line of createInterface({ input: process.stdin })) {
  const { id, expression } = JSON.parse(line);
  // Puppeteer would wait on for one that throws, and never look again.
  const contained = `(() => { try { return (${expression}); } catch (error) { return { threw: String(error) }; } })()`;
  page.waitForFunction(contained).then(
    async (handle) => {
      const value = await handle.jsonValue();
      print(value.threw ? { id, error: value.threw } : { id, value });
    },
    (error) => print({ id, error: String(error) }),
  );
}
await browser.close();
