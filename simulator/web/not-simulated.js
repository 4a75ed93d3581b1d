/** What libraries ask for and nobody does here: refused by name, so that it is taken for no success. */

export function notSimulated(what) {
  return Object.assign(new Error(`The simulator does not simulate ${what}.`), {
    name: "NotSimulated",
  });
}
