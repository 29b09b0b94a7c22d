import { asCommandError } from './backend';
import type { CommandError } from './bindings';

/** One command a person can start: at most one run at a time, and what the last run came to. */
export class Action<Arguments extends unknown[], Answer> {
  pending = $state(false);
  answer = $state.raw<Answer | null>(null);
  problem = $state.raw<CommandError | null>(null);

  constructor(private readonly command: (...args: Arguments) => Promise<Answer>) {}

  /** Starts the command; does nothing while it is running. The last answer stays until the next. */
  run = async (...args: Arguments): Promise<void> => {
    if (this.pending) return;
    this.pending = true;
    this.problem = null;
    try {
      this.answer = await this.command(...args);
    } catch (reason) {
      this.answer = null;
      this.problem = asCommandError(reason);
    } finally {
      this.pending = false;
    }
  };

  /** Forgets the last run. */
  clear(): void {
    this.answer = null;
    this.problem = null;
  }
}
