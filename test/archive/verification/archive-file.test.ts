/** One file of a trusted archive is read whole, unless it is larger than memory should hold; a refusal keeps nothing open. */
import { readdirSync, readlinkSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { readArchiveFile } from '../../../src/archive/verification/archive-file.ts';
import { trustArchive } from '../../../src/archive/verification/trusted-archive.ts';
import type { InventoryFile } from '../../../src/archive/inventory/inventory-schema.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { pairOf } from '../../trust/documents/trust-documents.ts';
import { makeArchive } from './trusted-archive.ts';

const temp = useTempDir();
const policy = { keys: [pairOf('release').publicKey], threshold: 1 };
const MAX_BYTES = 64 * 1024 * 1024;

beforeEach(async () => {
  await makeArchive(temp.join('a.tar'), { sequence: 7, signers: ['release'] });
});

test('a file is read, unless it is given up', async () => {
  using archive = await trustArchive(temp.join('a.tar'), policy);
  const [file] = archive.release.inventory.files as [InventoryFile];
  expect((await readArchiveFile(archive, file)).toString()).toBe('release 7\n');
  const aborted = readArchiveFile(archive, file, { signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
});

test('a file of more than 64 MiB is refused by its name, before it is read', async () => {
  using archive = await trustArchive(temp.join('a.tar'), policy);
  const [file] = archive.release.inventory.files as [InventoryFile];
  const tooLarge = { code: 'MALFORMED', message: `docs/readme.txt is larger than ${MAX_BYTES} bytes` };
  await expect(readArchiveFile(archive, { ...file, size: MAX_BYTES + 1 })).rejects.toMatchObject(tooLarge);
  await expect(readArchiveFile(archive, { ...file, size: MAX_BYTES })).rejects.not.toMatchObject(tooLarge);
});

test('an archive that is believed and given a base it does not need is closed again', async () => {
  const bases = [temp.join('a.tar')];
  await expect(trustArchive(temp.join('a.tar'), policy, { bases })).rejects.toMatchObject({ code: 'USAGE' });
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  expect(links).not.toContain(temp.join('a.tar'));
});
