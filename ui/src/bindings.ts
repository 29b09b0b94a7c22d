// Generated from src-tauri/src/view.rs by `cargo test`; do not edit.

export type AccessView = { 
/**
 * Whether the person lets the app answer programs.
 */
allowed: boolean, 
/**
 * Why it does not answer although it may.
 */
problem: CommandError | null, 
/**
 * What has left the app since it was started, the latest first.
 */
handedOut: Array<HandingOutView>, };

export type ApiAnswerView = { 
/**
 * Where from.
 */
url: string, 
/**
 * HTTP status.
 */
status: number, 
/**
 * The body.
 */
body: string, 
/**
 * How long it took.
 */
milliseconds: number, };

export type AppView = { 
/**
 * The profiles that can be used.
 */
profiles: Array<ProfileEntryView>, 
/**
 * What is wrong with those that cannot.
 */
unusableProfiles: Array<CommandError>, 
/**
 * Whether profiles can be added; not while one file was named to be used.
 */
canAddProfiles: boolean, 
/**
 * The current profile's session.
 */
session: SessionView, };

export type AwsConfigView = { 
/**
 * The file.
 */
file: string, 
/**
 * The profile's name there, after `aws --profile`.
 */
name: string, 
/**
 * The lines, with secrets masked; none, when the file is as it should be.
 */
lines: Array<ConfigLineView>, 
/**
 * What AWS programs would use instead.
 */
warnings: Array<CommandError>, };

export type AwsIdentityView = { 
/**
 * The identity pool's name for them.
 */
identityId: string, 
/**
 * The AWS account.
 */
account: string, 
/**
 * The role.
 */
roleArn: string, 
/**
 * The role's session, as STS tells it.
 */
arn: string, 
/**
 * Until when the credentials last.
 */
expiresAt: number, };

export type CommandError = { 
/**
 * Who must act.
 */
code: ErrorCode, 
/**
 * What happened.
 */
message: string, 
/**
 * What to do about it.
 */
remedy: string, };

export type ConfigLineView = { 
/**
 * Whether it is not there yet.
 */
added: boolean, 
/**
 * The line.
 */
text: string, };

export type CopiedView = { 
/**
 * Until when they are there.
 */
clearedAt: number, 
/**
 * Until when they work.
 */
expiresAt: number | null, };

export type CredentialsFormat = "shell" | "powerShell" | "ini";

export type Conflict = "ask" | "replace" | "keepBoth" | "skip";

export type DeletedView = { 
/**
 * So many objects are gone from view.
 */
objects: number, 
/**
 * By what it can be taken back, until the next deletion; nothing, where it cannot.
 */
undo: number | null, 
/**
 * Why there is more that was to be deleted and is not.
 */
problem: CommandError | null, };

export type DropTarget = { "kind": "nothing" } | { "kind": "profile" } | { "kind": "files", 
/**
 * The profile's folder, by its place in their list.
 */
folder: number, 
/**
 * The folder in it.
 */
path: string, };

export type DropView = { "kind": "over" } | { "kind": "left" } | { "kind": "profile", 
/**
 * Its name.
 */
name: string, 
/**
 * Its words.
 */
text: string, } | { "kind": "uploading", 
/**
 * So many files and folders.
 */
count: number, } | { "kind": "refused", 
/**
 * Why not.
 */
error: CommandError, };

export type ErrorCode = "Offline" | "SignInRequired" | "KeychainUnavailable" | "NotAllowed" | "Misconfigured" | "Exists" | "File" | "Unexpected";

export type FunctionInvocation = { 
/**
 * The page's number for it, by which the waiting can be ended.
 */
run: number, 
/**
 * The function.
 */
name: string, 
/**
 * JSON text.
 */
payload: string, 
/**
 * What is expected of it.
 */
type: InvocationType, };

export type FunctionOutcomeView = { "kind": "answered", 
/**
 * Its answer, or its own error.
 */
payload: string, 
/**
 * `Handled` or `Unhandled` when the function itself failed.
 */
functionError: string | null, 
/**
 * The end of its log.
 */
logTail: string | null, 
/**
 * The version that ran.
 */
executedVersion: string | null, 
/**
 * What AWS charges for.
 */
billedMilliseconds: number | null, 
/**
 * How long it took from here.
 */
milliseconds: number, } | { "kind": "started" } | { "kind": "allowed" } | { "kind": "denied", 
/**
 * What is missing, and who can give it.
 */
error: CommandError, } | { "kind": "stopped" };

export type FunctionView = { 
/**
 * Its name or ARN.
 */
name: string, 
/**
 * What its owner wrote about it.
 */
description: string | null, 
/**
 * Whether the profile names it; else only AWS lists it.
 */
inProfile: boolean, };

export type HandingOutView = { 
/**
 * When.
 */
at: number, 
/**
 * For whom: a program, as far as the system tells; nothing, when the person copied it.
 */
program: ProgramView | null, 
/**
 * The profile.
 */
profile: string, 
/**
 * What it was, in words.
 */
what: string, 
/**
 * The role it is for, where that is known.
 */
role: string | null, 
/**
 * Until when it is good for something.
 */
expiresAt: number | null, };

export type InvocationType = "requestResponse" | "event" | "dryRun";

export type FileFolderView = { 
/**
 * What the person reads.
 */
title: string, 
/**
 * The bucket.
 */
bucket: string, 
/**
 * Whether it is the person's own; others are shared.
 */
personal: boolean, };

export type FilePreviewView = { "kind": "text", 
/**
 * Its words.
 */
text: string, 
/**
 * Whether that is all of it.
 */
complete: boolean, } | { "kind": "picture", 
/**
 * All of it, as a `data:` URL.
 */
url: string, } | { "kind": "none" } | { "kind": "tooLarge" };

export type FileView = { 
/**
 * Its path in the profile's folder, ending in `/` for a folder.
 */
path: string, 
/**
 * In bytes; 0 for a folder.
 */
size: number, 
/**
 * When it was last written.
 */
modified: number | null, 
/**
 * Whether it must be restored from an archive before it can be read.
 */
archived: boolean, };

export type FilesPageView = { 
/**
 * In the order of their keys.
 */
files: Array<FileView>, 
/**
 * How many objects a search has looked at so far.
 */
lookedAt: number, };

export type ListedView = { 
/**
 * Whether everything was looked at.
 */
complete: boolean, 
/**
 * How many pages were told: the last may still be on their way.
 */
pages: number, };

export type ProgressView = { 
/**
 * So many are done.
 */
done: number, 
/**
 * Of so many known of.
 */
total: number, };

export type TransferProblemView = { 
/**
 * Its path below the transfer's.
 */
path: string, 
/**
 * Why not.
 */
error: CommandError, };

export type TransferStateView = { "kind": "queued" } | { "kind": "running" } | { "kind": "paused" } | { "kind": "asking" } | { "kind": "failed", error: CommandError, } | { "kind": "done" } | { "kind": "cancelled" };

export type TransferView = { 
/**
 * Which one.
 */
id: number, 
/**
 * Which way.
 */
way: Way, 
/**
 * What is transferred.
 */
name: string, 
/**
 * The name of the folder it goes to.
 */
to: string, 
/**
 * How it is.
 */
state: TransferStateView, 
/**
 * Bytes that have arrived.
 */
bytesDone: number, 
/**
 * Bytes there are, as far as known.
 */
bytesTotal: number, 
/**
 * Files that have arrived.
 */
filesDone: number, 
/**
 * Files there are, as far as known.
 */
filesTotal: number, 
/**
 * Bytes a second.
 */
rate: number | null, 
/**
 * How long it will still take at that rate.
 */
secondsLeft: number | null, 
/**
 * The first files whose place is taken.
 */
conflicts: Array<string>, 
/**
 * The first of what could not be transferred though the rest was.
 */
problems: Array<TransferProblemView>, 
/**
 * How many more there are of both.
 */
more: number, };

export type Way = "upload" | "download";

export type Origin = "builtIn" | "machine" | "user";

export type OutcomeView = { "kind": "done" } | { "kind": "failed", 
/**
 * Why.
 */
error: CommandError, };

export type ProfileEntryView = { 
/**
 * Its name, which no other has.
 */
name: string, 
/**
 * The user pool.
 */
issuer: string, 
/**
 * Who put it there; only the user's own can be renamed or removed.
 */
origin: Origin, 
/**
 * Whether it is the one the window shows.
 */
current: boolean, 
/**
 * What its session is doing.
 */
state: Stage, 
/**
 * Who is signed in.
 */
user: string | null, };

export type ProfilePreviewView = { 
/**
 * The whole file; this, and nothing fetched again, is what is added.
 */
text: string, 
/**
 * Its name.
 */
name: string, 
/**
 * The user pool.
 */
issuer: string, 
/**
 * Where the browser is sent.
 */
domain: string, 
/**
 * The app client.
 */
clientId: string, 
/**
 * The API that is given the person's tokens, if there is one.
 */
api: string | null, 
/**
 * The identity pool, if there is one.
 */
identityPoolId: string | null, 
/**
 * Whether a profile of this name is there already and would be replaced.
 */
replaces: boolean, };

export type ProfileSource = { "kind": "text", 
/**
 * The profile file's words.
 */
text: string, } | { "kind": "url", 
/**
 * From this `https` address.
 */
url: string, };

export type ProfileView = { 
/**
 * Its name.
 */
name: string, 
/**
 * The user pool.
 */
issuer: string, 
/**
 * The callback URL.
 */
redirect: string, 
/**
 * The ways an answer can come back to Keyfob, the first by default.
 */
routes: Array<Route>, 
/**
 * Whether the person's other sessions can be ended from here.
 */
canSignOutEverywhere: boolean, 
/**
 * Whether the browser's own session can be ended from here.
 */
canEndBrowserSession: boolean, 
/**
 * The API's address, if there is one.
 */
api: string | null, 
/**
 * Whether there is an identity pool.
 */
aws: boolean, 
/**
 * Whether there are folders in S3.
 */
files: boolean, 
/**
 * Functions to offer.
 */
functions: Array<string>, };

export type ProgramView = { 
/**
 * Its name. A program can give itself any.
 */
name: string | null, 
/**
 * Its process.
 */
pid: number | null, };

export type RolesView = { 
/**
 * Their ARNs; one or none is no choice.
 */
listed: Array<string>, 
/**
 * The one the person chose.
 */
chosen: string | null, 
/**
 * The one that is taken without a choice, where that is known.
 */
otherwise: string | null, };

export type Route = "app" | "loopback" | "paste";

export type SessionView = { 
/**
 * The profile; without one, `problem` says why.
 */
profile: ProfileView | null, 
/**
 * What the session is doing.
 */
state: StateView, 
/**
 * The last thing that went wrong.
 */
problem: CommandError | null, 
/**
 * How far this computer's clock is behind (negative: ahead), when that matters.
 */
clockSkewSeconds: number | null, 
/**
 * Whether its tokens are being renewed.
 */
refreshing: boolean, 
/**
 * Since when the user pool could not be reached.
 */
offlineSince: number | null, 
/**
 * Whether the user pool is still to be told of a sign-out.
 */
revocationOwed: boolean, };

export type SignInChoice = { 
/**
 * How the answer comes back; by default, the profile's first way.
 */
route: Route | null, 
/**
 * Whether the browser must ask who it is, even when it knows somebody already.
 */
otherUser: boolean, };

export type SignOutScope = "device" | "browser" | "everywhere";

export type SignOutView = { 
/**
 * Why the user pool did not revoke the session, if it did not.
 */
revoked: CommandError | null, 
/**
 * Whether all the person's other sessions were ended too; nothing, when that was not asked.
 */
everywhere: OutcomeView | null, 
/**
 * Whether the browser was sent to end its own session.
 */
browserAsked: boolean, 
/**
 * Whether Keyfob goes on trying to have the session revoked.
 */
revocationOwed: boolean, 
/**
 * Until when AWS credentials live that were handed out, if any do.
 */
awsCredentialsUntil: number | null, };

export type Stage = "restoring" | "signedOut" | "signingIn" | "signedIn" | "expired";

export type StateView = { "kind": "restoring" } | { "kind": "signedOut" } | { "kind": "signingIn", 
/**
 * What the browser opens.
 */
url: string, 
/**
 * Until when.
 */
expiresAt: number, 
/**
 * Whether the answer has come.
 */
finishing: boolean, 
/**
 * How it comes.
 */
route: Route, } | { "kind": "signedIn", 
/**
 * Who.
 */
user: UserView, } | { "kind": "expired" };

export type UserView = { sub: string, username: string, name: string | null, email: string | null, groups: Array<string>, signedInAt: number, tokenExpiresAt: number, sessionExpiresAt: number, };
