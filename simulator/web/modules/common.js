/** WhatsApp's modules that both wa-js and whatsapp-web.js look for: id -> what `require` gives. */

import {
  ChatCollectionImpl,
  chats,
  findOrCreateLatestChat,
  markUnread,
  sendSeen,
} from "../chats/chats.js";
import { addAndSendMsgToChat } from "../chats/messages.js";
import { Cmd, CmdImpl } from "../connection/cmd.js";
import { Conn, ConnModel } from "../connection/conn.js";
import { Socket } from "../connection/socket.js";
import { Stream } from "../connection/stream.js";
import { lidPnCache } from "../ids/lid-pn-cache.js";
import { MsgKey } from "../ids/msg-key.js";
import { WidFactory } from "../ids/wid.js";
import { linking } from "../linking.js";
import { decodeB64, encodeB64, login } from "../login.js";
import { defineExports, defineValue } from "../module-system.js";

const pairingCode = (phone) => linking.pairingCode(phone.replace(/\D/g, ""));

/** Private keys never leave a real page either; nobody here has a use for them. */
const keyPair = (publicKey) => ({
  pubKey: publicKey.buffer,
  privKey: new ArrayBuffer(32),
});

export function defineCommonModules() {
  defineExports("WAWebSocketModel", { Socket });
  defineExports("WAWebConnModel", { Conn, ConnImpl: ConnModel });
  defineExports("WAWebStreamModel", { Stream });
  defineExports("WAWebCmd", { Cmd, CmdImpl });

  defineValue("WAWebMsgKey", MsgKey);
  defineExports("WAWebWidFactory", WidFactory);
  defineExports("WABase64", { encodeB64, decodeB64 });

  defineExports("WAWebUserPrefsMeUser", {
    getMe: () => login.wid,
    getMeUser: () => login.wid,
    getMaybeMeUser: () => login.wid,
    getMaybeMePnUser: () => login.wid,
    getMaybeMeDevicePn: () => login.wid,
    getMaybeMeLidUser: () => login.lid,
    getMeLidUserOrThrow: () => {
      if (!login.lid) throw new Error("Not logged in: no LID");
      return login.lid;
    },
  });
  defineExports("WAWebUserPrefsMultiDevice", {
    getADVSecretKey: () => login.keys.advSecret,
    setADVSignedIdentity() {},
  });
  defineExports("WAWebUserPrefsInfoStore", {
    waNoiseInfo: {
      get: async () => ({ staticKeyPair: keyPair(login.keys.noise) }),
    },
  });
  defineExports("WAWebSignalStoreApi", {
    waSignalStore: {
      getRegistrationInfo: async () => ({
        registrationId: login.keys.registrationId,
        identityKeyPair: keyPair(login.keys.identity),
      }),
    },
  });
  defineExports("WAWebAltDeviceLinkingApi", {
    setPairingType() {},
    initializeAltDeviceLinking: async () => {},
    initializeQRLinking: async () => {},
    genLinkDeviceCodeForPhoneNumber: pairingCode,
    startAltLinkingFlow: pairingCode,
  });

  defineExports("WAWebChatCollection", {
    ChatCollectionImpl,
    ChatCollection: chats,
  });
  defineExports("WAWebFindChatAction", { findOrCreateLatestChat });
  defineExports("WAWebSendMsgChatAction", { addAndSendMsgToChat });
  defineExports("WAWebUpdateUnreadChatAction", { markUnread, sendSeen });
  defineExports("WAWebGetEphemeralFieldsMsgActionsUtils", {
    getEphemeralFields: () => ({}),
  });
  defineExports("WAWebLinkPreviewChatAction", {
    getLinkPreview: async () => null,
  });
  defineExports("WAWebApiContact", {
    getCurrentLid: lidPnCache.getCurrentLid,
    getPhoneNumber: lidPnCache.getPhoneNumber,
    getAlternateUserWid: () => undefined,
  });
}
