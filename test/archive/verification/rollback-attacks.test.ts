/**
 * The attacks that The Update Framework names, each built and refused, on real archives.
 * @see https://theupdateframework.io/docs/security/
 */
import { createReadStream } from 'node:fs';
import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { factsOf, type Acceptance, type TrustedRelease } from '../../../src/archive/verification/acceptance.ts';
import { trustArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { verifyArchive, verifyStream } from '../../../src/archive/verification/verified-archive.ts';
import type { SiteState } from '../../../src/trust/rollback/site-state-schema.ts';
import { advanceState, findLine } from '../../../src/trust/rollback/evaluate-rollback.ts';
import { makeTempDir, type TempDir } from '../../helpers/temp.ts';
import { failure } from '../../trust/failures.ts';
import { entryOf, idOf, makeDocument, pairOf, signTrust } from '../../trust/documents/trust-documents.ts';
import { makeArchive, type ArchiveOptions } from './trusted-archive.ts';

const NOW = new Date('2027-06-01T12:00:00Z');
const NOTHING: SiteState = { stateVersion: 1, lines: [], exceptions: [] };
let temp: TempDir & AsyncDisposable;
beforeAll(async () => {
  temp = await makeTempDir();
});
afterAll(() => temp[Symbol.asyncDispose]());

// The line of trust: one root and one release key; then every key is another.
const V1 = signTrust(makeDocument());
const V2 = signTrust(
  makeDocument({ version: 2, keys: [entryOf('root2', ['root']), entryOf('release', ['release'])] }),
  ['root', 'root2'],
);
const V3 = signTrust(
  makeDocument({
    version: 3,
    keys: [entryOf('root2', ['root']), entryOf('release3', ['release'])],
    revokedKeys: [idOf('release')],
    minSequence: 3,
  }),
  ['root2'],
);
const CHAIN = [V1, V2, V3];

let archives = 0;
async function build(options: ArchiveOptions): Promise<{ readonly path: string; readonly digest: Digest }> {
  const path = temp.join(`${(archives += 1)}.tar`);
  return { path, digest: await makeArchive(path, options) };
}
const accept = (changes: Partial<Acceptance> = {}): Acceptance => ({ anchor: V1, now: NOW, ...changes });
async function admit(options: ArchiveOptions, acceptance: Partial<Acceptance> = {}): Promise<TrustedRelease> {
  using archive = await trustArchive((await build(options)).path, accept(acceptance));
  return archive.release;
}
/** The state of a site that loaded these, one after the other. */
async function siteAfter(...releases: readonly ArchiveOptions[]): Promise<SiteState> {
  let state = NOTHING;
  for (const options of releases) {
    const release = await admit(options, { state });
    state = advanceState(state, factsOf(release), release.rollback, { now: NOW, trust: release.trust });
  }
  return state;
}
const refused = (code: Parameters<typeof failure>[1], message = '', hint?: string): Error =>
  failure('TrustError', code, message, hint);

test('a genuine release is accepted, from a file and from a stream', async () => {
  const { path, digest } = await build({ sequence: 1, signers: ['release'], trust: [V1] });
  const expected = { digest, trust: { digest: V1.digest }, rollback: { kind: 'unknown' }, threshold: 1 };
  expect(await verifyArchive(path, accept())).toMatchObject(expected);
  expect(await verifyStream(createReadStream(path), 'stream', accept())).toMatchObject(expected);
});

describe('arbitrary software', () => {
  test.each([
    ['nobody', [], 'UNSIGNED'],
    ['a stranger', ['stranger'], 'UNTRUSTED_SIGNER'],
    ['the root, which signs no releases', ['root'], 'UNTRUSTED_SIGNER'],
  ] as const)('signed by %s is refused', async (_, signers, code) => {
    await expect(admit({ sequence: 1, signers })).rejects.toThrow(refused(code));
  });

  test('is not helped by a trust document of its own making in the archive', async () => {
    const forged = makeDocument({ version: 2, keys: [entryOf('evil', ['release', 'root'])] });
    for (const signers of [['evil'], ['release', 'evil']]) {
      const carried = { sequence: 1, signers: ['evil'], trust: [V1, signTrust(forged, signers)] };
      await expect(admit(carried)).rejects.toThrow(refused('UNTRUSTED_SIGNER'));
    }
    const first = signTrust({ ...forged, version: 1 }, ['evil']);
    await expect(admit({ sequence: 1, signers: ['evil'], trust: [first] })).rejects.toThrow(refused('FORK'));
  });

  test('is not helped by a trust document under the name of another version', async () => {
    const { trustBytes } = await import('../../trust/documents/trust-documents.ts');
    const ahead = { 'trust/7.trust.json': trustBytes(V2) };
    await expect(admit({ sequence: 1, signers: ['release'], files: ahead })).rejects.toThrow(
      refused('UNTRUSTED_SIGNER', 'version 7 of the trust document is there'),
    );
    const behind = { 'trust/2.trust.json': trustBytes(V1) };
    await expect(admit({ sequence: 1, signers: ['release'], files: behind })).rejects.toThrow(
      failure('IntegrityError', 'MALFORMED', 'holds version 1'),
    );
  });

  test('is not helped by a document that is no trust document', async () => {
    const files = { 'trust/2.trust.json': Buffer.from('{"version":2}') };
    await expect(admit({ sequence: 1, signers: ['release'], files })).rejects.toThrow(
      failure('IntegrityError', 'MALFORMED', 'trust/2.trust.json'),
    );
  });
});

describe('rollback', () => {
  test('to an older release is refused', async () => {
    const state = await siteAfter({ sequence: 5, signers: ['release'] });
    await expect(admit({ sequence: 4, signers: ['release'] }, { state })).rejects.toThrow(refused('ROLLBACK'));
    await expect(admit({ signers: ['release'] }, { state })).rejects.toThrow(refused('ROLLBACK', 'no sequence'));
    expect((await admit({ sequence: 6, signers: ['release'] }, { state })).rollback.kind).toBe('newer');
  });

  test('below the floor is refused where nothing is remembered, and no exception helps', async () => {
    const release = { sequence: 2, signers: ['release3'], trust: CHAIN };
    const { digest } = await build(release);
    await expect(admit(release)).rejects.toThrow(refused('ROLLBACK', '3 is the lowest', 'no exception'));
    await expect(admit(release, { state: NOTHING, exceptionFor: digest })).rejects.toThrow(
      refused('ROLLBACK', 'lowest'),
    );
  });

  test('to older trust is not possible: what is pinned wins', async () => {
    const state = await siteAfter({ sequence: 5, signers: ['release3'], trust: CHAIN });
    expect(findLine(state, 'sample', 'stable')?.trust?.document.version).toBe(3);
    // The first trust document, which the operator goes on giving, and an archive that carries no other.
    const old = { sequence: 6, signers: ['release'], trust: [V1] };
    await expect(admit(old, { state })).rejects.toThrow(refused('REVOKED'));
    expect((await admit({ sequence: 6, signers: ['release3'] }, { state })).trust?.document.version).toBe(3);
  });

  test('to trust older than the first that was pinned is refused', async () => {
    const release = { sequence: 5, signers: ['release'], trust: [V2] };
    const first = await admit(release, { anchor: V2, state: NOTHING });
    const state = advanceState(NOTHING, factsOf(first), first.rollback, { now: NOW, trust: first.trust });
    await expect(admit(release, { anchor: V1, state })).rejects.toThrow(
      refused('ROLLBACK', 'pinned version 2 at first'),
    );
  });

  test('to plain keys is refused where trust is pinned', async () => {
    const state = await siteAfter({ sequence: 5, signers: ['release'] });
    const anchor = { keys: [pairOf('release').publicKey], threshold: 1 };
    await expect(admit({ sequence: 6, signers: ['release'] }, { anchor, state })).rejects.toThrow(
      refused('UNTRUSTED_SIGNER', 'plain keys were given', '--trust'),
    );
  });
});

describe('a fork', () => {
  test('of a release is refused', async () => {
    const state = await siteAfter({ sequence: 5, signers: ['release'] });
    const files = { 'docs/other.txt': Buffer.from('another release with this number\n') };
    await expect(admit({ sequence: 5, signers: ['release'], files }, { state })).rejects.toThrow(refused('FORK'));
  });

  test('of the trust document is refused, whoever signed both', async () => {
    const state = await siteAfter({ sequence: 5, signers: ['release3'], trust: CHAIN });
    const other = signTrust({ ...V2.document, minSequence: 1 }, ['root', 'root2']);
    const carried = { sequence: 6, signers: ['release3'], trust: [V1, other] };
    await expect(admit(carried, { state })).rejects.toThrow(refused('FORK', 'not the version 2'));
    const given = { state, anchor: other };
    await expect(admit({ sequence: 6, signers: ['release3'] }, given)).rejects.toThrow(
      refused('FORK', 'not the version 2'),
    );
  });
});

describe('freeze', () => {
  test('with trust that expired is refused', async () => {
    const anchor = signTrust(makeDocument({ expires: '2027-06-01T11:59:59Z' }));
    const release = { sequence: 1, signers: ['release'] };
    await expect(admit(release, { anchor })).rejects.toThrow(refused('EXPIRED', 'version 1 of the trust document'));
  });

  test('with a release that expired is refused, with keys too', async () => {
    const release = { sequence: 1, signers: ['release'], expires: '2027-06-01T11:59:59Z' };
    await expect(admit(release)).rejects.toThrow(refused('EXPIRED', 'the release expired'));
    const anchor = { keys: [pairOf('release').publicKey], threshold: 1 };
    await expect(admit(release, { anchor })).rejects.toThrow(refused('EXPIRED', 'the release expired'));
  });

  test('with a clock that was set back is refused', async () => {
    const state = await siteAfter({ sequence: 1, signers: ['release'] });
    const now = new Date('2027-05-01T00:00:00Z');
    await expect(admit({ sequence: 2, signers: ['release'] }, { state, now })).rejects.toThrow(refused('CLOCK'));
  });

  test('by holding newer trust back gives no more time than the old one has', async () => {
    const anchor = signTrust(makeDocument({ expires: '2027-01-01T00:00:00Z' }));
    const newer = signTrust({ ...V2.document, expires: '2028-01-01T00:00:00Z' }, ['root', 'root2']);
    const release = { sequence: 1, signers: ['release'] };
    await expect(admit(release, { anchor })).rejects.toThrow(refused('EXPIRED'));
    expect((await admit({ ...release, trust: [anchor, newer] }, { anchor })).trust?.document.version).toBe(2);
  });
});

describe('mix and match', () => {
  test('of the head of one archive and the payload of another is refused', async () => {
    const { readFile, writeFile } = await import('node:fs/promises');
    const [one, two] = [
      await build({ sequence: 1, signers: ['release'], files: { 'docs/a.txt': Buffer.from('one') } }),
      await build({ sequence: 1, signers: ['release'], files: { 'docs/a.txt': Buffer.from('two') } }),
    ];
    const [head, payload] = [await readFile(one.path), await readFile(two.path)];
    const cut = head.indexOf('image-list.txt\0');
    await writeFile(one.path, Buffer.concat([head.subarray(0, cut), payload.subarray(cut)]));
    await expect(verifyArchive(one.path, accept())).rejects.toThrow(failure('IntegrityError', 'DIGEST_MISMATCH'));
  });

  test('of a release and a trust document of another line is refused', async () => {
    const other = signTrust(makeDocument({ product: 'other' }));
    await expect(admit({ sequence: 1, signers: ['release'], trust: [other] })).rejects.toThrow(refused('FORK'));
    const next = signTrust(makeDocument({ product: 'other', version: 2 }));
    await expect(admit({ sequence: 1, signers: ['release'], trust: [next] })).rejects.toThrow(
      refused('SUBJECT_MISMATCH'),
    );
  });
});

describe('the wrong product', () => {
  test.each([{ product: 'other' }, { channel: 'beta' }])('%j is refused although the key signed it', async (line) => {
    const release = { sequence: 1, signers: ['release'], ...line };
    await expect(admit(release)).rejects.toThrow(refused('SUBJECT_MISMATCH', 'speaks for sample/stable'));
  });

  test('is refused when another digest was expected, before any signature is looked at', async () => {
    const { digest } = await build({ sequence: 1, signers: ['release'] });
    const release = { sequence: 2, signers: [] };
    await expect(admit(release, { expectedDigest: digest })).rejects.toThrow(refused('SUBJECT_MISMATCH', digest));
    expect((await admit({ sequence: 1, signers: ['release'] }, { expectedDigest: digest })).digest).toBe(digest);
  });
});

describe('a stolen release key', () => {
  test('alone does not reach a threshold of two', async () => {
    const anchor = signTrust(
      makeDocument({
        keys: [entryOf('root', ['root']), entryOf('release', ['release']), entryOf('second', ['release'])],
        thresholds: { release: 2, root: 1 },
      }),
    );
    const release = { sequence: 1, signers: ['release', 'release', 'release'] };
    await expect(admit(release, { anchor })).rejects.toThrow(refused('UNTRUSTED_SIGNER', '1 of 2'));
    expect((await admit({ sequence: 1, signers: ['release', 'second'] }, { anchor })).signers).toHaveLength(2);
  });

  test('is worth nothing once a newer trust document revokes it, wherever that comes from', async () => {
    const release = { sequence: 5, signers: ['release'] };
    expect((await admit(release)).signers).toHaveLength(1);
    await expect(admit({ ...release, trust: CHAIN })).rejects.toThrow(refused('REVOKED'));
    await expect(admit(release, { anchor: V3 })).rejects.toThrow(refused('REVOKED'));
    const state = await siteAfter({ sequence: 4, signers: ['release3'], trust: CHAIN });
    await expect(admit(release, { state })).rejects.toThrow(refused('REVOKED'));
  });

  test('cannot sign trust documents', async () => {
    const forged = signTrust({ ...V2.document }, ['release']);
    await expect(admit({ sequence: 1, signers: ['release'], trust: [V1, forged] })).rejects.toThrow(
      refused('UNTRUSTED_SIGNER'),
    );
  });

  test('that ran ahead shuts nobody out once it is revoked (fast-forward)', async () => {
    const state = await siteAfter({ sequence: 999_999, signers: ['release'] });
    await expect(admit({ sequence: 6, signers: ['release'] }, { state })).rejects.toThrow(refused('ROLLBACK'));
    const genuine = await admit({ sequence: 6, signers: ['release3'], trust: CHAIN }, { state });
    expect(genuine.rollback.kind).toBe('renewed');
  });
});

describe('a stolen root key', () => {
  test('alone does not reach a threshold of two', async () => {
    const anchor = signTrust(
      makeDocument({
        keys: [entryOf('root', ['root']), entryOf('root2', ['root']), entryOf('release', ['release'])],
        thresholds: { release: 1, root: 2 },
      }),
      ['root', 'root2'],
    );
    const forged = makeDocument({ version: 2, keys: [entryOf('root', ['root']), entryOf('evil', ['release'])] });
    await expect(
      admit({ sequence: 1, signers: ['evil'], trust: [anchor, signTrust(forged, ['root'])] }, { anchor }),
    ).rejects.toThrow(refused('UNTRUSTED_SIGNER', "1 of 2 signatures by version 1's root keys"));
  });

  test('that was replaced cannot go on from an old version at a site that knows better', async () => {
    const state = await siteAfter({ sequence: 5, signers: ['release3'], trust: CHAIN });
    const branch = signTrust(
      makeDocument({ version: 2, keys: [entryOf('root', ['root']), entryOf('evil', ['release'])] }),
      ['root'],
    );
    await expect(admit({ sequence: 6, signers: ['evil'], trust: [V1, branch] }, { state })).rejects.toThrow(
      refused('FORK'),
    );
  });
});

describe('rotation', () => {
  test('of every key: a site pinned at version 1 takes a release made under version 3', async () => {
    const release = { sequence: 5, signers: ['release3'], trust: CHAIN };
    const first = await siteAfter({ sequence: 4, signers: ['release'], trust: [V1] });
    const taken = await admit(release, { state: first });
    expect(taken.trust?.history.map(({ version }) => version)).toEqual([1, 2, 3]);
    const { path } = await build(release);
    const streamed = await verifyStream(createReadStream(path), 'stream', accept({ state: first }));
    expect(streamed.trust?.document.version).toBe(3);
  });

  test('with a version left out of the archive is refused', async () => {
    await expect(admit({ sequence: 5, signers: ['release3'], trust: [V1, V3] })).rejects.toThrow(
      refused('UNTRUSTED_SIGNER', 'version 3 of the trust document is there and version 2'),
    );
  });

  test('may skip what the operator brings by hand', async () => {
    const state = await siteAfter({ sequence: 4, signers: ['release'], trust: [V1] });
    const release = { sequence: 5, signers: ['release3'], trust: [V2] };
    expect((await admit(release, { state, anchor: V3 })).trust?.document.version).toBe(3);
  });
});
