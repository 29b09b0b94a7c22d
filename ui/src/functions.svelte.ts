import { Action } from './action.svelte';
import { asCommandError, type Backend } from './backend';
import type { CommandError, FunctionOutcomeView, FunctionView, InvocationType } from './bindings';

/** One invocation, and what came of it. */
export class Run {
  outcome = $state.raw<FunctionOutcomeView | null>(null);
  /** Why there was no answer. */
  problem = $state.raw<CommandError | null>(null);
  readonly startedAt = Math.floor(Date.now() / 1000);

  constructor(
    readonly id: number,
    readonly name: string,
    readonly payload: string,
    readonly type: InvocationType,
  ) {}

  get pending(): boolean {
    return this.outcome === null && this.problem === null;
  }

  get size(): number {
    const answer = this.outcome?.kind === 'answered' ? this.outcome : null;
    return (
      this.payload.length + (answer ? answer.payload.length + (answer.logTail?.length ?? 0) : 0)
    );
  }
}

/** What is remembered of earlier runs, of one function and of all together, in characters. */
const RUNS = 20;
const SIZE = 16_000_000;

// Over all profiles, because Rust counts them together.
let runs = 0;

/** What one person has been doing with their functions: in memory alone, and gone when they sign out. */
export class FunctionDesk {
  readonly list: Action<[], FunctionView[]>;
  chosen = $state<string | null>(null);
  type = $state<InvocationType>('requestResponse');
  /** What is being written for each function. */
  readonly payloads = $state<Record<string, string>>({});
  /** The latest first. */
  history = $state.raw<Run[]>([]);
  /** The run whose outcome is looked at. */
  private looked = $state.raw<Run | null>(null);

  constructor(private readonly backend: Backend) {
    this.list = new Action(() => backend.listFunctions());
  }

  of(name: string): Run[] {
    return this.history.filter((run) => run.name === name);
  }

  /** The run of this function that is shown: the one looked at, else the latest. */
  shown(name: string): Run | null {
    return this.looked?.name === name ? this.looked : (this.of(name)[0] ?? null);
  }

  pending(name: string): Run | null {
    return this.of(name).find((run) => run.pending) ?? null;
  }

  /** Takes up an earlier run: its payload, and what came of it. */
  look(run: Run): void {
    this.looked = run;
    this.payloads[run.name] = run.payload;
    this.type = run.type;
  }

  /** Invokes; does nothing while this function is waited for. */
  async run(name: string, payload: string, type: InvocationType): Promise<Run | null> {
    if (this.pending(name)) return null;
    const run = new Run((runs += 1), name, payload, type);
    this.history = [run, ...this.history];
    this.looked = null;
    try {
      run.outcome = await this.backend.invokeFunction({ run: run.id, name, payload, type });
    } catch (reason) {
      run.problem = asCommandError(reason);
    }
    this.trim();
    return run;
  }

  /** Ends the waiting; the function goes on. */
  async stop(run: Run): Promise<void> {
    await this.backend.stopWaiting(run.id).catch(() => {});
  }

  forget(name: string): void {
    this.history = this.history.filter((run) => run.name !== name || run.pending);
    this.looked = null;
  }

  private trim(): void {
    const count: Record<string, number> = {};
    let size = 0;
    this.history = this.history.filter((run) => {
      const nth = (count[run.name] = (count[run.name] ?? 0) + 1);
      size += run.size;
      // The latest stays, however large.
      return run.pending || nth === 1 || (nth <= RUNS && size <= SIZE);
    });
  }
}
