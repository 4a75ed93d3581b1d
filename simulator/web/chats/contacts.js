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

/** Asks WhatsApp whether somebody has this id; null if not. */
export async function queryWidExists(wid) {
  const { exists } = await server.call("number-exists", { number: wid.user });
  return exists ? { wid: Wid.ofNumber(wid.user), biz: false } : null;
}

export async function queryPhoneExists(phone) {
  return queryWidExists(Wid.ofNumber(phone.replace(/\D/g, "")));
}
