/** WhatsApp Web's collection: models by id, in the order of their arrival. */

import { EventEmitter } from "./event-emitter.js";
import { BaseModel } from "./model.js";

/** What a Wid, a MsgKey, their JSON and their text have in common. */
function keyOf(id) {
  return id?._serialized ?? String(id);
}

export class BaseCollection extends EventEmitter {
  #models = new Map();

  constructor(modelClass) {
    super();
    this.modelClass = modelClass;
  }

  get length() {
    return this.#models.size;
  }

  getModelsArray() {
    return [...this.#models.values()];
  }

  get(id) {
    return this.#models.get(keyOf(id));
  }

  assertGet(id) {
    const model = this.get(id);
    if (!model) throw new Error(`Not in the collection: ${keyOf(id)}`);
    return model;
  }

  async find(id) {
    return this.get(id) ?? this.add({ id })[0];
  }

  findFirst(matches) {
    return this.getModelsArray().find(matches);
  }

  filter(matches) {
    return this.getModelsArray().filter(matches);
  }

  map(change) {
    return this.getModelsArray().map(change);
  }

  forEach(visit) {
    this.getModelsArray().forEach(visit);
  }

  /** Adds models or attributes; what is there already takes over the attributes. Returns the models. */
  add(items, options = {}) {
    return [items].flat().map((item) => {
      const known = this.get(item.id);
      if (known) {
        return item instanceof BaseModel ? known : known.set(item, options);
      }
      const model =
        item instanceof BaseModel ? item : new this.modelClass(item);
      model.collection ??= this;
      this.#models.set(keyOf(model.id), model);
      if (!options.silent) this.trigger("add", model, this, options);
      return model;
    });
  }

  remove(id) {
    const model = this.get(id?.id ?? id) ?? this.get(id);
    if (!model) return;
    this.#models.delete(keyOf(model.id));
    this.trigger("remove", model, this);
  }

  reset() {
    this.#models.clear();
    this.trigger("reset", this);
  }
}
