// The way from room to room, and what is kept meanwhile.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, at, focused, previewed, show, text } from './harness.js';
import { room } from './scenes.js';
import * as views from './views.js';

const inTab = previewed();
const offered = (tab) => tab.getByRole('navigation').getByRole('button').allInnerTexts();
const shown = (tab) => tab.locator('[aria-current=page]').innerText();

describe('rooms', () => {
  test('are those that the profile has, and none without an identity pool', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      assert.deepEqual(await offered(tab), ['Account', 'Files', 'Functions', 'AWS access']);
      assert.equal(await shown(tab), 'Account');
      await room(tab, views.signedIn, 'functions');
      // The profile was changed: what it no longer has is not shown either.
      await show(
        tab,
        views.but(views.signedIn, { profile: { ...views.profile, aws: false, files: false } }),
      );
      assert.equal(await tab.getByRole('navigation').count(), 0);
      assert.equal(await text(tab, 'user-name'), 'Alex Morgan');
      await show(tab, views.signedOut);
      assert.equal(await tab.getByRole('navigation').count(), 0);
    }));

  for (const [where, width] of [
    ['in a row', 600],
    ['beside the room', 900],
  ]) {
    test(`${where}, they can be clicked wherever one has scrolled to`, () =>
      inTab({}, async (tab) => {
        await tab.setViewportSize({ width, height: 500 });
        await show(tab, views.signedIn);
        // Longer than any room.
        await tab.getByRole('main').evaluate((main) => {
          main.style.minHeight = '200vh';
          window.scrollTo(0, document.documentElement.scrollHeight);
        });
        const there = await at(tab, 'room-files').evaluate((button) => {
          const { x, y, width, height } = button.getBoundingClientRect();
          return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
        });
        assert.ok(there && (await tab.evaluate(() => window.scrollY)) > 0);
      }));
  }

  test('the keyboard goes through them, and stays where it is; a screen reader is told', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      await at(tab, 'room-account').focus();
      await tab.keyboard.press('Tab');
      await tab.keyboard.press('Enter');
      await tab.getByRole('heading', { level: 1, name: 'Files' }).waitFor();
      assert.equal(await focused(tab), 'room-files');
      assert.equal(await tab.getByRole('status').first().innerText(), 'Files.');
    }));

  test('keep their answers and what still runs, until the person signs out', () =>
    inTab({}, async (tab) => {
      await show(tab, views.signedIn);
      await at(tab, 'call-api').click();
      await room(tab, views.signedIn, 'aws-access');
      await answer(tab, 'call_api', views.apiAnswer);
      await at(tab, 'room-account').click();
      assert.match(await text(tab, 'api-answer'), /Answered 200/);
      await answer(tab, 'aws_identity', views.awsAnswer);
      await at(tab, 'room-aws-access').click();
      await at(tab, 'aws-answer').waitFor();
      await show(tab, views.expired);
      await show(tab, views.signedIn);
      await at(tab, 'aws-answer').waitFor();
      assert.equal(await focused(tab), 'aws access');
      await show(tab, views.signedOut);
      await show(tab, views.signedIn);
      assert.equal(await shown(tab), 'Account');
      assert.equal(await at(tab, 'api-answer').count(), 0);
    }));
});
