import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  // Fixed, because tauri.conf.json names it as devUrl.
  server: { host: '127.0.0.1', port: 5173, strictPort: true },
  build: {
    // The oldest web views Tauri runs in: WebKitGTK 2.40, macOS 13 (WKWebView), WebView2.
    target: ['safari16.4', 'chrome111'],
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  clearScreen: false,
});
