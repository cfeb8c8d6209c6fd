/** Runs before each file of tests that looks at mutants: one failure says all, and the tests after it would cost time. */
import { afterEach, beforeEach } from 'vitest';
let hasFailed = false;

beforeEach(({ skip }) => {
  if (hasFailed) skip('another test has failed');
});
afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});
