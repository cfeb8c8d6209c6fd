/** The tar of a chart package: what tools read in different ways, or never stop reading, is refused at once. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { unpackChart } from '../../../src/kubernetes/charts/chart-archive.ts';
import { packChart } from '../../../src/kubernetes/charts/chart-packing.ts';
import { readChartPackage } from '../../../src/kubernetes/charts/chart-package.ts';
import { tarBlock, tarEnd, tarEntry } from '../../helpers/tar-entry.ts';

const META = tarEntry('c/Chart.yaml', { content: 'apiVersion: v2\nname: c\nversion: 1.0.0\n' });
const pax = (records: string, type = 'x'): Buffer => tarEntry('pax', { type, content: records });

describe('refused:', () => {
  test.each<[string, readonly Buffer[]]>([
    ['two sizes for one entry (CVE-2025-62518)', [pax('9 size=0\n'), META, tarEnd]],
    ['a global size', [pax('9 size=0\n', 'g'), META, tarEnd]],
    ['a global path', [pax('12 path=c/x\n', 'g'), META, tarEnd]],
    ['a path with a zero byte (CVE-2026-59875)', [pax('14 path=c/x\0y\n'), META, tarEnd]],
    ['a negative length, from which a parser never returns', [pax('-5 path=c/x\n'), META, tarEnd]],
    ['a length of zero', [pax('0 path=c/x\n'), META, tarEnd]],
    ['a length that is too long', [pax('99 path=c/x\n'), META, tarEnd]],
    ['a length that is too short', [pax('8 path=c/x\n'), META, tarEnd]],
    ['a key twice', [pax('12 path=c/x\n12 path=c/y\n'), META, tarEnd]],
    ['two extended headers that name one entry', [pax('12 path=c/x\n'), pax('12 path=c/y\n'), META, tarEnd]],
    ['a link’s target', [pax('16 linkpath=c/x\n'), META, tarEnd]],
    ['a sparse file of PAX (CVE-2025-58183)', [pax('22 GNU.sparse.major=1\n'), META, tarEnd]],
    ['an extended header in front of nothing', [META, pax('12 path=c/x\n'), tarEnd]],
    ['an extended header of a megabyte', [pax('x'.repeat(1_000_000)), META, tarEnd]],
    ['an old sparse file', [tarEntry('c/x', { type: 'S' }), tarEnd]],
    ['a device', [tarEntry('c/x', { type: '3' }), tarEnd]],
    ['a block device', [tarEntry('c/x', { type: '4' }), tarEnd]],
    ['a named pipe', [tarEntry('c/x', { type: '6' }), tarEnd]],
    ['a hard link', [tarEntry('c/x', { type: '1', link: '/etc/passwd' }), tarEnd]],
    ['a symbolic link', [tarEntry('c/x', { type: '2', link: '/etc/passwd' }), tarEnd]],
    ['a type nobody knows', [tarEntry('c/x', { type: 'Q' }), tarEnd]],
    ['a directory with content', [tarEntry('c/', { type: '5', content: 'x' }), tarEnd]],
    ['a size in base-256', [tarBlock('c/x', { size: Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }), tarEnd]],
    ['a negative size (CVE-2026-59874)', [tarBlock('c/x', { size: Buffer.alloc(12, 0xff) }), tarEnd]],
    ['a size that is no number', [tarBlock('c/x', { size: Buffer.from('0x1') }), tarEnd]],
    ['a size of a terabyte', [tarBlock('c/x', { size: Buffer.from('77777777777\0') }), tarEnd]],
    ['a wrong checksum', [Buffer.from(META.map((byte, at) => (at === 0 ? byte ^ 1 : byte))), tarEnd]],
    ['a cut in a header', [META.subarray(0, 300)]],
    ['a cut in content', [META.subarray(0, 520)]],
    ['bytes behind the end', [META, tarEnd, Buffer.from('x')]],
    ['another archive behind the end', [META, tarEnd, META, tarEnd]],
    ['a name with a zero byte inside', [tarBlock('c/x\0y', {}), tarEnd]],
    ['a name that is not UTF-8', [tarBlock(Buffer.from([0x63, 0x2f, 0xff]), {}), tarEnd]],
  ])('%s', async (_, parts) => {
    const tar = Buffer.concat(parts);
    await expect(unpackChart(gzipSync(tar), 'c.tgz')).rejects.toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' }); // prettier-ignore
  });

  test('a hundred thousand empty directories and one', async () => {
    const directories = Array.from({ length: 100_001 }, () => tarEntry('c/', { type: '5' }));
    const bytes = gzipSync(Buffer.concat([META, ...directories, tarEnd]), { level: 1 });
    await expect(unpackChart(bytes, 'c.tgz')).rejects.toMatchObject({ code: 'MALFORMED' });
  });
});

test.each(['.', '..', 'c/..', 'c/.', 'c//x', '..\\x', 'C:\\x', 'c/../../x', 'c/\u0007x'])(
  'no file of a chart is called %j (CVE-2026-35206)',
  async (name) => {
    await expect(
      unpackChart(gzipSync(Buffer.concat([META, tarEntry(name, { content: '' }), tarEnd])), 'c.tgz'),
    ).rejects.toMatchObject({ code: 'MALFORMED' });
  },
);

test.each(['.', '..', 'a/b', '../x', '/x', 'a\\b', 'C:x', '', 'a\nb'])('no chart is called %j', async (name) => {
  const yaml = `apiVersion: v2\nname: ${JSON.stringify(name)}\nversion: 1.0.0\n`;
  const bytes = await packChart('c', [{ path: 'Chart.yaml', bytes: Buffer.from(yaml) }]);
  await expect(readChartPackage(bytes, 'c.tgz')).rejects.toMatchObject({ code: 'INVALID_SPEC' });
});

test('a line break in a key of Chart.yaml does not forge a line of the message', async () => {
  const yaml = 'apiVersion: v2\nname: c\nversion: 1.0.0\nannotations: {"a\\n  hint: run this": [1]}\n';
  const bytes = await packChart('c', [{ path: 'Chart.yaml', bytes: Buffer.from(yaml) }]);
  await expect(readChartPackage(bytes, 'c.tgz')).rejects.toSatisfy((error: Error) => !error.message.includes('\n'));
});

describe('decompression bombs', () => {
  test('of a ratio that no chart has are stopped early (CVE-2025-32386)', async () => {
    const bomb = gzipSync(Buffer.alloc(150 * 1024 * 1024), { level: 9 });
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().rss;
    await expect(unpackChart(bomb, 'c.tgz')).rejects.toMatchObject({ code: 'MALFORMED' });
    expect(process.memoryUsage().rss - before).toBeLessThan(120 * 1024 * 1024);
  });

  test('within a package share one budget', async () => {
    const inner = gzipSync(Buffer.concat([META, Buffer.alloc(15 * 1024 * 1024)]), { level: 1 });
    const subs = Array.from({ length: 20 }, (_, n) => tarEntry(`c/charts/s${n}.tgz`, { content: inner }));
    const bytes = gzipSync(Buffer.concat([META, ...subs, tarEnd]), { level: 0 });
    await expect(readChartPackage(bytes, 'c.tgz')).rejects.toMatchObject({ code: 'MALFORMED' });
  });
});
