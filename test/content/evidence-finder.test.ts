/** What stands beside an image is found completely, once, and by whatever the source can be asked; or it is an error. */
import { describe, expect, it } from 'vitest';
import { EvidenceFinder } from '../../src/content/evidence-finder.ts';
import { evidenceWithin, mergeGraphs } from '../../src/content/graph-walk.ts';
import { assess } from '../../src/content/assess.ts';
import { planCopy } from '../../src/content/plan.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { AuthError, IntegrityError, NotFoundError, RegistryError, StoreError } from '../../src/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { kindOfReferrer } from '../../src/oci/evidence-names.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import {
  contentOf,
  makeArtifact,
  makeImage,
  makeMultiPlatformImage,
  type SampleNode,
} from '../helpers/sample-image.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const image = makeMultiPlatformImage({ name: 'app' });
const child = image.children[0] as SampleNode;
const digestOf = ({ descriptor }: SampleNode): Digest => descriptor.digest;
const tagOf = (node: SampleNode, suffix: string): string => `${digestOf(node).replace(':', '-')}.${suffix}`;
const subjects = [digestOf(image), ...image.children.map(digestOf)];

/** A store that counts what it is asked and can be told to fail. */
class AskedStore extends MemoryStore {
  readonly asked: string[] = [];
  readonly failures = new Map<string, Error>();

  async put(node: SampleNode, tag?: string): Promise<SampleNode> {
    for (const { descriptor, bytes } of contentOf(node).values()) await this.push(descriptor, bytesOf(bytes));
    if (tag !== undefined) await this.tag(node.descriptor, tag);
    return node;
  }
  override async resolve(name: string): Promise<Descriptor> {
    this.#note(name);
    return super.resolve(name);
  }
  override async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    this.#note(`referrers ${subject}`);
    return super.referrers(subject);
  }
  #note(what: string): void {
    this.asked.push(what);
    const failure = [...this.failures].find(([part]) => what.includes(part))?.[1];
    if (failure !== undefined) throw failure;
  }
}

/** The same with a list of tags. */
class ListingStore extends AskedStore {
  tags: readonly string[] | Error = [];

  async listTags(): Promise<readonly string[]> {
    this.asked.push('list');
    if (this.tags instanceof Error) throw this.tags;
    return this.tags;
  }
}

const refused = (status: number, retryable = false): RegistryError =>
  new RegistryError(`answered ${status}`, { method: 'GET', url: 'http://x', status, errors: [], retryable });

describe('evidence', () => {
  it('is found by tag and by reference, for the index, a child and other evidence, and runs on no platform', async () => {
    const store = new AskedStore('source');
    await store.put(image);
    const signature = await store.put(makeImage({ platform: 'linux/s390x' }), tagOf(image, 'sig'));
    const sbom = await store.put(makeArtifact('application/spdx+json', '{}', { subject: child }));
    const statement = await store.put(makeArtifact('x', 'y'), tagOf(sbom, 'att'));
    const known = new Map<Digest, Buffer>();
    const found = await new EvidenceFinder(known).find(store, subjects, 'app');
    const expected = [
      { subject: digestOf(image), digest: digestOf(signature), kind: 'signature', tag: tagOf(image, 'sig') },
      { subject: digestOf(child), digest: digestOf(sbom), kind: 'sbom' },
      { subject: digestOf(sbom), digest: digestOf(statement), kind: 'attestation', tag: tagOf(sbom, 'att') },
    ];
    expect(found?.evidence).toEqual(expected.sort((a, b) => (a.subject < b.subject ? -1 : 1)));
    expect([...known.keys()].sort()).toEqual([signature, sbom, statement].map(digestOf).sort());
    const graph = mergeGraphs([], [found ?? { manifests: [], blobs: [] }]);
    expect(evidenceWithin(found?.evidence ?? [], { manifests: [], blobs: [] }, graph)).toEqual([]);
  });

  it('is asked for once, however many images share its subjects', async () => {
    const store = new ListingStore('source');
    await store.put(image);
    await store.put(makeArtifact(BUNDLE, 'signed', { subject: image }));
    const finder = new EvidenceFinder(new Map());
    const [one, two] = await Promise.all([finder.find(store, subjects, 'a'), finder.find(store, subjects, 'b')]);
    expect(one?.evidence).toEqual(two?.evidence);
    expect(store.asked.toSorted()).toEqual([...new Set(store.asked)].toSorted());
    expect(store.asked.filter((what) => what.startsWith('referrers'))).toHaveLength(subjects.length + 1);
    expect(store.asked.filter((what) => what === 'list')).toHaveLength(1);
    expect(store.asked).toHaveLength(subjects.length + 2);
  });

  it.each([
    ['is kept secret', new AuthError('DENIED', 'answered 403')],
    ['cannot be made', refused(500, true)],
    ['is not offered', new NotFoundError('NOT_FOUND', 'answered 404')],
    ['is refused', new StoreError('UNSUPPORTED', 'answered 405')],
    ['is too long', new StoreError('UNSUPPORTED', 'too many tags')],
  ])('is asked for tag by tag when the list of tags %s', async (_, failure) => {
    const store = new ListingStore('source');
    store.tags = failure;
    await store.put(image);
    await store.put(makeArtifact('x', 'y'), tagOf(image, 'sig'));
    const found = await new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'app');
    expect(found?.evidence).toHaveLength(1);
    expect(store.asked.filter((what) => what.startsWith(tagOf(image, '')))).toHaveLength(3);
  });

  it.each([
    ['the referrers', 'referrers', refused(500, true)],
    ['a tag', '.att', refused(500, true)],
    ['a tag, for good', '.sbom', refused(400)],
  ])('is never said to be none because a request failed: %s', async (_, what, failure) => {
    const store = new AskedStore('source');
    store.failures.set(what, failure);
    await store.put(image);
    const finding = new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'registry.example/app:1');
    await expect(finding).rejects.toMatchObject({
      code: 'REGISTRY',
      message: `evidence for ${digestOf(image)} of registry.example/app:1: ${failure.message}`,
      failure: { status: failure.failure.status },
    });
  });

  it('is refused when the list names what does not refer to the subject, or cannot be carried', async () => {
    const stranger = makeArtifact(BUNDLE, 'of something else', { subject: child });
    for (const [listed, code] of [
      [stranger.descriptor, 'MALFORMED'],
      [{ ...stranger.descriptor, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' }, 'UNSUPPORTED'],
    ] as const) {
      const store = new AskedStore('source');
      await store.put(stranger);
      store.referrers = () => Promise.resolve([listed]);
      await expect(new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'app')).rejects.toMatchObject({ code });
    }
  });

  it('is missing, not none, when the list names what is gone', async () => {
    const store = new AskedStore('source');
    const { descriptor } = makeArtifact(BUNDLE, 'gone', { subject: image });
    store.referrers = () => Promise.resolve([descriptor]);
    await expect(new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'app')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('does not go on for ever', async () => {
    const store = new AskedStore('source');
    let subject = image;
    for (let link = 0; link < 20; link++) {
      subject = await store.put(makeArtifact(BUNDLE, `link ${link}`, { subject }));
    }
    await expect(new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'app')).rejects.toMatchObject({
      code: 'MALFORMED',
    });
  });
});

describe('evidence that is not answered for', () => {
  const lenient = { isLenient: true };
  const signed = makeArtifact(BUNDLE, 'signed', { subject: image });

  it.each([
    ['referrers that are guarded', 'referrers', new AuthError('UNAUTHENTICATED', 'answered 401')],
    ['referrers that are denied', 'referrers', new AuthError('DENIED', 'answered 403')],
    ['referrers that fail', 'referrers', refused(500, true)],
    ['a tag that fails', '.sig', refused(502, true)],
    ['a tag that is denied', '.att', new AuthError('DENIED', 'answered 403')],
  ])('is a doubt where that is enough: %s', async (_, what, failure) => {
    const store = new AskedStore('source');
    store.failures.set(what, failure);
    await store.put(image);
    const sbom = await store.put(makeArtifact('x', 'y'), tagOf(image, 'sbom'));
    const found = await new EvidenceFinder(new Map(), lenient).find(store, [digestOf(image)], 'app');
    // The evidence that was found is asked about too, and answered for as little.
    expect(found?.doubts.toSorted()).toEqual(
      [image, sbom].map((subject) => `${digestOf(subject)}: ${failure.message}`).toSorted(),
    );
    expect(found?.evidence.map(({ digest }) => digest)).toEqual([digestOf(sbom)]);
    await expect(new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'app')).rejects.toThrow(failure.message);
  });

  it('is a doubt where the list names what is gone, and what is there is found', async () => {
    const store = new AskedStore('source');
    await store.put(image);
    await store.put(signed);
    const gone = makeArtifact(BUNDLE, 'gone', { subject: image });
    store.referrers = (subject) =>
      Promise.resolve(subject === digestOf(image) ? [gone.descriptor, signed.descriptor] : []);
    const found = await new EvidenceFinder(new Map(), lenient).find(store, [digestOf(image)], 'app');
    expect(found?.evidence.map(({ digest }) => digest)).toEqual([digestOf(signed)]);
    expect(found?.doubts).toEqual([expect.stringContaining(digestOf(gone))]);
  });

  it.each([
    ['a connection that fails', refused(0, true)],
    ['an abort', new DOMException('stop', 'AbortError')],
    ['wrong content', new IntegrityError('DIGEST_MISMATCH', 'other bytes')],
  ])('is an error all the same for %s', async (_, failure) => {
    const store = new AskedStore('source');
    store.failures.set('referrers', failure);
    await expect(new EvidenceFinder(new Map(), lenient).find(store, [digestOf(image)], 'app')).rejects.toThrow(
      failure.message,
    );
  });

  it('is no doubt where everything was answered', async () => {
    const store = new AskedStore('source');
    await store.put(image);
    expect((await new EvidenceFinder(new Map(), lenient).find(store, subjects, 'app'))?.doubts).toEqual([]);
  });
});

describe('a copy of evidence', () => {
  const referrer = makeArtifact(BUNDLE, 'signed', { subject: image });
  const evidence = [{ subject: digestOf(image), digest: digestOf(referrer), kind: 'signature' as const }];

  async function planned(target: MemoryStore): Promise<ReturnType<typeof planCopy>> {
    const store = new AskedStore('source');
    await store.put(image);
    await store.put(referrer);
    const found = await new EvidenceFinder(new Map()).find(store, [digestOf(image)], 'app');
    const { mediaType, digest: own, size } = image.descriptor;
    const root = { mediaType, digest: own, size, manifests: [] };
    const images = [{ reference: 'registry.example/app:1', digest: digestOf(image), evidence }];
    const graph = mergeGraphs(images, [{ manifests: [root], blobs: [] }, found ?? { manifests: [], blobs: [] }]);
    const routes = [digestOf(referrer), digestOf(image)].map((digest) => ({ digest, source: store, target }));
    return planCopy(graph, routes);
  }

  it('comes after its subject', async () => {
    const plan = await planned(new MemoryStore('target'));
    expect(plan.manifests.map(({ descriptor, level }) => [descriptor.digest, level])).toEqual([
      [digestOf(image), 0],
      [digestOf(referrer), 1],
    ]);
  });

  it('is done again when an interrupted one left the manifest without a link to it', async () => {
    const target = new AskedStore('target');
    await target.put(image);
    await target.put(referrer);
    const plan = await planned(target);
    const complete = await assess(plan, { concurrency: 1 });
    expect(complete.manifests.flatMap(({ missing }) => missing)).toEqual([]);
    target.referrers = () => Promise.resolve([]);
    const again = await assess(plan, { concurrency: 1 });
    expect(again.manifests.filter(({ missing }) => missing.length > 0).map(({ transfer }) => transfer.subject)).toEqual(
      [digestOf(image)],
    );
  });
});

it.each([
  [BUNDLE, { 'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1' }, 'signature'],
  [BUNDLE, { 'dev.sigstore.bundle.content': 'message-signature' }, 'signature'],
  [BUNDLE, { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' }, 'attestation'],
  ['application/vnd.cncf.notary.signature', {}, 'signature'],
  ['application/vnd.dev.cosign.artifact.sig.v1+json', {}, 'signature'],
  ['application/vnd.in-toto+json', {}, 'attestation'],
  ['application/spdx+json', {}, 'sbom'],
  ['application/vnd.cyclonedx+json', {}, 'sbom'],
  ['application/vnd.example.design', {}, 'artifact'],
] as const)('%s %o is a %s', (type, annotations, kind) => {
  const { bytes } = makeArtifact(type, '', { subject: image, annotations });
  expect(kindOfReferrer(parseManifest(bytes, undefined, 'it'))).toBe(kind);
});
