import { AccessDesk } from './access.svelte';
import { Action } from './action.svelte';
import type { Backend } from './backend';
import type { ApiAnswerView, AwsIdentityView } from './bindings';
import { FunctionDesk } from './functions.svelte';

/** What one person has been doing with one profile: kept while another room or profile is shown. */
export class Desk {
  readonly callApi: Action<[], ApiAnswerView>;
  readonly identity: Action<[], AwsIdentityView>;
  readonly functions: FunctionDesk;
  readonly access: AccessDesk;

  constructor(backend: Backend) {
    this.callApi = new Action(() => backend.callApi());
    this.identity = new Action(() => backend.awsIdentity());
    this.functions = new FunctionDesk(backend);
    this.access = new AccessDesk(backend);
  }
}

/** The desks, each until its person signs out, or another signs in. */
export class Desks {
  private readonly all = new Map<string, { sub: string; desk: Desk }>();

  constructor(private readonly backend: Backend) {}

  of(profile: string, sub: string): Desk {
    let found = this.all.get(profile);
    if (found?.sub !== sub) {
      found = { sub, desk: new Desk(this.backend) };
      this.all.set(profile, found);
    }
    return found.desk;
  }

  /** `profile` may soon be called `name`, or the name be refused: from here on it is found under both. */
  rename(profile: string, name: string): void {
    const found = this.all.get(profile);
    if (found && !this.all.has(name)) this.all.set(name, found);
  }

  clear(profile: string): void {
    this.all.delete(profile);
  }
}
