// The same app with a scripted far side: for a browser without Tauri, for screenshots and tests.
// No part of the production bundle.
import { mount } from 'svelte';
import App from '../src/App.svelte';
import type { Backend } from '../src/backend';
import type { AccessView, AppView, CommandError } from '../src/bindings';

interface Call {
  command: string;
  args: unknown[];
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

const open: Call[] = [];
const log: [command: string, ...args: unknown[]][] = [];
let onView: ((view: AppView) => void) | undefined;
let onAccess: ((view: AccessView) => void) | undefined;

function command<Answer>(name: string, ...args: unknown[]): Promise<Answer> {
  log.push([name, ...args]);
  return new Promise<Answer>((resolve, reject) => {
    open.push({ command: name, args, resolve: resolve as Call['resolve'], reject });
  });
}

function take(name: string): Call {
  const at = open.findIndex((call) => call.command === name);
  const [call] = at < 0 ? [] : open.splice(at, 1);
  if (!call) throw new Error(`${name} is not running`);
  return call;
}

/** What a test does in place of Rust. */
const preview = {
  /** Every command so far, with its arguments. */
  log,
  show(view: AppView) {
    if (!onView) throw new Error('the app is not watching');
    onView(view);
  },
  showAccess(view: AccessView) {
    if (!onAccess) throw new Error('the app is not watching');
    onAccess(view);
  },
  /** Ends the oldest running `name` with an answer. */
  answer(name: string, answer?: unknown) {
    take(name).resolve(answer);
  },
  /** Ends the oldest running `name` with an error: a CommandError, or what Tauri itself rejects with. */
  refuse(name: string, error: CommandError | string) {
    take(name).reject(error);
  },
};

declare global {
  interface Window {
    preview: typeof preview;
  }
}
window.preview = preview;

const backend: Backend = {
  watch(view) {
    onView = view;
    return command('watch');
  },
  async ready() {
    log.push(['ready']);
  },
  signIn: (choice) => command('sign_in', choice),
  completeSignIn: (text) => command('complete_sign_in', text),
  cancelSignIn: () => command('cancel_sign_in'),
  async dismissProblem() {
    log.push(['dismiss_problem']);
  },
  retry: () => command('retry'),
  callApi: () => command('call_api'),
  awsIdentity: () => command('aws_identity'),
  listFunctions: () => command('list_functions'),
  invokeFunction: (invocation) => command('invoke_function', invocation),
  stopWaiting: (run) => command('stop_waiting', run),
  watchAccess(view) {
    onAccess = view;
    return command('watch_access');
  },
  answerPrograms: (allowed) => command('answer_programs', allowed),
  awsRoles: () => command('aws_roles'),
  chooseRole: (role) => command('choose_role', role),
  copyCredentials: (format) => command('copy_credentials', format),
  planAwsConfig: (remove) => command('plan_aws_config', remove),
  applyAwsConfig: () => command('apply_aws_config'),
  signOut: (scope) => command('sign_out', scope),
  switchProfile: (name) => command('switch_profile', name),
  renameProfile: (name, newName) => command('rename_profile', name, newName),
  removeProfile: (name) => command('remove_profile', name),
  previewProfile: (source) => command('preview_profile', source),
  addProfile: (text, replace) => command('add_profile', text, replace),
};

const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend } });
