// A new profile: where it comes from, that all of it is seen first, and that nothing typed is lost.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  alerts,
  answer,
  at,
  calls,
  dropTarget,
  dropped,
  focused,
  previewed,
  refuse,
  settled,
  show,
  text,
} from './harness.js';
import { room, scenes, wish } from './scenes.js';
import * as views from './views.js';

const inTab = previewed();
const adding = (tab) => wish(tab, views.several, 'add-profile');
const review = (tab) => at(tab, 'profile-preview').click();

describe('where it comes from', () => {
  test('text, as pasted', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      assert.equal(await focused(tab), 'profile-text');
      await tab.keyboard.insertText(`\n${views.documentText}`);
      await review(tab);
      assert.deepEqual(await calls(tab, 'preview_profile'), [
        ['preview_profile', { kind: 'text', text: `\n${views.documentText}` }],
      ]);
    }));

  test('an address, sent with Enter', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      await at(tab, 'profile-url').fill(' https://northwind.example/keyfob.toml ');
      await tab.keyboard.press('Enter');
      assert.deepEqual(await calls(tab, 'preview_profile'), [
        ['preview_profile', { kind: 'url', url: 'https://northwind.example/keyfob.toml' }],
      ]);
    }));

  test('a file, chosen; the same one again after it was changed', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      for (const [at_, text] of ['first', 'second'].entries()) {
        await at(tab, 'profile-file').setInputFiles({
          name: 'keyfob.toml',
          mimeType: 'application/toml',
          buffer: Buffer.from(`# ${text}\n`),
        });
        await tab.waitForFunction(
          (text) => document.querySelector('#profile-text').value === text,
          `# ${text}\n`,
        );
        if (at_ === 0) assert.match(await tab.getByRole('dialog').innerText(), /From keyfob\.toml/);
      }
      await at(tab, 'profile-text').fill('# mine');
      assert.doesNotMatch(await tab.getByRole('dialog').innerText(), /From keyfob\.toml/);
    }));

  test('a file, dropped anywhere', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-dropped'](tab);
      assert.equal(await at(tab, 'profile-text').inputValue(), views.documentText);
      assert.deepEqual(await dropTarget(tab), { kind: 'profile' });
      await dropped(tab, views.droppedProfile('again.toml', '# again'));
      await tab.getByText('From again.toml').waitFor();
    }));

  test('text that is dragged is the web view’s own affair', () =>
    inTab({}, async (tab) => {
      await room(tab, views.signedIn, 'functions');
      const taken = await tab.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.setData('text/plain', '{"a": 1}');
        const options = { dataTransfer, bubbles: true, cancelable: true };
        return !document.querySelector('textarea').dispatchEvent(new DragEvent('drop', options));
      });
      assert.equal(taken, false);
      assert.equal(await tab.getByRole('dialog').count(), 0);
    }));

  test('a file is dropped in vain in front of another question, or where none can be added', () =>
    inTab({}, async (tab) => {
      await wish(tab, views.several, 'rename-profile');
      assert.deepEqual(await dropTarget(tab), { kind: 'nothing' });
      await tab.keyboard.press('Escape');
      await settled(tab);
      assert.deepEqual(await dropTarget(tab), { kind: 'profile' });
      await show(tab, { ...views.several, canAddProfiles: false });
      await settled(tab);
      assert.deepEqual(await dropTarget(tab), { kind: 'nothing' });
    }));

  test('files that are dropped are left to Rust: the web view goes nowhere', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      const taken = await tab.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['x'], 'x.html'));
        const options = { dataTransfer, bubbles: true, cancelable: true };
        const drag = (kind) => !document.body.dispatchEvent(new DragEvent(kind, options));
        return [drag('dragover'), drag('drop')];
      });
      assert.deepEqual(taken, [true, true]);
    }));
});

describe('what is refused, with a remedy, and with all that was typed', () => {
  const typed = 'name = "Half';
  for (const [name, steps, expected] of [
    [
      'nothing',
      (tab) => at(tab, 'profile-text').fill(' '),
      /nothing to review yet.*Paste a profile/,
    ],
    [
      'both a text and an address',
      (tab) => at(tab, 'profile-url').fill('https://x.example/'),
      /both a text and an address.*Empty one/,
    ],
  ]) {
    test(`${name} is not sent`, () =>
      inTab({}, async (tab) => {
        await adding(tab);
        await at(tab, 'profile-text').fill(typed);
        await steps(tab);
        await review(tab);
        assert.match((await alerts(tab))[0] ?? '', expected);
        assert.equal(await focused(tab), 'profile-text');
        assert.deepEqual(await calls(tab, 'preview_profile'), []);
      }));
  }

  for (const [name, [file, buffer], expected] of [
    [
      'a picture',
      ['a.jpg', Buffer.from([0xff, 0xd8, 0xff])],
      /a\.jpg cannot be read as text.*\.toml/,
    ],
    ['a large file', ['a.iso', Buffer.alloc(65_537, 'x')], /a\.iso is too large to be a profile/],
  ]) {
    test(`${name}: the text stays`, () =>
      inTab({}, async (tab) => {
        await adding(tab);
        await at(tab, 'profile-text').fill(typed);
        await at(tab, 'profile-file').setInputFiles({ name: file, mimeType: 'text/plain', buffer });
        await tab.getByRole('alert').waitFor();
        assert.match((await alerts(tab))[0] ?? '', expected);
        assert.equal(await at(tab, 'profile-text').inputValue(), typed);
        // The next try begins without it.
        await review(tab);
        assert.deepEqual(await alerts(tab), []);
      }));
  }

  test('what was dropped and is no profile: the text stays', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      await at(tab, 'profile-text').fill(typed);
      await dropped(tab, { kind: 'refused', error: views.notText });
      assert.match((await alerts(tab))[0] ?? '', /holiday\.jpg cannot be read as text/);
      assert.equal(await at(tab, 'profile-text').inputValue(), typed);
    }));

  test('what Rust cannot read', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-refused'](tab);
      assert.match((await alerts(tab))[0] ?? '', /line 3, column 1.*paste all of it/);
      assert.equal(await at(tab, 'profile-text').inputValue(), 'name = "North');
      assert.equal(await focused(tab), 'profile-preview');
      await review(tab);
      assert.deepEqual(await alerts(tab), []);
    }));

  test('an address that cannot be reached', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      await at(tab, 'profile-url').fill('https://profiles.northwind.example/');
      await review(tab);
      await refuse(tab, 'preview_profile', views.unreachableUrl);
      assert.match((await alerts(tab))[0] ?? '', /could not reach profiles\.northwind\.example/);
      assert.equal(
        await at(tab, 'profile-url').inputValue(),
        'https://profiles.northwind.example/',
      );
    }));

  test('closed by Escape and opened again, all is as it was', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      await at(tab, 'profile-text').fill(typed);
      await tab.keyboard.press('Escape');
      assert.equal(await focused(tab), 'account-menu');
      await at(tab, 'account-menu').click();
      await at(tab, 'add-profile').click();
      assert.equal(await at(tab, 'profile-text').inputValue(), typed);
    }));
});

describe('before it is trusted', () => {
  test('the whole of it is shown, and what it will do', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-preview'](tab);
      assert.equal(await at(tab, 'profile-document').textContent(), views.documentText);
      const facts = await text(tab, 'profile-facts');
      const { issuer, domain, clientId, api, identityPoolId } = views.preview;
      for (const fact of [issuer, domain, clientId, api, identityPoolId]) {
        assert.ok(facts.includes(fact), fact);
      }
      assert.equal(await text(tab, 'profile-name'), 'Tailspin');
      assert.equal(await at(tab, 'profile-replaces').count(), 0);
      assert.equal(await focused(tab), 'do you trust this profile?');
      assert.deepEqual(await calls(tab, 'add_profile'), []);
    }));

  test('what it replaces is named, with its user pool when that is another', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-replaces'](tab);
      assert.match(
        await text(tab, 'profile-replaces'),
        /another user pool: https:.*eu-west-1_Northwind\. You are signed out of that one first\./,
      );
      assert.equal(await text(tab, 'profile-trust'), 'Trust and replace');
      await at(tab, 'profile-trust').click();
      assert.deepEqual(await calls(tab, 'add_profile'), [
        ['add_profile', views.documentText, true],
      ]);
    }));

  test('hidden and turning characters are shown for what they are, and markup is text', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-hostile'](tab);
      assert.match(await text(tab, 'profile-name'), /^North⟨U\+202E⟩wind/);
      const shown = await at(tab, 'profile-document').textContent();
      assert.match(shown, /⟨U\+202E⟩⟨U\+2066⟩/);
      assert.match(shown, /<img src=x/);
      assert.equal(await tab.locator('dialog img').count(), 0);
      assert.match(await text(tab, 'profile-facts'), /API none AWS credentials come from none/);
    }));

  test('the document can be reached and scrolled by keyboard', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-hostile'](tab);
      await at(tab, 'profile-document').focus();
      await tab.keyboard.press('End');
      const end = () => {
        const { bottom } = document.activeElement.getBoundingClientRect();
        return bottom < innerHeight;
      };
      await tab.waitForFunction(end);
    }));

  test('Back leads to what was typed', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-preview'](tab);
      await at(tab, 'profile-back').click();
      assert.equal(await at(tab, 'profile-text').inputValue(), views.documentText);
      assert.equal(await focused(tab), 'add a profile');
    }));
});

describe('trusted', () => {
  test('it is added as it was shown, and nothing of it is left behind', () =>
    inTab({}, async (tab) => {
      await adding(tab);
      await at(tab, 'profile-url').fill('https://northwind.example/');
      await review(tab);
      await answer(tab, 'preview_profile', { ...views.preview, name: 'Tailspin' });
      await at(tab, 'profile-trust').click();
      assert.deepEqual(await calls(tab, 'add_profile'), [
        ['add_profile', views.documentText, false],
      ]);
      await answer(tab, 'add_profile');
      assert.equal(await tab.getByRole('dialog').count(), 0);
      assert.equal(await tab.getByRole('status').first().innerText(), 'Tailspin is added.');
      assert.equal(await focused(tab), 'account-menu');
      await at(tab, 'account-menu').click();
      await at(tab, 'add-profile').click();
      assert.equal(await at(tab, 'profile-url').inputValue(), '', 'the next begins empty');
    }));

  test('a refusal is told there, and can be tried again', () =>
    inTab({}, async (tab) => {
      await scenes['add-profile-not-added'](tab);
      assert.match(await tab.getByRole('dialog').innerText(), /cannot be written to/);
      await at(tab, 'profile-trust').dblclick();
      assert.equal((await calls(tab, 'add_profile')).length, 2);
    }));

  test('the first one of all', () =>
    inTab({}, async (tab) => {
      await show(tab, views.noProfile);
      await at(tab, 'add-profile').click();
      await at(tab, 'profile-text').fill(views.documentText);
      await review(tab);
      await answer(tab, 'preview_profile', views.preview);
      await at(tab, 'profile-trust').click();
      await show(tab, views.signedOut);
      await answer(tab, 'add_profile');
      await settled(tab);
      assert.equal(await tab.getByRole('dialog').count(), 0);
      assert.ok(await at(tab, 'sign-in').isVisible());
    }));
});
