import { Channel, invoke } from '@tauri-apps/api/core';
import type {
  AccessView,
  ApiAnswerView,
  AppView,
  AwsConfigView,
  AwsIdentityView,
  CommandError,
  CopiedView,
  CredentialsFormat,
  FunctionInvocation,
  FunctionOutcomeView,
  FunctionView,
  Conflict,
  DeletedView,
  DropTarget,
  DropView,
  FileFolderView,
  FilePreviewView,
  FilesPageView,
  FileView,
  ListedView,
  ProfilePreviewView,
  ProfileSource,
  RolesView,
  SignInChoice,
  SignOutScope,
  SignOutView,
  ProgressView,
  TransferView,
} from './bindings';

/**
 * What the page can ask of the Rust side. Every promise rejects with a {@link CommandError}. What names
 * no profile is for the current one.
 */
export interface Backend {
  /** Calls `onView` with the current view at once, and again after every change. */
  watch(onView: (view: AppView) => void): Promise<void>;
  /** The page has painted; Rust may show the window. */
  ready(): Promise<void>;
  /** Opens the browser. The outcome arrives as a view. */
  signIn(choice: SignInChoice): Promise<void>;
  /** `text`: the address the browser ended at, or the code in it. */
  completeSignIn(text: string): Promise<void>;
  cancelSignIn(): Promise<void>;
  dismissProblem(): Promise<void>;
  /** Looks again for what was out of reach. */
  retry(): Promise<void>;
  callApi(): Promise<ApiAnswerView>;
  awsIdentity(): Promise<AwsIdentityView>;
  /** The functions there are: the profile's, and those that AWS lists. */
  listFunctions(): Promise<FunctionView[]>;
  /** The payload is JSON text and is passed on as typed. */
  invokeFunction(invocation: FunctionInvocation): Promise<FunctionOutcomeView>;
  /** Ends the waiting for a function's answer. */
  stopWaiting(run: number): Promise<void>;
  /** Calls `onView` with what programs get at once, and again after every change; for the latest caller. */
  watchAccess(onView: (view: AccessView) => void): Promise<void>;
  /** Whether the app answers the person's programs from now on. */
  answerPrograms(allowed: boolean): Promise<void>;
  awsRoles(): Promise<RolesView>;
  /** Takes this role from now on, or with null the one that is taken without a choice. */
  chooseRole(role: string | null): Promise<void>;
  /** Puts AWS credentials on the clipboard, for a minute. The page never has them. */
  copyCredentials(format: CredentialsFormat): Promise<CopiedView>;
  /** Shows what would be changed in the AWS CLI's config file. */
  planAwsConfig(remove: boolean): Promise<AwsConfigView>;
  /** Does what was shown last. */
  applyAwsConfig(): Promise<void>;
  signOut(scope: SignOutScope): Promise<SignOutView>;
  switchProfile(name: string): Promise<void>;
  renameProfile(name: string, newName: string): Promise<void>;
  /** Signs the profile out of this device first, and tells how that went; not when another shares its session. */
  removeProfile(name: string): Promise<SignOutView | null>;
  /** Reads a profile without trusting it yet. */
  previewProfile(source: ProfileSource): Promise<ProfilePreviewView>;
  /** Adds the profile and makes it the current one. */
  addProfile(text: string, replace: boolean): Promise<void>;
  /** The profile's folders in S3. The commands name one by its place in this list, and what is in it by its path. */
  fileFolders(): Promise<FileFolderView[]>;
  /** Tells what is there, or, with `words`, what is below and has them in its name, until the next listing; was it all? */
  listFiles(
    folder: number,
    path: string,
    words: string | null,
    onPage: (page: FilesPageView) => void,
  ): Promise<boolean>;
  createFolder(folder: number, path: string): Promise<void>;
  renameFile(
    folder: number,
    from: string,
    to: string,
    conflict: Conflict,
    onProgress: (progress: ProgressView) => void,
  ): Promise<string>;
  /** Whether what is deleted can be had back; null where nobody may say. */
  keepsVersions(folder: number): Promise<boolean | null>;
  deleteFiles(
    folder: number,
    paths: string[],
    onProgress: (progress: ProgressView) => void,
  ): Promise<DeletedView>;
  /** Ends what is being renamed or deleted, where it is. */
  stopChanges(): Promise<void>;
  undoDelete(undo: number): Promise<void>;
  previewFile(folder: number, path: string): Promise<FilePreviewView>;
  /** Puts a link into the clipboard; answers when it dies. */
  shareFile(folder: number, path: string): Promise<number>;
  /** Has the person choose; answers how many uploads have begun. */
  uploadFiles(folder: number, path: string, folders: boolean): Promise<number>;
  /** Into the Downloads folder, or one that the person chooses; answers how many have begun. */
  downloadFiles(folder: number, paths: string[], choose: boolean): Promise<number>;
  /** Downloads what is to be dragged; answers by which number, or null where that was cancelled or has failed. */
  fetchToDrag(folder: number, files: FileView[]): Promise<number | null>;
  /** Puts it under the pointer, whose button is held; answers whether somebody took it, once it is let go. */
  dragOut(number: number): Promise<boolean>;
  /** Calls `onTransfers` with the current profile's transfers at once, and after every change. */
  watchTransfers(onTransfers: (transfers: TransferView[]) => void): Promise<void>;
  pauseTransfer(id: number): Promise<void>;
  resumeTransfer(id: number): Promise<void>;
  cancelTransfer(id: number): Promise<void>;
  answerTransfer(id: number, conflict: Conflict): Promise<void>;
  clearTransfers(): Promise<void>;
  /** Opens the folder a download has gone into. */
  showTransfer(id: number): Promise<void>;
  /** Tells of files that are dragged over the window and dropped. */
  watchDrops(onDrop: (drop: DropView) => void): Promise<void>;
  acceptDrops(target: DropTarget): Promise<void>;
}

/** What Rust tells while a command runs, or from then on. */
function channel<Message>(onMessage: (message: Message) => void): Channel<Message> {
  const channel = new Channel<Message>();
  channel.onmessage = onMessage;
  return channel;
}

/** The app's own backend: Tauri commands. The only place in the UI that knows Tauri. */
export const tauri: Backend = {
  watch: (onView) => invoke('watch', { channel: channel(onView) }),
  ready: () => invoke('ready'),
  signIn: (choice) => invoke('sign_in', { choice }),
  completeSignIn: (text) => invoke('complete_sign_in', { text }),
  cancelSignIn: () => invoke('cancel_sign_in'),
  dismissProblem: () => invoke('dismiss_problem'),
  retry: () => invoke('retry'),
  callApi: () => invoke('call_api'),
  awsIdentity: () => invoke('aws_identity'),
  listFunctions: () => invoke('list_functions'),
  invokeFunction: (invocation) => invoke('invoke_function', { invocation }),
  stopWaiting: (run) => invoke('stop_waiting', { run }),
  watchAccess(onView) {
    const channel = new Channel<AccessView>();
    channel.onmessage = onView;
    return invoke('watch_access', { channel });
  },
  answerPrograms: (allowed) => invoke('answer_programs', { allowed }),
  awsRoles: () => invoke('aws_roles'),
  chooseRole: (role) => invoke('choose_role', { role }),
  copyCredentials: (format) => invoke('copy_credentials', { format }),
  planAwsConfig: (remove) => invoke('plan_aws_config', { remove }),
  applyAwsConfig: () => invoke('apply_aws_config'),
  signOut: (scope) => invoke('sign_out', { scope }),
  switchProfile: (name) => invoke('switch_profile', { name }),
  renameProfile: (name, newName) => invoke('rename_profile', { name, newName }),
  removeProfile: (name) => invoke('remove_profile', { name }),
  previewProfile: (source) => invoke('preview_profile', { source }),
  addProfile: (text, replace) => invoke('add_profile', { text, replace }),
  fileFolders: () => invoke('file_folders'),
  async listFiles(folder, path, words, onPage) {
    let told = 0;
    let wanted = Infinity;
    let arrived = () => {};
    const all = new Promise<void>((resolve) => (arrived = resolve));
    const pages = channel((page: FilesPageView) => {
      onPage(page);
      told += 1;
      if (told >= wanted) arrived();
    });
    const listed = await invoke<ListedView>('list_files', { folder, path, words, channel: pages });
    // Large pages come by another way than the answer, and may be later.
    wanted = listed.pages;
    if (told < wanted) await all;
    return listed.complete;
  },
  createFolder: (folder, path) => invoke('create_folder', { folder, path }),
  renameFile: (folder, from, to, conflict, onProgress) =>
    invoke('rename_file', { folder, from, to, conflict, channel: channel(onProgress) }),
  keepsVersions: (folder) => invoke('keeps_versions', { folder }),
  deleteFiles: (folder, paths, onProgress) =>
    invoke('delete_files', { folder, paths, channel: channel(onProgress) }),
  stopChanges: () => invoke('stop_changes'),
  undoDelete: (undo) => invoke('undo_delete', { undo }),
  previewFile: (folder, path) => invoke('preview_file', { folder, path }),
  shareFile: (folder, path) => invoke('share_file', { folder, path }),
  uploadFiles: (folder, path, folders) => invoke('upload_files', { folder, path, folders }),
  downloadFiles: (folder, paths, choose) => invoke('download_files', { folder, paths, choose }),
  fetchToDrag: (folder, files) => invoke('fetch_to_drag', { folder, files }),
  dragOut: (number) => invoke('drag_out', { number }),
  watchTransfers: (onTransfers) => invoke('watch_transfers', { channel: channel(onTransfers) }),
  pauseTransfer: (id) => invoke('pause_transfer', { id }),
  resumeTransfer: (id) => invoke('resume_transfer', { id }),
  cancelTransfer: (id) => invoke('cancel_transfer', { id }),
  answerTransfer: (id, conflict) => invoke('answer_transfer', { id, conflict }),
  clearTransfers: () => invoke('clear_transfers'),
  showTransfer: (id) => invoke('show_transfer', { id }),
  watchDrops: (onDrop) => invoke('watch_drops', { channel: channel(onDrop) }),
  acceptDrops: (target) => invoke('accept_drops', { target }),
};

/**
 * What a command rejected with, as a {@link CommandError}. Tauri itself rejects with a plain string
 * (an unlisted command, a malformed argument): a fault of this app, for which there is one remedy.
 */
export function asCommandError(reason: unknown): CommandError {
  if (typeof reason === 'object' && reason !== null && 'message' in reason && 'remedy' in reason) {
    return reason as CommandError;
  }
  return {
    code: 'Unexpected',
    message: 'The window could not reach Keyfob.',
    remedy: 'Quit Keyfob and start it again.',
  };
}
