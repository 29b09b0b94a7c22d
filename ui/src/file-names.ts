import type { FileView } from './bindings';
import { visible } from './format';

const UNITS = ['kB', 'MB', 'GB', 'TB'];
const number = (digits: number) =>
  new Intl.NumberFormat(undefined, { maximumFractionDigits: digits });
const [whole, tenths] = [number(0), number(1)];

/** A count in the reader's own format: `10,000`. */
export const count = (value: number): string => whole.format(value);

/** `one` of something, or so many: `1 file`, `3 files`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  value === 1 ? `1 ${one}` : `${count(value)} ${many}`;

/** Bytes as people say them: `3.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.5 && unit < UNITS.length - 1);
  return `${(value < 9.95 ? tenths : whole).format(value)} ${UNITS[unit]}`;
}

/** The time a transfer still takes, as closely as it can be known. */
export function left(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, seconds)} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

export const isFolder = (path: string): boolean => path.endsWith('/');

/** A path's last name, without the `/` of a folder. */
export function nameOf(path: string): string {
  const bare = isFolder(path) ? path.slice(0, -1) : path;
  return bare.slice(bare.lastIndexOf('/') + 1);
}

/** The folder a path is in: empty, or ending in `/`. */
export function parentOf(path: string): string {
  const bare = isFolder(path) ? path.slice(0, -1) : path;
  return bare.slice(0, bare.lastIndexOf('/') + 1);
}

/** The folders on the way to a path, the first of them first. */
export function ancestors(path: string): string[] {
  const all: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    all.push(path.slice(0, at + 1));
  }
  return all;
}

const JOINER =
  /(?<=[\p{Extended_Pictographic}\ufe0f\u{1f3fb}-\u{1f3ff}])\u200d(?=\p{Extended_Pictographic})/u;

/** A name as it may be shown; one that is empty or blank must still be seen. */
export function shown(name: string): string {
  // What joins emoji into one is no trick.
  const parts = name.split(JOINER).map(visible);
  return name.trim() === '' ? `“${name}”` : parts.join('\u200d');
}

const letters = new Intl.Segmenter();
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A name in two halves, to be shortened between them: what tells files apart is mostly at the end. */
export function halves(name: string): [start: string, end: string] {
  const all = shown(name);
  if (all.length <= 16 || RIGHT_TO_LEFT.test(all)) return [all, ''];
  const parts = [...letters.segment(all)].map(({ segment }) => segment);
  const cut = Math.max(0, parts.length - 10);
  return [parts.slice(0, cut).join(''), parts.slice(cut).join('')];
}

/** What is wrong with a new name, or null. */
export function nameFault(name: string): string | null {
  if (name.trim() === '') return 'Write a name.';
  if (name.includes('/')) return 'A name cannot have a slash in it.';
  if (name === '.' || name === '..') return 'This name means another folder.';
  if (new TextEncoder().encode(name).length > 900) return 'The name is too long.';
  return null;
}

export type SortKey = 'name' | 'size' | 'modified';
export interface Order {
  key: SortKey;
  /** Whether the greatest come first. */
  down: boolean;
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** Folders first; by name where nothing else tells them apart. */
export function sorted(files: readonly FileView[], { key, down }: Order): FileView[] {
  const all = files.map((file) => ({ file, name: nameOf(file.path), folder: isFolder(file.path) }));
  const sign = down ? -1 : 1;
  all.sort((a, b) => {
    if (a.folder !== b.folder) return a.folder ? -1 : 1;
    const value = key === 'name' || a.folder ? 0 : (a.file[key] ?? 0) - (b.file[key] ?? 0);
    if (value !== 0) return sign * value;
    const names = collator.compare(a.name, b.name);
    return key === 'name' ? sign * names : names;
  });
  return all.map(({ file }) => file);
}
