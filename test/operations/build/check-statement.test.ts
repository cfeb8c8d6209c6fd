/** The statement that a release was checked is about its archive and the report in it, or refuses the archive. */
import { expect, test } from 'vitest';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { attestCheck } from '../../../src/operations/build/attestations.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { generateKeyPair } from '../../../src/trust/keys/public-key.ts';
import {
  CheckStatement,
  createCheckStatement,
  type CheckPredicate,
} from '../../../src/trust/provenance/check-statement.ts';
import { evaluateProvenance, type ProvenanceVerdict } from '../../../src/trust/provenance/evaluate-provenance.ts';
import { STATEMENT_PAYLOAD_TYPE } from '../../../src/trust/provenance/statement.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';

const CHECKSUMS = Buffer.from('the checksums\n');
const PATH = 'compliance/demo-1.0.0.check.json';
const REPORT = sha256('the report');
const alice = generateKeyPair('ed25519');
const bob = generateKeyPair('ed25519');
const signer = createKeySigner(alice.privateKey);
const inventory = {
  ...{ formatVersion: 1, name: 'demo', version: '1.0.0', channel: 'stable', created: '2026-01-31T12:00:00Z' },
  ...{ platforms: [], components: [], slots: [], images: [], manifests: [], blobs: [] },
  files: [{ path: PATH, size: 10, digest: REPORT }],
} as unknown as Inventory;
const PREDICATE: CheckPredicate = {
  verdict: 'pass',
  checkedAt: '2026-01-31T12:00:00Z',
  toolVersion: '0.1.0',
  profiles: ['general'],
  counts: { pass: 28, fail: 0, excepted: 0, notApplicable: 1 },
};

function evaluate(bytes: Uint8Array, keys = [alice.publicKey], release = inventory): ProvenanceVerdict {
  const slots = [{ place: 'attestations/1.sigstore.json', bytes }];
  return evaluateProvenance(slots, release, sha256(CHECKSUMS), { keys, threshold: 0 });
}

function sign(...files: readonly (readonly [path: string, digest: Digest])[]): Promise<Uint8Array> {
  const subjects = files.map(([path, digest]) => ({ path, digest }));
  return signText(JSON.stringify(createCheckStatement(subjects, PREDICATE)));
}

function signText(text: string): Promise<Uint8Array> {
  return Promise.resolve(signer.attest(Buffer.from(text), STATEMENT_PAYLOAD_TYPE));
}

const ARCHIVE = ['checksums.txt', sha256(CHECKSUMS)] as const;

test('of a trusted signer it is accepted, of another it is named and not verified, and it is no provenance', async () => {
  const bundle = await attestCheck(PREDICATE, inventory, CHECKSUMS, signer);
  expect(evaluate(bundle)).toMatchObject({
    accepted: [],
    unchecked: [],
    checks: { accepted: [PREDICATE], unchecked: [] },
  });
  expect(evaluate(bundle, [bob.publicKey])).toMatchObject({
    accepted: [],
    checks: { accepted: [], unchecked: [PREDICATE] },
  });
  const required = { keys: [alice.publicKey], threshold: 1 };
  const slots = [{ place: 'attestations/1.sigstore.json', bytes: bundle }];
  expect(() => evaluateProvenance(slots, inventory, sha256(CHECKSUMS), required)).toThrow('provenance is required');
});

test.each<[what: string, files: readonly (readonly [string, Digest])[], message: string]>([
  [
    'another archive',
    [
      ['checksums.txt', sha256('other')],
      [PATH, REPORT],
    ],
    'is about another archive',
  ],
  ['the report alone', [[PATH, REPORT]], 'is about another archive'],
  ['the archive alone', [ARCHIVE], `is not about ${PATH}`],
  ['another report', [ARCHIVE, [PATH, sha256('other')]], `is not about ${PATH}`],
  ['a report by another name', [ARCHIVE, ['check.json', REPORT]], `is not about ${PATH}`],
  ['something besides', [ARCHIVE, [PATH, REPORT], ['more', REPORT]], `is not about ${PATH}`],
])('about %s it refuses the archive, whoever signed it', async (_, files, message) => {
  const bundle = await sign(...files);
  const refusal: unknown = expect.objectContaining({ code: 'SUBJECT_MISMATCH', message: expect.stringContaining(message) as string }); // prettier-ignore
  for (const keys of [[alice.publicKey], [bob.publicKey]]) expect(() => evaluate(bundle, keys)).toThrow(refusal);
});

test('without the report in the archive it refuses it', async () => {
  const bundle = await sign(ARCHIVE, [PATH, REPORT]);
  expect(() => evaluate(bundle, [alice.publicKey], { ...inventory, files: [] })).toThrow('does not carry');
});

test.each<[what: string, change: (text: string) => string]>([
  ['a space', (text) => text.replace(':', ': ')],
  ['a key twice', (text) => text.replace('"verdict":"pass"', '"verdict":"fail","verdict":"pass"')],
  ['a verdict that is none', (text) => text.replace('"pass"', '"good"')],
  ['a field more', (text) => text.replace('"counts"', '"comment":"fine","counts"')],
  ['a time that is none', (text) => text.replace('2026-01-31', '2026-02-31')],
  ['a negative count', (text) => text.replace('"fail":0', '"fail":-1')],
])('with %s it is refused', async (_, change) => {
  const text = JSON.stringify(createCheckStatement([{ path: ARCHIVE[0], digest: ARCHIVE[1] }, { path: PATH, digest: REPORT }], PREDICATE)); // prettier-ignore
  expect(CheckStatement.safeParse(JSON.parse(text)).success).toBe(true);
  expect(change(text)).not.toBe(text);
  const bundle = await signText(change(text));
  expect(() => evaluate(bundle)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID' }) as unknown);
});
