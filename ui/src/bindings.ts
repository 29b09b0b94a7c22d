// Generated from src-tauri/src/view.rs by `cargo xtask test`; do not edit.

export type ApiAnswerView = { url: string, status: number, body: string, milliseconds: number, };

export type AwsIdentityView = { identityId: string, account: string, roleArn: string, arn: string, expiresAt: number, };

export type CommandError = { code: ErrorCode, message: string, remedy: string, };

export type ErrorCode = "Offline" | "SignInRequired" | "KeychainUnavailable" | "NotAllowed" | "Misconfigured" | "Unexpected" | "Cancelled";

export type FunctionAnswerView = { payload: string, functionError: string | null, milliseconds: number, };

export type ProfileView = { name: string, issuer: string, redirect: string, api: string | null, aws: boolean, functions: Array<string>, };

export type SessionView = { profile: ProfileView | null, state: StateView, problem: CommandError | null, clockSkewSeconds: number | null, };

export type SignOutView = { revoked: CommandError | null, awsCredentialsUntil: number | null, };

export type StateView = { "kind": "restoring" } | { "kind": "signedOut" } | { "kind": "signingIn", url: string, expiresAt: number, finishing: boolean, } | { "kind": "signedIn", user: UserView, } | { "kind": "expired" };

export type UserView = { sub: string, username: string, name: string | null, email: string | null, groups: Array<string>, signedInAt: number, tokenExpiresAt: number, sessionExpiresAt: number, };
