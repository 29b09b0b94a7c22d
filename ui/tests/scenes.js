// Every screen and state of the app, each as the steps that lead to it.
import { answer, refuse, show } from './harness.js';
import * as views from './views.js';

const click = (tab, testid) => tab.getByTestId(testid).click();

async function signedInWith(tab, command, testid, value) {
  await show(tab, views.signedIn);
  await click(tab, testid);
  await answer(tab, command, value);
}

export const scenes = {
  restoring: (tab) => show(tab, views.restoring),
  'signed-out': (tab) => show(tab, views.signedOut),
  'signed-out-problem': (tab) => show(tab, { ...views.signedOut, problem: views.timedOut }),
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
  finishing: (tab) => show(tab, views.finishing),
  'signed-in': (tab) => show(tab, views.signedIn),
  'signed-in-problem': (tab) =>
    show(tab, { ...views.signedIn, problem: views.offline, clockSkewSeconds: -600 }),
  'signed-in-crowded': (tab) =>
    show(tab, { ...views.signedIn, state: { kind: 'signedIn', user: views.crowded } }),
  'signed-in-all-groups': async (tab) => {
    await show(tab, { ...views.signedIn, state: { kind: 'signedIn', user: views.crowded } });
    await tab.getByRole('button', { name: 'Show all 40 groups' }).click();
  },
  'signed-in-bare': (tab) =>
    show(tab, {
      ...views.signedIn,
      profile: { ...views.profile, api: null, aws: false, functions: [] },
      state: { kind: 'signedIn', user: { ...views.user, name: null, email: null, groups: [] } },
    }),
  'api-pending': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'call-api');
  },
  'api-answer': (tab) => signedInWith(tab, 'call_api', 'call-api', views.apiAnswer),
  'api-refusal': (tab) => signedInWith(tab, 'call_api', 'call-api', views.apiRefusal),
  'api-failure': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'call-api');
    await refuse(tab, 'call_api', views.offline);
  },
  'aws-answer': (tab) => signedInWith(tab, 'aws_identity', 'aws-identity', views.awsAnswer),
  'function-answer': (tab) => signedInWith(tab, 'invoke_function', 'invoke', views.functionAnswer),
  'function-error': (tab) => signedInWith(tab, 'invoke_function', 'invoke', views.functionError),
  'function-not-json': async (tab) => {
    await show(tab, {
      ...views.signedIn,
      profile: { ...views.profile, functions: ['hello', 'resize-image'] },
    });
    await tab.getByTestId('function-payload').fill('{"name": }');
  },
  'all-answers': async (tab) => {
    await signedInWith(tab, 'call_api', 'call-api', views.apiAnswer);
    await click(tab, 'aws-identity');
    await answer(tab, 'aws_identity', views.awsAnswer);
    await click(tab, 'invoke');
    await answer(tab, 'invoke_function', views.functionAnswer);
  },
  'after-sign-out': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'sign-out');
    await show(tab, views.signedOut);
    await answer(tab, 'sign_out', views.signOutAnswer);
  },
  'after-sign-out-not-revoked': async (tab) => {
    await show(tab, views.signedIn);
    await click(tab, 'sign-out');
    await show(tab, views.signedOut);
    await answer(tab, 'sign_out', { ...views.signOutAnswer, revoked: views.offline });
  },
  expired: (tab) => show(tab, views.expired),
  'no-profile': (tab) => show(tab, views.noProfile),
  unreachable: (tab) => refuse(tab, 'watch', 'watch not allowed'),
};
