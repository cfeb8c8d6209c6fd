/** Headers as GNU tar reads them, and the names that are refused. */
import { truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES, encodeHeader, END_BYTES, isMemberPath, paddingOf } from '../../../src/base/tar/ustar.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';
import { rejectionOf } from '../../archive/failures.ts';

const GIBIBYTE = 1024 ** 3;
const MTIME = Date.parse('2024-05-06T07:08:09Z') / 1000;
const temp = useTempDir();

async function list(path: string): Promise<readonly string[]> {
  const { stdout } = await runOk(toolPath('tar'), ['--full-time', '--numeric-owner', '-tvf', path], {
    env: { TZ: 'UTC', LC_ALL: 'C' },
  });
  return stdout.trimEnd().split('\n');
}

/** A path of two segments, split where the prefix field ends. */
function longPath(length: number): string {
  const cut = Math.min(155, length - 2);
  return `${'d'.repeat(cut)}/${'f'.repeat(length - cut - 1)}`;
}

describe('GNU tar', () => {
  test('reads name, size, mode, owner and time back', async () => {
    const parts = [
      { path: 'docs/a.txt', executable: false, bytes: Buffer.from('hello') },
      { path: 'install/+run_x-1.sh', executable: true, bytes: Buffer.alloc(BLOCK_BYTES, 'x') },
      { path: 'empty', executable: false, bytes: Buffer.alloc(0) },
    ];
    const blocks = parts.flatMap(({ bytes, ...entry }) => [
      encodeHeader({ ...entry, size: bytes.length, mtime: MTIME }),
      bytes,
      Buffer.alloc(paddingOf(bytes.length)),
    ]);
    await writeFile(temp.join('a.tar'), Buffer.concat([...blocks, Buffer.alloc(END_BYTES)]));
    expect((await list(temp.join('a.tar'))).map((line) => line.split(/ +/))).toEqual([
      ['-rw-r--r--', '0/0', '5', '2024-05-06', '07:08:09', 'docs/a.txt'],
      ['-rwxr-xr-x', '0/0', '512', '2024-05-06', '07:08:09', 'install/+run_x-1.sh'],
      ['-rw-r--r--', '0/0', '0', '2024-05-06', '07:08:09', 'empty'],
    ]);
    await runOk(toolPath('tar'), ['-xf', temp.join('a.tar'), '-C', temp.path]);
    const { stdout } = await runOk('/bin/sh', ['-c', 'cat docs/a.txt; test -x install/+run_x-1.sh && wc -c < empty'], {
      cwd: temp.path,
    });
    expect(stdout).toBe('hello0\n');
  });

  test.each([3, 100, 101, 155, 156, 157, 199, 255])('reads a path of %i bytes', async (length) => {
    const path = longPath(length);
    expect(path).toHaveLength(length);
    await writeFile(
      temp.join('a.tar'),
      Buffer.concat([encodeHeader({ path, size: 0, mtime: MTIME }), Buffer.alloc(END_BYTES)]),
    );
    expect((await list(temp.join('a.tar'))).map((line) => line.split(/ +/).at(-1))).toEqual([path]);
  });

  test.each([8 * GIBIBYTE - 1, 8 * GIBIBYTE, 5_000 * GIBIBYTE + 7])(
    'reads a member of %i bytes and what follows it',
    async (size) => {
      const large = encodeHeader({ path: 'large', size, mtime: MTIME });
      const small = encodeHeader({ path: 'small', size: 0, mtime: MTIME });
      expect(large[124]).toBe(size < 8 * GIBIBYTE ? 0x37 : 0x80);
      await writeFile(temp.join('a.tar'), large);
      const end = BLOCK_BYTES + size + paddingOf(size);
      await truncate(temp.join('a.tar'), end);
      await writeFile(temp.join('a.tar'), Buffer.concat([small, Buffer.alloc(END_BYTES)]), { flag: 'a' });
      const lines = await list(temp.join('a.tar'));
      expect(lines.map((line) => line.split(/ +/).filter((_, index) => index === 2 || index === 5))).toEqual([
        [String(size), 'large'],
        ['0', 'small'],
      ]);
    },
  );
});

describe('paths', () => {
  test.each([
    ...[
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/.',
      './a',
      '.hidden',
      'a/.b',
      'a\\b',
      'C:a',
      'a b',
    ],
    ...[
      'a\0',
      'a\nb',
      'ä',
      'a/ß',
      'a*',
      longPath(256),
      'x'.repeat(101),
      `${'p'.repeat(156)}/n`,
      `a/${'n'.repeat(101)}`,
    ],
  ])('%j is refused', async (path) => {
    expect(isMemberPath(path)).toBe(false);
    expect(await rejectionOf(() => encodeHeader({ path, size: 0, mtime: 0 }))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_SPEC',
    });
  });

  test('that are portable come back from the header byte for byte', () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,40}$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), (segments) => {
        const path = segments.join('/');
        fc.pre(isMemberPath(path));
        const header = encodeHeader({ path, size: 1, mtime: 1 }).toString('latin1');
        const [name, prefix] = [header.slice(0, 100), header.slice(345, 500)].map(
          (field) => field.split('\0')[0] ?? '',
        );
        expect(prefix === '' ? name : `${prefix}/${name}`).toBe(path);
      }),
    );
  });
});

describe('numbers that no header can carry are refused', () => {
  test.each([-1, 1.5, Number.NaN, 2 ** 53, Infinity])('size %d', (size) => {
    expect(() => encodeHeader({ path: 'a', size, mtime: 0 })).toThrow(RangeError);
  });
  test.each([-1, 0.5, Number.NaN, 8 ** 11])('time %d', (mtime) => {
    expect(() => encodeHeader({ path: 'a', size: 0, mtime })).toThrow(RangeError);
  });
});

test('padding fills the last block', () => {
  fc.assert(
    fc.property(fc.nat(1e9), (size) => {
      const padding = paddingOf(size);
      expect([padding >= 0, padding < BLOCK_BYTES, (size + padding) % BLOCK_BYTES]).toEqual([true, true, 0]);
    }),
  );
});
