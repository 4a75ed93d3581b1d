/**
 * The page's websocket to the simulator: JSON events both ways, calls with answers, and connecting again by itself.
 * What the events mean stands in `session.js`; the other end is `simulator/pages.py`.
 */

import { EventEmitter } from "../base/event-emitter.js";

const ADDRESS = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sim/page`;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 2_000;

/** The connection was away, or went away before the answer came. */
export class NotConnected extends Error {}

class Server extends EventEmitter {
  #socket = null;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer = null;
  #calls = new Map();
  #lastCall = 0;

  /** Connects, and again after each loss: triggers "open", "lost", and each event by its type. */
  connect() {
    clearTimeout(this.#retryTimer);
    this.trigger("opening");
    const socket = new WebSocket(ADDRESS);
    this.#socket = socket;
    socket.onopen = () => this.trigger("open");
    socket.onmessage = ({ data }) => this.#received(JSON.parse(data));
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  /** Stays away until `connect` is called. */
  disconnect() {
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#failCalls();
  }

  /** Sends an event; false while there is no connection. */
  tell(type, values = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ type, ...values }));
    return true;
  }

  /** Asks, and resolves with the answer. Rejects with the server's refusal, or NotConnected. */
  call(method, params = {}) {
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      if (this.tell("call", { id, method, params })) {
        this.#calls.set(id, { resolve, reject });
      } else {
        reject(new NotConnected(method));
      }
    });
  }

  #received({ type, ...values }) {
    this.#retryMs = FIRST_RETRY_MS;
    if (type === "answer") this.#answered(values);
    else this.trigger(type, values);
  }

  #answered({ id, result, error }) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) call.reject(new Error(error));
    else call.resolve(result);
  }

  #lost() {
    this.#failCalls();
    this.trigger("lost");
    this.#retryTimer = setTimeout(() => this.connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  #failCalls() {
    for (const { reject } of this.#calls.values()) {
      reject(new NotConnected("Lost before the answer came"));
    }
    this.#calls.clear();
  }
}

export const server = new Server();
