// The websocket: opens it, opens it again when it was lost, and passes on what it says.

const RETRY_MS = 2000;

// After a restart all pages would otherwise come back in the same moment.
const retryMs = () => RETRY_MS * (0.5 + Math.random());

export class Stream {
  #handlers;
  #socket = null;
  #retry = null;
  #live = false;
  #everLive = false;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  // Whether what was told last is still true.
  get live() {
    return this.#live;
  }

  // Whether anything was ever told.
  get everLive() {
    return this.#everLive;
  }

  open() {
    this.close();
    const address = new URL("ws", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      this.#live = false;
      this.#retry = setTimeout(() => this.open(), retryMs());
      this.#handlers.onLost();
    };
  }

  // The snapshot that each opening brings makes up for whatever was missed.
  reopen() {
    this.open();
  }

  close() {
    clearTimeout(this.#retry);
    this.#live = false;
    if (!this.#socket) return;
    this.#socket.onclose = null;
    this.#socket.onmessage = null;
    this.#socket.close();
    this.#socket = null;
  }

  #receive(message) {
    if (message.type === "snapshot") {
      this.#live = true;
      this.#everLive = true;
      this.#handlers.onSnapshot(message.data.accounts);
    } else if (message.accountId) this.#handlers.onEvent(message);
  }
}
