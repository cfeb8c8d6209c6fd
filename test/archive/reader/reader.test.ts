/** Opening an archive: only the head is read, hostile heads are refused cheaply, and content is found by offset. */
import { openSync, closeSync, readFileSync } from 'node:fs';
import { symlink, truncate, writeFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAX_INVENTORY_BYTES, serializeInventory } from '../../../src/archive/inventory/inventory.ts';
import { layoutArchive } from '../../../src/archive/layout/archive-layout.ts';
import { verifyContentStream } from '../../../src/archive/verification/payload.ts';
import { openArchive } from '../../../src/archive/reader/reader.ts';
import { readSeal } from '../../../src/archive/reader/seal.ts';
import { encodeHeader, paddingOf } from '../../../src/base/tar/ustar.ts';
import { bytesOf, collect, readVerified } from '../../../src/content/verified.ts';
import { hexOf, sha256 } from '../../../src/oci/digest.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';
import { believing } from '../believing.ts';
import { rejectionOf } from '../failures.ts';
import { descriptorsOf, makeRelease, memberOf, writeArchive, type SampleRelease } from '../sample-release.ts';

const temp = useTempDir();
let release: SampleRelease;
let archive: Buffer;
let path: string;

beforeAll(async () => {
  release = await makeRelease();
});
beforeEach(async () => {
  path = temp.join('a.tar');
  if ((archive as Buffer | undefined) === undefined) archive = await writeArchive(path, release);
  else await writeFile(path, archive);
});

const malformed = { name: 'IntegrityError', code: 'MALFORMED' };
const wrongSize = { name: 'IntegrityError', code: 'SIZE_MISMATCH' };

/** What both ways of reading say of these bytes. */
async function refusalsOf(bytes: Buffer): Promise<readonly unknown[]> {
  await writeFile(path, bytes);
  return [
    await rejectionOf(() => openArchive(path)),
    await rejectionOf(() => verifyContentStream(bytesOf(bytes), 'stream', believing())),
  ];
}

/** The archive with another inventory text under a header that fits it. */
function withInventory(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  const header = encodeHeader({
    path: 'release.json',
    size: bytes.length,
    mtime: Date.parse(release.inventory.created) / 1000,
  });
  const { offset, size } = memberOf(release.inventory, 'release.json');
  const front = Buffer.from(archive.subarray(0, offset - header.length));
  front.write(hexOf(sha256(bytes)), memberOf(release.inventory, 'checksums.txt').offset);
  const rest = archive.subarray(offset + size + paddingOf(size));
  return Buffer.concat([front, header, bytes, Buffer.alloc(paddingOf(bytes.length)), rest]);
}

/** The archive with some bytes of a member's header changed, and the header's own checksum made to fit. */
function withHeader(member: string, change: (header: Buffer) => void): Buffer {
  const bytes = Buffer.from(archive);
  const { offset } = memberOf(release.inventory, member);
  const header = bytes.subarray(offset - 512, offset);
  change(header);
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

describe('an open archive', () => {
  test('has the head it was written with', async () => {
    using reader = await openArchive(path);
    expect(reader.head.inventory).toEqual(release.inventory);
    expect(reader.head.layout).toEqual(layoutArchive(release.inventory));
    expect(reader.source.size).toBe(archive.length);
    const { offset, size } = memberOf(release.inventory, 'checksums.txt');
    expect(reader.head.checksums.equals(archive.subarray(offset, offset + size))).toBe(true);
    expect(reader.head.slots.map(({ bytes }) => bytes.toString().trim())).toEqual(['', '']);
  });

  test('gives every manifest, blob and file, whole and from any offset', async () => {
    using reader = await openArchive(path);
    for (const descriptor of descriptorsOf(release.inventory)) {
      const bytes = release.contents.get(descriptor.digest)?.bytes as Buffer;
      expect(await reader.exists(descriptor)).toBe(true);
      expect((await readVerified(reader, descriptor)).equals(bytes)).toBe(true);
      const offset = Math.floor(descriptor.size / 3);
      expect((await collect(reader.fetch(descriptor, { offset }))).equals(bytes.subarray(offset))).toBe(true);
    }
  });

  test('resolves references and digests of manifests, and nothing else', async () => {
    using reader = await openArchive(path);
    for (const { reference, digest } of release.inventory.images) {
      expect(await reader.resolve(reference)).toEqual(await reader.resolve(digest));
    }
    const [blob] = release.inventory.blobs;
    for (const unknown of ['registry.example/none:1', 'latest', blob?.digest ?? '', sha256('none')]) {
      expect(await rejectionOf(() => reader.resolve(unknown))).toMatchObject({
        name: 'NotFoundError',
        code: 'NOT_FOUND',
      });
    }
    const stray = { mediaType: 'x/y', digest: sha256('none'), size: 4 };
    expect(await reader.exists(stray)).toBe(false);
    expect(await rejectionOf(() => collect(reader.fetch(stray)))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('can be read by several at once, and stops when told to', async () => {
    using reader = await openArchive(path);
    const all = await Promise.all(
      descriptorsOf(release.inventory).map((descriptor) => readVerified(reader, descriptor)),
    );
    expect(all).toHaveLength(release.contents.size);
    const [descriptor] = descriptorsOf(release.inventory);
    if (descriptor === undefined) throw new Error('nothing to read');
    const signal = AbortSignal.abort();
    expect(await rejectionOf(() => collect(reader.fetch(descriptor, { signal })))).toMatchObject({
      name: 'AbortError',
    });
  });

  test('that shrinks while it is read says so', async () => {
    using reader = await openArchive(path);
    await truncate(path, archive.length - 40_000);
    const failure = await rejectionOf(async () => {
      for (const descriptor of descriptorsOf(release.inventory)) await readVerified(reader, descriptor);
    });
    expect(failure).toMatchObject(wrongSize);
  });
});

describe('what is no archive', () => {
  test('is the mistake of whoever named it', async () => {
    await symlink('nowhere', temp.join('dangling'));
    await runOk(toolPath('mkfifo'), [temp.join('pipe')]);
    for (const name of ['none.tar', '.', 'dangling', 'pipe', 'a.tar/x']) {
      expect(await rejectionOf(() => openArchive(temp.join(name)))).toMatchObject({ code: 'USAGE' });
    }
  });

  test('is refused by its first bytes', async () => {
    for (const bytes of [
      Buffer.alloc(10_240),
      Buffer.alloc(10_240, 'x'),
      archive.subarray(512),
      Buffer.from('PK\x03\x04'.padEnd(600)),
    ]) {
      for (const refusal of await refusalsOf(bytes)) expect(refusal).toMatchObject(malformed);
    }
    for (const bytes of [Buffer.alloc(0), archive.subarray(0, 1), archive.subarray(0, 511)]) {
      for (const refusal of await refusalsOf(bytes)) expect(refusal).toMatchObject(wrongSize);
    }
  });

  test('leaves no descriptor open', async () => {
    await writeFile(path, Buffer.alloc(10_240));
    const before = openSync('/dev/null', 'r');
    closeSync(before);
    for (let round = 0; round < 20; round++) await rejectionOf(() => openArchive(path));
    const after = openSync('/dev/null', 'r');
    closeSync(after);
    expect(after).toBe(before);
  });
});

describe.each(['checksums.txt', 'signatures/2.sigstore.json', 'release.json'])('a header of %s that lies', (member) => {
  const sizeOf = (): number => memberOf(release.inventory, member).size;
  const octal = (size: number, pad = '0', digits = 11): string => size.toString(8).padStart(digits, pad);

  test.each<[string, (header: Buffer) => void]>([
    ['a size of one terabyte in base 256', (header) => header.set([0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], 124)],
    ['a negative size in base 256', (header) => header.fill(0xff, 124, 136)],
    ['the size in base 256', (header) => {
      header.fill(0, 124, 136).writeUInt8(0x80, 124);
      header.writeUInt32BE(sizeOf(), 132);
    }],
    ['a size beyond the limit', (header) => header.write(`${octal(MAX_INVENTORY_BYTES + 1)}\0`, 124)],
    ['the largest size in octal', (header) => header.write('77777777777\0', 124)],
    ['no size', (header) => header.write('00000000000\0', 124)],
    ['an empty size', (header) => header.fill(0, 124, 136)],
    ['a minus sign', (header) => header.write('-0000000001\0', 124)],
    ['digits that are not octal', (header) => header.write('00000008888\0', 124)],
    ['spaces for zeros', (header) => header.write(`${octal(sizeOf(), ' ')}\0`, 124)],
    ['a size of twelve digits', (header) => header.write(octal(sizeOf(), '0', 12), 124)],
    ['a smaller size', (header) => header.write(`${octal(sizeOf() - 1)}\0`, 124)],
    ['a larger size', (header) => header.write(`${octal(sizeOf() + 1)}\0`, 124)],
    ['another name', (header) => header.write('Q', 0)],
    ['the name of something else', (header) => header.write('image-list.txt\0'.padEnd(40, '\0'), 0)],
    ['a name behind the name', (header) => header.write('evil', 50)],
    ['a symbolic link', (header) => header.write('2', 156)],
    ['an old regular file', (header) => header.write('\0', 156)],
    ['an extended header', (header) => header.write('x', 156)],
    ['a sparse file', (header) => header.write('S', 156)],
    ['a link name', (header) => header.write('/etc/passwd', 157)],
    ['another owner', (header) => header.write('0000001\0', 108)],
    ['another mode', (header) => header.write('0004755\0', 100)],
    ['another time', (header) => header.write('00000000000\0', 136)],
    ['a user name', (header) => header.write('root', 265)],
    ['GNU magic', (header) => header.write('ustar  \0', 257)],
    ['a prefix', (header) => header.write('x', 345)],
    ['bytes after the prefix', (header) => header.write('x', 505)],
  ])('%s', async (_, change) => {
    const before = process.memoryUsage().arrayBuffers;
    for (const refusal of await refusalsOf(withHeader(member, change))) expect(refusal).toMatchObject({ name: 'IntegrityError' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(96 * 1024 * 1024);
  }); // prettier-ignore

  test('a checksum that does not fit', async () => {
    const bytes = Buffer.from(archive);
    bytes.write('000000', memberOf(release.inventory, member).offset - 512 + 148);
    for (const refusal of await refusalsOf(bytes)) expect(refusal).toMatchObject(malformed);
  });

  test('a size within the limit that the file does not have costs no memory', async () => {
    const bytes = withHeader(member, (header) =>
      header.write(`${octal(member.startsWith('signatures') ? 1024 * 1024 : MAX_INVENTORY_BYTES)}\0`, 124),
    );
    await writeFile(path, bytes);
    const before = process.memoryUsage().arrayBuffers;
    expect(await rejectionOf(() => openArchive(path))).toMatchObject({ name: 'IntegrityError' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });
});

describe('a hostile inventory', () => {
  const text = (): string => serializeInventory(release.inventory).toString();

  test.each<[string, (canonical: string) => string | Buffer]>([
    ['duplicate keys', (json) => json.replace('"name"', '"name": "x",\n "name"')],
    ['__proto__', (json) => json.replace('"name"', '"__proto__": {},\n "name"')],
    ['an extra key', (json) => json.replace('"name"', '"extra": 1,\n "name"')],
    ['an unsafe integer', (json) => json.replace(/"size": \d+/, '"size": 9007199254740993')],
    ['a path that leaves', (json) => json.replaceAll('docs/readme.txt', '../../escape.txt')],
    ['an absolute path', (json) => json.replaceAll('docs/readme.txt', '/docs/readme.txt')],
    ['a reserved path', (json) => json.replaceAll('docs/readme.txt', 'checksums.txt')],
    ['a platform that leaves', (json) => json.replaceAll('"linux/amd64"', '"../../../escape"')],
    [
      'a reference that is none',
      (json) => json.replaceAll('registry.example/team/web:2.0', 'registry.example/team/web:2.0 '),
    ],
    ['a slot of nearly no size', (json) => json.replace('"size": 1024', '"size": 1')],
    ['a slot without end', (json) => json.replace('"size": 1024', '"size": 9007199254740991')],
    ['a slot elsewhere', (json) => json.replace('signatures/1.sigstore.json', 'images/linux-amd64.tar')],
    ['no UTF-8', (json) => Buffer.from(json.replace('stable', 'st\xe4ble'), 'latin1')],
    ['nothing but brackets', () => '['.repeat(100_000)],
    ['nothing but a number', () => '1\n'],
  ])('%s', async (_, change) => {
    const changed = change(text());
    expect(Buffer.from(changed).equals(Buffer.from(text()))).toBe(false);
    for (const refusal of await refusalsOf(withInventory(changed))) expect(refusal).toMatchObject(malformed);
  });

  test('content of a petabyte is a file that is too short', async () => {
    const changed = text().replace(/("path": "docs\/readme.txt",\n *"size": )\d+/, '$11125899906842624');
    for (const refusal of await refusalsOf(withInventory(changed)))
      expect(refusal).toMatchObject({ name: 'IntegrityError' });
  });
});

test('the seal is all that is read, in order and once', async () => {
  const reads: [number, number][] = [];
  const { inventoryPlace } = await readSeal(async (offset, length) => {
    reads.push([offset, length]);
    return readFileSync(path).subarray(offset, offset + length);
  });
  let end = 0;
  for (const [offset, length] of reads) {
    expect(offset).toBeGreaterThanOrEqual(end);
    end = offset + length;
  }
  expect(end).toBe(inventoryPlace.offset);
  const { offset, size } = memberOf(release.inventory, 'release.json');
  expect(inventoryPlace).toEqual({ offset, size });
});
