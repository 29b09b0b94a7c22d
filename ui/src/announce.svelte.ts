let sentence = $state('');

/** Tells people who listen to a screen reader what others see happen. */
export const announcer = {
  get sentence() {
    return sentence;
  },
  say(next: string) {
    // A live region speaks only when its text changes; the space makes a repeat a change.
    sentence = next === sentence ? `${next}\u00a0` : next;
  },
};
