/** Chains of trust documents: what each step needs, and that no changed byte, document or order is accepted. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AirgapError } from '../../../src/errors.ts';
import type { TrustDocument } from '../../../src/trust/documents/trust-document-schema.ts';
import {
  anchorTrust,
  restoreTrust,
  toLink,
  walkChain,
  type RootedTrust,
} from '../../../src/trust/documents/trust-chain.ts';
import { serializeCanonically } from '../../../src/base/json/canonical-json.ts';
import { parseTrustFile, type TrustRecord } from '../../../src/trust/documents/trust-document.ts';
import { stride, tries } from '../../helpers/effort.ts';
import { failure } from '../failures.ts';
import { digestOfText, entryOf, idOf, makeDocument, seal, signTrust, trustBytes } from './trust-documents.ts';
import { allOf } from '../../helpers/all-of.ts';

const refused = (code: Parameters<typeof failure>[1], message = ''): Error => failure('TrustError', code, message);
const release = entryOf('release', ['release']);

/** Version 1 by one root, version 2 by 2 of 3 others, version 3 by one again: every root key changes at every step. */
const V1 = signTrust(makeDocument());
const V2_DOCUMENT = makeDocument({
  version: 2,
  keys: [entryOf('r2a', ['root']), entryOf('r2b', ['root']), entryOf('r2c', ['root']), release],
  thresholds: { release: 1, root: 2 },
  revokedKeys: [idOf('stolen')],
  minSequence: 3,
});
const V2 = signTrust(V2_DOCUMENT, ['root', 'r2a', 'r2c']);
const V3_DOCUMENT = makeDocument({
  version: 3,
  keys: [entryOf('r3', ['root']), entryOf('release3', ['release'])],
  revokedKeys: [idOf('stolen'), idOf('release')].sort(),
  minSequence: 5,
});
const V3 = signTrust(V3_DOCUMENT, ['r2a', 'r2b', 'r3']);
const change = (record: TrustRecord, changes: Partial<TrustDocument>, signers: readonly string[]): TrustRecord =>
  signTrust({ ...record.document, ...changes }, signers);
const walk = (anchor: RootedTrust, records: readonly TrustRecord[]): RootedTrust =>
  walkChain(anchor, records.map(toLink));
const from = (...records: readonly TrustRecord[]): RootedTrust => walk(anchorTrust(records[0] ?? V1), records.slice(1));

describe('an anchor', () => {
  test('is signed by enough of its own root keys', () => {
    expect(anchorTrust(V1)).toMatchObject({ digest: V1.digest, history: [{ version: 1, digest: V1.digest }] });
    expect(anchorTrust(V3).document.version).toBe(3);
  });

  test.each([
    ['nobody', V1, [], 'UNSIGNED'],
    ['a release key', V1, ['release'], 'UNTRUSTED_SIGNER'],
    ['a stranger', V1, ['stranger'], 'UNTRUSTED_SIGNER'],
    ['too few', V2, ['r2b'], 'UNTRUSTED_SIGNER'],
    ['too few and the root before', V2, ['r2b', 'root'], 'UNTRUSTED_SIGNER'],
  ] as const)('is refused when signed by %s', (_, record, signers, code) => {
    expect(() => anchorTrust(signTrust(record.document, signers))).toThrow(refused(code));
  });
});

describe('a chain', () => {
  test('is followed over every changed key, in any order, and the way is remembered', () => {
    for (const records of [
      [V1, V2, V3],
      [V1, V3, V2],
      [V1, V1, V2, V2, V3],
    ]) {
      expect(from(...records)).toMatchObject({
        document: V3_DOCUMENT,
        history: [V1, V2, V3].map(({ document, digest }) => ({ version: document.version, digest })),
      });
    }
  });

  test('is followed from the middle; what is older is passed over', () => {
    expect(walk(anchorTrust(V2), [V1, V3]).document.version).toBe(3);
    expect(walk(anchorTrust(V3), [V1, V2, V3]).document.version).toBe(3);
    expect(walk(anchorTrust(V3), []).document.version).toBe(3);
  });

  test('does not end where a version on the way has expired: only the last one counts', () => {
    const old = signTrust(makeDocument({ expires: '2001-01-01T00:00:00Z' }));
    expect(from(old, V2, V3).document.version).toBe(3);
  });

  test('with a version missing is refused', () => {
    expect(() => from(V1, V3)).toThrow(
      refused('UNTRUSTED_SIGNER', 'version 3 of the trust document is there and version 2'),
    );
  });

  test.each([
    ['the old root alone', ['root']],
    ['the new root alone', ['r2a', 'r2b', 'r2c']],
    ['the old root and too few of the new', ['root', 'r2a']],
    ['release keys', ['release']],
    ['nobody', []],
    ['enough of both and a stranger', ['root', 'r2a', 'r2b', 'stranger']],
  ] as const)('with a step signed by %s is refused', (_, signers) => {
    const step = signTrust(V2_DOCUMENT, signers);
    expect(() => from(V1, step)).toThrow(refused(signers.length === 0 ? 'UNSIGNED' : 'UNTRUSTED_SIGNER'));
  });

  test('needs the threshold of the old root as it was, not as the new version would have it', () => {
    const greedy = change(
      V3,
      { keys: [entryOf('r2a', ['root']), ...V3_DOCUMENT.keys].sort((a, b) => (a.keyId < b.keyId ? -1 : 1)) },
      ['r2a'],
    );
    expect(() => from(V1, V2, greedy)).toThrow(
      refused('UNTRUSTED_SIGNER', "1 of 2 signatures by version 2's root keys"),
    );
  });

  test('does not change product or channel', () => {
    for (const changes of [{ product: 'other' }, { channel: 'beta' }]) {
      const step = change(V2, changes, ['root', 'r2a', 'r2b']);
      expect(() => from(V1, step)).toThrow(refused('SUBJECT_MISMATCH', 'not for sample/stable'));
    }
  });

  test('has one document for each version', () => {
    const other = change(V2, { minSequence: 4 }, ['root', 'r2a', 'r2b']);
    expect(() => from(V1, V2, other)).toThrow(refused('FORK'));
    expect(() => walk(anchorTrust(V2), [other])).toThrow(refused('FORK'));
    expect(() => walk(from(V1, V2, V3), [other])).toThrow(refused('FORK', 'not the version 2'));
  });

  test('of which only the signatures differ is the same', () => {
    const resigned = signTrust(V2_DOCUMENT, ['root', 'r2b', 'r2c']);
    expect(from(V1, V2, resigned, V3).document.version).toBe(3);
  });

  test.each([
    ['revokes a key no longer', { revokedKeys: [idOf('release')] }, 'no longer revokes'],
    ['lowers the floor', { minSequence: 2 }, 'from 3 to 2'],
  ])('that %s is refused, whoever signs', (_, changes, message) => {
    const step = change(V3, changes, ['r2a', 'r2b', 'r3']);
    expect(() => from(V1, V2, step)).toThrow(refused('ROLLBACK', message));
  });

  test('that revokes a release no longer is refused', () => {
    const second = change(V2, { revokedReleases: [digestOfText('bad')] }, ['root', 'r2a', 'r2b']);
    expect(() => from(V1, second, V3)).toThrow(refused('ROLLBACK', 'no longer revokes sha256:'));
  });

  test('of a thousand and one documents is not looked at', () => {
    expect(() =>
      walk(
        anchorTrust(V1),
        Array.from({ length: 1001 }, () => V2),
      ),
    ).toThrow(refused('UNTRUSTED_SIGNER'));
  });

  test('goes on from what a state restored', () => {
    const restored = restoreTrust(V2.document, V2.digest, from(V1, V2).history);
    expect(walk(restored, [V1, V2, V3]).history).toHaveLength(3);
  });
});

/** What a walk over files accepts: the digests of the way, or undefined. Anything but a refusal is a bug. */
function accepted(files: readonly Uint8Array[]): readonly string[] | undefined {
  try {
    const [first, ...rest] = files.map((bytes, index) => parseTrustFile(bytes, `file ${index}`));
    return first && walk(anchorTrust(first), rest).history.map(({ digest }) => digest);
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

describe('no mutant is accepted', () => {
  const files = [V1, V2, V3].map(trustBytes);
  const way = [V1, V2, V3].map(({ digest }) => digest);

  test('the chain itself is', () => expect(accepted(files)).toEqual(way));

  test('with bytes changed, put in, taken out or repeated', () => {
    const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const mutation = fc.record({
      file: fc.nat({ max: 2 }),
      at: position,
      take: fc.nat({ max: 40 }),
      put: fc.uint8Array({ maxLength: 40 }),
      repeats: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const changed = files.map((bytes) => Buffer.from(bytes));
        for (const { file, at, take, put, repeats } of mutations) {
          const bytes = changed[file] ?? Buffer.alloc(0);
          const start = Math.floor(at * bytes.length);
          const middle = repeats ? bytes.subarray(start, start + take) : Buffer.from(put);
          const rest = bytes.subarray(repeats ? start : start + take);
          changed[file] = Buffer.concat([bytes.subarray(0, start), middle, rest]);
        }
        const isSame = changed.every((bytes, index) => bytes.equals(files[index] ?? Buffer.alloc(0)));
        expect(accepted(changed)).toEqual(isSame ? way : undefined);
      }),
      { numRuns: tries(150) },
    );
  });

  test('with a bit of one byte in many flipped, anywhere', () => {
    for (const [file, bytes] of files.entries()) {
      for (let at = file; at < bytes.length; at += stride(25)) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        const changed = files.with(file, flipped);
        expect(accepted(changed), `file ${file}, byte ${at}`).toBeUndefined();
      }
    }
  });

  test('with any field of a document changed under the old signatures', () => {
    const values = fc.oneof(fc.nat(), fc.string(), fc.constant(null), fc.constant([]), fc.constant({}), fc.boolean());
    const field = fc.constantFrom(...Object.keys(V2_DOCUMENT));
    fc.assert(
      fc.property(fc.nat({ max: 2 }), field, values, (index, name, value) => {
        const record = [V1, V2, V3][index] ?? V1;
        const payload = serializeCanonically({ ...record.document, [name]: value });
        const bytes = trustBytes({ ...record, envelope: { ...record.envelope, payload } });
        if (payload.equals(record.envelope.payload)) return;
        expect(accepted(files.with(index, bytes))).toBeUndefined();
      }),
      { numRuns: tries(100) },
    );
  });

  test('signed by any set of keys that is not enough of both sides', () => {
    const names = ['root', 'r2a', 'r2b', 'r2c', 'release', 'stranger', 'stolen'];
    const enough = (signers: readonly string[]): boolean =>
      signers.includes('root') &&
      signers.filter((name) => name.startsWith('r2')).length >= 2 &&
      signers.every((name) => name === 'root' || name.startsWith('r2'));
    fc.assert(
      fc.property(fc.subarray(names), (signers) => {
        const step = trustBytes(signTrust(V2_DOCUMENT, signers));
        const walked = accepted([files[0] ?? step, step]);
        expect(walked !== undefined).toBe(enough(signers));
      }),
      { numRuns: tries(64) },
    );
  });

  test('with documents left out, repeated or in any order: only a genuine beginning of the way', () => {
    const other = trustBytes(change(V2, { minSequence: 4 }, ['r2a', 'r2b', 'stranger']));
    const pool = [...files, other, trustBytes(change(V3, { version: 4 }, ['r3']))];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pool), { minLength: 1, maxLength: 6 }), (chosen) => {
        const walked = accepted([files[0] ?? other, ...chosen]);
        if (walked === undefined) return;
        const isForged = chosen.includes(other);
        expect(isForged).toBe(false);
        expect(allOf(walked.slice(0, 3), (digest, index) => digest === way[index])).toBe(true);
      }),
      { numRuns: tries(100) },
    );
  });

  test('with a signature of one document put on another', () => {
    const moved = { ...V2.envelope, signatures: new Map([...V2.envelope.signatures, ...V3.envelope.signatures]) };
    expect(accepted([files[0] ?? Buffer.alloc(0), trustBytes({ ...V2, envelope: moved })])).toBeUndefined();
    const attestation = seal(V2.envelope.payload, ['root', 'r2a', 'r2b'], 'application/vnd.in-toto+json');
    const relabelled = { ...V2.envelope, signatures: attestation.signatures };
    expect(accepted([files[0] ?? Buffer.alloc(0), trustBytes({ ...V2, envelope: relabelled })])).toBeUndefined();
  });
});
