/**
 * The passkey that WhatsApp may ask for before it links a page. This is all that shows it from outside:
 *
 * - The code is gone: `Conn.ref` is null, `Socket.state` and `Stream.info` are PAIRING, `Stream.mode` stays QR.
 * - `handlePasskeyPrologueRequest` of the module WAWebShortcakeLinkingHandlePasskeyPrologueRequest is called. The module
 *   itself is always there.
 * - `navigator.credentials.get` is called for `rpId` whatsapp.com. It is pending in Chromium on WhatsApp's host; it
 *   rejects at once on any other host, and in Chromium's headless shell, which has no way to ask a human.
 * - A dialog is shown, with the name "Passkey".
 *
 * What the browser answers is not looked at: the server says when the page may go on.
 */

import { EventEmitter } from "./base/event-emitter.js";

const TIMEOUT_MS = 600_000;

class Passkey extends EventEmitter {
  #asking = null;

  /** Asks the human at this page. */
  ask(challenge) {
    this.dismiss();
    this.#asking = new AbortController();
    this.trigger("asked");
    const publicKey = {
      challenge: new TextEncoder().encode(challenge),
      rpId: "whatsapp.com",
      userVerification: "required",
      timeout: TIMEOUT_MS,
    };
    // there are no credentials outside of secure contexts
    navigator.credentials
      ?.get({ publicKey, signal: this.#asking.signal })
      .catch((error) => console.info("No passkey was given", error));
  }

  dismiss() {
    this.#asking?.abort();
    this.#asking = null;
    this.trigger("dismissed");
  }
}

export const passkey = new Passkey();

/** WAWebShortcakeLinkingHandlePasskeyPrologueRequest. */
export function handlePasskeyPrologueRequest({ challenge }) {
  passkey.ask(challenge);
}
