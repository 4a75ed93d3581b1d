// The websocket: opens it, opens it again when it was lost, and passes on what it says.

const RETRY_MS = 2000;

export class Stream {
  #handlers;
  #socket = null;
  #retry = null;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  open() {
    this.close();
    const socket = new WebSocket(
      `${location.origin.replace(/^http/, "ws")}/ws`,
    );
    this.#socket = socket;
    socket.onopen = () => this.#handlers.onState("Live");
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      this.#handlers.onState("Connection lost, trying again");
      this.#retry = setTimeout(() => this.open(), RETRY_MS);
    };
  }

  // The snapshot that each opening brings makes up for whatever was missed.
  reopen() {
    this.open();
  }

  close() {
    clearTimeout(this.#retry);
    if (!this.#socket) return;
    this.#socket.onclose = null;
    this.#socket.onmessage = null;
    this.#socket.close();
    this.#socket = null;
  }

  #receive(message) {
    if (message.type === "snapshot")
      this.#handlers.onSnapshot(message.data.accounts);
    else if (message.accountId) this.#handlers.onEvent(message);
  }
}
