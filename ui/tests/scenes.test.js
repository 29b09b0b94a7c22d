// Every screen and state: accessible, and never wider than its window.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { overflow, previewed, settled, violations } from './harness.js';
import { scenes } from './scenes.js';

const inTab = previewed();

describe('every scene', () => {
  for (const [name, play] of Object.entries(scenes)) {
    test(`${name}: accessible in light and dark, and as wide as its window`, () =>
      inTab({ reducedMotion: 'reduce' }, async (tab) => {
        await play(tab);
        for (const colorScheme of ['light', 'dark']) {
          await tab.emulateMedia({ colorScheme });
          await settled(tab);
          assert.deepEqual(await violations(tab), [], colorScheme);
        }
        // Default, smallest window, default at 200 %, smallest at 200 %.
        for (const width of [440, 360, 220, 180]) {
          await tab.setViewportSize({ width, height: 480 });
          assert.ok((await overflow(tab)) <= 0, `scrolls sideways at ${width} px`);
        }
      }));
  }
});
