/** What faults do to the page as a program: it hangs, or it crashes. */

const LEVELS_AT_ONCE = 1_000;

/** Keeps the main thread busy, for ever if no time is given: timers, events and evaluations wait. */
export function hang({ seconds }) {
  const end = performance.now() + (seconds ?? Infinity) * 1_000;
  while (performance.now() < end) continue;
}

/**
 * Crashes the renderer process. A page may not navigate to chrome://crash, and scripts that ask for too much memory or
 * recursion only get an exception; but layout recurses into nested elements and overflows the process's own stack.
 */
export function crash() {
  let parent = document.body;
  for (;;) {
    for (let level = 0; level < LEVELS_AT_ONCE; level += 1) {
      parent = parent.appendChild(document.createElement("div"));
    }
    document.body.getBoundingClientRect();
  }
}
