/** Where the page begins: WhatsApp's modules are put up for the libraries to find, then the session starts. */

import { defineCommonModules } from "./modules/common.js";
import { defineOtherModules } from "./modules/others.js";
import { defineWaJsModules } from "./modules/wa-js.js";
import { defineWhatsAppWebJsModules } from "./modules/whatsapp-web-js.js";
import { installModuleSystem } from "./module-system.js";
import { startScreen } from "./screen.js";
import { startSession } from "./session.js";
import { VERSION } from "./version.js";

const { hiddenModules } = document.documentElement.dataset;
installModuleSystem(hiddenModules.split(" "));
defineCommonModules();
defineWaJsModules();
defineWhatsAppWebJsModules();
defineOtherModules();
self.Debug = { VERSION };

startScreen();
await startSession();
