/** The lock that a sample release would be built from. */
import type { ReleaseLock } from '../../src/release/lock/lock-schema.ts';
import type { SampleRelease } from './sample-release.ts';

/** A lock of what an archive was built from. */
export function lockOf({ inventory }: SampleRelease): ReleaseLock {
  const { formatVersion: _, slots: __, files, components, ...release } = inventory;
  const own = files.filter(({ path }) => !path.startsWith('install/'));
  return {
    lockVersion: 1,
    ...release,
    specDigest: inventory.images[0]?.digest ?? (release.name as never),
    components: components.map(({ name, images }) => ({
      name,
      images: images.map((reference) => ({ reference, foundIn: ['release.yaml:1:1'] })),
      files: own.map(({ path }) => path),
    })),
    files: own.map((file) => ({ ...file, from: file.path, kind: 'doc' })),
  };
}
