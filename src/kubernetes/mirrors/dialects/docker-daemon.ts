/** Docker Engine: `daemon.json`, which knows mirrors of Docker Hub alone. */
import { jsonFaultOf, parseJson } from '../../../base/json/parse-json.ts';
import { UsageError } from '../../../errors.ts';
import { formatReference } from '../../../oci/reference.ts';
import { endpointOf, hostsOf, splitPlace, type MirrorDialect, type MirrorFile, type MirrorFiles } from '../dialect.ts';

const DIRECTORY = '/etc/docker';
const HUB = 'docker.io';
const MAX_BYTES = 1024 * 1024;

/** Settings of a daemon.json that this product writes. */
interface DaemonSettings {
  readonly 'registry-mirrors'?: readonly string[];
  readonly 'insecure-registries'?: readonly string[];
}

/**
 * A mirror of the Engine is a whole host with the paths of Docker Hub, asked before Docker Hub itself.
 * @see https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
 */
export const dockerDaemon: MirrorDialect = {
  title: 'the Docker Engine (mirrors of Docker Hub alone, at the root of a host)',
  directory: DIRECTORY,
  write(map): MirrorFiles {
    const { registries, access } = map;
    const hub = registries.find(({ host }) => host === HUB);
    const common = hub?.redirects.find(({ from }) => from === HUB)?.to;
    const mirror = common === undefined || splitPlace(common).path !== '' ? undefined : common;
    const isFound = ({ original, internal }: (typeof images)[number]): boolean =>
      original.registry === HUB && internal.registry === mirror && internal.repository === original.repository;
    const images = registries.flatMap((registry) => registry.images);
    const unexpressed = images.filter((image) => !isFound(image)).map(({ original, internal }) => ({
      original: formatReference(original),
      why: `${original.registry === HUB ? 'is not at the root of a host' : 'is not of Docker Hub'}: pull ${formatReference(internal)}`,
    })); // prettier-ignore
    const isOpen = access.plainHttp === true || access.insecure === true;
    const settings: DaemonSettings = {
      ...(mirror === undefined ? {} : { 'registry-mirrors': [endpointOf(mirror, access)] }),
      ...(isOpen ? { 'insecure-registries': hostsOf(map) } : {}),
    };
    const isEmpty = Object.keys(settings).length === 0;
    return {
      files: isEmpty ? [] : [{ path: 'daemon.json', content: `${JSON.stringify(settings, null, 2)}\n` }],
      unexpressed,
      steps: [
        ...(isEmpty ? [] : ['the Engine takes it over with `systemctl reload docker`, and goes on to Docker Hub where the mirror has no such image']), // prettier-ignore
        ...(access.caFile === undefined
          ? []
          : hostsOf(map).map((host) => `it trusts ${access.caFile ?? ''} once it lies as ${DIRECTORY}/certs.d/${host}/ca.crt`)), // prettier-ignore
      ],
    };
  },
  merge(existing, file: MirrorFile, path) {
    const settings = parseSettings(existing, path);
    const own = parseSettings(file.content, file.path);
    const merged: Record<string, unknown> = { ...settings };
    for (const [key, values] of Object.entries(own) as [string, readonly string[]][]) {
      const there = settings[key] ?? [];
      if (!Array.isArray(there)) throw refused(path, `${key} is no list`);
      // Mirrors are asked in order: this one first.
      merged[key] = [...values, ...(there as unknown[]).filter((value) => !values.includes(String(value)))];
    }
    return JSON.stringify(merged) === JSON.stringify(settings) ? existing : `${JSON.stringify(merged, null, 2)}\n`;
  },
};

function parseSettings(text: string, path: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  let settings: unknown;
  try {
    settings = parseJson(text, { maxBytes: MAX_BYTES });
  } catch (error) {
    throw refused(path, jsonFaultOf(error));
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw refused(path, 'is no object');
  return settings as Readonly<Record<string, unknown>>;
}

function refused(path: string, why: string): UsageError {
  return new UsageError('INVALID_SPEC', `${path} ${why}`, {
    hint: 'the Docker Engine refuses it too; correct it, and run the same command again',
  });
}
