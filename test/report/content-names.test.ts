/** What progress calls a piece of content: what it belongs to. */
import { expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { nameContents } from '../../src/report/content-names.ts';

const [app, web, layer, base, file, db] = ['app', 'web', 'layer', 'base', 'file', 'db'].map((text) => sha256(text)) as [
  ReturnType<typeof sha256>,
  ...ReturnType<typeof sha256>[],
];

test('content is named by its image, what several have in common by one and the number of the others', () => {
  const manifest = (digest: typeof app, layers: readonly (typeof app)[]): object => ({
    ...{ digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 2, layers: [...layers] },
  });
  const names = nameContents({
    images: [
      { reference: 'registry.example:5000/team/app:1.0', digest: app },
      { reference: `registry.example/web@${web}`, digest: web as typeof app },
      { reference: `registry.example/db:2@${db}`, digest: db as typeof app },
    ],
    manifests: [
      manifest(app, [layer as typeof app, base as typeof app]),
      manifest(web as typeof app, [base as typeof app]),
      manifest(db as typeof app, []),
    ],
    blobs: [layer, base].map((digest) => ({ digest, mediaType: 'x/y', size: 1 })),
    files: [{ path: 'charts/app-1.0.0.tgz', digest: file as typeof app }],
  } as Parameters<typeof nameContents>[0]);
  expect(names.get(app)).toBe('app:1.0');
  expect(names.get(layer as typeof app)).toBe('app:1.0');
  expect(names.get(base as typeof app)).toBe('app:1.0 and 1 more');
  expect(names.get(web as typeof app)).toBe(`web@${web?.slice(0, 19)}`);
  expect(names.get(db as typeof app)).toBe('db:2');
  expect(names.get(file as typeof app)).toBe('charts/app-1.0.0.tgz');
});
