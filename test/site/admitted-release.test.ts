/** The order that a site keeps for every verb: lock, admit, started, work, state, completed, receipt. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { verifyPayload } from '../../src/archive/verification/verified-archive.ts';
import { verifyAdmittedStream, withAdmittedRelease, type SiteRequest } from '../../src/site/admitted-release.ts';
import type { SiteEnvironment } from '../../src/site/audit/trail.ts';
import { readSiteState } from '../../src/site/site-state.ts';
import { makeArchive } from '../archive/verification/trusted-archive.ts';
import { useTempDir } from '../helpers/temp.ts';
import { makeDocument, signTrust } from '../trust/documents/trust-documents.ts';

const temp = useTempDir();
const NOW = new Date('2027-06-01T12:00:00Z');
const V1 = signTrust(makeDocument());
let environment: SiteEnvironment;
let request: SiteRequest;

beforeEach(async () => {
  await makeArchive(temp.join('a.tar'), { sequence: 1, signers: ['release'], trust: [V1] });
  environment = { now: () => NOW, signal: new AbortController().signal, tool: '1.2.3', operator: { host: 'here' } };
  const terms = { anchor: V1, now: NOW, state: temp.join('site') };
  request = { action: 'load', archive: temp.join('a.tar'), target: 'dir:images', terms };
});

/** What is on record, by event. */
async function events(): Promise<readonly string[]> {
  const text = await readFile(temp.join('site/audit.jsonl'), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { event: string }).event]));
}
const loadedLines = async (): Promise<number> => (await readSiteState(temp.join('site'))).lines.length;

describe('work on an admitted release', () => {
  test('is on record before it begins, remembered and on record when it is done, and has its receipt last', async () => {
    const receipt = { path: temp.join('receipt.json') };
    const result = await withAdmittedRelease({ ...request, receipt }, environment, async (admitted) => {
      expect(await events()).toEqual([]);
      return await admitted.perform({
        planned: () => ({ files: [] }),
        act: async () => {
          expect([await events(), await loadedLines(), existsSync(receipt.path)]).toEqual([['started'], 0, false]);
          return 'done';
        },
        done: (outcome) => {
          expect(outcome).toBe('done');
          return {};
        },
      });
    });
    expect(result).toMatchObject({ outcome: 'done', record: { entry: { head: { sequence: 2 } }, receipt } });
    expect([await events(), await loadedLines(), existsSync(receipt.path)]).toEqual([
      ['started', 'completed'],
      1,
      true,
    ]);
  });

  test('keeps every other load at this site out until it is over', async () => {
    await withAdmittedRelease(request, environment, async (admitted) => {
      const second = withAdmittedRelease(request, environment, async () => undefined);
      await expect(second).rejects.toMatchObject({ code: 'LOCKED' });
      await admitted.perform({ act: async () => undefined });
    });
    await withAdmittedRelease(request, environment, async (admitted) => {
      expect(admitted.archive.release.rollback.kind).toBe('same');
    });
  });

  test('that fails is on record as failed, and nothing is remembered of it', async () => {
    const work = withAdmittedRelease(request, environment, (admitted) =>
      admitted.perform({ planned: () => ({}), act: () => Promise.reject(new Error('torn')) }),
    );
    await expect(work).rejects.toThrow('torn');
    expect([await events(), await loadedLines()]).toEqual([['started', 'failed'], 0]);
  });

  test('of an archive that is refused never begins', async () => {
    await makeArchive(temp.join('a.tar'), { sequence: 1, signers: ['stranger'] });
    let isCalled = false;
    const work = withAdmittedRelease(request, environment, async () => void (isCalled = true));
    await expect(work).rejects.toMatchObject({ code: 'UNTRUSTED_SIGNER' });
    expect([await events(), await loadedLines(), isCalled]).toEqual([['refused'], 0, false]);
  });

  test('may use the archive only until it is over', async () => {
    const archive = await withAdmittedRelease(request, environment, async (admitted) => admitted.archive);
    await expect(verifyPayload(archive)).rejects.toMatchObject({ code: 'STORE_IO' });
  });
});

test('a plan takes no lock, writes nothing, and can do nothing', async () => {
  await withAdmittedRelease({ ...request, isPlan: true }, environment, async (admitted) => {
    await expect(admitted.perform({ act: async () => undefined })).rejects.toThrow(RangeError);
  });
  expect(existsSync(temp.join('site'))).toBe(false);
});

test('a receipt without a log is refused before the archive is opened', async () => {
  const terms = { ...request.terms, state: undefined };
  const receipt = { path: temp.join('receipt.json') };
  const work = withAdmittedRelease({ ...request, archive: '/nowhere', terms, receipt }, environment, async () => 0);
  await expect(work).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--receipt') as string });
});

test.each([
  ['genuine', 'release', ['completed'], undefined],
  ['a stranger made', 'stranger', ['refused'], 'UNTRUSTED_SIGNER'],
])('a stream that is %s goes on record, and advances nothing', async (_, signer, expected, code) => {
  await makeArchive(temp.join('a.tar'), { sequence: 1, signers: [signer], trust: [V1] });
  const bytes = await readFile(temp.join('a.tar'));
  const content = (async function* () {
    yield bytes;
  })();
  const streamed = { ...request, action: 'verify', archive: '-', auditLog: temp.join('log.jsonl') } as const;
  const verification = verifyAdmittedStream(streamed, environment, { content, name: 'standard input' });
  if (code === undefined) expect((await verification).outcome.content.bytes).toBe(bytes.length);
  else await expect(verification).rejects.toMatchObject({ code });
  const lines = (await readFile(temp.join('log.jsonl'), 'utf8')).trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { event: string; signers?: unknown });
  expect(entries.map(({ event }) => event)).toEqual(expected);
  expect(entries[0]?.signers).toEqual(code === undefined ? [expect.objectContaining({ kind: 'key' })] : undefined);
  expect(existsSync(temp.join('site'))).toBe(false);
});
