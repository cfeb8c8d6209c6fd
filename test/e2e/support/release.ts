/** One small release with everything that can be in one, in a source registry and on disk, ready to be built. */
import { readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { paddingOf } from '../../../src/base/tar/ustar.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import type { KeyAlgorithm } from '../../../src/trust/keys/public-key.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { writeKeyFiles, type KeyFiles } from '../../helpers/key-files.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { makeAttestation, makeImage, makeIndex, type SampleNode } from '../../helpers/sample-image.ts';
import { asDockerLayer, makeLayer, noise } from '../../helpers/sample-layer.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';
import { airgapJson } from './program.ts';

/** What `airgap build --json` says. */
export interface BuildResult {
  readonly path: string;
  readonly size: number;
  readonly digest: string;
  readonly resumedBytes: number;
  readonly copiedBytes: number;
}

/** Options of {@link writeRelease}. */
export interface ReleaseOptions {
  /** Bytes that do not compress, in a layer that all platforms of all images share. @defaultValue 20000 */
  readonly baseBytes?: number;
  /** Bytes that do not compress, in a layer of each image and platform of its own. @defaultValue 3000 */
  readonly ownBytes?: number;
  /** @defaultValue linux/amd64 and linux/arm64 */
  readonly platforms?: readonly string[];
}

/** A release on disk whose images are in a registry. */
export interface TestRelease {
  readonly directory: string;
  readonly spec: string;
  readonly lock: string;
  /** By reference, as the release names them; all are in the registry. */
  readonly images: ReadonlyMap<string, SampleNode>;
  /** A path below the directory. */
  path(...segments: readonly string[]): string;
}

/** `127.0.0.1:5000/team/app:1.0` → `team/app`, `1.0`; without a tag the digest. */
export function placeOf(reference: string): { readonly repository: string; readonly name: string } {
  const [, path = '', digest] = /^[^/]+\/([^@]+)(?:@(.+))?$/.exec(reference) ?? [];
  const [repository = '', tag] = path.split(':');
  return { repository, name: tag ?? digest ?? 'latest' };
}

/** The images, by reference: shared layers, attestations, Docker's types, a digest, a single manifest. */
export function makeImages(
  host: string,
  { baseBytes = 20_000, ownBytes = 3_000 }: ReleaseOptions = {},
): Map<string, SampleNode> {
  const files = { 'etc/os-release': 'ID=sample\n', 'usr/lib/base.bin': noise('base', baseBytes) };
  const oci = makeLayer(files);
  const base = { oci, docker: asDockerLayer(oci) };
  const image = (name: string, platform: string, format: 'oci' | 'docker' = 'oci'): SampleNode => {
    const own = { [`bin/${name}`]: `#!/bin/sh\necho ${name} on ${platform}\n`, lib: noise(name + platform, ownBytes) };
    return makeImage({ platform, format, layers: [base[format], makeLayer(own, { format })] });
  };
  const both = (name: string, format?: 'oci' | 'docker'): SampleNode[] =>
    ['linux/amd64', 'linux/arm64'].map((platform) => image(name, platform, format));
  const app = both('app');
  const pinned = makeIndex(both('pinned'));
  return new Map([
    [`${host}/team/app:1.0`, makeIndex([...app, ...app.map(makeAttestation)])],
    [`${host}/team/web:2.0`, makeIndex(both('web', 'docker'), { format: 'docker' })],
    [`${host}/team/pinned@${pinned.descriptor.digest}`, pinned],
    [`${host}/tools/tool:3`, image('tool', 'linux/amd64')],
    [`${host}/team/agent:0.9`, makeIndex(both('agent'))],
  ]);
}

/** Pushes images under the names they have. */
export async function pushImages(
  url: string,
  images: ReadonlyMap<string, SampleNode>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const [reference, node] of images) {
    const { repository, name } = placeOf(reference);
    await pushSample(url, repository, node, name.startsWith('sha256:') ? [] : [name], headers);
  }
}

/** Writes a release whose images are at `host`; the agent is named by a Kubernetes manifest alone. */
export async function writeRelease(
  directory: string,
  host: string,
  options: ReleaseOptions = {},
): Promise<TestRelease> {
  const images = makeImages(host, options);
  const platforms = options.platforms ?? ['linux/amd64', 'linux/arm64'];
  const agent = [...images.keys()].find((reference) => reference.includes('agent')) ?? '';
  const licence = 'Do what you like with it.\n';
  const named = [...images.keys()].filter((reference) => reference !== agent);
  await writeFiles(directory, {
    'release.yaml': `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: sample
version: 1.2.3
created: 2026-01-31T12:00:00Z
platforms: [${platforms.join(', ')}]
components:
  - name: core
    description: What everybody needs.
    images:
${named
  .map((reference) =>
    reference.includes('/tool:')
      ? `      - reference: ${reference}\n        platforms: [linux/amd64]`
      : `      - ${reference}`,
  )
  .join('\n')}
    charts: [charts/demo]
    docs: [docs]
    files:
      - path: LICENCE.txt
        integrity: sha256-${createHash('sha256').update(licence).digest('base64')}
  - name: agent
    manifests: [manifests]
`,
    'LICENCE.txt': licence,
    'docs/install.md': '# Install\n',
    'docs/more/upgrade.md': '# Upgrade\n',
    'manifests/agent.yaml': `apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  selector: { matchLabels: { app: agent } }
  template:
    metadata: { labels: { app: agent } }
    spec:
      containers:
        - name: agent
          image: ${agent}
`,
    // A library: it is not rendered, which is the subject of other tests.
    'charts/demo/Chart.yaml':
      'apiVersion: v2\nname: demo\ntype: library\nversion: 1.2.3+build.7\nappVersion: "1.2.3"\n',
    'charts/demo/values.yaml': 'replicas: 2\n',
    'charts/demo/templates/_name.tpl': '{{ define "demo.replicas" }}{{ .Values.replicas }}{{ end }}\n',
  });
  const path = (...segments: readonly string[]): string => [directory, ...segments].join('/');
  return { directory, spec: path('release.yaml'), lock: path('release.lock.json'), images, path };
}

/** Makes a key pair and hands back the two files. */
export async function makeKeys(prefix: string, algorithm?: KeyAlgorithm): Promise<KeyFiles> {
  return writeKeyFiles(prefix, algorithm);
}

/** Builds an archive. */
export async function buildArchive(
  input: string,
  key: string,
  output: string,
  extra: readonly string[] = [],
): Promise<BuildResult> {
  return airgapJson<BuildResult>(['build', input, '--key', key, '--output', output, ...extra]);
}

/** The signed inventory, as plain tools read it: it is the first member. */
export async function readInventory(archive: string): Promise<Inventory> {
  const bytes = await readFile(archive);
  for (let offset = 0; ;) {
    const size = parseInt(bytes.toString('latin1', offset + 124, offset + 135), 8);
    const isInventory = bytes.toString('latin1', offset, offset + 13) === 'release.json\0';
    offset += 512;
    if (isInventory) return JSON.parse(bytes.toString('utf8', offset, offset + size)) as Inventory;
    offset += size + paddingOf(size);
  }
}

/** A lock as it was written. */
export async function readLockFile(path: string): Promise<ReleaseLock> {
  return JSON.parse(await readFile(path, 'utf8')) as ReleaseLock;
}

/** Replaces text in a file that must hold it. */
export async function replaceIn(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${path} does not hold ${from}`);
  await writeFile(path, text.replaceAll(from, to));
}

/** Where an image of the release goes at a registry, without the host: `127.0.0.1_5000/team/app`. */
export function internalPlace(reference: string): string {
  const host = reference.slice(0, reference.indexOf('/'));
  return `${host.replace(':', '_')}/${placeOf(reference).repository}`;
}
