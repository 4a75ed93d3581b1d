/** What a human sees of the page: its state, the code to scan, the latest messages. Nothing depends on it. */

import { messages } from "./chats/messages.js";
import { Socket } from "./connection/socket.js";
import { Stream } from "./connection/stream.js";
import { linking } from "./linking.js";
import { passkey } from "./passkey.js";

const MESSAGES_SHOWN = 20;

const STATUS = {
  OPENING: "Connecting",
  PAIRING: "Connecting",
  UNPAIRED: "Scan the code with your phone",
  UNPAIRED_IDLE: "The code has expired",
  TIMEOUT: "No connection, trying again",
  CONFLICT: "WhatsApp is open in another window",
  TOS_BLOCK: "New terms of service must be accepted",
};

function showStatus() {
  const status =
    Socket.state === "CONNECTED"
      ? Stream.info === "NORMAL"
        ? "Connected"
        : "Loading chats"
      : (STATUS[Socket.state] ?? Socket.state);
  document.getElementById("status").textContent = status;
  document.body.dataset.state = Socket.state;
}

function showCode(text) {
  const image = document.getElementById("qr");
  image.hidden = !text;
  if (text) image.src = `/sim/qr.svg?text=${encodeURIComponent(text)}`;
}

function showPairingCode(code) {
  const element = document.getElementById("pairing-code");
  element.hidden = !code;
  element.textContent = code ?? "";
}

function showPasskey(asked) {
  document.getElementById("passkey").hidden = !asked;
}

function showMessage(message) {
  const list = document.getElementById("messages");
  const item = document.createElement("li");
  const sender = message.id.fromMe ? "" : `+${message.from.user}: `;
  item.className = message.self;
  item.textContent = `${sender}${message.body}`;
  list.append(item);
  while (list.childElementCount > MESSAGES_SHOWN) list.firstChild.remove();
}

/** Shows the page's state from now on. */
export function startScreen() {
  Socket.on("change:state", showStatus);
  Stream.on("change", showStatus);
  linking.on("code", showCode);
  linking.on("pairing-code", showPairingCode);
  passkey.on("asked", () => showPasskey(true));
  passkey.on("dismissed", () => showPasskey(false));
  messages.on("add", showMessage);
  showStatus();
}
