/** containerd: a directory for each registry, with a `hosts.toml` that says where its images are. */
import { formatReference } from '../../../oci/reference.ts';
import { endpointOf, HEADING, ownImages, splitPlace, type MirrorDialect, type MirrorFiles, type UnexpressedImage } from '../dialect.ts'; // prettier-ignore
import { isItsOwnMirror, repositoryName, type MirrorAccess, type MirroredRegistry } from '../mirror-map.ts';

const DIRECTORY = '/etc/containerd/certs.d';

/**
 * A host of containerd is an address in front of paths that stay as they are: what changes a path itself cannot be said.
 * @see https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
export const containerd: MirrorDialect = {
  title: 'containerd',
  directory: DIRECTORY,
  write({ registries, access }): MirrorFiles {
    const places = new Set(registries.flatMap(({ images }) => images.map(({ internal }) => repositoryName(internal))));
    const written = registries.map((registry) => {
      const fronts = frontsOf(registry);
      const unexpressed = unexpressedOf(registry, fronts, places);
      const files =
        fronts.length === 0
          ? []
          : [{ path: `${directoryOf(registry.host)}/hosts.toml`, content: hostsToml(registry.host, fronts, access) }];
      return { files, unexpressed };
    });
    return {
      files: written.flatMap(({ files }) => files),
      unexpressed: written.flatMap(({ unexpressed }) => unexpressed),
      steps: [
        `containerd reads these files where its own configuration has config_path = "${DIRECTORY}", in the section ` +
          `plugins."io.containerd.cri.v1.images".registry (before containerd 2: plugins."io.containerd.grpc.v1.cri".registry); ` +
          'after that change it is restarted once, and never for a change of these files',
      ],
    };
  },
};

/** What may stand in front of the paths of a registry, in the order in which they are tried: the most common one last. */
function frontsOf(registry: MirroredRegistry): readonly string[] {
  const { host, redirects } = registry;
  // The registry that holds the images answers for itself: a front would be in the way of every other pull.
  if (isItsOwnMirror(registry)) return [];
  const common = redirects.filter(({ from }) => from === host).map(({ to }) => to);
  const others = redirects
    .filter(({ from }) => from !== host)
    .map(({ from, to }) => [from.slice(host.length), to] as const)
    .flatMap(([path, to]) => (to.endsWith(path) ? [to.slice(0, -path.length)] : []));
  return [...new Set([...others.filter((front) => !common.includes(front)), ...common])];
}

/** An image counts as found where the first of the addresses that has any repository of its path has the right one. */
function unexpressedOf(
  registry: MirroredRegistry,
  fronts: readonly string[],
  places: ReadonlySet<string>,
): readonly UnexpressedImage[] {
  if (isItsOwnMirror(registry)) return ownImages(registry);
  return registry.images.flatMap(({ original, internal }) => {
    const found = fronts.map((front) => `${front}/${original.repository}`).find((place) => places.has(place));
    if (found === repositoryName(internal)) return [];
    const why = `is at ${formatReference(internal)}: containerd keeps the path that follows the registry`;
    return [{ original: formatReference(original), why }];
  });
}

/**
 * With `server`, the original registry is never asked. It would do alone, but containerd 1 takes no file without a host,
 * and then asks the original registry.
 */
function hostsToml(host: string, fronts: readonly string[], access: MirrorAccess): string {
  const last = fronts.at(-1) ?? '';
  const settings = [
    'capabilities = ["pull", "resolve"]',
    'override_path = true',
    ...(access.caFile === undefined ? [] : [`ca = ${quoted(access.caFile)}`]),
    ...(access.insecure === true ? ['skip_verify = true'] : []),
  ];
  return `${[
    HEADING,
    `# ${host} is at ${last}`,
    `server = ${quoted(urlOf(last, access))}`,
    ...settings,
    ...fronts.flatMap((front) => [
      '',
      `[host.${quoted(urlOf(front, access))}]`,
      ...settings.map((line) => `  ${line}`),
    ]),
  ].join('\n')}\n`;
}

function urlOf(front: string, access: MirrorAccess): string {
  const { host, path } = splitPlace(front);
  return `${endpointOf(host, access)}/v2${path === '' ? '' : `/${path}`}`;
}

/** `registry.example:5000` → `registry.example_5000_`: the form that file systems take everywhere, which containerd tries first. */
function directoryOf(host: string): string {
  return host.replace(/:([0-9]+)$/, '_$1_');
}

/** What JSON escapes, TOML escapes alike. @see https://toml.io/en/v1.0.0#string */
function quoted(text: string): string {
  return JSON.stringify(text);
}
