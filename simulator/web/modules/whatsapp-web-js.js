/** WhatsApp's modules that whatsapp-web.js requires besides, each by its id and with no replacement. */

import { BaseCollection } from "../base/collection.js";
import { BaseModel } from "../base/model.js";
import { chats } from "../chats/chats.js";
import { contacts } from "../chats/contacts.js";
import { messages } from "../chats/messages.js";
import { OfflineMessageHandler } from "../connection/cmd.js";
import { defineExports, defineValue } from "../module-system.js";

/** Calls are not simulated; whatsapp-web.js looks for the Map inside the collection. */
class CallCollectionImpl extends BaseCollection {
  calls = new Map();
}

export function defineWhatsAppWebJsModules() {
  defineExports("WAWebCollections", {
    Msg: messages,
    Chat: chats,
    Contact: contacts,
  });
  defineExports("WAWebOfflineHandler", { OfflineMessageHandler });
  defineExports("WAWebCompanionRegClientUtils", { DEVICE_PLATFORM: "1" });
  defineExports("WAWebAdvSignatureApi", {
    verifyDeviceIdentityAccountSignature() {},
  });
  defineExports("WAWebSyncGatingUtils", {
    isPlaceholderMessageResendEnabled: () => false,
  });
  defineExports("WAWebAddonReactionTableMode", {
    reactionTableMode: { bulkUpsert() {} },
  });
  defineExports("WAWebAddonPollVoteTableMode", {
    pollVoteTableMode: { bulkUpsert() {} },
  });
  defineValue("WAWebCallCollection", new CallCollectionImpl(BaseModel));
  defineExports("WALinkify", { findLink: () => null, findLinks: () => [] });
  defineExports("WAWebChatGetters", {
    getIsNewsletter: () => false,
    getIsBroadcast: () => false,
  });
}
