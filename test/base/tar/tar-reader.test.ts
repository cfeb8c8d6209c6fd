/** The tar reader: what tools write is read, in whatever pieces it comes; what is wrong is refused and never waited for. */
import { readFile, writeFile } from 'node:fs/promises';
import { pack, type Header } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { readTar, type TarMember } from '../../../src/base/tar/tar-reader.ts';
import { bytesOf, collect } from '../../../src/content/verified.ts';
import { runOk } from '../../helpers/run.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { tarBlock, tarEnd, tarEntry, withChecksum } from '../../helpers/tar-entry.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';

const temp = useTempDir();
const GIB = 1024 ** 3;
const pax = (records: string, type = 'x'): Buffer => tarEntry('pax', { type, content: records });

type Told = Omit<TarMember, 'content' | 'modified'> & { readonly text: string };

async function tell(source: AsyncIterable<Uint8Array>): Promise<readonly Told[]> {
  const told: Told[] = [];
  for await (const { content, modified: _modified, ...member } of readTar(source))
    told.push({ ...member, text: String(await collect(content)) });
  return told;
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function refusal(...parts: readonly Buffer[]): Promise<unknown> {
  return tell(bytesOf(Buffer.concat(parts))).catch((error: unknown) => error);
}

test.each(['ustar', 'gnu', 'pax', 'oldgnu'])('GNU tar’s format %s is read with long names and all', async (format) => {
  const long = `c/${'long'.repeat(20)}/${'name'.repeat(format === 'ustar' ? 15 : 35)}.txt`;
  const folder = long.slice(0, long.lastIndexOf('/'));
  await runOk(toolPath('mkdir'), ['-p', temp.join(folder)]);
  await writeFile(temp.join(long), 'far');
  await runOk(toolPath('ln'), ['-s', format === 'ustar' ? 'near' : 'x'.repeat(150), temp.join('c/link')]);
  await runOk(toolPath('tar'), ['--format', format, '--sort=name', '-cf', 'a.tar', 'c'], { cwd: temp.path });
  const bytes = await readFile(temp.join('a.tar'));
  const expected = [
    { name: 'c/', kind: 'directory', size: 0, linkName: '', text: '' },
    {
      name: 'c/link',
      kind: 'symbolic link',
      size: 0,
      linkName: format === 'ustar' ? 'near' : 'x'.repeat(150),
      text: '',
    },
    { name: `${folder}/`, kind: 'directory', size: 0, linkName: '', text: '' },
    { name: long, kind: 'file', size: 3, linkName: '', text: 'far' },
  ];
  for (const size of [1, 7, 511, 512, 513, bytes.length]) {
    expect((await tell(inPieces(bytes, size))).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
      expected.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }
});

test.each([
  ['00000000017\0', 15],
  ['   00000017 ', undefined],
  ['-0000000017\0', undefined],
  ['0000000001x\0', undefined],
  ['\0'.repeat(12), undefined],
  [Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 1)]), undefined],
])('a time %j is read as %j, and refuses nothing', async (field, modified) => {
  const block = tarBlock('f', {});
  block.set(Buffer.from(field), 136);
  for await (const member of readTar(bytesOf(Buffer.concat([withChecksum(block), tarEnd])))) {
    expect(member.modified).toBe(modified);
  }
  expect.assertions(1);
});

test('what another library writes is read, in pieces of any size', async () => {
  const files: [Partial<Header> & { name: string }, Buffer][] = [0, 1, 511, 512, 513, 70_000].map((size) => [
    { name: `${'deep/'.repeat(size % 40)}f${size}`, mtime: new Date(1_500_000_000_500) },
    noise(`f${size}`, size),
  ]);
  const archive = pack();
  for (const [header, bytes] of files) archive.entry(header, bytes);
  archive.finalize();
  const bytes = await collect(archive as AsyncIterable<Uint8Array>);
  for (const size of [100, 512, 1000, bytes.length]) {
    const seen: [string, number | undefined, Buffer][] = [];
    for await (const { name, modified, content } of readTar(inPieces(bytes, size)))
      seen.push([name, modified, await collect(content)]);
    expect(seen).toEqual(files.map(([{ name }, content]) => [name, 1_500_000_000, content]));
  }
});

test('content that nobody reads, or only begins to, is passed over', async () => {
  const parts = ['a', 'b', 'c'].map((name) => tarEntry(name, { content: noise(name, 5_000) }));
  const names: string[] = [];
  for await (const { name, content } of readTar(inPieces(Buffer.concat([...parts, tarEnd]), 700))) {
    names.push(name);
    if (name === 'b') for await (const _chunk of content) break;
  }
  expect(names).toEqual(['a', 'b', 'c']);
});

test('leaving early ends the source', async () => {
  let isOver = false;
  async function* source(): AsyncGenerator<Buffer, void> {
    try {
      for (;;) yield tarEntry('a', { content: 'x' });
    } finally {
      isOver = true;
    }
  }
  for await (const _member of readTar(source())) break;
  expect(isOver).toBe(true);
});

describe('a size beyond octal digits', () => {
  const base256 = (size: number): Buffer => {
    const field = Buffer.alloc(12);
    field[0] = 0x80;
    field.writeBigUInt64BE(BigInt(size), 4);
    return field;
  };
  const sizeOf = async (...parts: readonly Buffer[]): Promise<number> => {
    for await (const { size } of readTar(bytesOf(Buffer.concat(parts)))) return size;
    return Number.NaN;
  };

  test('is read in base-256, and from an extended header', async () => {
    expect(await sizeOf(tarBlock('a', { size: base256(9 * GIB) }))).toBe(9 * GIB);
    expect(await sizeOf(pax(`19 size=${9 * GIB}\n`), tarBlock('a', {}))).toBe(9 * GIB);
    expect(await sizeOf(pax(`19 size=${9 * GIB}\n`), tarBlock('a', { size: base256(9 * GIB) }))).toBe(9 * GIB);
  });

  test.each([
    ['that octal digits can hold', [pax('11 size=10\n'), tarBlock('a', {})]],
    ['that contradicts the header', [pax(`19 size=${9 * GIB}\n`), tarEntry('a', { content: 'x' })]],
    ['that contradicts base-256', [pax(`19 size=${9 * GIB}\n`), tarBlock('a', { size: base256(10 * GIB) })]],
    ['of a directory', [pax(`19 size=${9 * GIB}\n`), tarEntry('a', { type: '5' })]],
    ['in base-256 that octal digits can hold', [tarBlock('a', { size: base256(1) })]],
    ['in base-256 beyond exact numbers', [tarBlock('a', { size: base256(Number.MAX_SAFE_INTEGER + 1) })]],
  ])('%s is refused', async (_, parts) => {
    expect(await refusal(...parts)).toBeInstanceOf(RangeError);
  });
});

describe('refused at once:', () => {
  test.each<[string, readonly Buffer[]]>([
    ['a directory with content', [tarEntry('a/', { type: '5', content: 'x'.repeat(600) }), tarEnd]],
    ['a directory that claims content and has none', [tarBlock('a/', { type: '5', size: Buffer.from('00000001000\0') })]],
    ['a link with content', [tarEntry('a', { type: '2', link: 'b', content: 'x' }), tarEnd]],
    ['a target of what is no link', [pax('14 linkpath=b\n'), tarEntry('a', {}), tarEnd]],
    ['a GNU target of what is no link', [tarEntry('K', { type: 'K', content: 'b\0' }), tarEntry('a', {}), tarEnd]],
    ['two targets', [tarEntry('K', { type: 'K', content: 'b\0' }), pax('14 linkpath=b\n'), tarEntry('a', { type: '2' }), tarEnd]],
    ['a cut in a header', [tarEntry('a', { content: 'x' }).subarray(0, 100)]],
    ['a cut in content', [tarEntry('a', { content: 'x'.repeat(600) }).subarray(0, 1000)]],
    ['a cut in padding', [tarEntry('a', { content: 'x' }).subarray(0, 600)]],
    ['a cut in an extended header', [pax('10 path=x\n').subarray(0, 514)]],
    ['zeros without end', [tarEntry('a', { content: 'x' }), Buffer.alloc(2 * 1024 * 1024)]],
    ['something in the last of the zeros', [tarEntry('a', {}), tarEnd, Buffer.alloc(511), Buffer.of(1)]],
  ])('%s', async (_, parts) => {
    expect(await refusal(...parts)).toBeInstanceOf(RangeError);
  }); // prettier-ignore
});

test('what the source throws is passed on as it is', async () => {
  const broken = new Error('the link broke');
  async function* source(): AsyncGenerator<Buffer, void> {
    yield tarEntry('a', { content: 'x'.repeat(2_000) }).subarray(0, 700);
    throw broken;
  }
  await expect(tell(source())).rejects.toBe(broken);
});

test('a name and a link that fill their fields, without a zero byte at the end, are whole', async () => {
  const [name, link] = ['n'.repeat(100), 'l'.repeat(100)];
  const told = await tell(bytesOf(Buffer.concat([tarEntry(name, { type: '2', link, magic: 'ustar\x0000' }), tarEnd])));
  expect(told).toMatchObject([{ name, linkName: link }]);
});
