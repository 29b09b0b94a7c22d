// The views and answers Rust may send, as the tests and the screenshots use them. Unix seconds.

/** The instant all tests live in: 21 December 2026, 09:00 UTC. */
export const NOW = 1_797_843_600;
export const HOUR = 3600;
export const DAY = 24 * HOUR;

export const profile = {
  name: 'Local demo',
  issuer: 'http://127.0.0.1:9229/us-east-1_KeyfobDemo',
  redirect: 'dev.keyfob.desktop://auth/callback',
  routes: ['app', 'loopback', 'paste'],
  canSignOutEverywhere: true,
  canEndBrowserSession: true,
  api: 'http://127.0.0.1:9230',
  aws: true,
  files: true,
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

/** The profiles, of which `current` is the one that `session` shows. */
export const entry = (name, state, user = null, rest = {}) => ({
  name,
  issuer: `https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_${name.replace(/\W/g, '').slice(0, 9)}`,
  origin: 'user',
  current: false,
  state,
  user,
  ...rest,
});
const session = (state, rest) => ({
  profile,
  state,
  problem: null,
  clockSkewSeconds: null,
  refreshing: false,
  offlineSince: null,
  revocationOwed: false,
  ...rest,
});

/** An app with one profile whose session is in `state`; `rest` changes the session. */
export const view = (state, rest = {}) => {
  const shown = session(state, rest);
  const { name, issuer } = shown.profile;
  const who = state.user ? (state.user.name ?? state.user.username) : null;
  return {
    profiles: [entry(name, state.kind, who, { issuer, current: true })],
    unusableProfiles: [],
    canAddProfiles: true,
    session: shown,
  };
};
/** `view` with its session changed. */
export const but = (view, rest) => ({ ...view, session: { ...view.session, ...rest } });
/** `view` with these profiles beside the current one. */
export const beside = (view, ...others) => ({ ...view, profiles: [...view.profiles, ...others] });

export const restoring = view({ kind: 'restoring' });
export const signedOut = view({ kind: 'signedOut' });
export const expired = view({ kind: 'expired' });
export const url =
  'http://127.0.0.1:9229/oauth2/authorize?response_type=code&client_id=6keyfobdemodesktop00client&scope=openid+email';
const wait = { kind: 'signingIn', url, expiresAt: NOW + 272, finishing: false, route: 'app' };
export const signingIn = view(wait);
export const signingInBy = (route) => view({ ...wait, route });
export const finishing = view({ ...wait, finishing: true });
export const signedInAs = (user, rest) => view({ kind: 'signedIn', user }, rest);
export const signedIn = signedInAs(user);
export const twoFunctions = but(signedIn, {
  profile: { ...profile, functions: ['hello', 'resize-image'] },
});
export const noFunctions = but(signedIn, { profile: { ...profile, functions: [] } });
export const offlineSession = signedInAs(user, { offlineSince: NOW - 18 * 60 });
export const owed = view({ kind: 'signedOut' }, { revocationOwed: true });
export const others = [
  entry('Northwind Logistics', 'signedIn', 'alex.morgan'),
  entry('Contoso', 'expired'),
  entry('Fabrikam', 'signedOut', null, { origin: 'machine' }),
];
export const several = beside(signedIn, ...others);
export const dozen = beside(
  signedIn,
  ...others,
  ...['Adventure Works', 'Tailspin', 'Wide World', 'Litware', 'Proseware', 'Wingtip'].map((name) =>
    entry(name, 'signedOut'),
  ),
  entry('Fourth Coffee', 'signingIn'),
  entry('Graphic Design Institute', 'restoring'),
);
const LONG = 'Königlich-Bayerische Gesellschaft für angewandte Anmeldeverfahren '
  .repeat(4)
  .slice(0, 200);
const RTL = 'شركة الشرق الأوسط للخدمات اللوجستية والتوزيع الدولي المحدودة '.repeat(4).slice(0, 200);
const EMOJI = '👩‍🚀🏳️‍🌈🧑🏽‍💻🇨🇭'.repeat(14).slice(0, 196);
export const strange = beside(
  signedInAs(
    { ...user, name: RTL, groups: ['مطورون', EMOJI] },
    { profile: { ...profile, name: LONG } },
  ),
  entry(RTL, 'signedIn', LONG),
  entry(EMOJI, 'signedIn', EMOJI),
  entry('x', 'expired'),
);
export const noProfile = {
  profiles: [],
  unusableProfiles: [],
  canAddProfiles: true,
  session: session(
    { kind: 'signedOut' },
    {
      profile: null,
      problem: {
        code: 'Misconfigured',
        message: 'The profile file profile.toml has no client_id.',
        remedy: 'Ask your administrator for the app client id and add it on its own line.',
      },
    },
  ),
};
export const unusable = [
  noProfile.session.problem,
  {
    code: 'Misconfigured',
    message:
      '/etc/keyfob/profiles/contoso.toml: the profile’s `issuer` is wrong: it must begin with https.',
    remedy: 'Correct the profile file, then start Keyfob again.',
  },
];

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
const REQUEST = '5f1c2d3e-0000-4abc-9def-000000000001';
const log = (...lines) =>
  [
    `START RequestId: ${REQUEST} Version: $LATEST`,
    ...lines,
    `END RequestId: ${REQUEST}`,
    `REPORT RequestId: ${REQUEST}\tDuration: 41.20 ms\tBilled Duration: 42 ms\tMemory Size: 128 MB\tMax Memory Used: 39 MB\t`,
    '',
  ].join('\n');
const ROLES = 'arn:aws:iam::123456789012:role/';
export const roles = {
  listed: [`${ROLES}KeyfobDemoAuthenticated`, `${ROLES}KeyfobDemoAuditor`],
  chosen: null,
  otherwise: `${ROLES}KeyfobDemoAuthenticated`,
};
export const oneRole = { listed: [], chosen: null, otherwise: null };
const handing = (at, name, pid, rest = {}) => ({
  at: NOW - at,
  program: { name, pid },
  profile: 'Local demo',
  what: 'AWS credentials',
  role: `${ROLES}KeyfobDemoAuthenticated`,
  expiresAt: NOW + HOUR,
  ...rest,
});
export const access = { allowed: true, problem: null, handedOut: [] };
export const busyAccess = {
  ...access,
  handedOut: [
    handing(20, 'aws', 48211),
    handing(200, 'terraform-provider-aws_v6', 47990),
    { ...handing(900, null, null), program: null, role: null },
    handing(4_000, 'python3.12', 3077, { profile: 'Northwind Logistics' }),
    handing(9_000, null, 12, { what: 'access token', role: null }),
    handing(DAY, 'a-program-with-a-name-that-is-as-long-as-linux-lets-a-program-have-it', 4194304),
    handing(2 * DAY, 'aws', 99),
  ],
};
export const agentTaken = {
  ...access,
  problem: {
    code: 'Misconfigured',
    message: 'Another Keyfob answers programs already.',
    remedy: 'Close the other Keyfob, or leave it to that one.',
  },
};
export const copied = { clearedAt: NOW + 60, expiresAt: NOW + HOUR };
export const configPlan = {
  file: '/home/alex/.aws/config',
  name: 'Local-demo',
  lines: [
    '[profile Local-demo]',
    'credential_process = /usr/bin/keyfob credential-process --profile "Local demo"',
    'region = us-east-1',
  ].map((text) => ({ added: true, text })),
  warnings: [],
};
export const configDone = { ...configPlan, lines: [] };
export const configUndo = {
  ...configPlan,
  lines: configPlan.lines.map(({ text }) => ({ added: false, text })),
};
export const configRival = {
  code: 'Misconfigured',
  message:
    '/home/alex/.aws/credentials has aws_access_key_id for the profile Local-demo, which AWS programs may use instead of Keyfob.',
  remedy: 'Remove aws_access_key_id of Local-demo from /home/alex/.aws/credentials.',
};
export const functionAnswer = {
  kind: 'answered',
  payload: '{"greeting":"Hello, Alex!","requests":12345678901234567890,"tags":[],"via":["lambda"]}',
  functionError: null,
  logTail: log('2026-12-21T09:00:00Z INFO greeting Alex'),
  executedVersion: '$LATEST',
  billedMilliseconds: 42,
  milliseconds: 48,
};
export const functionError = {
  ...functionAnswer,
  payload: '{"errorMessage":"name must be a string","errorType":"TypeError","trace":[]}',
  functionError: 'Unhandled',
  logTail: log('TypeError: name must be a string', '    at handler (index.mjs:3:11)'),
  milliseconds: 31,
};
export const denied = {
  kind: 'denied',
  error: {
    code: 'NotAllowed',
    message:
      'arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated is not allowed lambda:InvokeFunction on resize-image.',
    remedy:
      'Ask your administrator to allow lambda:InvokeFunction on resize-image in the IAM policy of arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated.',
  },
};
export const listed = [
  { name: 'hello', description: 'Greets whoever calls.', inProfile: true },
  { name: 'resize-image', description: null, inProfile: true },
  { name: 'nightly-report', description: null, inProfile: false },
  {
    name: 'a-function-with-the-longest-name-that-aws-lambda-takes-00000001',
    description: 'Does what its name says. '.repeat(12),
    inProfile: false,
  },
];
export const signOutAnswer = {
  revoked: null,
  everywhere: null,
  browserAsked: true,
  revocationOwed: false,
  awsCredentialsUntil: NOW + 50 * 60,
};

export const documentText = `name = "Northwind Logistics"
region = "eu-west-1"
issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_NorthWind"
domain = "https://auth.northwind.example"
client_id = "3n4b5c6d7e8f9g0h1i2j3k4l5m"
scopes = ["openid", "email", "profile", "aws.cognito.signin.user.admin"]
redirects = ["dev.keyfob.desktop://auth/callback", "http://127.0.0.1:8917/callback"]
sign_out_redirects = ["dev.keyfob.desktop://auth/signed-out"]
identity_pool_id = "eu-west-1:0f0e0d0c-0b0a-4990-8870-706f6f6c0002"
api_base_url = "https://api.northwind.example"
functions = ["track-parcel", "quote"]
`;
export const preview = {
  text: documentText,
  name: 'Northwind Logistics',
  issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_NorthWind',
  domain: 'https://auth.northwind.example',
  clientId: '3n4b5c6d7e8f9g0h1i2j3k4l5m',
  api: 'https://api.northwind.example',
  identityPoolId: 'eu-west-1:0f0e0d0c-0b0a-4990-8870-706f6f6c0002',
  replaces: false,
};
export const malformed = {
  code: 'Misconfigured',
  message: 'The profile is not well formed: line 3, column 1: key with no value, expected `=`.',
  remedy: 'Ask your administrator for the profile file, and paste all of it.',
};
export const unreachableUrl = {
  code: 'Offline',
  message: 'Keyfob could not reach profiles.northwind.example.',
  remedy: 'Check the address and your network connection, then try again.',
};
export const wrongState = {
  code: 'Unexpected',
  message: 'This answer belongs to another sign-in.',
  remedy: 'Copy the address from the browser window that Keyfob opened last.',
};
export const readOnly = {
  code: 'NotAllowed',
  message: 'The folder for your profiles cannot be written to.',
  remedy: 'Ask your administrator for the right to write to it.',
};

/** A profile file that was dropped, as Rust has read it, and one that is none. */
export const droppedProfile = (name, text = documentText) => ({ kind: 'profile', name, text });
export const notText = {
  code: 'File',
  message: 'holiday.jpg cannot be read as text.',
  remedy: 'Choose the profile file of your organisation; its name mostly ends in .toml.',
};
