/** Where a text stops being JSON. */
export interface JsonFault {
  /** Why, as a sentence. */
  why: string;
  /** The offset of the first character that is wrong. */
  at: number;
  /** Its line and column, from one. */
  line: number;
  column: number;
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** What may come next. */
type Expected = 'value' | 'item' | 'name' | 'member' | 'colon' | 'more' | 'end';

/** Where and why `text` is not JSON (RFC 8259), or null when it is. Web views say it in words of their own, and not all say where. */
export function jsonFault(text: string): JsonFault | null {
  if (text.trim() === '') return fault('', 0, 'Write a JSON value, for example {}.');
  try {
    JSON.parse(text);
    return null;
  } catch {
    return locate(text);
  }
}

function locate(text: string): JsonFault {
  const open: ('{' | '[')[] = [];
  let at = 0;
  let expected: Expected = 'value';
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found) at += found.length;
    return found;
  };
  for (;;) {
    match(SPACE);
    const next = text[at];
    if (next === undefined) {
      const missing = open.length > 0 ? (open.at(-1) === '{' ? 'a }' : 'a ]') : 'a value';
      return fault(text, at, `The text ends, and ${missing} is missing.`);
    }
    if (expected === 'end') return fault(text, at, 'There is something after the value.');
    const inside: '{' | '[' | undefined = open.at(-1);
    const closing = inside === '{' ? '}' : ']';
    const mayClose = inside && ['more', 'item', 'member'].includes(expected);
    const naming: boolean = expected === 'name' || expected === 'member';
    if (mayClose && next === closing) {
      at += 1;
      open.pop();
      expected = open.length > 0 ? 'more' : 'end';
    } else if (expected === 'more') {
      if (next !== ',') return fault(text, at, `A comma or ${closing} is missing.`);
      at += 1;
      expected = inside === '{' ? 'name' : 'value';
    } else if (expected === 'colon') {
      if (next !== ':') return fault(text, at, 'A colon is missing.');
      at += 1;
      expected = 'value';
    } else if (naming && next !== '"') {
      const many = next === '}' && 'There is a comma too many before this.';
      return fault(text, at, many || 'A name in double quotes is missing.');
    } else if (next === '"') {
      const start = at;
      match(STRING);
      if (text[at] !== '"') {
        if (text[at] === '\\') return fault(text, at, 'There is no such escape.');
        if (at < text.length) {
          return fault(text, at, 'Line breaks and tabs in a text are written \\n and \\t.');
        }
        return fault(text, start, 'This text has no closing quote.');
      }
      at += 1;
      expected = naming ? 'colon' : after(open);
    } else if (next === '{' || next === '[') {
      open.push(next);
      at += 1;
      expected = next === '{' ? 'member' : 'item';
    } else {
      const start = at;
      const known = match(SCALAR) !== null;
      const rest = /[\w.+-]/.test(text[at] ?? '');
      if (!known || rest) {
        const why = next === "'" ? 'Text stands in double quotes.' : 'A value is missing.';
        return fault(text, start, known ? 'This is no number, true, false or null.' : why);
      }
      expected = after(open);
    }
  }
}

function after(open: unknown[]): Expected {
  return open.length > 0 ? 'more' : 'end';
}

function fault(text: string, at: number, why: string): JsonFault {
  const before = text.slice(0, at).split('\n');
  return { why, at, line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
