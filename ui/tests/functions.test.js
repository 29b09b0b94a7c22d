// The room of the Lambda functions.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alerts, answer, at, calls, focused, previewed, refuse, show, text } from './harness.js';
import { room, scenes } from './scenes.js';
import * as views from './views.js';
import { NOW } from './views.js';

const inTab = previewed();
const options = (tab) => tab.getByLabel('Function', { exact: true }).locator('option');
const choose = (tab, name) => tab.getByLabel('Function', { exact: true }).selectOption(name);
const invocations = async (tab) =>
  (await calls(tab, 'invoke_function')).map(([, { name, payload, type }]) => [name, payload, type]);
const spoken = (tab) => tab.getByRole('status').first().innerText();

describe('which there are', () => {
  test('the profile’s at once, and those that AWS lists beside them', () =>
    inTab({}, async (tab) => {
      await room(tab, views.twoFunctions, 'functions');
      assert.deepEqual(await options(tab).allInnerTexts(), ['hello', 'resize-image']);
      await choose(tab, 'resize-image');
      await answer(tab, 'list_functions', views.listed);
      assert.deepEqual(
        await options(tab).allInnerTexts(),
        views.listed.map(({ name }) => name),
      );
      assert.equal(
        await tab.getByLabel('Function', { exact: true }).inputValue(),
        'resize-image',
        'the choice stays',
      );
      await choose(tab, 'nightly-report');
      await at(tab, 'invoke').click();
      assert.deepEqual(await invocations(tab), [['nightly-report', '{}', 'requestResponse']]);
    }));

  test('without any, it says so and whom to ask', () =>
    inTab({}, async (tab) => {
      await scenes['functions-none'](tab);
      assert.match(await text(tab, 'functions-none'), /Ask your administrator/);
    }));

  test('a list that cannot be had is told where the profile names none, and tried again', () =>
    inTab({}, async (tab) => {
      await scenes['functions-unknown'](tab);
      assert.equal((await alerts(tab)).length, 1);
      await tab.getByRole('button', { name: 'Try again' }).click();
      await answer(tab, 'list_functions', views.listed);
      assert.deepEqual(await alerts(tab), []);
      await at(tab, 'invoke').waitFor();
    }));
});

describe('the payload', () => {
  test('is sent as typed, and kept for each function', () =>
    inTab({}, async (tab) => {
      await room(tab, views.twoFunctions, 'functions');
      await choose(tab, 'resize-image');
      await at(tab, 'function-payload').fill('{"width": 12345678901234567890}');
      await choose(tab, 'hello');
      assert.equal(await at(tab, 'function-payload').inputValue(), '{}');
      await choose(tab, 'resize-image');
      await at(tab, 'room-account').click();
      await at(tab, 'room-functions').click();
      await at(tab, 'invoke').click();
      assert.deepEqual(await invocations(tab), [
        ['resize-image', '{"width": 12345678901234567890}', 'requestResponse'],
      ]);
    }));

  test('that is not JSON is not sent; the keyboard goes to the mistake', () =>
    inTab({}, async (tab) => {
      await scenes['function-not-json'](tab);
      const payload = at(tab, 'function-payload');
      assert.equal(await payload.getAttribute('aria-invalid'), 'true');
      assert.equal(
        await text(tab, 'function-payload-fault'),
        'Line 2, column 11: A value is missing.',
      );
      await at(tab, 'invoke').click();
      assert.equal(await focused(tab), 'function-payload');
      assert.equal(await payload.evaluate((it) => it.selectionStart), 12);
      assert.match(await spoken(tab), /not JSON: line 2, column 11/);
      await payload.fill('');
      await at(tab, 'invoke').click();
      assert.deepEqual(await invocations(tab), []);
      await payload.fill('null');
      assert.equal(await payload.getAttribute('aria-invalid'), 'false');
      await at(tab, 'invoke').click();
      assert.equal((await invocations(tab)).length, 1);
    }));
});

describe('the outcome', () => {
  test('an answer is laid out, no digit changed, and is to be had raw', () =>
    inTab({}, async (tab) => {
      await scenes['function-answer'](tab);
      const shown = tab.getByRole('group', { name: 'function answer' });
      assert.equal(
        await shown.innerText(),
        [
          '{',
          '  "greeting": "Hello, Alex!",',
          '  "requests": 12345678901234567890,',
          '  "tags": [],',
          '  "via": [',
          '    "lambda"',
          '  ]',
          '}',
        ].join('\n'),
      );
      await tab.getByRole('button', { name: 'Raw function answer' }).click();
      assert.equal(await shown.innerText(), views.functionAnswer.payload);
    }));

  test('with its times, its version and the end of the log', () =>
    inTab({}, async (tab) => {
      await scenes['function-answer'](tab);
      assert.match(
        await text(tab, 'function-answer'),
        /^hello answered 48 ms · 42 ms billed · version \$LATEST/,
      );
      const log = tab.getByRole('group', { name: 'function log' });
      assert.ok(!(await log.isVisible()));
      await at(tab, 'function-log').locator('summary').click();
      assert.match(await log.innerText(), /INFO greeting Alex/);
    }));

  test('is text, whatever it holds', () =>
    inTab({}, async (tab) => {
      await room(tab, views.signedIn, 'functions');
      for (const payload of [
        '<img src=x onerror=alert(1)>',
        '"a\\"b{[,:]}"',
        'not json {',
        '[[],{}]',
      ]) {
        await at(tab, 'invoke').click();
        await answer(tab, 'invoke_function', {
          ...views.functionAnswer,
          payload,
          logTail: payload,
        });
        const shown = await tab.getByRole('group', { name: 'function answer' }).textContent();
        assert.equal(shown.replace(/\s/g, ''), payload.replace(/\s/g, ''));
      }
      assert.equal(await at(tab, 'function-answer').locator('img').count(), 0);
    }));

  test('a function’s own error is not a failed call, and shows its log', () =>
    inTab({}, async (tab) => {
      await scenes['function-error'](tab);
      assert.deepEqual(await alerts(tab), []);
      const words = await text(tab, 'function-answer');
      assert.match(words, /hello failed: Unhandled 31 ms/);
      assert.match(words, /the error is the function’s own: name must be a string/);
      assert.match(words, /index\.mjs:3:11/);
      assert.equal(await spoken(tab), 'hello ran and failed.');

      await at(tab, 'invoke').click();
      await refuse(tab, 'invoke_function', views.offline);
      assert.equal(await at(tab, 'function-answer').count(), 0);
      assert.equal((await alerts(tab)).length, 1);
    }));

  test('an event and a dry run say what they are', () =>
    inTab({}, async (tab) => {
      await scenes['function-started'](tab);
      assert.match(await text(tab, 'function-answer'), /^hello is started/);
      await at(tab, 'function-type').selectOption('dryRun');
      await tab.getByRole('button', { name: 'Check hello' }).click();
      assert.deepEqual(
        (await invocations(tab)).map(([, , type]) => type),
        ['event', 'dryRun'],
      );
      await answer(tab, 'invoke_function', views.denied);
      assert.deepEqual(await alerts(tab), [], 'that one may not is an answer');
      const words = await text(tab, 'function-answer');
      assert.match(words, /^You may not invoke hello/);
      assert.match(words, /Ask your administrator to allow lambda:InvokeFunction/);
    }));
});

describe('waiting', () => {
  test('is counted, and can be ended; that the function may go on is said', () =>
    inTab({}, async (tab) => {
      await scenes['function-waiting'](tab);
      assert.equal(await text(tab, 'function-waiting'), 'Waiting for 1 min 15 s.');
      await at(tab, 'stop-waiting').click();
      const [[, { run }]] = await calls(tab, 'invoke_function');
      assert.deepEqual(await calls(tab, 'stop_waiting'), [['stop_waiting', run]]);
      await answer(tab, 'invoke_function', { kind: 'stopped' });
      assert.match(await text(tab, 'function-answer'), /may go on: AWS Lambda does not stop it/);
      assert.equal(await focused(tab), 'function-payload');
    }));

  test('goes on in another room, and beside another function’s run', () =>
    inTab({}, async (tab) => {
      await room(tab, views.twoFunctions, 'functions');
      await at(tab, 'invoke').click();
      await choose(tab, 'resize-image');
      await at(tab, 'invoke').click();
      assert.equal((await invocations(tab)).length, 2);
      await at(tab, 'room-account').click();
      await answer(tab, 'invoke_function', views.functionAnswer);
      await at(tab, 'room-functions').click();
      assert.equal(await at(tab, 'function-answer').count(), 0);
      await choose(tab, 'hello');
      assert.match(await text(tab, 'function-answer'), /^hello answered/);
    }));
});

describe('the history', () => {
  test('shows earlier runs again, with their payloads, and can be cleared', () =>
    inTab({}, async (tab) => {
      await scenes['function-history'](tab);
      const runs = at(tab, 'function-history').getByRole('button');
      assert.deepEqual(
        (await runs.allInnerTexts()).map((words) => words.split('\n').at(-1)),
        ['answered', 'not waited for', 'failed', 'answered'],
      );
      await runs.nth(2).click();
      assert.match(await text(tab, 'function-answer'), /hello failed/);
      assert.match(await at(tab, 'function-payload').inputValue(), /goes on and on/);
      assert.equal(await focused(tab), 'function-payload');
      await at(tab, 'forget-runs').click();
      assert.equal(await at(tab, 'function-history').count(), 0);
      assert.equal(await at(tab, 'function-answer').count(), 0);
    }));

  test('is bounded, and nothing of it outlives the person’s session or reaches a disk', () =>
    inTab({}, async (tab) => {
      await room(tab, views.signedIn, 'functions');
      for (let run = 0; run < 25; run += 1) {
        await at(tab, 'invoke').click();
        await answer(tab, 'invoke_function', views.functionAnswer);
      }
      assert.equal(await at(tab, 'function-history').getByRole('listitem').count(), 20);
      const payload = 'x'.repeat(6_000_000);
      for (let run = 0; run < 4; run += 1) {
        await at(tab, 'invoke').click();
        await answer(tab, 'invoke_function', { ...views.functionAnswer, payload });
      }
      assert.equal(await at(tab, 'function-history').getByRole('listitem').count(), 2);
      assert.deepEqual(
        await tab.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]),
        [0, 0, ''],
      );
      await show(tab, views.signedOut);
      await room(tab, views.signedIn, 'functions');
      assert.equal(await at(tab, 'function-answer').count(), 0);
    }));

  test('time stands beside what was then', () =>
    inTab({}, async (tab) => {
      await scenes['function-history'](tab);
      await tab.clock.setFixedTime((NOW + views.DAY) * 1000);
      await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
      const first = at(tab, 'function-history').getByRole('button').first();
      assert.match(await first.innerText(), /21 Dec 2026, 09:00/);
    }));
});
