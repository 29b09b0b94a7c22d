// Where a text stops being JSON, and in which words.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createServer } from 'vite';
import { root } from './harness.js';

const vite = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  server: { middlewareMode: true, ws: false, watch: null },
});
after(() => vite.close());
const { jsonFault } = await vite.ssrLoadModule('/src/json.ts');

for (const [text, line, column, why] of [
  ['{"name": }', 1, 10, /value is missing/],
  ['{"a": 1,\n "b": 2\n "c": 3}', 3, 2, /comma or } is missing/],
  ['{"a": 1,}', 1, 9, /comma too many/],
  ['[1, 2', 1, 6, /ends, and a ] is missing/],
  ['{"a": {"b": 1}', 1, 15, /a } is missing/],
  ['[1 2]', 1, 4, /comma or ] is missing/],
  ['[1,]', 1, 4, /value is missing/],
  ['{"a" 1}', 1, 6, /colon/],
  ["{'a': 1}", 1, 2, /name in double quotes/],
  ["['a']", 1, 2, /double quotes/],
  ['{a: 1}', 1, 2, /name in double quotes/],
  ['"open', 1, 1, /no closing quote/],
  ['"\\x"', 1, 2, /escape/],
  ['"\\u12"', 1, 2, /escape/],
  ['"a\nb"', 1, 3, /Line breaks/],
  ['{} {}', 1, 4, /after the value/],
  ['01', 1, 1, /no number/],
  ['truely', 1, 1, /no number, true/],
  ['-', 1, 1, /value is missing/],
  ['[NaN]', 1, 2, /value is missing/],
  ['   ', 1, 1, /for example {}/],
  ['[', 1, 2, /a ] is missing/],
]) {
  test(`${JSON.stringify(text)}: line ${line}, column ${column}`, () => {
    const fault = jsonFault(text);
    assert.match(fault?.why ?? 'none', why);
    assert.deepEqual([fault.line, fault.column], [line, column]);
  });
}

test('what is JSON has no fault', () => {
  for (const text of [
    'null',
    ' [] ',
    '{"a":{"b":[1,-0.5e+9,"\\u00e9\\n",true]}}',
    '12345678901234567890',
  ]) {
    assert.equal(jsonFault(text), null, text);
  }
});

test('agrees with JSON.parse on every text that is one character away from JSON', () => {
  const good = '{"a": [1, -2.5e3, "x\\n\\u00e9"], "b": {"c": null, "d": true}}';
  for (let at = 0; at <= good.length; at += 1) {
    for (const other of ['', ...'{}[],:"\\ 0-.e\nx']) {
      for (const skip of [0, 1]) {
        const text = good.slice(0, at) + other + good.slice(at + skip);
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const fault = jsonFault(text);
        assert.equal(fault === null, valid, text);
        // Up to there it could still have become JSON.
        if (fault) assert.ok(fault.at <= text.length, text);
      }
    }
  }
});

test('deep and long texts are located too', () => {
  assert.equal(jsonFault('['.repeat(200_000))?.at, 200_000);
  assert.equal(jsonFault(`["${'x'.repeat(2_000_000)}" 1]`)?.column, 2_000_005);
});
