/** docs/release.schema.json is the schema the product checks with. `UPDATE=1 npx vitest run test/release/spec/json-schema.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { formatSpecSchema } from '../../../src/release/spec/json-schema.ts';

const COPY = new URL('../../../docs/release.schema.json', import.meta.url);

it('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatSpecSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatSpecSchema()));
});

it('names every field, forbids others, and keeps the patterns editors can use', () => {
  const schema = JSON.parse(formatSpecSchema()) as Record<string, unknown>;
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    additionalProperties: false,
    required: ['apiVersion', 'kind', 'name', 'version', 'platforms', 'components'],
    properties: {
      apiVersion: { const: 'airgap.hexabase.ai/v1' },
      channel: { default: 'stable' },
      components: { minItems: 1, items: { additionalProperties: false, required: ['name'] } },
    },
  });
});
