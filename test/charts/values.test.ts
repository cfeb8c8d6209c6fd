/** What people read of the chart is true: README.md, values.yaml, its schema and the profiles name the same values. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { expect, it } from 'vitest';
import { CHART, OVERLAYS, PATTERNS, profileFile } from './render-profile.ts';
import { formatValuesTable, listValues } from './values-table.ts';

const read = (path: string): Promise<string> => readFile(`${CHART}/${path}`, 'utf8');

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

it('every value is described', async () => {
  const values = listValues(await read('values.yaml'));
  expect(values.length).toBeGreaterThan(120);
  expect(values.filter(({ description }) => description === '').map(({ key }) => key)).toEqual([]);
});

it('README.md holds the table of values.yaml', async () => {
  // In place of helm-docs: the table that it would write.
  expect(await read('README.md')).toContain(`\n${formatValuesTable(listValues(await read('values.yaml')))}\n`);
});

it('README.md says of the chart what Chart.yaml does', async () => {
  const chart = parse(await read('Chart.yaml')) as Readonly<Record<string, string>>;
  const { name, version, type, appVersion, description, kubeVersion } = chart;
  const lines = (await read('README.md')).split('\n');
  expect(lines).toContain(`# ${name}`);
  expect(lines).toContain(`Version: ${version}, type: ${type}, appVersion: ${appVersion}`);
  expect(lines).toContain(description);
  expect(lines).toContain(`Kubernetes: \`${kubeVersion}\``);
});

it('README.md names every profile', async () => {
  const readme = await read('README.md');
  for (const profile of [...PATTERNS, ...OVERLAYS]) expect(readme).toContain(`profiles/${profile}.yaml`);
});

it('values.schema.json knows every value, and no other', async () => {
  const root = JSON.parse(await read('values.schema.json')) as Schema & { definitions: Record<string, Schema> };
  const leaves = (schema: Schema, path: readonly string[]): string[] => {
    const target = schema.$ref === undefined ? schema : (root.definitions[schema.$ref.split('/').at(-1) ?? ''] ?? {});
    const { properties = {} } = target;
    const inner = Object.entries(properties).flatMap(([key, value]) => leaves(value, [...path, key]));
    return inner.length > 0 ? inner : [path.join('.')];
  };
  const known = leaves(root, []);
  for (const { key } of listValues(await read('values.yaml'))) {
    expect(known.some((leaf) => leaf === key || leaf.startsWith(`${key}.`)), key).toBe(true);
  }
  const described = listValues(await read('values.yaml')).map(({ key }) => key);
  expect(known.filter((leaf) => !described.some((key) => leaf === key || leaf.startsWith(`${key}.`)))).toEqual([]);
});

it.each([...PATTERNS, ...OVERLAYS])('%s sets values that there are', async (profile) => {
  const known = listValues(await read('values.yaml')).map(({ key }) => key);
  const keysOf = (value: unknown, path: readonly string[]): string[] => {
    const key = path.join('.');
    if (known.includes(key)) return [];
    if (typeof value !== 'object' || value === null) return [key];
    return Object.entries(value).flatMap(([name, inner]) => keysOf(inner, [...path, name]));
  };
  expect(keysOf(parse(await readFile(profileFile(profile), 'utf8')), [])).toEqual([]);
});
