/** Indexes of chart repositories: every layout that servers write, sizes that real ones have, and what is none. */
import { describe, expect, test } from 'vitest';
import { findIndexedVersions, MAX_INDEX_BYTES } from '../../../../src/kubernetes/charts/repository/repository-index.ts';

const DIGEST = 'ab'.repeat(32);
const find = (text: string, name = 'app'): ReturnType<typeof findIndexedVersions> =>
  findIndexedVersions(Buffer.from(text), name, 'index.yaml');
const chartsOf = (text: string): unknown[] => find(text).versions.map(({ read }) => read());

const HELM = `apiVersion: v1
entries:
  app:
  - apiVersion: v2
    created: "2026-01-01T00:00:00Z"
    dependencies:
    - name: common
      repository: https://charts.example.com
      version: 9.9.9
    description: |
      version: 8.8.8
      name: other
    digest: ${DIGEST}
    name: app
    urls:
    - https://charts.example.com/app-1.1.0.tgz
    version: 1.1.0
  - apiVersion: v2
    name: app
    urls:
    - app-1.0.0+b.tgz
    version: 1.0.0+b
  other:
  - name: other
    urls: [other-1.0.0.tgz]
    version: 1.0.0
generated: "2026-01-01T00:00:00Z"
`;

const EXPECTED = [
  { name: 'app', version: '1.1.0', urls: ['https://charts.example.com/app-1.1.0.tgz'], digest: DIGEST },
  { name: 'app', version: '1.0.0+b', urls: ['app-1.0.0+b.tgz'] },
];

describe('the versions of a chart', () => {
  const parsed = { app: EXPECTED, other: [{ name: 'other', version: '1.0.0', urls: ['x'] }] };
  test.for([
    ['as helm repo index writes it', HELM],
    ['with lists indented', HELM.replaceAll(/^( {2})(?=- | {2}|\n)/gm, '    ')],
    ['with quotes and comments', HELM.replace('  app:', "# charts\n  'app':   # ours\n\n").replace('version: 1.1.0', "version: '1.1.0' # new")],
    ['with other lines first in an item', HELM.replace('- apiVersion: v2\n    name: app\n', '-\n    name: app\n')],
    ['with entries last', HELM.replace('generated: "2026-01-01T00:00:00Z"\n', '')],
    ['with Windows line ends', HELM.replaceAll('\n', '\r\n')],
    ['as JSON', JSON.stringify({ apiVersion: 'v1', entries: parsed })],
    ['in flow style', `apiVersion: v1\nentries: ${JSON.stringify(parsed)}\n`],
    ['in flow style below a chart', `entries:\n  app: ${JSON.stringify(EXPECTED)}\n`],
  ])('are found in an index %s', ([, text = '']) => {
    expect(chartsOf(text)).toEqual(EXPECTED);
  });

  test('are taken from an entry that has a key twice, whose later value counts, as for Helm', () => {
    const twice = HELM.replace('    digest:', `    digest: ${'cd'.repeat(32)}\n    digest:`);
    expect(chartsOf(twice)).toEqual(EXPECTED);
  });

  test('are none for a chart that is not there, with the nearest name', () => {
    expect(find(HELM, 'othr')).toEqual({ versions: [], similar: 'other' });
    expect(find('apiVersion: v1\nentries: {}\n')).toEqual({ versions: [], similar: undefined });
    expect(find('apiVersion: v1\nentries:\ngenerated: x\n').versions).toEqual([]);
    expect(find('apiVersion: v1\nentries:\n  app: []\n').versions).toEqual([]);
    expect(find('{"entries": {"toString": []}}', 'constructor').versions).toEqual([]);
  });

  test('are found in an index of twelve million characters without reading all of it as YAML', () => {
    const item = (name: string, patch: number): string =>
      `  - apiVersion: v2\n    description: ${'x'.repeat(400)}\n    name: ${name}\n    urls:\n    - ${name}-1.0.${patch}.tgz\n    version: 1.0.${patch}\n`;
    const entry = (name: string): string => `  ${name}:\n${Array.from({ length: 500 }, (_, patch) => item(name, patch)).join('')}`;
    const text = `apiVersion: v1\nentries:\n${Array.from({ length: 48 }, (_, index) => entry(`chart-${index}`)).join('')}`;
    expect(text.length).toBeGreaterThan(12_000_000);
    expect(text.length).toBeLessThan(MAX_INDEX_BYTES);
    const { versions } = find(text, 'chart-47');
    expect(versions).toHaveLength(500);
    expect(versions[499]?.read().urls).toEqual(['chart-47-1.0.499.tgz']);
  });
});

describe('what is no index', () => {
  test.for([
    ['a page', '<!DOCTYPE html><html>', /no index of a chart repository; it begins with "<!DOCTYPE html>/],
    ['text', 'hello', /no index/],
    ['other YAML', 'kind: Pod\n', /no index/],
    ['JSON of something else', '{"entries": 1}', /no index/],
    ['broken JSON', '{"entries"', /is not JSON/],
    ['a chart twice', 'entries:\n  app: []\n  app: []\n', /duplicate key "app"/],
    ['a large one in another layout', `entries: {${' '.repeat(1024 * 1024)}}`, /too large to be read otherwise/],
  ] as const)('is refused: %s', ([, text, message]) => {
    expect(() => find(text)).toThrow(message);
  });

  test.for([
    ['no address', '- {name: app, version: 1.0.0}', /names no address/],
    ['an empty list of addresses', '- {name: app, version: 1.0.0, urls: []}', /names no address/],
    ['a digest of another kind', '- {name: app, version: 1.0.0, urls: [a], digest: md5}', /digest that is no SHA-256/],
    ['another name', '- {name: other, version: 1.0.0, urls: [a]}', /that of another chart/],
    ['no name', '- {version: 1.0.0, urls: [a]}', /name is missing/],
  ] as const)('an entry with %s is refused when it is read', ([, item, message]) => {
    const [version] = find(`entries: {app: [${item.slice(2)}]}`).versions;
    expect(() => version?.read()).toThrow(message);
  });
});
