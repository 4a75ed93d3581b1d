/** The people this account knows. */

import { BaseCollection } from "../base/collection.js";
import { BaseModel } from "../base/model.js";
import { server } from "../connection/server.js";
import { Wid } from "../ids/wid.js";

export class ContactModel extends BaseModel {
  static defaults = {
    id: undefined,
    name: undefined,
    pushname: undefined,
    type: "in",
    isBusiness: false,
  };
}

ContactModel.prototype.proxyName = "contact";

export class ContactCollectionImpl extends BaseCollection {}

export const contacts = new ContactCollectionImpl(ContactModel);

/** Asks WhatsApp who has this id, which may be another one than WhatsApp's own; null if nobody has. */
export async function queryWidExists(wid) {
  const { id } = await server.call("number-exists", { id: String(wid) });
  return id ? { wid: new Wid(id), biz: false } : null;
}

export async function queryPhoneExists(phone) {
  return queryWidExists(Wid.ofNumber(phone.replace(/\D/g, "")));
}
