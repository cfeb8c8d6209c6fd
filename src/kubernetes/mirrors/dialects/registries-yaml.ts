/** k3s and RKE2: `registries.yaml`, of which they write containerd's files at their start. */
import { isMap, parseDocument, stringify, type Document } from 'yaml';
import { readYaml } from '../../../base/yaml-source.ts';
import { UsageError } from '../../../errors.ts';
import {
  endpointOf,
  HEADING,
  hostsOf,
  ownImages,
  splitPlace,
  type MirrorDialect,
  type MirrorFiles,
} from '../dialect.ts';
import { isItsOwnMirror, type MirrorAccess, type MirroredRegistry, type MirrorMap } from '../mirror-map.ts';

/** What a configuration says of the connection to a host. */
const TLS_KEYS = ['ca_file', 'insecure_skip_verify'] as const;

/** What this product writes of the file. */
interface RegistriesYaml {
  readonly mirrors: Readonly<
    Record<string, { endpoint: readonly string[]; rewrite?: Readonly<Record<string, string>> }>
  >;
  readonly configs?: Readonly<Record<string, { tls: Partial<Record<(typeof TLS_KEYS)[number], unknown>> }>>;
}

/** @see https://docs.k3s.io/installation/private-registry */
export const k3s: MirrorDialect = dialectOf('k3s', 'k3s', 'systemctl restart k3s` or `systemctl restart k3s-agent');

/** @see https://docs.rke2.io/install/private_registry */
export const rke2: MirrorDialect = dialectOf(
  'RKE2',
  'rke2',
  'systemctl restart rke2-server` or `systemctl restart rke2-agent',
);

function dialectOf(title: string, program: string, restart: string): MirrorDialect {
  const directory = `/etc/rancher/${program}`;
  return {
    title,
    directory,
    write(map): MirrorFiles {
      const registries = map.registries.filter((registry) => !isItsOwnMirror(registry));
      const settings = registriesOf({ ...map, registries });
      const content = `${HEADING}\n${stringify(settings, { lineWidth: 0, singleQuote: true })}`;
      return {
        files: registries.length === 0 ? [] : [{ path: 'registries.yaml', content }],
        unexpressed: map.registries.filter(isItsOwnMirror).flatMap(ownImages),
        steps: [
          `${title} reads it at its start: \`${restart}\``,
          `disable-default-registry-endpoint: true in ${directory}/config.yaml keeps nodes from asking the original registries too`,
        ],
      };
    },
    merge(existing, file, path) {
      assertReadable(existing, path);
      const document = parseDocument(existing);
      const before = document.toString();
      const own = readYaml(file.content, file.path)[0]?.value as RegistriesYaml;
      for (const [host, mirror] of Object.entries(own.mirrors)) setWithin(document, ['mirrors', host], mirror);
      for (const [host, { tls }] of Object.entries(own.configs ?? {})) {
        // Accounts and client certificates stay: they are no part of this configuration.
        for (const key of TLS_KEYS) setWithin(document, ['configs', host, 'tls', key], tls[key]);
      }
      const after = document.toString({ lineWidth: 0 });
      return sameValue(before, after) ? existing : after;
    },
  };
}

function registriesOf(map: MirrorMap): RegistriesYaml {
  const { registries, access } = map;
  const tls = {
    ...(access.caFile === undefined ? {} : { ca_file: access.caFile }),
    ...(access.insecure === true ? { insecure_skip_verify: true } : {}),
  };
  return {
    mirrors: Object.fromEntries(registries.map((registry) => [registry.host, mirrorOf(registry, access)])),
    ...(Object.keys(tls).length === 0
      ? {}
      : { configs: Object.fromEntries(hostsOf(map).map((host) => [host, { tls }])) }),
  };
}

/** The patterns of one registry have no order: either one fits all repositories, or each fits one. */
function mirrorOf(
  { host, redirects, images }: MirroredRegistry,
  access: MirrorAccess,
): RegistriesYaml['mirrors'][string] {
  const [only, ...more] = redirects;
  const isCommon = more.length === 0 && only?.from === host;
  const places = new Map(images.map(({ original, internal }) => [original.repository, internal]));
  const rewrite = isCommon
    ? rewriteAll(splitPlace(only.to).path)
    : Object.fromEntries([...places].map(([path, internal]) => [`^${literal(path)}$`, internal.repository]));
  const endpoint = [...new Set(images.map(({ internal }) => endpointOf(internal.registry, access)))];
  return { endpoint, ...(Object.keys(rewrite).length === 0 ? {} : { rewrite }) };
}

function rewriteAll(path: string): Readonly<Record<string, string>> {
  return path === '' ? {} : { '^(.*)$': `${path}/$1` };
}

/** Without backslashes: the pattern is written into a file of containerd as it is, where they would be escapes. */
function literal(path: string): string {
  return path.replaceAll('.', '[.]');
}

function assertReadable(text: string, path: string): void {
  const value = readYaml(text, path)[0]?.value ?? {};
  const sections = typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  const isMapping = (section: unknown): boolean =>
    section === undefined || section === null || (typeof section === 'object' && !Array.isArray(section));
  if (sections !== undefined && isMapping(sections['mirrors']) && isMapping(sections['configs'])) return;
  throw new UsageError('INVALID_SPEC', `${path} is not the registries.yaml of k3s or RKE2`, {
    hint: 'mirrors: and configs: are mappings; correct it, and run the same command again',
  });
}

/** Sets a value below mappings, which are made where there is nothing yet; undefined removes it. */
function setWithin(document: Document, path: readonly string[], value: unknown): void {
  for (let length = 1; length < path.length; length += 1) {
    const above = path.slice(0, length);
    if (!isMap(document.getIn(above))) document.setIn(above, document.createNode({}));
  }
  if (value === undefined) document.deleteIn(path);
  else document.setIn(path, document.createNode(value));
}

function sameValue(one: string, other: string): boolean {
  return JSON.stringify(parseDocument(one).toJSON()) === JSON.stringify(parseDocument(other).toJSON());
}
