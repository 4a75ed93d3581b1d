/**
 * WhatsApp's modules that wa-js looks for besides. It finds them by the shape of their exports, seldom by id, and goes
 * without those that it misses: which are needed for what is found by taking one away.
 */

import { ChatModel, ChatMsgsCollection } from "../chats/chats.js";
import {
  ContactCollectionImpl,
  ContactModel,
  contacts,
  queryPhoneExists,
  queryWidExists,
} from "../chats/contacts.js";
import {
  ACK,
  ACK_STRING,
  handleChatSimpleReceipt,
  messages,
  MsgCollectionImpl,
  MsgModel,
} from "../chats/messages.js";
import {
  blocklist,
  BlocklistCollectionImpl,
  presences,
  statuses,
  StatusV3CollectionImpl,
} from "../chats/presence.js";
import { BaseCollection } from "../base/collection.js";
import { EventEmitter } from "../base/event-emitter.js";
import { BaseModel } from "../base/model.js";
import { BackendEventBus } from "../connection/cmd.js";
import { SOCKET_STATE, SOCKET_STREAM } from "../connection/socket.js";
import { NetworkStatus } from "../connection/stream.js";
import { lidPnCache } from "../ids/lid-pn-cache.js";
import { MsgKey } from "../ids/msg-key.js";
import { Wid } from "../ids/wid.js";
import { LinkDeviceEvents } from "../linking.js";
import { login } from "../login.js";
import { defineExports, defineValue } from "../module-system.js";
import { VERSION } from "../version.js";

export function defineWaJsModules() {
  defineExports("WAWebBuildConstants", {
    VERSION_STR: VERSION,
    VERSION_BASE: VERSION,
    SANITIZED_VERSION_STR: VERSION,
  });
  defineValue("WAWebEventEmitter", EventEmitter);
  defineExports("WAWebBaseModel", { BaseModel, defineModel: (model) => model });
  defineExports("WAWebBaseCollection", { BaseCollection });

  defineValue("WAWebWid", Wid);
  defineValue("WAWebMsgKeyNewId", { newId: MsgKey.newId });

  defineExports("WAWebMsgModel", { Msg: MsgModel });
  defineExports("WAWebChatModel", { Chat: ChatModel });
  defineValue("WAWebContactModel", ContactModel);
  defineExports("WAWebChatMsgsCollection", { ChatMsgsCollection });
  defineExports("WAWebMsgCollection", {
    MsgCollectionImpl,
    MsgCollection: messages,
  });
  defineExports("WAWebContactCollection", {
    ContactCollectionImpl,
    ContactCollection: contacts,
  });

  defineExports("WAWebPresenceCollection", { PresenceCollection: presences });
  defineExports("WAWebBlocklistCollection", {
    BlocklistCollectionImpl,
    BlocklistCollection: blocklist,
  });
  defineExports("WAWebStatusCollection", {
    StatusV3CollectionImpl,
    StatusV3Collection: statuses,
  });

  defineExports("WAWebSocketConstants", { SOCKET_STATE, SOCKET_STREAM });
  defineValue("WAWebNetworkStatus", NetworkStatus);
  defineExports("WAWebBackendEventBus", { BackendEventBus, BackendEvent: {} });
  defineExports("WAWebLinkDeviceEvents", {
    WAWebLinkDeviceEvents: LinkDeviceEvents,
  });

  defineExports("WAWebUserPrefsLogin", {
    isLoggedIn: () => login.session !== null,
  });
  defineExports("WAWebUserPrefsRegistration", {
    isRegistered: () => login.session !== null,
  });
  defineExports("WAWebLogoutReasonUtils", {
    getErrorCodeFromLogoutReason: (reason) => reason,
    getPrevLogoutReasonCode() {},
    setPrevLogoutReasonCode() {},
    getPrevCustomLogoutMessage() {},
    setPrevCustomLogoutMessage() {},
  });

  defineExports("WAWebAck", { ACK, ACK_STRING, EDIT_ATTR: {} });
  defineExports("WAWebHandleMsgSimpleReceipt", { handleChatSimpleReceipt });
  defineExports("WAWebQueryExistsJob", { queryPhoneExists, queryWidExists });
  defineExports("WAWebLidPnCache", {
    lidPnCache,
  });
  defineExports("WAWebFindWebLink", { findFirstWebLink: () => null });
  defineExports("WATimeUtils", {
    unixTime: () => Math.floor(Date.now() / 1000),
    unixTimeMs: () => Date.now(),
  });
}
