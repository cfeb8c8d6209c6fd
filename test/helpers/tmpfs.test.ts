/** A disk that is full for real. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mountsBelow } from './mounts.ts';
import { mountTmpfs } from './tmpfs.ts';

const MIB = 1024 * 1024;

test('is full at its size, has room after resizing, and is gone afterwards', async () => {
  const disk = await mountTmpfs({ maxBytes: 2 * MIB });
  try {
    await expect(writeFile(join(disk.path, 'file'), Buffer.alloc(3 * MIB))).rejects.toMatchObject({ code: 'ENOSPC' });
    await disk.resize(8 * MIB);
    await writeFile(join(disk.path, 'file'), Buffer.alloc(3 * MIB));
    expect(await mountsBelow(disk.path)).toEqual([disk.path]);
  } finally {
    await disk.unmount();
  }
  expect(existsSync(disk.path)).toBe(false);
});

test('runs out of inodes', async () => {
  await using disk = await mountTmpfs({ maxBytes: MIB, maxInodes: 3 });
  await writeFile(join(disk.path, 'one'), '');
  await writeFile(join(disk.path, 'two'), '');
  await expect(writeFile(join(disk.path, 'three'), '')).rejects.toMatchObject({ code: 'ENOSPC' });
});
