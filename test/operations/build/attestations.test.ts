/** Statements of large releases: divided so that every verifier takes them, and judged as one. */
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { attestBuild, planProvenance, type StatementPlan } from '../../../src/operations/build/attestations.ts';
import { toInventory } from '../../../src/archive/inventory/from-lock.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { generateKeyPair } from '../../../src/trust/keys/public-key.ts';
import { evaluateProvenance, type FilledSlot, type ProvenancePolicy, type ProvenanceVerdict } from '../../../src/trust/provenance/evaluate-provenance.ts'; // prettier-ignore
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { parseStatement, serializeStatement, STATEMENT_PAYLOAD_TYPE } from '../../../src/trust/provenance/statement.ts';

const IMAGES = 2_100;
const CHECKSUMS = Buffer.from('the checksums\n');
const MIB = 1024 * 1024;
const LONG_URI = `https://ci.example/${'x'.repeat(480)}`;
const alice = generateKeyPair('ed25519');
const bob = generateKeyPair('ecdsa-p256');

/** Names of the greatest length; two tags of one image are one subject. */
function makeLock(images: number, files = 0): ReleaseLock {
  const name = (index: number): string =>
    `registry.example:5000/${'a'.repeat(150)}/image-${String(index).padStart(5, '0')}`;
  const entries = Array.from({ length: images }, (_, index) => ({
    reference: `${name(index)}:1.0`,
    digest: sha256(String(index)),
  }));
  return {
    lockVersion: 1,
    name: 'large',
    version: '1.0.0',
    channel: 'stable',
    created: '2026-01-31T12:00:00Z',
    platforms: ['linux/amd64'],
    specDigest: sha256('spec'),
    components: [],
    files: Array.from({ length: files }, (_, index) => ({
      path: `docs/${'d'.repeat(200)}/${index}.txt`,
      from: 'docs',
      kind: 'doc' as const,
      size: 1,
      digest: sha256('file'),
    })),
    images: [...entries, { reference: `${name(0)}:latest`, digest: sha256('0') }],
    manifests: [],
    blobs: [],
  };
}

const lock = makeLock(IMAGES, 50);
let plans: readonly StatementPlan[];
let inventory: Inventory;
let slots: FilledSlot[];
let others: FilledSlot[];

async function attest(pair: typeof alice, builderId: string, invocationId?: string): Promise<FilledSlot[]> {
  const facts = { builderId, invocationId, source: { repository: LONG_URI, commit: 'a'.repeat(64) } };
  const request = { lock, inventory, plans, toolVersion: '1.2.3', facts, startedOn: new Date(0) };
  const bundles = await attestBuild(request, CHECKSUMS, createKeySigner(pair.privateKey));
  return bundles.map((bytes, index) => ({ place: `attestations/${index + 1}.sigstore.json`, bytes }));
}

const judge = (given: readonly FilledSlot[], policy: Partial<ProvenancePolicy> = {}): ProvenanceVerdict =>
  evaluateProvenance(given, inventory, sha256(CHECKSUMS), { keys: [alice.publicKey], threshold: 0, ...policy });
const refusal = (code: string, message: string): unknown => expect.objectContaining({ code, message: expect.stringContaining(message) as string }); // prettier-ignore

beforeAll(async () => {
  plans = planProvenance(lock);
  inventory = toInventory(
    lock,
    [],
    plans.map(({ slotSize }) => slotSize),
  );
  slots = await attest(alice, 'https://a.example/', LONG_URI);
  others = await attest(bob, 'https://b.example/');
});

it('has, in its archive, room for four signatures of any kind, and for each of its statements', () => {
  const signatures = [1, 2, 3, 4].map((number) => ({ path: `signatures/${number}.sigstore.json`, size: 16 * 1024 }));
  const statements = plans.map(({ slotSize }, index) => ({ path: `attestations/${index + 1}.sigstore.json`, size: slotSize })); // prettier-ignore
  expect(inventory.slots).toEqual([...signatures, ...statements]);
});

describe('a release of more images than a statement takes', () => {
  it('is divided, and each statement fits its slot with the longest texts', () => {
    expect(plans.length).toBe(3);
    for (const { slotSize } of plans) expect(slotSize).toBeLessThanOrEqual(MIB);
    const sizes = slots.map(({ bytes }) => bytes.length);
    sizes.forEach((size, index) => expect(size).toBeLessThan((plans[index]?.slotSize ?? 0) - 1024));
    const subjects = slots.map(({ bytes }) => {
      const { dsseEnvelope } = JSON.parse(Buffer.from(bytes).toString()) as { dsseEnvelope: { payload: string } };
      const payload = Buffer.from(dsseEnvelope.payload, 'base64');
      return parseStatement(STATEMENT_PAYLOAD_TYPE, payload, 'it').subject;
    });
    for (const [first] of subjects) expect(first?.name).toBe('checksums.txt');
    for (const each of subjects) expect(each.length).toBeLessThanOrEqual(1024);
    expect(subjects.flat().length).toBe(IMAGES + subjects.length);
  });

  it('fills each statement before it begins another, which has the checksums as a subject too', () => {
    const subjectsOf = (count: number): readonly number[] => {
      const images = Array.from({ length: count }, (_, n) => ({
        reference: `r.example/${n}:1`,
        digest: sha256(`${n}`),
      }));
      return planProvenance({ ...makeLock(0), images }).map(({ subjects }) => subjects.length);
    };
    expect(subjectsOf(2 * 1023)).toEqual([1023, 1023]);
    expect(subjectsOf(2 * 1023 + 1)).toEqual([1023, 1023, 1]);
  });

  it('says in each which run it was, and when that began, where there is a run to name', () => {
    const runOf = ({ bytes }: FilledSlot): unknown => {
      const { dsseEnvelope } = JSON.parse(Buffer.from(bytes).toString()) as { dsseEnvelope: { payload: string } };
      const statement = parseStatement(STATEMENT_PAYLOAD_TYPE, Buffer.from(dsseEnvelope.payload, 'base64'), 'it');
      return statement.predicate.runDetails.metadata;
    };
    const run = { invocationId: LONG_URI, startedOn: '1970-01-01T00:00:00Z', finishedOn: expect.any(String) as string };
    expect(slots.map(runOf)).toEqual(plans.map(() => run));
    expect(others.map(runOf)).toEqual(plans.map(() => undefined));
  });

  it('is judged over all statements together', () => {
    expect(judge(slots).accepted).toMatchObject([{ builderId: 'https://a.example/', toolVersion: '1.2.3' }]);
    expect(() => judge(slots.slice(1))).toThrow(refusal('SUBJECT_MISMATCH', 'is not about the image'));
    expect(() => judge([...slots, ...slots.slice(0, 1)])).toThrow(refusal('SUBJECT_MISMATCH', 'named before'));
  });

  it('may not say two things', async () => {
    const mixed = [...slots.slice(0, 2), ...(await attest(alice, 'https://other.example/', LONG_URI)).slice(2)];
    expect(() => judge(mixed)).toThrow(refusal('SUBJECT_MISMATCH', 'how the archive was built'));
  });

  it('is held to its limits before anything is built', () => {
    expect(() => planProvenance(makeLock(12_300))).toThrow(refusal('UNSUPPORTED', '12301 images'));
    const small = planProvenance(makeLock(1));
    expect(small.map(({ slotSize }) => slotSize)).toEqual([23 * 1024]);
  });
});

describe('who states it', () => {
  it('is told apart', () => {
    const both = judge([...slots, ...others]);
    expect(both.accepted.map(({ builderId }) => builderId)).toEqual(['https://a.example/']);
    expect(both.unchecked.map(({ builderId }) => builderId)).toEqual(['https://b.example/']);
    const keys = [alice.publicKey, bob.publicKey];
    expect(judge([...slots, ...others], { keys }).accepted.length).toBe(2);
  });

  it('counts by distinct keys', () => {
    const all = [...slots, ...others];
    const keys = [alice.publicKey, bob.publicKey];
    expect(judge(all, { keys, threshold: 2 }).accepted.length).toBe(2);
    expect(() => judge(slots, { keys, threshold: 2 })).toThrow(refusal('UNTRUSTED_SIGNER', '1 of 2'));
    expect(() => judge(all, { keys: [alice.publicKey, alice.publicKey], threshold: 2 })).toThrow(refusal('UNTRUSTED_SIGNER', '1 of 2')); // prettier-ignore
    expect(() => judge([], { threshold: 1 })).toThrow(refusal('UNSIGNED', 'has none'));
  });

  it('has to be the builder and the source that are demanded, in one statement', () => {
    const keys = [alice.publicKey, bob.publicKey];
    const demand = { builderId: 'https://b.example/', sourceRepository: LONG_URI };
    expect(judge([...slots, ...others], { keys, demand }).accepted.length).toBe(2);
    expect(() => judge([...slots, ...others], { demand })).toThrow(refusal('SUBJECT_MISMATCH', 'https://a.example/'));
    expect(() => judge([...slots, ...others], { keys, demand, threshold: 2 })).toThrow(refusal('SUBJECT_MISMATCH', 'by https://a.example/')); // prettier-ignore
    expect(() => judge(others, { demand })).toThrow(refusal('UNTRUSTED_SIGNER', '0 of 1'));
  });

  it('cannot say it for another archive', () => {
    const other: Digest = sha256('other');
    const policy = { keys: [], threshold: 0 };
    // Not even a stranger, whose word counts for nothing.
    expect(() => evaluateProvenance(slots, inventory, other, policy)).toThrow(
      refusal('SUBJECT_MISMATCH', 'another archive'),
    );
  });
});

describe('the spelling of a statement', () => {
  const payloadOf = (slot: FilledSlot | undefined): string => {
    const text = Buffer.from(slot?.bytes ?? []).toString();
    return Buffer.from((JSON.parse(text) as { dsseEnvelope: { payload: string } }).dsseEnvelope.payload, 'base64').toString(); // prettier-ignore
  };
  it.each<[string, (text: string) => string]>([
    ['white space', (text) => ` ${text}`],
    ['a key twice', (text) => text.replace('"predicate":', '"subject":[],"predicate":')],
    ['an escaped letter', (text) => text.replace('checksums', '\\u0063hecksums')],
    ['a second document', (text) => `${text}{}`],
    ['__proto__', (text) => text.replace('{', '{"__proto__":{},')],
    ['an unknown field', (text) => text.replace('"internalParameters":{', '"internalParameters":{"x":1,')],
    ['no subject', (text) => text.replace(/"subject":\[.*?\],"pred/, '"subject":[],"pred')],
    [
      'a day that does not exist',
      (text) =>
        text.replace(
          /("builder":\{[^}]*\})(,"metadata":\{[^}]*\})?/,
          '$1,"metadata":{"invocationId":"https://a.example/1","startedOn":"2026-02-30T00:00:00Z","finishedOn":"2026-03-01T00:00:00Z"}',
        ),
    ],
    ['another build type', (text) => text.replace('build-types/archive/v1', 'build-types/archive/v2')],
  ])('refuses %s', (_name, change) => {
    const text = payloadOf(others[0]);
    expect(change(text)).not.toBe(text);
    expect(() => parseStatement(STATEMENT_PAYLOAD_TYPE, Buffer.from(change(text)), 'it')).toThrow(refusal('SIGNATURE_INVALID', 'it ')); // prettier-ignore
    expect(serializeStatement(parseStatement(STATEMENT_PAYLOAD_TYPE, Buffer.from(text), 'it')).toString()).toBe(text);
  });
});

it.each([
  ['nothing', undefined],
  ['a repository', { repository: 'https://git.example/a' }],
  ['a repository and a commit', { repository: 'https://git.example/a', commit: 'c'.repeat(40) }],
])('a build from %s names that as its source, and as what it depends on', async (_, source) => {
  const small = makeLock(1);
  const smallPlans = planProvenance(small);
  const request = {
    lock: small,
    inventory: toInventory(small, [], smallPlans.map(({ slotSize }) => slotSize)), // prettier-ignore
    plans: smallPlans,
    toolVersion: '1.2.3',
    facts: { source } as Parameters<typeof attestBuild>[0]['facts'],
    startedOn: new Date(0),
  };
  const [bundle] = await attestBuild(request, CHECKSUMS, createKeySigner(alice.privateKey));
  const { dsseEnvelope } = JSON.parse(String(bundle)) as { dsseEnvelope: { payload: string } };
  const { predicate } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString()) as {
    predicate: {
      buildDefinition: { externalParameters: object; resolvedDependencies: { uri: string; digest?: object }[] };
    };
  };
  const { externalParameters, resolvedDependencies } = predicate.buildDefinition;
  if (source === undefined) expect(externalParameters).not.toHaveProperty('source');
  else expect(externalParameters).toMatchObject({ source });
  const own = resolvedDependencies.filter(({ uri }) => uri.startsWith('https://git.example/'));
  const digest = source !== undefined && 'commit' in source ? { digest: { gitCommit: source.commit } } : {};
  expect(own).toEqual(source === undefined ? [] : [{ uri: source.repository, ...digest }]);
});
