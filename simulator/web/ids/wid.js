/** WhatsApp's ids of users, groups and servers, such as 491700000001@c.us. */

export class Wid {
  constructor(text) {
    const [server, address = ""] = String(text).split("@").reverse();
    const [user, device] = address.split(":");
    this.server = server;
    this.user = user;
    if (device !== undefined) this.device = Number(device);
    this._serialized = String(text);
  }

  static ofNumber(number) {
    return new Wid(`${number}@c.us`);
  }

  static isXWid(server, wid) {
    return String(wid).endsWith(`@${server}`);
  }

  static isWid(wid) {
    return String(wid).includes("@");
  }

  static isUser(wid) {
    return new Wid(wid).isUser();
  }

  static isLid(wid) {
    return new Wid(wid).isLid();
  }

  static isGroup(wid) {
    return new Wid(wid).isGroup();
  }

  static isNewsletter(wid) {
    return new Wid(wid).isNewsletter();
  }

  static isBroadcast(wid) {
    return new Wid(wid).isBroadcast();
  }

  static equals(one, other) {
    return String(one) === String(other);
  }

  isUser() {
    return this.server === "c.us" || this.isLid();
  }

  isLid() {
    return this.server === "lid";
  }

  isGroup() {
    return this.server === "g.us";
  }

  isNewsletter() {
    return this.server === "newsletter";
  }

  isBroadcast() {
    return this.server === "broadcast";
  }

  isStatus() {
    return this._serialized === "status@broadcast";
  }

  isStatusV3() {
    return this.isStatus();
  }

  isServer() {
    return this.user === "";
  }

  isCompanion() {
    return this.device !== undefined;
  }

  isBot() {
    return this.server === "bot";
  }

  isPSA() {
    return false;
  }

  getDeviceId() {
    return this.device ?? 0;
  }

  asUserWidOrThrow() {
    return new Wid(`${this.user}@${this.server}`);
  }

  equals(other) {
    return Wid.equals(this, other);
  }

  toString() {
    return this._serialized;
  }

  toJid() {
    return this._serialized;
  }

  toJSON() {
    return this._serialized;
  }
}

/** WAWebWidFactory: the ways in which WhatsApp Web makes ids. */
export const WidFactory = {
  createWid: (text) => new Wid(text),
  createWidFromWidLike: (wid) => new Wid(wid._serialized ?? wid),
  createUserWidOrThrow: (user, server = "c.us") =>
    new Wid(user.includes("@") ? user : `${user}@${server}`),
  createDeviceWid: (text) => new Wid(text),
  isWidlike: (value) => Boolean(value?._serialized && value.server),
  toUserWid: (wid) => wid.asUserWidOrThrow(),
  toUserWidOrThrow: (wid) => wid.asUserWidOrThrow(),
  asUserWidOrThrow: (wid) => wid.asUserWidOrThrow(),
};
