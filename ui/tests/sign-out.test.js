// Signing out: how far, what is told of it, and what is still owed.
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
  text,
} from './harness.js';
import { scenes, wish } from './scenes.js';
import * as views from './views.js';
import { NOW } from './views.js';

const inTab = previewed();

const signedOutTo = async (tab, scope, value, rest = {}) => {
  await wish(tab, views.signedIn, 'sign-out');
  await at(tab, `sign-out-${scope}`).click();
  await show(tab, views.but(views.signedOut, rest));
  await answer(tab, 'sign_out', { ...views.signOutAnswer, ...value });
};

describe('how far', () => {
  for (const scope of ['device', 'browser', 'everywhere']) {
    test(`${scope}: is explained, asked for, and closes its question when it has happened`, () =>
      inTab({}, async (tab) => {
        await wish(tab, views.signedIn, 'sign-out');
        const words = await tab.locator(`#sign-out-${scope}-words`).innerText();
        assert.match(words, /^[A-Z].*\.$/);
        const button = at(tab, `sign-out-${scope}`);
        assert.equal(await button.getAttribute('aria-describedby'), `sign-out-${scope}-words`);
        await button.click();
        assert.deepEqual(await calls(tab, 'sign_out'), [['sign_out', scope]]);
        assert.ok(await button.isVisible(), 'until it has happened');
        await show(tab, views.signedOut);
        assert.equal(await tab.getByRole('dialog').count(), 0);
        await settled(tab);
        assert.equal(await focused(tab), 'you are signed out');
      }));
  }

  for (const [can, scopes] of [
    [{ canEndBrowserSession: false }, ['device', 'everywhere']],
    [{ canSignOutEverywhere: false }, ['device', 'browser']],
    [{ canEndBrowserSession: false, canSignOutEverywhere: false }, ['device']],
  ]) {
    test(`with ${JSON.stringify(can)} there is only ${scopes}`, () =>
      inTab({}, async (tab) => {
        const profile = { ...views.profile, ...can };
        await wish(tab, views.but(views.signedIn, { profile }), 'sign-out');
        const there = await tab
          .locator('dialog [data-testid^=sign-out-]')
          .evaluateAll((all) => all.map((it) => it.dataset.testid.replace('sign-out-', '')));
        assert.deepEqual(there, scopes);
      }));
  }

  test('a refusal is told in the question, and after it was closed in the window', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.signedIn, 'sign-out');
      await at(tab, 'sign-out-device').click();
      await tab.keyboard.press('Escape');
      assert.equal(await focused(tab), 'account-menu');
      await refuse(tab, 'sign_out', views.readOnly);
      assert.deepEqual(await alerts(tab), [`${views.readOnly.message} ${views.readOnly.remedy}`]);
      await tab.getByRole('button', { name: 'Dismiss' }).click();
      assert.deepEqual(await alerts(tab), []);
      await scenes['sign-out-refused'](tab);
      assert.match(await tab.getByRole('dialog').innerText(), /keychain is locked/);
      await tab.getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await alerts(tab)).length, 1);
    }));
});

describe('what is told', () => {
  test('what has ended and what lives on, with the time', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.signedIn, 'sign-out');
      await at(tab, 'sign-out-browser').click();
      await show(tab, views.signedOut);
      assert.equal(await at(tab, 'signed-out').count(), 0, 'not before the whole result is known');
      await answer(tab, 'sign_out', views.signOutAnswer);
      const words = await text(tab, 'signed-out');
      assert.match(words, /browser is being asked to end its session/);
      assert.match(words, /access to your account has been revoked/);
      assert.match(words, /AWS credentials already handed out stay valid until 09:50 \(50 min\)/);
      assert.doesNotMatch(words, /devices/);
      // It is no longer said when it is no longer so.
      await tab.clock.setFixedTime((NOW + views.HOUR) * 1000);
      await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
      assert.doesNotMatch(await text(tab, 'signed-out'), /AWS credentials/);
      // Signing in makes it past.
      await show(tab, views.signingIn);
      await show(tab, views.signedOut);
      assert.doesNotMatch(await text(tab, 'signed-out'), /revoked/);
    }));

  for (const [name, scope, value, expected, absent] of [
    [
      'this device',
      'device',
      { browserAsked: false, awsCredentialsUntil: null },
      [/has been revoked/, /browser may stay signed in for up to an hour/],
      /AWS credentials|devices/,
    ],
    ['everywhere', 'everywhere', { everywhere: { kind: 'done' } }, [/all devices have been ended/]],
    [
      'everywhere, refused',
      'everywhere',
      { everywhere: { kind: 'failed', error: views.readOnly } },
      [/on other devices go on/, /cannot be written to/],
      /have been ended/,
    ],
    [
      'not revoked, and never will be',
      'browser',
      { revoked: views.timedOut },
      [/access to your account could not be revoked/, /Nothing came back/],
      /when it can be reached|has been revoked/,
    ],
  ]) {
    test(`${name}: in plain words`, () =>
      inTab({}, async (tab) => {
        await signedOutTo(tab, scope, value);
        const words = await text(tab, 'signed-out');
        for (const sentence of expected) assert.match(words, sentence);
        if (absent) assert.doesNotMatch(words, absent);
      }));
  }

  test('one fault that stopped two things is said once, and is nobody’s to mend when it is owed', () =>
    inTab({}, async (tab) => {
      await scenes['after-sign-out-offline'](tab);
      assert.deepEqual(await alerts(tab), []);
      assert.equal((await text(tab, 'signed-out')).split('could not reach').length, 2);
    }));

  test('a revocation that is owed is said until it is paid', () =>
    inTab({}, async (tab) => {
      const refused = { revoked: views.offline, revocationOwed: true };
      // The view that says so comes after the answer.
      await signedOutTo(tab, 'browser', refused);
      assert.match(await text(tab, 'signed-out'), /is not revoked yet/);
      await show(tab, views.owed);
      assert.match(await text(tab, 'signed-out'), /is not revoked yet/);
      assert.equal(
        await text(tab, 'revocation-owed'),
        'Signed out here; the user pool will be told when it can be reached. Try again',
      );
      await at(tab, 'retry').click();
      assert.equal((await calls(tab, 'retry')).length, 1);
      await show(tab, views.signedOut);
      await answer(tab, 'retry');
      assert.equal(await at(tab, 'revocation-owed').count(), 0);
      assert.match(await text(tab, 'signed-out'), /has been revoked since/);
      assert.deepEqual(await alerts(tab), []);
    }));

  test('a revocation owed from before is said at the start', () =>
    inTab({}, async (tab) => {
      await show(tab, views.owed);
      assert.match(await text(tab, 'revocation-owed'), /will be told/);
      assert.match(await text(tab, 'signed-out'), /Welcome to Keyfob/);
      // And to whoever has signed in since.
      await show(tab, views.but(views.signedIn, { revocationOwed: true }));
      assert.match(await text(tab, 'revocation-owed'), /will be told of the last sign-out/);
    }));

  test('another profile’s sign-out is not told of this one, and is there on the way back', () =>
    inTab({}, async (tab) => {
      await scenes['after-sign-out'](tab);
      const profile = { ...views.profile, name: 'Contoso' };
      await show(tab, views.view({ kind: 'signedOut' }, { profile }));
      assert.match(await text(tab, 'signed-out'), /^Welcome/);
      await show(tab, views.signedOut);
      assert.match(await text(tab, 'signed-out'), /has been revoked/);
    }));
});
