// How the window follows the session: start, keyboard, person, problems, sign-out.
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
import { room, scenes } from './scenes.js';
import * as views from './views.js';
import { NOW } from './views.js';

const inTab = previewed();

describe('start', () => {
  test('is ready once, after the first view is on screen', () =>
    inTab({}, async (tab) => {
      await settled(tab);
      assert.equal(await state(tab), 'restoring');
      assert.deepEqual(await calls(tab, 'ready'), []);
      await show(tab, views.restoring);
      await tab.waitForFunction(() => window.preview.log.some(([name]) => name === 'ready'));
      await show(tab, views.signedIn);
      await settled(tab);
      assert.equal((await calls(tab, 'ready')).length, 1);
      assert.equal((await calls(tab, 'watch')).length, 1);
    }));

  for (const hidden of [true, false]) {
    test(`is ready in a window without frames (${hidden ? 'hidden' : 'said to be shown'})`, () =>
      inTab(
        {
          prepare: (tab) =>
            tab.addInitScript((hidden) => {
              window.requestAnimationFrame = () => 0;
              if (hidden) window.setTimeout = () => 0;
              Object.defineProperty(document, 'hidden', { value: hidden });
            }, hidden),
        },
        async (tab) => {
          await show(tab, views.signedOut);
          const ready = () => window.preview.log.some(([name]) => name === 'ready');
          await tab.waitForFunction(ready, null, { polling: 20 });
        },
      ));
  }

  for (const [scheme, colour] of [
    ['light', 'rgb(246, 245, 242)'],
    ['dark', 'rgb(22, 24, 22)'],
  ]) {
    test(`has its ${scheme} background before any script has run`, () =>
      inTab(
        { scheme, prepare: (tab) => tab.route('**/*.js', (route) => route.abort()) },
        async (tab) => {
          const root = tab.locator('html');
          const style = await root.evaluate((html) => getComputedStyle(html).backgroundColor);
          assert.equal(style, colour);
          tab.faults.length = 0; // The script that was kept away.
        },
      ));
  }

  test('the logo stays where it is from restoring to signed out to waiting', () =>
    inTab({}, async (tab) => {
      const places = [];
      for (const view of [views.restoring, views.signedOut, views.signingIn, views.expired]) {
        await show(tab, view);
        places.push(await tab.locator('main img').boundingBox());
      }
      for (const place of places) assert.deepEqual(place, places[0]);
    }));

  test('says so when the far side cannot be reached, and is shown nevertheless', () =>
    inTab({}, async (tab) => {
      await refuse(tab, 'watch', 'watch not allowed');
      await tab.waitForFunction(() => window.preview.log.some(([name]) => name === 'ready'));
      assert.match(await text(tab, 'problem'), /could not reach Keyfob.*Quit Keyfob/);
    }));

  test('<html data-state> mirrors the state', () =>
    inTab({}, async (tab) => {
      for (const view of [
        'restoring',
        'signedOut',
        'signingIn',
        'finishing',
        'signedIn',
        'expired',
      ]) {
        await show(tab, views[view]);
        assert.equal(await state(tab), views[view].session.state.kind);
      }
    }));
});

describe('by keyboard', () => {
  test('signs in, copies the address, cancels', () =>
    inTab({ permissions: ['clipboard-read', 'clipboard-write'] }, async (tab) => {
      await show(tab, views.signedOut);
      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'account-menu');
      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'sign-in');
      await tab.keyboard.press('Enter');
      assert.deepEqual(await calls(tab, 'sign_in'), [
        ['sign_in', { route: null, otherUser: false }],
      ]);
      await show(tab, views.signingIn);
      await answer(tab, 'sign_in');
      assert.equal(await focused(tab), 'waiting');
      assert.equal(await text(tab, 'waiting'), 'Waiting for your browser');

      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'sign-in-url');
      assert.equal(await at(tab, 'sign-in-url').inputValue(), views.url);
      assert.equal(await tab.evaluate(() => getSelection()?.toString()), views.url);
      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'copy-url');
      await tab.keyboard.press('Enter');
      await tab.getByText('Copied', { exact: true }).waitFor();
      assert.equal(await tab.evaluate(() => navigator.clipboard.readText()), views.url);
      assert.equal(await tab.getByRole('status').first().innerText(), 'Copied address.');
      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'no-answer');
      await tab.keyboard.press('Tab');
      assert.equal(await focused(tab), 'cancel');
      await tab.keyboard.press('Space');
      assert.equal((await calls(tab, 'cancel_sign_in')).length, 1);
      await show(tab, views.signedOut);
      assert.equal(await focused(tab), 'welcome to keyfob');
    }));

  test('goes through everything a signed-in person can do, in reading order', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signingIn);
      await show(tab, views.finishing);
      assert.equal(await focused(tab), 'waiting');
      assert.equal(await text(tab, 'waiting'), 'Finishing sign-in…');
      assert.equal(await at(tab, 'cancel').count(), 0);
      await show(tab, views.signedIn);
      assert.equal(await focused(tab), 'user-name');
      const order = [];
      await at(tab, 'account-menu').focus();
      for (let press = 0; press < 5; press += 1) {
        await tab.keyboard.press('Tab');
        order.push(await focused(tab));
      }
      assert.deepEqual(order, [
        'room-account',
        'room-files',
        'room-functions',
        'room-aws-access',
        'call-api',
      ]);
      for (let press = 0; press < 5; press += 1) await tab.keyboard.press('Shift+Tab');
      assert.equal(await focused(tab), 'account-menu');
      const outline = await at(tab, 'account-menu').evaluate(
        (it) => getComputedStyle(it).outlineStyle,
      );
      assert.equal(outline, 'solid');
    }));

  test('a renewed token moves neither focus nor an answer', () =>
    inTab({}, async (tab) => {
      await scenes['api-answer'](tab);
      assert.equal(await focused(tab), 'call-api');
      const user = { ...views.user, tokenExpiresAt: NOW + 9_000 };
      await show(tab, views.signedInAs(user));
      assert.equal(await focused(tab), 'call-api');
      assert.match(await text(tab, 'api-answer'), /Hi alex/);
    }));

  test('a long answer can be reached and scrolled', () =>
    inTab({}, async (tab) => {
      await room(tab, views.signedIn, 'functions');
      await at(tab, 'invoke').click();
      const payload = JSON.stringify(Array.from({ length: 200 }, (_, n) => n));
      await answer(tab, 'invoke_function', { ...views.functionAnswer, payload });
      await at(tab, 'function-payload').focus();
      const order = [];
      for (let press = 0; press < 3; press += 1) {
        await tab.keyboard.press('Tab');
        order.push(await focused(tab));
      }
      assert.deepEqual(order, ['function-type', 'invoke', 'function answer']);
    }));
});

/** Stops the clock before the page loads, however long that takes. */
async function standing(tab) {
  await tab.clock.install({ time: NOW * 1000 });
  await tab.clock.pauseAt((NOW + 2) * 1000);
}

describe('the signed-in person', () => {
  test('sees who, and until when', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      assert.equal(await tab.getByRole('heading', { level: 1 }).innerText(), 'Alex Morgan');
      assert.equal(await text(tab, 'user-email'), 'alex@example.com');
      assert.equal(await text(tab, 'user-groups'), 'developers');
      assert.equal(
        await text(tab, 'session-until'),
        'Signed in until 20 Jan 2027, 08:00 29 days left · renewed automatically',
      );
      // Back from sleep: the window gets focus, and shows today's figure.
      await tab.clock.setFixedTime((NOW + 27 * views.DAY) * 1000);
      await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
      assert.match(await text(tab, 'session-until'), /2 days left/);
      await tab.clock.setFixedTime((NOW + 31 * views.DAY) * 1000);
      await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
      assert.match(await text(tab, 'session-until'), /sign in again/);
    }));

  test('the wait counts down by the second', () =>
    inTab({ prepare: standing }, async (tab) => {
      await show(tab, views.signingIn);
      const timer = tab.getByRole('timer');
      assert.equal(await timer.innerText(), '4:30');
      await tab.clock.runFor(1_000);
      assert.equal(await timer.innerText(), '4:29');
      await tab.clock.runFor(600_000);
      assert.equal(await timer.innerText(), '0:00');
    }));

  test('forty groups fold, and unfold', () =>
    inTab({}, async (tab) => {
      await scenes['signed-in-crowded'](tab);
      const groups = at(tab, 'user-groups').getByRole('listitem');
      assert.equal(await groups.count(), 6);
      const more = tab.getByRole('button', { name: 'Show all 40 groups' });
      assert.equal(await more.getAttribute('aria-expanded'), 'false');
      await more.click();
      assert.equal(await groups.count(), 40);
      await tab.getByRole('button', { name: 'Show fewer groups' }).click();
      assert.equal(await groups.count(), 6);
    }));

  test('without name, e-mail, groups, API or AWS there is nothing empty on screen', () =>
    inTab({}, async (tab) => {
      await scenes['signed-in-bare'](tab);
      assert.equal(await text(tab, 'user-name'), 'alex');
      for (const absent of ['user-email', 'user-groups', 'call-api', 'aws-identity', 'invoke']) {
        assert.equal(await at(tab, absent).count(), 0, absent);
      }
    }));

  test('the next person does not see the last one’s answers', () =>
    inTab({}, async (tab) => {
      await scenes['aws-answer'](tab);
      const user = { ...views.user, sub: 'another', name: 'Bo' };
      await show(tab, views.signedInAs(user));
      // It was Alex's; Bo's is being asked for.
      await at(tab, 'aws-identity').waitFor();
      assert.equal(await at(tab, 'aws-answer').count(), 0);
    }));
});

describe('problems', () => {
  test('the banner says what and what to do, and can be dismissed', () =>
    inTab({}, async (tab) => {
      await show(tab, views.but(views.signedOut, { problem: views.timedOut }));
      assert.equal(await at(tab, 'problem').getAttribute('role'), 'alert');
      assert.equal(
        await text(tab, 'problem'),
        `${views.timedOut.message} ${views.timedOut.remedy}`,
      );
      await tab.getByRole('button', { name: 'Dismiss' }).click();
      assert.equal((await calls(tab, 'dismiss_problem')).length, 1);
      await show(tab, views.signedOut);
      assert.equal(await at(tab, 'problem').count(), 0);
      assert.equal(await focused(tab), 'welcome to keyfob');
    }));

  test('without a profile there is the reason, and a profile to add where that is allowed', () =>
    inTab({}, async (tab) => {
      await show(tab, views.noProfile);
      assert.ok(await at(tab, 'add-profile').isVisible());
      await show(tab, { ...views.noProfile, canAddProfiles: false });
      assert.match(await text(tab, 'problem'), /has no client_id\. Ask your administrator/);
      assert.equal(await tab.getByRole('button').count(), 0);
    }));

  for (const [seconds, words] of [
    [-600, '10 minutes'],
    [600, '10 minutes'],
    [45, '45 seconds'],
    [86_400, '24 hours'],
  ]) {
    test(`a clock off by ${seconds} s is told as ${words}`, () =>
      inTab({}, async (tab) => {
        await show(tab, views.but(views.signedOut, { clockSkewSeconds: seconds }));
        assert.match(await text(tab, 'clock-skew'), new RegExp(`off by about ${words}\\.`));
        await show(tab, views.signedOut);
        assert.equal(await at(tab, 'clock-skew').count(), 0);
      }));
  }

  test('a browser that did not open is told beside the address', () =>
    inTab({}, async (tab) => {
      await scenes['signing-in-no-browser'](tab);
      assert.match((await alerts(tab))[0] ?? '', /could not be opened/);
      assert.ok(await at(tab, 'sign-in-url').isVisible());
      await show(tab, views.signedIn);
      await show(tab, views.signedOut);
      assert.deepEqual(await alerts(tab), []);
    }));
});

describe('a session that has ended', () => {
  test('is told apart, and can be begun again', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      await show(tab, views.expired);
      assert.equal(await focused(tab), 'your session has ended');
      assert.equal(await at(tab, 'signed-out').count(), 0);
      await at(tab, 'sign-in').click();
      assert.equal((await calls(tab, 'sign_in')).length, 1);
    }));
});
