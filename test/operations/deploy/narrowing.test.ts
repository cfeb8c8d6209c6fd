/** What is left of a release for a cluster that only some of its components go to. */
import { expect, test } from 'vitest';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { UsageError } from '../../../src/errors.ts';
import { readManifestFile } from '../../../src/kubernetes/resources/manifest-file.ts';
import { narrowTo, type Narrowing } from '../../../src/operations/deploy/narrowing.ts';

const image = (name: string): string => `quay.io/shop/${name}:1`;
const INVENTORY = {
  name: 'shop',
  version: '1.0.0',
  images: ['api', 'db', 'tool', 'spare'].map((name) => ({ reference: image(name) })),
  components: [
    // What a chart of it renders runs all images.
    {
      name: 'api',
      images: ['api', 'db', 'tool', 'spare'].map(image),
      files: ['charts/shop-1.0.0.tgz', 'manifests/api.yaml'],
    },
    { name: 'db', images: [image('db')], files: ['manifests/db.yaml'] },
    { name: 'tool', images: [image('tool')], files: [] },
  ],
} as unknown as Inventory;

function object(kind: string, name: string, labels: object, rest: object = {}): object {
  return { apiVersion: 'v1', kind, metadata: { name, labels }, ...rest };
}
const pod = (name: string, run: string, labels: object = {}): object =>
  object('Pod', name, labels, { spec: { containers: [{ name: 'main', image: image(run) }] } });

interface Left {
  readonly objects: readonly string[];
  readonly narrowing: Narrowing;
}

function narrow(
  components: readonly string[],
  profile: string,
  files: Readonly<Record<string, readonly object[]>>,
): Left {
  const manifests = Object.entries(files).map(([path, objects]) => ({
    path,
    text: objects.map((each) => `---\n${JSON.stringify(each)}\n`).join(''),
  }));
  const narrowing = narrowTo(components, INVENTORY, { profile, manifests });
  const objects = manifests.flatMap(({ path, text }) =>
    readManifestFile(text, path, false)
      .resources.filter((resource) => narrowing.keeps(resource, path))
      .map(({ name }) => name),
  );
  return { objects, narrowing };
}

const RENDERED = {
  'manifests/edge/01-all.yaml': [
    object('Namespace', 'shop', { app: 'db' }),
    object('ConfigMap', 'shared', { app: 'shop' }),
    object(
      'Secret',
      'db',
      { 'app.kubernetes.io/component': 'db' },
      { stringData: { a: '${SITE_DB}', b: '${SITE_DB_USER}' } },
    ),
    object('Secret', 'api', { app: 'api' }, { stringData: { a: '${SITE_DB_USER}' } }),
    pod('api', 'api', { 'app.kubernetes.io/name': 'api' }),
    pod('db', 'db', { 'app.kubernetes.io/name': 'db' }),
    pod('nightly', 'tool'),
  ],
};

test('of a rendered profile, by labels, else by the images of its pods; what belongs to none goes everywhere', () => {
  const api = narrow(['api'], 'edge', RENDERED);
  expect(api.objects).toEqual(['shop', 'shared', 'api', 'api', 'nightly']);
  expect(narrow(['db'], 'edge', RENDERED).objects).toEqual(['shop', 'shared', 'db', 'db']);
  expect(narrow(['tool'], 'edge', RENDERED).objects).toEqual(['shop', 'shared', 'nightly']);
});

test('an image stays that a kept object names or only its own component needs; one that only left objects name goes', () => {
  const { images, files, leftOut } = narrow(['api'], 'edge', RENDERED).narrowing;
  expect([...images]).toEqual(['api', 'tool', 'spare'].map(image));
  expect([...files]).toEqual(['charts/shop-1.0.0.tgz', 'manifests/api.yaml']);
  expect([...leftOut]).toEqual(['Secret/db', 'Pod/db']);
  const sharing = { 'manifests/edge/01-all.yaml': [pod('db', 'api', { app: 'db' })] };
  expect([...narrow(['db'], 'edge', sharing).narrowing.images]).toEqual(['api', 'db'].map(image));
});

test('values are asked for by kept objects only', () => {
  expect(narrow(['api'], 'edge', RENDERED).narrowing.placeholders).toEqual(['SITE_DB_USER']);
  expect(narrow(['db'], 'edge', RENDERED).narrowing.placeholders).toEqual(['SITE_DB', 'SITE_DB_USER']);
  expect(narrow(['tool'], 'edge', RENDERED).narrowing.placeholders).toEqual([]);
});

test('plain manifests go with the components that list their files, but for namespaces and labels', () => {
  const plain = {
    'manifests/api.yaml': [
      object('Namespace', 'shop', {}),
      object('ConfigMap', 'api', {}),
      object('ConfigMap', 'dump', { app: 'db' }),
    ],
    'manifests/db.yaml': [object('ConfigMap', 'db', {})],
    'manifests/other.yaml': [object('ConfigMap', 'other', {})],
  };
  expect(narrow(['db'], 'plain', plain).objects).toEqual(['shop', 'dump', 'db', 'other']);
  expect(narrow(['api'], 'plain', plain).objects).toEqual(['shop', 'api', 'other']);
});

test('a component that the release does not have is refused', () => {
  const refuse = (): unknown => narrow(['dbx'], 'edge', RENDERED);
  expect(refuse).toThrow(UsageError);
  expect(refuse).toThrow('shop 1.0.0 has no component dbx');
});
