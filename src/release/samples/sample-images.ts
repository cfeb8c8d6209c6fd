/**
 * Sample images for a release whose real ones are not public: multi-platform, runnable, sharing layers as real images
 * do, and the same bytes on every machine. What each does when it runs, its role says.
 */
import { UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import { formatPlatform, parsePlatform, type Platform } from '../../oci/platform.ts';
import { parseReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import type { Instruction } from './machine/instructions.ts';
import { createStaticElf, ELF_ARCHITECTURES } from './machine/static-elf.ts';
import { readyProbe } from './programs/ready-probe.ts';
import { sampleProgram } from './programs/sample-program.ts';
import {
  createFiller,
  createSampleLayer,
  type SampleContent,
  type SampleFile,
  type SampleLayer,
} from './sample-layer.ts';
import { roleOf } from './sample-roles.ts';

/** Bytes of filler in each kind of layer; for five images on two platforms about 24 MiB in all, compressed. */
const BASE_BYTES = 4 * 1024 * 1024;
const COMMON_BYTES = 2 * 1024 * 1024;
const APPLICATION_BYTES = 2 * 1024 * 1024;
const CREATED = '2026-01-01T00:00:00Z';
/** The user ID distroless images made customary for "nobody in particular". */
const USER = '65532:65532';

/** One image with everything it reaches. */
export interface SampleImage {
  /** As it was asked for. */
  readonly reference: string;
  readonly index: SampleContent;
  /** Layers, configs and manifests, children before parents; the index itself is not among them. */
  readonly contents: ReadonlyMap<Digest, SampleContent>;
}

/**
 * Makes an image for each reference, for all the platforms. Images share a base layer per platform and one layer for
 * all platforms; each has an application layer of its own.
 * @throws UsageError `INVALID_REFERENCE` | `INVALID_SPEC` | `USAGE` for platforms other than linux/amd64 and linux/arm64.
 */
export function createSampleImages(
  references: readonly string[],
  platforms: readonly string[],
): readonly SampleImage[] {
  const targets = platforms.map(parsePlatform);
  for (const platform of targets) {
    if (
      platform.os !== 'linux' ||
      platform.variant !== undefined ||
      !ELF_ARCHITECTURES.includes(platform.architecture)
    ) {
      throw new UsageError('USAGE', `no sample images for ${formatPlatform(platform)}`, {
        hint: `sample images exist for ${ELF_ARCHITECTURES.map((name) => `linux/${name}`).join(' and ')}`,
      });
    }
  }
  const common = createCommonLayer();
  const bases = new Map(targets.map((platform) => [platform, createBaseLayer(platform)]));
  return references.map((text) => {
    const reference = withDefaultTag(parseReference(text));
    const contents = new Map<Digest, SampleContent>();
    const add = (content: SampleContent): Descriptor => {
      contents.set(content.descriptor.digest, content);
      return content.descriptor;
    };
    const manifests = targets.map((platform) => {
      const base = bases.get(platform) as SampleLayer;
      const layers = [base, common, createApplicationLayer(reference, platform)];
      const config = toContent(MediaType.config, toConfig(reference, platform, layers));
      const manifest = toContent(MediaType.manifest, {
        schemaVersion: 2,
        mediaType: MediaType.manifest,
        config: add(config),
        layers: layers.map(add),
      });
      return { ...add(manifest), platform };
    });
    const index = toContent(MediaType.index, { schemaVersion: 2, mediaType: MediaType.index, manifests });
    return { reference: text, index, contents };
  });
}

/** What a sample says that it is. */
function bannerOf(reference: Reference, platform: Platform): string {
  return `${reference.repository} ${versionOf(reference)} ${formatPlatform(platform)}`;
}

function versionOf(reference: Reference): string {
  return reference.tag ?? 'untagged';
}

function nameOf(reference: Reference): string {
  return reference.repository.split('/').at(-1) as string;
}

function programNameOf(reference: Reference): string {
  return nameOf(reference).slice(0, 60);
}

function createBaseLayer(platform: Platform): SampleLayer {
  const release = 'NAME="Airgap sample base"\nID=airgap-sample\nVERSION_ID=1\n';
  return createSampleLayer([
    { path: 'etc/' },
    { path: 'etc/os-release', bytes: Buffer.from(release) },
    {
      path: 'etc/passwd',
      bytes: Buffer.from('root:x:0:0:root:/:/bin/false\nnonroot:x:65532:65532:nonroot:/:/bin/false\n'),
    },
    { path: 'etc/group', bytes: Buffer.from('root:x:0:\nnonroot:x:65532:\n') },
    { path: 'tmp/', mode: 0o1777 },
    { path: 'usr/' },
    { path: 'usr/lib/' },
    { path: 'usr/lib/base.bin', bytes: createFiller(`base ${formatPlatform(platform)}`, BASE_BYTES) },
  ]);
}

function createCommonLayer(): SampleLayer {
  return createSampleLayer([
    { path: 'usr/' },
    { path: 'usr/share/' },
    { path: 'usr/share/common.bin', bytes: createFiller('common', COMMON_BYTES) },
  ]);
}

function createApplicationLayer(reference: Reference, platform: Platform): SampleLayer {
  const seed = `application ${bannerOf(reference, platform)}\n`;
  return createSampleLayer([
    { path: 'usr/' },
    { path: 'usr/bin/' },
    ...programsOf(reference, platform),
    { path: 'usr/lib/' },
    { path: 'usr/lib/application.bin', bytes: createFiller(seed, APPLICATION_BYTES) },
  ]);
}

/** The program of an image, and what its role has beside it. */
function programsOf(reference: Reference, platform: Platform): readonly SampleFile[] {
  const role = roleOf(reference.repository);
  const toFile = (name: string, program: readonly Instruction[]): SampleFile => ({
    path: `usr/bin/${name}`,
    bytes: createStaticElf(platform.architecture, program),
    mode: 0o755,
  });
  const program = sampleProgram(bannerOf(reference, platform), role);
  return [
    toFile(programNameOf(reference), program),
    ...(role.alias === undefined ? [] : [toFile(role.alias, program)]),
    ...(role.probe === undefined ? [] : [toFile(role.probe, readyProbe(role.ports[0] as number))]),
  ];
}

/** @see https://github.com/opencontainers/image-spec/blob/main/config.md */
function toConfig(reference: Reference, platform: Platform, layers: readonly SampleLayer[]): object {
  const name = nameOf(reference);
  return {
    created: CREATED,
    ...platform,
    config: {
      User: USER,
      Env: ['PATH=/usr/bin'],
      Entrypoint: [`/usr/bin/${programNameOf(reference)}`],
      WorkingDir: '/',
      Labels: {
        'org.opencontainers.image.title': name,
        'org.opencontainers.image.version': versionOf(reference),
        'org.opencontainers.image.description': 'A sample image that stands in for the real one',
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: ['base', 'common', name].map((layer) => ({ created: CREATED, created_by: `sample layer ${layer}` })),
  };
}

function toContent(mediaType: string, value: object): SampleContent {
  const bytes = Buffer.from(JSON.stringify(value));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}
