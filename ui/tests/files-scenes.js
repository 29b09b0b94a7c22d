// The Files room, each state of it as the steps that lead to it.
import { answer, dropped, refuse, settled, show } from './harness.js';
import * as it from './files-views.js';
import * as views from './views.js';

export const page = (tab, page) => tab.evaluate((page) => window.preview.page(page), page);
export const tellTransfers = (tab, all) =>
  tab.evaluate((all) => window.preview.transfers(all), all);
export const row = (tab, path) => tab.locator(`[data-path="${path}"]`);

/** The running listing gives these, and ends. */
export async function listed(tab, files, complete = true) {
  for (const some of it.pages(files)) await page(tab, some);
  await answer(tab, 'list_files', complete);
  await settled(tab);
}

/** The room is opened, and asks for the folders. */
export async function opening(tab, view = views.signedIn) {
  await show(tab, view);
  await tab.getByTestId('room-files').click();
  await tab.getByRole('heading', { level: 1, name: 'Files' }).waitFor();
}

/** The room is opened; what its first listing gives is up to the test. */
export async function opened(tab, view = views.signedIn) {
  await opening(tab, view);
  await answer(tab, 'file_folders', it.folders);
  await settled(tab);
}

export async function inFiles(tab, files = it.files, view = views.signedIn) {
  await opened(tab, view);
  await listed(tab, files);
}

async function chosen(tab, path, testid) {
  await inFiles(tab);
  await row(tab, path).click();
  if (testid) await tab.getByTestId(testid).click();
}

async function previewed(tab, path, preview) {
  await inFiles(tab);
  await row(tab, path).dblclick();
  await answer(tab, 'preview_file', preview);
  await settled(tab);
}

async function withTransfers(tab, all) {
  await inFiles(tab);
  await tellTransfers(tab, all);
  await settled(tab);
}

export const filesScenes = {
  files: (tab) => inFiles(tab),
  'files-looking': (tab) => opened(tab),
  'files-empty': (tab) => inFiles(tab, []),
  'files-many': (tab) => inFiles(tab, it.many(10_000)),
  'files-strange-names': (tab) => inFiles(tab, it.strange),
  'files-chosen': async (tab) => {
    await chosen(tab, 'notes.txt');
    await row(tab, 'Quarterly report.pdf').click({ modifiers: ['Control'] });
  },
  'files-one-chosen': (tab) => chosen(tab, 'report 2.pdf'),
  'files-deep': async (tab) => {
    await inFiles(tab, [it.folder('a rather long name for a folder/2026/Q4/December/week 51')]);
    await row(tab, 'a rather long name for a folder/2026/Q4/December/week 51/').dblclick();
    await listed(
      tab,
      it.files.map((file) => ({
        ...file,
        path: `a rather long name for a folder/2026/Q4/December/week 51/${file.path}`,
      })),
    );
  },
  'files-found': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('files-search').fill('report');
    await tab.keyboard.press('Enter');
    await page(tab, { files: [], lookedAt: 1000 });
    await listed(
      tab,
      [
        it.folder('Photos/reportage'),
        it.file('Contracts/2019/report 7.pdf', 5_000, views.DAY),
        it.file('Quarterly report.pdf', 2_431_877, 2 * views.DAY),
      ],
      false,
    );
  },
  'files-searching': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('files-search').fill('report');
    await tab.keyboard.press('Enter');
    await page(tab, { files: [], lookedAt: 12_000 });
    await settled(tab);
  },
  'files-found-nothing': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('files-search').fill('a name nobody has');
    await tab.keyboard.press('Enter');
    await listed(tab, []);
  },
  'files-not-allowed': async (tab) => {
    await opened(tab);
    await refuse(tab, 'list_files', it.notAllowed);
    await settled(tab);
  },
  'files-offline': async (tab) => {
    await opened(tab, views.offlineSession);
    await refuse(tab, 'list_files', it.offline);
    await settled(tab);
  },
  'files-offline-later': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('files-refresh').click();
    await refuse(tab, 'list_files', it.offline);
    await settled(tab);
  },
  'files-no-folders': async (tab) => {
    await opening(tab);
    await answer(tab, 'file_folders', []);
    await settled(tab);
  },
  'files-over': async (tab) => {
    await inFiles(tab);
    await dropped(tab, { kind: 'over' });
    await settled(tab);
  },
  'files-new-folder': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('new-folder').click();
  },
  'files-new-folder-refused': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('new-folder').click();
    await tab.getByTestId('file-name').fill('a/b');
    await tab.getByTestId('name-confirm').click();
  },
  'files-rename': (tab) => chosen(tab, 'report 2.pdf', 'rename'),
  'files-rename-taken': async (tab) => {
    await chosen(tab, 'report 10.pdf', 'rename');
    await tab.getByTestId('file-name').fill('report 2.pdf');
    await tab.getByTestId('name-confirm').click();
    await refuse(tab, 'rename_file', it.exists);
    await settled(tab);
  },
  'files-delete-for-good': async (tab) => {
    await inFiles(tab);
    await tab.getByTestId('file-list').focus();
    await tab.keyboard.press('Control+a');
    await tab.keyboard.press('Delete');
    await answer(tab, 'keeps_versions', false);
    await settled(tab);
  },
  'files-deleting': async (tab) => {
    await chosen(tab, 'Photos/', 'delete');
    await answer(tab, 'keeps_versions', true);
    await settled(tab);
    await tab.evaluate(() => window.preview.progress({ done: 2000, total: 6120 }));
    await settled(tab);
  },
  'files-deleted': async (tab) => {
    await chosen(tab, 'notes.txt', 'delete');
    await answer(tab, 'keeps_versions', true);
    await settled(tab);
    await answer(tab, 'delete_files', { objects: 1, undo: 1, problem: null });
    await settled(tab);
    await listed(
      tab,
      it.files.filter(({ path }) => path !== 'notes.txt'),
    );
  },
  'files-deleted-in-part': async (tab) => {
    await chosen(tab, 'Photos/', 'delete');
    await answer(tab, 'keeps_versions', true);
    await settled(tab);
    await answer(tab, 'delete_files', { objects: 2000, undo: 1, problem: it.notDeleted });
    await settled(tab);
    await listed(tab, it.files);
  },
  'files-shared': async (tab) => {
    await chosen(tab, 'Quarterly report.pdf', 'share');
    await answer(tab, 'share_file', views.NOW + views.HOUR - 20);
    await settled(tab);
  },
  'files-preview-text': (tab) =>
    previewed(tab, 'notes.txt', {
      kind: 'text',
      text: 'Call the landlord.\n\n<script>alert(1)</script>\n'.repeat(40),
      complete: false,
    }),
  'files-preview-picture': (tab) =>
    previewed(tab, 'Quarterly report.pdf', { kind: 'picture', url: it.picture }),
  'files-preview-none': (tab) => previewed(tab, 'budget 2026.xlsx', { kind: 'none' }),
  'files-preview-refused': async (tab) => {
    await inFiles(tab);
    await row(tab, 'notes.txt').dblclick();
    await refuse(tab, 'preview_file', it.gone);
    await settled(tab);
  },
  'transfers-running': (tab) => withTransfers(tab, [it.running, it.download]),
  'transfers-asking': (tab) => withTransfers(tab, [it.asking, it.alsoAsking, it.running]),
  'transfers-all': (tab) => withTransfers(tab, it.all),
  'transfers-failed': (tab) => withTransfers(tab, [it.failed, it.halfDone]),
};
