/** The release that this repository ships, built for a test: its charts and manifests as they are, with images at hand. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { startRegistry } from '../../../src/server/embedded-registry.ts';
import type { BuiltCli } from '../../cli/built-cli.ts';
import { PASSPHRASE } from '../../cli/sample-release.ts';
import type { Certificates } from '../../helpers/certificates.ts';
import { writeKeyFiles } from '../../helpers/key-files.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { makeTempDir, type TempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
/** What its release.yaml names. */
const INPUTS = ['charts', 'manifests', 'docs/release'];
const REGISTRY = 'registry.hexabase.ai';

/** What tests look at, and may change, of its release.yaml. */
export interface ShippedSpec {
  readonly name: string;
  readonly version: string;
  platforms: readonly string[];
  check?: object;
  deploy?: { readonly init?: object };
  readonly components: readonly {
    readonly images: readonly string[];
    readonly manifests: string[];
    readonly charts?: readonly { values: readonly ShippedValues[] }[];
  }[];
}

/** One set of values of a chart. */
export interface ShippedValues {
  readonly name: string;
  readonly files: readonly string[];
  readonly renderManifests?: boolean;
}

/** The archive, and what lies beside it. */
export interface ShippedRelease extends AsyncDisposable {
  readonly temp: TempDir;
  readonly archive: string;
  readonly publicKey: string;
  /** The names of what can be deployed, but for the plain manifests. */
  readonly profiles: readonly string[];
}

/** How it is built. */
export interface ShippedOptions {
  /** Of all images. */
  readonly platform: string;
  /** `running`: samples that do on a node what the real ones do; `small`: images that only have names. */
  readonly images: 'running' | 'small';
  /** Changes the release before it is built; more files may be written to the folder. */
  readonly change?: (spec: ShippedSpec, temp: TempDir) => Promise<void>;
}

/** Builds it. Needs helm 4. */
export async function makeShippedRelease(cli: BuiltCli, options: ShippedOptions): Promise<ShippedRelease> {
  const { platform, images, change } = options;
  const temp = await makeTempDir();
  await using source = await startRegistry({ directory: temp.join('source') });
  for (const path of INPUTS) await cp(join(REPOSITORY, path), temp.join(path), { recursive: true });
  const spec = parse(await readFile(join(REPOSITORY, 'release.yaml'), 'utf8')) as ShippedSpec;
  spec.platforms = [platform];
  await change?.(spec, temp);
  await writeFile(temp.join('release.yaml'), JSON.stringify(spec));
  if (images === 'running') {
    await cli.ok(['sample-images', 'release.yaml', '--to', `docker://${source.host}`, '--no-render'], {
      cwd: temp.path,
    });
  } else {
    for (const image of spec.components.flatMap((component) => component.images)) {
      const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(image) ?? [];
      await pushSample(source.url, repository, makeImage({ platform, labels: { repository } }), [tag]);
    }
  }
  const { key, pub } = await writeKeyFiles(temp.join('release'));
  await mkdir(temp.join('bin'));
  await symlink(toolPath('helm4'), temp.join('bin', 'helm'));
  const PATH = [temp.join('bin'), process.env['PATH'] ?? ''].join(delimiter);
  await cli.ok(['build', 'release.yaml', '--key', key, '--mirror', `${REGISTRY}=${source.host}`], {
    cwd: temp.path,
    env: { ...PASSPHRASE, PATH },
  });
  const archive = temp.join(`${spec.name}-offline-${spec.version}.tar`);
  await cli.ok(['extract', archive, temp.join('extracted'), 'manifests', '--key', pub]);
  const charts = spec.components.flatMap((component) => component.charts ?? []);
  return {
    temp,
    archive,
    publicKey: pub,
    profiles: charts.flatMap(({ values }) =>
      values.flatMap((each) => (each.renderManifests === true ? [each.name] : [])),
    ),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/**
 * Fills in the values of a site for a profile, as an operator does: the archive's `secrets.env.example`, certificates
 * where it asks for some, for anything else a value made of its name.
 * @returns the file
 */
export async function fillSiteValues(
  { temp }: ShippedRelease,
  profile: string,
  { caFile, certFile, keyFile }: Certificates,
): Promise<string> {
  const files: readonly (readonly [RegExp, string])[] = [[/_CA_CRT$/, caFile], [/_TLS_CRT$/, certFile], [/_TLS_KEY$/, keyFile]]; // prettier-ignore
  const example = await readFile(temp.join('extracted', 'manifests', profile, 'secrets.env.example'), 'utf8');
  const filled = example.replaceAll(/^(SITE_[A-Z0-9_]*?)(_BASE64)?=$/gm, (line, name: string, inBase64?: string) => {
    const [, file] = files.find(([pattern]) => pattern.test(name)) ?? [];
    const value = file === undefined ? createHash('sha256').update(name).digest('hex') : readFileSync(file, 'utf8');
    return line + (inBase64 === undefined ? value : Buffer.from(value).toString('base64'));
  });
  const file = temp.join(`${profile}.env`);
  await writeFile(file, filled);
  return file;
}
