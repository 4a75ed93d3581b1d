/**
 * The life of the page: it connects, is linked or resumes, syncs, is in use, and ends by logout, conflict or a block.
 * The only place that sets the connection's models, whose combinations are WhatsApp Web's own.
 */

import { ensureChat } from "./chats/chats.js";
import { contacts } from "./chats/contacts.js";
import { receive, receiveReceipt, restore } from "./chats/messages.js";
import {
  BackendEventBus,
  Cmd,
  OfflineMessageHandler,
} from "./connection/cmd.js";
import { Conn } from "./connection/conn.js";
import { server } from "./connection/server.js";
import { Socket, SOCKET_STATE, SOCKET_STREAM } from "./connection/socket.js";
import { NetworkStatus, Stream } from "./connection/stream.js";
import { crash, hang } from "./disturbances.js";
import { lidPnCache } from "./ids/lid-pn-cache.js";
import { Wid } from "./ids/wid.js";
import { linking } from "./linking.js";
import { login } from "./login.js";
import { exportsOf } from "./module-system.js";
import { passkey } from "./passkey.js";

const LOGOUT_PAGE = "/?post_logout=1";
/** WhatsApp Web reloads a moment after it announced the logout; libraries use that moment. */
const LOGOUT_DELAY_MS = 150;

function opening() {
  Socket.state = SOCKET_STATE.OPENING;
  Stream.info = "OPENING";
}

function opened() {
  NetworkStatus.online = true;
  Socket.state = SOCKET_STATE.PAIRING;
  Stream.info = "PAIRING";
  server.tell("hello", { session: login.session, keys: login.publicKeys });
}

function lost() {
  linking.stop();
  passkey.dismiss();
  NetworkStatus.online = false;
  Socket.set({
    state: SOCKET_STATE.TIMEOUT,
    stream: SOCKET_STREAM.DISCONNECTED,
  });
  Stream.info = "OFFLINE";
}

/** The phone has agreed, but WhatsApp wants its owner's passkey before it links the page. */
function passkeyWanted(request) {
  linking.stop();
  Socket.state = SOCKET_STATE.PAIRING;
  Stream.info = "PAIRING";
  exportsOf(
    "WAWebShortcakeLinkingHandlePasskeyPrologueRequest",
  ).handlePasskeyPrologueRequest(request);
}

async function linked(session) {
  passkey.dismiss();
  login.save(session);
  await sync();
}

/** Loads contacts, chats and messages, after which the account is in use. Done again after each interruption. */
async function sync() {
  linking.stop();
  const resumes = Socket.hasSynced;
  const stream = resumes ? SOCKET_STREAM.RESUMING : SOCKET_STREAM.SYNCING;
  Socket.set({ state: SOCKET_STATE.CONNECTED, stream });
  Stream.set(resumes ? { info: stream } : { info: stream, mode: "SYNCING" });
  try {
    take(await server.call("sync"));
  } catch {
    return; // the connection was lost: the next one begins from its own welcome
  }
  Socket.stream = SOCKET_STREAM.CONNECTED;
  Stream.set({ info: "NORMAL", mode: "MAIN" });
  Cmd.mainLoaded();
  BackendEventBus.trigger("main_stream_mode_ready");
  Socket.hasSynced = true;
  server.tell("ready");
}

function take(snapshot) {
  Conn.set({ wid: login.wid, pushname: snapshot.name, connected: true });
  for (const { lid, id } of snapshot.lids) {
    lidPnCache.add(new Wid(lid), new Wid(id));
  }
  for (const { id, name } of snapshot.contacts) {
    contacts.add({ id: new Wid(id), name, pushname: name });
  }
  restore(snapshot.messages, login.wid);
  for (const { id, unread } of snapshot.chats) {
    ensureChat(new Wid(id)).unreadCount = unread;
  }
}

async function loggedOut({ reason }) {
  server.disconnect();
  linking.stop();
  // by `exportsOf`, because wa-js listens in there
  exportsOf("WAWebLogoutReasonUtils").getErrorCodeFromLogoutReason(reason);
  await login.wipe();
  Conn.connected = false;
  Cmd.trigger("logout");
  setTimeout(() => location.replace(LOGOUT_PAGE), LOGOUT_DELAY_MS);
}

function conflict() {
  server.disconnect();
  Socket.set({
    state: SOCKET_STATE.CONFLICT,
    stream: SOCKET_STREAM.DISCONNECTED,
  });
  Stream.mode = "CONFLICT";
}

/** WhatsApp refuses service until a human has done something, such as accepting terms. */
function blocked({ state }) {
  linking.stop();
  Socket.state = state;
  Stream.mode = state;
}

function askForCodes() {
  if (!login.session) server.tell("codes-wanted");
}

function logout() {
  const told = server.tell("logout");
  if (!told) void loggedOut({ reason: "user_initiated" });
}

/** Handles what the server delivers until it is confirmed. */
function delivered(handle) {
  return ({ delivery, ...event }) => {
    handle(event);
    server.tell("received", { delivery });
  };
}

function listen() {
  server.on("opening", opening);
  server.on("open", opened);
  server.on("lost", lost);
  server.on("codes", (codes) => linking.show(codes));
  server.on("passkey", passkeyWanted);
  server.on("linked", linked);
  server.on("welcome", sync);
  server.on("sync-progress", ({ percent }) =>
    OfflineMessageHandler.progress(percent),
  );
  server.on(
    "message",
    delivered((event) => receive(event, login.wid)),
  );
  server.on("receipt", delivered(receiveReceipt));
  server.on("unlinked", loggedOut);
  server.on("conflict", conflict);
  server.on("blocked", blocked);
  server.on("reload", () => location.reload());
  server.on("hang", hang);
  server.on("crash", crash);

  Cmd.on("asked:codes", askForCodes);
  Socket.on("asked:codes", askForCodes);
  Socket.on("asked:logout", logout);
  Socket.on("asked:takeover", () => server.connect());
}

/** Starts the page with what its profile kept. */
export async function startSession() {
  listen();
  await login.load();
  if (login.session) Stream.mode = "SYNCING";
  server.connect();
}
