/** Manifests that charts render to travel in the archive, pinned by the lock and made again from it. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { AIRGAP } from '../../../src/cli/airgap.ts';
import type { AirgapError } from '../../../src/errors.ts';
import type { ChartRenderer } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { buildArchive } from '../../../src/operations/build/build.ts';
import { inspectArchive } from '../../../src/operations/inspect.ts';
import { openLockedManifests } from '../../../src/operations/resolve/rendered-manifests.ts';
import { describeImageEvidence } from '../../../src/report/image-evidence-lines.ts';
import { describeWarnings } from '../../../src/release/lock/lock-warnings.ts';
import { formatLock, parseLock } from '../../../src/release/lock/lock.ts';
import { runInside } from '../../helpers/in-process.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';
import { HELM_ENGINE, RENDERERS } from '../../kubernetes/rendering/renderers.ts';
import { HEAD, Images, resolveFiles, type ResolveSetup } from './resolve-fixture.ts';

const temp = useTempDir();
const program = await RENDERERS.find(({ name }) => name === 'helm4')?.open();

const FILES = {
  'charts/app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'charts/app/templates/app.yaml': `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}
  annotations: {made: {{ now | date "2006-01-02T15:04:05.000000000" | quote }}}
spec:
  containers: [{name: main, image: "quay.io/a/app:1"}]
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-key}
data: {key: {{ randAlphaNum 24 | b64enc }}}
stringData: {user: {{ .Values.user }}}
`,
  'values/small.yaml': 'user: somebody\n',
  'release.yaml': `${HEAD}check: {}
components:
  - name: a
    charts:
      - chart: charts/app
        namespace: shop
        values: [{name: small, files: [values/small.yaml], renderManifests: true}, {name: plain, files: [values/small.yaml]}]
`,
};
const PATHS = ['01-namespace.yaml', '03-secrets.yaml', '07-control-plane.yaml', 'secrets.env.example'].map(
  (name) => `manifests/small/${name}`,
);

async function resolve(renderer: ChartRenderer | undefined, setup: ResolveSetup = {}): ReturnType<typeof resolveFiles> {
  const images = new Images();
  await images.put('quay.io/a/app', '1', makeImage({}));
  const openRenderer = (): Promise<ChartRenderer> =>
    renderer === undefined ? Promise.reject(new Error('no renderer was to be asked for')) : Promise.resolve(renderer);
  return resolveFiles(temp.path, images, FILES, { openRenderer, ...setup });
}

async function build({ lock, files }: Pick<Awaited<ReturnType<typeof resolve>>, 'lock' | 'files'>): Promise<string> {
  const output = temp.join('demo.tar');
  const images = new Images();
  await images.put('quay.io/a/app', '1', makeImage({}));
  const sourceOf = (): ReturnType<Images['open']> => images.repository('quay.io/a/app');
  // What is demanded of the configuration has tests of its own.
  await buildArchive({ lock: { ...lock, check: undefined }, output, signers: [], sourceOf, files, install: [] });
  return output;
}

const refusal = (promise: Promise<unknown>): Promise<AirgapError> =>
  promise.then(
    () => Promise.reject(new Error('was not refused')),
    (error: AirgapError) => error,
  );

describe.skipIf(program === undefined)('manifests of a named set of values', () => {
  const renderer = program as ChartRenderer;

  test('are files of the release: pinned, the same at each resolve, those of the component, and in the archive', async () => {
    const { lock, files } = await resolve(renderer);
    expect(lock.files.map(({ path, kind, from }) => [path, kind, from])).toEqual([
      ['charts/app-1.0.0.tgz', 'chart', 'charts/app'],
      ...PATHS.map((path) => [path, 'rendered', 'charts/app']),
    ]);
    expect(lock.components[0]?.files).toEqual(lock.files.map(({ path }) => path));
    expect(lock.rendering?.charts[0]?.values.map(({ name, manifests }) => [name, manifests])).toEqual([
      ['small', true],
      ['plain', undefined],
    ]);
    expect(parseLock(formatLock(lock), 'lock')).toEqual(lock);
    expect(formatLock((await resolve(renderer)).lock)).toBe(formatLock(lock));
    const output = await build({ lock, files });
    const read = (path: string): string => execFileSync('tar', ['-xOf', output, path], { encoding: 'utf8' });
    expect(read(PATHS[1] ?? '')).toContain(
      'key: "${SITE_RELEASE_KEY_KEY_BASE64}"\n  user: "${SITE_RELEASE_KEY_USER_BASE64}"',
    );
    expect(read(PATHS[2] ?? '')).toContain('made: "${SITE_RELEASE_MADE}"');
    expect(read(PATHS[2] ?? '')).toContain('image: "quay.io/a/app:1"');
  });

  test('are made again from the lock, byte for byte, and refused once anything would change them', async () => {
    const { lock, files } = await resolve(renderer);
    const open = (other: Partial<ChartRenderer> = {}): ReturnType<typeof openLockedManifests> =>
      openLockedManifests(lock, {
        directory: temp.path,
        contents: files,
        openRenderer: () => Promise.resolve({ ...renderer, ...other }),
      });
    const rendered = lock.files.filter(({ kind }) => kind === 'rendered').map(({ digest }) => digest);
    expect([...(await open()).keys()]).toEqual(rendered);
    const { documents, notes } = await renderer.render({
      ...{ chart: Buffer.from([]), shownAs: '', values: [], releaseName: 'release', namespace: 'shop' },
      ...{ kubeVersion: '1.34.0', apiVersions: [], includeCrds: true },
      chart: await chartOf(files, lock.files[0]?.digest),
    });
    const changed = documents.map((each) => ({ ...each, text: each.text.replace('name: main', 'name: other') }));
    const newer = await refusal(
      open({ version: '9.0.0', render: () => Promise.resolve({ documents: changed, notes }) }),
    );
    expect(newer).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringMatching(
        /^charts\/app renders to another manifests\/small\/.* helm 9\.0\.0 is here$/,
      ) as string,
      hint: expect.stringContaining(`build with helm ${renderer.version}, or run \`airgap resolve\``) as string,
    });
    await writeFiles(temp.path, { 'values/small.yaml': 'user: else\n' });
    expect(await refusal(open())).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: 'values/small.yaml has changed since the lock was written',
    });
  });

  test('that nobody was to render are missed aloud: at resolve, from the lock, in the archive, and refused when strict', async () => {
    const said =
      'manifests/small/ is NOT in the archive: the release asks for it (renderManifests), and charts were not rendered';
    const { lock, files, warnings } = await resolve(undefined, { render: false });
    expect(lock).toMatchObject({ unrendered: ['charts/app'], unrenderedManifests: ['manifests/small/'] });
    expect(lock.files.map(({ kind }) => kind)).toEqual(['chart']);
    expect(warnings).toContain(said);
    expect(describeWarnings(parseLock(formatLock(lock), 'lock'))).toContain(said);
    // A lock that was made so is held to without rendering, wherever it is.
    const held = await resolve(renderer, { locked: true, previous: parseLock(formatLock(lock), 'lock') });
    expect([held.lock, held.warnings]).toEqual([lock, warnings]);
    const refused = await refusal(resolve(undefined, { render: false, strict: true }));
    expect(refused).toMatchObject({ items: expect.arrayContaining([said]) as string[] });
    const output = await build({ lock, files });
    const { missingManifests, imageEvidence } = await inspectArchive(output, { images: true });
    expect(missingManifests).toEqual(['manifests/small/']);
    const line =
      'NOT CARRIED manifests/small/: the release asks for it (renderManifests), and charts were not rendered';
    expect(describeImageEvidence(imageEvidence)).toContain(line);
    expect((await inspectArchive(output)).missingManifests).toEqual(missingManifests);
    expect((await runInside(AIRGAP, ['inspect', output])).stdout).toContain(`\n${line}\n`);
  });

  test('are the same by Helm’s engine, whose clock and chance are its own', async () => {
    const engine = await HELM_ENGINE.open();
    if (engine === undefined) return;
    const pins = async (by: ChartRenderer): Promise<unknown> => (await resolve(by)).lock.files;
    expect(await pins(engine)).toEqual(await pins(renderer));
  });
});

async function chartOf(files: Awaited<ReturnType<typeof resolve>>['files'], digest: unknown): Promise<Buffer> {
  const content = [...files].find(([key]) => key === digest)?.[1];
  if (content === undefined || !('bytes' in content)) throw new Error('the chart is not there');
  return Buffer.from(content.bytes);
}
