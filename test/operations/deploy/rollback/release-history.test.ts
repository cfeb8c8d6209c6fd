/** Which releases a record remembers, and which of them a rollback goes to. */
import { expect, test } from 'vitest';
import type { DeploymentRecord } from '../../../../src/operations/deploy/deployment-record.ts';
import { historyAfter, rollbackTarget } from '../../../../src/operations/deploy/rollback/release-history.ts';

function releaseOf(version: string): DeploymentRecord['release'] {
  return { name: 'shop', version, digest: `digest of ${version}` };
}

/** The record after these releases, each deployed to its end, or begun with `~`. */
function recordAfter(...versions: readonly string[]): DeploymentRecord {
  let record: DeploymentRecord | undefined;
  for (const word of versions) {
    const release = releaseOf(word.replace('~', ''));
    const state = word.startsWith('~') ? 'applying' : 'complete';
    const rest = historyAfter(record, release);
    record = {
      schemaVersion: 1,
      release,
      profile: `profile ${release.version}`,
      state,
      objects: [],
      jobs: {},
      ...rest,
    };
  }
  if (record === undefined) throw new RangeError('no release');
  return record;
}

function versionsOf({ history = [] }: DeploymentRecord): string {
  return history.map(({ release }) => release.version).join(' ');
}

test.each([
  [['1'], ''],
  [['1', '1'], ''],
  [['1', '2'], '1'],
  [['1', '2', '2', '3'], '1 2'],
  [['1', '~2', '3'], '1'],
  [['1', '2', '1'], ''],
  [['1', '2', '3', '2'], '1'],
  [['1', '2', '3', '1', '4'], '1'],
  [['1', '2', '~1', '3'], '1'],
])('after %j, what was complete before is: %s', (versions, expected) => {
  expect(versionsOf(recordAfter(...versions))).toBe(expected);
});

test('the last ten are remembered', () => {
  const versions = Array.from({ length: 15 }, (_, index) => String(index));
  expect(versionsOf(recordAfter(...versions))).toBe('4 5 6 7 8 9 10 11 12 13');
});

test('the release before is gone back to, in the profile it had, also from one that did not get ready', () => {
  expect(rollbackTarget(recordAfter('1', '2', '~3'))).toEqual({ release: releaseOf('2'), profile: 'profile 2' });
});

test('the same rollback again goes on with the release that was gone back to, and not further back', () => {
  for (const last of ['~2', '2']) expect(rollbackTarget(recordAfter('1', '2', '3', last)).release.version).toBe('2');
  expect(rollbackTarget(recordAfter('1', '2', '3', '2', '2')).release.version).toBe('2');
});

test('an earlier release is gone back to by its archive, however often', () => {
  expect(rollbackTarget(recordAfter('1', '2', '3'), 'digest of 1').release.version).toBe('1');
  expect(rollbackTarget(recordAfter('1', '2', '3', '2'), 'digest of 1').release.version).toBe('1');
});

test.each([
  [['1'], undefined, 'no release is on record as complete before shop 1'],
  [['1', '2'], 'digest of 2', 'shop 2 is the release that is deployed, and no earlier one'],
  [['1', '2'], 'digest of 9', 'the archive digest of 9 is of no release that was complete here before shop 2'],
  [['1', '2', '1'], 'digest of 2', 'the archive digest of 2 is of no release that was complete here before shop 1'],
])('after %j, %s is refused', (versions, digest, message) => {
  expect(() => rollbackTarget(recordAfter(...versions), digest)).toThrow(message);
});

test('a release of which only some components were there is gone back to with these', () => {
  const one = { ...recordAfter('1'), components: ['db'] };
  const two = { ...recordAfter('2'), ...historyAfter(one, releaseOf('2')), components: ['db', 'ui'] };
  expect(rollbackTarget(two)).toEqual({ release: releaseOf('1'), profile: 'profile 1', components: ['db'] });
});
