// Generated from src-tauri/src/view.rs by `cargo test`; do not edit.

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

export type ErrorCode = "Offline" | "SignInRequired" | "KeychainUnavailable" | "NotAllowed" | "Misconfigured" | "Unexpected";

export type FunctionAnswerView = { 
/**
 * Its answer, or its own error.
 */
payload: string, 
/**
 * `Handled` or `Unhandled` when the function itself failed.
 */
functionError: string | null, 
/**
 * How long it took.
 */
milliseconds: number, };

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
 * The API's address, if there is one.
 */
api: string | null, 
/**
 * Whether there is an identity pool.
 */
aws: boolean, 
/**
 * Functions to offer.
 */
functions: Array<string>, };

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
clockSkewSeconds: number | null, };

export type SignOutView = { 
/**
 * Why the user pool did not revoke the session, if it did not.
 */
revoked: CommandError | null, 
/**
 * Whether the browser was sent to end its own session.
 */
browserAsked: boolean, 
/**
 * Until when AWS credentials live that were handed out, if any do.
 */
awsCredentialsUntil: number | null, };

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
finishing: boolean, } | { "kind": "signedIn", 
/**
 * Who.
 */
user: UserView, } | { "kind": "expired" };

export type UserView = { sub: string, username: string, name: string | null, email: string | null, groups: Array<string>, signedInAt: number, tokenExpiresAt: number, sessionExpiresAt: number, };
