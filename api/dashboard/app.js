// The plain page: shows every account live from the websocket, and sends the commands.
// All addresses are relative: a reverse proxy may put any path before them.

import { Stream } from "./stream.js";

const NEEDS_HUMAN = ["FAILED", "ACTION_REQUIRED", "LOGGED_OUT"];
// In any other, also in one that only a newer server knows, an account is at rest.
const ACTIVE = [
  "CONNECTING",
  "QR_READY",
  "AUTHENTICATING",
  "CONNECTED",
  "ACTION_REQUIRED",
];
// Without a phone, an account in one of these was never linked.
const BEFORE_LINKING = ["DISCONNECTED", "CONNECTING", "QR_READY", "FAILED"];

const QUESTIONS = {
  logout: ({ name }) =>
    `Log out ${name}? The phone will be unlinked, and a code must be scanned to link it again.`,
  delete: ({ name, status }) =>
    `Delete ${name}? Its session is removed for good. ` +
    "The phone is not touched: if it is linked, it still lists this device, " +
    "until you remove it there, under Linked devices." +
    (status === "CONNECTED" ? " “Log out and delete” does both." : ""),
  "logout-delete": ({ name }) =>
    `Log out and delete ${name}? The phone will be unlinked, and the session is removed for good. ` +
    "If WhatsApp cannot be told, the account stays.",
};

const NO_WEBSOCKET =
  "The websocket does not open. A proxy in between must pass on the headers Upgrade and Host.";

const accounts = new Map();
const elements = new Map();
const byId = (id) => document.getElementById(id);

const stream = new Stream({
  onLost: tellWhyLost,
  onSnapshot: (all) => {
    byId("connection").textContent = "Live";
    accounts.clear();
    for (const account of all) accounts.set(account.id, account);
    show();
  },
  onEvent: apply,
});

// A server that starts, or whose database is away, can say so; and the key may be another one.
async function tellWhyLost() {
  const lost = "Connection lost, trying again";
  let why = "";
  try {
    if ((await fetch("accounts?limit=1")).status === 401) return askForKey();
    why = (await (await fetch("health")).json()).reason;
    if (!why && !stream.everLive) why = NO_WEBSOCKET;
  } catch {
    why = "The server does not answer.";
  }
  if (stream.live) return;
  byId("connection").textContent = why ? `${lost}: ${why}` : lost;
}

function apply(event) {
  const account = accounts.get(event.accountId);
  if (event.type === "status" && event.data.cause === "deleted") {
    accounts.delete(event.accountId);
  } else if (!account) {
    stream.reopen(); // A new account; the snapshot tells its name.
    return;
  } else if (event.type === "account") {
    account.name = event.data.name;
  } else if (event.type === "status") {
    Object.assign(account, {
      status: event.data.status,
      cause: event.data.cause,
      detail: event.data.detail,
    });
    if (account.status !== "QR_READY") account.qr = null;
    if (account.status === "CONNECTED") refresh(account.id);
  } else if (event.type === "qr") {
    account.qr = event.data;
  }
  show();
}

// Whose phone it is no event tells, only the account itself.
async function refresh(id) {
  const response = await request(`accounts/${id}`);
  if (!response?.ok || !accounts.has(id)) return;
  Object.assign(accounts.get(id), await response.json());
  show();
}

function show() {
  for (const [id, element] of elements) {
    if (!accounts.has(id)) {
      element.remove();
      elements.delete(id);
    }
  }
  for (const account of accounts.values()) draw(account);
}

function draw(account) {
  let element = elements.get(account.id);
  if (!element) {
    element = byId("account").content.firstElementChild.cloneNode(true);
    for (const button of element.querySelectorAll("button")) {
      button.onclick = () => command(account.id, button.dataset.command);
    }
    elements.set(account.id, element);
    byId("accounts").append(element);
  }
  const part = (name) => element.querySelector(`.${name}`);
  part("name").textContent = account.name;
  part("status").textContent = account.status;
  part("cause").textContent = account.cause;
  part("phone").textContent = account.phone ? `+${account.phone}` : "";
  drawWhy(part("why"), account);
  drawPicture(part("picture"), account);
  for (const button of element.querySelectorAll("button")) {
    button.disabled = !makesSense(button.dataset.command, account);
  }
  drawQr(part("qr"), account);
}

function makesSense(command, { status, phone }) {
  if (command === "delete") return true;
  if (command === "connect") return !ACTIVE.includes(status);
  // Only a page that is online can tell WhatsApp.
  if (command === "logout-delete") return status === "CONNECTED";
  // One that failed comes to rest by it.
  if (command === "disconnect")
    return status === "FAILED" || ACTIVE.includes(status);
  return status !== "LOGGED_OUT" && (phone || !BEFORE_LINKING.includes(status));
}

function drawWhy(element, account) {
  const why = account.detail?.message ?? account.detail?.reason ?? "";
  element.textContent = NEEDS_HUMAN.includes(account.status) ? why : "";
  element.hidden = !element.textContent;
}

function drawPicture(link, account) {
  const address = account.detail?.screenshot;
  link.hidden = !address;
  // The server does not know under which path it is seen.
  if (address) link.href = address.replace(/^\//, "");
}

function drawQr(image, account) {
  image.hidden = !account.qr;
  if (!account.qr) return;
  // The time in the address makes the browser fetch each new code, and each one once.
  const until = new URLSearchParams({ until: account.qr.expiresAt });
  const address = `accounts/${account.id}/qr?format=svg&${until}`;
  if (image.getAttribute("src") !== address) image.src = address;
}

async function command(id, name) {
  const question = QUESTIONS[name]?.(accounts.get(id));
  if (question && !confirm(question)) return;
  if (name === "delete") await remove(`accounts/${id}`);
  else if (name === "logout-delete") await remove(`accounts/${id}?logout=true`);
  else await call("POST", `accounts/${id}/${name}`);
}

// The answer says what is left to do on the phone.
async function remove(path) {
  const response = await call("DELETE", path);
  if (!response?.ok) return;
  const { stillListed, message } = await response.json();
  if (stillListed) byId("problem").textContent = message;
}

async function call(method, path, body) {
  const response = await request(path, {
    method,
    body: body && JSON.stringify(body),
  });
  if (response?.status === 401) askForKey();
  else if (response) await tellProblem(response);
  return response;
}

// Gives nothing when the server cannot be reached; the page then says so.
async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    byId("problem").textContent = "The server does not answer.";
    return null;
  }
}

async function tellProblem(response) {
  byId("problem").textContent = response.ok ? "" : await problemOf(response);
}

async function problemOf(response) {
  // What stands between the page and the server may answer in its own words.
  const problem = await response
    .json()
    .catch(() => ({ title: `The server answered ${response.status}.` }));
  const fields = (problem.errors ?? []).map(
    (error) => `${error.field} ${error.message}`,
  );
  return [problem.title, problem.detail, ...fields].filter(Boolean).join(" ");
}

function askForKey() {
  stream.close();
  byId("login").hidden = false;
  byId("main").hidden = true;
  byId("connection").textContent = "";
}

async function open() {
  const response = await request("accounts?limit=1");
  if (response?.status === 401) return askForKey();
  byId("login").hidden = true;
  byId("main").hidden = false;
  stream.open();
}

byId("login").onsubmit = async (event) => {
  event.preventDefault();
  const key = new FormData(event.target).get("key");
  const response = await request("login", {
    method: "POST",
    body: JSON.stringify({ key }),
  });
  if (!response) return;
  await tellProblem(response);
  event.target.reset();
  if (response.ok) await open();
};

byId("create").onsubmit = async (event) => {
  event.preventDefault();
  await call("POST", "accounts", {
    name: new FormData(event.target).get("name"),
  });
  event.target.reset();
};

await open();
