/** WAWebStreamModel and WAWebNetworkStatus: what the user is shown of the connection. */

import { BaseModel } from "../base/model.js";

class StreamModel extends BaseModel {
  static defaults = {
    mode: undefined,
    info: undefined,
    needsUpdate: false,
    available: false,
  };

  markAvailable() {
    this.available = true;
  }

  markUnavailable() {
    this.available = false;
  }
}

class NetworkStatusModel extends BaseModel {
  static defaults = { online: true };

  checkOnline() {
    return this.online;
  }
}

export const Stream = new StreamModel();
export const NetworkStatus = new NetworkStatusModel();
