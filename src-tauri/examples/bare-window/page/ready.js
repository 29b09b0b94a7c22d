// As ui/src/App.svelte does it: a window that is not shown yet may get no frames.
let done = false;
const ready = () => {
  if (!done) window.__TAURI_INTERNALS__.invoke('ready');
  done = true;
};
if (document.hidden) ready();
requestAnimationFrame(() => requestAnimationFrame(ready));
setTimeout(ready, 100);
