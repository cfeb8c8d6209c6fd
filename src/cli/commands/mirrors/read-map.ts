/** The map of images, from the files and options that a person gives. */
import { UsageError } from '../../../errors.ts';
import { createMirrorMap, type MirrorAccess, type MirrorMap } from '../../../kubernetes/mirrors/mirror-map.ts';
import { readMapping } from '../../../release/mapping/mapping-file.ts';

/** What file systems and Kubernetes take as a name. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What is said of the map beside its files. */
export interface MapOptions extends Pick<MirrorAccess, 'caFile' | 'insecure' | 'plainHttp'> {
  readonly name: string | undefined;
}

/** Reads mappings as one. @throws UsageError when there is none, or an option or a file is not what it has to be. */
export async function readMap(
  mappings: readonly string[],
  { name = 'airgap', plainHttp, insecure, caFile }: MapOptions,
  signal: AbortSignal,
): Promise<MirrorMap> {
  if (mappings.length === 0) {
    throw new UsageError('USAGE', 'no mapping is given', {
      hint: 'give the mapping.txt that a load wrote (--report DIR), or that directory',
    });
  }
  if (!NAME.test(name)) {
    throw new UsageError('USAGE', `--name: ${name} is no name`, {
      hint: 'lower-case letters, digits and hyphens, at most 63',
    });
  }
  if (caFile !== undefined && !/^(?:\/|[A-Za-z]:[\\/])[^\p{Cc}]+$/u.test(caFile)) {
    throw new UsageError('USAGE', `--ca-file: ${caFile} is no whole path`, {
      hint: 'give the path that nodes have it under, from / on',
    });
  }
  const images = await Promise.all(mappings.map((path) => readMapping(path, signal)));
  return createMirrorMap(images.flat(), { name, access: { plainHttp, insecure, caFile } });
}
