/** Messages in and out, and their receipts. Texts only, so far. */

import { BaseCollection } from "../base/collection.js";
import { BaseModel } from "../base/model.js";
import { NotConnected, server } from "../connection/server.js";
import { lidPnCache } from "../ids/lid-pn-cache.js";
import { MsgKey } from "../ids/msg-key.js";
import { Wid } from "../ids/wid.js";
import { exportsOf } from "../module-system.js";
import { notSimulated } from "../not-simulated.js";
import { chats, ensureChat } from "./chats.js";
import { contacts } from "./contacts.js";

export const ACK = {
  FAILED: -1,
  CLOCK: 0,
  SENT: 1,
  RECEIVED: 2,
  READ: 3,
  PLAYED: 4,
};

export const ACK_STRING = { DELIVERY: "delivery", READ: "read" };

export class MsgModel extends BaseModel {
  static defaults = {
    id: undefined,
    type: "chat",
    body: undefined,
    caption: undefined,
    t: 0,
    from: undefined,
    to: undefined,
    author: undefined,
    self: undefined,
    ack: ACK.CLOCK,
    isNewMsg: false,
    notifyName: undefined,
  };

  /** Acknowledgements only ever rise, in whatever order they arrive. */
  updateAck(ack) {
    if (ack > this.ack) this.ack = ack;
  }
}

MsgModel.prototype.proxyName = "msg";

export class MsgCollectionImpl extends BaseCollection {
  async getMessagesById(ids) {
    return { messages: ids.map((id) => this.get(id)).filter(Boolean) };
  }
}

export const messages = new MsgCollectionImpl(MsgModel);

/** With `silent` among the options no store and no model announces it. */
function addMessage(attributes, options = {}) {
  const chat = ensureChat(attributes.id.remote, options);
  const [message] = messages.add(attributes, options);
  chat.msgs.add(message, options);
  chat.set({ t: message.t }, options);
  return message;
}

/** A message as the server tells it; seen from us, whose id is `me`. */
function fromServer({ id, from, to, body, t, ack, name }, me) {
  const fromMe = me.equals(from);
  return {
    id: new MsgKey({ fromMe, remote: new Wid(fromMe ? to : from), id }),
    from: new Wid(from),
    to: new Wid(to),
    self: fromMe ? "out" : "in",
    notifyName: name,
    body,
    t,
    ack,
  };
}

/**
 * Takes a new message; one that is here already is the server repeating itself. A silent one changes the stores as any
 * other does, and is told to nobody.
 */
export function receive({ silent = false, ...event }, me) {
  const attributes = fromServer(event, me);
  if (messages.get(attributes.id)) return;
  if (event.fromId) lidPnCache.add(attributes.from, new Wid(event.fromId));
  if (!attributes.id.fromMe) {
    contacts.add({ id: attributes.from, pushname: event.name }, { silent });
  }
  addMessage({ ...attributes, isNewMsg: true }, { silent });
  if (attributes.id.fromMe) return;
  const chat = chats.get(attributes.id.remote);
  chat.set({ unreadCount: chat.unreadCount + 1 }, { silent });
}

/** Takes what was said before this page was opened. */
export function restore(events, me) {
  for (const event of events) addMessage(fromServer(event, me));
}

/** Takes somebody's receipt for messages of ours. Goes by `exportsOf`, because wa-js listens in there. */
export function receiveReceipt({ ids, from, ack, t }) {
  exportsOf("WAWebHandleMsgSimpleReceipt").handleChatSimpleReceipt({
    from: new Wid(from),
    externalIds: ids,
    ack,
    ackString: ack >= ACK.READ ? ACK_STRING.READ : ACK_STRING.DELIVERY,
    ts: t,
  });
}

/** WAWebHandleMsgSimpleReceipt. */
export function handleChatSimpleReceipt({ from, externalIds, ack }) {
  for (const id of externalIds) {
    messages
      .get(new MsgKey({ fromMe: true, remote: from, id }))
      ?.updateAck(ack);
  }
}

/** Sends until there is an answer; the server takes a message that comes twice for one. */
async function send(message) {
  for (;;) {
    try {
      return await server.call("send-message", {
        id: message.id.id,
        to: String(message.to),
        body: message.body,
      });
    } catch (error) {
      if (!(error instanceof NotConnected)) throw error;
      await new Promise((connected) => server.once("welcome", connected));
    }
  }
}

async function transmit(message) {
  try {
    const { t } = await send(message);
    message.t = t;
    message.updateAck(ACK.SENT);
    return { messageSendResult: "OK", t };
  } catch (error) {
    message.ack = ACK.FAILED;
    console.warn(`Message ${message.id} was not sent`, error);
    return { messageSendResult: "ERROR_UNKNOWN" };
  }
}

/** WAWebSendMsgChatAction: two promises, of the message and of the server's answer. */
export function addAndSendMsgToChat(chat, attributes) {
  if (attributes.type !== "chat")
    throw notSimulated(`messages of the type ${attributes.type}`);
  const message = addMessage({ ...attributes, isNewMsg: true });
  return [Promise.resolve(message), transmit(message)];
}
