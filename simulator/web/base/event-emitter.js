/** WhatsApp Web's event emitter: Backbone's manner, several names in one string, and "all". */

export class EventEmitter {
  #listeners = new Map();

  on(names, callback, context) {
    if (typeof callback !== "function") {
      // wa-js knows the emitter by this sentence
      throw new Error("Callback parameter passed is not a function");
    }
    for (const name of names.split(" ")) {
      const listeners = this.#listeners.get(name) ?? [];
      this.#listeners.set(name, [...listeners, { callback, context }]);
    }
    return this;
  }

  once(names, callback, context) {
    const once = (...args) => {
      this.off(names, once);
      callback.apply(context ?? this, args);
    };
    once.wrapped = callback;
    return this.on(names, once, context);
  }

  off(names, callback) {
    if (!names) {
      this.#listeners.clear();
      return this;
    }
    for (const name of names.split(" ")) {
      const kept = (this.#listeners.get(name) ?? []).filter(
        (listener) =>
          callback &&
          listener.callback !== callback &&
          listener.callback.wrapped !== callback,
      );
      this.#listeners.set(name, kept);
    }
    return this;
  }

  trigger(name, ...args) {
    this.#call(name, args);
    if (name !== "all") this.#call("all", [name, ...args]);
    return this;
  }

  listenTo(other, names, callback) {
    other.on(names, callback, this);
    return this;
  }

  stopListening(other, names, callback) {
    other?.off(names, callback);
    return this;
  }

  #call(name, args) {
    for (const { callback, context } of this.#listeners.get(name) ?? []) {
      try {
        callback.apply(context ?? this, args);
      } catch (error) {
        // one library's broken listener must not keep the others from hearing
        console.error(`A listener of "${name}" failed`, error);
      }
    }
  }
}

Object.assign(EventEmitter.prototype, {
  bind: EventEmitter.prototype.on,
  unbind: EventEmitter.prototype.off,
  removeListener: EventEmitter.prototype.off,
  emit: EventEmitter.prototype.trigger,
});
