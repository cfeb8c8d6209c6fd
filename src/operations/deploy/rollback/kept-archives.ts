/**
 * Archives that a site keeps to go back to, beside its state: signatures, manifests, charts and files of each release, and
 * no layers, which the registry has. Each is a delta, and verified like any other archive when it is used.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveFileName } from '../../../archive/inventory/from-lock.ts';
import type { TrustedArchive } from '../../../archive/verification/trusted-archive.ts';
import { withoutLayers } from '../../../archive/verification/without-layers.ts';
import { asideOf, placeFile } from '../../../base/files/place-file.ts';
import { assertRoom } from '../../../base/files/disk.ts';
import { makeDirectory } from '../../../base/files/make-directory.ts';
import { onDisk, systemCode } from '../../../base/files/system-errors.ts';
import type { CallOptions } from '../../../content/store.ts';
import { hexOf, isDigest, type Digest } from '../../../oci/digest.ts';
import { MAX_HISTORY } from '../deployment-record.ts';

const FOLDER = 'kept';
/** Of one product: what a cluster remembers, and what is there. The oldest go first. */
const MAX_KEPT = MAX_HISTORY + 1;
/** `shop-offline-1.0.0.<digest>.delta.tar`, and signatures beside it. */
const FILE = /^(.+)-offline-[^/]+\.([0-9a-f]{64})\.delta\.tar(\.[0-9a-f]{16}\.sigstore\.json)?$/;

/** Where a site keeps archives. @param state the directory of its state */
export function keptFolder(state: string): string {
  return join(state, FOLDER);
}

/**
 * Keeps an archive, and forgets the oldest of its product where there are more than a cluster remembers.
 * @returns the path
 * @throws StoreError `NO_SPACE`, `STORE_IO`; IntegrityError for content that is not what the signed inventory says
 */
export async function keepArchive(
  state: string,
  archive: TrustedArchive,
  { signal }: CallOptions = {},
): Promise<string> {
  const folder = keptFolder(state);
  await onDisk(`archives cannot be kept in ${folder}`, () => makeDirectory(folder));
  const { inventory, digest } = archive.release;
  const name = archiveFileName(inventory, true).replace(/\.delta\.tar$/, `.${hexOf(digest)}.delta.tar`);
  const path = join(folder, name);
  const { size, content, detached } = withoutLayers(archive, { signal });
  await assertRoom(folder, size, [asideOf(path)]);
  for (const { keyIdStart, bytes } of detached) await placeFile(`${path}.${keyIdStart}.sigstore.json`, bytes);
  await placeFile(path, content);
  await forgetOldest(folder, inventory.name, digest);
  return path;
}

/** The path of the archive of a release; undefined where it is not kept. @param digest of its `checksums.txt` */
export async function findKept(state: string, digest: string): Promise<string | undefined> {
  if (!isDigest(digest)) return undefined;
  const hex = hexOf(digest);
  const names = await listKept(keptFolder(state));
  const found = names.find((name) => FILE.exec(name)?.[2] === hex && name.endsWith('.tar'));
  return found === undefined ? undefined : join(keptFolder(state), found);
}

async function forgetOldest(folder: string, product: string, current: Digest): Promise<void> {
  const own = (await listKept(folder)).filter((name) => FILE.exec(name)?.[1] === product);
  const archives = [];
  for (const name of own.filter((each) => each.endsWith('.tar') && !each.includes(hexOf(current)))) {
    const { mtimeMs } = await onDisk(`cannot look at ${join(folder, name)}`, () => stat(join(folder, name)));
    archives.push({ name, mtimeMs });
  }
  const old = archives.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(MAX_KEPT - 1);
  for (const { name } of old) {
    for (const file of own.filter((each) => each.startsWith(name))) {
      await onDisk(`cannot remove ${join(folder, file)}`, () => rm(join(folder, file), { force: true }));
    }
  }
}

async function listKept(folder: string): Promise<readonly string[]> {
  return await onDisk(`cannot look into ${folder}`, async () => {
    try {
      return await readdir(folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
}
