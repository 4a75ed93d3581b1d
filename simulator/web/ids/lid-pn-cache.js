/** WAWebLidPnCache: which LIDs belong to which numbers, as far as this page has been told. */

const numbers = new Map();
const lids = new Map();

export const lidPnCache = {
  add(lid, wid) {
    numbers.set(String(lid), wid);
    lids.set(String(wid), lid);
  },
  getCurrentLid: (wid) => lids.get(String(wid)),
  getPhoneNumber: (lid) => numbers.get(String(lid)),
};
