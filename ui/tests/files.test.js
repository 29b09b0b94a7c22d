// The Files room: places, the list under the keyboard, and what is done to files.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as it from './files-views.js';
import { filesScenes, inFiles, listed, opened, opening, page, row } from './files-scenes.js';
import {
  alerts,
  answer,
  at,
  calls,
  dropped,
  dropTarget,
  focused,
  previewed,
  refuse,
  settled,
  show,
  text,
} from './harness.js';
import * as views from './views.js';

const inTab = previewed();
const list = (tab) => tab.getByRole('grid');
/** The rows that are in the page, by name. */
const rows = (tab) =>
  tab.locator('[data-path]').evaluateAll((all) => all.map(({ dataset }) => dataset.path));
const chosen = (tab) =>
  tab
    .locator('[data-path][aria-selected=true]')
    .evaluateAll((all) => all.map(({ dataset }) => dataset.path));
/** What a screen reader is told the keyboard is at. */
const active = (tab) =>
  list(tab).evaluate(
    (grid) => document.getElementById(grid.getAttribute('aria-activedescendant'))?.dataset.path,
  );
const came = (tab, progress) => tab.evaluate((it) => window.preview.progress(it), progress);
const said = (tab) => tab.getByRole('status').first().innerText();
const press = async (tab, ...keys) => {
  for (const key of keys) await tab.keyboard.press(key);
  await settled(tab);
};

describe('places', () => {
  test('the first folder is listed; another one is a click away', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      assert.equal(await text(tab, 'files-summary'), '2 folders, 6 files.');
      await at(tab, 'files-folder-1').click();
      assert.equal(await list(tab).getAttribute('aria-label'), 'Shared files');
      await listed(tab, []);
      assert.match(await tab.getByRole('main').innerText(), /Nothing here yet/);
      assert.deepEqual(await calls(tab, 'list_files'), [
        ['list_files', 0, '', null],
        ['list_files', 1, '', null],
      ]);
    }));

  test('in with Enter, out with Backspace, to where one came from; the keyboard stays', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await list(tab).focus();
      await press(tab, 'End', 'Home', 'ArrowDown', 'Enter');
      await listed(tab, [it.file('Photos/cat.jpg', 4_000, 60)]);
      assert.equal(await focused(tab), 'file-list');
      assert.equal(await said(tab), '1 file.');
      await tab.getByTestId('files-path').getByText('Photos').waitFor();
      await press(tab, 'Backspace');
      await listed(tab, it.files);
      assert.equal(await active(tab), 'Photos/');
      assert.equal(await focused(tab), 'file-list');
      await press(tab, 'Backspace');
      assert.equal((await calls(tab, 'list_files')).length, 3, 'above the folder is nothing');
    }));

  test('a deep path keeps its end; the steps between are one', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-deep'](tab);
      const path = at(tab, 'files-path').getByRole('listitem');
      assert.deepEqual(await path.allInnerTexts(), [
        'Your files',
        '…',
        'Q4',
        'December',
        'week 51',
      ]);
      await at(tab, 'files-path').getByRole('button', { name: '2026' }).click();
      assert.deepEqual((await calls(tab, 'list_files')).at(-1), [
        'list_files',
        0,
        'a rather long name for a folder/2026/',
        null,
      ]);
    }));

  test('a search begins while one types, tells how far it is, and Escape ends it', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await at(tab, 'files-search').fill('rep');
      await tab.waitForFunction(() => window.preview.log.some((it) => it[3] === 'rep'));
      await page(tab, { files: [it.files[4]], lookedAt: 3000 });
      await tab.getByText('Searched 3,000 files').waitFor();
      assert.deepEqual(await rows(tab), ['Quarterly report.pdf']);
      await listed(tab, [], true);
      assert.equal(await text(tab, 'files-summary'), '1 found.');
      await press(tab, 'Escape');
      assert.deepEqual((await calls(tab, 'list_files')).at(-1), ['list_files', 0, '', null]);
      assert.equal(await at(tab, 'files-search').inputValue(), '');
    }));

  test('what an earlier listing still brings is not shown', () =>
    inTab({}, async (tab) => {
      await opened(tab);
      await at(tab, 'files-folder-1').click();
      await answer(tab, 'list_files', false);
      await listed(tab, [it.file('shared.txt', 1, 60)]);
      assert.deepEqual(await rows(tab), ['shared.txt']);
    }));

  test('another room and back: the place and the order are kept, and it is looked at again', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await at(tab, 'sort-size').click();
      await row(tab, 'Photos/').dblclick();
      await listed(tab, []);
      await at(tab, 'room-account').click();
      await at(tab, 'room-files').click();
      assert.deepEqual((await calls(tab, 'list_files')).at(-1), ['list_files', 0, 'Photos/', null]);
      assert.equal(
        await tab.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort'),
        'descending',
      );
    }));
});

describe('the list', () => {
  test('folders first, numbers by their value; each column both ways', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      const names = [
        'budget 2026.xlsx',
        'notes.txt',
        'Quarterly report.pdf',
        'report 2.pdf',
        'report 10.pdf',
        'site backup.tar.gz',
      ];
      assert.deepEqual(await rows(tab), ['Contracts/', 'Photos/', ...names]);
      await at(tab, 'sort-name').click();
      assert.deepEqual(await rows(tab), ['Photos/', 'Contracts/', ...names.toReversed()]);
      await at(tab, 'sort-size').click();
      assert.equal((await rows(tab))[2], 'site backup.tar.gz');
      await at(tab, 'sort-modified').click();
      assert.equal((await rows(tab))[2], 'notes.txt');
      await at(tab, 'sort-modified').click();
      assert.equal((await rows(tab))[2], 'site backup.tar.gz');
      await at(tab, 'sort-name').click();
    }));

  test('10,000 files: few rows, all of them under the keyboard, counted for a screen reader', () =>
    inTab({}, async (tab) => {
      await opened(tab);
      const files = it.many(10_000);
      for (const some of it.pages(files)) await page(tab, some);
      await answer(tab, 'list_files', true);
      await settled(tab);
      assert.equal(await text(tab, 'files-summary'), '10,000 files.');
      assert.equal(await list(tab).getAttribute('aria-rowcount'), '10001');
      assert.ok((await rows(tab)).length < 60, `${(await rows(tab)).length} rows`);
      await list(tab).focus();
      await press(tab, 'End');
      assert.equal(await active(tab), 'scan 09999.tiff');
      await tab.locator('[aria-rowindex="10001"]').waitFor();
      assert.ok((await rows(tab)).length < 60);
      await press(tab, 'PageUp', 'PageUp', 'Home', 'PageDown', 'ArrowUp');
      assert.match(await active(tab), /scan 000\d\d/);
      await press(tab, '9', '9', '9');
      await press(tab, 'Control+a');
      await tab.getByText('10,000 of 10,000 chosen').waitFor();
      // Wherever one is, a few screenfuls are there and not all of them.
      const drawn = await tab.evaluate(async () => {
        const grid = document.querySelector('[role=grid]');
        const drawn = [];
        for (let at = 0; at < 40; at += 1) {
          grid.scrollTop = at * 9_000;
          // Drawn after what the scrolling has caused.
          for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
          const seen = grid.getBoundingClientRect();
          const inSight = (row) => {
            const { top, bottom } = row.getBoundingClientRect();
            return bottom > seen.top && top < seen.bottom;
          };
          const all = [...grid.querySelectorAll('[role=row]')];
          drawn.push([all.length, all.filter(inSight).length]);
        }
        return drawn;
      });
      for (const [all, inSight] of drawn)
        assert.ok(inSight > 5 && all < 200, `${inSight} of ${all} rows are in sight`);
    }));

  test('choosing: a range, single ones, all, none, by letters', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await list(tab).focus();
      await press(tab, 'ArrowDown', 'ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown');
      assert.deepEqual(await chosen(tab), ['Photos/', 'budget 2026.xlsx', 'notes.txt']);
      await press(tab, 'Shift+ArrowUp');
      assert.deepEqual(await chosen(tab), ['Photos/', 'budget 2026.xlsx']);
      await press(tab, 'Control+End', 'Space');
      assert.deepEqual(await chosen(tab), ['Photos/', 'budget 2026.xlsx', 'site backup.tar.gz']);
      await press(tab, 'Escape');
      assert.deepEqual(await chosen(tab), []);
      await press(tab, 'r', 'e', 'p');
      assert.deepEqual(await chosen(tab), ['report 2.pdf']);
      await row(tab, 'notes.txt').click();
      await row(tab, 'report 10.pdf').click({ modifiers: ['Shift'] });
      assert.equal((await chosen(tab)).length, 4);
      await row(tab, 'report 2.pdf').click({ modifiers: ['Control'] });
      assert.equal((await chosen(tab)).length, 3);
      assert.equal(await focused(tab), 'file-list');
      await press(tab, 'Control+a');
      assert.equal((await chosen(tab)).length, 8);
    }));

  test('a long name keeps its end, and is whole in the tooltip and for a screen reader', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-strange-names'](tab);
      const name = it.strange[3].path;
      const cell = row(tab, name).locator('bdi').first();
      assert.equal(await cell.getAttribute('title'), name);
      await tab.getByRole('gridcell', { name, exact: true }).waitFor();
      const end = await cell.locator('.end').boundingBox();
      const whole = await list(tab).boundingBox();
      assert.ok(end.x + end.width <= whole.x + whole.width, 'its end is in sight');
      // What would read backwards says that it does; what joins emoji is no trick.
      const reversed = row(tab, 'photo\u202egpj.exe').locator('bdi');
      assert.match(await reversed.getAttribute('title'), /U\+202E/);
      assert.doesNotMatch(await reversed.textContent(), /\u202e/);
      const emoji = row(tab, it.strange[6].path).locator('bdi');
      assert.equal(await emoji.getAttribute('title'), it.strange[6].path);
    }));
});

describe('what is done to files', () => {
  test('uploads and downloads are chosen in Rust, for this folder and these files', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'Photos/').dblclick();
      await listed(tab, [it.file('Photos/cat.jpg', 4_000, 60), it.file('Photos/dog.jpg', 9, 60)]);
      await at(tab, 'upload-files').click();
      await answer(tab, 'upload_files', 2);
      await settled(tab);
      assert.equal(await said(tab), 'Uploading 2 items.');
      await at(tab, 'upload-folders').click();
      await answer(tab, 'upload_files', 0);
      await list(tab).focus();
      await press(tab, 'Control+a');
      await at(tab, 'download').click();
      await answer(tab, 'download_files', 2);
      await settled(tab);
      await at(tab, 'download-to').click();
      await answer(tab, 'download_files', 0);
      assert.deepEqual(await calls(tab, 'upload_files'), [
        ['upload_files', 0, 'Photos/', false],
        ['upload_files', 0, 'Photos/', true],
      ]);
      const paths = ['Photos/cat.jpg', 'Photos/dog.jpg'];
      assert.deepEqual(await calls(tab, 'download_files'), [
        ['download_files', 0, paths, false],
        ['download_files', 0, paths, true],
      ]);
    }));

  test('a drop goes into the folder that is shown, and not past a question', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'Photos/').dblclick();
      await listed(tab, []);
      assert.deepEqual(await dropTarget(tab), { kind: 'files', folder: 0, path: 'Photos/' });
      await dropped(tab, { kind: 'over' });
      await tab.getByText('Drop to upload to “Photos”').waitFor();
      await dropped(tab, { kind: 'left' }, { kind: 'uploading', count: 3 });
      await settled(tab);
      assert.equal(await tab.getByText('Drop to upload').count(), 0);
      assert.equal(await said(tab), 'Uploading 3 items.');
      await dropped(tab, { kind: 'refused', error: it.gone });
      assert.match((await alerts(tab))[0], /notes\.txt/);
      await at(tab, 'new-folder').click();
      await settled(tab);
      assert.deepEqual(await dropTarget(tab), { kind: 'nothing' });
      await press(tab, 'Escape');
      await at(tab, 'room-account').click();
      await settled(tab);
      assert.deepEqual(await dropTarget(tab), { kind: 'profile' });
    }));

  describe('what is dragged out', () => {
    const wanted = async (tab) => (await calls(tab, 'fetch_to_drag')).map(([, , paths]) => paths);
    /** Presses on a row and goes so far to the right. */
    const drag = async (tab, path, far = 40) => {
      const box = await row(tab, path).boundingBox();
      const [x, y] = [box.x + 40, box.y + box.height / 2];
      await tab.mouse.move(x, y);
      await tab.mouse.down();
      await tab.mouse.move(x + far, y, { steps: 4 });
    };

    test('is downloaded first, and is under the pointer from then on', () =>
      inTab({}, async (tab) => {
        await inFiles(tab);
        await drag(tab, 'notes.txt', 4);
        assert.deepEqual(await wanted(tab), [], 'a hand is not quite still in a click');
        await tab.mouse.up();
        await drag(tab, 'notes.txt');
        assert.deepEqual(await wanted(tab), [['notes.txt']]);
        assert.equal(await text(tab, 'files-holding'), 'Downloading “notes.txt” to drag…');
        await answer(tab, 'fetch_to_drag', 7);
        await answer(tab, 'drag_out', true);
        await settled(tab);
        assert.deepEqual(await calls(tab, 'drag_out'), [['drag_out', 7]]);
        await tab.mouse.up();
        assert.equal(await at(tab, 'files-holding').count(), 0);
        assert.deepEqual(await chosen(tab), ['notes.txt']);
      }));

    test('is all that is chosen, where the hand takes one of those', () =>
      inTab({}, async (tab) => {
        await inFiles(tab);
        await row(tab, 'Photos/').click();
        await row(tab, 'notes.txt').click({ modifiers: ['Control'] });
        await drag(tab, 'notes.txt');
        assert.deepEqual(await wanted(tab), [['Photos/', 'notes.txt']]);
        // Let go where it was: all of it is still chosen.
        await tab.mouse.move(300, 300);
        await tab.mouse.up();
        assert.equal((await chosen(tab)).length, 2);
        await answer(tab, 'fetch_to_drag', 1);
        await settled(tab);
        assert.match(await text(tab, 'files-done'), /2 items can be dragged now: they are on this/);
        assert.deepEqual(await calls(tab, 'drag_out'), [], 'nobody holds it any more');
        // Another one, which was not chosen.
        await drag(tab, 'Contracts/');
        assert.deepEqual((await wanted(tab)).at(-1), ['Contracts/']);
        await tab.mouse.up();
      }));

    test('is told of where it cannot be, and not where the transfers tell it', () =>
      inTab({}, async (tab) => {
        await inFiles(tab);
        await drag(tab, 'notes.txt');
        await answer(tab, 'fetch_to_drag', null);
        await settled(tab);
        assert.equal(await at(tab, 'files-holding').count(), 0);
        assert.equal(await at(tab, 'files-done').count(), 0);
        await tab.mouse.up();
        await drag(tab, 'notes.txt');
        await refuse(tab, 'fetch_to_drag', it.gone);
        await settled(tab);
        assert.match((await alerts(tab))[0], /notes\.txt/);
        assert.equal(await at(tab, 'files-holding').count(), 0);
        await tab.mouse.up();
      }));

    test('is the latest: what was let go of comes too late', () =>
      inTab({}, async (tab) => {
        await inFiles(tab);
        await drag(tab, 'notes.txt');
        await tab.mouse.up();
        await drag(tab, 'Photos/');
        await answer(tab, 'fetch_to_drag', 1);
        await settled(tab);
        assert.equal(await text(tab, 'files-holding'), 'Downloading “Photos” to drag…');
        assert.equal(await at(tab, 'files-done').count(), 0);
        await answer(tab, 'fetch_to_drag', 2);
        await answer(tab, 'drag_out', false);
        assert.deepEqual(await calls(tab, 'drag_out'), [['drag_out', 2]]);
        await tab.mouse.up();
      }));
  });

  test('a new folder: a bad name is told, a good one is made and chosen', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await at(tab, 'new-folder').click();
      assert.equal(await focused(tab), 'file-name');
      for (const [name, fault] of [
        ['', 'Write a name'],
        ['a/b', 'slash'],
        ['..', 'another folder'],
        ['x'.repeat(901), 'too long'],
      ]) {
        await at(tab, 'file-name').fill(name);
        await tab.keyboard.press('Enter');
        assert.match((await alerts(tab))[0], new RegExp(fault));
      }
      assert.deepEqual(await calls(tab, 'create_folder'), []);
      await at(tab, 'file-name').fill('Invoices');
      await tab.keyboard.press('Enter');
      await answer(tab, 'create_folder');
      await listed(tab, [...it.files, it.folder('Invoices')]);
      assert.deepEqual(await calls(tab, 'create_folder'), [['create_folder', 0, 'Invoices/']]);
      assert.deepEqual(await chosen(tab), ['Invoices/']);
      assert.equal(await focused(tab), 'file-list');
    }));

  test('another name: the part before the dot is chosen; a name that is taken is asked about', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'report 10.pdf').click();
      await press(tab, 'F2');
      await tab.keyboard.insertText('report 2');
      assert.equal(await at(tab, 'file-name').inputValue(), 'report 2.pdf');
      await tab.keyboard.press('Enter');
      await refuse(tab, 'rename_file', it.exists);
      await at(tab, 'name-keep-both').click();
      await answer(tab, 'rename_file', 'report 2 (2).pdf');
      await settled(tab);
      assert.match(await text(tab, 'files-done'), /called “report 2 \(2\)\.pdf” now/);
      assert.deepEqual(
        (await calls(tab, 'rename_file')).map((call) => call.slice(1)),
        ['ask', 'keepBoth'].map((how) => [0, 'report 10.pdf', 'report 2.pdf', how]),
      );
      await listed(tab, it.files);
      // Replaced, or left.
      await tab.reload();
      await filesScenes['files-rename-taken'](tab);
      await at(tab, 'name-replace').click();
      assert.equal((await calls(tab, 'rename_file')).at(-1)[4], 'replace');
    }));

  test('of a folder of many files, can be stopped where it was asked for', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'Photos/').click();
      await press(tab, 'F2');
      await at(tab, 'file-name').fill('Pictures');
      await tab.keyboard.press('Enter');
      await came(tab, { done: 3, total: 10 });
      await at(tab, 'name-cancel').getByText('Stop').click();
      assert.deepEqual(await calls(tab, 'stop_changes'), [['stop_changes']]);
      await answer(tab, 'rename_file', 'Photos/');
      await listed(tab, it.files);
      assert.equal(
        await text(tab, 'files-done'),
        'Stopped: a part of “Photos” is in “Pictures” now.',
      );
      assert.equal(await tab.getByRole('dialog').count(), 0);
    }));

  test('deleted at once where it can be had back, and had back by the button or the keyboard', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-deleted'](tab);
      assert.match(await text(tab, 'files-done'), /“notes\.txt” deleted\. Undo/);
      assert.equal(await active(tab), 'Quarterly report.pdf', 'the next one');
      await list(tab).focus();
      await press(tab, 'Control+z');
      await answer(tab, 'undo_delete');
      await listed(tab, it.files);
      assert.deepEqual(await calls(tab, 'undo_delete'), [['undo_delete', 1]]);
      assert.equal(await text(tab, 'files-done'), 'It is back.');
      assert.ok((await rows(tab)).includes('notes.txt'));
      await press(tab, 'Control+z');
      assert.equal((await calls(tab, 'undo_delete')).length, 1, 'once only');
    }));

  test('much of it says how far it is, and can be stopped', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'Photos/').click();
      await press(tab, 'Delete');
      await answer(tab, 'keeps_versions', true);
      assert.equal(await at(tab, 'files-stop').count(), 0, 'nothing to stop yet');
      await came(tab, { done: 1000, total: 25_000 });
      assert.match(await text(tab, 'files-working'), /^Deleting 1,000 of 25,000/);
      await at(tab, 'files-stop').click();
      assert.deepEqual(await calls(tab, 'stop_changes'), [['stop_changes']]);
      assert.equal(await text(tab, 'files-working'), 'Stopping…');
      await came(tab, { done: 2000, total: 25_000 });
      assert.equal(await text(tab, 'files-working'), 'Stopping…');
      await answer(tab, 'delete_files', { objects: 2000, undo: 1, problem: null });
      await listed(tab, it.files);
      assert.match(await text(tab, 'files-done'), /^Stopped: 2,000 files deleted\. Undo/);
      assert.ok((await rows(tab)).includes('Photos/'), 'what is left is shown');
    }));

  test('nothing is deleted in a folder that is looked at while that is asked', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'notes.txt').click();
      await press(tab, 'Delete');
      await tab.getByRole('button', { name: 'Shared files' }).click();
      await answer(tab, 'keeps_versions', true);
      await listed(tab, it.files);
      assert.deepEqual(await calls(tab, 'delete_files'), []);
      // What is known is known of the other one.
      await row(tab, 'notes.txt').click();
      await press(tab, 'Delete');
      await answer(tab, 'keeps_versions', false);
      await settled(tab);
      assert.deepEqual(
        (await calls(tab, 'keeps_versions')).map(([, folder]) => folder),
        [0, 1],
      );
      assert.equal(await tab.getByRole('dialog', { name: /for good/ }).count(), 1);
      assert.deepEqual(await calls(tab, 'delete_files'), []);
    }));

  test('what failed halfway says so until it was read, and what is gone can be had back', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-deleted-in-part'](tab);
      assert.match(await text(tab, 'files-done'), /^Only 2,000 files deleted\. Undo/);
      assert.match(await text(tab, 'files-problem'), /is not allowed s3:DeleteObject/);
      assert.ok((await rows(tab)).includes('Photos/'), 'what is left is shown');
      // Also where nothing was done, and whatever is listed meanwhile.
      await tab.getByPlaceholder('Search').focus();
      await press(tab, 'Control+z');
      assert.deepEqual(await calls(tab, 'undo_delete'), [], 'there it takes back what is written');
      await at(tab, 'delete').focus();
      await press(tab, 'Control+z');
      await refuse(tab, 'undo_delete', { ...it.notDeleted, message: 'It cannot be taken back.' });
      await listed(tab, it.files);
      assert.match(await text(tab, 'files-problem'), /cannot be taken back/);
      await at(tab, 'files-refresh').click();
      await listed(tab, it.files);
      assert.equal(await at(tab, 'files-problem').count(), 0, 'looked at again');
    }));

  test('where it cannot be had back, or nobody can say, it is asked first', () =>
    inTab({}, async (tab) => {
      for (const [versions, words] of [
        [false, /keeps no versions: what is deleted cannot be brought back/],
        [null, /Nobody can say/],
      ]) {
        await tab.reload();
        await inFiles(tab);
        await row(tab, 'Photos/').click();
        await press(tab, 'Delete');
        await answer(tab, 'keeps_versions', versions);
        const dialog = tab.getByRole('dialog', { name: 'Delete “Photos” for good?' });
        assert.match(await dialog.innerText(), words);
        assert.match(await dialog.innerText(), /goes with all that is in it/);
        await press(tab, 'Escape');
        assert.deepEqual(await calls(tab, 'delete_files'), []);
        await press(tab, 'Delete');
        await at(tab, 'delete-confirm').click();
        await answer(tab, 'delete_files', { objects: 4, undo: null, problem: null });
        await listed(tab, it.files.slice(2));
        assert.equal(await text(tab, 'files-done'), '“Photos” deleted.');
        assert.equal((await calls(tab, 'keeps_versions')).length, 1, 'asked once');
      }
    }));

  test('a link is copied by Rust; the page is told when it dies, and nothing else', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-shared'](tab);
      const told = await text(tab, 'files-done');
      assert.match(told, /until 09:59 \(59 min\): it dies with the credentials/);
      assert.deepEqual(await calls(tab, 'share_file'), [['share_file', 0, 'Quarterly report.pdf']]);
    }));

  test('a look at text and pictures: nothing in them runs', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-preview-text'](tab);
      assert.match(await text(tab, 'preview-text'), /<script>alert\(1\)<\/script>/);
      assert.equal(await tab.locator('pre script').count(), 0);
      await press(tab, 'Escape');
      assert.equal(await focused(tab), 'file-list');
      assert.deepEqual((await calls(tab, 'preview_file')).at(-1), ['preview_file', 0, 'notes.txt']);
      await at(tab, 'choose-none').click();
      await row(tab, 'Quarterly report.pdf').dblclick();
      await answer(tab, 'preview_file', { kind: 'picture', url: it.picture });
      await tab.waitForFunction(() => document.querySelector('dialog img')?.naturalWidth === 2);
      await at(tab, 'preview-download').click();
      assert.deepEqual(await calls(tab, 'download_files'), [
        ['download_files', 0, ['Quarterly report.pdf'], false],
      ]);
    }));
});

describe('what goes wrong', () => {
  test('no permission: what is missing, of which role, whom to ask, and the other folder', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-not-allowed'](tab);
      const [told] = await alerts(tab);
      for (const words of ['s3:ListBucket', 'role/KeyfobDemoAuthenticated', 'your administrator']) {
        assert.ok(told.includes(words), told);
      }
      await at(tab, 'files-folder-1').click();
      await listed(tab, it.files);
      assert.deepEqual(await alerts(tab), []);
    }));

  test('offline: what was seen stays, and it is looked again when the network is back', () =>
    inTab({}, async (tab) => {
      await filesScenes['files-offline-later'](tab);
      assert.match((await alerts(tab))[0], /cannot be reached/);
      assert.equal((await rows(tab)).length, 8);
      await at(tab, 'files-retry').click();
      await refuse(tab, 'list_files', it.offline);
      await show(tab, views.offlineSession);
      await show(tab, views.signedIn);
      await settled(tab);
      await listed(tab, it.files.slice(1));
      assert.deepEqual(await alerts(tab), []);
      assert.equal((await rows(tab)).length, 7);
    }));

  test('credentials that cannot be had: the folders are asked for again', () =>
    inTab({}, async (tab) => {
      await opening(tab);
      await refuse(tab, 'file_folders', it.offline);
      await at(tab, 'files-retry').click();
      await answer(tab, 'file_folders', it.folders);
      await listed(tab, it.files);
      assert.equal((await rows(tab)).length, 8);
    }));

  test('a change that is refused is told, and the folder looked at again', () =>
    inTab({}, async (tab) => {
      await inFiles(tab);
      await row(tab, 'notes.txt').click();
      await at(tab, 'share').click();
      await refuse(tab, 'share_file', it.gone);
      await settled(tab);
      assert.match((await alerts(tab))[0], /not there \(any more\)/);
      await tab.getByRole('button', { name: 'Dismiss' }).click();
      assert.deepEqual(await alerts(tab), []);
    }));
});
