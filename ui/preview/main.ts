// The same app with a scripted far side: for a browser without Tauri, for screenshots and tests.
// No part of the production bundle.
import { mount } from 'svelte';
import App from '../src/App.svelte';
import type { Backend } from '../src/backend';
import type {
  AccessView,
  AppView,
  CommandError,
  DropView,
  FilesPageView,
  ProgressView,
  TransferView,
} from '../src/bindings';

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
let onPage: ((page: FilesPageView) => void) | undefined;
let onProgress: ((progress: ProgressView) => void) | undefined;
let onTransfers: ((transfers: TransferView[]) => void) | undefined;
let onDrop: ((drop: DropView) => void) | undefined;

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
  /** What the running listing, change, transfers, and drag tell. */
  page(page: FilesPageView) {
    onPage?.(page);
  },
  progress(progress: ProgressView) {
    onProgress?.(progress);
  },
  transfers(transfers: TransferView[]) {
    onTransfers?.(transfers);
  },
  drop(drop: DropView) {
    onDrop?.(drop);
  },
  /** Whether `name` is running. */
  runs: (name: string) => open.some((call) => call.command === name),
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
  fileFolders: () => command('file_folders'),
  listFiles(folder, path, words, page) {
    onPage = page;
    return command('list_files', folder, path, words);
  },
  createFolder: (folder, path) => command('create_folder', folder, path),
  renameFile(folder, from, to, conflict, progress) {
    onProgress = progress;
    return command('rename_file', folder, from, to, conflict);
  },
  keepsVersions: (folder) => command('keeps_versions', folder),
  deleteFiles(folder, paths, progress) {
    onProgress = progress;
    return command('delete_files', folder, paths);
  },
  stopChanges: () => command('stop_changes'),
  undoDelete: (undo) => command('undo_delete', undo),
  previewFile: (folder, path) => command('preview_file', folder, path),
  shareFile: (folder, path) => command('share_file', folder, path),
  uploadFiles: (folder, path, folders) => command('upload_files', folder, path, folders),
  downloadFiles: (folder, paths, choose) => command('download_files', folder, paths, choose),
  fetchToDrag: (folder, files) =>
    command(
      'fetch_to_drag',
      folder,
      files.map(({ path }) => path),
    ),
  dragOut: (number) => command('drag_out', number),
  async watchTransfers(tell) {
    onTransfers = tell;
  },
  pauseTransfer: (id) => command('pause_transfer', id),
  resumeTransfer: (id) => command('resume_transfer', id),
  cancelTransfer: (id) => command('cancel_transfer', id),
  answerTransfer: (id, conflict) => command('answer_transfer', id, conflict),
  clearTransfers: () => command('clear_transfers'),
  showTransfer: (id) => command('show_transfer', id),
  async watchDrops(tell) {
    onDrop = tell;
  },
  async acceptDrops(target) {
    log.push(['accept_drops', target]);
  },
};

const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend } });
