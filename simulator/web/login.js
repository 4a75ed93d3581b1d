/**
 * What a linked page keeps, split as WhatsApp Web splits it: who we are in localStorage, the device's keys in
 * IndexedDB. A session resumes only where both are still there.
 */

import { Wid } from "./ids/wid.js";

const SESSION_KEY = "sim-session";
const KEYS_KEY = "keys";
const COOKIE = "sim_number";

export function encodeB64(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

export function decodeB64(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer;
}

function randomBytes(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}

function makeKeys() {
  return {
    noise: randomBytes(32),
    identity: randomBytes(32),
    advSecret: encodeB64(randomBytes(32)),
    registrationId: 1 + (randomBytes(2)[0] << 6),
  };
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("signal-storage", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("values");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Runs one request in a transaction of its own; resolves when it is committed. */
function inDatabase(database, mode, request) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction("values", mode);
    const pending = request(transaction.objectStore("values"));
    transaction.oncomplete = () => resolve(pending.result);
    transaction.onerror = () => reject(transaction.error);
  });
}

function readSession() {
  try {
    return JSON.parse(localStorage.getItem(SESSION_KEY));
  } catch {
    return null;
  }
}

class Login {
  #database = null;
  session = null;
  keys = null;

  /** Reads what was kept. Keys are made where there are none. */
  async load() {
    this.#database = await openDatabase();
    this.keys = await inDatabase(this.#database, "readonly", (values) =>
      values.get(KEYS_KEY),
    );
    this.session = this.keys ? readSession() : null;
    if (!this.session) localStorage.removeItem(SESSION_KEY);
    if (!this.keys) await this.#storeNewKeys();
    this.#nameInCookie();
  }

  get wid() {
    return this.session ? Wid.ofNumber(this.session.number) : null;
  }

  get lid() {
    return this.session ? new Wid(this.session.lid) : null;
  }

  /** What the phone proves to have seen when it scans, and what the server compares when the session resumes. */
  get publicKeys() {
    return {
      noise: encodeB64(this.keys.noise),
      identity: encodeB64(this.keys.identity),
      advSecret: this.keys.advSecret,
    };
  }

  save(session) {
    this.session = session;
    localStorage.setItem(SESSION_KEY, JSON.stringify(session));
    this.#nameInCookie();
  }

  async wipe() {
    this.session = null;
    localStorage.removeItem(SESSION_KEY);
    this.#nameInCookie();
    await inDatabase(this.#database, "readwrite", (values) => values.clear());
  }

  async #storeNewKeys() {
    this.keys = makeKeys();
    await inDatabase(this.#database, "readwrite", (values) =>
      values.put(this.keys, KEYS_KEY),
    );
  }

  /** Tells the simulator, before any script runs, whose page this is: faults may concern one number only. */
  #nameInCookie() {
    document.cookie = this.session
      ? `${COOKIE}=${this.session.number}; path=/; max-age=31536000; samesite=lax`
      : `${COOKIE}=; path=/; max-age=0`;
  }
}

export const login = new Login();
