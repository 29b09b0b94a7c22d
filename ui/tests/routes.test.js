// A sign-in whose answer does not come by itself; and the state of a session at a glance.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  alerts,
  answer,
  at,
  calls,
  focused,
  previewed,
  refuse,
  settled,
  show,
  state,
  text,
} from './harness.js';
import { scenes } from './scenes.js';
import * as views from './views.js';

const inTab = previewed();
const spoken = (tab) => tab.getByRole('status').first().innerText();

describe('the browser did not come back', () => {
  test('an address or a code is pasted, and sent with Enter', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signingIn);
      await at(tab, 'no-answer').focus();
      await tab.keyboard.press('Enter');
      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'paste-answer');
      await tab.keyboard.insertText(' dev.keyfob.desktop://auth/callback?code=a&state=b\n');
      await tab.keyboard.press('Enter');
      assert.deepEqual(await calls(tab, 'complete_sign_in'), [
        ['complete_sign_in', 'dev.keyfob.desktop://auth/callback?code=a&state=b'],
      ]);
      await show(tab, views.finishing);
      await show(tab, views.signedIn);
      await answer(tab, 'complete_sign_in');
      // Nothing of it is left for the next sign-in.
      await show(tab, views.signedOut);
      await show(tab, views.signingIn);
      await at(tab, 'no-answer').click();
      assert.equal(await at(tab, 'paste-answer').inputValue(), '');
    }));

  test('nothing is not sent', () =>
    inTab({}, async (tab) => {
      await scenes['signing-in-no-answer'](tab);
      await at(tab, 'paste-submit').click();
      assert.deepEqual(await alerts(tab), ['Paste the address or the code first.']);
      assert.equal(await focused(tab), 'paste-answer');
      assert.equal(await at(tab, 'paste-answer').getAttribute('aria-invalid'), 'true');
      assert.deepEqual(await calls(tab, 'complete_sign_in'), []);
      await tab.keyboard.insertText('x');
      assert.deepEqual(await alerts(tab), []);
    }));

  test('a refusal is told there, once, with what was pasted', () =>
    inTab({}, async (tab) => {
      await scenes['signing-in-paste-refused'](tab);
      assert.deepEqual(await alerts(tab), [
        `${views.wrongState.message} ${views.wrongState.remedy}`,
      ]);
      // The session says so too.
      const view = views.but(views.signingInBy('paste'), { problem: views.wrongState });
      await show(tab, view);
      assert.equal((await alerts(tab)).length, 1);
      assert.match(await at(tab, 'paste-answer').inputValue(), /code=4c0d/);
      assert.equal(await focused(tab), 'paste-answer');
      await at(tab, 'paste-submit').click();
      assert.deepEqual(await alerts(tab), []);
      assert.equal((await calls(tab, 'complete_sign_in')).length, 2);
    }));

  test('a view that comes meanwhile closes nothing and empties nothing', () =>
    inTab({}, async (tab) => {
      await scenes['signing-in-no-answer'](tab);
      await at(tab, 'paste-answer').fill('half');
      await show(tab, views.but(views.signingIn, { offlineSince: views.NOW }));
      assert.equal(await at(tab, 'paste-answer').inputValue(), 'half');
      await at(tab, 'paste-answer').fill('');
      assert.ok(await at(tab, 'paste-answer').isVisible());
    }));
});

describe('another way', () => {
  for (const route of ['app', 'loopback', 'paste']) {
    test(`from ${route}, to each other way the profile offers`, () =>
      inTab({}, async (tab) => {
        await show(tab, views.signingInBy(route));
        await at(tab, 'no-answer').click();
        const offered = await at(tab, 'other-way').evaluateAll((all) =>
          all.map((it) => it.dataset.route),
        );
        assert.deepEqual(
          offered,
          ['app', 'loopback', 'paste'].filter((it) => it !== route),
        );
      }));
  }

  test('is not offered where there is only one', () =>
    inTab({}, async (tab) => {
      for (const route of ['app', 'paste']) {
        const view = views.signingInBy(route);
        await show(tab, views.but(view, { profile: { ...views.profile, routes: [route] } }));
        assert.equal(await at(tab, 'other-way').count(), 0);
        assert.equal(await at(tab, 'no-answer').count(), route === 'app' ? 1 : 0);
        assert.equal(await at(tab, 'paste-answer').count(), 1);
      }
    }));

  test('begins in place of the request that waits, for the same person', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedOut);
      await at(tab, 'other-user').click();
      await show(tab, views.signingIn);
      // The browser is still being opened; that must not be in the way.
      await at(tab, 'no-answer').click();
      await tab.locator('[data-route=paste]').dblclick();
      assert.deepEqual(await calls(tab, 'sign_in'), [
        ['sign_in', { route: null, otherUser: true }],
        ['sign_in', { route: 'paste', otherUser: true }],
      ]);
      assert.deepEqual(await calls(tab, 'cancel_sign_in'), []);
      await show(tab, views.signingInBy('paste'));
      await answer(tab, 'sign_in'); // The first.
      await answer(tab, 'sign_in');
      await settled(tab);
      assert.equal(await focused(tab), 'waiting');
      assert.equal(await text(tab, 'waiting'), 'Copy the answer from your browser');
      assert.ok(await at(tab, 'paste-answer').isVisible());
    }));

  test('that cannot begin leads back to where one signs in, with the reason', () =>
    inTab({}, async (tab) => {
      await scenes['signing-in-no-answer'](tab);
      await tab.locator('[data-route=loopback]').click();
      await show(tab, views.but(views.signedOut, { problem: views.offline }));
      await refuse(tab, 'sign_in', views.offline);
      assert.deepEqual(await alerts(tab), [`${views.offline.message} ${views.offline.remedy}`]);
      await show(tab, views.signedOut);
      assert.equal((await alerts(tab)).length, 1);
      await at(tab, 'sign-in').click();
      assert.deepEqual(await alerts(tab), []);
    }));
});

describe('at a glance', () => {
  test('renewing is said in place of what it was', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      const place = await at(tab, 'call-api').boundingBox();
      await show(tab, views.but(views.signedIn, { refreshing: true }));
      assert.equal(await text(tab, 'refreshing'), 'renewing now…');
      assert.deepEqual(await at(tab, 'call-api').boundingBox(), place);
      await show(tab, views.signedIn);
      assert.equal(await at(tab, 'refreshing').count(), 0);
    }));

  test('offline: since when, that nothing is lost, and a try; nothing else moves', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      const place = await at(tab, 'call-api').boundingBox();
      await show(tab, views.offlineSession);
      assert.equal(await text(tab, 'offline-since'), 'Offline since 08:42');
      assert.match(await text(tab, 'session-until'), /you stay signed in$/);
      assert.deepEqual(await at(tab, 'call-api').boundingBox(), place);
      assert.equal(await spoken(tab), 'Offline. You stay signed in.');
      await at(tab, 'retry').click();
      assert.equal((await calls(tab, 'retry')).length, 1);
      await show(tab, views.but(views.offlineSession, { refreshing: true }));
      assert.equal(await text(tab, 'refreshing'), 'trying now…');
      assert.deepEqual(await at(tab, 'call-api').boundingBox(), place);
      await show(tab, views.signedIn);
      await answer(tab, 'retry');
      assert.equal(await at(tab, 'offline-since').count(), 0);
      assert.equal(await spoken(tab), 'Online again.');
      assert.deepEqual(await at(tab, 'call-api').boundingBox(), place);
    }));

  test('a button says in words what takes longer than a second, and keeps its size', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      const place = await at(tab, 'call-api').boundingBox();
      await at(tab, 'call-api').click();
      assert.deepEqual(await at(tab, 'call-api').boundingBox(), place);
      await tab.locator('.busy.slow').waitFor();
      assert.deepEqual(await at(tab, 'call-api').boundingBox(), place);
      assert.equal(await tab.locator('.busy.slow').innerText(), 'Calling…');
      assert.equal(await spoken(tab), 'Calling…');
      await answer(tab, 'call_api', views.apiAnswer);
      assert.equal(await tab.locator('.busy.slow').count(), 0);
    }));
});
