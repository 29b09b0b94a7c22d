// The room where AWS credentials go to other tools.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  alerts,
  answer,
  at,
  calls,
  focused,
  previewed,
  refuse,
  showAccess,
  text,
} from './harness.js';
import { accessRoom, room, scenes } from './scenes.js';
import * as views from './views.js';
import { NOW } from './views.js';

const inTab = previewed();
const spoken = (tab) => tab.getByRole('status').first().innerText();
const handedOut = async (tab) =>
  (await at(tab, 'handed-out').getByRole('listitem').allInnerTexts()).map((words) =>
    words.replace(/\s+/g, ' ').trim(),
  );

const watchClipboard = (tab) =>
  tab.addInitScript(() => {
    navigator.clipboard.writeText = async (text) => void (window.wrote = text);
  });

describe('who one is at AWS', () => {
  test('is asked when the room is opened, each part to copy', () =>
    inTab({ permissions: ['clipboard-read', 'clipboard-write'] }, async (tab) => {
      await scenes['aws-answer'](tab);
      const { identityId, account, roleArn, arn } = views.awsAnswer;
      const shown = await at(tab, 'aws-answer').textContent();
      for (const value of [identityId, account, roleArn, arn])
        assert.ok(shown.includes(value), value);
      await tab.getByRole('button', { name: 'Copy role ARN' }).click();
      await tab.locator('[data-outcome=copied]').waitFor();
      assert.equal(await tab.evaluate(() => navigator.clipboard.readText()), roleArn);
      await at(tab, 'room-account').click();
      await at(tab, 'room-aws-access').click();
      assert.equal((await calls(tab, 'aws_identity')).length, 1, 'it is known still');
    }));

  test('what is below stays where it is when the answer comes', () =>
    inTab({}, async (tab) => {
      await room(tab, views.signedIn, 'aws-access');
      await answer(tab, 'plan_aws_config', views.configPlan);
      const place = async () => (await at(tab, 'set-up-aws-config').boundingBox()).y;
      const before = await place();
      await answer(tab, 'aws_identity', views.awsAnswer);
      await at(tab, 'aws-answer').waitFor();
      const moved = Math.abs((await place()) - before);
      assert.ok(moved < 24, `it moved by ${moved} px`);
    }));

  test('how long credentials, token and session last stands side by side', () =>
    inTab({}, async (tab) => {
      await scenes['aws-answer'](tab);
      assert.match(await text(tab, 'lasts-credentials'), /^Credentials 59 min left · until 09:59/);
      assert.match(await text(tab, 'lasts-token'), /^Token 1 h left · until 10:00/);
      assert.match(await text(tab, 'lasts-session'), /^Session 29 days left/);
      await tab.clock.setFixedTime((NOW + views.HOUR) * 1000);
      await tab.evaluate(() => window.dispatchEvent(new Event('focus')));
      assert.match(await text(tab, 'lasts-credentials'), /none left/);
    }));

  test('a role is chosen among several, and AWS is asked again; one alone is no choice', () =>
    inTab({}, async (tab) => {
      await accessRoom(tab);
      assert.equal(await at(tab, 'aws-role').count(), 0);
      await at(tab, 'room-account').click();
      await at(tab, 'room-aws-access').click();
      await answer(tab, 'aws_roles', views.roles);
      assert.deepEqual(await at(tab, 'aws-role').locator('option').allInnerTexts(), [
        'KeyfobDemoAuthenticated (unless you choose)',
        'KeyfobDemoAuthenticated',
        'KeyfobDemoAuditor',
      ]);
      const [, auditor] = views.roles.listed;
      await at(tab, 'aws-role').selectOption(auditor);
      assert.deepEqual(await calls(tab, 'choose_role'), [['choose_role', auditor]]);
      await answer(tab, 'choose_role');
      await answer(tab, 'aws_roles', { ...views.roles, chosen: auditor });
      await answer(tab, 'aws_identity', { ...views.awsAnswer, roleArn: auditor });
      assert.equal(await at(tab, 'aws-role').inputValue(), auditor);
      assert.match(await text(tab, 'aws-answer'), /role\/KeyfobDemoAuditor/);

      await at(tab, 'aws-role').selectOption('');
      await refuse(tab, 'choose_role', views.readOnly);
      await answer(tab, 'aws_roles', { ...views.roles, chosen: auditor });
      assert.equal((await alerts(tab)).length, 1);
      assert.equal(await at(tab, 'aws-role').inputValue(), auditor, 'what is so is shown');
    }));
});

describe('programs', () => {
  test('are answered or not, as the switch says', () =>
    inTab({}, async (tab) => {
      await room(tab, views.signedIn, 'aws-access');
      const toggle = tab.getByRole('switch', {
        name: 'Let programs on this computer use my AWS access',
      });
      assert.equal(await toggle.getAttribute('aria-disabled'), 'true');
      await showAccess(tab, views.access);
      assert.equal(await toggle.getAttribute('aria-checked'), 'true');
      await toggle.focus();
      await tab.keyboard.press('Space');
      assert.deepEqual(await calls(tab, 'answer_programs'), [['answer_programs', false]]);
      await showAccess(tab, { ...views.access, allowed: false });
      await answer(tab, 'answer_programs');
      assert.equal(await toggle.getAttribute('aria-checked'), 'false');
      assert.equal(await spoken(tab), 'Programs are not answered any more.');
      await toggle.click();
      await refuse(tab, 'answer_programs', views.readOnly);
      assert.equal(await toggle.getAttribute('aria-checked'), 'false');
      assert.match((await alerts(tab))[0], /cannot be written to/);
    }));

  test('why they are not answered although they may be is told', () =>
    inTab({}, async (tab) => {
      await accessRoom(tab, { access: views.agentTaken });
      assert.match((await alerts(tab))[0], /Another Keyfob answers programs already/);
    }));

  test('that got something are listed: which, what, for which role and profile, when', () =>
    inTab({}, async (tab) => {
      await accessRoom(tab, { access: views.busyAccess });
      const [first, second, third, fourth, ...rest] = await handedOut(tab);
      assert.equal(
        first,
        'aws · process 48211 AWS credentials, role KeyfobDemoAuthenticated 08:59',
      );
      assert.match(second, /^terraform-provider-aws_v6 · process 47990/);
      assert.match(third, /^You copied AWS credentials/);
      assert.match(fourth, /Northwind Logistics/);
      assert.equal(rest.length, 1);
      assert.match(rest[0], /^A program · process 12 access token/);
      await tab.getByRole('button', { name: 'Show all 7' }).click();
      assert.equal((await handedOut(tab)).length, 7);
      await showAccess(tab, {
        ...views.access,
        handedOut: [views.busyAccess.handedOut[0], ...views.busyAccess.handedOut],
      });
      assert.equal((await handedOut(tab)).length, 8, 'a new one appears by itself');
    }));

  test('nothing handed out is said', () =>
    inTab({}, async (tab) => {
      await accessRoom(tab);
      assert.match(await text(tab, 'nothing-handed-out'), /Nothing was handed out/);
    }));
});

describe('the AWS CLI', () => {
  test('is set up after a look at the lines, and says how to use it', () =>
    inTab({}, async (tab) => {
      await scenes['aws-config-plan'](tab);
      assert.deepEqual(await calls(tab, 'apply_aws_config'), [], 'nothing is written yet');
      const plan = await text(tab, 'aws-config-plan');
      assert.match(plan, /These lines are written to \/home\/alex\/\.aws\/config/);
      assert.match(plan, /\+ \[profile Local-demo\] \+ credential_process = \/usr\/bin\/keyfob/);
      assert.match(plan, /has aws_access_key_id for the profile/);
      assert.equal(await focused(tab), 'apply-aws-config');
      await tab.keyboard.press('Enter');
      await answer(tab, 'apply_aws_config');
      await answer(tab, 'plan_aws_config', views.configDone);
      assert.equal(
        await text(tab, 'aws-config-done'),
        'aws sts get-caller-identity --profile Local-demo',
      );
      assert.equal(await spoken(tab), 'The AWS CLI is set up.');
      assert.equal(await focused(tab), 'undo-aws-config');
    }));

  test('is undone after a look too; cancelling writes nothing', () =>
    inTab({}, async (tab) => {
      await scenes['aws-config-undo'](tab);
      assert.deepEqual(
        (await calls(tab, 'plan_aws_config')).map(([, remove]) => remove),
        [false, true],
      );
      assert.match(await text(tab, 'aws-config-plan'), /- \[profile Local-demo\]/);
      await at(tab, 'cancel-aws-config').click();
      assert.equal(await at(tab, 'aws-config-plan').count(), 0);
      assert.equal(await focused(tab), 'undo-aws-config');
      await at(tab, 'undo-aws-config').click();
      await answer(tab, 'plan_aws_config', views.configUndo);
      await at(tab, 'apply-aws-config').click();
      await refuse(tab, 'apply_aws_config', views.readOnly);
      assert.equal((await alerts(tab)).length, 1);
      await at(tab, 'apply-aws-config').click();
      await answer(tab, 'apply_aws_config');
      await answer(tab, 'plan_aws_config', views.configPlan);
      await at(tab, 'set-up-aws-config').waitFor();
      assert.equal((await calls(tab, 'apply_aws_config')).length, 2);
    }));

  test('what cannot be read is told', () =>
    inTab({}, async (tab) => {
      await accessRoom(tab);
      await at(tab, 'set-up-aws-config').click();
      await refuse(tab, 'plan_aws_config', views.readOnly);
      assert.match((await alerts(tab))[0], /cannot be written to/);
    }));
});

describe('credentials', () => {
  test('are copied by Rust, in the words that were chosen; the page never has them', () =>
    inTab({ prepare: watchClipboard }, async (tab) => {
      await accessRoom(tab);
      await at(tab, 'copy-format').selectOption('powerShell');
      await at(tab, 'copy-credentials').click();
      assert.deepEqual(await calls(tab, 'copy_credentials'), [['copy_credentials', 'powerShell']]);
      await answer(tab, 'copy_credentials', views.copied);
      assert.equal(
        await text(tab, 'copied'),
        'Copied. At 09:01 it is cleared from the clipboard, if it is there still. The credentials work until 10:00.',
      );
      assert.equal(await spoken(tab), 'Copied, for a minute.');
      assert.equal(await tab.evaluate(() => window.wrote), undefined);
    }));
});
