/** Section 4.4 of docs/format.md, written from that page alone, without the rules of JSON. */
import type { Insist, Release, Sized } from './second-reader.ts';

interface Named extends Sized {
  readonly mediaType: string;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

/** Throws when the inventory says of a manifest what it does not say itself. */
export function proveGraph(release: Release, contents: ReadonlyMap<string, Buffer>, insist: Insist): void {
  const read = (digest = ''): unknown => JSON.parse(String(contents.get(digest) ?? 'null'));
  const sizes = new Map([...release.manifests, ...release.blobs].map(({ digest, size }) => [digest, size]));
  const types = new Set<string>();
  const isIndexType = (type: string): boolean => /index|manifest\.list/.test(type);
  const textOf = ({ os, architecture, variant }: NonNullable<Named['platform']>): string => {
    const isPlain = { arm64: 'v8', amd64: 'v1' }[architecture] === variant || variant === undefined || variant === '';
    const text = `${os}/${architecture}${isPlain ? '' : `/${variant}`}`;
    return /^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]{1,2})?$/.test(text) && !/unknown/.test(text) ? text : '';
  };
  const said = new Map<string, Set<string>>();
  const say = (digest: string, platform: Named['platform']): void => {
    const config = release.manifests.find((each) => each.digest === digest)?.config;
    let text = '';
    if (platform !== undefined) text = textOf(platform);
    else if (config !== undefined) text = textOf((read(config) ?? {}) as NonNullable<Named['platform']>);
    said.set(digest, (said.get(digest) ?? new Set()).add(text));
  };
  for (const claim of release.manifests) {
    const own = read(claim.digest) as { mediaType?: string; manifests?: Named[]; config: Named; layers: Named[] };
    const what = `graph of ${claim.digest}`;
    insist((own.mediaType ?? claim.mediaType) === claim.mediaType, what);
    insist((own.manifests !== undefined) === isIndexType(claim.mediaType), what);
    for (const child of claim.manifests ?? []) {
      const listed = (own.manifests ?? []).filter(({ digest }) => digest === child);
      const carried = release.manifests.find(({ digest }) => digest === child);
      insist(listed.length > 0, what);
      for (const { mediaType, size, platform } of listed) {
        insist(isIndexType(mediaType) === isIndexType(carried?.mediaType ?? '') && size === carried?.size, what);
        if (carried?.manifests === undefined) say(child, platform);
      }
    }
    if (own.manifests !== undefined) continue;
    insist(
      own.config.digest === claim.config && own.layers.map(({ digest }) => digest).join() === claim.layers?.join(),
      what,
    );
    for (const { digest, size, mediaType } of [own.config, ...own.layers]) {
      insist(sizes.get(digest) === size && !/\.(foreign|nondistributable)\./.test(mediaType), what);
      types.add(`${digest} ${mediaType}`);
    }
  }
  insist(
    release.blobs.every(({ digest, mediaType }) => types.has(`${digest} ${mediaType}`)),
    'graph: types of blobs',
  );
  const standsNowhere = (digest: string): void => {
    const { manifests } = release.manifests.find((each) => each.digest === digest) ?? {};
    if (manifests === undefined) said.set(digest, (said.get(digest) ?? new Set()).add(''));
    for (const child of manifests ?? []) standsNowhere(child);
  };
  for (const { digest, subject, tag } of release.images.flatMap(({ evidence = [] }) => evidence)) {
    standsNowhere(digest);
    const named = (read(digest) as { subject?: Sized }).subject?.digest;
    insist(tag !== undefined || named === subject, `graph: subject of ${digest}`);
  }
  for (const { digest, indexMode } of release.images) {
    const root = release.manifests.find((each) => each.digest === digest);
    insist((indexMode !== undefined) === (root?.manifests !== undefined), `graph: index mode of ${digest}`);
    if (root?.manifests === undefined) {
      say(digest, undefined);
    } else if (indexMode === 'complete') {
      const { manifests } = read(digest) as { manifests: Named[] };
      insist(new Set(manifests.map((each) => each.digest)).size === root.manifests.length, `graph: ${digest} is whole`);
    }
  }
  for (const { digest, platform = '', manifests, config } of release.manifests) {
    if (manifests !== undefined) continue;
    const { mediaType = '' } = (read(digest) as { config: Named }).config;
    const isImage = /(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/.test(mediaType);
    insist(
      config !== undefined && (isImage ? said.get(digest)?.has(platform) === true : platform === ''),
      `graph: platform of ${digest}`,
    );
  }
}
