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
  ProfilePreviewView,
  ProfileSource,
  RolesView,
  SignInChoice,
  SignOutScope,
  SignOutView,
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
}

/** The app's own backend: Tauri commands. The only place in the UI that knows Tauri. */
export const tauri: Backend = {
  watch(onView) {
    const channel = new Channel<AppView>();
    channel.onmessage = onView;
    return invoke('watch', { channel });
  },
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
