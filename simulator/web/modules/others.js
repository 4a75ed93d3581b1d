/** WhatsApp's modules that neither library looks for, but others may. */

import { defineExports } from "../module-system.js";
import { handlePasskeyPrologueRequest } from "../passkey.js";

export function defineOtherModules() {
  defineExports("WAWebShortcakeLinkingHandlePasskeyPrologueRequest", {
    handlePasskeyPrologueRequest,
  });
}
