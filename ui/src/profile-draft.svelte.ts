import { Action } from './action.svelte';
import type { Backend } from './backend';
import type { CommandError, ProfilePreviewView, ProfileSource } from './bindings';

/** More than any profile has, and what Rust reads at most. */
const MAX_BYTES = 64 * 1024;

/** A profile on its way in: what was typed, pasted or dropped, kept until it is added. */
export class ProfileDraft {
  text = $state('');
  url = $state('');
  /** The file the text came from. */
  file = $state<string | null>(null);
  fault = $state.raw<CommandError | null>(null);
  readonly preview: Action<[ProfileSource], ProfilePreviewView>;
  readonly add: Action<[ProfilePreviewView], void>;

  constructor(backend: Backend) {
    this.preview = new Action((source) => backend.previewProfile(source));
    this.add = new Action(({ text, replaces }) => backend.addProfile(text, replaces));
  }

  /** Takes the text of a file that was dropped, as Rust has read it. */
  drop(file: string, text: string): void {
    this.refuse(null);
    this.text = text;
    this.file = file;
  }

  /** Says why what was dropped is no profile, and leaves what is there. */
  refuse(fault: CommandError | null): void {
    this.back();
    this.fault = fault;
  }

  /** Takes the text of the one file chosen; anything else is a fault and leaves what is there. */
  async take(files: FileList | null | undefined): Promise<void> {
    const file = files?.[0];
    if (!file) return;
    this.fault = null;
    this.preview.clear();
    this.add.clear();
    if (file.size > MAX_BYTES) {
      this.fault = fault(
        `${file.name} is too large to be a profile.`,
        'Choose the profile file of your organisation; its name mostly ends in .toml.',
      );
    } else {
      try {
        const bytes = await file.arrayBuffer();
        this.text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        this.file = file.name;
      } catch {
        this.fault = fault(
          `${file.name} cannot be read as text.`,
          'Choose the profile file of your organisation; its name mostly ends in .toml.',
        );
      }
    }
  }

  async review(): Promise<void> {
    const text = this.text.trim() !== '';
    const url = this.url.trim();
    this.fault = null;
    this.preview.clear();
    this.add.clear();
    if (text && url) {
      this.fault = fault(
        'There is both a text and an address.',
        'Empty one of the two, so that it is clear which profile you mean.',
      );
    } else if (!text && !url) {
      this.fault = fault(
        'There is nothing to review yet.',
        'Paste a profile, choose a file, or write an address.',
      );
    } else {
      await this.preview.run(text ? { kind: 'text', text: this.text } : { kind: 'url', url });
    }
  }

  /** Back to the text and the address, which are still there. */
  back(): void {
    this.preview.clear();
    this.add.clear();
  }

  /** Starts anew, after it was added. */
  empty(): void {
    this.back();
    this.text = '';
    this.url = '';
    this.file = null;
    this.fault = null;
  }
}

function fault(message: string, remedy: string): CommandError {
  return { code: 'Misconfigured', message, remedy };
}
