/** The conversations of this account. What is said in them stands in `messages.js`. */

import { BaseCollection } from "../base/collection.js";
import { BaseModel } from "../base/model.js";
import { server } from "../connection/server.js";
import { notSimulated } from "../not-simulated.js";
import { contacts, queryWidExists } from "./contacts.js";
import { presences } from "./presence.js";

export class ChatMsgsCollection extends BaseCollection {}

export class ChatModel extends BaseModel {
  static defaults = {
    id: undefined,
    name: undefined,
    formattedTitle: undefined,
    t: 0,
    unreadCount: 0,
    archive: false,
    pin: 0,
    active: false,
  };

  constructor(attributes) {
    super(attributes);
    Object.defineProperty(this, "msgs", { value: new ChatMsgsCollection() });
  }

  get contact() {
    return contacts.get(this.id);
  }

  get presence() {
    return presences.get(this.id) ?? presences.add({ id: this.id })[0];
  }

  get isUser() {
    // libraries ask the prototype, which has no id
    return Boolean(this.id?.isUser());
  }

  get hasUnread() {
    return this.unreadCount > 0;
  }

  get lastReceivedKey() {
    return this.msgs.getModelsArray().at(-1)?.id;
  }
}

ChatModel.prototype.proxyName = "chat";

export class ChatCollectionImpl extends BaseCollection {}

export const chats = new ChatCollectionImpl(ChatModel);

/** The chat with this id, made if need be. */
export function ensureChat(id, options = {}) {
  const known = chats.get(id);
  if (known) return known;
  const title = contacts.get(id)?.name ?? `+${id.user}`;
  return chats.add({ id, name: title, formattedTitle: title }, options)[0];
}

/** WAWebFindChatAction: a chat with somebody new begins only if WhatsApp knows the number. */
export async function findOrCreateLatestChat(wid) {
  const known = chats.get(wid);
  if (known) return { chat: known, created: false };
  if (!wid.isUser()) throw notSimulated(`chats with ${wid.server}`);
  if (!(await queryWidExists(wid))) throw new Error("No LID for user");
  return { chat: ensureChat(wid), created: true };
}

/** WAWebUpdateUnreadChatAction: tells the senders that their messages were read. */
export async function sendSeen(request) {
  const chat = request.chat ?? request;
  chat.unreadCount = 0;
  server.tell("seen", { chat: String(chat.id) });
}

export async function markUnread() {
  throw notSimulated("marking a chat as unread");
}
