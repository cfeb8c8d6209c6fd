/** A site's memory on disk: what is read, what is refused, and that it survives crashes and company. */
import { link, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { openSite, readSiteState } from '../../src/site/site-state.ts';
import type { SiteState } from '../../src/trust/rollback/site-state-schema.ts';
import { anchorTrust } from '../../src/trust/documents/trust-chain.ts';
import { serializeCanonically } from '../../src/base/json/canonical-json.ts';
import { advanceState, findLine, pinnedTrust } from '../../src/trust/rollback/evaluate-rollback.ts';
import { childScript } from '../helpers/child-script.ts';
import { tries } from '../helpers/effort.ts';
import { startProcess } from '../helpers/process.ts';
import { runOk } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';
import { failure } from '../trust/failures.ts';
import { idOf, makeDocument, signTrust } from '../trust/documents/trust-documents.ts';

const temp = useTempDir();
const CHILD = await childScript(new URL('site-child.ts', import.meta.url));
const NOW = new Date('2027-06-01T12:00:00Z');
const NOTHING: SiteState = { stateVersion: 1, lines: [], exceptions: [] };
const trust = anchorTrust(signTrust(makeDocument()));
const FIVE = advanceState(
  NOTHING,
  {
    product: 'sample',
    channel: 'stable',
    version: '1.5',
    sequence: 5,
    digest: sha256('5'),
    signers: [idOf('release')],
  },
  { kind: 'first', overrode: [] },
  { now: NOW, trust },
);
const place = (): string => temp.join('state');
const file = (): string => temp.join('state', 'state.json');
const highestOf = (state: SiteState): number => findLine(state, 'sample', 'stable')?.highest?.sequence ?? 0;

test('nothing is remembered before the first load, and reading makes nothing', async () => {
  expect(await readSiteState(place())).toEqual(NOTHING);
  expect(await readdir(temp.path)).toEqual([]);
});

test('what is written is read back, with the trust that was pinned', async () => {
  {
    await using site = await openSite(place());
    expect(site.state).toEqual(NOTHING);
    await site.write(FIVE);
    expect(site.state).toEqual(FIVE);
  }
  const state = await readSiteState(place());
  expect(state).toEqual(FIVE);
  expect(pinnedTrust(findLine(state, 'sample', 'stable'))).toEqual(trust);
  expect(await readdir(place())).toEqual(['state.json']);
});

test('one process has it at a time; reading needs no turn', async () => {
  await using site = await openSite(place());
  await site.write(FIVE);
  await expect(openSite(place())).rejects.toThrow(failure('StoreError', 'LOCKED', 'the state in'));
  expect(highestOf(await readSiteState(place()))).toBe(5);
});

describe('a state is refused', () => {
  const good = serializeCanonically(FIVE).toString();
  const [line] = FIVE.lines;
  test.each([
    ['cut short', good.slice(0, 100)],
    ['empty', ''],
    ['with a lower mark written by hand in another spelling', good.replace('"sequence": 5', '"sequence":  4')],
    ['with a duplicate key', good.replace('"stateVersion": 1,', '"stateVersion": 1,\n "stateVersion": 1,')],
    ['of another version', good.replace('"stateVersion": 1', '"stateVersion": 2')],
    ['with a changed trust document', good.replace('"minSequence": 0', '"minSequence": 1')],
    ['with a field nobody knows', good.replace('"lines"', '"extra": 1,\n "lines"')],
    ['with two entries for one line', serializeCanonically({ ...FIVE, lines: [line, line] }).toString()],
    [
      'with the trust of another line',
      serializeCanonically({ ...FIVE, lines: [{ ...line, channel: 'beta' }] }).toString(),
    ],
  ])('%s', async (_, text) => {
    await mkdir(place());
    await writeFile(file(), text);
    await expect(readSiteState(place())).rejects.toThrow(
      failure('StoreError', 'STORE_IO', 'state.json', 'restore it from a backup'),
    );
    await expect(openSite(place())).rejects.toThrow(failure('StoreError', 'STORE_IO'));
    // The lock is given back, so that the next try is told the same and not that somebody else is at work.
    await expect(openSite(place())).rejects.toThrow(failure('StoreError', 'STORE_IO'));
    expect(await readFile(file(), 'utf8')).toBe(text);
  });

  test('when state.json is a link, which is left alone', async () => {
    const victim = temp.join('victim');
    await writeFile(victim, good);
    await mkdir(place());
    await symlink(victim, temp.join('state', 'state.json'));
    const write = async (): Promise<void> => {
      await using site = await openSite(place());
      await site.write(NOTHING);
    };
    await expect(write()).rejects.toThrow(failure('StoreError', 'STORE_IO', 'cannot be kept', 'no links'));
    expect(await readFile(victim, 'utf8')).toBe(good);
  });

  test('when its directory cannot be made', async () => {
    await writeFile(place(), 'a file');
    await expect(openSite(temp.join('state', 'inner'))).rejects.toThrow(failure('StoreError', 'STORE_IO'));
  });
});

test('an older writer that kept the file open changes nothing: it is replaced, not written into', async () => {
  {
    await using site = await openSite(place());
    await site.write(FIVE);
    await link(file(), temp.join('old'));
    await site.write(NOTHING);
  }
  expect(await readFile(temp.join('old'))).toEqual(serializeCanonically(FIVE));
});

test('killed at any moment, it remembers the last load that was reported, or the one on its way', async () => {
  let reported = 0;
  for (let round = 0; round < tries(6); round++) {
    await using child = await startProcess(process.execPath, [CHILD, place(), '100000']);
    await child.waitUntil('the first load', () => child.stdout.includes('\n'));
    expect(await child.killAfter((round * 7) % 40)).toBe(true);
    const lines = child.stdout.split('\n').slice(0, -1).map(Number);
    reported = lines.at(-1) ?? reported;
    const state = await readSiteState(place());
    expect([reported, reported + 1]).toContain(highestOf(state));
    // The lock of the dead process is taken over, and what it left aside is in nobody's way.
    await using site = await openSite(place());
    expect(site.state).toEqual(state);
  }
});

test('two processes on one state lose nothing', async () => {
  await Promise.all([1, 2].map(() => runOk(process.execPath, [CHILD, place(), '30'])));
  expect(highestOf(await readSiteState(place()))).toBe(60);
  expect(await readdir(place())).toEqual(['state.json']);
});
