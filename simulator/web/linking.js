/**
 * Linking this page to a phone: QR codes that follow one another, and pairing codes. That a phone has agreed comes
 * from the server, see `session.js`.
 */

import { EventEmitter } from "./base/event-emitter.js";
import { Conn } from "./connection/conn.js";
import { server } from "./connection/server.js";
import { Socket, SOCKET_STATE } from "./connection/socket.js";
import { Stream } from "./connection/stream.js";
import { login } from "./login.js";

/** WAWebLinkDeviceEvents: wa-js asks for the next pairing code when it hears that the former one is over. */
export const LinkDeviceEvents = new EventEmitter();
LinkDeviceEvents.triggerRefreshAltLinkingCode = () =>
  LinkDeviceEvents.trigger("link_device_events:refresh_alt_linking_code");

/** The text in the QR image: what the phone needs to reach this page and to know its keys. */
function codeText(ref) {
  const { noise, identity, advSecret } = login.publicKeys;
  return [ref, noise, identity, advSecret].join(",");
}

class Linking extends EventEmitter {
  #codeTimer = null;
  #pairingTimer = null;

  /** Shows the codes one after the other; with the last one over, the page idles until new ones are asked for. */
  show({ refs, firstSeconds, nextSeconds }) {
    clearTimeout(this.#codeTimer);
    const [ref, ...others] = refs;
    if (!ref) {
      this.#idle();
      return;
    }
    server.tell("showing", { ref });
    Stream.set({ info: "NORMAL", mode: "QR" });
    Conn.set({ ref, refTTL: firstSeconds * 1000 });
    Socket.state = SOCKET_STATE.UNPAIRED;
    this.trigger("code", codeText(ref));
    this.#codeTimer = setTimeout(() => {
      this.show({ refs: others, firstSeconds: nextSeconds, nextSeconds });
    }, firstSeconds * 1000);
  }

  /** Gets a code that a human types on the phone with this number. */
  async pairingCode(number) {
    const { code, seconds } = await server.call("pairing-code", { number });
    clearTimeout(this.#pairingTimer);
    this.#pairingTimer = setTimeout(() => {
      this.trigger("pairing-code", null);
      LinkDeviceEvents.triggerRefreshAltLinkingCode();
    }, seconds * 1000);
    this.trigger("pairing-code", code);
    return code;
  }

  stop() {
    clearTimeout(this.#codeTimer);
    clearTimeout(this.#pairingTimer);
    Conn.ref = null;
    this.trigger("code", null);
    this.trigger("pairing-code", null);
  }

  #idle() {
    server.tell("showing", { ref: null });
    Conn.ref = null;
    Socket.state = SOCKET_STATE.UNPAIRED_IDLE;
    this.trigger("code", null);
  }
}

export const linking = new Linking();
