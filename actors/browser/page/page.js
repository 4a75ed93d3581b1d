// Runs in WhatsApp Web's page, right behind wa-js and before the page's own scripts. Tells what
// the page is and what happens in it as JSON over one binding, and carries out calls. It decides
// nothing: what a fact means is decided outside.
(() => {
  "use strict";

  // First of all, and in frames too: whoever had the binding could tell lies over it.
  const binding = window.waManagerTell;
  delete window.waManagerTell;
  const inPage =
    window === window.top && location.protocol.startsWith("http") && binding;
  if (!inPage) return;

  // As it is before the page's own scripts run.
  const { stringify } = JSON;

  const LEVEL_INTERVAL_MS = 5000;
  // What wa-js must have found for an account to be of use.
  const ESSENTIALS = [
    "Socket",
    "Stream",
    "Conn",
    "Cmd",
    "NetworkStatus",
    "ChatStore",
    "MsgStore",
    "UserPrefs",
  ];
  // What an account can go on without, though it will send nothing.
  const USEFUL_FUNCTIONS = [
    "addAndSendMsgToChat",
    "findOrCreateLatestChat",
    "queryWidExists",
  ];

  // What WhatsApp Web says of a message that it has given up; any other error may be none.
  const REFUSALS = ["ERROR_CANCELLED", "ERROR_EXPIRED", "ERROR_UPLOAD"];

  // A mark that nothing but its being kept is asked of.
  const MARK_KEY = "wa-manager-mark";
  const ANNOUNCEMENT = /what.s new|fresh look/i;
  // A message's own event may still be under way when the message is found.
  const EVENT_GRACE_MS = 1000;
  // What is longer is cut, so that nothing is lost for being too long: twice and a bit of what is
  // kept of it, which is counted in whole characters.
  const LONGEST_TEXT = 2 * 65_536 + 2;
  const LONGEST_NAME = 2 * 1_000 + 2;

  const WPP = window.WPP;
  let lastState = "";
  let logoutReason = null;
  // The ids of the messages that were told, as long as the page holds them.
  const toldIds = new Set();

  function tell(fact, data) {
    binding(stringify({ fact, ...data }));
  }

  function cut(value, most) {
    return typeof value === "string" ? value.slice(0, most) : null;
  }

  function attempt(read) {
    try {
      return read() ?? null;
    } catch {
      return null;
    }
  }

  function build() {
    return attempt(
      () => WPP.conn.getBuildConstants()?.VERSION_STR ?? window.Debug?.VERSION,
    );
  }

  function asData(error) {
    return {
      name: String(error?.code ?? error?.name ?? "Error"),
      message: String(error?.message ?? error).slice(0, 500),
      build: build(),
    };
  }

  // The level: told when it changed, however that was noticed.
  function tellState() {
    const { Stream, Socket, NetworkStatus, Conn } = WPP.whatsapp;
    const state = {
      mode: attempt(() => Stream.mode),
      info: attempt(() => Stream.info),
      socket: attempt(() => Socket.state),
      online: attempt(() => NetworkStatus.online),
      authenticated: attempt(() => WPP.conn.isAuthenticated()),
      loaded: WPP.isFullReady,
      phone: attempt(() => WPP.conn.getMyUserWid()?.user),
      pushName: cut(
        attempt(() => Conn.pushname),
        LONGEST_NAME,
      ),
      build: build(),
    };
    const text = stringify(state);
    if (text === lastState) return;
    lastState = text;
    tell("state", state);
  }

  async function tellCode() {
    const code = await WPP.conn.getAuthCode();
    if (code) tell("code", { code: code.fullCode });
    else if (WPP.conn.isIdle()) tell("codes_idle");
  }

  function tellProgress() {
    const handler = attempt(
      () => window.require("WAWebOfflineHandler").OfflineMessageHandler,
    );
    const offline = attempt(() => handler.getOfflineDeliveryProgress());
    const history = attempt(() => WPP.conn.getHistorySyncProgress().progress);
    const percent = offline ?? history;
    if (percent !== null) tell("progress", { percent });
  }

  // People may be known by an id that says nothing of their number.
  function phoneOf(wid) {
    const [user, server] = String(wid).split("@");
    if (server === "c.us") return user.split(":")[0];
    if (server !== "lid") return null;
    const { lidPnCache, ApiContact } = WPP.whatsapp;
    const known =
      attempt(() => lidPnCache.getPhoneNumber(wid)) ??
      attempt(() => ApiContact.getPhoneNumber(wid));
    return known?.user ?? null;
  }

  const isReadable = (message) => message.type !== "ciphertext";

  function tellMessage(message, recovered) {
    if (message.id.fromMe) return;
    if (isReadable(message)) toldIds.add(String(message.id));
    const isText = message.type === "chat";
    const sender = message.author ?? message.from;
    tell("message", {
      id: String(message.id),
      chat: String(message.id.remote),
      sender: String(sender),
      senderPhone: phoneOf(sender),
      recipient: String(message.to),
      kind: message.type,
      text: cut(isText ? message.body : message.caption, LONGEST_TEXT),
      at: message.t,
      senderName: cut(message.notifyName, LONGEST_NAME),
      recovered,
    });
  }

  // Messages count by the page's own word for new ones, which does not outlive the document, and
  // by their time.
  function findUntold(since) {
    const isRecent = (message) =>
      since !== null && message.t >= since && !message.isNotification;
    return WPP.whatsapp.MsgStore.getModelsArray().filter(
      (message) =>
        !message.id.fromMe &&
        isReadable(message) &&
        (message.isNewMsg || isRecent(message)) &&
        !toldIds.has(String(message.id)),
    );
  }

  // By WhatsApp's own clock, in seconds; 0 where there is no message.
  function newestTime() {
    let newest = 0;
    for (const { id, t } of WPP.whatsapp.MsgStore.getModelsArray())
      if (!id.fromMe && t > newest) newest = t;
    return newest;
  }

  function forgetWhatIsGone() {
    const { MsgStore } = WPP.whatsapp;
    for (const id of toldIds) if (!MsgStore.get(id)) toldIds.delete(id);
  }

  // Told for each document, once wa-js has found all that it is going to find.
  function tellLoaded() {
    const lackOf = (found) => (name) => attempt(() => found[name]) === null;
    const { whatsapp } = WPP;
    tell("loaded", {
      missing: ESSENTIALS.filter(lackOf(whatsapp)),
      lacking: USEFUL_FUNCTIONS.filter(lackOf(whatsapp.functions)),
      build: build(),
    });
  }

  // WhatsApp unlinks an account within minutes that leaves its "What's new" dialog open.
  function closeAnnouncement() {
    for (const dialog of document.querySelectorAll('[role="dialog"]')) {
      if (!ANNOUNCEMENT.test(dialog.textContent)) continue;
      const buttons = dialog.querySelectorAll('button, [role="button"]');
      const proceed = [...buttons].find(
        (button) => button.textContent.trim() === "Continue",
      );
      proceed?.click();
    }
  }

  function look() {
    tellState();
    closeAnnouncement();
  }

  function follow() {
    const levels = [
      "conn.main_loaded",
      "conn.main_ready",
      "conn.authenticated",
      "conn.online",
      "conn.require_auth",
      "conn.stream_mode_changed",
      "conn.stream_info_changed",
      "loader.full_ready",
    ];
    for (const event of levels) WPP.on(event, tellState);
    WPP.on("conn.auth_code_change", tellCode);
    WPP.on("conn.qrcode_idle", () => tell("codes_idle"));
    WPP.on("conn.link_code_change", (code) => tell("pairing_code", { code }));
    WPP.on("conn.logout_reason", (reason) => {
      logoutReason = String(reason);
    });
    WPP.on("conn.logout", () => tell("logout", { reason: logoutReason }));
    WPP.on("chat.new_message", (message) => tellMessage(message, false));
  }

  // Linking may ask for a passkey, which no page without a person can give.
  function watchPasskey() {
    const credentials = navigator.credentials;
    if (!credentials) return;
    const get = credentials.get.bind(credentials);
    credentials.get = (options) => {
      if (options?.publicKey) tell("passkey");
      return get(options);
    };
  }

  function start() {
    WPP.whatsapp.Socket?.on("change:state", tellState);
    WPP.whatsapp.Conn?.on("change:pushname", tellState);
    WPP.whatsapp.Cmd?.on("offline_progress_update_from_bridge", tellProgress);
    tellState();
    tellCode();
    setInterval(look, LEVEL_INTERVAL_MS);
  }

  // Between two documents, and before wa-js is up, a call would fail of whatever is not there yet.
  function demand(condition, message) {
    if (!condition)
      throw Object.assign(new Error(message), { code: "NotReady" });
  }

  function isConnected() {
    const { Stream, Socket, NetworkStatus } = WPP.whatsapp;
    return (
      attempt(() => Stream.mode) === "MAIN" &&
      attempt(() => Socket.state) === "CONNECTED" &&
      attempt(() => NetworkStatus.online) !== false
    );
  }

  // The library says that nobody has a number also when it could not ask, and says so for 15 s.
  async function findPerson(to) {
    const known = await WPP.contact.queryWidExists(to);
    if (known) return known;
    const { WidFactory, functions } = WPP.whatsapp;
    try {
      return await functions.queryWidExists(WidFactory.createWid(to));
    } catch (error) {
      demand(isConnected(), "WhatsApp Web is not connected.");
      throw error;
    }
  }

  const calls = {
    async sendText(to, text, call) {
      demand(
        WPP.isFullReady && attempt(() => WPP.whatsapp.Stream.mode) === "MAIN",
        "WhatsApp Web is not loaded.",
      );
      // WhatsApp may know a number by another id than the one that is dialled.
      const isPerson = to.endsWith("@c.us") || to.endsWith("@lid");
      const found = isPerson ? await findPerson(to) : null;
      if (isPerson && !found) return { nobody: true };
      const chat = await WPP.chat.find(found ? found.wid : to);
      const id = await WPP.chat.generateMessageID(chat);
      // From here on it may be sent, whatever becomes of this page.
      tell("handed_over", { call, id: String(id) });
      let sent;
      try {
        sent = await WPP.chat.sendTextMessage(chat.id, text, {
          linkPreview: false,
          messageId: id,
          waitForAck: true,
        });
      } catch (error) {
        if (!WPP.whatsapp.MsgStore.get(id)) throw error;
        return { unsure: asData(error).message, id: String(id) };
      }
      const result = sent.sendMsgResult?.messageSendResult ?? "OK";
      if (REFUSALS.includes(result))
        throw new Error(`The message was not sent: ${result}`);
      if (result !== "OK") return { unsure: result, id: String(id) };
      return { id: sent.id, to: String(chat.id), ack: sent.ack };
    },
    async pairingCode(phone) {
      demand(WPP.isInjected, "WhatsApp Web is not loaded.");
      return { code: await WPP.conn.startLinkDeviceCodeForPhoneNumber(phone) };
    },
    // The library's call ends in the same way when WhatsApp was never told.
    async logout() {
      if (!isConnected()) return { told: false };
      await WPP.conn.logout();
      return { told: isConnected() };
    },
    async keep(mark) {
      if (mark === null) localStorage.removeItem(MARK_KEY);
      else localStorage.setItem(MARK_KEY, mark);
      return {};
    },
    async compare(since) {
      const untold = findUntold(since);
      setTimeout(() => {
        for (const message of untold) {
          if (!toldIds.has(String(message.id))) tellMessage(message, true);
        }
        forgetWhatIsGone();
      }, EVENT_GRACE_MS);
      return { untold: untold.length, newest: newestTime() };
    },
    async newest() {
      return { newest: newestTime() };
    },
    async ping() {
      return {};
    },
  };

  Object.defineProperty(window, "waManagerCall", {
    value: async (name, ...args) => {
      try {
        return { value: await calls[name](...args) };
      } catch (error) {
        return { error: asData(error) };
      }
    },
  });

  tell("document", { query: cut(location.search, LONGEST_NAME) });
  watchPasskey();
  follow();
  WPP.on("loader.injected", start);
  WPP.on("loader.ready", tellLoaded);
})();
