import { jsonFault } from './json';

const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** A Unix time as a date and time of day, in the reader's own format. */
export function moment(unixSeconds: number): string {
  return dateAndTime.format(unixSeconds * 1000);
}

/** As {@link moment}, but only the time of day when that is less than half a day away. */
export function soon(unixSeconds: number, now: number): string {
  return Math.abs(unixSeconds - now) < 12 * 3600
    ? timeOnly.format(unixSeconds * 1000)
    : moment(unixSeconds);
}

/** A length of time in its one or two largest units: `29 days`, `3 h 5 min`, `59 min`. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days >= 2) return `${days} days`;
  if (hours >= 1) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  if (minutes >= 1) return `${minutes} min`;
  return 'less than a minute';
}

/** A countdown: `4:05`. */
export function countdown(seconds: number): string {
  const left = Math.max(0, seconds);
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
}

/** The name in a role's ARN. */
export function roleName(arn: string): string {
  return arn.split(':role/').at(-1) ?? arn;
}

/** One or two letters for a name; an e-mail address or user name gives one. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return letters
    .map((word) => (word ? String.fromCodePoint(word.codePointAt(0) ?? 63) : ''))
    .join('')
    .toLocaleUpperCase();
}

/** How long something took: `48 ms`, `12.3 s`, `3 min 5 s`. */
export function took(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

// Beyond this a web view takes noticeably long to lay the text out.
const SHOWN = 50_000;

/** As much of a text as is shown. */
export function cut(text: string): string {
  if (text.length <= SHOWN) return text;
  return `${text.slice(0, SHOWN)}\n… ${text.length - SHOWN} more characters; Copy takes all.`;
}

/**
 * JSON text laid out for reading; anything else unchanged. Works on the text, not on parsed values:
 * JSON.parse and back would round large numbers and drop repeated keys.
 */
export function pretty(text: string): string {
  if (text.length > SHOWN || jsonFault(text) !== null) return cut(text);
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},:]|[^\s[\]{},:"]+/g) ?? [];
  let out = '';
  let depth = 0;
  const newline = () => '\n' + '  '.repeat(depth);
  tokens.forEach((token, at) => {
    const empty = /[[{]/.test(tokens[at - 1] ?? '') && tokens[at - 1]?.length === 1;
    if (token === '}' || token === ']') {
      depth -= 1;
      out += empty ? token : newline() + token;
    } else {
      if (empty) out += newline();
      out += token;
      if (token === '{' || token === '[') depth += 1;
      else if (token === ',') out += newline();
      else if (token === ':') out += ' ';
    }
  });
  return out;
}

/** The string member `name` of a JSON object, if `text` is one and has it. */
export function member(text: string, name: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const found = (value as Record<string, unknown>)[name];
    return typeof found === 'string' ? found : null;
  } catch {
    return null;
  }
}

/**
 * `text` with the characters that cannot be seen, or that turn the ones beside them around, as their
 * code points: what is to be trusted must not read otherwise than it is.
 */
export function visible(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
    (hidden) => `⟨U+${(hidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

/** How far a clock is off, roughly: `45 seconds`, `10 minutes`, `24 hours`. */
export function skew(seconds: number): string {
  const off = Math.abs(seconds);
  if (off < 90) return `${off} seconds`;
  const minutes = Math.round(off / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
