// The views and answers Rust may send, as the tests and the screenshots use them. Unix seconds.

/** The instant all tests live in: 21 December 2026, 09:00 UTC. */
export const NOW = 1_797_843_600;
export const HOUR = 3600;
export const DAY = 24 * HOUR;

export const profile = {
  name: 'Local demo',
  issuer: 'http://127.0.0.1:9229/us-east-1_KeyfobDemo',
  redirect: 'dev.keyfob.desktop://auth/callback',
  routes: ['app'],
  canSignOutEverywhere: true,
  canEndBrowserSession: true,
  api: 'http://127.0.0.1:9230',
  aws: true,
  functions: ['hello'],
};

export const user = {
  sub: '6d0d1a2e-0001-4c7a-9a55-000000000001',
  username: 'alex',
  name: 'Alex Morgan',
  email: 'alex@example.com',
  groups: ['developers'],
  signedInAt: NOW - HOUR,
  tokenExpiresAt: NOW + HOUR,
  sessionExpiresAt: NOW + 30 * DAY - HOUR,
};

export const crowded = {
  ...user,
  name: 'Wilhelmina Konstantinopoulou-Featherstonehaugh de la Montaña y Ruiz-Villanueva',
  email: 'wilhelmina.konstantinopoulou-featherstonehaugh@subsidiary.department.example.com',
  groups: Array.from({ length: 40 }, (_, n) =>
    n % 7 === 3
      ? `us-east-1_KeyfobDemo_federated-identity-provider-group-with-a-very-long-name-${n}`
      : `team-${n}`,
  ),
};

const view = (state, rest = {}) => ({
  profile,
  state,
  problem: null,
  clockSkewSeconds: null,
  refreshing: false,
  offlineSince: null,
  revocationOwed: false,
  ...rest,
});

export const restoring = view({ kind: 'restoring' });
export const signedOut = view({ kind: 'signedOut' });
export const expired = view({ kind: 'expired' });
export const url =
  'http://127.0.0.1:9229/oauth2/authorize?response_type=code&client_id=6keyfobdemodesktop00client&scope=openid+email';
export const signingIn = view({
  kind: 'signingIn',
  url,
  expiresAt: NOW + 272,
  finishing: false,
  route: 'app',
});
export const finishing = view({
  kind: 'signingIn',
  url,
  expiresAt: NOW + 272,
  finishing: true,
  route: 'app',
});
export const signedIn = view({ kind: 'signedIn', user });
export const noProfile = {
  profile: null,
  state: { kind: 'signedOut' },
  problem: {
    code: 'Misconfigured',
    message: 'The profile file profile.toml has no client_id.',
    remedy: 'Ask your administrator for the app client id and add it on its own line.',
  },
  clockSkewSeconds: null,
  refreshing: false,
  offlineSince: null,
  revocationOwed: false,
};

export const offline = {
  code: 'Offline',
  message: 'Keyfob could not reach 127.0.0.1:9229.',
  remedy: 'Check your network connection and try again. You are still signed in.',
};
export const timedOut = {
  code: 'Misconfigured',
  message: 'Nothing came back from the browser within five minutes.',
  remedy:
    'Try again. If the browser showed redirect_mismatch, ask your administrator to register dev.keyfob.desktop://auth/callback as a callback URL.',
};

export const apiAnswer = {
  url: 'http://127.0.0.1:9230/api/hello',
  status: 200,
  body: '{"message":"Hi alex, your API call is authenticated!"}',
  milliseconds: 12,
};
export const apiRefusal = {
  ...apiAnswer,
  status: 403,
  body: '{"error":"insufficient_scope","scope":"orders/read"}',
};
export const awsAnswer = {
  identityId: 'us-east-1:6b657966-6f62-4465-8d6f-0000000000a1',
  account: '123456789012',
  roleArn: 'arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated',
  arn: 'arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials',
  expiresAt: NOW + HOUR - 60,
};
export const functionAnswer = {
  payload: '{"greeting":"Hello, Alex!","requests":12345678901234567890,"tags":[],"via":["lambda"]}',
  functionError: null,
  milliseconds: 48,
};
export const functionError = {
  payload: '{"errorMessage":"name must be a string","errorType":"TypeError","trace":[]}',
  functionError: 'Unhandled',
  milliseconds: 31,
};
export const signOutAnswer = {
  revoked: null,
  everywhere: null,
  browserAsked: true,
  revocationOwed: false,
  awsCredentialsUntil: NOW + 50 * 60,
};
