/** WhatsApp's ids of messages: from us or not, the chat, the id proper. */

import { Wid } from "./wid.js";

export class MsgKey {
  constructor(parts) {
    if (!parts) {
      // wa-js knows the class by this sentence
      throw new Error("MsgKey error: obj is null/undefined");
    }
    this.fromMe = parts.fromMe ?? parts.selfDir === "out";
    this.remote = parts.remote ?? (this.fromMe ? parts.to : parts.from);
    this.id = parts.id;
    this.participant = parts.participant;
    this._serialized = [this.fromMe, this.remote, this.id, this.participant]
      .filter((part) => part != null)
      .join("_");
  }

  static fromString(text) {
    const [fromMe, remote, id, participant] = text.split("_");
    return new MsgKey({
      fromMe: fromMe === "true",
      remote: new Wid(remote),
      id,
      participant: participant && new Wid(participant),
    });
  }

  /** A new id as WhatsApp Web makes them: 3EB0 and 18 random hexadecimal digits. */
  static newId() {
    const random = crypto.getRandomValues(new Uint8Array(9));
    const digits = [...random].map((byte) =>
      byte.toString(16).padStart(2, "0"),
    );
    return `3EB0${digits.join("").toUpperCase()}`;
  }

  clone() {
    return new MsgKey(this);
  }

  equals(other) {
    return String(other) === this._serialized;
  }

  toString() {
    return this._serialized;
  }
}
