/** WhatsApp Web's observable model: attributes that are read as properties and announce their changes. */

import { EventEmitter } from "./event-emitter.js";

export class BaseModel extends EventEmitter {
  /** The attributes that every instance has, with their first values. */
  static defaults = {};

  constructor(attributes = {}) {
    super();
    Object.defineProperty(this, "attributes", { value: {} });
    Object.defineProperty(this, "collection", { value: null, writable: true });
    const initial = { ...this.constructor.defaults, ...attributes };
    for (const [name, value] of Object.entries(initial)) {
      this.#declare(name);
      this.attributes[name] = value;
    }
  }

  get(name) {
    return this.attributes[name];
  }

  /** Takes a name and a value, or several values and options; with `silent` among these nothing is announced. */
  set(nameOrValues, valueOrOptions) {
    const single = typeof nameOrValues === "string";
    const values = single ? { [nameOrValues]: valueOrOptions } : nameOrValues;
    const silent = !single && Boolean(valueOrOptions?.silent);
    const changed = Object.keys(values).filter(
      (name) => this.attributes[name] !== values[name],
    );
    for (const name of changed) {
      this.#declare(name);
      const previous = this.attributes[name];
      this.attributes[name] = values[name];
      if (!silent) this.#announce(`change:${name}`, values[name], previous);
    }
    if (changed.length > 0 && !silent) this.#announce("change");
    return this;
  }

  toJSON() {
    return { ...this.attributes };
  }

  serialize() {
    return JSON.parse(JSON.stringify(this.attributes));
  }

  #declare(name) {
    if (name in this) return;
    Object.defineProperty(this, name, {
      enumerable: true,
      configurable: true,
      get: () => this.attributes[name],
      set: (value) => this.set(name, value),
    });
  }

  #announce(event, ...args) {
    this.trigger(event, this, ...args);
    this.collection?.trigger(event, this, ...args);
  }
}
