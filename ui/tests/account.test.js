// The account menu: the profiles, how the keyboard goes through it, and what each item leads to.
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
import { scenes, wish } from './scenes.js';
import * as views from './views.js';

const inTab = previewed();
const spoken = (tab) => tab.getByRole('status').first().innerText();
const said = (tab) => tab.locator(':focus').innerText();

describe('the menu button', () => {
  test('says the profile, the person and that it opens a menu', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      const button = tab.getByRole('button', { name: 'Local demo Alex Morgan Account menu' });
      assert.equal(await button.getAttribute('aria-haspopup'), 'menu');
      assert.equal(await button.getAttribute('aria-expanded'), 'false');
      await button.click();
      assert.equal(await button.getAttribute('aria-expanded'), 'true');
      assert.ok(await tab.getByRole('menu', { name: 'Account' }).isVisible());
      await button.click();
      assert.equal(await tab.getByRole('menu').count(), 0);
    }));

  for (const [view, words] of [
    ['signedOut', 'Signed out'],
    ['signingIn', 'Signing in…'],
    ['restoring', 'Opening…'],
    ['expired', 'Sign in again'],
    ['offlineSession', 'Alex Morgan · offline'],
  ]) {
    test(`${view}: says ${words}`, () =>
      inTab({}, async (tab) => {
        await show(tab, views[view]);
        const name = `Local demo ${words} Account menu`;
        assert.equal(await text(tab, 'account-menu'), name);
      }));
  }

  test('says when other profiles need their person, and how many', () =>
    inTab({}, async (tab) => {
      await show(tab, views.several);
      await tab
        .getByRole('button', { name: /1 other profile needs you to sign in again/ })
        .waitFor();
      await show(tab, views.beside(views.several, views.entry('Litware', 'expired')));
      await tab.getByRole('button', { name: /2 other profiles need you/ }).waitFor();
      await show(tab, views.signedIn);
      assert.doesNotMatch(await text(tab, 'account-menu'), /need/);
    }));
});

describe('by keyboard', () => {
  for (const [key, first] of [
    ['Enter', /^Local demo/],
    ['Space', /^Local demo/],
    ['ArrowDown', /^Local demo/],
    ['ArrowUp', /^Sign out/],
  ]) {
    test(`${key} opens it`, () =>
      inTab({}, async (tab) => {
        await show(tab, views.several);
        await at(tab, 'account-menu').focus();
        await tab.keyboard.press(key);
        await tab.getByRole('menu').waitFor();
        assert.match(await said(tab), first);
      }));
  }

  test('arrows go round, Home and End to the ends, letters to what begins with them', () =>
    inTab({}, async (tab) => {
      await show(tab, views.several);
      await at(tab, 'account-menu').focus();
      await tab.keyboard.press('ArrowDown');
      await tab.getByRole('menu').waitFor();
      const steps = [
        ['ArrowDown', /^Northwind/],
        ['ArrowDown', /^Contoso/],
        ['ArrowUp', /^Northwind/],
        ['End', /^Sign out/],
        ['ArrowDown', /^Local demo/],
        ['ArrowUp', /^Sign out/],
        ['Home', /^Local demo/],
        ['f', /^Fabrikam/],
        ['r', /^Rename/],
        ['R', /^Remove/],
        ['r', /^Rename/],
        ['z', /^Rename/],
      ];
      for (const [key, expected] of steps) {
        await tab.keyboard.press(key);
        assert.match(await said(tab), expected, key);
      }
    }));

  test('Escape closes it and gives the keyboard back; Tab closes it and goes on', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several);
      await tab.keyboard.press('Escape');
      assert.equal(await tab.getByRole('menu').count(), 0);
      assert.equal(await focused(tab), 'account-menu');
      await tab.keyboard.press('Enter');
      await tab.getByRole('menu').waitFor();
      await tab.keyboard.press('Tab');
      assert.equal(await tab.getByRole('menu').count(), 0);
      assert.equal(await focused(tab), 'room-account');
    }));

  test('a click elsewhere closes it, and does what it does', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.signedIn);
      await tab.getByRole('heading', { level: 1 }).click({ position: { x: 2, y: 2 } });
      assert.equal(await tab.getByRole('menu').count(), 0);
    }));

  test('the chosen one is seen among a dozen, and every one can be reached', () =>
    inTab({ height: 480 }, async (tab) => {
      const last = views.entry('Zenith', 'signedIn', 'Alex', { current: true });
      const others = views.dozen.profiles.map((it) => ({ ...it, current: false }));
      await wish(tab, { ...views.dozen, profiles: [...others, last] });
      assert.match(await said(tab), /^Zenith/);
      for (let press = 0; press <= others.length + 5; press += 1) {
        await tab.keyboard.press('ArrowDown');
        const place = await tab.locator(':focus').evaluate((it) => {
          const { top, bottom } = it.getBoundingClientRect();
          const over = document.elementFromPoint(innerWidth - 60, (top + bottom) / 2);
          return top >= 0 && bottom <= innerHeight && it.contains(over);
        });
        assert.ok(place, `${await said(tab)} is out of sight`);
      }
    }));
});

describe('profiles', () => {
  test('each says its state; one is checked', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.dozen);
      const items = tab.getByRole('menuitemradio');
      const words = (await items.allInnerTexts()).map((it) => it.replace(/\s+/g, ' ').trim());
      assert.deepEqual(words.slice(0, 4), [
        'Local demo Alex Morgan',
        'Northwind Logistics alex.morgan',
        'Contoso Sign in again',
        'Fabrikam Signed out',
      ]);
      assert.deepEqual(words.slice(-2), [
        'Fourth Coffee Signing in…',
        'Graphic Design Institute Opening…',
      ]);
      assert.equal(await tab.getByRole('menuitemradio', { checked: true }).count(), 1);
    }));

  test('another is switched to; the keyboard stays at the menu, and the change is said', () =>
    inTab({}, async (tab) => {
      await scenes['api-answer'](tab);
      await wish(tab, views.several);
      await tab.locator('[data-profile=Contoso]').click();
      assert.deepEqual(await calls(tab, 'switch_profile'), [['switch_profile', 'Contoso']]);
      assert.equal(await tab.getByRole('menu').count(), 0);
      const profile = { ...views.profile, name: 'Contoso' };
      await show(tab, views.view({ kind: 'expired' }, { profile }));
      await answer(tab, 'switch_profile');
      assert.equal(await focused(tab), 'account-menu');
      assert.equal(await spoken(tab), 'Contoso. Your session has ended.');
      assert.equal(await state(tab), 'expired');
      // The same person elsewhere: what this profile answered is not theirs.
      await show(tab, views.signedInAs(views.user, { profile }));
      assert.equal(await at(tab, 'api-answer').count(), 0);
    }));

  test('the current one is not switched to', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several);
      await tab.getByRole('menuitemradio', { checked: true }).click();
      assert.deepEqual(await calls(tab, 'switch_profile'), []);
      assert.equal(await focused(tab), 'account-menu');
    }));

  test('a switch that fails says so', () =>
    inTab({}, async (tab) => {
      await scenes['switch-refused'](tab);
      assert.match(await text(tab, 'manage-problem'), /cannot be written to/);
      await tab.getByRole('button', { name: 'Dismiss' }).click();
      assert.deepEqual(await alerts(tab), []);
    }));

  test('a sign-in that is under way is as it was, on the way back', () =>
    inTab({}, async (tab) => {
      await scenes['signing-in-no-answer'](tab);
      await at(tab, 'paste-answer').fill('half an answer');
      await show(
        tab,
        views.signedInAs(views.user, { profile: { ...views.profile, name: 'Contoso' } }),
      );
      await show(tab, views.signingIn);
      assert.equal(await at(tab, 'paste-answer').inputValue(), 'half an answer');
      assert.ok(await at(tab, 'paste-answer').isVisible());
    }));

  for (const [name, view] of [
    [
      'the administrator’s',
      { ...views.signedOut, profiles: [{ ...views.signedOut.profiles[0], origin: 'machine' }] },
    ],
    [
      'a built-in one',
      { ...views.signedOut, profiles: [{ ...views.signedOut.profiles[0], origin: 'builtIn' }] },
    ],
    ['the one that was named to be used', { ...views.signedOut, canAddProfiles: false }],
  ]) {
    test(`${name} cannot be renamed or removed`, () =>
      inTab({}, async (tab) => {
        await wish(tab, view);
        assert.equal(await at(tab, 'rename-profile').count(), 0);
        assert.equal(await at(tab, 'remove-profile').count(), 0);
        assert.equal(await at(tab, 'add-profile').count(), view.canAddProfiles ? 1 : 0);
        assert.equal(await at(tab, 'sign-out').count(), 0, 'nobody is signed in');
      }));
  }

  test('where none may be guessed, the person chooses', () =>
    inTab({}, async (tab) => {
      await scenes['choose-profile'](tab);
      await tab.getByRole('button', { name: /^Choose a profile/ }).click();
      assert.equal(await tab.getByRole('menuitemradio', { checked: true }).count(), 0);
      assert.match(await said(tab), /^Northwind/);
      await tab.keyboard.press('Escape');
      await tab.getByTestId('choose-profile').nth(1).click();
      assert.deepEqual(await calls(tab, 'switch_profile'), [['switch_profile', 'Contoso']]);
    }));

  test('a question about one profile does not stay when another one comes', () =>
    inTab({}, async (tab) => {
      for (const item of ['rename-profile', 'sign-out']) {
        await wish(tab, views.several, item);
        const profile = { ...views.profile, name: 'Contoso' };
        await show(tab, views.signedInAs(views.user, { profile }));
        assert.equal(await tab.getByRole('dialog').count(), 0, item);
      }
    }));

  test('files that cannot be used are counted, and each has its reason', () =>
    inTab({}, async (tab) => {
      await scenes['unusable-profiles'](tab);
      assert.equal((await alerts(tab)).length, 2);
      await tab.getByRole('button', { name: 'Close' }).click();
      assert.equal(await focused(tab), 'account-menu');
    }));
});

describe('renaming', () => {
  test('asks with the name selected, renames, and gives the keyboard back', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several, 'rename-profile');
      assert.equal(await focused(tab), 'rename-profile-name');
      await tab.keyboard.type('  Work ');
      await tab.keyboard.press('Enter');
      assert.deepEqual(await calls(tab, 'rename_profile'), [
        ['rename_profile', 'Local demo', 'Work'],
      ]);
      await show(
        tab,
        views.signedInAs(views.user, { profile: { ...views.profile, name: 'Work' } }),
      );
      await answer(tab, 'rename_profile');
      assert.equal(await tab.getByRole('dialog').count(), 0);
      assert.equal(await focused(tab), 'account-menu');
      assert.equal(await spoken(tab), 'It is called Work now.');
    }));

  test('keeps the answers that are on screen', () =>
    inTab({}, async (tab) => {
      await scenes['api-answer'](tab);
      await at(tab, 'account-menu').click();
      await at(tab, 'rename-profile').click();
      await tab.keyboard.type('Work');
      await tab.keyboard.press('Enter');
      await show(
        tab,
        views.signedInAs(views.user, { profile: { ...views.profile, name: 'Work' } }),
      );
      await answer(tab, 'rename_profile');
      assert.match(await text(tab, 'api-answer'), /Hi alex/);
    }));

  test('without a name, or with the same, asks nothing of Rust', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several, 'rename-profile');
      await at(tab, 'rename-profile-name').fill('  ');
      await at(tab, 'rename-profile-confirm').click();
      assert.deepEqual(await alerts(tab), ['Write a name.']);
      assert.equal(await at(tab, 'rename-profile-name').getAttribute('aria-invalid'), 'true');
      assert.equal(await focused(tab), 'rename-profile-name');
      await at(tab, 'rename-profile-name').fill('Local demo');
      await at(tab, 'rename-profile-confirm').click();
      assert.equal(await tab.getByRole('dialog').count(), 0);
      assert.deepEqual(await calls(tab, 'rename_profile'), []);
    }));

  test('a refusal is told beside the name, which stays as typed', () =>
    inTab({}, async (tab) => {
      await scenes['rename-refused'](tab);
      assert.equal(await at(tab, 'rename-profile-name').inputValue(), 'Contoso');
      assert.equal(await focused(tab), 'rename-profile-name');
      assert.match((await alerts(tab))[0] ?? '', /Contoso already\. Choose another name/);
      await tab.keyboard.press('Escape');
      assert.equal(await focused(tab), 'account-menu');
    }));
});

describe('removing', () => {
  test('says that it signs out, and starts at Cancel', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several, 'remove-profile');
      assert.equal(await focused(tab), 'cancel');
      assert.match(await tab.getByRole('dialog').innerText(), /Local demo.*signs Alex Morgan out/s);
      assert.equal(await text(tab, 'remove-profile-confirm'), 'Sign out and remove');
      await tab.keyboard.press('Enter');
      assert.deepEqual(await calls(tab, 'remove_profile'), []);
      assert.equal(await focused(tab), 'account-menu');
    }));

  test('without anybody signed in it does not speak of it', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.signedOut, 'remove-profile');
      assert.doesNotMatch(await tab.getByRole('dialog').innerText(), /sign/i);
      assert.equal(await text(tab, 'remove-profile-confirm'), 'Remove');
    }));

  test('leads to the next profile', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several, 'remove-profile');
      await at(tab, 'remove-profile-confirm').click();
      assert.deepEqual(await calls(tab, 'remove_profile'), [['remove_profile', 'Local demo']]);
      await show(
        tab,
        views.signedInAs(views.user, { profile: { ...views.profile, name: 'Contoso' } }),
      );
      await answer(tab, 'remove_profile', { ...views.signOutAnswer, browserAsked: false });
      assert.equal(await focused(tab), 'the profile is removed');
      const words = (await tab.getByRole('dialog').innerText()).replace(/\s+/g, ' ');
      assert.match(words, /The profile is removed Local demo .*has been revoked/);
      assert.match(words, /AWS credentials already handed out stay valid until 09:50/);
      await tab.keyboard.press('Tab');
      await tab.keyboard.press('Enter');
      assert.equal(await tab.getByRole('dialog').count(), 0);
      assert.equal(await focused(tab), 'account-menu');
      assert.equal(await text(tab, 'user-name'), 'Alex Morgan');
    }));

  for (const [name, view, value] of [
    ['nobody was signed in', views.signedOut, views.signOutAnswer],
    ['another profile shares its session', views.signedIn, null],
  ]) {
    test(`has nothing to tell when ${name}`, () =>
      inTab({}, async (tab) => {
        await wish(tab, view, 'remove-profile');
        await at(tab, 'remove-profile-confirm').click();
        await answer(tab, 'remove_profile', value);
        await settled(tab);
        assert.equal(await tab.getByRole('dialog').count(), 0);
        assert.equal(await focused(tab), 'account-menu');
      }));
  }

  test('that fails is told in the question; closed, in the window', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several, 'remove-profile');
      await at(tab, 'remove-profile-confirm').click();
      await refuse(tab, 'remove_profile', views.readOnly);
      assert.match(await tab.getByRole('dialog').innerText(), /cannot be written to/);
      await tab.keyboard.press('Escape');
      assert.match(await text(tab, 'manage-problem'), /cannot be written to/);
    }));

  test('a profile of the same name later is a new one', () =>
    inTab({}, async (tab) => {
      await scenes['after-sign-out'](tab);
      await at(tab, 'account-menu').click();
      await at(tab, 'remove-profile').click();
      await at(tab, 'remove-profile-confirm').click();
      await show(tab, views.noProfile);
      await answer(tab, 'remove_profile', null);
      await show(tab, views.signedOut);
      assert.match(await text(tab, 'signed-out'), /^Welcome/);
    }));
});
