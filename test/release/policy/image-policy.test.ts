/** Whether a release's images are signed as its policy demands: what passes, what does not, and what attackers leave beside an image. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KnownSource } from '../../../src/content/known-source.ts';
import type { Bytes } from '../../../src/base/bytes.ts';
import type { FetchOptions, Source } from '../../../src/content/store.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { AirgapError, exitCodeOf, RegistryError } from '../../../src/errors.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { nameSignedBy } from '../../../src/release/policy/image-signers.ts';
import { assertLockedPolicy } from '../../../src/release/policy/locked-policy.ts';
import { resolveRelease, type ResolvedRelease, type ResolveOptions } from '../../../src/operations/resolve/resolve.ts';
import { formatLock, parseLock } from '../../../src/release/lock/lock.ts';
import { loadSpec } from '../../../src/release/spec/spec.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { generateKeyPair, keyId, toPublicKeyPem } from '../../../src/trust/keys/public-key.ts';
import { processorTimeOf } from '../../helpers/processor-time.ts';
import { contentOf, makeMultiPlatformImage, type SampleNode } from '../../helpers/sample-image.ts';
import {
  BUNDLE,
  makeBundleManifest,
  makePayload,
  makeSignatureBundle,
  makeSignatureLayer,
  makeSignatureManifest,
  makeSignStatement,
  signatureTag,
  signBytes,
  signSimply,
  signSimplyBy,
} from '../../helpers/signed-image.ts';
import { ISSUER, startSigningServices, WORKFLOW } from '../../helpers/signing-services.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const acme = generateKeyPair('ecdsa-p256');
const second = generateKeyPair('ed25519');
const stranger = generateKeyPair('ecdsa-p256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const app = makeMultiPlatformImage({ name: 'app' });
const web = makeMultiPlatformImage({ name: 'web' });
const APP = 'ghcr.io/acme/app:1.0';
const WEB = 'ghcr.io/acme/web:1.0';
const digestOf = ({ descriptor }: SampleNode): Digest => descriptor.digest;

/** A repository that can lose, change or refuse what it holds. */
class Repository extends MemoryStore {
  readonly faults = new Map<Digest, Error | Buffer>();
  readonly fetched: Digest[] = [];

  async put(node: SampleNode, tag?: string): Promise<void> {
    for (const { descriptor, bytes } of contentOf(node).values()) await this.push(descriptor, bytesOf(bytes));
    if (tag !== undefined) await this.tag(node.descriptor, tag);
  }
  override async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
    this.fetched.push(target.digest);
    const fault = this.faults.get(target.digest);
    if (fault instanceof Error) throw fault;
    yield* fault === undefined ? super.fetch(target, options) : bytesOf(fault);
  }
}

/** The repositories of a test, by `registry/repository`. */
async function makeRepositories(
  images: Readonly<Record<string, SampleNode>> = { [APP]: app },
): Promise<Map<string, Repository>> {
  const repositories = new Map<string, Repository>();
  for (const [reference, node] of Object.entries(images)) {
    const [name = '', tag] = reference.split(/:(?=[^/]*$)/);
    const repository = repositories.get(name) ?? new Repository(name);
    repositories.set(name, repository);
    await repository.put(node, tag);
  }
  return repositories;
}

const ACME_POLICY = `
  - match: ghcr.io/acme/*
    signedBy: [{ key: keys/acme.pub }]`;
let count = 0;

interface Resolving extends ResolveOptions {
  readonly policy?: string;
  readonly previous?: ReleaseLock | undefined;
  readonly extra?: string;
}

/** Writes a release and resolves it. */
async function resolve(
  repositories: ReadonlyMap<string, Source>,
  { policy = ACME_POLICY, previous, extra = '', ...options }: Resolving = {},
): Promise<ResolvedRelease & { directory: string }> {
  const directory = temp.join(`release-${(count += 1)}`);
  await mkdir(`${directory}/keys`, { recursive: true });
  const keys = { acme, second, stranger };
  for (const [name, { publicKey }] of Object.entries(keys)) {
    await writeFile(`${directory}/keys/${name}.pub`, toPublicKeyPem(publicKey));
  }
  await writeFile(`${directory}/keys/rsa.pub`, rsa.export({ type: 'spki', format: 'pem' }));
  const images = [...repositories.keys()].map((name) => `${name}:1.0`);
  const text = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: signed
version: 1.0.0
created: 2026-01-31T12:00:00Z
platforms: all
${extra}
${policy === '' ? '' : `imagePolicy:${policy}`}
components:
  - name: core
    images: [${images.join(', ')}]
`;
  await writeFile(`${directory}/release.yaml`, text);
  const resolved = await resolveRelease(
    {
      spec: await loadSpec(`${directory}/release.yaml`),
      directory,
      specDigest: sha256(text),
      previous,
      now: new Date(),
      openImage: ({ registry, repository }) => repositories.get(`${registry}/${repository}`) as Source,
      readAddress: () => expect.fail('no address is read'),
    },
    options,
  );
  return { ...resolved, directory };
}

async function failureOf(attempt: Promise<unknown>): Promise<AirgapError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AirgapError);
  return error as AirgapError;
}

const bundleOf = (image: SampleNode, key = acme.privateKey, predicate?: string): Buffer =>
  makeSignatureBundle(makeSignStatement(digestOf(image), predicate), key);

describe('an image is signed', () => {
  it.each([
    ['under the tag of cosign', makeSignatureManifest([signSimply(digestOf(app), acme.privateKey)]), true],
    ['by the same as a referrer', makeSignatureManifest([signSimply(digestOf(app), acme.privateKey)], app), false],
    ['by a bundle', makeBundleManifest(bundleOf(app), app), false],
    ['by a bundle without a label', makeBundleManifest(bundleOf(app), app, ''), false],
    [
      'beside signatures of strangers',
      makeSignatureManifest([
        signSimply(digestOf(app), stranger.privateKey),
        signSimply(digestOf(web), acme.privateKey),
        makeSignatureLayer(makePayload(digestOf(app)), 'A'.repeat(3_000_000)),
        makeSignatureLayer(Buffer.from('{"critical":'), 'AAAA'),
        signSimply(digestOf(app), acme.privateKey),
      ]),
      true,
    ],
  ])('%s', async (_, signature, isTagged) => {
    const repositories = await makeRepositories();
    await repositories.get('ghcr.io/acme/app')?.put(signature, isTagged ? signatureTag(digestOf(app)) : undefined);
    const { lock, unusedRules, directory } = await resolve(repositories);
    expect(unusedRules).toEqual([]);
    const { keyId: id } = { keyId: keyId(acme.publicKey) };
    expect(lock.imagePolicy).toEqual([
      { match: 'ghcr.io/acme/*', signedBy: [{ key: 'keys/acme.pub', keyId: id }], threshold: 1 },
    ]);
    expect(lock.signedImages).toEqual([
      {
        reference: APP,
        digest: digestOf(app),
        match: 'ghcr.io/acme/*',
        signatures: [
          {
            key: 'keys/acme.pub',
            keyId: id,
            evidence: digestOf(signature),
            content: signature.blobs.at(-1)?.descriptor.digest,
          },
        ],
      },
    ]);
    expect(parseLock(formatLock(lock), 'lock')).toEqual(lock);
    const place = { path: 'lock', directory, sourceOf: () => repositories.get('ghcr.io/acme/app') as Repository };
    await expect(assertLockedPolicy(lock, place)).resolves.toBeUndefined();
    await resolve(repositories, { previous: parseLock(formatLock(lock), 'lock'), locked: true });
  });

  it('by as many different keys as are wanted, however often each signed', async () => {
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    const policy = `
  - match: ghcr.io/acme/*
    threshold: 2
    signedBy: [{ key: keys/acme.pub }, { key: keys/second.pub }, { key: keys/stranger.pub }]`;
    const twice = [signSimply(digestOf(app), acme.privateKey), signSimply(digestOf(app), acme.privateKey)];
    await store.put(makeSignatureManifest(twice), signatureTag(digestOf(app)));
    const refused = await failureOf(resolve(repositories, { policy }));
    expect([refused.code, exitCodeOf(refused)]).toEqual(['UNTRUSTED_SIGNER', 3]);
    expect(refused.message).toContain('is signed by keys/acme.pub alone; ghcr.io/acme/* needs 2 signatures by');
    await store.put(makeBundleManifest(bundleOf(app, second.privateKey), app));
    const { lock } = await resolve(repositories, { policy });
    const keys = lock.signedImages?.[0]?.signatures.map(nameSignedBy).sort();
    expect(keys).toEqual(['keys/acme.pub', 'keys/second.pub']);
  });
});

describe('an image is refused', () => {
  it.each<[string, SampleNode, string | undefined, string, string]>([
    [
      'with a signature of another image, moved here',
      makeSignatureManifest([signSimply(digestOf(web), acme.privateKey)]),
      signatureTag(digestOf(app)),
      'UNTRUSTED_SIGNER',
      `is over another image, "${digestOf(web)}"`,
    ],
    [
      'with a bundle over another image, moved here',
      makeBundleManifest(bundleOf(web), app),
      undefined,
      'UNTRUSTED_SIGNER',
      `is over another image`,
    ],
    [
      'with the signature of another payload beside a payload over it',
      makeSignatureManifest([
        makeSignatureLayer(
          makePayload(digestOf(app)),
          signBytes(makePayload(digestOf(web)), acme.privateKey).toString('base64'),
        ),
      ]),
      signatureTag(digestOf(app)),
      'UNTRUSTED_SIGNER',
      'is by none of the keys that count',
    ],
    [
      'with an attestation',
      makeBundleManifest(
        bundleOf(app, acme.privateKey, 'https://slsa.dev/provenance/v1'),
        app,
        'https://slsa.dev/provenance/v1',
      ),
      undefined,
      'UNSIGNED',
      'is unsigned',
    ],
    [
      'with an attestation that is labelled as a signature',
      makeBundleManifest(bundleOf(app, acme.privateKey, 'https://slsa.dev/provenance/v1'), app),
      undefined,
      'UNTRUSTED_SIGNER',
      'is an attestation ("https://slsa.dev/provenance/v1"), not a signature',
    ],
    [
      'with a signature by a stranger, who is named',
      makeBundleManifest(bundleOf(app, stranger.privateKey), app),
      undefined,
      'UNTRUSTED_SIGNER',
      `is by none of the keys that count; it names key ${keyId(stranger.publicKey)}`,
    ],
    [
      'with a signature under the tag for attestations',
      makeSignatureManifest([signSimply(digestOf(app), acme.privateKey)]),
      signatureTag(digestOf(app)).replace('.sig', '.att'),
      'UNSIGNED',
      'is unsigned',
    ],
    [
      'with a signature of a child alone',
      makeSignatureManifest([signSimply(digestOf(app.children[0] as SampleNode), acme.privateKey)]),
      signatureTag(digestOf(app.children[0] as SampleNode)),
      'UNSIGNED',
      'is unsigned',
    ],
    [
      'with a signature larger than one can be',
      makeBundleManifest(Buffer.concat([bundleOf(app), Buffer.alloc(600_000, ' ')]), app),
      undefined,
      'UNTRUSTED_SIGNER',
      'over the size limit of a signature',
    ],
  ])('%s', async (_, evidence, tag, code, message) => {
    const repositories = await makeRepositories();
    await repositories.get('ghcr.io/acme/app')?.put(evidence, tag);
    const refused = await failureOf(resolve(repositories));
    expect([refused.code, exitCodeOf(refused)]).toEqual([code, 3]);
    expect(refused.message).toContain(`${APP} (${digestOf(app)})`);
    expect(refused.message).toContain(message);
    expect(refused.message).toContain(`needs one by keys/acme.pub (${keyId(acme.publicKey)})`);
    expect(refused.hint).toContain('cosign sign');
  });

  it('together with all others that are, in one message', async () => {
    const repositories = await makeRepositories({
      [APP]: app,
      [WEB]: web,
      'docker.io/library/busybox:1.0': makeMultiPlatformImage({ name: 'busybox' }),
      'quay.io/free/tool:1.0': makeMultiPlatformImage({ name: 'tool' }),
    });
    const store = repositories.get('ghcr.io/acme/web') as Repository;
    await store.put(makeBundleManifest(bundleOf(web, stranger.privateKey), web));
    const policy = `${ACME_POLICY}
  - match: quay.io/free/*
    unsigned: allowed`;
    const refused = await failureOf(resolve(repositories, { policy }));
    expect(refused.code).toBe('UNTRUSTED_SIGNER');
    expect(refused.message).toMatch(/^3 image\(s\) are not signed as imagePolicy demands:/);
    expect(refused.message).toMatch(/ghcr\.io\/acme\/app:1\.0 \(sha256:[a-f0-9]{64}\) is unsigned; ghcr/);
    expect(refused.message).toMatch(/ghcr\.io\/acme\/web:1\.0 \(sha256:[a-f0-9]{64}\) has no signature that counts; /);
    expect(refused.message).toMatch(/docker\.io\/library\/busybox:1\.0 \(sha256:.*\) matches no entry/);
    expect(refused.message).not.toContain('quay.io/free/tool');
    expect(refused.hint).toContain('add an entry that matches');
  });

  it('where a host only looks like the one of the policy', async () => {
    const repositories = await makeRepositories({ 'ghcr.io.evil.com/acme/app:1.0': app });
    const store = repositories.get('ghcr.io.evil.com/acme/app') as Repository;
    await store.put(makeSignatureManifest([signSimply(digestOf(app), acme.privateKey)]), signatureTag(digestOf(app)));
    expect((await failureOf(resolve(repositories))).message).toContain('matches no entry');
  });

  it('when it comes from where there are no signatures', async () => {
    const repositories: Map<string, Source> = new Map(await makeRepositories());
    const engine = new KnownSource(repositories.get('ghcr.io/acme/app') as Repository, new Map());
    repositories.set('ghcr.io/acme/app', engine);
    expect((await failureOf(resolve(repositories))).message).toContain('comes from a place that keeps no signatures');
  });
});

describe('what an attacker puts beside an image does not hide the signature that counts', () => {
  it.each([
    ['something huge that passes for a bundle', makeBundleManifest(Buffer.alloc(70_000_000, ' '), app)],
    [
      'a hundred things that are too large',
      ...Array.from({ length: 100 }, (_, index) => makeBundleManifest(Buffer.alloc(600_000, String(index)), app)),
    ],
  ])('%s', async (_, ...evidence) => {
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    for (const each of evidence) await store.put(each);
    await store.put(makeBundleManifest(bundleOf(app), app));
    expect((await resolve(repositories)).lock.signedImages).toHaveLength(1);
  });

  it('a copy of it with another certificate', async () => {
    await using services = await startSigningServices();
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    const good = await signSimplyBy(services, digestOf(app));
    const { annotations = {} } = good.descriptor;
    const certificate = 'dev.sigstore.cosign/certificate';
    const bad = { ...good, descriptor: { ...good.descriptor, annotations: { ...annotations, [certificate]: 'x' } } };
    await store.put(makeSignatureManifest([bad, good]), signatureTag(digestOf(app)));
    const policy = `
  - match: '*'
    signedBy: [{ issuer: ${ISSUER}, subject: ${WORKFLOW}, trustedRoot: keys/root.json }]`;
    await mkdir(temp.join(`release-${count + 1}`, 'keys'), { recursive: true });
    await writeFile(temp.join(`release-${count + 1}`, 'keys', 'root.json'), JSON.stringify(services.trustedRoot));
    const { lock } = await resolve(repositories, { policy });
    expect(lock.signedImages?.[0]?.signatures).toEqual([
      expect.objectContaining({ issuer: ISSUER, subject: WORKFLOW }),
    ]);
    expect(parseLock(formatLock(lock), 'lock')).toEqual(lock);
  });
});

describe('of many signatures', () => {
  /** A layer each, over one payload: an attacker's signatures are cheap. */
  const foreign = (number: number): ReturnType<typeof makeSignatureLayer>[] => {
    const payload = makePayload(digestOf(app));
    return Array.from({ length: number }, (_, index) =>
      makeSignatureLayer(payload, Buffer.from(`stranger ${index}`).toString('base64')),
    );
  };

  it.each([
    ['the good one is found among 999 others', 999, undefined],
    ['10,000 are not looked at', 9_999, 'and the rest is not read: more than 1000 signatures'],
  ])('%s', async (_, others, fault) => {
    const repositories = await makeRepositories();
    const layers = [...foreign(others), signSimply(digestOf(app), acme.privateKey)];
    await repositories.get('ghcr.io/acme/app')?.put(makeSignatureManifest(layers), signatureTag(digestOf(app)));
    const time = await processorTimeOf(async () => {
      if (fault === undefined) {
        expect((await resolve(repositories)).lock.signedImages).toHaveLength(1);
      } else {
        const refused = await failureOf(resolve(repositories));
        expect(refused.message).toContain('and 996 more');
        expect(refused.message.length).toBeLessThan(2_000);
      }
    });
    expect(time).toBeLessThan(10_000);
  });
});

describe('a request that fails is no absent signature', () => {
  const broken = new RegistryError('answered 503', {
    method: 'GET',
    url: 'http://x',
    status: 503,
    errors: [],
    retryable: true,
  });
  const layer = signSimply(digestOf(app), acme.privateKey);
  const manifest = makeSignatureManifest([layer]);

  it.each([
    ['the payload is not to be had', layer.descriptor.digest, broken, 'REGISTRY'],
    ['the manifest of the signature is not to be had', digestOf(manifest), broken, 'REGISTRY'],
    [
      'the payload does not match its descriptor',
      layer.descriptor.digest,
      makePayload(digestOf(web)),
      'DIGEST_MISMATCH',
    ],
    ['the payload is cut', layer.descriptor.digest, Buffer.from('{}'), 'SIZE_MISMATCH'],
  ])('%s', async (_, digest, fault, code) => {
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    await store.put(manifest, signatureTag(digestOf(app)));
    const { lock } = await resolve(repositories);
    store.faults.set(digest, fault);
    const { code: found, message } = await failureOf(resolve(repositories, { previous: lock }));
    expect([found, message]).toEqual([code, expect.stringMatching(/^signatures of ghcr\.io\/acme\/app:1\.0: /)]);
    store.faults.clear();
    await resolve(repositories, { previous: lock, locked: true });
  });
});

describe('a policy', () => {
  it('leaves a release without one as it was, whatever is signed', async () => {
    const repositories = await makeRepositories();
    const { lock } = await resolve(repositories, { policy: '' });
    expect(Object.keys(lock)).not.toContain('imagePolicy');
    expect(formatLock(lock)).not.toMatch(/imagePolicy|signedImages/);
  });

  it('names the entries that decide about nothing', async () => {
    const repositories = await makeRepositories();
    const policy = `
  - match: ghcr.io/acme/*
    unsigned: allowed
  - match: ghcr.io/acme/app
    signedBy: [{ key: keys/acme.pub }]
  - match: ghcr.io/acmee/*
    signedBy: [{ key: keys/acme.pub }]`;
    const { unusedRules, lock } = await resolve(repositories, { policy });
    expect(unusedRules).toEqual(['ghcr.io/acme/app', 'ghcr.io/acmee/*']);
    expect(lock.signedImages).toEqual([]);
  });

  it('names the place of a key that is none, of another kind, or the same as another', async () => {
    const repositories = await makeRepositories();
    const withKey = (key: string): string => ACME_POLICY.replace('keys/acme.pub', key);
    const ofOtherKind = await failureOf(resolve(repositories, { policy: withKey('keys/rsa.pub') }));
    expect([ofOtherKind.code, exitCodeOf(ofOtherKind)]).toEqual(['USAGE', 2]);
    expect(ofOtherKind.message).toMatch(
      /release\.yaml:10:16: keys\/rsa\.pub is of kind rsa; only ECDSA P-256 and Ed25519/,
    );
    const none = await failureOf(resolve(repositories, { policy: withKey('release.yaml') }));
    expect(none.message).toMatch(/release\.yaml:10:16: release\.yaml is not a PEM file/);
    const twice = ACME_POLICY.replace('keys/acme.pub }', 'keys/acme.pub }, { key: ./keys/again.pub }');
    await mkdir(temp.join(`release-${count + 1}`, 'keys'), { recursive: true });
    await writeFile(temp.join(`release-${count + 1}`, 'keys', 'again.pub'), toPublicKeyPem(acme.publicKey));
    const same = await failureOf(resolve(repositories, { policy: twice }));
    expect(same.message).toMatch(/keys\/again\.pub and keys\/acme\.pub are the same key/);
  });

  it('is proved again for an image that has not moved, with a new key too', async () => {
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    await store.put(makeBundleManifest(bundleOf(app), app));
    const { lock } = await resolve(repositories, { policy: '' });
    const policy = ACME_POLICY.replace('acme.pub', 'second.pub');
    await failureOf(resolve(repositories, { previous: lock, policy }));
    await store.put(makeBundleManifest(bundleOf(app, second.privateKey), app));
    const stale = await failureOf(resolve(repositories, { previous: lock, policy }));
    expect(stale.hint).toContain('airgap resolve --refresh-evidence');
    const { lock: renewed } = await resolve(repositories, { previous: lock, policy, refreshEvidence: true });
    expect(renewed.signedImages?.[0]?.signatures.map(nameSignedBy)).toEqual(['keys/second.pub']);
    const moved = await failureOf(resolve(repositories, { previous: lock, locked: true }));
    expect([moved.code, exitCodeOf(moved)]).toEqual(['INVALID_SPEC', 2]);
  });
});

describe('a lock that is built as it is', () => {
  it.each<[string, string, (lock: ReleaseLock) => ReleaseLock]>([
    [
      'without the evidence',
      'UNSIGNED',
      (lock) => ({ ...lock, images: lock.images.map((image) => ({ ...image, evidence: [] })) }),
    ],
    [
      'that names other evidence than what proves it',
      'INVALID_SPEC',
      (lock) => ({
        ...lock,
        signedImages: lock.signedImages?.map((image) => ({
          ...image,
          signatures: image.signatures.map((each) => ({ ...each, evidence: digestOf(web) })),
        })),
      }),
    ],
    ['that no longer says what was proved', 'INVALID_SPEC', ({ signedImages: _, ...lock }) => lock],
    ['whose policy was taken away', 'UNTRUSTED_SIGNER', ({ imagePolicy: _, ...lock }) => lock],
    [
      'with another image under the same name',
      'UNSIGNED',
      (lock) => ({ ...lock, images: lock.images.map((image) => ({ ...image, digest: digestOf(web) })) }),
    ],
  ])('is refused %s', async (_, code, change) => {
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    await store.put(makeBundleManifest(bundleOf(app), app));
    const { lock, directory } = await resolve(repositories);
    const place = { path: 'release.lock.json', directory, sourceOf: () => store };
    const refused = await failureOf(assertLockedPolicy(change(lock), place));
    expect(refused.code).toBe(code);
  });

  it('is refused when a key is another, or gone', async () => {
    const repositories = await makeRepositories();
    const store = repositories.get('ghcr.io/acme/app') as Repository;
    await store.put(makeBundleManifest(bundleOf(app), app));
    const { lock, directory } = await resolve(repositories);
    const place = { path: 'release.lock.json', directory, sourceOf: () => store };
    await writeFile(`${directory}/keys/acme.pub`, toPublicKeyPem(stranger.publicKey));
    const changed = await failureOf(assertLockedPolicy(lock, place));
    expect([changed.code, changed.message]).toEqual([
      'DIGEST_MISMATCH',
      'keys/acme.pub has changed since the lock was written',
    ]);
    await rm(`${directory}/keys/acme.pub`);
    expect((await failureOf(assertLockedPolicy(lock, place))).message).toContain('keys/acme.pub does not exist');
  });
});

it('a statement labelled as another is not even fetched', async () => {
  const repositories = await makeRepositories();
  const store = repositories.get('ghcr.io/acme/app') as Repository;
  const attestation = makeBundleManifest(bundleOf(app, acme.privateKey, 'https://x'), app, 'https://x');
  await store.put(attestation);
  await store.put(makeBundleManifest(bundleOf(app), app));
  await resolve(repositories);
  const layer = attestation.blobs.find(({ descriptor }) => descriptor.mediaType === BUNDLE);
  expect(store.fetched).not.toContain(layer?.descriptor.digest);
});
