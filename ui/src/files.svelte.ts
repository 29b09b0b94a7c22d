import { SvelteMap } from 'svelte/reactivity';
import { announcer } from './announce.svelte';
import { asCommandError, type Backend } from './backend';
import type { CommandError, Conflict, FileFolderView, FileView, ProgressView } from './bindings';
import type { Desk } from './desk.svelte';
import { count, counted, isFolder, nameOf, parentOf, sorted, type Order } from './file-names';

/** How long what was done can be undone by a click. */
const UNDO_MILLISECONDS = 30_000;

/** How folders are sorted; until the app is quit. */
let order = $state.raw<Order>({ key: 'name', down: false });

/** What was done, and by what it is undone. */
export interface Done {
  words: string;
  undo: number | null;
}

/** A button that is held, or not any more. */
export interface Hold {
  held: boolean;
}

/** The place the person is at in their files, and what they are doing there. */
export class FilesDesk {
  folders = $state.raw<readonly FileFolderView[] | null>(null);
  folder = $state(0);
  /** The folder that is shown: empty, or ending in `/`. */
  path = $state('');
  /** What is searched for below it; nothing, when it is only listed. */
  words = $state('');
  files = $state.raw<readonly FileView[]>([]);
  loading = $state(false);
  /** How many objects a search has looked at. */
  lookedAt = $state(0);
  /** Whether a search has looked at all of them. */
  complete = $state(true);
  problem = $state.raw<CommandError | null>(null);
  /** Whether that is why it could not be listed. */
  private unlisted = false;
  selected = $state.raw<ReadonlySet<string>>(new Set());
  /** The one that the keyboard is at. */
  active = $state<string | null>(null);
  /** What takes a while, in words. */
  working = $state<string | null>(null);
  /** Whether that has many steps, and can be stopped between them. */
  stoppable = $state(false);
  private stopped = false;
  /** What is downloaded while the person holds it, in words. */
  holding = $state<string | null>(null);
  private drags = 0;
  done = $state.raw<Done | null>(null);
  readonly shown = $derived(sorted(this.files, order));
  private readonly versions = new SvelteMap<number, boolean | null>();
  private runs = 0;
  private stale = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly backend: Backend) {}

  get order(): Order {
    return order;
  }

  set order(next: Order) {
    order = next;
  }

  get title(): string {
    return this.path ? nameOf(this.path) : (this.folders?.[this.folder]?.title ?? 'Files');
  }

  /** The chosen files, in the order in which they are shown. */
  get chosen(): FileView[] {
    return this.shown.filter(({ path }) => this.selected.has(path));
  }

  /** Goes somewhere. */
  go(path: string, folder = this.folder, active: string | null = null): Promise<void> {
    this.folder = folder;
    this.path = path;
    this.words = '';
    this.active = active;
    return this.begin();
  }

  up(): void {
    if (this.words) void this.go(this.path);
    else if (this.path) void this.go(parentOf(this.path), this.folder, this.path);
  }

  search(words: string): void {
    if (words.trim() === this.words) return;
    this.words = words.trim();
    this.active = null;
    void this.begin();
  }

  private begin(): Promise<void> {
    this.files = [];
    this.select([]);
    return this.list(false);
  }

  /** Looks again when what runs is done: much may arrive at once. */
  refreshSoon(): void {
    if (this.loading) this.stale = true;
    else void this.refresh();
  }

  /** Looks again because the person or the network asks for it. */
  again(): Promise<void> {
    this.problem = null;
    return this.refresh();
  }

  /** Looks again; what is shown stays until the answer is there, and what else went wrong until it was read. */
  refresh(): Promise<void> {
    return this.list(true);
  }

  private async list(quiet: boolean): Promise<void> {
    const run = ++this.runs;
    const current = () => run === this.runs;
    const found: FileView[] = [];
    this.loading = true;
    if (!quiet || this.unlisted) this.problem = null;
    this.unlisted = false;
    this.lookedAt = 0;
    try {
      if (!this.folders) {
        const folders = await this.backend.fileFolders();
        if (!current()) return;
        this.folders = folders;
      }
      if (this.folders.length === 0) {
        this.loading = false;
        return;
      }
      const words = this.words || null;
      const complete = await this.backend.listFiles(this.folder, this.path, words, (page) => {
        if (!current()) return;
        found.push(...page.files);
        this.lookedAt = page.lookedAt;
        // Sorted anew only when it has grown by half: a folder may have very many pages.
        if (!quiet && found.length >= 1.5 * this.files.length) this.files = found.slice();
      });
      if (!current()) return;
      this.complete = complete;
      this.files = found;
      const there = new Set(found.map(({ path }) => path));
      this.select([...this.selected].filter((path) => there.has(path)));
      if (this.active !== null && !there.has(this.active)) this.active = null;
      if (!quiet) announcer.say(this.summary);
    } catch (reason) {
      if (!current()) return;
      this.problem = asCommandError(reason);
      this.unlisted = true;
    }
    this.loading = false;
    if (this.stale) {
      this.stale = false;
      void this.refresh();
    }
  }

  /** What is there, in words. */
  get summary(): string {
    if (this.words) {
      const found = this.files.length === 0 ? 'Nothing found' : `${count(this.files.length)} found`;
      return this.complete ? `${found}.` : `${found}; there is more than was looked at.`;
    }
    const folders = this.files.filter(({ path }) => isFolder(path)).length;
    const files = this.files.length - folders;
    if (folders + files === 0) return 'Empty.';
    const parts = [];
    if (folders) parts.push(counted(folders, 'folder'));
    if (files) parts.push(counted(files, 'file'));
    return `${parts.join(', ')}.`;
  }

  select(paths: Iterable<string>): void {
    this.selected = new Set(paths);
  }

  /** Does something that takes a while; whether it was done. */
  async work(words: string, what: () => Promise<void>): Promise<boolean> {
    if (this.working !== null) return false;
    this.working = words;
    this.problem = null;
    this.unlisted = false;
    try {
      await what();
      return true;
    } catch (reason) {
      this.problem = asCommandError(reason);
      return false;
    } finally {
      this.working = null;
      this.stoppable = false;
    }
  }

  /** Ends what takes a while where it is; what is done stays so. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stoppable = false;
    this.working = 'Stopping…';
    await this.backend.stopChanges();
  }

  /** Tells what was done, for a while. */
  tell(words: string, undo: number | null = null): void {
    clearTimeout(this.timer);
    this.done = { words, undo };
    announcer.say(undo === null ? words : `${words} It can be undone.`);
    this.timer = setTimeout(() => (this.done = null), UNDO_MILLISECONDS);
  }

  forget(): void {
    clearTimeout(this.timer);
    this.done = null;
  }

  /** Has files dragged out of the window, once they are on the disk; should they be let go before, another time. */
  async drag(files: FileView[], hold: Hold): Promise<void> {
    const run = ++this.drags;
    const [first] = files;
    if (!first) return;
    const one = files.length === 1;
    const what = one ? `“${nameOf(first.path)}”` : counted(files.length, 'item');
    this.holding = `Downloading ${what} to drag…`;
    try {
      const number = await this.backend.fetchToDrag(this.folder, files);
      if (run !== this.drags) return;
      this.holding = null;
      if (number === null) return;
      if (hold.held) await this.backend.dragOut(number);
      else this.tell(`${what} can be dragged now: ${one ? 'it is' : 'they are'} on this computer.`);
    } catch (reason) {
      if (run === this.drags) this.problem = asCommandError(reason);
    } finally {
      if (run === this.drags) this.holding = null;
    }
  }

  /** Whether what is deleted there can be had back; null where nobody can say. */
  async keepsVersions(folder: number): Promise<boolean | null> {
    const known = this.versions.get(folder);
    if (known !== undefined) return known;
    const answer = await this.backend.keepsVersions(folder);
    this.versions.set(folder, answer);
    return answer;
  }

  async remove(paths: string[]): Promise<void> {
    const what = paths.length === 1 ? `“${nameOf(paths[0] ?? '')}”` : counted(paths.length, 'item');
    const next = this.after(paths);
    this.forget();
    const removed = await this.work(`Deleting ${what}…`, async () => {
      const { objects, undo, problem } = await this.backend.deleteFiles(
        this.folder,
        paths,
        this.progress('Deleting'),
      );
      if (problem) {
        this.tell(`Only ${counted(objects, 'file')} deleted.`, undo);
        throw problem;
      }
      if (this.stopped) this.tell(`Stopped: ${counted(objects, 'file')} deleted.`, undo);
      else this.tell(`${what} deleted.`, undo);
    });
    if (removed && !this.stopped) {
      const gone = new Set(paths);
      this.files = this.files.filter(({ path }) => !gone.has(path));
      this.active = next;
      this.select(next === null ? [] : [next]);
    }
    await this.refresh();
  }

  /** What the keyboard is at when these are gone. */
  private after(paths: string[]): string | null {
    const gone = new Set(paths);
    const at = this.shown.findIndex(({ path }) => gone.has(path));
    const kept = (file: FileView) => !gone.has(file.path);
    const next = this.shown.slice(at).find(kept) ?? this.shown.slice(0, at).reverse().find(kept);
    return next?.path ?? null;
  }

  async undo(): Promise<void> {
    const undo = this.done?.undo;
    if (undo === null || undefined === undo) return;
    const undone = await this.work('Bringing it back…', () => this.backend.undoDelete(undo));
    if (undone) this.tell('It is back.');
    await this.refresh();
  }

  /** Throws when something of the name is there and the conflict is to be asked about. */
  async rename(from: string, name: string, conflict: Conflict): Promise<void> {
    const to = `${parentOf(from)}${name}${isFolder(from) ? '/' : ''}`;
    const progress = this.progress('Renaming');
    this.working = 'Renaming…';
    try {
      const path = await this.backend.renameFile(this.folder, from, to, conflict, progress);
      this.active = path;
      if (path === from && this.stopped) {
        this.tell(`Stopped: a part of “${nameOf(from)}” is in “${nameOf(to)}” now.`);
      } else this.tell(`It is called “${nameOf(path)}” now.`);
    } catch (reason) {
      // A part of it may have the name.
      if (asCommandError(reason).code !== 'Exists') void this.refresh();
      throw reason;
    } finally {
      this.working = null;
      this.stoppable = false;
    }
    await this.refresh();
    this.select([this.active ?? '']);
  }

  async createFolder(name: string): Promise<void> {
    const path = `${this.path}${name}/`;
    await this.backend.createFolder(this.folder, path);
    this.active = path;
    this.tell(`“${name}” is made.`);
    await this.refresh();
    this.select([path]);
  }

  private progress(words: string): (progress: ProgressView) => void {
    this.stopped = false;
    return ({ done, total }) => {
      if (this.working !== null && total > 1 && !this.stopped) {
        this.stoppable = true;
        this.working = `${words} ${count(done)} of ${count(total)}…`;
      }
    };
  }
}

const all = new WeakMap<Desk, FilesDesk>();

/** The files of whoever sits at this desk. */
export function filesOf(desk: Desk, backend: Backend): FilesDesk {
  let files = all.get(desk);
  if (!files) all.set(desk, (files = new FilesDesk(backend)));
  return files;
}
