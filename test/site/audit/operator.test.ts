/** Who does what, as it goes on record: what they say, what the environment says, and what the kernel says. */
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { describeOperator } from '../../../src/site/audit/operator.ts';

test.each([
  [{ LOGNAME: 'ann', USER: 'root' }, { user: 'ann' }],
  [{ USER: 'root' }, { user: 'root' }],
  [{ LOGNAME: 'x'.repeat(70) }, { user: 'x'.repeat(64) }],
  [{ LOGNAME: '', USER: 'root' }, {}],
  [{}, {}],
])('the environment %j names %j', async (env, named) => {
  const { loginUid: _, ...operator } = await describeOperator(env);
  expect(operator).toEqual({ ...named, uid: process.getuid?.(), host: hostname() });
});

test('what somebody says of themselves stands beside that', async () => {
  expect(await describeOperator({ USER: 'root' }, 'Ann Example')).toMatchObject({
    stated: 'Ann Example',
    user: 'root',
  });
});
