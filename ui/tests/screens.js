// Saves a PNG of every scene, light and dark, at the default size and at 200 % zoom:
//   npm run screens -- FOLDER [SCENE ...]
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { root, start } from './harness.js';
import { scenes } from './scenes.js';

const [folder = 'dist/screens', ...only] = process.argv.slice(2);
const out = resolve(folder);
await mkdir(out, { recursive: true });
const conf = JSON.parse(await readFile(join(root, '../tauri.conf.json'), 'utf8'));
const { width, height } = conf.app.windows[0];
const app = await start('preview.html');
try {
  for (const [name, play] of Object.entries(scenes)) {
    if (only.length > 0 && !only.includes(name)) continue;
    for (const scheme of ['light', 'dark']) {
      for (const zoom of [1, 2]) {
        const tab = await app.open({
          width: width / zoom,
          height: height / zoom,
          deviceScaleFactor: zoom,
          scheme,
          reducedMotion: 'reduce',
        });
        await play(tab);
        await tab.evaluate(() => window.scrollTo(0, 0));
        await tab.screenshot({
          path: join(out, `${name}-${scheme}${zoom === 2 ? '-zoom' : ''}.png`),
          fullPage: true,
        });
        await tab.context().close();
      }
    }
  }
} finally {
  await app.close();
}
