/** Whatever stands in the files of charts and kustomizations, reading them ends: with a result, or with a refusal that is ours. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assertYamlMappings } from '../../src/base/yaml-mappings.ts';
import { AirgapError } from '../../src/errors.ts';
import { parseChartLock, parseChartMetadata, parseRequirements } from '../../src/kubernetes/charts/chart-metadata.ts';
import { isVersion } from '../../src/kubernetes/charts/semantic-version.ts';
import { isVersionRange } from '../../src/kubernetes/charts/version-range.ts';
import { checkValuesSchema } from '../../src/kubernetes/charts/values-schema.ts';
import { findManifestImages } from '../../src/kubernetes/resources/manifest-images.ts';
import { parsePathPattern } from '../../src/release/spec/path-pattern.ts';
import { processorTimeOf } from '../helpers/processor-time.ts';

const WORDS = [
  'resources',
  'images',
  'name',
  'newTag',
  'patches',
  'patch',
  'path',
  'op',
  'value',
  'containers',
  'image',
];
const KEYWORDS = [
  '$ref',
  '#/a',
  'type',
  'string',
  'properties',
  'items',
  'allOf',
  'pattern',
  '(?=',
  'required',
  '$defs',
];

/** Documents that say what the readers look for, in any shape. */
const shapes = (words: readonly string[]): fc.Arbitrary<unknown> =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.constantFrom(...words, 'app:1', '../x', null, 1, true, -1),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...words), tie('value'), { maxKeys: 4 }),
    ),
  })).value;

async function endsWell(read: () => unknown): Promise<void> {
  try {
    await read();
  } catch (error) {
    expect(error).toBeInstanceOf(AirgapError);
  }
}

it('any document as a kustomization, a patch or a manifest', async () => {
  await fc.assert(
    fc.asyncProperty(shapes(WORDS), shapes(WORDS), async (one, other) => {
      const files = { 'a/kustomization.yaml': one, 'a/app': other, 'a/x.json': other, 'x/kustomization.yaml': other };
      await endsWell(() =>
        findManifestImages(
          Object.entries(files).map(([path, value]) => ({
            path,
            isNamed: false,
            read: async () => JSON.stringify(value),
          })),
        ),
      );
    }),
    { numRuns: 500, seed: 11 },
  );
});

it('any document as the files of a chart', async () => {
  await fc.assert(
    fc.asyncProperty(shapes([...KEYWORDS, 'name', 'version', 'dependencies', 'generated']), async (value) => {
      const text = JSON.stringify(value);
      await endsWell(() => checkValuesSchema(text, 'values.schema.json'));
      await endsWell(() => parseChartMetadata(text, 'Chart.yaml'));
      await endsWell(() => parseRequirements(text, 'requirements.yaml'));
      await endsWell(() => parseChartLock(text, 'Chart.lock'));
      await endsWell(() => assertYamlMappings(text, 'values.yaml', 1_000_000));
    }),
    { numRuns: 500, seed: 12 },
  );
});

it('any text as a pattern, a version or a range', async () => {
  const text = fc.array(
    fc.oneof(fc.constantFrom('*', '**', '/', '?', '.', '1', '>=', ' - ', '||', '-', ','), fc.string()),
  );
  await fc.assert(
    fc.asyncProperty(
      text.map((parts) => parts.join('')),
      fc.string(),
      async (value, path) => {
        await endsWell(() => parsePathPattern(value)(path));
        expect([typeof isVersion(value), typeof isVersionRange(value)]).toEqual(['boolean', 'boolean']);
      },
    ),
    { numRuns: 1_000, seed: 13 },
  );
});

it('hostile texts in linear time', async () => {
  expect(await processorTimeOf(readHostileTexts)).toBeLessThan(4_000);
});

async function readHostileTexts(): Promise<void> {
  const long = 'a'.repeat(190);
  const texts = [`${'*a'.repeat(95)}`, `${'**/'.repeat(60)}x`, `${'*'.repeat(1)}${long}`];
  for (const pattern of texts) await endsWell(() => parsePathPattern(pattern)(`${'a'.repeat(250)}b`));
  expect(isVersionRange(`${'>'.repeat(500)} ${' '.repeat(499)}`)).toBe(false);
  expect(isVersion(`1.0.0-${'a-'.repeat(50_000)}!`)).toBe(false);
  await endsWell(() => checkValuesSchema(`${'{"not":'.repeat(50_000)}true${'}'.repeat(50_000)}`, 'values.schema.json'));
  await endsWell(() => checkValuesSchema(JSON.stringify({ pattern: '['.repeat(100_000) }), 'values.schema.json'));
}
