/** What is written at the secure side goes where it was told to, through no link, and never before it is verified. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { refuseLink, writeNamedFile, writeResultFile } from '../../src/base/files/result-file.ts';
import { layoutArchive } from '../../src/archive/layout/archive-layout.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { RegistryError } from '../../src/errors.ts';
import { extractFiles } from '../../src/operations/extract.ts';
import { loadRelease, planLoad } from '../../src/operations/load/load.ts';
import { loadTars, planDirectory } from '../../src/operations/load/tarballs.ts';
import { createLayoutTarget } from '../../src/release/mapping/image-target.ts';
import { placeFile } from '../../src/base/files/place-file.ts';
import { trustArchive, type TrustedArchive } from '../../src/archive/verification/trusted-archive.ts';
import { verifyPayload } from '../../src/archive/verification/verified-archive.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { rejectionOf } from '../archive/failures.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../archive/forge.ts';
import { makeLargeLayer, makeRelease, memberOf, type SampleRelease } from '../archive/sample-release.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { makeLayer } from '../helpers/sample-layer.ts';
import { useTempDir } from '../helpers/temp.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const policy = { keys: [publicKey], threshold: 1 };
let release: SampleRelease;
let victim: string;

beforeEach(async () => {
  release ??= await makeRelease();
  await writeFile(temp.join('a.tar'), await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey))); // prettier-ignore
  victim = temp.join('victim');
  await writeFile(victim, 'precious');
});

const opened = (): Promise<TrustedArchive> => trustArchive(temp.join('a.tar'), policy);

/** Changes one byte of a member in place, as whoever can write to the medium could at any moment. */
function swapByte(member: string): void {
  const { offset, size } = memberOf(release.inventory, member);
  const fd = openSync(temp.join('a.tar'), 'r+');
  writeSync(fd, Buffer.from('X'), 0, 1, offset + size - (member.endsWith('.tar') ? 2_000 : 1));
  closeSync(fd);
}

const untouched = async (): Promise<void> => expect(await readFile(victim, 'utf8')).toBe('precious');

describe('extracting', () => {
  test.each(['a link to a directory', 'a link to nowhere', 'a file', 'a directory'])('is refused into %s', async (kind) => {
    const place = temp.join('out');
    await mkdir(temp.join('elsewhere'));
    if (kind === 'a link to a directory') await symlink(temp.join('elsewhere'), place);
    if (kind === 'a link to nowhere') await symlink(temp.join('new'), place);
    if (kind === 'a file') await writeFile(place, '');
    if (kind === 'a directory') await mkdir(place);
    using source = await opened();
    const verified = await verifyPayload(source);
    await expect(extractFiles(verified, place)).rejects.toMatchObject({ code: 'USAGE' });
    expect(await readdir(temp.join('elsewhere'))).toEqual([]);
    await expect(lstat(temp.join('new'))).rejects.toMatchObject({ code: 'ENOENT' });
  }); // prettier-ignore

  test('catches an archive that is changed after it was verified, and leaves no file of it (CVE-2025-47290)', async () => {
    using source = await opened();
    const verified = await verifyPayload(source);
    swapByte('docs/readme.txt');
    await expect(extractFiles(verified, temp.join('out'))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' }); // prettier-ignore
    expect((await readdir(temp.path)).sort()).toEqual(['a.tar', 'victim']);
  });

  test('gives no file more rights than reading, and running where it is for that', async () => {
    using source = await opened();
    await extractFiles(await verifyPayload(source), temp.join('out'));
    expect((await lstat(temp.join('out/docs/readme.txt'))).mode & 0o7111).toBe(0);
    expect((await lstat(temp.join('out/install/run.sh'))).mode & 0o7000).toBe(0);
    expect(await readdir(temp.join('out/docs'))).toEqual(['empty.txt', 'readme.txt']);
  });
});

describe('loading into a directory', () => {
  const TAR = 'sample-1.0.0-linux-amd64.tar';

  test('replaces links at the temporary and the final name, and follows neither', async () => {
    const directory = temp.join('images');
    await mkdir(directory);
    await symlink(victim, `${directory}/${TAR}`);
    await symlink(victim, `${directory}/.${sha256(TAR).slice(-16)}.partial`);
    using source = await opened();
    const plan = await planDirectory(source, directory);
    await loadTars(plan);
    await untouched();
    for (const { destination, descriptor } of plan.tarballs) {
      expect((await lstat(destination)).isFile()).toBe(true);
      expect(sha256(await readFile(destination))).toBe(descriptor.digest);
    }
    expect((await readdir(directory)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('reads the file that is there before it counts, unless the target is to be trusted', async () => {
    using source = await opened();
    const plan = await planDirectory(source, temp.join('images'));
    await loadTars(plan);
    const [tar] = plan.tarballs;
    const bytes = await readFile(tar!.destination);
    await writeFile(tar!.destination, bytes.fill(0, 0, 1));
    const presentIn = async (trustTarget: boolean): Promise<boolean | undefined> =>
      (await planDirectory(source, temp.join('images'), { trustTarget })).tarballs[0]?.present;
    expect([await presentIn(false), await presentIn(true)]).toEqual([false, true]);
  });

  test('does not take a link for the file it leads to, however right that is', async () => {
    using source = await opened();
    const plan = await planDirectory(source, temp.join('good'));
    await loadTars(plan);
    await mkdir(temp.join('images'));
    await symlink(plan.tarballs[0]!.destination, temp.join('images', TAR));
    const again = await planDirectory(source, temp.join('images'));
    expect(again.tarballs[0]).toMatchObject({ present: false });
  });

  test.each(['before it is verified', 'after it was verified'])(
    'leaves nothing of an archive changed %s',
    async (when) => {
      const directory = temp.join('images');
      using source = await opened();
      const plan = await planDirectory(source, directory);
      if (when === 'before it is verified') swapByte('images/linux-amd64.tar');
      const onVerified = (done: number, total: number): void => {
        if (when === 'after it was verified' && done === total) swapByte('images/linux-amd64.tar');
      };
      await expect(loadTars(plan, { onVerified })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      expect(await readdir(directory).catch(() => [])).toEqual([]);
    },
  );
});

describe('loading images', () => {
  test.each(['before it is verified', 'after it was verified'])('publishes no manifest of an archive changed %s', async (when) => {
    const store = new MemoryStore('target');
    using source = await opened();
    const plan = await planLoad(source, createLayoutTarget('target', store));
    if (when === 'before it is verified') swapManifest();
    const onVerified = (done: number, total: number): void => {
      if (when === 'after it was verified' && done === total) swapManifest();
    };
    await expect(loadRelease(plan, { onVerified })).rejects.toMatchObject({ name: 'IntegrityError' });
    for (const { reference } of release.inventory.images.filter(({ digest }) => isIndex(digest))) {
      await expect(store.resolve(reference)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  }); // prettier-ignore

  test('publishes nothing until the last byte is verified, even where no blob has to move first', async () => {
    // Large enough to be hashed by threads, so that the target is ready long before the verification is.
    const layer = makeLargeLayer(40_000_000, 'large');
    const large = await makeRelease({ images: { 'registry.example/large:1': makeImage({ layers: [layer] }) } });
    const bytes = await forgeArchive(large.inventory, contentsOf(large), createKeySigner(privateKey));
    bytes[memberOf(large.inventory, 'docs/readme.txt').offset]! ^= 1;
    await writeFile(temp.join('a.tar'), bytes);
    const store = new MemoryStore('target');
    for (const { descriptor, bytes: content } of large.contents.values()) {
      if (large.inventory.blobs.some(({ digest }) => digest === descriptor.digest)) await store.push(descriptor, bytesOf(content)); // prettier-ignore
    }
    using source = await opened();
    const plan = await planLoad(source, createLayoutTarget('target', store));
    const seen: string[] = [];
    const outcome = loadRelease(plan, { onEvent: ({ type }) => seen.push(type) });
    await expect(outcome).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(seen).toEqual([]);
    await expect(store.resolve('registry.example/large:1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  describe('a target that notices wrong content before the verification does', () => {
    const failure = {
      method: 'PUT',
      url: 'http://target/',
      status: 400,
      errors: [],
      retryable: false,
      doubtsContent: true,
    };

    /** A release with a layer that takes long to hash, and a small one that is damaged. */
    async function loadDamaged(refusal: RegistryError | undefined): Promise<unknown> {
      const small = makeLayer({ 'etc/motd': 'hello\n' });
      const image = makeImage({ layers: [makeLargeLayer(40_000_000, 'large'), small] });
      const large = await makeRelease({ images: { 'registry.example/large:1': image } });
      const bytes = await forgeArchive(large.inventory, contentsOf(large), createKeySigner(privateKey));
      const { digest } = small.descriptor;
      const [place] = layoutArchive(large.inventory).segments.filter(
        (segment) => segment.kind === 'content' && segment.digest === digest,
      );
      bytes[place!.offset]! ^= 1;
      await writeFile(temp.join('a.tar'), bytes);
      const store = new MemoryStore('target');
      const push = store.push.bind(store);
      store.push = async (...args) => {
        try {
          await push(...args);
        } catch (error) {
          throw refusal ?? error;
        }
      };
      using source = await opened();
      const plan = await planLoad(source, createLayoutTarget('target', store));
      return await rejectionOf(() => loadRelease(plan));
    }

    test.each([
      ['by its digest', undefined],
      ['and answers 400', new RegistryError('answered 400', failure)],
    ])('%s: the member at fault is named', async (_, refusal) => {
      expect(await loadDamaged(refusal)).toMatchObject({
        name: 'IntegrityError',
        code: 'DIGEST_MISMATCH',
        details: { member: 'images/linux-amd64.tar' },
      });
    });
  });

  const isIndex = (digest: string): boolean =>
    release.inventory.manifests.some((manifest) => manifest.digest === digest && manifest.manifests !== undefined);

  /** One byte of every index, in place. */
  function swapManifest(): void {
    const fd = openSync(temp.join('a.tar'), 'r+');
    for (const segment of layoutArchive(release.inventory).segments) {
      if (segment.kind === 'content' && isIndex(segment.digest)) writeSync(fd, Buffer.from('X'), 0, 1, segment.offset);
    }
    closeSync(fd);
  }
});

describe('placing a file', () => {
  test('leaves what was there when the content fails, and nothing else', async () => {
    await placeFile(temp.join('file'), bytesOf(Buffer.from('old')));
    const failing = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('half');
      throw new Error('torn');
    };
    const before = await readdir(temp.path);
    await expect(placeFile(temp.join('file'), failing())).rejects.toThrow('torn');
    expect(await readFile(temp.join('file'), 'utf8')).toBe('old');
    expect(await readdir(temp.path)).toEqual(before);
  });

  test('by two at once names no half-written file', async () => {
    const slow = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('half ');
      await placeFile(temp.join('file'), bytesOf(Buffer.from('whole')));
      yield Buffer.from('of it');
    };
    await expect(placeFile(temp.join('file'), slow())).rejects.toMatchObject({ code: 'LOCKED' });
    expect(await readFile(temp.join('file'), 'utf8')).toBe('whole');
  });
});

describe('reports', () => {
  test('are not written through a link', async () => {
    await symlink(victim, temp.join('report.json'));
    await expect(writeResultFile(temp.join('report.json'), 'x')).rejects.toMatchObject({ code: 'STORE_IO' });
    await untouched();
    await symlink(temp.join('nowhere'), temp.join('dangling'));
    await expect(writeResultFile(temp.join('dangling'), 'x')).rejects.toMatchObject({ code: 'STORE_IO' });
    await expect(lstat(temp.join('nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
    await symlink('/dev/null', temp.join('null'));
    await expect(writeResultFile(temp.join('null'), 'x')).rejects.toMatchObject({ code: 'STORE_IO' });
    await expect(writeNamedFile(temp.join('null'), 'x')).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(await readlink(temp.join('null'))).toBe('/dev/null');
  });

  test('replace what they find', async () => {
    await writeResultFile(temp.join('new/report.json'), 'a longer text');
    await writeResultFile(temp.join('new/report.json'), 'short');
    expect(await readFile(temp.join('new/report.json'), 'utf8')).toBe('short');
  });

  test('do not go to a directory of their own name that is a link', async () => {
    await symlink(temp.path, temp.join('sample-1.0.0-load'));
    await expect(refuseLink(temp.join('sample-1.0.0-load'), '--report')).rejects.toMatchObject({ code: 'USAGE' });
    await refuseLink(temp.join('not-there'), '--report');
    await refuseLink(temp.path, '--report');
  });
});
