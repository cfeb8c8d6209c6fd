/** Resolving finds every image of a release: what charts render to, suspects with decisions, and nothing else. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { printFailure } from '../../../src/cli/output/failure-lines.ts';
import type { AirgapError } from '../../../src/errors.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openHelmProgram } from '../../../src/kubernetes/rendering/helm-program.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { formatLock, parseLock } from '../../../src/release/lock/lock.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { HIDING_PLACES, SAMPLE_DIGEST } from '../../kubernetes/discovery/corpus.ts';
import { HEAD, Images, resolveFiles, type ResolveSetup } from './resolve-fixture.ts';

type LockSuspects = readonly { readonly reference: string; readonly foundIn: readonly string[] }[];

const temp = useTempDir();
const helm = requireTool('helm4');

/** The helm program, which starts faster than the engine; all renderers pass one contract suite. */
const openRenderer = (): ReturnType<typeof openHelmProgram> =>
  openHelmProgram({ program: helm ?? '', path: process.env['PATH'] });

const CHART = {
  'charts/app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'charts/app/values.yaml': 'tag: "1"\nproxy: ""\n',
  'charts/app/templates/pod.yaml': `apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}-{{ randAlphaNum 8 | lower }}, namespace: {{ .Release.Namespace }}}
spec:
  containers:
  - name: app
    image: "quay.io/a/app:{{ .Values.tag }}"
    {{- with .Values.proxy }}
    args: ["--proxy={{ . }}"]
    {{- end }}
`,
};
const PROXY = { 'values/proxy.yaml': 'proxy: quay.io/a/proxy:2\n' };

function release(charts: string, rest = ''): string {
  return `${HEAD}${rest}components:\n  - name: a\n    charts: ${charts}\n`;
}

async function withImages(...references: readonly string[]): Promise<Images> {
  const images = new Images();
  for (const text of references) {
    const { registry, repository, tag = 'latest' } = parseReference(text);
    await images.put(`${registry}/${repository}`, tag, makeImage({ labels: { which: text } }));
  }
  return images;
}

async function resolve(
  text: string,
  images: Images,
  files: Readonly<Record<string, string>> = CHART,
  setup: ResolveSetup = {},
): ReturnType<typeof resolveFiles> {
  return resolveFiles(temp.path, images, { ...files, 'release.yaml': text }, { openRenderer, ...setup });
}

function referencesOf({ components }: Pick<ReleaseLock, 'components'>): readonly string[] {
  return components.flatMap(({ images }) => images.map(({ reference }) => reference));
}

const refusal = (promise: Promise<unknown>): Promise<AirgapError> =>
  promise.then(
    () => Promise.reject(new Error('was resolved')),
    (error: AirgapError) => error,
  );

describe.skipIf(helm === undefined)('a chart', () => {
  test('is rendered: what its templates put together is carried, and the lock says with what', async () => {
    const { lock, warnings } = await resolve(release('[charts/app]'), await withImages('quay.io/a/app:1'));
    expect(lock.components[0]?.images).toEqual([
      { reference: 'quay.io/a/app:1', foundIn: ['charts/app app/templates/pod.yaml Pod spec.containers[0].image'] },
    ]);
    expect(lock.rendering).toMatchObject({
      renderer: { name: 'helm', version: expect.stringMatching(/^4\./) as string },
      charts: [
        {
          from: 'charts/app',
          digest: lock.files[0]?.digest,
          kubeVersion: '1.34.0',
          namespace: 'default',
          releaseName: 'release',
          values: [{ name: 'default', files: [] }],
        },
      ],
    });
    expect(warnings).toEqual([]);
  });

  test('is rendered with every set of values, and the images of all are carried', async () => {
    const charts =
      '[{chart: charts/app, values: [{name: default, files: []}, [values/new.yaml], {name: old, files: [values/new.yaml, values/old.yaml]}]}]';
    const files = { ...CHART, 'values/new.yaml': 'tag: "3"', 'values/old.yaml': 'tag: "2"' };
    const images = await withImages('quay.io/a/app:1', 'quay.io/a/app:2', 'quay.io/a/app:3');
    const { lock } = await resolve(release(charts), images, files);
    const place = 'charts/app app/templates/pod.yaml Pod spec.containers[0].image';
    expect(lock.components[0]?.images).toEqual([
      { reference: 'quay.io/a/app:1', foundIn: [place] },
      { reference: 'quay.io/a/app:2', foundIn: [`${place}, values old`] },
      { reference: 'quay.io/a/app:3', foundIn: [`${place}, values values/new.yaml`] },
    ]);
    const [, set] = lock.rendering?.charts[0]?.values ?? [];
    expect(set?.files).toEqual([{ path: 'values/new.yaml', digest: expect.stringMatching(/^sha256:/) as string }]);
  });

  test('gives the same lock each time, random names of its resources or not', async () => {
    const images = await withImages('quay.io/a/app:1');
    const first = await resolve(release('[charts/app]'), images);
    const second = await resolve(release('[charts/app]'), images);
    expect(formatLock(second.lock)).toBe(formatLock(first.lock));
    expect(parseLock(formatLock(first.lock), 'lock')).toEqual(first.lock);
  });

  test('that Helm refuses with one set of values is refused, in Helm’s words', async () => {
    const files = { ...CHART, 'charts/app/templates/x.yaml': '{{ if .Values.bad }}{{ fail "no such mode" }}{{ end }}' };
    const charts = '[{chart: charts/app, values: [values/bad.yaml]}]';
    const error = await refusal(resolve(release(charts), new Images(), { ...files, 'values/bad.yaml': 'bad: true' }));
    expect(error).toMatchObject({ code: 'INVALID_SPEC', message: expect.stringContaining('no such mode') as string });
  });

  test('without anything that renders is refused with the next step, or insisted on with a warning', async () => {
    const nothing: ResolveSetup = {
      openRenderer: async () =>
        (await import('../../../src/kubernetes/rendering/open-renderer.ts')).openChartRenderer({
          path: '',
          engineFolder: temp.path,
        }),
    };
    const text = `${HEAD}components:\n  - name: a\n    images: ['quay.io/b/b:1']\n    charts: [charts/app]\n`;
    const images = await withImages('quay.io/b/b:1');
    const error = await refusal(resolve(text, images, CHART, nothing));
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('images of charts/app would be forgotten') as string,
      hint: expect.stringMatching(/install helm 3\.14.*--no-render/) as string,
    });
    const { lock, warnings } = await resolve(text, images, CHART, { render: false });
    expect(lock).toMatchObject({ unrendered: ['charts/app'] });
    expect(lock.rendering).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('charts/app runs images but declares none')]);
  });
});

describe.skipIf(helm === undefined)('a lock that is held to', () => {
  test('needs no renderer, and agrees with one of another version and with its own', async () => {
    const images = await withImages('quay.io/a/app:1');
    const text = release('[charts/app]');
    const { lock } = await resolve(text, images);
    const held = (other: ResolveSetup): ReturnType<typeof resolve> =>
      resolve(text, images, CHART, { previous: lock, locked: true, ...other });
    expect((await held({})).lock).toEqual(lock);
    const none = { openRenderer: () => Promise.reject(new (class extends Error {})()) };
    await expect(held(none)).rejects.toThrow();
    const { NotFoundError } = await import('../../../src/errors.ts');
    const absent = { openRenderer: () => Promise.reject(new NotFoundError('NOT_FOUND', 'no helm')) };
    expect((await held(absent)).lock).toEqual(lock);
    const newer = { openRenderer: async () => ({ ...(await openRenderer()), version: '5.0.0' }) };
    expect((await held(newer)).lock).toEqual(lock);
  });

  test('is refused once the values or the chart are others, renderer or not, and once an image was taken out of it', async () => {
    const images = await withImages('quay.io/a/app:1', 'quay.io/a/app:2');
    const text = release('[{chart: charts/app, values: [v.yaml]}]');
    const files = { ...CHART, 'v.yaml': 'tag: "1"' };
    const { lock } = await resolve(text, images, files);
    const { NotFoundError } = await import('../../../src/errors.ts');
    const absent = { openRenderer: () => Promise.reject(new NotFoundError('NOT_FOUND', 'no helm')) };
    const held = (other: Readonly<Record<string, string>>, setup: ResolveSetup): Promise<AirgapError> =>
      refusal(resolve(text, images, { ...files, ...other }, { previous: lock, locked: true, ...setup }));
    const [component] = lock.components;
    const cut = { ...lock, components: [{ ...component, images: [] }] } as unknown as ReleaseLock;
    const error = await refusal(resolve(text, images, files, { previous: cut, locked: true }));
    expect(error).toMatchObject({ code: 'INVALID_SPEC' });
    expect(await held({}, { ...absent, previous: cut })).toMatchObject({
      code: 'INVALID_SPEC',
      message: 'the images in the lock are not those that were found when it was made',
    });
    for (const setup of [{}, absent]) {
      expect(await held({ 'v.yaml': 'tag: "2"' }, setup)).toMatchObject({ code: 'INVALID_SPEC' });
      expect(await held({ 'charts/app/templates/x.yaml': '# new' }, setup)).toMatchObject({ code: 'INVALID_SPEC' });
    }
  });
});

describe.skipIf(helm === undefined)('a suspect', () => {
  const charts = '[{chart: charts/app, values: [values/proxy.yaml]}]';
  const files = { ...CHART, ...PROXY };

  test('that nothing decides about ends the resolve, with its place and the lines to add', async () => {
    const error = await refusal(resolve(release(charts), await withImages('quay.io/a/app:1'), files));
    expect(error).toMatchObject({ code: 'SUSPECT', details: { suspects: 1 } });
    expect(error.message.split('\n').map((line) => line.slice(2))).toEqual([
      expect.stringContaining('may be pulled behind the gap'),
      'quay.io/a/proxy:2',
      '  in charts/app app/templates/pod.yaml Pod spec.containers[0].args[0] (argument), values values/proxy.yaml',
      expect.stringContaining('add to the release.yaml'),
    ]);
    const added = error.addition.join('\n');
    expect(parse(added)).toEqual({ accept: ['quay.io/a/proxy:2'] });
    expect(parse(added.replaceAll(/^# ?/gm, ''))).toMatchObject({ dismiss: [{ image: 'quay.io/a/proxy:2' }] });
    const printed = new PassThrough();
    printFailure(error, printed);
    expect(String(printed.read())).toContain(`\n${added}\n  hint: `);
  });

  test('is carried once it is accepted, by itself or by a pattern, and the lock says by which entry', async () => {
    const images = await withImages('quay.io/a/app:1', 'quay.io/a/proxy:2');
    const { lock } = await resolve(
      release(charts, 'accept: [{image: quay.io/a/*, reason: the operator starts it}]\n'),
      images,
      files,
    );
    expect(lock.components[0]?.images[1]).toEqual({
      reference: 'quay.io/a/proxy:2',
      foundIn: [expect.stringContaining('args[0] (argument)')],
      accepted: { by: 'quay.io/a/*', reason: 'the operator starts it' },
    });
    expect(referencesOf(lock)).toEqual(['quay.io/a/app:1', 'quay.io/a/proxy:2']);
  });

  test('is not carried once it is dismissed, and the lock keeps the reason', async () => {
    const dismiss = 'dismiss: [{image: quay.io/a/proxy, reason: off at our sites}]\n';
    const { lock, warnings } = await resolve(release(charts, dismiss), await withImages('quay.io/a/app:1'), files);
    expect(referencesOf(lock)).toEqual(['quay.io/a/app:1']);
    expect(lock.dismissed).toEqual([
      {
        reference: 'quay.io/a/proxy:2',
        by: 'quay.io/a/proxy',
        reason: 'off at our sites',
        foundIn: [expect.stringContaining('args[0]')],
      },
    ]);
    expect(warnings).toEqual([]);
  });

  test('is left out with a warning where a person insists, and the lock says so to each build', async () => {
    const images = await withImages('quay.io/a/app:1');
    const { lock, warnings } = await resolve(release(charts), images, files, { suspects: 'warn' });
    expect(lock.suspects).toMatchObject([{ reference: 'quay.io/a/proxy:2' }]);
    expect(warnings).toEqual([expect.stringContaining('quay.io/a/proxy:2 may be pulled and is NOT carried')]);
  });

  test('is none where the release lists it', async () => {
    const text = `${release(charts)}    images: [quay.io/a/proxy:2]\n`;
    const { lock } = await resolve(text, await withImages('quay.io/a/app:1', 'quay.io/a/proxy:2'), files);
    expect(lock.components[0]?.images[1]).toMatchObject({ foundIn: ['release.yaml:9:14'] });
  });

  test('is carried where one entry accepts it by name and a pattern dismisses it; entries about nothing are named', async () => {
    const decisions = `accept: [quay.io/a/proxy:2, quay.io/other:1]
dismiss: [{image: quay.io/a/*, reason: r}, {image: quay.io/a/app, reason: r}]
`;
    const images = await withImages('quay.io/a/app:1', 'quay.io/a/proxy:2');
    const { lock, warnings } = await resolve(release(charts, decisions), images, files);
    expect(referencesOf(lock)).toEqual(['quay.io/a/app:1', 'quay.io/a/proxy:2']);
    expect(warnings).toEqual([
      expect.stringMatching(/release\.yaml:6:29: accept quay\.io\/other:1 is about no image that was found/),
      expect.stringMatching(/dismiss quay\.io\/a\/app has no effect: quay\.io\/a\/app:1 is pulled for certain/),
    ]);
  });
});

describe.skipIf(helm === undefined)('a release', () => {
  test('says itself where kinds that are not known hold images', async () => {
    const files = {
      'm/w.yaml':
        'apiVersion: acme.io/v1\nkind: Widget\nmetadata: {name: w}\nspec: {workers: [{run: "quay.io/a/w"}, {run: "quay.io/a/x:2"}]}\n',
    };
    const rules = `rules:
  - {kind: Widget, apiVersion: acme.io/v1, path: 'spec.workers[*].run'}
  - {kind: Gadget, path: spec.run}
`;
    const text = `${HEAD}${rules}components:\n  - name: a\n    manifests: [m]\n`;
    const { lock, warnings } = await resolve(text, await withImages('quay.io/a/w:latest', 'quay.io/a/x:2'), files);
    expect(referencesOf(lock)).toEqual(['quay.io/a/w:latest', 'quay.io/a/x:2']);
    expect(warnings).toEqual([expect.stringMatching(/release\.yaml:8:5: no Gadget has an image at spec\.run/)]);
  });

  test('that lists an image decides its platforms, whatever charts and manifests name it too', async () => {
    const text =
      `${release('[charts/app]')}    images: [{reference: 'quay.io/a/app:1', platforms: [linux/amd64]}]\n`.replace(
        'platforms: all',
        'platforms: [linux/amd64, linux/arm64]',
      );
    const images = new Images();
    await images.put('quay.io/a/app', '1', makeImage({ platform: 'linux/amd64' }));
    const { lock } = await resolve(text, images);
    expect(lock.components[0]?.images[0]).toMatchObject({ platforms: ['linux/amd64'], foundIn: { length: 2 } });
  });

  test('finds what each place of the corpus hides: certain images are carried, suspects wait for a word, nothing else', async () => {
    const pinned = makeImage();
    const places = HIDING_PLACES.map(({ text, certain = [], suspect = [] }) => {
      const real = (value: string): string => value.replaceAll(SAMPLE_DIGEST, pinned.descriptor.digest);
      return {
        text: real(text).replaceAll('{{', '{{ "{{" }}'),
        certain: certain.map(real),
        suspect: suspect.map(real),
      };
    });
    const certain = new Set(places.flatMap((place) => place.certain));
    const files: Record<string, string> = { 'charts/app/Chart.yaml': CHART['charts/app/Chart.yaml'] };
    for (const [index, { text }] of places.entries()) files[`charts/app/templates/place-${index}.yaml`] = text;
    const images = await withImages(...[...certain].filter((reference) => !reference.includes('@')));
    for (const reference of [...certain].filter((each) => each.includes('@'))) {
      const { registry, repository } = parseReference(reference);
      await images.put(`${registry}/${repository}`, 'pinned', pinned);
    }
    const { lock } = await resolve(release('[charts/app]'), images, files, { suspects: 'warn' });
    expect(lock.images.map(({ reference }) => reference).toSorted()).toEqual([...certain].toSorted());
    const named = (list: LockSuspects, place: number): readonly string[] =>
      list
        .filter(({ foundIn }) => foundIn.some((each) => each.includes(`/place-${place}.yaml `)))
        .map(({ reference }) => reference)
        .toSorted();
    const found = places.map((_, index) => ({
      place: HIDING_PLACES[index]?.name,
      certain: named(lock.components[0]?.images ?? [], index),
      suspect: named(lock.suspects ?? [], index),
    }));
    expect(found).toEqual(
      places.map((place, index) => ({
        place: HIDING_PLACES[index]?.name,
        certain: place.certain.toSorted(),
        suspect: place.suspect.filter((reference) => !certain.has(reference)).toSorted(),
      })),
    );
  });
});
