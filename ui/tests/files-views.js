// What Rust may send of files and transfers, as the tests and the screenshots use it.
import { DAY, HOUR, NOW } from './views.js';

export const folders = [
  { title: 'Your files', bucket: 'keyfob-demo', personal: true },
  { title: 'Shared files', bucket: 'keyfob-demo', personal: false },
];

export const folder = (path) => ({ path: `${path}/`, size: 0, modified: null, archived: false });
export const file = (path, size, age, rest = {}) => ({
  path,
  size,
  modified: NOW - age,
  archived: false,
  ...rest,
});

export const files = [
  folder('Contracts'),
  folder('Photos'),
  file('budget 2026.xlsx', 48_213, 3 * HOUR),
  file('notes.txt', 812, 20 * 60),
  file('Quarterly report.pdf', 2_431_877, 2 * DAY),
  file('report 10.pdf', 312, 9 * DAY),
  file('report 2.pdf', 9_812_004, 12 * DAY),
  file('site backup.tar.gz', 5_368_709_120, 90 * DAY, { archived: true }),
];

const LONG = 'Protokoll der außerordentlichen Gesellschafterversammlung der Nordlicht GmbH ';
export const strange = [
  folder('   '),
  folder('..'),
  folder(LONG.repeat(3).trim()),
  file(`${LONG.repeat(4)}(endgültige Fassung 2).docx`, 1, HOUR),
  file(`${'W'.repeat(1000)}.bin`, 999, HOUR),
  file('photo\u202egpj.exe', 4_000, DAY),
  file('🏳️‍🌈👩‍🚀'.repeat(30) + '.png', 4_000, DAY),
  file('تقرير المبيعات السنوي للشركة '.repeat(8) + '.pdf', 52_000, DAY),
  file('CON', 1, DAY),
  file('a\\b: c?.txt', 12, DAY),
  file('<img src=x onerror=alert(1)>.html', 12, DAY),
];

/** So many, as S3 gives them: in pages of a thousand. */
export const many = (count) =>
  Array.from({ length: count }, (_, at) =>
    file(`scan ${String(at).padStart(5, '0')}.tiff`, 1000 + ((at * 7919) % 100_000), at * 60),
  );
export const pages = (files) =>
  Array.from({ length: Math.ceil(files.length / 1000) }, (_, at) => ({
    files: files.slice(at * 1000, at * 1000 + 1000),
    lookedAt: 0,
  }));

export const notAllowed = {
  code: 'NotAllowed',
  message:
    'arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated is not allowed s3:ListBucket on arn:aws:s3:::keyfob-demo with the prefix shared/.',
  remedy:
    'Ask your administrator to allow s3:ListBucket on arn:aws:s3:::keyfob-demo with the prefix shared/ in the IAM policy of arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated.',
};
export const notDeleted = {
  code: 'NotAllowed',
  message:
    'arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated is not allowed s3:DeleteObject on arn:aws:s3:::keyfob-demo/users/us-east-1:4c0b2f5a/Photos/locked.jpg.',
  remedy:
    'Ask your administrator to allow s3:DeleteObject on it in the IAM policy of arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated.',
};
export const offline = {
  code: 'Offline',
  message: 'Amazon S3 cannot be reached.',
  remedy: 'Check the network and try again.',
};
export const exists = {
  code: 'Exists',
  message: '“report 2.pdf” is there already.',
  remedy: 'Replace it, keep both under different names, or leave it as it is.',
};
export const gone = {
  code: 'File',
  message: '“notes.txt” is not there (any more).',
  remedy: 'Look at the folder again: somebody may have moved or deleted it.',
};

export const transfer = (id, state, rest = {}) => ({
  id,
  way: 'upload',
  name: `video ${id}.mp4`,
  to: 'Photos',
  state: typeof state === 'string' ? { kind: state } : state,
  bytesDone: 120_000_000,
  bytesTotal: 512_000_000,
  filesDone: 0,
  filesTotal: 1,
  rate: null,
  secondsLeft: null,
  conflicts: [],
  problems: [],
  more: 0,
  ...rest,
});
export const running = transfer(1, 'running', { rate: 8_400_000, secondsLeft: 47 });
export const download = transfer(2, 'running', {
  way: 'download',
  name: 'Photos',
  to: 'Downloads',
  filesDone: 118,
  filesTotal: 1_204,
  rate: 23_000_000,
  secondsLeft: 194,
});
export const asking = transfer(3, 'asking', {
  name: 'Contracts',
  to: 'Your files',
  conflicts: ['lease.pdf', 'archive/lease 2019.pdf'],
  more: 3,
});
export const alsoAsking = transfer(4, 'asking', { name: 'notes.txt', conflicts: ['notes.txt'] });
export const failed = transfer(5, { kind: 'failed', error: offline });
export const halfDone = transfer(
  6,
  { kind: 'failed', error: gone },
  {
    name: 'Holidays',
    problems: [{ path: 'beach.raw', error: gone }],
  },
);
export const all = [
  running,
  download,
  asking,
  alsoAsking,
  failed,
  halfDone,
  transfer(7, 'queued'),
  transfer(8, 'paused', {
    name: 'disk image with a very long name from the old laptop 2019-04.iso',
  }),
  transfer(9, 'done', { bytesDone: 512_000_000 }),
  transfer(10, 'done', { way: 'download', to: 'Downloads', bytesDone: 512_000_000 }),
  transfer(11, 'cancelled'),
];

/** A picture of two by two points. */
export const picture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVQIW2M4kKbKwMDAxPD//38GABnoA6mJvXsmAAAAAElFTkSuQmCC';
