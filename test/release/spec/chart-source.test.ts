/** Where a chart comes from, as a person writes it: a path, an address, or a reference with a version. */
import { expect, test } from 'vitest';
import { parseChartSource } from '../../../src/release/spec/chart-source.ts';

test.each([
  ['charts/app', 'charts/app'],
  ['oci://registry.example.com/charts/app:1.2.3', 'oci://registry.example.com/charts/app:1.2.3'],
  ['oci://localhost:5000/app:1.2.3+build', 'oci://localhost:5000/app:1.2.3_build'],
  [
    `oci://registry.example.com/app@sha256:${'a'.repeat(64)}`,
    `oci://registry.example.com/app@sha256:${'a'.repeat(64)}`,
  ],
])('%s', (text, from) => {
  expect(parseChartSource(text)).toMatchObject({ from });
});

test.each([
  ['oci://charts/app:1.2.3', 'oci://charts/app:1.2.3 names no registry', 'write oci://host/repository:version'],
  ['oci://registry.example.com/app', 'oci://registry.example.com/app names no version', 'app:1.2.3'],
  ['../app', 'must be a plain path below the directory of this file', 'charts/app'],
  ['/charts/app', 'must be a plain path below the directory of this file', 'charts/app'],
])('%s is refused', (text, message, hint) => {
  expect(() => parseChartSource(text)).toThrow(
    expect.objectContaining({
      code: 'INVALID_SPEC',
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
    }),
  );
});
