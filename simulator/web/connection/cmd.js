/** WAWebCmd: WhatsApp Web's bus of commands and announcements. `session.js` listens to what is asked here. */

import { EventEmitter } from "../base/event-emitter.js";

export class CmdImpl extends EventEmitter {
  isMainLoaded = false;

  refreshQR() {
    this.trigger("asked:codes");
  }

  mainLoaded() {
    if (this.isMainLoaded) return;
    this.isMainLoaded = true;
    this.trigger("main_loaded");
  }

  async openChatBottom() {
    return true;
  }
}

export const Cmd = new CmdImpl();

/** WAWebBackendEventBus. */
export const BackendEventBus = new EventEmitter();

class OfflineMessageHandlerImpl {
  percent = 0;

  /** Tells how far the sync is, in percent, as WhatsApp Web does. */
  progress(percent) {
    this.percent = percent;
    Cmd.trigger("offline_progress_update_from_bridge");
  }

  getOfflineDeliveryProgress() {
    return this.percent;
  }
}

/** WAWebOfflineHandler. */
export const OfflineMessageHandler = new OfflineMessageHandlerImpl();
