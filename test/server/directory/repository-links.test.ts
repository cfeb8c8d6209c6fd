/** What a repository of the registry's directory serves, and what is forgotten with a manifest. */
import { mkdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { sha256, type RegisteredDigest } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { Repository } from '../../../src/server/directory/repository-links.ts';
import { listDigests, openStorage } from '../../../src/server/directory/storage.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const [a, b] = [sha256('a'), sha256('b')];

test('a manifest that is served no more takes its own tags with it, and no others', async () => {
  const repository = new Repository(await openStorage(temp.path, false), 'team/app');
  expect(await repository.exists()).toBe(false);
  for (const digest of [a, b]) await repository.linkManifest(digest, MediaType.manifest);
  for (const [tag, digest] of [['1', a], ['2', b], ['latest', a]] as const) await repository.setTag(tag, digest); // prettier-ignore
  expect(await repository.unlinkManifest(a)).toBe(true);
  expect(await repository.listTags()).toEqual(['2']);
  expect([await repository.resolveTag('2'), await repository.resolveTag('1')]).toEqual([b, undefined]);
  expect([await repository.hasBlob(a), await repository.hasBlob(b)]).toEqual([false, true]);
  expect([await repository.unlinkManifest(a), await repository.exists()]).toEqual([false, true]);
});

test('repositories that hold something are listed by their whole names, those within others too', async () => {
  const storage = await openStorage(temp.path, false);
  for (const name of ['b', 'a/b', 'a/b/c']) await new Repository(storage, name).linkBlob(a);
  await mkdir(temp.join('repositories', 'empty', 'too'), { recursive: true });
  expect(await storage.listRepositories()).toEqual(['a/b', 'a/b/c', 'b']);
});

test('a link is a digest by its length: sha256 or sha512, and nothing else is one', async () => {
  const long: RegisteredDigest = `sha512:${'0'.repeat(128)}`;
  for (const name of [a.slice(7), '0'.repeat(128), '0'.repeat(63), 'note.txt']) await writeFile(temp.join(name), '');
  expect(await listDigests(temp.path)).toEqual([a, long].sort());
  expect(await listDigests(temp.join('nothing'))).toEqual([]);
});
