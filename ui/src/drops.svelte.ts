import type { Backend } from './backend';
import type { DropTarget, DropView } from './bindings';

/** Files dragged from the desktop. Rust takes them; the page only says where they would go. */
export class Drops {
  /** Whether some are over the window, and would be taken. */
  over = $state(false);
  /** What the open room wants of a drop; without it, it is a profile. */
  room = $state.raw<DropTarget | null>(null);
  /** Told of what the room's target took. */
  taken: ((drop: DropView) => void) | null = null;
  private aimed = '';

  constructor(private readonly backend: Backend) {}

  watch(onDrop: (drop: DropView) => void): Promise<void> {
    return this.backend.watchDrops((drop) => {
      if (drop.kind === 'over' || drop.kind === 'left') this.over = drop.kind === 'over';
      else onDrop(drop);
    });
  }

  /** Says where a drop goes from now on. */
  aim(target: DropTarget): void {
    const aimed = JSON.stringify(target);
    if (aimed === this.aimed) return;
    this.aimed = aimed;
    void this.backend.acceptDrops(target).catch(() => (this.aimed = ''));
  }
}
