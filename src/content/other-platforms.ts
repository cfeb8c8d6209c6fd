/** Images whose index says another platform than their config: a node would pull what it cannot run. */
import { forEachConcurrently } from '../base/limit.ts';
import type { Digest } from '../oci/digest.ts';
import { matchesPlatform, parseConfigPlatform, toPlatform } from '../oci/platform.ts';
import type { GraphPart } from './graph-walk.ts';
import type { CallOptions, Source } from './store.ts';
import { readVerified } from './verified.ts';

/** Configs that are read at the same time; each host has its own limit besides. */
const CONCURRENCY = 8;
/** Bytes of one config that is read for its platform; real ones have a few kilobytes. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** One manifest of an index that is for another platform than the index says. */
export interface OtherPlatform {
  readonly digest: Digest;
  /** What the index says. */
  readonly index: string;
  /** What the config says. */
  readonly config: string;
}

/**
 * Compares what the indexes of an image say of their manifests with these manifests' configs: operating system and
 * architecture, whatever their names; older configs have no variant. Configs that are read are added to `contents`.
 * @returns sorted by digest and by what the index says
 */
export async function findOtherPlatforms(
  source: Source,
  { manifests, blobs }: GraphPart,
  contents: Map<Digest, Buffer>,
  options: CallOptions = {},
): Promise<readonly OtherPlatform[]> {
  const configs = new Map(manifests.map(({ digest, config }) => [digest, config]));
  const descriptors = new Map(blobs.map((blob) => [blob.digest, blob]));
  const found: OtherPlatform[] = [];
  const children = manifests.flatMap((manifest) => manifest.manifests ?? []);
  await forEachConcurrently(
    children,
    CONCURRENCY,
    async ({ digest, platform }, signal) => {
      const descriptor = descriptors.get(configs.get(digest) as Digest);
      if (platform === undefined || descriptor === undefined || descriptor.size > MAX_CONFIG_BYTES) return;
      const bytes = contents.get(descriptor.digest) ?? (await readVerified(source, descriptor, { signal }));
      contents.set(descriptor.digest, bytes);
      const config = platformIn(bytes);
      if (config !== undefined && !isSameMachine(platform, config)) found.push({ digest, index: platform, config });
    },
    options.signal,
  );
  return found.sort((a, b) => (a.digest + a.index < b.digest + b.index ? -1 : 1));
}

/** What is no config names no platform; whether it may be carried is decided elsewhere. */
function platformIn(config: Buffer): string | undefined {
  try {
    return parseConfigPlatform(config);
  } catch {
    return undefined;
  }
}

function isSameMachine(one: string, other: string): boolean {
  const [first, second] = [toPlatform(one), toPlatform(other)];
  const plain = ({ os, architecture }: typeof first): typeof first => ({ os, architecture });
  return matchesPlatform(first, second) || matchesPlatform(plain(first), plain(second));
}
