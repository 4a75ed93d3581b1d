/**
 * Runs whatsapp-web.js as published against the simulated page, and speaks JSON lines: each event of the client goes to
 * stdout; each line on stdin, {"id", "to", "body"}, is sent as a message and answered with {"id", "value" or "error"}.
 * The end of stdin closes the browser.
 *
 * node wwebjs.mjs <executable> <profile> <port>, where the simulator serves https on this port of 127.0.0.1.
 */

import { createInterface } from "node:readline";

import whatsapp from "whatsapp-web.js";

const [executablePath, dataPath, port] = process.argv.slice(2);

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const client = new whatsapp.Client({
  authStrategy: new whatsapp.LocalAuth({ dataPath }),
  webVersionCache: { type: "none" },
  puppeteer: {
    executablePath,
    headless: executablePath.endsWith("headless-shell") ? "shell" : true,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      `--host-resolver-rules=MAP web.whatsapp.com 127.0.0.1:${port}`,
      "--ignore-certificate-errors",
    ],
  },
});

for (const event of ["qr", "auth_failure", "disconnected", "loading_screen"]) {
  client.on(event, (value) => print({ event, value }));
}
client.on("authenticated", () => print({ event: "authenticated" }));
client.on("ready", () =>
  print({ event: "ready", value: client.info.wid.user }),
);
client.on("message", ({ from, body }) =>
  print({ event: "message", value: { from, body } }),
);
client.on("message_ack", ({ id }, ack) =>
  print({ event: "message_ack", value: { id: id.id, ack } }),
);

await client.initialize();

for await (const line of createInterface({ input: process.stdin })) {
  const { id, to, body } = JSON.parse(line);
  client.sendMessage(to, body).then(
    (message) => print({ id, value: { id: message.id.id } }),
    (error) => print({ id, error: String(error) }),
  );
}
await client.destroy();
