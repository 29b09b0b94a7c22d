import { Action } from './action.svelte';
import { asCommandError, type Backend } from './backend';
import type { CommandError, Route, SignInChoice, SignOutScope, SignOutView } from './bindings';

/** The ways into and out of one profile, and what came of them: kept while another one is shown. */
export class Door {
  readonly signIn: Action<[SignInChoice], void>;
  /** Begins a sign-in whose answer comes by another route, in place of the one that waits. */
  readonly goAnotherWay: Action<[Route], void>;
  readonly complete: Action<[string], void>;
  readonly cancel: Action<[], void>;
  readonly retry: Action<[], void>;
  readonly signOut: Action<[SignOutScope], SignOutView>;
  /** The scope of the last sign-out. */
  scope = $state<SignOutScope | null>(null);
  /** Whether the session has said that the last sign-out is still to be told to the user pool. */
  owed = $state(false);
  /** What was pasted into the waiting screen. */
  pasted = $state('');
  /** Why what was pasted last was refused; the session says it too, until it has something else to say. */
  refusal = $state<string | null>(null);
  private otherUser = false;

  constructor(backend: Backend) {
    this.signIn = new Action((choice) => {
      this.otherUser = choice.otherUser;
      this.goAnotherWay.clear();
      return backend.signIn(choice);
    });
    this.goAnotherWay = new Action((route) => {
      this.signIn.clear();
      this.complete.clear();
      return backend.signIn({ route, otherUser: this.otherUser });
    });
    this.complete = new Action(async (text) => {
      try {
        await backend.completeSignIn(text);
      } catch (reason) {
        this.refusal = asCommandError(reason).message;
        throw reason;
      }
    });
    this.cancel = new Action(() => {
      this.forgetSignIn();
      return backend.cancelSignIn();
    });
    this.retry = new Action(() => backend.retry());
    this.signOut = new Action((scope) => {
      this.scope = scope;
      this.owed = false;
      return backend.signOut(scope);
    });
  }

  /** Why the sign-in could not begin. */
  get problem(): CommandError | null {
    return this.goAnotherWay.problem ?? this.signIn.problem;
  }

  forgetSignIn(): void {
    this.signIn.clear();
    this.goAnotherWay.clear();
    this.complete.clear();
    this.pasted = '';
    this.refusal = null;
  }
}
