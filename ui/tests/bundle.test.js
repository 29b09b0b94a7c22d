// What ships: the production bundle, on the IPC that Tauri injects.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as it from './files-views.js';
import { root, start } from './harness.js';
import * as views from './views.js';

let app;
before(async () => (app = await start('index.html')));
after(() => app?.close());

/** Stands where Tauri's own script stands: callbacks by number, commands into a log. */
function injectTauri(answers) {
  const callbacks = new Map();
  window.ipc = {
    log: [],
    refusal: null,
    sent: {},
    /** Through the channel of the last such command. */
    send(message, command = 'watch') {
      const { channel } = window.ipc.log.findLast(([name]) => name === command)[1];
      const index = (window.ipc.sent[channel.id] ?? -1) + 1;
      window.ipc.sent[channel.id] = index;
      callbacks.get(channel.id)({ index, message });
    },
  };
  window.__TAURI_INTERNALS__ = {
    transformCallback(callback) {
      callbacks.set(callbacks.size + 1, callback);
      return callbacks.size;
    },
    unregisterCallback: (id) => callbacks.delete(id),
    invoke(command, args = {}) {
      window.ipc.log.push([command, args]);
      return window.ipc.refusal
        ? Promise.reject(window.ipc.refusal)
        : Promise.resolve(answers[command] ?? null);
    },
  };
}

test('sends each command under its name, with its arguments', async () => {
  const answers = {
    call_api: views.apiAnswer,
    aws_identity: views.awsAnswer,
    aws_roles: views.roles,
    plan_aws_config: views.configPlan,
    copy_credentials: views.copied,
    invoke_function: views.functionAnswer,
    preview_profile: views.preview,
  };
  const tab = await app.open({ prepare: (tab) => tab.addInitScript(injectTauri, answers) });
  const sent = () => tab.evaluate(() => window.ipc.log);
  const send = (view) => tab.evaluate((view) => window.ipc.send(view), view);
  const click = (testid) => tab.getByTestId(testid).click();

  await send(views.but(views.signedOut, { problem: views.timedOut }));
  await tab.waitForFunction(() => window.ipc.log.some(([command]) => command === 'ready'));
  await tab.getByRole('button', { name: 'Dismiss' }).click();
  await click('sign-in');
  await click('other-user');
  await send(views.signingIn);
  await click('no-answer');
  await tab.getByTestId('paste-answer').fill('4c0de');
  await click('paste-submit');
  await tab.locator('[data-route=paste]').click();
  await click('cancel');
  await send(views.offlineSession);
  await click('retry');
  await send(views.several);
  await click('call-api');
  await click('room-functions');
  await click('invoke');
  await click('room-aws-access');
  await click('set-up-aws-config');
  await click('apply-aws-config');
  await tab.evaluate((view) => window.ipc.send(view, 'watch_access'), {
    ...views.access,
    allowed: false,
  });
  await click('allow-programs');
  await click('copy-credentials');
  await tab.getByTestId('aws-role').selectOption({ index: 2 });
  await click('account-menu');
  await tab.locator('[data-profile=Contoso]').click();
  await click('account-menu');
  await click('rename-profile');
  await tab.getByTestId('rename-profile-name').fill('Demo');
  await click('rename-profile-confirm');
  await click('account-menu');
  await click('remove-profile');
  await click('remove-profile-confirm');
  await click('account-menu');
  await click('add-profile');
  await tab.getByTestId('profile-url').fill('https://northwind.example/keyfob.toml');
  await click('profile-preview');
  await click('profile-trust');
  await tab.evaluate((error) => (window.ipc.refusal = error), views.offline);
  await click('account-menu');
  await click('sign-out');
  await click('sign-out-everywhere');
  await tab.getByRole('alert').getByText(views.offline.message).waitFor();

  const all = await sent();
  // What is told all the time, and where a drop would go, is asked between the others.
  const always = ['watch_transfers', 'watch_drops', 'accept_drops'];
  for (const name of always)
    assert.ok(
      all.some(([command]) => command === name),
      name,
    );
  const aims = all.filter(([command]) => command === 'accept_drops');
  assert.deepEqual(aims.at(-1), ['accept_drops', { target: { kind: 'nothing' } }]);
  const [[watch, { channel }], ...rest] = all.filter(([command]) => !always.includes(command));
  assert.equal(watch, 'watch');
  assert.ok(channel);
  const [, { channel: access }] = rest.find(([command]) => command === 'watch_access');
  assert.deepEqual(rest, [
    ['ready', {}],
    ['dismiss_problem', {}],
    ['sign_in', { choice: { route: null, otherUser: false } }],
    ['sign_in', { choice: { route: null, otherUser: true } }],
    ['complete_sign_in', { text: '4c0de' }],
    ['sign_in', { choice: { route: 'paste', otherUser: true } }],
    ['cancel_sign_in', {}],
    ['retry', {}],
    ['call_api', {}],
    ['list_functions', {}],
    [
      'invoke_function',
      { invocation: { run: 1, name: 'hello', payload: '{}', type: 'requestResponse' } },
    ],
    ['aws_identity', {}],
    ['aws_roles', {}],
    ['plan_aws_config', { remove: false }],
    ['watch_access', { channel: access }],
    ['plan_aws_config', { remove: false }],
    ['apply_aws_config', {}],
    ['plan_aws_config', { remove: false }],
    ['answer_programs', { allowed: true }],
    ['copy_credentials', { format: 'shell' }],
    ['choose_role', { role: views.roles.listed[1] }],
    ['aws_roles', {}],
    ['aws_identity', {}],
    ['switch_profile', { name: 'Contoso' }],
    ['rename_profile', { name: 'Local demo', newName: 'Demo' }],
    ['remove_profile', { name: 'Local demo' }],
    ['preview_profile', { source: { kind: 'url', url: 'https://northwind.example/keyfob.toml' } }],
    ['add_profile', { text: views.documentText, replace: false }],
    ['sign_out', { scope: 'everywhere' }],
  ]);
  assert.deepEqual(tab.faults, []);
  await tab.context().close();
});

test('runs under the CSP of the desktop app, here as there', async () => {
  const tab = await app.open({ prepare: (tab) => tab.addInitScript(injectTauri, {}) });
  const ran = await tab.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.inlineRan = true';
    document.body.append(script);
    document.body.setAttribute('style', 'color: red');
    return [window.inlineRan, getComputedStyle(document.body).color === 'rgb(255, 0, 0)'];
  });
  assert.deepEqual(ran, [undefined, false]);
  assert.equal(tab.faults.filter((fault) => fault.includes('Content Security Policy')).length, 2);
  await tab.context().close();
});

test('holds nothing inline, nothing of the preview, and little', async () => {
  assert.ok(!(await readdir(app.outDir)).includes('preview.html'));
  const html = await readFile(join(app.outDir, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]*src=)|\son[a-z]+=/);
  const assets = await readdir(join(app.outDir, 'assets'));
  const first = [...html.matchAll(/src="\/assets\/([^"]+\.js)"/g)].map(([, name]) => name);
  let compressed = 0;
  for (const name of assets) {
    assert.match(name, /-[\w-]{8}\.(js|css|svg)$/, 'named by its content');
    const bytes = await readFile(join(app.outDir, 'assets', name));
    assert.doesNotMatch(bytes.toString(), /the app is not watching/, 'the preview’s words');
    assert.doesNotMatch(bytes.toString(), /\beval\(|new Function\(/);
    // The rooms' scripts come when they are opened, in a moment; the start waits for the first alone.
    if (first.includes(name)) compressed += gzipSync(bytes).length;
  }
  assert.ok(compressed > 0 && compressed < 40 * 1024, `${compressed} bytes of compressed script`);
});

test('one file knows Tauri, and takes only its core', async () => {
  for (const name of await readdir(join(root, 'src'))) {
    const source = await readFile(join(root, 'src', name), 'utf8');
    const imports = [...source.matchAll(/from '(@tauri-apps[^']*)'/g)].map(([, from]) => from);
    assert.deepEqual(imports, name === 'backend.ts' ? ['@tauri-apps/api/core'] : [], name);
    assert.doesNotMatch(source, /__TAURI|\{@html|<[^>]+\sstyle="/, name);
  }
});

test('the preview page differs from the app’s only in what it mounts', async () => {
  const read = (name) => readFile(join(root, name), 'utf8');
  const preview = (await read('preview.html'))
    .replace('/preview/main.ts', '/src/main.ts')
    .replace('Keyfob preview', 'Keyfob');
  assert.equal(preview, await read('index.html'));
});
