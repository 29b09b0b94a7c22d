import { createSubscriber } from 'svelte/reactivity';

/** Unix seconds, re-read every `milliseconds` while something on screen shows it. */
function clock(milliseconds: number): { readonly now: number } {
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(update, milliseconds);
    // Timers stand still while the computer sleeps; coming back must not show an old time.
    document.addEventListener('visibilitychange', update);
    window.addEventListener('focus', update);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', update);
      window.removeEventListener('focus', update);
    };
  });
  return {
    get now() {
      subscribe();
      return Math.floor(Date.now() / 1000);
    },
  };
}

/** For a countdown somebody watches. */
export const everySecond = clock(1_000);

/** For times that are minutes or days away. */
export const everyHalfMinute = clock(30_000);
