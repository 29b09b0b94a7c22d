// Every screen and state of the app, each as the steps that lead to it.
import { filesScenes } from './files-scenes.js';
import { answer, dropped, refuse, show, showAccess } from './harness.js';
import * as views from './views.js';

const click = (tab, testid) => tab.getByTestId(testid).click();

/** A view of somebody who is signed in, and then one of the rooms. */
export async function room(tab, view, id) {
  await show(tab, view);
  await click(tab, `room-${id}`);
  await tab.locator(`[data-testid=room-${id}][aria-current]`).waitFor();
}

/** The room of AWS access, with what it asks for by itself answered. */
export async function accessRoom(tab, { access, setUp, roles } = {}) {
  await room(tab, views.signedIn, 'aws-access');
  await answer(tab, 'aws_identity', views.awsAnswer);
  await answer(tab, 'aws_roles', roles ?? views.oneRole);
  await answer(tab, 'plan_aws_config', setUp ?? views.configPlan);
  await showAccess(tab, access ?? views.access);
}

/** One function invoked, and what came of it. */
async function invoked(tab, outcome, type = 'requestResponse') {
  await room(tab, views.signedIn, 'functions');
  await tab.getByTestId('function-type').selectOption(type);
  await click(tab, 'invoke');
  await answer(tab, 'invoke_function', outcome);
}

async function inRoomWith(tab, id, command, testid, value) {
  await room(tab, views.signedIn, id);
  await click(tab, testid);
  await answer(tab, command, value);
}

/** A view, and then an item of the account menu. */
export async function wish(tab, view, item) {
  await show(tab, view);
  await click(tab, 'account-menu');
  if (item) await click(tab, item);
}

async function afterSignOut(tab, scope, value, rest = {}) {
  await wish(tab, views.signedIn, 'sign-out');
  await click(tab, `sign-out-${scope}`);
  await show(tab, views.but(views.signedOut, rest));
  await answer(tab, 'sign_out', { ...views.signOutAnswer, ...value });
}

async function reviewed(tab, view, preview) {
  await wish(tab, view, 'add-profile');
  await tab.getByTestId('profile-text').fill(preview.text);
  await click(tab, 'profile-preview');
  await answer(tab, 'preview_profile', preview);
}

export const scenes = {
  restoring: (tab) => show(tab, views.restoring),
  'signed-out': (tab) => show(tab, views.signedOut),
  'signed-out-problem': (tab) => show(tab, views.but(views.signedOut, { problem: views.timedOut })),
  'signed-out-slow': async (tab) => {
    await show(tab, views.signedOut);
    await click(tab, 'sign-in');
    await tab.locator('.busy.slow').waitFor();
  },
  'signing-in': (tab) => show(tab, views.signingIn),
  'signing-in-no-browser': async (tab) => {
    await show(tab, views.signedOut);
    await click(tab, 'sign-in');
    await show(tab, views.signingIn);
    await refuse(tab, 'sign_in', {
      code: 'Unexpected',
      message: 'The browser could not be opened.',
      remedy: 'Copy the address below into a browser on this computer.',
    });
  },
  'signing-in-no-answer': async (tab) => {
    await show(tab, views.signingIn);
    await click(tab, 'no-answer');
  },
  'signing-in-loopback': (tab) => show(tab, views.signingInBy('loopback')),
  'signing-in-paste': (tab) => show(tab, views.signingInBy('paste')),
  'signing-in-paste-refused': async (tab) => {
    await show(tab, views.signingInBy('paste'));
    await tab
      .getByTestId('paste-answer')
      .fill('dev.keyfob.desktop://auth/callback?code=4c0d&state=9');
    await click(tab, 'paste-submit');
    await refuse(tab, 'complete_sign_in', views.wrongState);
  },
  finishing: (tab) => show(tab, views.finishing),
  'signed-in': (tab) => show(tab, views.signedIn),
  'signed-in-refreshing': (tab) => show(tab, views.but(views.signedIn, { refreshing: true })),
  'signed-in-offline': (tab) => show(tab, views.offlineSession),
  'signed-in-offline-trying': async (tab) => {
    await show(tab, views.but(views.offlineSession, { refreshing: true }));
    await click(tab, 'retry');
    await tab.locator('.busy.slow').waitFor();
  },
  'signed-in-problem': (tab) =>
    show(tab, views.but(views.signedIn, { problem: views.offline, clockSkewSeconds: -600 })),
  'signed-in-owed': (tab) => show(tab, views.but(views.signedIn, { revocationOwed: true })),
  'signed-in-crowded': (tab) => show(tab, views.signedInAs(views.crowded)),
  'signed-in-strange-names': (tab) => show(tab, views.strange),
  'signed-in-all-groups': async (tab) => {
    await show(tab, views.signedInAs(views.crowded));
    await tab.getByRole('button', { name: 'Show all 40 groups' }).click();
  },
  'signed-in-bare': (tab) =>
    show(
      tab,
      views.signedInAs(
        { ...views.user, name: null, email: null, groups: [] },
        { profile: { ...views.profile, api: null, aws: false, files: false, functions: [] } },
      ),
    ),
  'menu-one': (tab) => wish(tab, views.signedIn),
  'menu-several': (tab) =>
    wish(tab, { ...views.several, unusableProfiles: views.unusable.slice(0, 1) }),
  'menu-dozen': (tab) => wish(tab, views.dozen),
  'menu-strange-names': (tab) => wish(tab, views.strange),
  'menu-built-in': (tab) =>
    wish(tab, {
      ...views.signedOut,
      canAddProfiles: false,
      profiles: views.signedOut.profiles.map((it) => ({ ...it, origin: 'builtIn' })),
    }),
  'switch-refused': async (tab) => {
    await wish(tab, views.several);
    await tab.locator('[data-profile=Contoso]').click();
    await refuse(tab, 'switch_profile', views.readOnly);
  },
  rename: (tab) => wish(tab, views.several, 'rename-profile'),
  'rename-refused': async (tab) => {
    await wish(tab, views.several, 'rename-profile');
    await tab.getByTestId('rename-profile-name').fill('Contoso');
    await click(tab, 'rename-profile-confirm');
    await refuse(tab, 'rename_profile', {
      code: 'Misconfigured',
      message: 'There is a profile named Contoso already.',
      remedy: 'Choose another name.',
    });
  },
  remove: (tab) => wish(tab, views.several, 'remove-profile'),
  'remove-strange-names': (tab) => wish(tab, views.strange, 'remove-profile'),
  removed: async (tab) => {
    await wish(tab, views.several, 'remove-profile');
    await click(tab, 'remove-profile-confirm');
    await show(tab, views.signedOut);
    await answer(tab, 'remove_profile', { ...views.signOutAnswer, browserAsked: false });
  },
  'choose-profile': (tab) =>
    show(tab, { ...views.noProfile, profiles: views.others, unusableProfiles: views.unusable }),
  'unusable-profiles': (tab) =>
    wish(tab, { ...views.several, unusableProfiles: views.unusable }, 'unusable-profiles'),
  'add-profile': (tab) => wish(tab, views.several, 'add-profile'),
  'add-profile-refused': async (tab) => {
    await wish(tab, views.several, 'add-profile');
    await tab.getByTestId('profile-text').fill('name = "North');
    await click(tab, 'profile-preview');
    await refuse(tab, 'preview_profile', views.malformed);
  },
  'add-profile-dropped': async (tab) => {
    await show(tab, views.several);
    await dropped(tab, views.droppedProfile('northwind.toml'));
    await tab.getByText('From northwind.toml').waitFor();
  },
  'add-profile-not-text': async (tab) => {
    await wish(tab, views.several, 'add-profile');
    await dropped(tab, { kind: 'refused', error: views.notText });
    await tab.getByText('cannot be read as text').waitFor();
  },
  'add-profile-preview': (tab) =>
    reviewed(tab, views.several, { ...views.preview, name: 'Tailspin' }),
  'add-profile-replaces': (tab) =>
    reviewed(tab, views.several, { ...views.preview, replaces: true }),
  'add-profile-hostile': (tab) =>
    reviewed(tab, views.several, {
      ...views.preview,
      name: `North\u202ewind ${'x'.repeat(120)}`,
      text: `${views.documentText}# \u202e\u2066 ${'#'.repeat(400)}\n<img src=x onerror=alert(1)>\n`.repeat(
        8,
      ),
      domain: `https://auth.northwind.example.${'very-long-label.'.repeat(12)}example`,
      api: null,
      identityPoolId: null,
    }),
  'add-profile-not-added': async (tab) => {
    await reviewed(tab, views.several, { ...views.preview, name: 'Tailspin' });
    await click(tab, 'profile-trust');
    await refuse(tab, 'add_profile', views.readOnly);
  },
  'api-pending': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'call-api');
  },
  'api-slow': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'call-api');
    await tab.locator('.busy.slow').waitFor();
  },
  'api-answer': (tab) => inRoomWith(tab, 'account', 'call_api', 'call-api', views.apiAnswer),
  'api-refusal': (tab) => inRoomWith(tab, 'account', 'call_api', 'call-api', views.apiRefusal),
  'api-failure': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'call-api');
    await refuse(tab, 'call_api', views.offline);
  },
  'aws-access-opening': (tab) => room(tab, views.signedIn, 'aws-access'),
  'aws-answer': (tab) => accessRoom(tab),
  'aws-access-busy': async (tab) => {
    await accessRoom(tab, {
      access: views.busyAccess,
      setUp: views.configDone,
      roles: views.roles,
    });
    await tab.getByRole('button', { name: 'Show all 7' }).click();
  },
  'aws-access-refused': async (tab) => {
    await room(tab, views.signedIn, 'aws-access');
    await refuse(tab, 'aws_identity', views.denied.error);
    await showAccess(tab, views.agentTaken);
    await click(tab, 'copy-credentials');
    await refuse(tab, 'copy_credentials', views.offline);
  },
  'aws-access-off': (tab) => accessRoom(tab, { access: { ...views.access, allowed: false } }),
  'aws-config-plan': async (tab) => {
    await accessRoom(tab);
    await click(tab, 'set-up-aws-config');
    await answer(tab, 'plan_aws_config', { ...views.configPlan, warnings: [views.configRival] });
  },
  'aws-config-undo': async (tab) => {
    await accessRoom(tab, { setUp: views.configDone });
    await click(tab, 'undo-aws-config');
    await answer(tab, 'plan_aws_config', views.configUndo);
  },
  'credentials-copied': async (tab) => {
    await accessRoom(tab);
    await click(tab, 'copy-credentials');
    await answer(tab, 'copy_credentials', views.copied);
    // Nothing half under the header, which is in the way of what is small.
    await tab.evaluate(() => window.scrollTo(0, 0));
  },
  functions: (tab) => room(tab, views.signedIn, 'functions'),
  'functions-listed': async (tab) => {
    await room(tab, views.twoFunctions, 'functions');
    await answer(tab, 'list_functions', views.listed);
    await tab.getByLabel('Function', { exact: true }).selectOption(views.listed[3].name);
  },
  'functions-loading': (tab) => room(tab, views.noFunctions, 'functions'),
  'functions-none': async (tab) => {
    await room(tab, views.noFunctions, 'functions');
    await answer(tab, 'list_functions', []);
  },
  'functions-unknown': async (tab) => {
    await room(tab, views.noFunctions, 'functions');
    await refuse(tab, 'list_functions', views.offline);
  },
  'function-answer': (tab) => invoked(tab, views.functionAnswer),
  'function-error': (tab) => invoked(tab, views.functionError),
  'function-failure': async (tab) => {
    await room(tab, views.signedIn, 'functions');
    await click(tab, 'invoke');
    await refuse(tab, 'invoke_function', views.offline);
  },
  'function-waiting': async (tab) => {
    await room(tab, views.signedIn, 'functions');
    await click(tab, 'invoke');
    await tab.clock.setFixedTime((views.NOW + 75) * 1000);
    await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
    await tab.getByTestId('function-waiting').waitFor();
    await tab.locator('.busy.slow').waitFor();
  },
  'function-stopped': (tab) => invoked(tab, { kind: 'stopped' }),
  'function-started': (tab) => invoked(tab, { kind: 'started' }, 'event'),
  'function-allowed': (tab) => invoked(tab, { kind: 'allowed' }, 'dryRun'),
  'function-denied': (tab) => invoked(tab, views.denied, 'dryRun'),
  'function-history': async (tab) => {
    await invoked(tab, views.functionAnswer);
    for (const [payload, outcome] of [
      ['{"name": "a name that goes on and on, and on"}', views.functionError],
      ['{"name": "Alex"}', { kind: 'stopped' }],
      ['{}', views.functionAnswer],
    ]) {
      await tab.getByTestId('function-payload').fill(payload);
      await click(tab, 'invoke');
      await answer(tab, 'invoke_function', outcome);
    }
  },
  'function-not-json': async (tab) => {
    await room(tab, views.twoFunctions, 'functions');
    await tab.getByTestId('function-payload').fill('{\n  "name": }');
  },
  'sign-out': (tab) => wish(tab, views.several, 'sign-out'),
  'sign-out-device-only': (tab) =>
    wish(
      tab,
      views.but(views.signedIn, {
        profile: { ...views.profile, canSignOutEverywhere: false, canEndBrowserSession: false },
      }),
      'sign-out',
    ),
  'sign-out-refused': async (tab) => {
    await wish(tab, views.several, 'sign-out');
    await click(tab, 'sign-out-everywhere');
    await refuse(tab, 'sign_out', {
      code: 'KeychainUnavailable',
      message: 'The keychain is locked.',
      remedy: 'Unlock it and try again.',
    });
  },
  'sign-out-pending': async (tab) => {
    await wish(tab, views.signedIn, 'sign-out');
    await click(tab, 'sign-out-browser');
    await show(tab, views.signedOut);
  },
  'after-sign-out': (tab) => afterSignOut(tab, 'browser', {}),
  'after-sign-out-device': (tab) =>
    afterSignOut(tab, 'device', { browserAsked: false, awsCredentialsUntil: null }),
  'after-sign-out-everywhere': (tab) =>
    afterSignOut(tab, 'everywhere', { everywhere: { kind: 'done' } }),
  'after-sign-out-offline': (tab) =>
    afterSignOut(
      tab,
      'everywhere',
      {
        revoked: views.offline,
        everywhere: { kind: 'failed', error: views.offline },
        browserAsked: false,
        revocationOwed: true,
      },
      { revocationOwed: true },
    ),
  'after-sign-out-not-revoked': (tab) => afterSignOut(tab, 'browser', { revoked: views.timedOut }),
  'revocation-owed': (tab) => show(tab, views.owed),
  expired: (tab) => show(tab, views.beside(views.expired, ...views.others)),
  'no-profile': (tab) => show(tab, views.noProfile),
  'no-profile-several-unusable': (tab) =>
    show(tab, { ...views.noProfile, unusableProfiles: views.unusable }),
  ...filesScenes,
  unreachable: (tab) => refuse(tab, 'watch', 'watch not allowed'),
};
