/**
 * A delta is the release that it is: whatever changed between random releases, joined with its bases it is the full
 * archive byte for byte, and loaded where the base is it leaves what the full archive leaves.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Inventory } from '../../src/archive/inventory/inventory-schema.ts';
import { layoutDelta } from '../../src/archive/partial/delta-layout.ts';
import { omittable, omittedBy, type PartialDocument } from '../../src/archive/partial/partial-document.ts'; // prettier-ignore
import { serializeInventory } from '../../src/archive/inventory/inventory.ts';

import type { ArchiveHead } from '../../src/archive/reader/archive-head.ts';
import { openArchive } from '../../src/archive/reader/reader.ts';

import { trustArchive } from '../../src/archive/verification/trusted-archive.ts';
import { verifyArchive } from '../../src/archive/verification/verified-archive.ts';
import { bytesOf as toBytes, collect } from '../../src/content/verified.ts';
import { StoreError, type AirgapError } from '../../src/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { signArchive } from '../../src/operations/sign.ts';
import { sha256, type Digest } from '../../src/oci/digest.ts';
import { buildArchive, type BuildReport } from '../../src/operations/build/build.ts';
import { openBuildBases } from '../../src/operations/build/bases.ts';
import { joinArchive } from '../../src/operations/join.ts';
import { loadRelease, planLoad, type LoadOptions } from '../../src/operations/load/load.ts';
import { loadTars, planDirectory } from '../../src/operations/load/tarballs.ts';
import { createRegistryTarget, type ImageTarget } from '../../src/release/mapping/image-target.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { rejectionOf } from '../archive/failures.ts';
import { fixedKeyPair } from '../archive/forge.ts';
import { makeReleaseLine } from '../archive/partial/release-line.ts';
import { lockOf } from '../archive/sample-lock.ts';
import type { SampleRelease } from '../archive/sample-release.ts';
import type { Bytes } from '../../src/base/bytes.ts';
import { allOf } from '../helpers/all-of.ts';
import { useTempDir } from '../helpers/temp.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const trusted = { keys: [publicKey], threshold: 1 };

/** Builds a release as `1.0.0.tar`, or as a delta; everything but its bases comes from memory. */
async function build(release: SampleRelease, name: string, bases: readonly string[] = []): Promise<BuildReport> {
  using opened = bases.length === 0 ? undefined : await openBuildBases(bases.map((base) => temp.join(base)));
  const files = new Map([...release.contents].map(([digest, { bytes }]) => [digest, { bytes }]));
  const request = {
    lock: lockOf(release),
    output: temp.join(name),
    signers: [createKeySigner(privateKey)],
    sourceOf: () => release.store,
    files,
    install: [],
    bases: opened,
  };
  // One after the other, so that it is known what a cut leaves behind.
  return await buildArchive(request, { concurrency: 1 });
}

/** Writes down what it is given. */
class Repository extends MemoryStore {
  readonly log: string[] = [];

  override async push(expected: Descriptor, content: Bytes): Promise<void> {
    await super.push(expected, content);
    this.log.push(`push ${expected.digest}`);
  }

  override async tag(target: Descriptor, tag: string): Promise<void> {
    await super.tag(target, tag);
    this.log.push(`tag ${tag}`);
  }
}

/** A registry of memory: one store for each repository. */
interface Site {
  readonly target: ImageTarget;
  readonly stores: Map<string, Repository>;
}

function makeSite(): Site {
  const stores = new Map<string, Repository>();
  const rule = { host: 'registry.internal', prefix: '', stripRegistry: true };
  const target = createRegistryTarget('docker://registry.internal', rule, ({ repository }) => {
    const store = stores.get(repository) ?? new Repository(`registry.internal/${repository}`);
    stores.set(repository, store);
    return store;
  });
  return { target, stores };
}

async function load(site: Site, name: string, bases: readonly string[] = [], options: LoadOptions = {}): Promise<void> {
  using archive = await trustArchive(temp.join(name), trusted, { bases: bases.map((base) => temp.join(base)) });
  await loadRelease(await planLoad(archive, site.target, options), options);
}

/** All that a site was given, in order. */
function given({ stores }: Site): readonly string[] {
  return [...stores.values()].flatMap(({ log }) => log);
}

/** Every reference of a release and all it reaches, as the site has it: digests, by place. */
async function seen({ inventory }: SampleRelease, { stores }: Site): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { reference } of inventory.images) {
    const [, repository = '', tag = ''] = /^[^/]+\/(.*):([^:]+)$/.exec(reference) ?? [];
    const store = stores.get(repository) as MemoryStore;
    const { digest } = await store.resolve(tag);
    lines.push(`${reference} ${digest}`);
    const left: Digest[] = [digest];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const manifest = inventory.manifests.find((each) => each.digest === next);
      if (manifest === undefined) continue;
      expect(sha256(await collect(store.fetch(manifest)))).toBe(next);
      left.push(...(manifest.manifests ?? []).map((child) => child.digest));
      for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
        const descriptor = inventory.blobs.find((each) => each.digest === blob);
        if (descriptor === undefined) continue;
        expect(sha256(await collect(store.fetch(descriptor)))).toBe(blob);
        lines.push(`${repository} ${blob ?? ''}`);
      }
    }
  }
  return lines;
}

const join = (delta: string, bases: readonly string[], output: string): Promise<unknown> =>
  joinArchive({
    delta: temp.join(delta),
    bases: bases.map((base) => temp.join(base)),
    output: () => temp.join(output),
  });
const bytesOf = (name: string): Promise<Buffer> => readFile(temp.join(name));

describe.each(['a', 'b', 'c', 'd', 'e', 'f'])('releases of the line %s', (seed) => {
  let line: readonly [SampleRelease, SampleRelease, SampleRelease];
  beforeEach(async () => {
    line = (await makeReleaseLine(seed, 3)) as unknown as typeof line;
    await build(line[0], '1.0.0.tar');
    await build(line[1], '1.1.0.tar');
  });

  test('a delta joined with its base is the full archive, from the archive or its inventory', async () => {
    await writeFile(temp.join('1.0.0.json'), serializeInventory((await readHead('1.0.0.tar')).inventory));
    const report = await build(line[1], 'delta.tar', ['1.0.0.tar']);
    const again = await build(line[1], 'again.tar', ['1.0.0.json']);
    expect((await bytesOf('again.tar')).equals(await bytesOf('delta.tar'))).toBe(true);
    expect(report.delta).toMatchObject({ pulledBytes: 0, omitted: again.delta?.omitted });
    expect(again.delta).toMatchObject({ readBytes: 0, pulledBytes: report.delta?.readBytes });
    expect(report.delta?.omitted).toBeGreaterThan(0);
    await join('delta.tar', ['1.0.0.tar'], 'joined.tar');
    expect((await bytesOf('joined.tar')).equals(await bytesOf('1.1.0.tar'))).toBe(true);
  });

  test('a delta loaded where its base is leaves what the full archive leaves', async () => {
    await build(line[1], 'delta.tar', ['1.0.0.tar']);
    const [full, small] = [makeSite(), makeSite()];
    for (const site of [full, small]) await load(site, '1.0.0.tar');
    await load(full, '1.1.0.tar');
    await load(small, 'delta.tar', [], { verifyBase: true });
    expect(await seen(line[1], small)).toEqual(await seen(line[1], full));
    const empty = makeSite();
    await load(empty, 'delta.tar', ['1.0.0.tar']);
    expect(await seen(line[1], empty)).toEqual(await seen(line[1], full));
  });

  test('a delta of a delta joins over both, and loads after both', async () => {
    await build(line[1], '1.1.0.delta.tar', ['1.0.0.tar']);
    await build(line[2], '1.2.0.tar');
    // Of what a delta leaves out itself there is nothing to read: that comes from where the release is built from.
    await build(line[2], '1.2.0.delta.tar', ['1.1.0.delta.tar']);
    const site = makeSite();
    for (const name of ['1.0.0.tar', '1.1.0.delta.tar', '1.2.0.delta.tar']) await load(site, name);
    expect((await seen(line[2], site)).length).toBeGreaterThan(0);
    await join('1.2.0.delta.tar', ['1.0.0.tar', '1.1.0.delta.tar'], 'joined.tar');
    expect((await bytesOf('joined.tar')).equals(await bytesOf('1.2.0.tar'))).toBe(true);
  });
});

describe('what is wrong with a delta or its bases', () => {
  let line: readonly SampleRelease[];
  let honest: PartialDocument;
  /** A layer that is carried, and one that is left out. */
  let carried: Digest;
  let omitted: Digest;
  beforeEach(async () => {
    line ??= await makeReleaseLine('lies', 2);
    await build(line[0] as SampleRelease, '1.0.0.tar');
    await build(line[1] as SampleRelease, '1.1.0.tar');
    await build(line[1] as SampleRelease, 'delta.tar', ['1.0.0.tar']);
    const { inventory, partial } = await readHead('delta.tar');
    honest = partial as PartialDocument;
    const left = omittedBy(honest);
    carried = [...omittable(inventory).keys()].find((digest) => !left.has(digest)) as Digest;
    omitted = [...left.keys()][0] as Digest;
  });

  /** Writes a delta with another `partial.json`; everything else is in order, and signed. */
  async function forge(omit: readonly Digest[], name = 'lie.tar'): Promise<void> {
    const head = await readHead('delta.tar');
    using full = await openArchive(temp.join('1.1.0.tar'));
    const [base] = honest.bases;
    const partial = { formatVersion: 1 as const, bases: [{ ...base, omitted: [...omit] }] } as PartialDocument;
    const layout = layoutDelta(head.inventory, partial);
    const bytes = Buffer.alloc(layout.size);
    const slots = head.slots.values();
    for (const segment of layout.segments) {
      if (segment.kind === 'framing') bytes.set(segment.bytes, segment.offset);
      else if (segment.kind === 'content')
        bytes.set(full.read(full.placeOf(segment.digest)?.offset ?? 0, segment.length), segment.offset); // prettier-ignore
      else if (segment.kind === 'slot') bytes.set(slots.next().value?.bytes ?? Buffer.alloc(0), segment.offset);
      else bytes.set(head.checksums, segment.offset);
    }
    await writeFile(temp.join(name), bytes);
  }
  const honestly = (): Digest[] => (honest.bases[0]?.omitted ?? []).slice();
  const verify = (name: string): Promise<unknown> => verifyArchive(temp.join(name), trusted);

  test('an honest one that is written in the same way is taken', async () => {
    await forge(honestly());
    expect((await bytesOf('lie.tar')).equals(await bytesOf('delta.tar'))).toBe(true);
    await expect(verify('lie.tar')).resolves.toMatchObject({ delta: { omitted: honestly().length } });
  });

  test.each([
    ['a manifest', ({ manifests }: Inventory) => manifests[0]?.digest],
    ['a config', ({ manifests }: Inventory) => manifests.find(({ config }) => config !== undefined)?.config],
    ['a file', ({ files }: Inventory) => files.find(({ size }) => size > 0)?.digest],
    ['what is no part of the release', () => sha256('something else')],
  ])('one that leaves out %s is refused', async (_, pick) => {
    const { inventory } = await readHead('delta.tar');
    await forge([...honestly(), pick(inventory) as Digest].sort());
    await expect(verify('lie.tar')).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  test.each([
    ['backwards', (all: Digest[]) => all.concat(carried).sort().reverse()],
    ['twice', (all: Digest[]) => all.concat(omitted).sort()],
  ])('one that names what it leaves out %s is refused', async (_, change) => {
    await forge(change(honestly()));
    await expect(verify('lie.tar')).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  test('one that says to carry what it does not is refused', async () => {
    await forge(honestly().filter((digest) => digest !== omitted));
    const whole = await bytesOf('lie.tar');
    await expect(verify('lie.tar')).resolves.toBeDefined();
    const place = (await readHead('lie.tar')).layout.members.find((member) => member.digest === omitted);
    await writeFile(temp.join('lie.tar'), whole.fill(0, place?.offset, (place?.offset ?? 0) + (place?.size ?? 0)));
    await expect(verify('lie.tar')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    const bytes = await bytesOf('delta.tar');
    await writeFile(temp.join('lie.tar'), bytes.subarray(0, bytes.length - 512));
    await expect(verify('lie.tar')).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  test('one that leaves out too much loads nowhere but where that is, and says what is missing before it moves anything', async () => {
    await forge([...honestly(), carried].sort());
    const site = makeSite();
    await load(site, '1.0.0.tar');
    const before = given(site);
    const error = (await rejectionOf(() => load(site, 'lie.tar'))) as AirgapError;
    expect(error).toMatchObject({ code: 'MISSING_CONTENT', items: [expect.stringContaining(carried) as string] });
    expect(error.message).toContain('docker://registry.internal lacks 1 layer(s)');
    expect(error.hint).toContain('load sample 1.0.0 there first');
    expect(given(site)).toEqual(before);
    const joining = await rejectionOf(() => join('lie.tar', ['1.0.0.tar'], 'joined.tar'));
    expect(joining).toMatchObject({ code: 'MISSING_CONTENT', items: [expect.stringContaining(carried) as string] });
    await expect(bytesOf('joined.tar')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a byte of a base that is wrong is found before anything is visible, and named', async () => {
    await damage('1.0.0.tar', omitted);
    const site = makeSite();
    const error = (await rejectionOf(() => load(site, 'delta.tar', ['1.0.0.tar']))) as AirgapError;
    expect(error).toMatchObject({
      code: 'DIGEST_MISMATCH',
      hint: expect.stringContaining('this base is damaged') as string,
    });
    expect(error.message).toContain(temp.join('1.0.0.tar'));
    expect(given(site).filter((line) => line.startsWith('tag'))).toEqual([]);
    await expect(join('delta.tar', ['1.0.0.tar'], 'joined.tar')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(bytesOf('joined.tar')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(build(line[1] as SampleRelease, 'again.tar', ['1.0.0.tar'])).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' }); // prettier-ignore
  });

  test('a base that has nothing of what is left out is refused, and one for a full archive', async () => {
    const none = { code: 'USAGE', hint: expect.stringContaining('sample 1.0.0') as string };
    await forge([carried]);
    await expect(join('lie.tar', ['1.0.0.tar'], 'joined.tar')).rejects.toMatchObject(none);
    await expect(load(makeSite(), '1.1.0.tar', ['1.0.0.tar'])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(join('1.1.0.tar', [], 'joined.tar')).rejects.toMatchObject({ code: 'USAGE' });
    await expect(join('delta.tar', [], 'joined.tar')).rejects.toMatchObject({ code: 'MISSING_CONTENT' });
  });

  test('what a registry holds under the right name with other bytes is found where that is asked for', async () => {
    const site = makeSite();
    await load(site, '1.0.0.tar');
    for (const store of site.stores.values()) {
      const fetch = store.fetch.bind(store);
      store.fetch = (target, options) =>
        target.digest === omitted ? toBytes(Buffer.alloc(target.size)) : fetch(target, options);
    }
    await expect(load(site, 'delta.tar', [], { verifyBase: true })).rejects.toMatchObject({ code: 'TARGET_FAULT' });
  });

  test('a full archive is not signed in the shape of a delta', async () => {
    await expect(signArchive(temp.join('delta.tar'), createKeySigner(privateKey))).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('airgap join') as string,
    });
  });
});

/** Changes a byte of a piece of content, wherever the archive has it. */
async function damage(name: string, digest: Digest): Promise<void> {
  const bytes = await bytesOf(name);
  const head = await readHead(name);
  for (const segment of head.layout.segments) {
    if (segment.kind === 'content' && segment.digest === digest)
      bytes.writeUInt8(bytes.readUInt8(segment.offset) ^ 1, segment.offset);
  }
  await writeFile(temp.join(name), bytes);
}

test('an interrupted build of a delta goes on where it stopped, and a build on other bases does not take that up', async () => {
  const [old, young] = (await makeReleaseLine('lies', 2)) as [SampleRelease, SampleRelease];
  await build(old, '1.0.0.tar');
  await build(young, 'straight.tar', ['1.0.0.tar']);
  const broken = new MemoryStore('broken');
  let left = 3;
  broken.exists = young.store.exists.bind(young.store);
  broken.fetch = (target, options) => {
    if (left-- <= 0) throw new StoreError('STORE_IO', 'the line is cut');
    return young.store.fetch(target, options);
  };
  const cut = await rejectionOf(() => build({ ...young, store: broken }, 'delta.tar', ['1.0.0.tar']));
  expect(cut).toMatchObject({ code: 'STORE_IO' });
  await expect(bytesOf('delta.tar')).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await build(young, 'delta.tar', ['1.0.0.tar'])).resumedBytes).toBeGreaterThan(0);
  expect((await bytesOf('delta.tar')).equals(await bytesOf('straight.tar'))).toBe(true);
  left = 3;
  await rejectionOf(() => build({ ...young, store: broken }, 'full.tar', ['1.0.0.tar']));
  expect((await build(young, 'full.tar')).resumedBytes).toBe(0);
});

describe('a release whose signed list has files alone', () => {
  const filesOnly = (release: SampleRelease): SampleRelease => ({
    ...release,
    inventory: { ...release.inventory, checksums: 'files' },
  });

  test('has a delta that is built without reading what it leaves out, and joins, loads and is signed like others', async () => {
    const [old, young] = (await makeReleaseLine('files', 2)).map(filesOnly) as [SampleRelease, SampleRelease];
    await build(old, '1.0.0.tar');
    await build(young, '1.1.0.tar');
    await writeFile(temp.join('1.0.0.json'), serializeInventory((await readHead('1.0.0.tar')).inventory));
    const left = new Set<string>();
    const source = new MemoryStore('source');
    source.resolve = young.store.resolve.bind(young.store);
    source.exists = young.store.exists.bind(young.store);
    source.fetch = (target, options) => {
      left.add(target.digest);
      return young.store.fetch(target, options);
    };
    const report = await build({ ...young, store: source }, 'delta.tar', ['1.0.0.json']);
    expect(report.delta).toMatchObject({ readBytes: 0, pulledBytes: 0 });
    const { partial } = await readHead('delta.tar');
    const omitted = [...omittedBy(partial as PartialDocument).keys()];
    expect(omitted.length).toBeGreaterThan(0);
    expect(omitted.filter((digest) => left.has(digest))).toEqual([]);
    await join('delta.tar', ['1.0.0.tar'], 'joined.tar');
    expect((await bytesOf('joined.tar')).equals(await bytesOf('1.1.0.tar'))).toBe(true);
    expect((await bytesOf('1.1.0.tar')).toString('latin1', 512, 8_192)).not.toMatch(/^[0-9a-f]{64} {2}images\//m);
    const site = makeSite();
    await load(site, '1.0.0.tar');
    await load(site, 'delta.tar');
    const full = makeSite();
    await load(full, '1.1.0.tar');
    expect(await seen(young, site)).toEqual(await seen(young, full));
    const second = fixedKeyPair('second');
    const { place } = await signArchive(temp.join('delta.tar'), createKeySigner(second.privateKey));
    expect(place).toBe('signatures/2.sigstore.json');
    await expect(verifyArchive(temp.join('delta.tar'), { keys: [publicKey, second.publicKey], threshold: 2 })).resolves.toBeDefined(); // prettier-ignore
  });

  test('hands over the same tarballs, which are found there again', async () => {
    const [release] = (await makeReleaseLine('files', 1)) as [SampleRelease];
    await build(release, 'all.tar');
    await build(filesOnly(release), 'files.tar');
    for (const name of ['all', 'files']) {
      using archive = await trustArchive(temp.join(`${name}.tar`), trusted);
      const plan = await planDirectory(archive, temp.join(name));
      expect(allOf(plan.tarballs, ({ present }) => !present)).toBe(true);
      await loadTars(plan);
      expect(allOf((await planDirectory(archive, temp.join(name))).tarballs, ({ present }) => present)).toBe(true);
    }
    const tars = await readdir(temp.join('all'));
    expect(await readdir(temp.join('files'))).toEqual(tars);
    for (const tar of tars) {
      expect((await readFile(temp.join('files', tar))).equals(await readFile(temp.join('all', tar)))).toBe(true);
    }
    await writeFile(temp.join('files', tars[0] ?? ''), 'something else');
    using archive = await trustArchive(temp.join('files.tar'), trusted);
    expect((await planDirectory(archive, temp.join('files'))).tarballs[0]).toMatchObject({ present: false });
  });
});

async function readHead(name: string): Promise<ArchiveHead> {
  using archive = await openArchive(temp.join(name));
  return archive.head;
}
