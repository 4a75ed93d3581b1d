/** The build of WhatsApp Web that is imitated. Libraries compare it, and take other paths for older ones. */

export const VERSION = "2.3000.1044096500";
