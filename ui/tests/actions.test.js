// What a person can start, and how its outcome is told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alerts, answer, at, calls, focused, previewed, refuse, show, text } from './harness.js';
import { room, scenes, wish } from './scenes.js';
import * as views from './views.js';
import { NOW } from './views.js';

const inTab = previewed();

describe('commands', () => {
  for (const [testid, command, from, way] of [
    ['sign-in', 'sign_in', views.signedOut],
    ['sign-in', 'sign_in', views.expired],
    ['cancel', 'cancel_sign_in', views.signingIn],
    ['call-api', 'call_api', views.signedIn],
    ['copy-credentials', 'copy_credentials', views.signedIn, 'room-aws-access'],
    ['invoke', 'invoke_function', views.signedIn, 'room-functions'],
    ['other-user', 'sign_in', views.signedOut],
    ['retry', 'retry', views.offlineSession],
    ['retry', 'retry', views.owed],
    ['sign-out-device', 'sign_out', views.signedIn, 'sign-out'],
    ['sign-out-browser', 'sign_out', views.signedIn, 'sign-out'],
    ['sign-out-everywhere', 'sign_out', views.signedIn, 'sign-out'],
    ['remove-profile-confirm', 'remove_profile', views.signedIn, 'remove-profile'],
  ]) {
    test(`${testid} (${from.session.state.kind}) runs once at a time, tells its failure, can be retried`, () =>
      inTab({}, async (tab) => {
        if (way?.startsWith('room-')) await room(tab, from, way.slice(5));
        else await (way ? wish(tab, from, way) : show(tab, from));
        await at(tab, testid).dblclick();
        await tab.keyboard.press('Enter');
        assert.equal((await calls(tab, command)).length, 1);
        assert.equal(await at(tab, testid).getAttribute('aria-disabled'), 'true');
        assert.equal(await focused(tab), testid);

        await refuse(tab, command, views.offline);
        assert.deepEqual(await alerts(tab), [`${views.offline.message} ${views.offline.remedy}`]);
        assert.equal(await at(tab, testid).getAttribute('aria-disabled'), 'false');

        await at(tab, testid).click();
        assert.equal((await calls(tab, command)).length, 2);
        assert.deepEqual(await alerts(tab), []);
      }));
  }

  test('a fault told to both the command and the session is said once', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedOut);
      await at(tab, 'sign-in').click();
      await show(tab, views.but(views.signedOut, { problem: views.offline }));
      await refuse(tab, 'sign_in', views.offline);
      assert.equal((await alerts(tab)).length, 1);
    }));

  test('what Tauri itself rejects with is no sentence for a person', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      await at(tab, 'call-api').click();
      await refuse(tab, 'call_api', 'call_api not allowed. Plugin not found');
      assert.match((await alerts(tab))[0] ?? '', /^The window could not reach Keyfob/);
    }));
});

describe('answers', () => {
  test('the API: its sentence, status and milliseconds', () =>
    inTab({}, async (tab) => {
      await scenes['api-answer'](tab);
      assert.equal(
        await text(tab, 'api-answer'),
        'Answered 200 12 ms Hi alex, your API call is authenticated!',
      );
      assert.match(await tab.getByRole('status').first().innerText(), /answered 200/);
    }));

  test('the API: a refusal is an answer, with its reason', () =>
    inTab({}, async (tab) => {
      await scenes['api-refusal'](tab);
      assert.match(await text(tab, 'api-answer'), /^Refused with 403 12 ms .*insufficient_scope/);
      assert.deepEqual(await alerts(tab), []);
    }));

  test('a copy that fails says so', () =>
    inTab(
      {
        prepare: (tab) =>
          tab.addInitScript(() => {
            navigator.clipboard.writeText = () => Promise.reject(new Error('denied'));
          }),
      },
      async (tab) => {
        await show(tab, views.signingIn);
        await at(tab, 'copy-url').click();
        await tab.getByText('Not copied').waitFor();
        assert.match(await tab.getByRole('status').first().innerText(), /copy it by hand/);
      },
    ));
});
