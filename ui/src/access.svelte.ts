import { Action } from './action.svelte';
import type { Backend } from './backend';
import type { AwsConfigView, CopiedView, CredentialsFormat, RolesView } from './bindings';

/** What one person has been doing about their AWS access. */
export class AccessDesk {
  readonly roles: Action<[], RolesView>;
  readonly choose: Action<[string | null], void>;
  readonly copy: Action<[CredentialsFormat], CopiedView>;
  format = $state<CredentialsFormat>('shell');
  /** Whether the AWS CLI is set up: what would be added says so. */
  readonly setUp: Action<[], AwsConfigView>;
  /** What the person is looking at before it is written. */
  readonly plan: Action<[remove: boolean], AwsConfigView & { remove: boolean }>;
  readonly apply: Action<[], void>;

  constructor(backend: Backend) {
    this.roles = new Action(() => backend.awsRoles());
    this.choose = new Action((role) => backend.chooseRole(role));
    this.copy = new Action((format) => backend.copyCredentials(format));
    this.setUp = new Action(() => backend.planAwsConfig(false));
    this.plan = new Action(async (remove) => ({
      remove,
      ...(await backend.planAwsConfig(remove)),
    }));
    this.apply = new Action(() => backend.applyAwsConfig());
  }
}
