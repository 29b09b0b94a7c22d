// Uploads and downloads: how they are shown, steered, and counted.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as it from './files-views.js';
import { filesScenes, inFiles, listed, tellTransfers } from './files-scenes.js';
import { answer, at, calls, previewed, refuse, settled, show, text } from './harness.js';
import * as views from './views.js';

const inTab = previewed();
const shown = (tab) => tab.getByTestId('transfer');
const words = async (tab, name) =>
  (await shown(tab).filter({ hasText: name }).innerText()).replace(/\s+/g, ' ');
const button = (tab, name) => tab.getByRole('button', { name });
const said = (tab) => tab.getByRole('status').first().innerText();
const tell = async (tab, ...all) => {
  await tellTransfers(tab, all);
  await settled(tab);
};

describe('transfers', () => {
  test('are counted beside the room’s name wherever one is, while they are not over', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      await tell(tab, it.running, it.asking, it.transfer(9, 'done'));
      const room = tab.getByRole('navigation', { name: 'Rooms' }).getByRole('button').nth(1);
      await tab.getByRole('button', { name: /^Files\s+2 transfers not finished$/ }).waitFor();
      await tell(tab, it.transfer(1, 'done'), it.transfer(9, 'done'));
      assert.equal(await room.innerText(), 'Files');
    }));

  test('say how far they are, how fast, and how long', () =>
    inTab({}, async (tab) => {
      await filesScenes['transfers-all'](tab);
      assert.match(await words(tab, 'video 1.mp4'), /120 MB of 512 MB, 8\.4 MB\/s, 47 s left/);
      assert.match(await words(tab, 'Photos to Downloads'), /118 of 1,204 files, .*3 min left/);
      assert.match(await words(tab, 'video 7.mp4'), /Waiting for its turn/);
      const bar = tab.getByRole('progressbar', { name: 'video 1.mp4' });
      assert.equal(await bar.evaluate((bar) => Math.round(bar.position * 100)), 23);
      assert.equal(await text(tab, 'transfers-count'), '2 questions, 2 failed, 4 going on, 3 done');
      // What needs the person comes first.
      const states = await shown(tab).evaluateAll((all) => all.map((one) => one.dataset.state));
      assert.deepEqual(states.slice(0, 4), ['asking', 'asking', 'failed', 'failed']);
    }));

  test('are paused, resumed, tried again, cancelled, shown, and cleared', () =>
    inTab({}, async (tab) => {
      await filesScenes['transfers-all'](tab);
      for (const [name, command, id] of [
        ['Pause video 1.mp4', 'pause_transfer', 1],
        ['Pause video 7.mp4', 'pause_transfer', 7],
        [/^Resume disk image/, 'resume_transfer', 8],
        ['Try again video 5.mp4', 'resume_transfer', 5],
        ['Cancel Photos', 'cancel_transfer', 2],
        ['Show folder of video 10.mp4', 'show_transfer', 10],
      ]) {
        await button(tab, name).click();
        assert.deepEqual((await calls(tab, command)).at(-1), [command, id]);
        await answer(tab, command);
        await settled(tab);
      }
      await at(tab, 'transfers-clear').click();
      await refuse(tab, 'clear_transfers', it.offline);
      await tab.getByRole('alert').getByText(it.offline.message).waitFor();
    }));

  test('a question names what is there; one answer, or the same for all', () =>
    inTab({}, async (tab) => {
      await filesScenes['transfers-asking'](tab);
      assert.match(
        await words(tab, 'lease.pdf'),
        /“lease\.pdf”, “lease 2019\.pdf” and 3 more are there already/,
      );
      const question = shown(tab).filter({ hasText: 'lease.pdf' });
      await question.getByTestId('skip').click();
      await answer(tab, 'answer_transfer');
      await settled(tab);
      await question.getByTestId('for-all').check();
      await question.getByTestId('replace').click();
      for (let n = 0; n < 2; n += 1) {
        await settled(tab);
        await answer(tab, 'answer_transfer');
      }
      await settled(tab);
      assert.deepEqual(
        (await calls(tab, 'answer_transfer')).map((call) => call.slice(1)),
        [
          [3, 'skip'],
          [3, 'replace'],
          [4, 'replace'],
        ],
      );
    }));

  test('what arrives is told, and the folder is looked at again', () =>
    inTab({}, async (tab) => {
      await inFiles(tab, []);
      await tell(tab, it.running);
      assert.equal(await at(tab, 'transfers-toggle').getAttribute('aria-expanded'), 'true');
      await tell(tab, it.transfer(1, 'asking', { conflicts: ['a'] }));
      assert.equal(await said(tab), 'A transfer has a question.');
      await tell(tab, it.transfer(1, 'done'));
      assert.equal(await said(tab), 'All transfers are done.');
      await listed(tab, it.files);
      assert.equal(await text(tab, 'files-summary'), '2 folders, 6 files.');
      await tell(tab);
      assert.equal(await at(tab, 'transfers').count(), 0);
    }));

  test('one that has failed says why and what to do, and what of it could not be had', () =>
    inTab({}, async (tab) => {
      await filesScenes['transfers-failed'](tab);
      assert.match(
        await words(tab, 'video 5.mp4'),
        /Stopped.*cannot be reached.*Check the network/,
      );
      assert.match(await words(tab, 'Holidays'), /beach\.raw: “notes\.txt” is not there/);
    }));
});
