import { announcer } from './announce.svelte';
import type { Backend } from './backend';
import type { TransferView } from './bindings';

/** The order in which they are shown: what needs the person, what goes on, what is over. */
const RANKS = ['asking', 'failed', 'running', 'queued', 'paused', 'done', 'cancelled'];
const rank = ({ state }: TransferView) => RANKS.indexOf(state.kind);

/** The uploads and downloads of the person who is signed in, as Rust tells them. */
export class Transfers {
  all = $state.raw<readonly TransferView[]>([]);
  /** Whether the person wants to see them. */
  open = $state(false);
  readonly sorted = $derived([...this.all].sort((a, b) => rank(a) - rank(b) || b.id - a.id));
  readonly asking = $derived(this.of('asking'));
  readonly failed = $derived(this.of('failed').length);
  /** How many are not over. */
  readonly unfinished = $derived(this.all.filter((transfer) => rank(transfer) < 5).length);
  readonly over = $derived(this.all.length - this.unfinished);
  private known = new Map<number, string>();
  /** Called when something has arrived in S3. */
  arrived: (() => void) | null = null;

  constructor(readonly backend: Backend) {}

  watch(): Promise<void> {
    return this.backend.watchTransfers((all) => this.take(all));
  }

  private of(kind: string): TransferView[] {
    return this.all.filter(({ state }) => state.kind === kind);
  }

  private take(all: TransferView[]): void {
    const before = this.known;
    this.known = new Map(all.map(({ id, state }) => [id, state.kind]));
    this.all = all;
    const now = (kind: string) =>
      all.filter(
        ({ id, state }) => state.kind === kind && before.get(id) !== kind && before.has(id),
      );
    const [asking, failed, done] = [now('asking'), now('failed'), now('done')];
    if (all.some(({ id }) => !before.has(id)) || asking.length + failed.length > 0) {
      this.open ||= all.some((transfer) => rank(transfer) < 5);
    }
    if (asking.length > 0) announcer.say('A transfer has a question.');
    else if (failed.length > 0) announcer.say(`${failed[0]?.name} could not be transferred.`);
    else if (done.length > 0 && this.unfinished === 0) announcer.say('All transfers are done.');
    if (done.some(({ way }) => way === 'upload')) this.arrived?.();
  }
}
