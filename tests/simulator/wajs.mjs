/**
 * Opens the simulated page in a real Chromium, with wa-js as published, and speaks JSON lines: each event of wa-js goes to
 * stdout; each line on stdin, {"id", "expression"}, is evaluated in the page and answered with {"id", "value" or "error"}.
 * The end of stdin closes the browser.
 *
 * node wajs.mjs <executable> <profile> <url>
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import puppeteer from "puppeteer-core";

const [executablePath, userDataDir, url] = process.argv.slice(2);

const bundle = await readFile(
  createRequire(import.meta.url).resolve("@wppconnect/wa-js"),
  "utf8",
);

/** Runs in the page, after the bundle. */
function reportEvents() {
  const report = (event, value) =>
    window.report(JSON.stringify({ event, value: value ?? null }));
  const plain = [
    "conn.logout",
    "conn.logout_reason",
    "conn.main_loaded",
    "conn.main_ready",
    "conn.authenticated",
    "conn.online",
    "conn.qrcode_idle",
    "conn.require_auth",
    "conn.stream_mode_changed",
    "conn.stream_info_changed",
    "conn.link_code_change",
    "conn.link_code_expired",
    "loader.ready",
    "loader.full_ready",
  ];
  for (const event of plain) WPP.on(event, (value) => report(event, value));
  WPP.on("conn.auth_code_change", (code) =>
    report("conn.auth_code_change", code?.fullCode),
  );
  WPP.on("chat.new_message", (message) =>
    report("chat.new_message", {
      id: message.id.id,
      from: String(message.from),
      body: message.body,
      fromMe: message.id.fromMe,
    }),
  );
  WPP.on("chat.msg_ack_change", ({ ack, ids }) =>
    report("chat.msg_ack_change", { ack, ids: ids.map((key) => key.id) }),
  );
}

/** What the page has to say about a failure, be it an Error or not. */
function describe({ exception, text }) {
  return exception?.description ?? exception?.value ?? text;
}

function inWords({ value, description }) {
  return String(value ?? description);
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const browser = await puppeteer.launch({
  executablePath,
  userDataDir,
  headless: executablePath.endsWith("headless-shell") ? "shell" : true,
  args: ["--no-sandbox", "--disable-background-networking"],
});
const [page] = await browser.pages();
const client = await page.createCDPSession();
await client.send("Runtime.enable");
await client.send("Runtime.addBinding", { name: "report" });
client.on("Runtime.bindingCalled", ({ payload }) => print(JSON.parse(payload)));
client.on("Runtime.exceptionThrown", ({ exceptionDetails }) =>
  print({ event: "page.error", value: describe(exceptionDetails) }),
);
client.on("Runtime.consoleAPICalled", ({ args }) =>
  print({ event: "page.console", value: args.map(inWords).join(" ") }),
);
client.on("Inspector.targetCrashed", () =>
  print({ event: "page.crashed", value: null }),
);
await client.send("Inspector.enable");
await client.send("Page.enable");
await client.send("Page.addScriptToEvaluateOnNewDocument", {
  source: `window.WPPConfig = { disableGoogleAnalytics: true };${bundle};(${reportEvents})();`,
});
await page.goto(url);
print({ event: "opened", value: null });

for await (const line of createInterface({ input: process.stdin })) {
  const { id, expression } = JSON.parse(line);
  client
    .send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    .then(
      ({ result, exceptionDetails }) =>
        exceptionDetails
          ? print({ id, error: describe(exceptionDetails) })
          : print({ id, value: result.value ?? null }),
      (error) => print({ id, error: error.message }),
    );
}
await browser.close();
