/** WAWebSocketModel: how far the connection to WhatsApp is. `session.js` sets it and carries out what is asked here. */

import { BaseModel } from "../base/model.js";

export const SOCKET_STATE = Object.fromEntries(
  [
    "OPENING",
    "PAIRING",
    "UNPAIRED",
    "UNPAIRED_IDLE",
    "CONNECTED",
    "TIMEOUT",
    "CONFLICT",
    "UNLAUNCHED",
    "PROXYBLOCK",
    "TOS_BLOCK",
    "SMB_TOS_BLOCK",
    "DEPRECATED_VERSION",
  ].map((state) => [state, state]),
);

export const SOCKET_STREAM = Object.fromEntries(
  ["DISCONNECTED", "SYNCING", "RESUMING", "CONNECTED"].map((stream) => [
    stream,
    stream,
  ]),
);

class SocketModel extends BaseModel {
  static defaults = {
    state: SOCKET_STATE.OPENING,
    stream: SOCKET_STREAM.DISCONNECTED,
    hasSynced: false,
  };

  /** Unlinks this device. */
  logout() {
    this.trigger("asked:logout");
  }

  /** Asks for new QR codes. */
  poke() {
    this.trigger("asked:codes");
  }

  /** "Use here": takes the session back from where else it is open. */
  takeover() {
    this.trigger("asked:takeover");
  }
}

export const Socket = new SocketModel();
