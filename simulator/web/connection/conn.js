/** WAWebConnModel: the QR code's reference while unlinked, and who we are afterwards. */

import { BaseModel } from "../base/model.js";

export class ConnModel extends BaseModel {
  static defaults = {
    ref: null,
    refTTL: 20_000,
    wid: null,
    pushname: null,
    connected: false,
    platform: "android",
  };
}

export const Conn = new ConnModel();
